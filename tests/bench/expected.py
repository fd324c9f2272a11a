#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""The checksums of expected.txt against this host's CPU, or anew:
expected.py [--print] FOLDER, where the programs bench-native-X are."""
import os
import subprocess
import sys

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import workloads  # noqa: E402

# What cannot run as a program of the host: closed forms of (rounds * 1000).
FORMULAS = {
    "int80": lambda n: n * n,    # 1 + 3 + 5 + ... + (2n - 1)
    "syscall": lambda n: n * n,
    # n faults; page i holds i, pages 0, 5, 10, ... of 64 are read in turn
    "pagefault": lambda n: n << 32 | sum(r * 5 % 64 for r in range(n)),
    "timer": lambda n: n,        # interrupts
}


def compute(folder, name, rounds):
    if name in FORMULAS:
        value = FORMULAS[name](rounds * 1000) & 0xffffffffffffffff
        return "%016x" % value
    out = subprocess.run([os.path.join(folder, "bench-native-" + name),
                          str(rounds)], check=True, text=True,
                         capture_output=True).stdout
    return out.split()[1]


def rows():
    for name, _, full, quick in workloads.KERNELS:
        for rounds in dict.fromkeys((full, quick)):
            yield name, rounds


def main():
    if sys.argv[1] == "--print":
        print("# SPDX-License-Identifier: GPL-2.0-or-later")
        print("# program, rounds, checksum: expected.py --print")
        for name, rounds in rows():
            print(name, rounds, compute(sys.argv[2], name, rounds))
        return 0
    table = workloads.expected_checksums()
    bad = [(n, r) for n, r in rows()
           if table.get((n, r)) != compute(sys.argv[1], n, r)]
    for name, rounds in bad:
        print("%s, %d rounds: expected.txt has %s, this host computes %s" % (
            name, rounds, table.get((name, rounds)),
            compute(sys.argv[1], name, rounds)))
    return 1 if bad else 0


sys.exit(main())
