#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Real gdb on the bare-metal guest `ticks`: plain, while recording and in
replay, with both engines, the same script sees the same machine; what it
writes while recording is in the recording. gdb.py BUILD"""
import os
import re
import shutil
import subprocess
import sys
import tempfile

import common as c

LOOK = """
break guest_interrupt
continue
backtrace
info registers
stepi
info registers eip eflags esp
stepi 20
info registers
x/4i $eip
delete
watch *(int *)&ticks
continue
continue
continue
info registers
delete
awatch *(int *)&sum
continue
continue
delete
hbreak mix
continue
finish
backtrace
delete
break mix if *(int *)&ticks == 50
continue
print *(int *)&ticks
info registers
delete
tbreak guest_exit
continue
info registers
print $cr0
print $xmm1
print $st0
info threads
"""

# Steps only: every pc is compared.
STEP = """
break on_tick
continue
delete
set $n = 0
while $n < 300
  stepi
  printf "%x %x %x\\n", $eip, $esp, $eflags
  set $n = $n + 1
end
"""

WRITE = """
break on_tick
continue 5
delete
set var *(int *)&sum = 0x1234567
set var $ebx = 0x55
set var $eflags = 0x46
print *(int *)&sum
info registers ebx eflags
"""


# The x86_64 target shows the 64-bit layout in 32-bit mode too.
WIDE = """
hbreak *%(guest_interrupt)s
continue
info registers rip rsp r15 eflags cs fs_base efer mxcsr
print $xmm15.v2_int64
stepi
stepi
info registers rip
delete
watch *(int *)%(ticks)s
continue
continue
info registers rip rax
info threads
maintenance packet qXfer:threads:read::0,fff
"""


class Runner:
    def __init__(self, build, folder):
        self.build, self.folder = build, folder
        self.elf = "%s/tests/guest/ticks.elf" % build
        self.runs = 0

    def address(self, name):
        said = subprocess.run(
            ["gdb", "-nx", "-batch", "-ex", "info address " + name, self.elf],
            capture_output=True, check=True).stdout.decode()
        return re.search(r"0x[0-9a-f]+", said).group()

    def __call__(self, script, options, end="kill", arch="i386"):
        """(what gdb saw, console, status)"""
        self.runs += 1
        base = "%s/run%d" % (self.folder, self.runs)
        machine = ["%s/reprise-system-%s" % (self.build, arch), "-m", "16",
                   "-kernel", self.elf, "-device", "isa-debug-exit",
                   "-display", "none", "-net", "none", "-monitor", "none",
                   "-serial", "file:%s.console" % base, "-S",
                   "-gdb", "unix:%s.sock" % base] + options
        with open(base + ".gdb", "w") as f:
            f.write("set pagination off\nset confirm off\nset width 0\n"
                    "set remotetimeout 30\ntarget remote %s.sock\n" % base
                    + script + end + "\n")
        with open(base + ".err", "w") as err:
            proc = subprocess.Popen(machine, stdin=subprocess.DEVNULL,
                                    stdout=err, stderr=err)
        try:
            for _ in range(500):
                if os.path.exists(base + ".sock") or proc.poll() is not None:
                    break
                subprocess.run(["sleep", "0.02"])
            said = subprocess.run(
                ["gdb", "-nx", "-batch", "-x", base + ".gdb"]
                + ([self.elf] if arch == "i386" else []),
                stdin=subprocess.DEVNULL, capture_output=True, timeout=200)
            status = proc.wait(100)
        except subprocess.TimeoutExpired:
            proc.kill()
            c.die("time is over", [base + ".gdb", base + ".err"])
        text = (said.stdout + said.stderr).decode(errors="replace")
        if "Error in sourced" in text or "target description" in text:
            print(text)
            c.die("the script did not run", [base + ".gdb", base + ".err"])
        with open(base + ".console", "rb") as f:
            return text, f.read(), status


def same(what, a, b):
    if a != b:
        for x, y in zip(a.splitlines(), b.splitlines()):
            if x != y:
                print("expected: %s\nseen:     %s" % (x, y))
                break
        print("--- expected\n%s\n--- seen\n%s" % (a, b))
        c.die(what + ": gdb saw another machine")


def need(text, *parts):
    for part in parts:
        if not re.search(part, text):
            print(text)
            c.die("not seen: " + part)


def main():
    build = sys.argv[1]
    if not shutil.which("gdb"):
        c.skip("there is no gdb")
    if not os.path.exists("%s/tests/guest/ticks.elf" % build):
        c.skip("the guest was not built")
    folder = tempfile.mkdtemp(prefix="reprise-gdb-")
    run = Runner(build, folder)
    log = folder + "/log"
    interp = ["-accel", "tcg,engine=interp"]
    odd = ["-accel", "tcg,random-length=on,flush-every=50,test-seed=3"]

    for script in (LOOK, STEP):
        first, _, _ = run(script, ["-icount", "shift=7"] + interp)
        for name, options in (
                ("plain", ["-icount", "shift=7"]),
                ("odd blocks", ["-icount", "shift=7"] + odd),
                ("record", c.icount(7, "record", log)),
                ("replay", c.icount(7, "replay", log)),
                ("replay with the interpreter",
                 c.icount(7, "replay", log) + interp)):
            same(name, first, run(script, options)[0])
    need(run(LOOK, ["-icount", "shift=7"])[0],
         r"Breakpoint 1, guest_interrupt \(frame=",
         r"#1 .* stub_common",
         r"Old value = 2\s+New value = 3",
         r"Breakpoint \d+, mix \(value=[^$]*\$1 = 50",
         r"Temporary breakpoint \d+, guest_exit \(code=")

    wide = WIDE % {n: run.address(n) for n in ("guest_interrupt", "ticks")}
    first, _, _ = run(wide, c.icount(7, "record", log), arch="x86_64")
    same("x86_64", first,
         run(wide, c.icount(7, "replay", log) + interp, arch="x86_64")[0])
    need(first, r"rip\s+" + run.address("guest_interrupt"), r"fs_base\s+0x0",
         r"New value = 2", r"CPU#0", r"thread id=")

    # What is written while recording is part of the recording.
    plain, console, status = run("", ["-icount", "shift=7"], "detach")
    need(console.decode(), "ticks checksum")
    saw, wrote, status = run(WRITE, c.icount(7, "record", log), "detach")
    need(saw, r"= 19088743\n", r"ebx\s+0x55\b", r"eflags\s+0x46 ")
    if status != 1 or wrote == console:
        c.die("the writes had no effect, or the guest ended with %r" % status)
    for options in ([], interp):
        _, again, status = run("", c.icount(7, "replay", log) + options,
                               "detach")
        if again != wrote or status != 1:
            c.die("replay: %r, status %r; recorded %r" % (again, status, wrote))
    refused = run("break on_tick\ncontinue\n"
                  "python\n"
                  "for t in ('set var $ebx = 1', 'set var *(int *)&sum = 1'):\n"
                  "    try:\n"
                  "        gdb.execute(t)\n"
                  "        print('written')\n"
                  "    except gdb.error as e:\n"
                  "        print('refused')\n"
                  "end\ndelete\n", c.icount(7, "replay", log), "detach")
    if refused[0].count("refused") != 2 or refused[1] != wrote:
        c.die("replay was written to: " + refused[0])
    shutil.rmtree(folder)
    print("gdb: %d runs agree" % run.runs)


if __name__ == "__main__":
    main()
