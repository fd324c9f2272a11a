#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Things a file's text shows: licence line, sizes, white space, exit() and
abort(), names of places that are nobody's business. source.py ROOT"""
import re
import sys

import tree as t

FUNCTION_MAX = 120  # lines; most are under 40
FILE_MAX = 1200     # a .c; aim for 1,000
HEADER_MAX = 300    # a public header; aim for 200

SPDX = "SPDX-License-Identifier: GPL-2.0-or-later"
NO_SPDX = (".md", ".gitignore", ".clang-format", ".txt", ".expected")
DEATH = re.compile(r"(?<![\w.>])(exit|_exit|_Exit|abort|quick_exit|g_error"
                   r"|g_abort)\s*\(")
PLACES = ["/" + "work/", "/tmp/" + "build-", "/tmp/" + "brief", "/" + "root/"]


def functions(text):
    """[(first line, length, opening lines)]: the style puts both braces of a
    function body into column 0"""
    lines = text.split("\n")
    out = []
    start = None
    for i, line in enumerate(lines):
        if line == "{" or line.startswith("{ /*"):
            start = i
        elif line.rstrip() == "}" and start is not None:
            head = "\n".join(lines[max(0, start - 4):start + 2])
            out.append((start + 1, i - start - 1, head))
            start = None
    return out


def bare_bodies(code):
    """Places of an if, for, while or else whose body has no braces"""
    code = re.sub(r"^[ \t]*#(?:.*\\\n)*.*$",
                  lambda m: "\n" * m.group(0).count("\n"), code, flags=re.M)
    out = []
    for m in re.finditer(r"\b(if|for|while|switch)\s*\(|\belse\b", code):
        end = m.end()
        if m.group(1):
            depth = 1
            while depth and end < len(code):
                depth += {"(": 1, ")": -1}.get(code[end], 0)
                end += 1
            after_do = (m.group(1) == "while"
                        and code[:m.start()].rstrip().endswith("}"))
            right = r"\s*;" if after_do else r"\s*\{"
            fine = re.match(right, code[end:]) or (
                after_do and re.match(r"\s*\{", code[end:]))
        else:
            fine = re.match(r"\s*(\{|if\b)", code[end:])
        if not fine:
            out.append(t.line_of(code, m.start()))
    return out


def check_c(path, text, out):
    length = text.count("\n")
    if path.startswith("include/") and length > HEADER_MAX:
        out.append(f"{path}:{HEADER_MAX}: a public header of {length} lines")
    if length > FILE_MAX:
        out.append(f"{path}:{FILE_MAX}: a file of {length} lines")
    for line, size, head in functions(text):
        if size > FUNCTION_MAX and "/* flat */" not in head:
            out.append(f"{path}:{line}: a function of {size} lines; a flat "
                       f"switch or table says /* flat */ where it opens")
    for line in bare_bodies(t.strip(text)):
        out.append(f"{path}:{line}: braces always")
    if path not in t.MAINS and not path.startswith(("tests/", "tools/")):
        code = t.strip(text)
        for m in DEATH.finditer(code):
            out.append(f"{path}:{t.line_of(code, m.start())}: {m.group(1)}() "
                       f"is only for the files with a main()")


def check(tree):
    out = []
    for path, text in tree.items():
        if (not path.endswith(NO_SPDX)
                and SPDX not in "\n".join(text.split("\n")[:2])):
            out.append(f"{path}:1: no line '{SPDX}'")
        if text and not text.endswith("\n"):
            out.append(f"{path}:{text.count(chr(10)) + 1}: no newline at the "
                       f"end")
        for i, line in enumerate(text.split("\n"), 1):
            if "\t" in line:
                out.append(f"{path}:{i}: a tab")
            if line != line.rstrip():
                out.append(f"{path}:{i}: white space at the end")
            for place in PLACES:
                if place in line:
                    out.append(f"{path}:{i}: names the place {place}")
        if path.endswith((".c", ".h", ".def")):
            check_c(path, text, out)
    return out


def long_functions(tree):
    rows = [(size, f"{path}:{line}")
            for path, text in t.c_files(tree, (".c",)).items()
            for line, size, _ in functions(text)
            if size > 60 and not path.startswith("tests/")]
    return sorted(rows, reverse=True)


HEAD = f"/* {SPDX} */\n"
LONG = "void f(void)\n{%s\n" + "    x();\n" * 121 + "}\n"
t.prove(check, wrong=[
    ({"hw/a.c": "int a;\n"}, "hw/a.c:1: no line"),
    ({"hw/a.c": HEAD + "\tint a;\n"}, "hw/a.c:2: a tab"),
    ({"hw/a.c": HEAD + "int a; \n"}, "hw/a.c:2: white space"),
    ({"hw/a.c": HEAD + "int a;"}, "hw/a.c:2: no newline"),
    ({"docs/a.md": "see " + PLACES[0] + "x\n"}, "docs/a.md:1: names"),
    ({"hw/a.c": HEAD + "\n    abort();\n"}, "hw/a.c:3: abort() is only"),
    ({"hw/a.c": HEAD + "    if (x) { exit (1); }\n"}, "exit() is only"),
    ({"hw/a.c": HEAD + "    if (f(x))\n        b();\n"}, "hw/a.c:2: braces"),
    ({"hw/a.c": HEAD + "    } else\n        b();\n"}, "hw/a.c:2: braces"),
    ({"hw/a.c": HEAD + LONG % ""}, "hw/a.c:3: a function of 121 lines"),
    ({"hw/a.c": HEAD + "\n" * 1200}, "a file of 1201 lines"),
    ({"include/hw/a.h": HEAD + "\n" * 300}, "a public header of 301"),
], right=[
    {"hw/a.c": HEAD + "if (a) {\n} else if (b) {\n}\n"
     "do {\n} while (x);\nwhile (y) {\n}\n#if (x)\n#else\n#endif\n"},
    {"hw/a.c": HEAD + LONG % " /* flat */"},
    {"hw/a.c": HEAD + "/* exit() */ vm_exit(); ops->exit(1);\n"},
    {"system/main.c": HEAD + "exit(1);\n", "scripts/x": f"#!/bin/sh\n# {SPDX}\n"},
])

if __name__ == "__main__":
    files = t.load(sys.argv[1])
    for size, where in long_functions(files)[:20]:
        print(f"note: {where}: {size} lines")
    t.finish(check(files), "licence, sizes, white space")
