# SPDX-License-Identifier: GPL-2.0-or-later
"""reprise-log repair: a log that was cut anywhere replays after it; align=on
changes nothing that the guest can see.

usage: repair.py BUILD
"""
import os
import subprocess
import sys
import tempfile

import programs as p


def tool(build, *args):
    done = subprocess.run([os.path.join(build, "reprise-log"), *args],
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                          text=True)
    return done.returncode, done.stdout


def machine(build):
    """Nothing in it depends on when and where it is started."""
    return p.common.guest_args(build, "ticks") + [
        "-rtc", "base=2020-02-03T04:05:06", "-seed", "7"]


def replay(build, log):
    return p.common.run(machine(build)
                        + p.common.icount(7, "replay", log), p.LIMIT_S)


def repaired(build, work, log, console):
    with open(log, "rb") as f:
        data = f.read()
    cut, good = os.path.join(work, "cut"), os.path.join(work, "good")
    whole = 0
    for part in (10, 50, 93, 96, 99):
        with open(cut, "wb") as f:
            f.write(data[:len(data) * part // 100])
        status, text = tool(build, "verify", cut)
        p.check(status != 0, "verify sees the cut at %d %%" % part, text)
        status, text = tool(build, "repair", cut, "-o", good)
        if status != 0:  # nothing but a part of the header is left
            p.check(text, "a reason at %d %%" % part)
            continue
        whole += 1
        status, text = tool(build, "verify", good)
        p.check(status == 0, "verify after repair", status, text)
        status, out, err = replay(build, good)
        p.check(status == 0 and "end of recording" in err
                and console.startswith(out), "the repaired log replays",
                status, err)
    p.check(whole > 0, "some were repaired")


def last_digest(text):
    """Its rows are set in, before the line that says how it ended."""
    rows = text.splitlines()
    first = len(rows) - 1
    while rows[first - 1].startswith(" "):
        first -= 1
    return rows[first:]


def aligned(build, work, log, console):
    """Without inputs the digests are a matter of the guest alone."""
    other = os.path.join(work, "aligned")
    status, out, err = p.common.run(
        machine(build)
        + p.common.icount(7, "record", other, ",align=on"), p.LIMIT_S)
    p.check(status == 1 and out == console, "align=on", status, err)
    ends = [last_digest(tool(build, "dump", path)[1])
            for path in (log, other)]
    p.check(len(ends[0]) > 20, "there is a digest at the end", ends[0])
    p.check(ends[0] == ends[1], "the same digest at the end",
            [row for row in zip(*ends) if row[0] != row[1]])


def main():
    build = sys.argv[1]
    with tempfile.TemporaryDirectory() as work:
        log = os.path.join(work, "log")
        status, console, err = p.common.run(
            machine(build)
            + p.common.icount(7, "record", log, ",rrdigest=1000000"),
            p.LIMIT_S)
        p.check(status == 1, "recorded", status, err)
        repaired(build, work, log, console)
        aligned(build, work, log, console)


main()
