# SPDX-License-Identifier: GPL-2.0-or-later
"""Shared parts of the lint tests: the source tree as a dict, C text without
comments, and the frame every check runs in.

A check is a function from a tree ({path: text}) to a list of messages. Before
it looks at the real tree it must find the faults of a small wrong one and
accept a small right one, so that a check that cannot fail fails.
"""
import os
import re
import subprocess
import sys

LAYERS = ["firmware", "core", "replay", "block", "chardev", "net", "audio",
          "ui", "accel", "cpu", "hw", "gdbstub", "monitor", "system"]
FOLDERS = LAYERS + ["include", "tools", "tests", "docs", "scripts", ".ci"]
INTEGER_ONLY = ["core", "accel", "cpu", "hw"]
MAINS = ["system/main.c", "system/img_main.c", "system/log_main.c"]
TEXT = (".c", ".h", ".def", ".isa", ".py", ".sh", ".S", ".asl", ".ld", ".md",
        ".build", ".txt", ".in", ".expected")
TEXT_NAMES = ("configure", ".clang-format", ".gitignore", "meson_options.txt")


def is_text(path):
    name = os.path.basename(path)
    if name.endswith(TEXT) or name in TEXT_NAMES:
        return True
    return "." not in name and path.split("/")[0] in ("scripts", ".ci")


def load(root):
    """All text files of the project, whether git knows them or not."""
    tree = {}
    tops = [e for e in os.listdir(root)
            if os.path.isfile(os.path.join(root, e))]
    paths = [t for t in tops if is_text(t)]
    for folder in FOLDERS:
        for at, dirs, names in os.walk(os.path.join(root, folder)):
            dirs[:] = sorted(d for d in dirs if d != "__pycache__")
            rel = os.path.relpath(at, root)
            paths += [f"{rel}/{n}" for n in names if is_text(f"{rel}/{n}")]
    for path in sorted(paths):
        with open(os.path.join(root, path), encoding="utf-8") as f:
            tree[path] = f.read()
    return tree


def c_files(tree, endings=(".c", ".h")):
    return {p: t for p, t in tree.items() if p.endswith(endings)}


_TOKEN = re.compile(
    r"""//[^\n]*|/\*.*?\*/|"(?:\\.|[^"\\\n])*"|'(?:\\.|[^'\\\n])*'""", re.S)


def strip(text, strings=True):
    """C without comments (and string contents); lines stay where they are."""
    def blank(match):
        token = match.group(0)
        if token[0] == "/":
            return " " + "\n" * token.count("\n")
        if strings:
            return token[0] + " " * (len(token) - 2) + token[0]
        return token
    return _TOKEN.sub(blank, text)


def line_of(text, at):
    return text.count("\n", 0, at) + 1


def layer_of(path):
    """The folder whose rules a file obeys; a public header's is its own."""
    parts = path.split("/")
    if parts[0] == "include" and len(parts) > 2:
        return parts[1]
    return parts[0]


class Symbols:
    """Object files of one archive: defined and undefined names."""

    def __init__(self, objdump_text):
        self.undefined = []  # (object, name)
        self.defined = {}    # global name: object
        self.writable = []   # (object, name, section)
        member = "?"
        for line in objdump_text.splitlines():
            head = re.match(r"(\S+):\s+file format", line)
            if head:
                member = os.path.basename(head.group(1)).removesuffix(".o")
                continue
            row = re.match(
                r"[0-9a-f]{8,} (.{7}) (\S+)\s+[0-9a-f]+ "
                r"(?:(?:\.hidden|\.protected|0x[0-9a-f]+) )?(\S+)$", line)
            if not row:
                continue
            flags, section, name = row.groups()
            if section == "*UND*":
                self.undefined.append((member, name))
                continue
            if flags[0] in "gu!" or flags[1] == "w":
                self.defined[name] = member
            is_object = flags[6] == "O" or section == "*COM*"
            if is_object and re.match(
                    r"\.(data|bss|tdata|tbss)(?!\.rel\.ro)|\*COM\*", section):
                self.writable.append((member, name, section))


def read_archives(paths):
    """{'core': Symbols, ...} from [.../libcore.a, ...]"""
    out = {}
    for path in paths:
        name = os.path.basename(path).removeprefix("lib").removesuffix(".a")
        text = subprocess.run(["objdump", "-t", path], check=True, text=True,
                              capture_output=True).stdout
        out[name] = Symbols(text)
    return out


def prove(check, wrong, right):
    """wrong: [(tree, words of the expected message)]; right: [tree]"""
    for tree, expected in wrong:
        messages = check(tree)
        if not any(expected in m for m in messages):
            sys.exit(f"self-check: the fault '{expected}' was not found, "
                     f"got {messages}")
    for tree in right:
        messages = check(tree)
        if messages:
            sys.exit(f"self-check: a right tree was refused: {messages}")


def finish(messages, what):
    for message in messages:
        print(message)
    if messages:
        print(f"{len(messages)} fault(s): {what}")
        sys.exit(1)
    print(f"ok: {what}")
    sys.exit(0)
