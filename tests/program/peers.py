# SPDX-License-Identifier: GPL-2.0-or-later
"""Peers of a serial socket that do not read, say nothing, say too much or
reset the connection; two ports that share an interrupt. Plain, recorded and
replayed.

usage: peers.py BUILD
"""
import os
import socket
import struct
import subprocess
import sys
import tempfile
import threading
import time

import programs as p

LINE = 10  # "%08x\r\n"
FLOOD_BYTES = 5000


def lines(count):
    return b"".join(b"%08x\r\n" % i for i in range(count))


class Machine:
    """A guest whose serial ports are sockets, with a QMP monitor."""

    def __init__(self, build, work, guest, icount, ports=1):
        self.qmp_path = os.path.join(work, "qmp")
        args = p.common.guest_args(build, guest) + icount + [
            "-display", "none",
            "-qmp", "unix:%s,server=on,wait=off" % self.qmp_path]
        self.tcp = []
        for i in range(ports):
            listener = socket.create_server(("127.0.0.1", 0))
            number = listener.getsockname()[1]
            listener.close()
            self.tcp.append(number)
            if i:
                args += ["-serial", "null"]
            args += ["-chardev", "socket,id=s%d,host=127.0.0.1,port=%d,"
                     "server=on,wait=off" % (i, number),
                     "-serial", "chardev:s%d" % i]
        self.proc = subprocess.Popen(
            args + ["-S"], stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE, text=True)
        self.qmp = p.common.Qmp(self.qmp_path)

    def connect(self, i=0, room=None):
        s = socket.socket()
        if room:
            s.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, room)
        s.settimeout(p.LIMIT_S)
        s.connect(("127.0.0.1", self.tcp[i]))
        p.wait_for("the peer is known", lambda: not [
            c for c in self.qmp.ask("query-chardev")["return"]
            if c["label"] == "s%d" % i
            and c["filename"].startswith("disconnected")])
        return s

    def steps(self):
        answer = self.qmp.ask("query-replay")
        return answer["return"]["icount"]

    def stands(self):
        """True: no step was made while we asked 10 times."""
        first = self.steps()
        for _ in range(10):
            time.sleep(0.02)
            if self.steps() != first:
                return False
        return True

    def wait(self, status):
        _, err = self.proc.communicate(timeout=p.LIMIT_S)
        p.check(self.proc.returncode == status, "its end",
                self.proc.returncode, err)

    def kill(self):
        self.proc.kill()
        self.proc.wait()
        if os.path.exists(self.qmp_path):
            os.unlink(self.qmp_path)


def read_on(s, tail=b""):
    """Everything until the end of the connection."""
    seen = [tail]
    while (part := s.recv(1 << 16)):
        seen.append(part)
    return b"".join(seen)


def check_text(seen, what):
    """Lines without a gap, then what the guest has been sent."""
    first, at = seen.index(lines(1)), seen.rindex(b"got ")
    text = seen[first:at]  # the firmware says something before
    p.check(text == lines(len(text) // LINE), what + ": no byte lost or "
            "doubled", len(seen), seen[:100], seen[-100:])
    words = seen[at:].split()
    return int(words[1], 16), int(words[3], 16)


def total(data):
    value = 0
    for c in data:
        value = (value << 5 | value >> 27) & 0xffffffff ^ c
    return value


def slow(build, work, icount):
    """Returns what the port said from the beginning to the end."""
    m = Machine(build, work, "flood", icount)
    try:
        s = m.connect(room=4096)
        m.qmp.ask("cont")
        p.wait_for("the machine stands still", m.stands)
        at = m.steps()
        p.check(m.qmp.ask("query-status")["return"]["running"],
                "QMP answers: it runs")
        m.qmp.ask("stop")
        p.check(m.qmp.ask("query-status")["return"]["status"] == "paused",
                "stop")
        m.qmp.ask("cont")
        p.check(m.qmp.ask("query-status")["return"]["running"], "cont")
        p.check(m.stands() and m.steps() == at, "not a step was made", at)
        s.sendall(b"abc")
        p.check(m.stands() and m.steps() == at, "nor when it is sent bytes")
        first = s.recv(1 << 16)
        while len(first) < 1 << 21:  # twice the queue
            first += s.recv(1 << 16)
        p.check(m.steps() > at, "it goes on when the peer reads")
        s.sendall(b"q")
        seen = read_on(s, first)
        m.wait(1)
        p.check(check_text(seen, "slow reader") == (3, total(b"abc")),
                "what it was sent")
        return seen
    finally:
        m.kill()


def slow_and_quit(build, work, icount):
    m = Machine(build, work, "flood", icount)
    try:
        s = m.connect(room=4096)
        m.qmp.ask("cont")
        p.wait_for("the machine stands still", m.stands)
        m.qmp.ask("quit")
        m.wait(0)
        s.close()
    finally:
        m.kill()


def flooding(build, work, icount):
    """It sends without end while it reads."""
    data = bytes(i * 7 % 90 + 0x20 for i in range(FLOOD_BYTES))
    data = data.replace(b"q", b"Q") + b"q"
    m = Machine(build, work, "flood", icount)
    try:
        s = m.connect()
        m.qmp.ask("cont")
        seen = b""
        while lines(1) not in seen:  # the guest empties its FIFO first
            seen += s.recv(64)
        sender = threading.Thread(target=s.sendall, args=(data,))
        sender.start()
        seen = read_on(s, seen)
        sender.join()
        m.wait(1)
        got = check_text(seen, "flooding peer")
        p.check(got == (len(data) - 1, total(data[:-1])), "what it was sent",
                got)
        return seen
    finally:
        m.kill()


def resetting(build, work, icount):
    """A peer that stands in the way and goes with RST; then a silent one and
    one that ends the guest."""
    m = Machine(build, work, "flood", icount)
    try:
        s = m.connect(room=4096)
        m.qmp.ask("cont")
        p.wait_for("the machine stands still", m.stands)
        at = m.steps()
        s.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER,
                     struct.pack("ii", 1, 0))
        s.close()
        p.wait_for("it runs without a peer", lambda: m.steps() > at)
        s = m.connect()
        seen = s.recv(1 << 16)
        while len(seen) < 1 << 16:  # says nothing
            seen += s.recv(1 << 16)
        s.sendall(b"q")
        seen = read_on(s, seen)
        m.wait(1)
        p.check(seen.endswith(b"got 00000000 sum 00000000\r\n"),
                "after a reset", seen[-100:])
    finally:
        m.kill()


def replayed(build, work, guest, log, files):
    """What the ports say in a replay of @log."""
    args = p.common.guest_args(build, guest) + p.common.icount(
        7, "replay", log, ",sleep=off") + ["-display", "none"]
    for i in range(files):
        if i:
            args += ["-serial", "null"]
        args += ["-serial", "file:%s" % os.path.join(work, "out%d" % i)]
    status, _, err = p.common.run(args, p.LIMIT_S)
    p.check(status == 1, "replay", status, err)
    seen = []
    for i in range(files):
        with open(os.path.join(work, "out%d" % i), "rb") as f:
            seen.append(f.read())
    return seen


def line(s, want=None):
    seen = b""
    while not seen.endswith(b"\n"):
        seen += s.recv(1)
    if want:
        p.check(seen == want, "COM1 and COM3", seen, want)
    return seen


def shared(build, work, icount):
    """COM1 and COM3 on IRQ 4, one after the other and both at once."""
    m = Machine(build, work, "ports", icount, ports=2)
    try:
        one, three = m.connect(0), m.connect(1)
        m.qmp.ask("cont")
        seen = [line(one), line(three)]
        while seen[0].endswith(b"\r\n"):  # the firmware's come before
            seen[0] += line(one)
        had = [0, 0]
        for i, c in ((0, b"a"), (1, b"b"), (1, b"c"), (0, b"d")):
            (one, three)[i].sendall(c)
            had[i] += 1
            seen[i] += line((one, three)[i], b"13"[i:i + 1] + c
                            + b"%d\n" % had[1 - i])
        many = b"ABCDEFGHIJKLMNOPQRSTUVWXYZ" * 40
        for s in (one, three):
            s.sendall(many)
        for i, s in enumerate((one, three)):
            got = b""
            while got.count(b"\n") < len(many):
                got += s.recv(4096)
            p.check(bytes(row[1] for row in got.split()) == many
                    and all(row[0] == b"13"[i] for row in got.split()),
                    "both at once", i, got[-100:])
            seen[i] += got
        three.sendall(b"q")
        seen[1] += read_on(three)
        seen[0] += read_on(one)
        m.wait(1)
        return seen
    finally:
        m.kill()


def main():
    build = sys.argv[1]
    plain = ["-icount", "shift=7,sleep=off"]
    with tempfile.TemporaryDirectory() as work:
        log = os.path.join(work, "log")
        record = p.common.icount(7, "record", log, ",sleep=off")
        slow_and_quit(build, work, plain)
        seen = slow(build, work, record)
        p.check(replayed(build, work, "flood", log, 1) == [seen],
                "the replay says the same")
        seen = flooding(build, work, record)
        p.check(replayed(build, work, "flood", log, 1) == [seen],
                "the replay says the same")
        resetting(build, work, record)
        seen = replayed(build, work, "flood", log, 1)[0]
        p.check(check_text(seen, "replay of a reset") == (0, 0), "no input")
        shared(build, work, plain)
        seen = shared(build, work, record)
        p.check(replayed(build, work, "ports", log, 2) == seen,
                "the replay of two ports says the same")


main()
