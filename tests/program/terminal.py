# SPDX-License-Identifier: GPL-2.0-or-later
"""On a terminal: Ctrl-A x, the progress line of a replay; -perfmap.

usage: terminal.py BUILD
"""
import os
import pty
import select
import subprocess
import sys
import tempfile
import time

import programs as p


class Terminal:
    """A program whose three files are one terminal."""

    def __init__(self, args):
        master, slave = pty.openpty()
        env = dict(os.environ, TERM="xterm")
        self.master = master
        self.seen = b""
        self.proc = subprocess.Popen(args, stdin=slave, stdout=slave,
                                     stderr=slave, env=env,
                                     preexec_fn=lambda: self.own(slave))
        os.close(slave)

    @staticmethod
    def own(slave):
        os.setsid()
        import fcntl
        import termios
        fcntl.ioctl(slave, termios.TIOCSCTTY, 0)
        termios.tcsetwinsize(slave, (24, 80))

    def wait(self, text, limit=p.LIMIT_S):
        end = time.monotonic() + limit
        while text not in self.seen:
            ready, _, _ = select.select([self.master], [], [], 0.1)
            try:
                self.seen += os.read(self.master, 4096) if ready else b""
            except OSError:
                break
            if time.monotonic() > end:
                break
        return text in self.seen

    def type(self, keys):
        os.write(self.master, keys)

    def end(self):
        status = self.proc.wait(p.LIMIT_S)
        os.close(self.master)
        return status


def ctrl_a_x(build):
    t = Terminal(p.common.guest_args(build, "stuck-loop"))
    time.sleep(0.5)
    t.type(b"\x01h")
    p.check(t.wait(b"Ctrl-A x"), "Ctrl-A h", t.seen)
    t.type(b"\x01c")
    p.check(t.wait(b"(reprise)"), "Ctrl-A c", t.seen)
    t.type(b"\x01x")
    t.wait(b"ended by Ctrl-A x")
    p.check(t.end() == 0, "Ctrl-A x", t.proc.returncode)


def progress(build, work):
    log = os.path.join(work, "log")
    args = p.common.guest_args(build, "linux-amd64")
    status, _, err = p.common.run(args + p.common.icount("auto", "record",
                                                         log), p.LIMIT_S)
    p.check(status == 0, "recorded", status, err)
    t = Terminal(args + p.common.icount("auto", "replay", log))
    p.check(t.wait(b" %, instruction "), "the progress line", t.seen[-300:])
    t.proc.terminate()
    t.wait(b"\0")
    t.end()


def perfmap(build):
    args = p.common.guest_args(build, "ticks") + ["-perfmap"]
    proc = subprocess.Popen(args, stdin=subprocess.DEVNULL,
                            stdout=subprocess.DEVNULL)
    proc.wait(p.LIMIT_S)
    path = "/tmp/perf-%d.map" % proc.pid
    with open(path) as f:
        lines = f.read().splitlines()
    os.unlink(path)
    p.check(lines and all(len(line.split()) >= 3 and int(line.split()[0], 16)
                          for line in lines), "-perfmap", lines[:3])


def main():
    build = sys.argv[1]
    ctrl_a_x(build)
    perfmap(build)
    with tempfile.TemporaryDirectory() as work:
        progress(build, work)


main()
