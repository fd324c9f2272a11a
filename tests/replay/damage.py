# SPDX-License-Identifier: GPL-2.0-or-later
"""Damage a log in every way: cut, flipped bits, other machine, other kernel.
Each replay must end by itself with the right word, never hang, never be silent.

usage: damage.py BUILD [--rounds N] [--seed N]
"""
import argparse
import os
import random
import shutil
import sys
import tempfile

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import common  # noqa: E402

LIMIT = 60


def replay(args, log, more=()):
    return common.run(args + list(more) + common.icount(7, "replay", log),
                      LIMIT)


def check_cut(args, data, path, at, console):
    with open(path, "wb") as f:
        f.write(data[:at])
    status, out, err = replay(args, path)
    if status is None:
        common.die("cut at %d: hangs" % at, [path])
    if not err.strip() or status not in (0, 1, 4):
        common.die("cut at %d: status %s, said %r" % (at, status, err),
                   [path])
    if status == 0 and not console.startswith(out):
        common.die("cut at %d: other console than recorded" % at, [path])


def check_flip(args, data, path, bit, console):
    bad = bytearray(data)
    bad[bit // 8] ^= 1 << bit % 8
    with open(path, "wb") as f:
        f.write(bad)
    status, out, err = replay(args, path)
    if status is None:
        common.die("bit %d flipped: hangs" % bit, [path])
    if not console.startswith(out):
        common.die("bit %d flipped: other console than recorded" % bit,
                   [path])
    if status not in (0, 1, 4) or not err.strip():
        common.die("bit %d flipped: status %s, said %r" % (bit, status, err),
                   [path])


def check_other_machine(args, log):
    for change, word in (
            (["-m", "32"], "ram"),
            (["-device", "isa-serial,index=1"], "port"),
            (["-cpu", "qemu64,-nx"], "cpu"),
            (["-uuid", "00000000-0000-0000-0000-000000000001"], "uuid"),
            (["-M", "graphics=off"], "\n  graphics: "),
            (["-boot", "menu=on"], "\n  boot menu: "),
            (["-boot", "reboot-timeout=5"], "\n  firmware settings: "),
            (["-serial", "null", "-serial", "null"], "port")):
        status, out, err = replay(args, log, change)
        if status != 1 or word not in err or out:
            common.die("%s: status %s, said %r" % (change, status, err),
                       [log])
    other = list(args)
    at = other.index("-nographic")
    other[at:at + 1] = ["-display", "none", "-serial", "stdio", "-vga", "none"]
    status, out, err = replay(other, log)
    if status != 1 or "\n  nographic: recorded on" not in err or out:
        common.die("-display none: status %s, said %r" % (status, err), [log])
    other = list(args)
    kernel = other.index("-kernel") + 1
    with tempfile.NamedTemporaryFile(suffix=".elf") as f:
        with open(other[kernel], "rb") as original:
            f.write(original.read() + b"x")
        f.flush()
        other[kernel] = f.name
        status, out, err = replay(other, log)
        if status != 1 or "kernel" not in err:
            common.die("other kernel: status %s, said %r" % (status, err),
                       [log])
    status, out, err = common.run(
        args + common.icount(3, "replay", log), LIMIT)
    if status != 1 or "shift" not in err:
        common.die("other shift: status %s, said %r" % (status, err), [log])


def main():
    p = argparse.ArgumentParser()
    p.add_argument("build")
    p.add_argument("--rounds", type=int, default=40)
    p.add_argument("--seed", type=int, default=1)
    p.add_argument("--guest", default="hello")
    o = p.parse_args()
    rng = random.Random(o.seed)
    args = common.guest_args(o.build, o.guest)
    work = tempfile.mkdtemp(prefix="reprise-damage-")
    log = os.path.join(work, "good.rr")
    bad = os.path.join(work, "bad.rr")
    status, console, err = common.run(
        args + common.icount(7, "record", log), LIMIT)
    with open(log, "rb") as f:
        data = f.read()
    good, _, err = replay(args, log)
    if good != status:
        common.die("the undamaged log: status %s, said %r" % (good, err),
                   [log])
    check_other_machine(args, log)
    for _ in range(o.rounds):
        check_cut(args, data, bad, rng.randrange(len(data)), console)
        check_flip(args, data, bad, rng.randrange(len(data) * 8), console)
    for name in ("missing.rr", "."):
        status, out, err = replay(args, os.path.join(work, name))
        if status != 1 or not err:
            common.die("%s: status %s, said %r" % (name, status, err))
    shutil.rmtree(work)
    print("%d cuts, %d flips, other machines: all told" % (o.rounds,
                                                           o.rounds))


main()
