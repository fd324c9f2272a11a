#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Every command of the monitor for people, as `help` lists them: without
arguments, with likely ones and with nonsense, in a plain machine, while
recording and in replay. hmp.py BUILD"""
import os
import re
import shutil
import subprocess
import sys
import tempfile

import common as c

REFUSED = "in replay it comes from the recording"
ACTIONS = ("system_reset", "system_powerdown", "nmi", "sendkey a",
           "mouse_move 1 1", "mouse_button 1", "o 0x80 1")
# They end the program or wait for somebody.
NOT_ALONE = ("quit", "gdbserver")
NONSENSE = ("", " zzz", " -q", " /", " \"open", " 1", " -1 -1 -1 -1", " $rip",
            " /x", " %n%s", " 99999999999999999999", " ((((", " a b c d e f g",
            " \x07\xff")
# (command, what it says, as a pattern)
SAYS = (
    ("info version", "^Reprise "), ("info status", "^VM status: "),
    ("info name", "^people\r\n$"), ("info kvm", "^kvm support: "),
    ("info cpus", r"^\* CPU #0: thread_id=\d+\r\n  CPU #1: thread_id="),
    ("info registers", r"CPU#0\r\n[RE]AX=[0-9a-f]{8}"),
    ("info registers -a", "CPU#0\r\n(.|\n)*CPU#1\r\n"),
    ("info mtree", "pc.ram"), ("info mtree -f", "FlatView\r\n AS \"memory\""),
    ("info pci", "Bus  0, device   0, function 0:\r\n"
     "    Host bridge: PCI device 8086:1237\r\n"),
    ("info qtree", "bus: main-system-bus\r\n  type System\r\n"),
    ("info qom-tree", r"^/machine \(pc-i440fx-7.2-machine\)\r\n"
     r"  /unattached \(container\)\r\n"
     r"    /device\[0\] \(qemu64-x86_64-cpu\)\r\n"),
    ("info pic", "(?s)^ioapic0: ver=0x20 .*  pin 23 .*pic1: irr=.*pic0: irr="),
    ("info lapic", "^dumping local APIC state for CPU 0"),
    ("info mem", "PG disabled|^[0-9a-f]{16}-"),
    ("info tlb", "PG disabled|^[0-9a-f]{16}: "),
    ("info roms", "fw=bios size=0x0"), ("info mice", r"\* Mouse #\d: "),
    ("info memory_size_summary", "^base memory: 16777216\r\n"),
    ("info hotpluggable-cpus", "^Hotpluggable CPUs:"),
    ("info chardev", "compat_monitor0: filename="),
    ("info ramblock", "pc.ram +4 KiB"), ("info numa", "^0 nodes\r\n$"),
    ("info jit", "blocks"), ("info balloon", "^Error: No balloon device"),
    ("info dump", "^Status: "), ("info memdev", "memory backend: pc.ram"),
    ("info usb", "^Error: USB support not enabled"),
    ("info trace-events monitor_hmp", "^monitor_hmp : state 0\r\n$"),
    ("info device isa.exit", "not found|="),
    ("xp/4xb 0xffff0", "^00000000000ffff0: 0x[0-9a-f]{2} 0x"),
    ("xp/3i 0xffff0", "^0x00000000000ffff0:  \\S"),
    ("xp/2xg 0", r"^0{16}: 0x[0-9a-f]{16} 0x[0-9a-f]{16}\r\n$"),
    ("x/2dw 0", "^0{16}: -?\\d+ -?\\d+|Cannot access"),
    ("print/x 2*(3+4)", "^0xe\r\n$"), ("p/d 010", "^8\r\n$"),
    ("p/c 65", "^'A'\r\n$"), ("print $rip & 0", "^0x0\r\n$"),
    ("print $nosuch", "unknown register '.nosuch'"),
    ("sum 0xffff0 16", r"^\d{5}\r\n$"), ("gva2gpa 0xffff0", "^gpa: 0xffff0|^Un"),
    ("gpa2hva 0", "^Error: "), ("gpa2hpa 0", "^Error: "),
    ("i/b 0x61", r"^portb\[0x0061\] = 0x"), ("cpu 7", "invalid CPU index"),
    ("cpu 1", "^$"), ("help stop", r"^stop\|s -- "), ("log help", "guest_errors"),
    ("sendkey nosuchkey", "^invalid parameter: nosuchkey|sendkey: invalid"),
    ("watchdog_action nosuch", "does not accept value 'nosuch'"),
    ("watchdog_action none", "^$"), ("trace-event nosuch on", "unknown event"),
    ("device_add nosuch", "'nosuch' is not a valid device model name"),
    ("device_add isa-serial", "Bus 'isa.0' does not support hotplugging"),
    ("device_del nosuch", "Device 'nosuch' not found"),
    ("qom-list /", r"machine \(child<"), ("qom-get /machine type", "pc-i440fx"),
    ("qom-get /machine nosuch", "not found"), ("object_del x", "not found"),
    ("boot_set c", "^Error: "), ("info irq", "^Error: "),
    ("mouse_set 9", "Mouse at index '9' not found"),
    ("nosuchcommand", "^unknown command: 'nosuchcommand'"),
    ("info nosuch", "^unknown command: 'info nosuch'"),
    ("stop now", "Try \"help stop\" for more information"),
)


class Machine:
    def __init__(self, build, tmp, mode):
        self.mode = mode
        self.faults = []
        path = os.path.join(tmp, "qmp-" + mode)
        args = ["%s/reprise-system-x86_64" % build, "-display", "none", "-m",
                "16", "-smp", "2", "-name", "people", "-monitor", "none",
                "-serial", "none", "-no-shutdown",
                "-qmp", "unix:%s,server=on,wait=off" % path,
                "-device", "isa-debug-exit,id=exit"]
        if mode != "plain":
            args += c.icount("3", mode, os.path.join(tmp, "log"))
        # commands that write files find a folder of their own
        self.dir = os.path.join(tmp, "files-" + mode)
        os.mkdir(self.dir)
        self.proc = subprocess.Popen(args, stdin=subprocess.DEVNULL,
                                     stdout=subprocess.DEVNULL,
                                     stderr=subprocess.DEVNULL, cwd=self.dir)
        self.q = c.Qmp(path)

    def say(self, line):
        answer = self.q.ask("human-monitor-command", **{"command-line": line})
        if "return" not in answer or not isinstance(answer["return"], str):
            self.faults.append("%s: %r: %r" % (self.mode, line, answer))
            return ""
        said = answer["return"]
        if said and not said.endswith("\r\n"):
            self.faults.append("%s: %r: no line end" % (self.mode, line))
        return said

    def names(self):
        out = []
        for listing in ("help", "info"):
            for line in self.say(listing).splitlines():
                m = re.match(r"((?:info )?[^ |]+)\S* .*?-- ", line)
                if m and m.group(1) != "info":
                    out.append(m.group(1))
        return out

    def everything(self):
        names = self.names()
        if len(names) < 80:
            self.faults.append("help lists only %d commands" % len(names))
        for name in names:
            if name in NOT_ALONE:
                continue
            for more in NONSENSE:
                self.say(name + more)
            if name not in self.say("help " + name):
                self.faults.append("no help for " + name)
        for line, pattern in SAYS:
            said = self.say(line)
            if not re.search(pattern, said):
                self.faults.append("%s: %r says %r, not %r" % (
                    self.mode, line, said[:200], pattern))
        self.say("cont")
        for line in ACTIONS:
            said = self.say(line)
            if (REFUSED in said) != (self.mode == "replay"):
                self.faults.append("%s: %r says %r" % (self.mode, line, said))
        return len(names)

    def dump(self):
        """A core file: readable by gdb when there is one."""
        path = os.path.join(self.dir, "core")
        if self.say("dump-guest-memory -p " + path) or not \
                os.path.getsize(path) >= 15 << 20:
            self.faults.append(self.mode + ": no core file")
        if shutil.which("gdb"):
            r = subprocess.run(["gdb", "-nx", "-batch", "-ex", "info threads",
                                "-c", path], capture_output=True, text=True)
            if "LWP 2" not in r.stdout:
                self.faults.append("gdb says %r" % (r.stdout + r.stderr))

    def end(self):
        self.q.ask("quit")
        status = self.proc.wait(c.ANSWER_S)
        if status:
            self.faults.append("%s: status %d" % (self.mode, status))


def replays(build, tmp, faults):
    """All that was done while recording is in the recording."""
    status, _, err = c.run(
        ["%s/reprise-system-x86_64" % build, "-display", "none", "-m", "16",
         "-smp", "2", "-name", "people", "-monitor", "none", "-serial", "none",
         "-device", "isa-debug-exit,id=exit"]
        + c.icount("3", "replay", os.path.join(tmp, "log")), 300)
    if status:
        faults.append("the recording does not replay: %s, %s" % (status, err))


def main():
    tmp = tempfile.mkdtemp(prefix="reprise-hmp-")
    faults = []
    for mode in ("plain", "record", "replay"):
        m = Machine(sys.argv[1], tmp, mode)
        try:
            print("%s: %d commands" % (mode, m.everything()))
            m.dump()
            m.end()
        except (OSError, ValueError, subprocess.TimeoutExpired) as e:
            m.faults.append("%s: no answer: %r" % (mode, e))
            m.proc.kill()
        faults += m.faults
        if mode == "record":
            replays(sys.argv[1], tmp, faults)
    for f in faults:
        print("FAULT " + f[:400])
    if faults:
        c.die("%d fault(s)" % len(faults), [tmp])
    shutil.rmtree(tmp)


main()
