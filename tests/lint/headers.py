#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Every header compiles alone and has the guard its path says.
headers.py ROOT BUILD COMPILER..."""
import concurrent.futures
import os
import re
import subprocess
import sys
import tempfile

import tree as t

PACKAGES = ["glib-2.0", "gio-unix-2.0", "json-glib-1.0", "pixman-1", "slirp",
            "libzstd", "libxxhash", "zlib", "libpng", "capstone", "libedit"]
WARN = ["-std=gnu11", "-D_GNU_SOURCE", "-fsyntax-only", "-Wall", "-Wextra",
        "-Werror", "-Wundef", "-Wstrict-prototypes", "-Wno-unused-parameter"]


def external_flags():
    flags = []
    for package in PACKAGES:
        run = subprocess.run(["pkg-config", "--cflags", package], text=True,
                             capture_output=True)
        if run.returncode == 0:
            flags += run.stdout.split()
    return sorted(set(flags), key=flags.index)


def guard_of(path):
    inner = path.removeprefix("include/")
    return re.sub(r"\W", "_", inner).upper()


def check_guards(tree):
    out = []
    for path, text in t.c_files(tree, (".h",)).items():
        guard = guard_of(path)
        code = t.strip(text)
        if not re.match(rf"\s*#ifndef {guard}\s+#define {guard}\b", code):
            out.append(f"{path}:1: the include guard is to be {guard}")
    return out


def compile_alone(path, root, command):
    inner = path.removeprefix("include/")
    extra = (["-mgeneral-regs-only"]
             if t.layer_of(path) in t.INTEGER_ONLY
             and os.uname().machine in ("x86_64", "i686") else [])
    run = subprocess.run(command + extra + ["-x", "c", "-"], text=True,
                         input=f'#include "{inner}"\n', cwd=root,
                         capture_output=True)
    if run.returncode == 0:
        return []
    first = [l for l in run.stderr.splitlines() if "error:" in l][:2]
    return [f"{path}:1: does not compile alone: {' | '.join(first)}"]


def check_alone(tree, root, build, compiler):
    command = compiler + WARN + external_flags() + [
        f"-I{root}/include", f"-I{root}", f"-I{build}"]
    paths = sorted(t.c_files(tree, (".h",)))
    with concurrent.futures.ThreadPoolExecutor(2) as pool:
        results = pool.map(lambda p: compile_alone(p, root, command), paths)
        return [m for messages in results for m in messages]


def prove_alone(compiler):
    """A header that needs another one first must be caught."""
    with tempfile.TemporaryDirectory() as root:
        tree = {"include/core/bad.h": "uint8_t no_stdint(void);\n",
                "include/core/good.h": "int fine(void);\n"}
        os.makedirs(f"{root}/include/core")
        for path, text in tree.items():
            with open(f"{root}/{path}", "w", encoding="ascii") as f:
                f.write(text)
        messages = check_alone(tree, root, root, compiler)
        if len(messages) != 1 or "bad.h:1: does not compile" not in messages[0]:
            sys.exit(f"self-check: {messages}")


GUARD = "#ifndef CORE_A_H\n#define CORE_A_H\n#endif\n"
t.prove(check_guards, wrong=[
    ({"include/core/a.h": "int a;\n"}, "is to be CORE_A_H"),
    ({"hw/char/b_priv.h": GUARD}, "is to be HW_CHAR_B_PRIV_H"),
], right=[{"include/core/a.h": "/* x */\n\n" + GUARD}])

if __name__ == "__main__":
    source_root, build_root = sys.argv[1:3]
    cc = sys.argv[3:]
    prove_alone(cc)
    files = t.load(source_root)
    t.finish(check_guards(files)
             + check_alone(files, source_root, build_root, cc),
             "headers compile alone")
