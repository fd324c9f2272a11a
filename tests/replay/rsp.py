# SPDX-License-Identifier: GPL-2.0-or-later
"""gdb's remote protocol, raw, and a replay that listens to it."""
import json
import os
import select
import socket
import struct
import subprocess
import time

import common as c

ANSWER_S = 120


def connect(path):
    end = time.monotonic() + c.ANSWER_S
    while True:
        try:
            s = socket.socket(socket.AF_UNIX)
            s.connect(path)
            return s
        except OSError:
            if time.monotonic() > end:
                raise
            time.sleep(0.02)


class Rsp:
    def __init__(self, path, plain=False):
        """@plain: each packet is acknowledged"""
        self.s = connect(path)
        self.s.settimeout(ANSWER_S)
        self.got = b""
        self.acks = True
        self.features = self.ask("qSupported:swbreak+;hwbreak+")
        if not plain:
            assert self.ask("QStartNoAckMode") == "OK"
            self.acks = False

    def send(self, packet):
        data = packet.encode()
        self.s.sendall(b"$" + data + b"#%02x" % (sum(data) & 255))

    def receive(self):
        while True:
            begin = self.got.find(b"$")
            end = self.got.find(b"#", begin)
            if 0 <= begin < end and len(self.got) >= end + 3:
                packet = self.got[begin + 1:end].decode()
                self.got = self.got[end + 3:]
                if self.acks:
                    self.s.sendall(b"+")
                return packet
            data = self.s.recv(65536)
            if not data:
                raise EOFError
            self.got += data

    def ask(self, packet):
        self.send(packet)
        return self.receive()

    def quiet(self, seconds):
        """Does nothing come for so long?"""
        return b"$" not in self.got and not select.select(
            [self.s], [], [], seconds)[0]

    def interrupt(self):
        self.s.sendall(b"\x03")

    def monitor(self, line):
        said = ""
        self.send("qRcmd," + line.encode().hex())
        while True:
            part = self.receive()
            if part == "OK":
                return said
            if not part.startswith("O"):
                raise AssertionError("monitor %s: %s" % (line, part))
            said += bytes.fromhex(part[1:]).decode()

    def pc(self, thread=None):
        if thread is not None:
            assert self.ask("Hg%x" % (thread + 1)) == "OK"
        return struct.unpack_from("<Q", bytes.fromhex(self.ask("g")), 128)[0]

    def here(self):
        """((icount, sequence), digest)"""
        digest, _, moment = self.monitor("info digest").strip().split(" ")
        return tuple(int(n) for n in moment.split(".")), digest

    def close(self):
        self.s.close()


class Events(c.Qmp):
    """A QMP client that keeps what it is told unasked."""

    def __init__(self, path):
        self.events = []
        super().__init__(path)

    def read(self):
        message = json.loads(self.f.readline())
        if "event" in message:
            self.events.append(message["event"])
        return message

    def ask(self, command, **arguments):
        message = {"execute": command}
        if arguments:
            message["arguments"] = arguments
        self.f.write(json.dumps(message) + "\n")
        self.f.flush()
        while True:
            answer = self.read()
            if "event" not in answer:
                return answer

    def wait(self, event):
        while event not in self.events:
            self.read()
        self.events.remove(event)


class Replay:
    """A replay of @log that waits for a debugger and a QMP client."""
    count = 0

    def __init__(self, args, log, folder, more=(), shift=7):
        Replay.count += 1
        self.base = "%s/replay%d" % (folder, Replay.count)
        self.out = open(self.base + ".out", "wb")
        self.err = open(self.base + ".err", "wb")
        self.proc = subprocess.Popen(
            list(args) + ["-S", "-no-shutdown", "-gdb", "unix:%s.gdb" % self.base,
                          "-qmp", "unix:%s.qmp,server=on,wait=off" % self.base]
            + c.icount(shift, "replay", log) + list(more),
            stdin=subprocess.DEVNULL, stdout=self.out, stderr=self.err)

    def gdb(self):
        return Rsp(self.base + ".gdb")

    def qmp(self):
        return Events(self.base + ".qmp")

    def console(self):
        with open(self.base + ".out", "rb") as f:
            return f.read()

    def kept(self):
        return [self.base + ".out", self.base + ".err"]

    def end(self):
        if self.proc.poll() is None:
            self.proc.kill()
        self.proc.wait()
        self.out.close()
        self.err.close()
        for name in (".gdb", ".qmp"):
            if os.path.exists(self.base + name):
                os.unlink(self.base + name)
