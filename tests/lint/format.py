#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""clang-format has nothing to change. format.py ROOT; skipped without it."""
import re
import shutil
import subprocess
import sys

import tree as t

STYLE = "--style=file"


def complaints(root, paths):
    run = subprocess.run(["clang-format", "--dry-run", STYLE] + paths,
                         cwd=root, text=True, capture_output=True)
    first = {}
    for m in re.finditer(r"^(\S+?):(\d+):\d+: (?:warning|error): (.*)$",
                         run.stderr, re.M):
        first.setdefault(m.group(1), f"{m.group(1)}:{m.group(2)}: run "
                         f"clang-format -i on it")
    if run.returncode != 0 and not first:
        sys.exit(run.stderr)
    return list(first.values())


def prove(root):
    """The configuration is ours: it must change this text in just one way."""
    for text, expected in [
            ("int f(void) { return 0; }\n", "int f(void)\n{\n    return 0;\n}\n"),
            ("void f(void)\n{\n    if (a) { b(); }\n}\n",
             "void f(void)\n{\n    if (a) {\n        b();\n    }\n}\n")]:
        run = subprocess.run(["clang-format", STYLE, "--assume-filename=x.c"],
                             cwd=root, input=text, text=True,
                             capture_output=True)
        if run.stdout != expected:
            sys.exit(f"self-check: {run.stdout!r} {run.stderr}")


if not shutil.which("clang-format"):
    print("skipped: clang-format is not installed")
    sys.exit(77)
prove(sys.argv[1])
sources = sorted(t.c_files(t.load(sys.argv[1])))
t.finish(complaints(sys.argv[1], sources) if sources else [], "clang-format")
