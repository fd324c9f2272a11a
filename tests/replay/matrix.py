# SPDX-License-Identifier: GPL-2.0-or-later
"""Record a guest once, replay it in every way we have: the digests in the log
and the console must be the same in all of them.

usage: matrix.py BUILD GUEST [--shift N|auto] [--full] [--expect TEXT]
                 [--status N] [--type SECONDS:TEXT]... [--record ACCEL]
"""
import argparse
import os
import re
import subprocess
import sys
import tempfile

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import common  # noqa: E402

FAST = ["tcg", "tcg,engine=interp"]
FULL = FAST + [
    "tcg,engine=interp,max-insns=1",
    "tcg,engine=interp,random-length=on,test-seed=7",
    "tcg,engine=interp,flush-every=20011,test-seed=3",
    "tcg,engine=interp,tb-size=1",
    "tcg,engine=interp,l1-bits=6",
    "tcg,engine=interp,random-slice=5000,test-seed=13",
    "tcg,random-slice=20000,test-seed=17",
    "tcg,max-insns=3",
    "tcg,random-length=on,test-seed=11",
    "tcg,flush-every=20011,test-seed=5",
    "tcg,tb-size=1",
    "tcg,l1-bits=6",
]
# Going back so many times while replaying: accelerator, checkpoints over the
# whole recording, jumps, further options.
REWINDS = [("tcg", 97, 60, "")]
FULL_REWINDS = REWINDS + [
    ("tcg,engine=interp", 61, 20, ",rrmem=1M"),
    ("tcg,random-slice=20000,flush-every=20011,test-seed=23", 331, 40, ""),
]


def steps(build, log):
    """How many instructions a recording has."""
    info = subprocess.run([build + "/reprise-log", "info", log], check=True,
                          stdout=subprocess.PIPE, text=True).stdout
    return int(re.search(r"^instructions: (\d+)", info, re.M).group(1))


def main():
    p = argparse.ArgumentParser()
    p.add_argument("build")
    p.add_argument("guest")
    p.add_argument("--shift", default="7")
    p.add_argument("--full", action="store_true")
    p.add_argument("--expect", action="append", default=[])
    p.add_argument("--status", type=int, default=0)
    p.add_argument("--type", action="append", default=[])
    p.add_argument("--record", default="tcg")
    p.add_argument("--digest", default="")
    p.add_argument("--more", default="", help="further machine options")
    p.add_argument("--only", action="append",
                   help="one -accel for the replay, instead of the list")
    p.add_argument("--limit", type=int, default=1800)
    o = p.parse_args()
    args = common.guest_args(o.build, o.guest) + o.more.split()
    keys = [(float(t.split(":", 1)[0]),
             t.split(":", 1)[1].encode().decode("unicode_escape"))
            for t in o.type]
    log = tempfile.mktemp(prefix="reprise-%s-" % o.guest, suffix=".rr")
    more = ",rrdigest=" + o.digest if o.digest else ""

    status, console, err = common.run(
        args + ["-accel", o.record] + common.icount(o.shift, "record", log,
                                                    more),
        o.limit, keys)
    if status != o.status:
        print(console.decode(errors="replace")[-2000:], err)
        common.die("recording ended with %s" % status, [log])
    for text in o.expect:
        if text.encode() not in console:
            print(console.decode(errors="replace")[-2000:], err)
            common.die("the guest never printed '%s'" % text, [log])
    ways = [(accel, "") for accel in o.only or (FULL if o.full else FAST)]
    for accel, parts, times, rest in FULL_REWINDS if o.full else REWINDS:
        ways.append((accel, ",rrtest-every=%d,rrtest-rewinds=%d%s" % (
            steps(o.build, log) // parts + 1, times, rest)))
    for accel, more in ways:
        status, again, err = common.run(
            args + ["-accel", accel]
            + common.icount(o.shift, "replay", log, more), o.limit)
        print("replay %-48s status %s, %d bytes of console"
              % (accel + more, status, len(again)))
        if status != o.status or again != console:
            print(err)
            common.die("replay with -accel %s %s differs" % (accel, more),
                       [log])
    os.unlink(log)


main()
