# SPDX-License-Identifier: GPL-2.0-or-later
"""Guests that fault, reset or halt for ever: the monitor answers all the same,
in recording and in replay, and `quit` ends the program.

usage: stuck.py BUILD
"""
import os
import subprocess
import sys
import tempfile
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import common  # noqa: E402

def check(build, guest, accel, mode, work):
    log = os.path.join(work, guest + ".rr")
    path = os.path.join(work, "qmp")
    args = common.guest_args(build, guest)
    args.remove("-no-reboot")
    if mode:
        args += common.icount(7, mode, log)
    proc = subprocess.Popen(
        args + ["-accel", accel, "-qmp", "unix:%s,server=on,wait=off" % path,
                "-no-shutdown"],
        stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE)
    try:
        qmp = common.Qmp(path)
        for _ in range(3):
            time.sleep(0.2)
            for command in ("query-status", "query-replay"):
                answer = qmp.ask(command)
                if "return" not in answer:
                    common.die("%s %s: %s" % (guest, mode, answer))
        qmp.ask("stop")
        status = qmp.ask("query-status")["return"]
        if status["running"]:
            common.die("%s %s: runs on after stop" % (guest, mode))
        qmp.ask("quit")
        if proc.wait(common.ANSWER_S) != 0:
            common.die("%s %s: status %s, %s" % (
                guest, mode, proc.returncode, proc.stderr.read()))
    finally:
        proc.kill()
        proc.wait()
        if os.path.exists(path):
            os.unlink(path)


def main():
    build = sys.argv[1]
    with tempfile.TemporaryDirectory() as work:
        for guest in ("stuck-ud2", "stuck-triple", "stuck-halt",
                      "stuck-loop"):
            for accel in ("tcg", "tcg,engine=interp"):
                for mode in (None, "record", "replay"):
                    check(build, guest, accel, mode, work)
                    print(guest, accel, mode or "plain", "answers")


main()
