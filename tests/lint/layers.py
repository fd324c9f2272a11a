#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Includes point down; private headers stay in their folder; an external
library is known to the folders that own it. layers.py ROOT"""
import posixpath
import re
import sys

import tree as t

HOSTS = ["block", "chardev", "net", "audio", "ui"]
BELOW = {
    "firmware": [],
    "core": [],
    "replay": ["core"],
    **{h: ["core", "replay"] for h in HOSTS},
    "accel": ["core"],
    "cpu": ["core", "accel"],
    "hw": ["core", "accel", "cpu", "firmware"] + HOSTS,
    "gdbstub": ["core", "replay", "accel", "cpu", "hw"] + HOSTS,
    "monitor": ["core", "replay", "accel", "cpu", "hw"] + HOSTS,
    "system": [l for l in t.LAYERS if l != "system"],
    "tests": t.LAYERS,
    "tools": [],
}

# External headers that only some folders may include.
CONTROL = ["gdbstub", "monitor", "system"]
OWNERS = [
    (r"zstd", ["replay", "block"]),
    (r"zlib\.h", ["core", "block", "ui"]),
    (r"xxhash\.h", ["core", "replay", "accel"]),
    (r"libslirp|slirp/", ["net"]),
    (r"pixman", ["ui"]),
    (r"png\.h", ["ui"]),
    (r"json-glib/", ["monitor", "system"]),
    (r"libfdt|fdt\.h", ["hw"]),
    (r"capstone/", ["accel", "cpu", "monitor"]),
    (r"histedit|editline|readline/", ["monitor"]),
    (r"gio/", HOSTS + CONTROL),
    (r"(math|fenv|setjmp|tgmath|complex)\.h", ["audio", "ui"]),
]


def private_allowed(path, target):
    """The own folder of a private header, or one below it; a unit test may
    see the inside of the library it tests."""
    folder = posixpath.dirname(target)
    return ((posixpath.dirname(path) + "/").startswith(folder + "/")
            or path.startswith(("tests/unit/", "tests/fuzz/")))


def check(tree):
    out = []
    for path, text in t.c_files(tree, (".c", ".h", ".def")).items():
        layer = t.layer_of(path)
        allowed = BELOW.get(layer, []) + [layer]
        for m in re.finditer(r'^[ \t]*#[ \t]*include[ \t]*([<"])([^>"]+)',
                             t.strip(text, strings=False), re.M):
            at = f"{path}:{t.line_of(text, m.start())}"
            kind, target = m.groups()
            if kind == "<":
                for pattern, owners in OWNERS:
                    if (re.match(pattern, target) and layer not in owners
                            and layer != "tests"):
                        out.append(f"{at}: <{target}> is not for {layer}/")
                continue
            if target == "config.h":
                continue
            if "/" not in target:
                out.append(f'{at}: "{target}": say "folder/{target}"')
                continue
            top = target.split("/")[0]
            if top not in allowed:
                out.append(f"{at}: {layer}/ may not include {target}")
                continue
            # A table of rows lies next to the code that owns it.
            public = "include/" + target in tree or target.endswith(".def")
            if public and target.endswith("_priv.h"):
                out.append(f"{at}: {target} is private, but in include/")
            if not public and path.startswith("include/"):
                out.append(f"{at}: a public header includes the private "
                           f"{target}")
            elif not public and not private_allowed(path, target):
                out.append(f"{at}: {target} is private to "
                           f"{posixpath.dirname(target)}/")
    return out


CORE = {"include/core/a.h": ""}
t.prove(check, wrong=[
    ({"core/a.c": '#include "hw/b.h"'}, "core/a.c:1: core/ may not include"),
    ({"hw/a.c": '\n#include "replay/r.h"'}, "hw/a.c:2: hw/ may not include"),
    ({"include/cpu/a.h": '#include "hw/b.h"'}, "cpu/ may not include"),
    ({"hw/a.c": '#include "cpu/x86/b_priv.h"'}, "is private to cpu/x86/"),
    ({"hw/a.c": "#include <zstd.h>"}, "<zstd.h> is not for hw/"),
    ({"hw/a.c": "#include <math.h>"}, "<math.h> is not for hw/"),
    ({"hw/a.c": '#include "b.h"'}, 'say "folder/b.h"'),
    ({"include/core/b.h": '#include "core/c_priv.h"'}, "a public header"),
], right=[
    {**CORE, "hw/a.c": '#include "core/a.h"\n#include <glib.h>'},
    {**CORE, "core/a.c": '// #include "hw/b.h"\n#include "core/b_priv.h"'},
    {"include/accel/a.h": '#include "accel/ops.def"'},
    {**CORE, "tests/unit/core_b.c": '#include "core/b_priv.h"'},
])

if __name__ == "__main__":
    t.finish(check(t.load(sys.argv[1])), "includes point down")
