#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Disks of recorded machines: the ways to give them, named snapshots, images
that changed since, media that were changed, a full disk, a killed program. The
guest is tests/guest/disk.S; what it prints without a recording is the measure.

usage: disks.py BUILD [--only NAME] [--seed N]
"""
import argparse
import hashlib
import os
import random
import re
import resource
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import common as c  # noqa: E402

LIMIT = 120
EXIT = 33  # of the guest
LOG_BYTES = 12  # of one request
DIRECT = ["-drive", "file=disk.ovl,if=none,id=img-direct",
          "-drive", "driver=blkreplay,if=none,image=img-direct,id=img-blkreplay",
          "-device", "ide-hd,drive=img-blkreplay"]
ORPHAN = ["-drive", "file=empty.qcow2,if=none,id=rr"]
RAW = ["-drive", "file=disk.raw,format=raw"]
WAYS = {
    "blkreplay": DIRECT,
    "snapshot": [x.replace("disk.ovl", "disk.ovl,snapshot") for x in DIRECT],
    "if-ide": ["-drive", "file=disk.ovl,format=qcow2,cache=none"],
    "hda": ["-hda", "disk.ovl"],
    "raw": RAW,
    "blockdev": ["-blockdev", "driver=qcow2,node-name=n,file.driver=file,"
                 "file.filename=disk.ovl", "-device", "ide-hd,drive=n"],
    "blockdev-json": [
        "-blockdev", '{"driver": "file", "node-name": "f", "filename": '
        '"disk.ovl"}', "-blockdev", '{"driver": "qcow2", "node-name": "n", '
        '"file": "f"}', "-blockdev",
        '{"driver": "blkreplay", "node-name": "r", "image": "n"}',
        "-device", "ide-hd,drive=r"],
}


def tool(*args):
    return subprocess.run(["qemu-img"] + list(args), capture_output=True,
                          text=True)


def digest(*paths):
    out = {}
    for path in paths:
        with open(path, "rb") as f:
            out[path] = hashlib.sha256(f.read()).hexdigest()
    return out


class Bench:
    def __init__(self, o):
        self.o = o
        self.program = "%s/reprise-system-x86_64" % o.build
        shutil.copy(c.disk_image(o.build), "disk.raw")
        if shutil.which("qemu-img"):
            tool("convert", "-f", "raw", "-O", "qcow2", "disk.raw",
                 "base.qcow2").check_returncode()
            self.fresh()
        status, self.want, err = self.run(RAW + ["-snapshot"])
        if status != EXIT or not self.want.rstrip().endswith(b"E"):
            c.die("the guest ended with %s\n%s" % (status, err))

    def fresh(self):
        for path in ("disk.ovl", "empty.qcow2"):
            if os.path.exists(path):
                os.remove(path)
        tool("create", "-f", "qcow2", "-b", "base.qcow2", "-F", "qcow2",
             "disk.ovl").check_returncode()
        tool("create", "-f", "qcow2", "empty.qcow2",
             "1M").check_returncode()

    def args(self, more):
        return [self.program, "-m", "16", "-display", "none", "-net", "none",
                "-no-reboot", "-device", "isa-debug-exit", "-serial",
                "stdio", "-monitor", "none"] + more

    def run(self, more):
        return c.run(self.args(more), LIMIT)

    def start(self, more, limits=None):
        """The machine with QMP, printing into the file `out`."""
        self.out = open("out", "w+b")
        path = tempfile.mktemp(dir=".", prefix="qmp")
        self.proc = subprocess.Popen(
            self.args(more + ["-qmp", "unix:%s,server=on,wait=off" % path]),
            stdin=subprocess.DEVNULL, stdout=self.out,
            stderr=open("err", "wb"), preexec_fn=limits)
        self.qmp = c.Qmp(path)
        return self.qmp

    def hmp(self, line):
        return self.qmp.ask("human-monitor-command",
                            **{"command-line": line})["return"]

    def wait_output(self, size):
        end = time.monotonic() + LIMIT
        while os.path.getsize("out") < size:
            if time.monotonic() > end or self.proc.poll() is not None:
                c.die("the guest printed %d bytes" % os.path.getsize("out"))
            time.sleep(0.01)

    def wait_status(self, status):
        end = time.monotonic() + LIMIT
        while self.qmp.ask("query-status")["return"]["status"] != status:
            if time.monotonic() > end:
                c.die("never came to status " + status)
            time.sleep(0.02)

    def end(self):
        try:
            status = self.proc.wait(LIMIT)
        except subprocess.TimeoutExpired:
            self.proc.kill()
            c.die("the machine did not end")
        with open("out", "rb") as f:
            return status, f.read()

    def same(self, what, got, want=None):
        if got != (EXIT, self.want if want is None else want):
            c.die("%s: status %s, %d bytes of output" % (what, got[0],
                                                         len(got[1])))


def record(name, more=""):
    return c.icount("auto", "record", name, more)


def replay(name, more=""):
    return c.icount("auto", "replay", name, more)


def check_image(path, leaks=False):
    done = tool("check", path)
    if done.returncode not in ((0, 3) if leaks else (0,)):
        c.die("qemu-img check %s:\n%s%s" % (path, done.stdout, done.stderr))


def test_ways(b):
    """Every way to give a disk records and replays, and changes no image."""
    for name, way in WAYS.items():
        images = digest("disk.raw", "base.qcow2", "disk.ovl")
        b.same(name, b.run(record("w.rr") + way)[:2])
        b.same(name + ", replay", b.run(replay("w.rr") + way)[:2])
        if digest(*images) != images:
            c.die(name + ": an image has changed")


def test_log_size(b):
    """Entries of completions: what reprise-log shows of them is the payload."""
    b.run(record("w.rr") + RAW)
    dump = subprocess.run([b.o.build + "/reprise-log", "dump", "w.rr"],
                          capture_output=True, text=True).stdout
    last, sizes = 0, []
    for at, kind, data in re.findall(r"^(\d+)\.\d+ (\w+) ?(\w*)$", dump, re.M):
        delta = max(1, ((int(at) - last).bit_length() + 6) // 7)
        last = int(at)
        if kind == "block":
            sizes.append(1 + delta + 1 + 1 + len(data) // 2)
    if len(sizes) < 1000 or max(sizes) > LOG_BYTES:
        c.die("%d completions, the longest entry %s" % (len(sizes),
                                                        sizes and max(sizes)))


def test_named(b):
    """rrsnapshot= and savevm: forwards, backwards, as often as one likes."""
    for name, way in (("blkreplay", DIRECT), ("raw", RAW + ORPHAN),
                      ("snapshot", ["-drive", "file=disk.ovl,snapshot"]
                       + ORPHAN)):
        b.fresh()
        bases = digest("disk.raw", "base.qcow2")
        b.start(record("n.rr", ",rrsnapshot=init") + way)
        b.wait_output(2000)
        if b.hmp("savevm mid"):
            c.die("savevm failed")
        b.same(name, b.end())
        for path in ("disk.ovl", "empty.qcow2"):
            check_image(path)
        b.same(name + ", replay", b.run(
            replay("n.rr", ",rrsnapshot=init") + way)[:2])
        b.start(["-S"] + replay("n.rr", ",rrsnapshot=init") + way)
        places = []
        for tag in ("mid", "init", "mid"):
            if b.hmp("loadvm " + tag):
                c.die("loadvm %s failed" % tag)
            b.wait_status("paused")
            places.append(b.qmp.ask("query-replay")["return"]["icount"])
        if places[0] != places[2] or places[1] != 0 or not places[0]:
            c.die("loadvm went to %s" % places)
        b.hmp("savevm again")
        if "again" not in b.hmp("info snapshots"):
            c.die("a snapshot made in replay is missing")
        b.qmp.ask("cont")
        b.same(name + ", after loadvm", b.end())
        if digest(*bases) != bases:
            c.die(name + ": a base image has changed")
    b.run(record("other.rr") + DIRECT)
    status, _, err = b.run(replay("other.rr", ",rrsnapshot=mid") + DIRECT)
    if status != 1:
        c.die("a snapshot of another recording was taken: %s" % err)


def test_plain(b):
    """savevm, loadvm and -loadvm of a machine that is not recorded."""
    shutil.copy("base.qcow2", "own.qcow2")
    way = ["-drive", "file=own.qcow2,format=qcow2,id=d"]
    b.start(way)
    b.wait_output(2000)
    b.qmp.ask("stop")
    said = os.path.getsize("out")
    if b.hmp("savevm mid"):
        c.die("savevm failed")
    b.qmp.ask("cont")
    b.same("after savevm", b.end())
    check_image("own.qcow2")
    rest = b.want[said:]
    b.same("-loadvm", b.run(way + ["-loadvm", "mid"])[:2], rest)
    b.start(way + ["-S"])
    for _ in range(3):
        if b.hmp("loadvm mid"):
            c.die("loadvm failed")
    if "nowhere" not in b.hmp("loadvm nowhere"):
        c.die("a snapshot that is not there was loaded")
    b.qmp.ask("cont")
    b.same("loadvm", b.end(), rest)
    shutil.copy("base.qcow2", "own.qcow2")
    b.start(way)  # the machine runs on while its pages are written
    b.wait_output(1000)
    if b.hmp("savevm busy"):
        c.die("savevm failed")
    b.same("after savevm at work", b.end())
    check_image("own.qcow2")
    status, rest, _ = b.run(way + ["-loadvm", "busy"])
    if status != EXIT or len(rest) < 100 or not b.want.endswith(rest):
        c.die("savevm at work: status %s, %d bytes" % (status, len(rest)))
    b.start(way + ["-S"])
    b.hmp("delvm busy")
    b.qmp.ask("quit")
    b.end()
    check_image("own.qcow2")


def test_changed(b):
    """Another content or another mapping is reported; the log of an untouched
    image goes on working."""
    shutil.copy("disk.raw", "mine.raw")
    way = ["-drive", "file=mine.raw,format=raw"]
    b.run(record("c.rr") + way)
    with open("mine.raw", "r+b") as f:
        f.seek(512 * 2000)
        f.write(b"changed")
    status, _, err = b.run(replay("c.rr") + way)
    if status != 4 or "the image has changed" not in err:
        c.die("a changed image gave status %s: %s" % (status, err))
    shutil.copy("disk.raw", "mine.raw")
    b.same("the old image again", b.run(replay("c.rr") + way)[:2])
    os.truncate("mine.raw", 8 << 20)
    status, _, err = b.run(replay("c.rr") + way)
    if status != 1 or "8388608 bytes" not in err:
        c.die("a shorter image gave status %s: %s" % (status, err))
    # compressed data that cannot be read any more, in the same place
    tool("convert", "-c", "-f", "raw", "-O", "qcow2", "disk.raw",
         "packed.qcow2").check_returncode()
    way = ["-drive", "file=packed.qcow2"]
    b.same("packed", b.run(record("c.rr") + way)[:2])
    with open("packed.qcow2", "r+b") as f:
        size = f.seek(0, 2)
        f.seek(0x50000)
        f.write(b"\xff" * (size - 0x50000))
    status, _, err = b.run(replay("c.rr") + way)
    if status not in (1, 4) or "packed.qcow2" not in err:
        c.die("an unreadable image gave status %s: %s" % (status, err))


def test_names(b):
    """Names of drives and devices are the host's: a replay may use others. The
    place on the bus is the guest's."""
    def way(drive, device="", node="n"):
        return ["-blockdev", "driver=raw,node-name=%s,file.driver=file,"
                "file.filename=disk.raw" % node,
                "-drive", "file=disk.ovl,if=none,id=" + drive,
                "-device", "ide-hd,drive=%s%s" % (drive, device),
                "-device", "ide-hd,drive=%s" % node]
    b.same("names", b.run(record("i.rr") + way("one"))[:2])
    for other in (way("two"), way("zz", ",id=disk0", "node2"),
                  way("one", ",bus=ide.0,unit=0")):
        b.same("other names", b.run(replay("i.rr") + other)[:2])
    for place in (",bus=ide.1", ",unit=1"):
        status, _, err = b.run(replay("i.rr") + way("one", place))
        if status != 1 or "ide0-hd" not in err:
            c.die("another place gave status %s: %s" % (status, err))
    b.same("if=ide", b.run(record("i.rr") + [
        "-drive", "file=disk.ovl,if=ide,id=one"])[:2])
    b.same("if=ide, no id", b.run(replay("i.rr") + [
        "-drive", "file=disk.ovl,if=ide"])[:2])


def test_late(b):
    """A disk that answers much later in replay: the guest sees no difference.
    Below the first cluster lies a null device with a latency."""
    latency, requests = 2000000, 500
    with open("disk.raw", "rb") as f, open("boot.raw", "wb") as g:
        g.write(f.read(65536))
    tool("convert", "-f", "raw", "-O", "qcow2", "boot.raw",
         "late.qcow2").check_returncode()
    tool("resize", "late.qcow2", "16M").check_returncode()

    def way(more):
        return ["-blockdev", "driver=qcow2,node-name=n,file.driver=file,"
                "file.filename=late.qcow2,backing.driver=null-co,"
                "backing.size=16M" + more, "-device", "ide-hd,drive=n"]
    slow = way(",backing.latency-ns=%d" % latency)
    for first, second in ((way(""), slow), (slow, way(""))):
        status, out, err = b.run(record("l.rr") + first)
        if status != EXIT or not out.rstrip().endswith(b"E"):
            c.die("late: status %s: %s" % (status, err))
        begin = time.monotonic()
        b.same("late, replay", b.run(replay("l.rr") + second)[:2], out)
        took = time.monotonic() - begin
        if second is slow and took < requests * latency / 1e9:
            c.die("no request was late: %.1f s" % took)


def replay_report(b, way, damage):
    """Replays f.rr; `damage` comes when the images are open. What is said of
    it, after the exit status was seen to be 4."""
    b.start(["-S"] + replay("f.rr") + way)
    damage()
    b.qmp.ask("cont")
    b.wait_status("internal-error")
    b.qmp.ask("quit")
    status, _ = b.end()
    with open("err") as f:
        said = f.read()
    if status != 4:
        c.die("status %s: %s" % (status, said))
    return said


def test_fails(b):
    """Reads that fail, or give something else, in replay only: the drive and
    the place are named."""
    at = 512 * 2000
    shutil.copy("disk.raw", "f.raw")
    way = ["-drive", "file=f.raw,format=raw,if=none,id=dd",
           "-device", "ide-hd,drive=dd"]
    b.same("fails", b.run(record("f.rr") + way)[:2])
    said = replay_report(b, way, lambda: os.truncate("f.raw", at))
    found = re.search(r"'dd': (\d+) bytes at (\d+) of 'f.raw' are others", said)
    if not found or not 0 <= at - int(found[2]) < int(found[1]):
        c.die("a file cut at %d: %s" % (at, said))
    tool("convert", "-c", "-f", "raw", "-O", "qcow2", "disk.raw",
         "f.qcow2").check_returncode()
    way = ["-drive", "file=f.qcow2,if=none,id=dd",
           "-device", "ide-hd,drive=dd"]
    b.same("fails", b.run(record("f.rr") + way)[:2])

    def damage():
        with open("f.qcow2", "r+b") as f:
            size = f.seek(0, 2)
            f.seek(0x50000)
            f.write(b"\xff" * (size - 0x50000))
    said = replay_report(b, way, damage)
    if not re.search(r"'dd': \d+ bytes at \d+ of 'f.qcow2' cannot be read now",
                     said):
        c.die("an unreadable image: " + said)


def test_media(b):
    """A CD that is changed and ejected while recording."""
    shutil.copy("disk.raw", "cd.iso")
    b.start(["-S"] + record("m.rr") + RAW)
    b.hmp("change ide1-cd0 cd.iso raw")
    b.qmp.ask("cont")
    b.wait_output(1000)
    drives = b.qmp.ask("query-block")["return"]
    if "cd.iso" not in str(drives):
        c.die("change had no effect: %s" % drives)
    b.hmp("eject ide1-cd0")
    b.wait_output(3000)
    if "cd.iso" in str(b.qmp.ask("query-block")["return"]):
        c.die("eject had no effect")
    b.same("media", b.end())
    b.same("media, replay", b.run(replay("m.rr") + RAW)[:2])
    os.remove("cd.iso")
    status, _, err = b.run(replay("m.rr") + RAW)
    if status != 4 or "cd.iso" not in err:
        c.die("a missing medium gave status %s: %s" % (status, err))


def test_full(b):
    """A disk that cannot grow stops the machine; with room it goes on."""
    b.fresh()
    size = os.path.getsize("disk.ovl")

    def limits():
        resource.setrlimit(resource.RLIMIT_FSIZE,
                           (size + (1 << 20), resource.RLIM_INFINITY))
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    way = ["-drive", "file=disk.ovl,format=qcow2"]
    b.start(way, limits)
    b.wait_status("io-error")
    resource.prlimit(b.proc.pid, resource.RLIMIT_FSIZE,
                     (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
    b.qmp.ask("cont")
    b.same("after the disk was full", b.end())
    check_image("disk.ovl", leaks=True)
    b.fresh()
    b.start(way[:1] + [way[1] + ",werror=report"], limits)
    status, out = b.end()
    if status != EXIT or b"!" not in out:
        c.die("werror=report: status %s" % status)
    check_image("disk.ovl", leaks=True)


def test_kill(b):
    """kill -9 while the guest writes: nothing but unused clusters."""
    rng = random.Random(b.o.seed)
    for size in ("64k", "512", "2M"):
        for _ in range(b.o.rounds):
            if os.path.exists("k.qcow2"):
                os.remove("k.qcow2")
            tool("create", "-f", "qcow2", "-o", "cluster_size=" + size, "-b",
                 "base.qcow2", "-F", "qcow2", "k.qcow2").check_returncode()
            b.start(["-drive", "file=k.qcow2,format=qcow2"])
            b.wait_output(rng.randrange(len(b.want) - 1000))
            b.proc.kill()
            b.proc.wait()
            check_image("k.qcow2", leaks=True)


def test_kill_snapshot(b):
    """kill -9 during savevm and delvm, while the guest writes: nothing but
    unused clusters, and the snapshots that are there load."""
    rng = random.Random(b.o.seed)
    way = ["-drive", "file=k.qcow2,format=qcow2"]
    begun = 0
    for i in range(b.o.rounds):
        shutil.copy("base.qcow2", "k.qcow2")
        b.start(way)
        b.wait_output(rng.randrange(len(b.want) // 2))
        lines = ["savevm first", "savevm second", "delvm first",
                 "savevm second", "delvm second"]
        kill = threading.Timer(rng.random() * b.o.kill_within, b.proc.kill)
        kill.start()
        try:
            for line in lines:
                b.hmp(line)
                begun += 1
        except (OSError, ValueError, KeyError):
            pass
        kill.join()
        b.proc.wait()
        check_image("k.qcow2", leaks=True)
        listed = tool("snapshot", "-l", "k.qcow2").stdout
        for name in re.findall(r"^\d+ +(\w+)", listed, re.M):
            b.start(way + ["-S"])
            if b.hmp("info snapshots").count(name) == 0:
                c.die("round %d: %s is not listed" % (i, name))
            b.qmp.ask("quit")
            b.end()
            status, out, err = b.run(way + ["-loadvm", name])
            if status != EXIT or not b.want.endswith(out):
                c.die("round %d: %s: status %s: %s" % (i, name, status, err))
            check_image("k.qcow2", leaks=True)
    print("# %d commands were over before the kills" % begun)


def test_record_save(b):
    """savevm of a recorded machine that runs on, with checkpoints: the
    snapshot has memory and disk of its moment, for a machine that is not
    recorded as well."""
    for name, way in (
            ("qcow2", ["-drive", "file=disk.ovl,format=qcow2"]),
            ("raw", ["-drive", "file=disk.raw,format=raw,snapshot=on"]
             + ORPHAN)):
        b.fresh()
        b.start(record("v.rr", ",rrcheckpoints=on") + way)
        for i in range(4):
            b.wait_output(1000 * (i + 1))
            said = b.hmp("savevm s%d" % i)
            if said:
                c.die("savevm failed: " + said)
        b.same(name, b.end())
        b.same(name + ", replay", b.run(replay("v.rr") + way)[:2])
        sizes = []
        for i in range(4):
            status, rest, err = b.run(way + ["-loadvm", "s%d" % i])
            if status != EXIT or not b.want.endswith(rest):
                c.die("%s: s%d gave status %s, %d bytes: %s" % (
                    name, i, status, len(rest), err))
            sizes.append(len(rest))
        if sorted(sizes, reverse=True) != sizes or sizes[0] == sizes[3]:
            c.die("%s: what is left after each snapshot: %s" % (name, sizes))


def test_record_loadvm(b):
    """A recording that begins at a snapshot of a machine that was not
    recorded; loadvm while recording is refused and changes nothing."""
    shutil.copy("base.qcow2", "own.qcow2")
    way = ["-drive", "file=own.qcow2,format=qcow2,id=d"]
    b.start(way)
    b.wait_output(2000)
    b.qmp.ask("stop")
    said = os.path.getsize("out")
    if b.hmp("savevm mid"):
        c.die("savevm failed")
    b.qmp.ask("quit")
    b.end()
    before = digest("own.qcow2")
    rest = b.want[said:]
    load = way + ["-loadvm", "mid"]
    b.same("-loadvm, record", b.run(record("s.rr") + load)[:2], rest)
    b.same("-loadvm, replay", b.run(replay("s.rr") + load)[:2], rest)
    b.start(record("s.rr") + load)
    b.wait_output(500)
    if "while recording" not in b.hmp("loadvm mid"):
        c.die("loadvm while recording was not refused")
    b.same("refused loadvm", b.end(), rest)
    b.same("refused loadvm, replay", b.run(replay("s.rr") + load)[:2], rest)
    status, _, err = b.run(replay("s.rr") + way)
    if status not in (1, 4):
        c.die("a replay without -loadvm gave %s: %s" % (status, err))
    if digest("own.qcow2") != before:
        c.die("the image has changed")


def main():
    p = argparse.ArgumentParser()
    p.add_argument("build")
    p.add_argument("--only")
    p.add_argument("--seed", type=int, default=1)
    p.add_argument("--rounds", type=int, default=2)
    p.add_argument("--kill-within", type=float, default=0.3)
    o = p.parse_args()
    o.build = os.path.abspath(o.build)
    if not shutil.which("qemu-img"):
        c.skip("qemu-img is not there (qemu-utils)")
    with tempfile.TemporaryDirectory(prefix="reprise-disks-") as d:
        os.chdir(d)
        b = Bench(o)
        for name, test in sorted(globals().items()):
            if name.startswith("test_") and o.only in (None, name[5:]):
                begin = time.monotonic()
                test(b)
                print("ok %s (%.1f s)" % (name[5:], time.monotonic() - begin))
        os.chdir("/")


main()
