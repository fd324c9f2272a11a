# SPDX-License-Identifier: GPL-2.0-or-later
"""One run of an emulator: its options, its CPU time, what it printed."""
import os
import re
import subprocess
import tempfile
import threading

# name: the text behind -icount, and whether a log is written or read
MODES = {
    "plain": (None, None),
    "icount7": ("shift=7", None),
    "icount-auto": ("shift=auto", None),
    "record7": ("shift=7,rr=record", "write"),
    "record-auto": ("shift=auto,rr=record", "write"),
    "replay7": ("shift=7,rr=replay", "read"),
    "replay-auto": ("shift=auto,rr=replay", "read"),
}
RECORDING = {"replay7": "record7", "replay-auto": "record-auto"}

# What both sides have; svm is the difference between the two qemu64.
CPU = "qemu64,-svm"
COMMON = ["-nodefaults", "-display", "none", "-serial", "stdio", "-no-reboot"]


class Run:
    """cpu: seconds of all threads, user and system; rss: bytes at most."""

    def __init__(self, cpu, rss, status, output, errors):
        self.cpu, self.rss, self.status = cpu, rss, status
        self.output, self.errors = output, errors


def mode_options(mode, log):
    text, direction = MODES[mode]
    if text is None:
        return []
    return ["-icount", text + (",rrfile=" + log if direction else "")]


def execute(args, limit):
    """Run to the end, or to the limit in seconds: then status is None."""
    with tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as err:
        proc = subprocess.Popen(args, stdin=subprocess.DEVNULL, stdout=out,
                                stderr=err)
        late = threading.Event()

        def stop():
            late.set()
            os.kill(proc.pid, 9)

        timer = threading.Timer(limit, stop)
        timer.start()
        _, status, usage = os.wait4(proc.pid, 0)
        timer.cancel()
        proc.returncode = os.waitstatus_to_exitcode(status)
        out.seek(0)
        err.seek(0)
        return Run(usage.ru_utime + usage.ru_stime, usage.ru_maxrss * 1024,
                   None if late.is_set() else proc.returncode,
                   out.read().decode(errors="replace"),
                   err.read().decode(errors="replace"))


class Side:
    """One of the two programs and the logs it has written so far."""

    def __init__(self, name, program, more, folder, limit):
        self.name, self.program, self.more = name, program, more
        self.folder, self.limit = folder, limit

    def log(self, work, mode):
        return os.path.join(self.folder, "%s-%s-%s.rr" % (
            self.name, work.name, RECORDING.get(mode, mode)))

    def command(self, work, mode, setup):
        return ([self.program, "-cpu", CPU] + COMMON + work.options(setup)
                + self.more + mode_options(mode, self.log(work, mode)))

    def run(self, work, mode, setup):
        """(run, what was wrong with it or None)"""
        if MODES[mode][1] == "read" and not os.path.exists(
                self.log(work, mode)):
            run, wrong = self.run(work, RECORDING[mode], setup)
            if wrong:
                return run, "recording: " + wrong
        run = execute(self.command(work, mode, setup), self.limit)
        if run.status is None:
            return run, "given up after %g s" % self.limit
        return run, work.wrong(run, setup)

    def forget(self, work):
        for mode in RECORDING.values():
            try:
                os.unlink(self.log(work, mode))
            except FileNotFoundError:
                pass

    def version(self):
        try:
            text = subprocess.run([self.program, "-version"], text=True,
                                  capture_output=True).stdout
        except OSError as e:
            raise SystemExit("%s: %s" % (self.program, e.strerror))
        return text.split("\n")[0].strip()


def describe():
    """The host, for people who compare tables."""
    def first(path, pattern):
        try:
            with open(path) as f:
                m = re.search(pattern, f.read(), re.M)
        except OSError:
            return "unknown"
        return m.group(1).strip() if m else "unknown"

    return {
        "cpu": first("/proc/cpuinfo", r"^model name\s*:\s*(.*)$"),
        "cpus": os.cpu_count(),
        "memory": first("/proc/meminfo", r"^MemTotal:\s*(.*)$"),
        "kernel": os.uname().release,
        "system": first("/etc/os-release", r'^PRETTY_NAME="?([^"\n]*)'),
        "load": first("/proc/loadavg", r"^(\S+ \S+ \S+)"),
    }
