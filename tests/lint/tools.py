#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""The small tools the build and the scripts rely on do what they say.
tools.py ROOT"""
import gzip
import re
import subprocess
import sys
import tempfile

import tree as t

ROOT = sys.argv[1]


def tool(name, *args):
    run = subprocess.run([sys.executable, "-B", f"{ROOT}/tools/{name}", *args],
                         text=True, capture_output=True)
    return run.returncode, run.stdout.strip().split("\n")[-1]


def check_testsum(folder, out):
    """(results, status of meson, expected last line, expected status)"""
    path = f"{folder}/log.json"
    for results, meson, line, status in [
            (["OK", "SKIP", "OK"], 0, "2 passed, 0 failed, 1 skipped", 0),
            (["OK", "FAIL"], 1, "1 passed, 1 failed, 0 skipped", 1),
            (["OK", "TIMEOUT", "ERROR"], 1, "1 passed, 2 failed, 0 skipped", 1),
            (["OK", "UNEXPECTEDPASS"], 1, "1 passed, 1 failed, 0 skipped", 1),
            (["OK", "INTERRUPT"], 0, "1 passed, 1 failed, 0 skipped", 1),
            (["OK"], 2, "1 passed, 1 failed, 0 skipped", 1),
            (["SKIP"], 0, "0 passed, 1 failed, 1 skipped", 1),
            ([], 0, "0 passed, 1 failed, 0 skipped", 1)]:
        with open(path, "w", encoding="ascii") as f:
            f.writelines(f'{{"name": "x", "result": "{r}"}}\n'
                         for r in results)
        got = tool("testsum.py", path, str(meson))
        if got != (status, line):
            out.append(f"tools/testsum.py:1: {results} gave {got}")
    if tool("testsum.py", f"{folder}/absent", "0")[0] != 1:
        out.append("tools/testsum.py:1: an absent log passed")


def check_bin2c(folder, out):
    data = bytes(range(256)) + b"x"
    with open(f"{folder}/in", "wb") as f:
        f.write(data)
    tool("bin2c.py", "some_rom", f"{folder}/in", f"{folder}/out.c")
    with open(f"{folder}/out.c", encoding="ascii") as f:
        text = f.read()
    body = bytes(int(b, 16) for b in re.findall(r"0x([0-9a-f]{2}),", text))
    if body != data or "some_rom_size = 257;" not in text:
        out.append("tools/bin2c.py:1: the array is not the file")
    if tool("bin2c.py", "Bad-Name", f"{folder}/in", f"{folder}/x.c")[0] == 0:
        out.append("tools/bin2c.py:1: took a name that is none in C")


def check_mkinitrd(folder, out):
    for i in range(2):
        tool("mkinitrd.py", f"{folder}/in", f"{folder}/out.c",
             f"{folder}/{i}.gz")
    with open(f"{folder}/0.gz", "rb") as a, open(f"{folder}/1.gz", "rb") as b:
        first, second = a.read(), b.read()
    cpio = gzip.decompress(first)
    at, names = 0, []
    while at < len(cpio):
        head = cpio[at:at + 110]
        if head[:6] != b"070701":
            out.append(f"tools/mkinitrd.py:1: no header at {at}")
            return
        size, length = int(head[54:62], 16), int(head[94:102], 16)
        names.append(cpio[at + 110:at + 109 + length].decode("ascii"))
        at = (at + 110 + length + 3) // 4 * 4
        at = (at + size + 3) // 4 * 4
    if first != second:
        out.append("tools/mkinitrd.py:1: equal inputs, other bytes")
    if names[-2:] != ["init", "TRAILER!!!"] or "bin/busybox" not in names:
        out.append(f"tools/mkinitrd.py:1: entries {names}")


messages = []
with tempfile.TemporaryDirectory() as work:
    check_testsum(work, messages)
    check_bin2c(work, messages)
    check_mkinitrd(work, messages)
t.finish(messages, "tools")
