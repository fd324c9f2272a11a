# SPDX-License-Identifier: GPL-2.0-or-later
"""The process: background, pid file, user, sandbox, signals, messages.

usage: process.py BUILD
"""
import os
import re
import signal
import subprocess
import sys
import tempfile

import programs as p

NOBODY = 65534


def daemon(build, work, *more):
    pid_file = os.path.join(work, "pid")
    status, out, err = p.run(build, *p.NONE, "-S", "-daemonize", "-pidfile",
                             pid_file, *more)
    p.check(status == 0 and not err, "-daemonize " + " ".join(more), status,
            out, err)
    with open(pid_file) as f:
        return int(f.read()), pid_file


def end(pid, sig=signal.SIGTERM):
    os.kill(pid, sig)
    p.wait_for("the end of the daemon", lambda: p.gone(pid))


def background(build, work):
    path = os.path.join(work, "qmp")
    pid, pid_file = daemon(build, work, "-qmp",
                           "unix:%s,server=on,wait=off" % path)
    p.check(os.getpgid(pid) == pid, "a session of its own")
    p.check(os.readlink("/proc/%d/fd/0" % pid) == "/dev/null", "no terminal")
    p.check(os.readlink("/proc/%d/cwd" % pid) == "/", "works in /")
    status, _, err = p.run(build, *p.NONE, "-S", "-pidfile", pid_file)
    p.check(status == 1 and "another process holds it" in err,
            "the pid file is locked", status, err)
    p.check(p.common.Qmp(path).ask("query-status")["return"]["status"]
            == "prelaunch", "QMP answers")
    for sig in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        end(pid, sig)
        p.check(not os.path.exists(pid_file), "the pid file is gone after %s"
                % sig.name)
        pid, pid_file = daemon(build, work)
    end(pid)
    status, _, err = p.run(build, *p.NONE, "-daemonize", "-pidfile",
                           "/nonexistent/pid")
    p.check(status == 1 and "/nonexistent/pid" in err,
            "errors reach the terminal", status, err)
    status, _, err = p.run(build, "-machine", "none", "-nographic",
                           "-daemonize")
    p.check(status == 1 and "uses the terminal" in err,
            "-daemonize with the terminal", status, err)


def sandbox(build, work):
    for words, seccomp in (("off", "0"), ("on", "2"),
                           ("on,spawn=deny,elevateprivileges=deny,"
                            "resourcecontrol=deny,obsolete=deny", "2")):
        pid, _ = daemon(build, work, "-sandbox", words)
        threads = os.listdir("/proc/%d/task" % pid)
        p.check(p.status_of(pid, "Seccomp") == seccomp, "-sandbox " + words)
        if seccomp == "2":
            p.check(p.status_of(pid, "NoNewPrivs") == "1",
                    "no new privileges")
            for thread in threads:
                with open("/proc/%d/task/%s/status" % (pid, thread)) as f:
                    p.check("Seccomp:\t2" in f.read(), "thread in it")
        end(pid)


def user(build, work):
    if os.getuid() != 0:
        print("skipped: -runas and -chroot: not root")
        return
    pid, _ = daemon(build, work, "-runas", "%d:%d" % (NOBODY, NOBODY))
    p.check(p.status_of(pid, "Uid").split() == [str(NOBODY)] * 4
            and p.status_of(pid, "Gid").split() == [str(NOBODY)] * 4,
            "-runas", p.status_of(pid, "Uid"))
    end(pid)
    os.unlink(os.path.join(work, "pid"))  # nobody may not
    pid, _ = daemon(build, work, "-chroot", work)
    p.check(os.readlink("/proc/%d/root" % pid) == work, "-chroot")
    end(pid)
    status, _, err = p.run(build, *p.NONE, "-S", "-runas", "no-such-user")
    p.check(status == 1 and "no such user" in err, "-runas nobody there", err)


def messages(build):
    stamp = r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z "
    wrong = ["-chroot", "/nonexistent"] + p.NONE
    _, _, err = p.run(build, "-msg", "timestamp=on", *wrong)
    p.check(re.match(stamp + "reprise-system", err), "-msg timestamp=on", err)
    _, _, err = p.run(build, "-msg", "timestamp=on,guest-name=on", "-name",
                      "guest=box", *wrong)
    p.check(re.match(stamp + "box reprise-system", err), "guest-name=on", err)
    _, _, err = p.run(build, "-msg", "timestamp=off", *wrong)
    p.check(err.startswith("reprise-system"), "-msg timestamp=off", err)


def read_name(pid, thread):
    with open("/proc/%d/task/%s/comm" % (pid, thread)) as f:
        return f.read().strip()


def signals(build):
    for sig in (signal.SIGTERM, signal.SIGINT):
        proc = subprocess.Popen(
            [p.binary(build)] + p.NONE, stdin=subprocess.DEVNULL,
            stderr=subprocess.PIPE, text=True)
        p.wait_for("its loop", lambda: any(
            read_name(proc.pid, t) == "machine"
            for t in os.listdir("/proc/%d/task" % proc.pid)))
        proc.send_signal(sig)
        _, err = proc.communicate(timeout=p.LIMIT_S)
        p.check(proc.returncode == 0
                and "terminating on signal %d" % sig in err,
                "%s says so" % sig.name, proc.returncode, err)


def names(build, work):
    pid, _ = daemon(build, work, "-name", "box,process=boxy,debug-threads=on")
    p.check(p.status_of(pid, "Name") == "boxy", "-name process=")
    end(pid)


def main():
    build = sys.argv[1]
    with tempfile.TemporaryDirectory() as work:
        work = os.path.realpath(work)
        os.chmod(work, 0o755)
        background(build, work)
        sandbox(build, work)
        user(build, work)
        names(build, work)
    messages(build)
    signals(build)


main()
