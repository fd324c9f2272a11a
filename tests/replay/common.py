# SPDX-License-Identifier: GPL-2.0-or-later
"""What the record and replay tests share: running the machine with limits."""
import json
import os
import socket
import subprocess
import sys
import tempfile
import time

SKIP = 77
ANSWER_S = 10  # a monitor that takes longer hangs


def guests_dir(build):
    return os.environ.get("REPRISE_GUESTS") or os.path.join(build, "guests")


def skip(why):
    print("skipped: " + why)
    sys.exit(SKIP)


def die(why, keep=()):
    print("FAILED: " + why)
    for path in keep:
        print("kept: " + path)
    sys.exit(1)


def disk_image(build):
    """A raw disk with the boot sector of tests/guest/disk.S; its sectors can be
    told apart. Made when it is not there."""
    path = "%s/tests/guest/disk.img" % build
    if os.path.exists(path):
        return path
    with open("%s/tests/guest/disk.elf" % build, "rb") as f:
        boot = f.read()
    made = "%s.%d" % (path, os.getpid())
    with open(made, "wb") as f:
        f.write(boot)
        for i in range(1, 16 << 11):
            f.write((b"%08d " % i * 57)[:512])
    os.rename(made, path)
    return path


def guest_args(build, name):
    """Machine options of a guest by name; skips when it is not there."""
    guests = guests_dir(build)
    linux = {
        "linux-amd64": ("x86_64", "vmlinuz-amd64", "initrd-amd64.gz"),
        "linux-686": ("i386", "vmlinuz-686", "initrd-686.gz"),
        "shell-amd64": ("x86_64", "vmlinuz-amd64", "initrd-shell-amd64.gz"),
        "shell-686": ("i386", "vmlinuz-686", "initrd-shell-686.gz"),
    }
    base = ["-nographic", "-net", "none", "-no-reboot"]
    if name in linux:
        arch, kernel, initrd = linux[name]
        files = [os.path.join(guests, f) for f in (kernel, initrd)]
        for f in files:
            if not os.path.exists(f):
                skip(f + " is not there (scripts/fetch-guests)")
        return ["%s/reprise-system-%s" % (build, arch), "-m", "256",
                "-kernel", files[0], "-initrd", files[1],
                "-append", "console=ttyS0 panic=-1"] + base
    elf = "%s/tests/guest/%s.elf" % (build, name)
    if not os.path.exists(elf):
        skip(elf + " was not built")
    if name == "disk":  # a boot sector: it needs the rest of a disk
        return ["%s/reprise-system-x86_64" % build, "-m", "16", "-drive",
                "format=raw,file=" + disk_image(build),
                "-device", "isa-debug-exit"] + base
    return ["%s/reprise-system-x86_64" % build, "-m", "16", "-kernel", elf,
            "-device", "isa-debug-exit"] + base


def type_into(proc, keys):
    """Write (seconds after the start, text) pairs as a person would."""
    begin = time.monotonic()
    for at, text in keys:
        time.sleep(max(0, begin + at - time.monotonic()))
        try:
            proc.stdin.write(text.encode())
            proc.stdin.flush()
        except BrokenPipeError:
            return
    try:
        proc.stdin.close()
    except BrokenPipeError:
        pass


def run(args, limit, keys=None):
    """(status, standard output, standard error); status None: over the limit."""
    with tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as err:
        proc = subprocess.Popen(
            args, stdout=out, stderr=err,
            stdin=subprocess.PIPE if keys else subprocess.DEVNULL)
        try:
            if keys:
                type_into(proc, keys)
            status = proc.wait(limit)
        except subprocess.TimeoutExpired:
            proc.kill()
            proc.wait()
            status = None
        out.seek(0)
        err.seek(0)
        return status, out.read(), err.read().decode(errors="replace")


def icount(shift, mode, log, more=""):
    return ["-icount", "shift=%s,rr=%s,rrfile=%s%s" % (shift, mode, log, more)]


class Qmp:
    def __init__(self, path):
        end = time.monotonic() + ANSWER_S
        while True:
            try:
                self.s = socket.socket(socket.AF_UNIX)
                self.s.connect(path)
                break
            except OSError:
                if time.monotonic() > end:
                    raise
                time.sleep(0.05)
        self.s.settimeout(ANSWER_S)
        self.f = self.s.makefile("rw")
        assert "QMP" in json.loads(self.f.readline())
        self.ask("qmp_capabilities")

    def ask(self, command, **arguments):
        message = {"execute": command}
        if arguments:
            message["arguments"] = arguments
        self.f.write(json.dumps(message) + "\n")
        self.f.flush()
        while True:
            answer = json.loads(self.f.readline())
            if "event" not in answer:
                return answer
