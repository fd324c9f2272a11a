# SPDX-License-Identifier: GPL-2.0-or-later
"""kill -9 the recorder at random moments: the log replays to its end, and the
end is near the moment of death.

A QMP client notes the instruction count four times a second; what is lost must
not be more than what ran in the last second.

usage: kill.py BUILD [--rounds N] [--seed N] [--guest NAME] [--span SECONDS]
"""
import argparse
import os
import random
import re
import signal
import subprocess
import sys
import tempfile
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import common  # noqa: E402

LIMIT = 300


def count(qmp):
    return qmp.ask("query-replay")["return"]["icount"]


def main():
    p = argparse.ArgumentParser()
    p.add_argument("build")
    p.add_argument("--rounds", type=int, default=3)
    p.add_argument("--seed", type=int, default=1)
    p.add_argument("--guest", default="linux-amd64")
    p.add_argument("--span", type=float, default=6)
    o = p.parse_args()
    rng = random.Random(o.seed)
    args = common.guest_args(o.build, o.guest)
    log = tempfile.mktemp(prefix="reprise-kill-", suffix=".rr")
    path = log + ".qmp"
    for _ in range(o.rounds):
        after = 0.5 + rng.random() * o.span
        seen = []
        with tempfile.TemporaryFile() as out:
            proc = subprocess.Popen(
                args + common.icount(7, "record", log)
                + ["-qmp", "unix:%s,server=on,wait=off" % path],
                stdin=subprocess.DEVNULL, stdout=out,
                stderr=subprocess.DEVNULL)
            end = time.monotonic() + after
            qmp = common.Qmp(path)
            while time.monotonic() < end and proc.poll() is None:
                seen.append((time.monotonic(), count(qmp)))
                time.sleep(0.25)
            if proc.poll() is not None:
                continue  # the guest was done before
            seen.append((time.monotonic(), count(qmp)))
            proc.send_signal(signal.SIGKILL)
            proc.wait()
            out.seek(0)
            console = out.read()
        status, again, err = common.run(
            args + common.icount(7, "replay", log), LIMIT)
        found = re.search(r"end of recording at instruction (\d+)", err)
        if status != 0 or not found:
            print(err)
            common.die("killed after %.2f s: replay ended with %s"
                       % (after, status), [log])
        if not again.startswith(console[:len(again)]):
            common.die("killed after %.2f s: other console" % after, [log])
        kept = int(found.group(1))
        older = [n for at, n in seen if at <= seen[-1][0] - 1.0]
        if older and kept < older[-1]:
            common.die("killed after %.2f s: kept %d, but %d had run a second "
                       "before" % (after, kept, older[-1]), [log])
        print("killed after %.2f s: replayed %d instructions, console %d of "
              "%d bytes" % (after, kept, len(again), len(console)))
    os.unlink(log)


main()
