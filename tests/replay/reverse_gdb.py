#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Real gdb goes backwards through a recording of the bare-metal guest `ticks`:
both engines show it the same; what it says is what the guest did.
reverse_gdb.py BUILD"""
import os
import shutil
import sys
import tempfile

import common as c
from gdb import Runner, need, same

# Steps, breakpoints, the beginning and the end.
POINTS = """
break on_tick
continue
continue 3
print ticks
info registers eip esp eflags
reverse-stepi
x/i $pc
reverse-stepi
stepi
stepi
info registers eip esp eflags
reverse-continue
print ticks
reverse-continue
reverse-continue
print ticks
reverse-continue
info registers eip
continue
print ticks
delete
break mix if ticks == 50
continue
print ticks
continue
continue
continue
reverse-continue
reverse-continue
reverse-continue
print ticks
print sum
reverse-continue
delete
hbreak on_tick
continue
continue
reverse-continue
print ticks
delete
continue
info registers eip
reverse-stepi
x/i $pc
tbreak on_tick
reverse-continue
print ticks
"""

LINES = """
break on_tick if ticks == 30
continue
delete
next
next
next
next
step
reverse-step
reverse-next
reverse-next
print ticks
reverse-next
reverse-next
tbreak mix
continue
finish
reverse-finish
reverse-finish
backtrace
up
reverse-stepi
reverse-stepi
"""

WATCH = """
break on_tick if ticks == 20
continue
delete
watch ticks
continue
continue
reverse-continue
reverse-continue
reverse-continue
print ticks
continue
delete
awatch sum
reverse-continue
reverse-continue
continue
delete
rwatch sum
reverse-continue
info registers eip
delete
watch ticks if ticks == 5
reverse-continue
print ticks
delete
watch sum
set $n = 0
while $n < 60
  reverse-continue
  set $n = $n + 1
end
info registers
"""

# The monitor's own searches; gdb is told to forget what it knows.
SEARCH = """
break on_tick if ticks == 20
continue
delete
python
def monitor(line):
    print(line + ": " + gdb.execute("monitor " + line, to_string=True).strip())
    gdb.execute("maintenance flush register-cache")
    gdb.execute("maintenance flush dcache")
address = int(gdb.parse_and_eval("(unsigned)&sum"))
ticks = int(gdb.parse_and_eval("(unsigned)&ticks"))
monitor("replay_last_write %d 4" % address)
print("sum is %#x" % int(gdb.parse_and_eval("sum")))
gdb.execute("stepi")
print("sum is %#x" % int(gdb.parse_and_eval("sum")))
monitor("replay_last_write -p %d 4" % ticks)
gdb.execute("info registers eip")
monitor("replay_last_write %d 4" % ticks)
monitor("replay_find interrupt:32 backward")
gdb.execute("info registers eip")
monitor("replay_find interrupt:0x20")
monitor("replay_find interrupt")
monitor("replay_find exception:14 backward")
monitor("replay_seek 1000000")
gdb.execute("info registers eip")
monitor("info replay")
monitor("replay_last_write 0xfffffff0")
end
"""


def all_engines(run, script, log, need_parts):
    replay = c.icount(7, "replay", log)
    first = None
    for name, more in (
            ("jit", []),
            ("interpreter", ["-accel", "tcg,engine=interp"]),
            ("odd blocks", ["-accel", "tcg,random-length=on,flush-every=50,"
                            "test-seed=3"])):
        text = run(script, replay + more)[0]
        if first is None:
            first = text
            need(text, *need_parts)
        same(name, first, text)


def main():
    build = sys.argv[1]
    if not shutil.which("gdb"):
        c.skip("there is no gdb")
    if not os.path.exists("%s/tests/guest/ticks.elf" % build):
        c.skip("the guest was not built")
    folder = tempfile.mkdtemp(prefix="reprise-reverse-gdb-")
    run = Runner(build, folder)
    log = folder + "/log"

    # A recording has no way back yet, and its guest is not disturbed.
    said, console, status = run(
        "break on_tick\ncontinue\npython\n"
        "for t in ('reverse-stepi', 'reverse-continue'):\n"
        "    try:\n"
        "        gdb.execute(t)\n"
        "        print('went back')\n"
        "    except gdb.error as e:\n"
        "        print('refused: %s' % e)\n"
        "end\ndelete\n", c.icount(7, "record", log), "detach")
    need(said, r"refused: Target remote does not support this command")
    if said.count("refused") != 2 or status != 1:
        c.die("recording: %s, status %r" % (said, status))

    all_engines(run, POINTS, log, (
        r"\$1 = 3\s",
        r"=> 0x\w+ <guest_interrupt\+\d+>",
        r"Breakpoint 1, [^$]*\$2 = 2\s",
        r"\$3 = 0\s+No more reverse-execution history[^$]*"
        r"eip\s+0xfff0\b[^$]*Breakpoint 1, [^$]*\$4 = 0\s",
        r"Breakpoint 2, [^$]*\$5 = 50\s",
        r"\$6 = 50\s[^$]*\$7 = \d+\s+No more reverse-execution history",
        r"Breakpoint 3, [^$]*\$8 = 0\s+No more reverse-execution history[^$]*"
        r"<guest_exit\+\d+>:\s+out [^$]*Temporary breakpoint 4, "
        r"[^$]*\$9 = 200\s"))
    all_engines(run, LINES, log, (
        r"19\s+mix[^\n]*\s+20\s+mix[^\n]*\s+21\s+mix[^$]*"
        r"mix \(value=\d+\)[^$]*21\s+mix[^\n]*\s+20\s+mix[^\n]*\s+"
        r"\$1 = 31\s+19\s+mix",
        r"Temporary breakpoint 2, mix [^#]*on_tick \(frame=[^#]*"
        r"guest_interrupt \(frame=[^#]*stub_common \(\)[^#]*#0 +stub_common"))
    all_engines(run, WATCH, log, (
        r"Old value = 20\s+New value = 21\s[^$]*"
        r"Old value = 21\s+New value = 22\s[^$]*"
        r"Old value = 22\s+New value = 21\s[^$]*"
        r"Old value = 21\s+New value = 20\s[^$]*"
        r"Old value = 20\s+New value = 19\s[^$]*\$1 = 19\s[^$]*"
        r"Old value = 19\s+New value = 20\s",
        r"Hardware access \(read/write\) watchpoint",
        r"Hardware read watchpoint",
        r"Old value = 6\s+New value = 5\s[^$]*\$2 = 5\s"))
    all_engines(run, SEARCH, log, (
        r"replay_last_write \d+ 4: written by a vCPU at \d+\.0, CPU #0, pc "
        r"0x\w+: bytes \w{8} became \w{8}",
        r"4: written by a vCPU .*: bytes 13000000 became 14000000\s+"
        r"eip\s+\w+\s+\w+ <on_tick",
        r"4: written by a vCPU .*: bytes 12000000 became 13000000",
        r"interrupt:32 backward: at \d+\.\d+, CPU #0, pc 0x\w+, vector 0x20\s+"
        r"eip\s+\w+\s+\w+ <(stub|guest)",
        r"exception:14 backward: .*there is none before here",
        r"instruction count = 1000000",
        r"0xfffffff0: .*there is no RAM at"))
    shutil.rmtree(folder)
    print("reverse_gdb: %d runs agree" % run.runs)


if __name__ == "__main__":
    main()
