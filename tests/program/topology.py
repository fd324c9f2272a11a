# SPDX-License-Identifier: GPL-2.0-or-later
"""-smp sockets=,dies=,cores=,threads=: CPUID, APIC ids, QMP, and what Linux
makes of it.

usage: topology.py BUILD
"""
import os
import subprocess
import sys
import tempfile

import programs as p

# -smp, -cpu: {(leaf, sub): (eax, ebx, ecx, edx), None: any value}
LEAVES = [
    ("3", "Skylake-Client", {
        (4, 3): (0x0800c163, 0x03c0003f, 0x3fff, 6),
        (0xb, 0): (0, 1, 0x100, 0), (0xb, 1): (2, 3, 0x201, 0),
        (0x80000008, 0): (None, None, 0x2002, None)}),
    ("6,sockets=1,cores=3,threads=2", "Skylake-Client", {
        (4, 2): (0x08004143, 0x03c0003f, 0xfff, 1),
        (4, 3): (0x0801c163, 0x03c0003f, 0x3fff, 6),
        (0xb, 0): (1, 2, 0x100, 0), (0xb, 1): (3, 6, 0x201, 0)}),
    ("8,dies=2,cores=2,threads=2", "Skylake-Client", {
        (0xb, 1): (3, 4, 0x201, 0), (0x1f, 1): (2, 4, 0x201, 0),
        (0x1f, 2): (3, 8, 0x502, 0), (0x1f, 3): (0, 0, 3, 0)}),
    ("6,sockets=1,cores=3,threads=2", "EPYC", {
        (4, 3): (0, 0, 0, 0), (0x8000001d, 2): (0x4043, None, None, 0),
        (0x8000001d, 3): (0x14163, None, None, 6),
        (0x8000001e, 0): (0, 0x100, 0, 0)}),
    ("1,maxcpus=4,sockets=1,cores=4", "EPYC", {
        (0xb, 1): (2, 4, 0x201, 0)}),
]


def leaves(build, smp, cpu):
    args = p.common.guest_args(build, "cpuid") + ["-smp", smp, "-cpu", cpu]
    _, out, err = p.common.run(args, p.LIMIT_S)
    found = {}
    for line in out.decode(errors="replace").splitlines():
        if line.startswith("cpuid "):
            words = [int(w, 16) for w in line.split()[1:]]
            found[tuple(words[:2])] = words[2:]
    p.check(found, "-smp %s -cpu %s" % (smp, cpu), out, err)
    return found


def cpuid(build):
    for smp, cpu, rows in LEAVES:
        found = leaves(build, smp, cpu)
        for at, expected in rows.items():
            seen = found.get(at, [])
            p.check(len(seen) == 4 and all(
                e in (None, s) for e, s in zip(expected, seen)),
                "leaf %x.%x" % at, expected, seen)


def monitor(build, work):
    """Places and ids, which leave holes where a count is no power of two."""
    path = os.path.join(work, "qmp")
    proc = subprocess.Popen(
        [p.binary(build), "-display", "none", "-S", "-nodefaults", "-smp",
         "6,sockets=2,cores=3", "-qmp", "unix:%s,server=on,wait=off" % path])
    qmp = p.common.Qmp(path)
    cpus = qmp.ask("query-cpus-fast")["return"]
    places = [(c["props"]["socket-id"], c["props"]["core-id"],
               c["props"]["thread-id"]) for c in cpus]
    p.check(places == [(s, c, 0) for s in range(2) for c in range(3)],
            "query-cpus-fast", places)
    ids = [qmp.ask("qom-get", path=c["qom-path"], property="apic-id")["return"]
           for c in cpus]
    p.check(ids == [0, 1, 2, 4, 5, 6], "APIC ids", ids)
    qmp.ask("quit")
    proc.wait(p.LIMIT_S)


def linux(build):
    """The kernel checks APIC ids of ACPI against those of CPUID."""
    args = p.common.guest_args(build, "linux-amd64") + [
        "-smp", "6,sockets=2,cores=3", "-cpu", "Skylake-Client"]
    _, out, err = p.common.run(args, p.LIMIT_S)
    out = out.decode(errors="replace")
    for part in ("Brought up 1 node, 6 CPUs", "Max logical packages: 2"):
        p.check(part in out, "Linux: " + part, out[-2000:], err)
    p.check("Firmware Bug" not in out, "Linux has nothing to say",
            [line for line in out.splitlines() if "Bug" in line])


def main():
    build = sys.argv[1]
    cpuid(build)
    with tempfile.TemporaryDirectory() as work:
        monitor(build, work)
    linux(build)


main()
