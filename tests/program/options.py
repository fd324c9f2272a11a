# SPDX-License-Identifier: GPL-2.0-or-later
"""The command line: help, lists, and what a person reads after a mistake.

usage: options.py BUILD
"""
import json
import os
import subprocess
import sys
import tempfile

import programs as p

# option words: a part of the message
MISTAKES = [
    (["-sandbxo", "on"], "did you mean -sandbox?"),
    (["-spice", "port=1"], "-spice: screens: not in this version yet"),
    (["-mem-path", "/x"], "-mem-path: not in this program: guest RAM"),
    (["-enable-kvm"], "only tcg can count instructions exactly"),
    (["-accel", "kvm"], "-accel kvm: only tcg can count"),
    (["-accel", "tgc"], "no such accelerator"),
    (["-machine", "pcc"], "did you mean 'pc'?"),
    (["-cpu", "host"], "must replay on any host"),
    (["-smp", "4,sockets=3"], "is not the number of vCPUs (4)"),
    (["-smp", "cpus=0"], "at least 1"),
    (["-smp", "3,maxcpus=2"], "maxcpus at least"),
    (["-m", "1G,maxmem=2G,slots=2"], "memory hot-plug"),
    (["-m", "12x"], "expected a size"),
    (["-boot", "order=cc"], "'c' is there twice"),
    (["-boot", "once=d"], "once=d"),
    (["-boot", "oder=c"], "order"),
    (["-rtc", "base=yesterday"], "expected utc, localtime"),
    (["-action", "reboot=never"], "expected one of reset, shutdown"),
    (["-action", "panick=none"], "panic"),
    (["-smbios", "type=1,manufactor=x", "-nographic"], "manufacturer"),
    (["-smbios", "type=200"], "type=200"),
    (["-smbios", "type=1,file=x"], "needs one of type= and file="),
    (["-trace", "no_such_*"], "no trace point fits"),
    (["-object", "secrt,id=a"] + p.NONE, "did you mean 'secret'?"),
    (["-object", "secret,id=a"] + p.NONE, "needs one of data= and file="),
    (["-object", "secret,id=1a,data=x"] + p.NONE, "begins with a letter"),
    (["-object", "authz-pam,id=a"] + p.NONE, "who may connect"),
    (["-object", "memory-backend-file,id=a"] + p.NONE, "memory-backend-ram"),
    (["-object", "rng-random,id=a,filname=x"] + p.NONE, "filename"),
    (["-object", "{\"qom-type\""] + p.NONE, "not JSON"),
    (["-machine", "pc,memory-backend=x"], "no memory-backend-ram"),
    (["-set", "device.x.y=z"], "there is no device 'x'"),
    (["-readconfig", "/nonexistent"], "No such file"),
    (["-uuid", "12"], "expected the form"),
    (["-device", "isa-serail"], "isa-serial"),
    (["-msg", "timstamp=on"], "timestamp"),
    (["-overcommit", "cpu-pm=on"], "cpu-pm=on"),
    (["-sandbox", "on,spawn=never"], "expected one of allow, deny"),
    (["-display", "gtk"], "screens are not in this version yet"),
    (["-k"], "needs an argument"),
    (["-audiodev", "pa,id=a"], "sound is not in this version yet"),
]

HELPS = [
    (["-help"], "The process:"), (["-h"], "-daemonize"),
    (["--help"], "-readconfig FILE"), (["-version"], "Reprise"),
    (["-object", "help"], "memory-backend-ram"),
    (["-object", "secret,help"], "file=<string>"),
    (["-device", "help"], "isa-serial"),
    (["-device", "isa-serial,help"], "iobase"),
    (["-machine", "help"], "pc"), (["-cpu", "help"], "qemu64"),
    (["-accel", "help"], "tcg"), (["-trace", "help"], "io_write"),
    (["-d", "help"], "guest_errors"), (["-L", "help"], "/usr/share"),
    (["-chardev", "help"], "socket"), (["-display", "help"], "none"),
]


def reference_options():
    """All that the reference lists; none when it is not installed."""
    try:
        text = subprocess.run(["qemu-system-x86_64", "-help"], check=True,
                              capture_output=True, text=True).stdout
    except (OSError, subprocess.CalledProcessError):
        return []
    names = set()
    for line in text.splitlines():
        if line.startswith("-"):
            name = line.split()[0].split("[")[0].lstrip("-")
            names |= {n.lstrip("-") for n in name.split("/")}
    return sorted(names)


def main():
    build = sys.argv[1]
    for words, part in MISTAKES:
        status, _, err = p.run(build, *words)
        p.check(status == 1 and part in err and err.count("\n") == 1,
                " ".join(words), status, err)
    for words, part in HELPS:
        status, out, err = p.run(build, *words)
        p.check(status == 0 and part in out and not err, " ".join(words),
                status, out, err)
    for name in reference_options():
        # as an argument, then as an option that ends it all
        _, _, err = p.run(build, "-" + name, "-nothing", "-nothing")
        p.check("-%s: unknown option (" % name not in err
                and "-%s: unknown option: did" % name not in err,
                "reference's -" + name, err)
    with tempfile.TemporaryDirectory() as work:
        path = os.path.join(work, "qmp")
        args = p.NONE + ["-S", "-qmp", "unix:%s,server=on,wait=off" % path]
        proc = subprocess.Popen([p.binary(build)] + args,
                                stdin=subprocess.DEVNULL)
        qmp = p.common.Qmp(path)
        answer = qmp.ask("query-command-line-options")["return"]
        found = {o["option"]: [a["name"] for a in o["parameters"]]
                 for o in answer}
        p.check("timestamp" in found["msg"] and "cores" in found["smp-opts"],
                "query-command-line-options", json.dumps(found))
        qmp.ask("cont")
        status = qmp.ask("query-status")["return"]
        p.check(status["running"], "-machine none runs", status)
        p.check(qmp.ask("query-cpus-fast")["return"] == [], "without vCPUs")
        p.check(qmp.ask("inject-nmi"), "nmi is answered")
        qmp.ask("quit")
        p.check(proc.wait(p.LIMIT_S) == 0, "quit", proc.returncode)


main()
