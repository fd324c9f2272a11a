#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Add up meson's results: testsum.py testlog.json STATUS-OF-MESON

Prints "N passed, N failed, N skipped"; fails when a test failed, when meson
did, or when nothing ran at all."""
import json
import os
import sys

PASSED = {"OK", "EXPECTEDFAIL"}
SKIPPED = {"SKIP"}


def count(lines):
    values = [json.loads(line)["result"] for line in lines]
    passed = sum(v in PASSED for v in values)
    skipped = sum(v in SKIPPED for v in values)
    return passed, len(values) - passed - skipped, skipped


def main():
    path, status = sys.argv[1], int(sys.argv[2])
    lines = []
    if os.path.exists(path):
        with open(path, encoding="utf-8") as f:
            lines = f.read().splitlines()
    passed, failed, skipped = count(lines)
    if failed == 0 and (status != 0 or passed == 0):
        print("meson test itself failed" if status else "no test ran")
        failed = 1
    print(f"{passed} passed, {failed} failed, {skipped} skipped")
    sys.exit(1 if failed else 0)


main()
