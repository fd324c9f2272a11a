#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Random walks through a recording, forwards and backwards, by raw packets of
gdb's protocol. Each stop is compared with a replay that only goes forwards:
the same digest of the whole machine at the same moment, the same registers;
each reverse-continue found the last hit; nothing is printed twice.
reverse.py BUILD GUEST [OPTIONS]"""
import argparse
import os
import random
import shutil
import tempfile
import time

import common as c
import rsp

BEGIN = "replaylog:begin"
END = "replaylog:end"


def options():
    p = argparse.ArgumentParser()
    p.add_argument("build")
    p.add_argument("guest")
    p.add_argument("--moves", type=int, default=200)
    p.add_argument("--seed", type=int, default=1)
    p.add_argument("--shift", default="7")
    p.add_argument("--more", default="", help="machine options")
    p.add_argument("--replay", action="append", default=[],
                   help="options of the replay that walks")
    p.add_argument("--near", type=int, default=2000,
                   help="steps of a short way")
    return p.parse_args()


class Walk:
    def __init__(self, o, replay, vcpus):
        self.o, self.replay, self.vcpus = o, replay, vcpus
        self.rng = random.Random(o.seed)
        self.gdb = replay.gdb()
        self.qmp = replay.qmp()
        self.seen = {}  # (icount, sequence): (digest, pc of all vCPUs)
        self.pcs = set()
        self.log = []
        self.end = None
        self.at = None
        self.look("start")
        self.start = self.at

    def die(self, why):
        for line in self.log[-12:]:
            print(line)
        c.die(why, self.replay.kept())

    def look(self, move):
        at, digest = self.gdb.here()
        pcs = tuple(self.gdb.pc(n) for n in range(self.vcpus))
        self.log.append("%s: at %d.%d %s" % (move, at[0], at[1], digest))
        old = self.seen.setdefault(at, (digest, pcs))
        if old != (digest, pcs):
            self.die("%s: another machine than before: %s" % (move, old))
        self.pcs.add(pcs[0])
        self.at = at

    def ask(self, packet, *expected):
        answer = self.gdb.ask(packet)
        if not any(answer.startswith(e) or e in answer for e in expected):
            self.die("%s: %s" % (packet, answer))
        return answer

    # --- moves ---

    def to_end(self):
        answer = self.ask("c", END)
        self.look("to the end " + answer)
        self.end = self.end or self.at
        if self.at != self.end:
            self.die("the end is elsewhere: %s" % (self.end,))

    def seek(self, to, sequence=None):
        text = "%d" % to if sequence is None else "%d.%d" % (to, sequence)
        said = self.gdb.monitor("replay_seek " + text)
        if said:
            self.die("replay_seek %s: %s" % (text, said))
        self.look("seek " + text)
        if to <= self.end[0] and self.at[0] != to:
            self.die("a seek to %s ended at %s" % (text, self.at))

    def seek_far(self):
        self.seek(self.rng.randrange(self.end[0] + 1))

    def seek_near(self):
        far = self.rng.randrange(-self.o.near, self.o.near + 1)
        self.seek(min(max(self.at[0] + far, 0), self.end[0]))

    def seek_known(self):
        self.seek(*self.rng.choice(sorted(self.seen)))

    def seek_qmp(self):
        to = self.rng.randrange(self.end[0] + 1)
        self.qmp.ask("query-status")  # all events before it have been read
        self.qmp.events.clear()
        answer = self.qmp.ask("replay-seek", icount=to)
        if "error" in answer:
            self.die("replay-seek: %s" % answer)
        self.qmp.wait("RESUME")
        self.qmp.wait("STOP")
        self.look("replay-seek %d" % to)
        if self.at[0] != to:
            self.die("replay-seek %d ended at %s" % (to, self.at))

    def steps(self, packet, thread):
        if self.vcpus > 1:
            assert self.gdb.ask("Hc%x" % (thread + 1)) == "OK"
        for _ in range(self.rng.randrange(1, 12)):
            before = self.at
            if packet == "s" and before == self.end:
                break
            answer = self.ask(packet, "T05")
            self.look("%s of %d: %s" % (packet, thread, answer))
            if BEGIN in answer or END in answer:
                break
            if self.vcpus == 1 and self.at[0] - before[0] != (
                    1 if packet == "s" else -1):
                self.die("%s from %s" % (packet, before))

    def step(self):
        self.steps("s", 0)

    def step_range(self):
        """As source lines are stepped: out of a range of addresses."""
        assert self.gdb.ask("Hc1") == "OK"
        before, pc = self.at, self.gdb.pc(0)
        answer = self.ask("vCont;r%x,%x:1" % (pc, pc + 12), "T05")
        self.look("range at %x: %s" % (pc, answer))
        if END not in answer and (self.at <= before
                                  or pc <= self.gdb.pc(0) < pc + 12):
            self.die("vCont;r from %s stopped in the range" % (before,))

    def step_back(self):
        self.steps("bs", self.rng.randrange(self.vcpus))

    def there_and_back(self):
        """A step of one vCPU is undone by a step back of the same."""
        n = self.rng.randrange(self.vcpus)
        assert self.gdb.ask("Hc%x" % (n + 1)) == "OK"
        answer = self.ask("bs", "T05")
        self.look("bs of %d: %s" % (n, answer))
        before = self.at
        if BEGIN in answer:
            return
        answer = self.ask("s", "T05")
        self.look("s of %d: %s" % (n, answer))
        if END in answer:
            return
        self.ask("bs", "T05")
        self.look("bs again of %d" % n)
        if self.at != before:
            self.die("s and bs: from %s to %s" % (before, self.at))

    def back_to(self, what, remove, hit):
        """bc with @what armed; no hit lies between it and where it began."""
        begin = self.at
        answer = self.ask("bc", "T05")
        self.look("bc with %s: %s" % (what, answer))
        if self.at > begin or (BEGIN not in answer and hit not in answer):
            self.die("bc from %s: %s" % (begin, answer))
        if self.at == begin:
            self.gdb.ask(remove)
            return
        if "watch" in hit:  # it stands before the access: pass it
            self.ask("s", "T05")
        if begin == self.end:
            answer = self.ask("c", END, "T05")
            passed = END in answer
        else:
            self.gdb.monitor("replay_break %d.%d" % begin)
            answer = self.ask("c", "T02", "T05")
            passed = answer.startswith("T02")
            self.gdb.monitor("replay_delete_break")
        self.look("c: " + answer)
        self.gdb.ask(remove)
        # a breakpoint or an access at the very place comes first
        if not passed and self.at[0] < begin[0]:
            self.die("bc missed a hit at %s" % (self.at,))

    def break_back(self):
        pc = self.rng.choice(sorted(self.pcs))
        self.gdb.ask("Z0,%x,1" % pc)
        self.back_to("a breakpoint", "z0,%x,1" % pc, "swbreak")

    def watch_back(self):
        # where all of the machine has one mapping
        pcs = [p for p in sorted(self.pcs) if p < 1 << 24 or p >> 63]
        at = self.rng.choice(pcs) & ~0xfff
        at += 8 * self.rng.randrange(512)
        self.gdb.ask("Z2,%x,8" % at)
        self.back_to("a watchpoint", "z2,%x,8" % at, "watch:")

    def on(self):
        pc = self.rng.choice(sorted(self.pcs))
        self.gdb.ask("Z0,%x,1" % pc)
        answer = self.ask("c", "T05", END)
        self.gdb.ask("z0,%x,1" % pc)
        self.look("c: " + answer)

    def find(self):
        kind = self.rng.choice(("interrupt", "exception"))
        forward = self.rng.randrange(2)
        before = self.at
        said = self.gdb.monitor("replay_find %s %s" % (
            kind, "forward" if forward else "backward"))
        self.look("find: " + said.strip())
        if said.startswith("at ") == (self.at == before) or (
                self.at != before and (self.at > before) != bool(forward)):
            self.die("replay_find from %s: %s" % (before, said))

    def last_write(self):
        before = self.at
        address = self.rng.randrange(0x500, 0x100000) & ~7
        said = self.gdb.monitor("replay_last_write -p %d 8" % address)
        self.look("last write: " + said.strip())
        if said.startswith("written") == (self.at >= before):
            self.die("replay_last_write from %s: %s" % (before, said))
        if said.startswith("written"):
            after = said.split()[-1]
            assert self.gdb.ask("Qqemu.PhyMemMode:1") == "OK"
            self.ask("s", "T05")
            if self.vcpus == 1 and " device " not in said:
                self.ask("m%x,8" % address, after)
            assert self.gdb.ask("Qqemu.PhyMemMode:0") == "OK"
            self.look("s")

    def cancel(self):
        """Ctrl-C while it searches: back where it began."""
        before = self.at
        self.gdb.send("bc")
        time.sleep(self.rng.random() * 0.01)
        self.gdb.interrupt()
        answer = self.gdb.receive()
        self.look("bc and Ctrl-C: " + answer)
        if not (answer.startswith("T02") and self.at == before
                or BEGIN in answer):
            self.die("bc and Ctrl-C from %s: %s" % (before, answer))
        # one that came late stops nothing

    def vanish(self):
        """The debugger goes while it searches."""
        before = self.at
        self.gdb.send("bc")
        time.sleep(self.rng.random() * 0.01)
        if self.rng.randrange(2):
            self.gdb.s.sendall(bytes(self.rng.randrange(256)
                                     for _ in range(200)))
        self.gdb.close()
        self.gdb = self.replay.gdb()
        self.look("a new debugger, the old one left at %s" % (before,))
        self.start = self.at

    def start_debugging(self):
        self.qmp.ask("query-status")
        self.qmp.events.clear()
        said = self.qmp.ask("human-monitor-command",
                            **{"command-line": "loadvm start_debugging"})
        if said.get("return") != "":
            self.die("loadvm start_debugging: %s" % said)
        self.qmp.wait("STOP")
        self.look("where the debugger came")
        # before the first pass is no stop
        if self.at != self.start and (self.at[0] or self.start[0]):
            self.die("start_debugging is not at %s" % (self.start,))

    def run(self):
        moves = [self.seek_far, self.seek_near, self.seek_known, self.seek_qmp,
                 self.step, self.step_range, self.step_back, self.there_and_back,
                 self.break_back, self.watch_back, self.on, self.find,
                 self.last_write, self.cancel, self.vanish,
                 self.start_debugging]
        self.to_end()
        for _ in range(self.o.moves):
            self.rng.choice(moves)()
        self.to_end()


def check(o, args, log, folder, seen, vcpus):
    """The same stops, on a way that only goes forwards."""
    replay = rsp.Replay(args, log, folder, shift=o.shift)
    gdb = replay.gdb()
    for at in sorted(seen):
        gdb.monitor("replay_break %d.%d" % at)
        if gdb.here()[0] != at:
            gdb.ask("c")
        here, digest = gdb.here()
        pcs = tuple(gdb.pc(n) for n in range(vcpus))
        if here != at or (digest, pcs) != seen[at]:
            c.die("forwards there is another machine at %s: %s, %s %s; the "
                  "walk saw %s" % (at, here, digest, pcs, seen[at]),
                  replay.kept())
    replay.end()


def main():
    o = options()
    args = c.guest_args(o.build, o.guest) + o.more.split()
    vcpus = int(o.more.split()[o.more.split().index("-smp") + 1]) \
        if "-smp" in o.more else 1
    folder = tempfile.mkdtemp(prefix="reprise-reverse-")
    log = os.path.join(folder, "log")
    status, console, err = c.run(args + c.icount(o.shift, "record", log), 600)
    if status not in (0, 1, 33):
        c.die("recording: status %r\n%s" % (status, err))
    replay = rsp.Replay(args, log, folder, o.replay, o.shift)
    walk = Walk(o, replay, vcpus)
    try:
        walk.run()
    except (OSError, EOFError) as e:
        walk.die("lost the machine: %r" % e)
    said = replay.console()
    replay.end()
    if said != console:
        c.die("the walk printed something else than the recording",
              replay.kept())
    check(o, args, log, folder, walk.seen, vcpus)
    shutil.rmtree(folder)
    print("reverse: %d moves, %d moments agree" % (o.moves, len(walk.seen)))


if __name__ == "__main__":
    main()
