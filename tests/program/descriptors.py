# SPDX-License-Identifier: GPL-2.0-or-later
"""File descriptors from outside: -add-fd and add-fd as files, getfd as a
socket.

usage: descriptors.py BUILD
"""
import json
import os
import socket
import subprocess
import sys
import tempfile

import programs as p

OUTPUT = b"hello from a bare-metal guest"


def start(args, fds):
    return subprocess.Popen(args, pass_fds=fds, stdin=subprocess.DEVNULL,
                            stdout=subprocess.DEVNULL,
                            stderr=subprocess.PIPE, text=True)


def until_end(fd):
    with open(fd, "rb") as f:
        return f.read()


def from_outside(build):
    """Output and its copy go into pipes that we hold the other ends of."""
    out, out_theirs = os.pipe()
    log, log_theirs = os.pipe()
    proc = start(p.common.guest_args(build, "hello") + [
        "-add-fd", "fd=%d,set=7,opaque=out" % out_theirs,
        "-add-fd", "fd=%d,set=8" % log_theirs,
        "-chardev", "file,id=c,path=/dev/fdset/7,logfile=/dev/fdset/8,"
        "logappend=on", "-serial", "chardev:c"], (out_theirs, log_theirs))
    os.close(out_theirs)
    os.close(log_theirs)
    seen, copy = until_end(out), until_end(log)
    proc.wait(p.LIMIT_S)
    p.check(OUTPUT in seen, "-add-fd: output", seen)
    p.check(seen == copy, "-add-fd: logfile=", copy)


def disk(build, work):
    """A drive whose file is not there under any name."""
    path = os.path.join(work, "disk")
    with open(p.common.disk_image(build), "rb") as f:
        content = f.read()
    with open(path, "wb") as f:
        f.write(content)
    args = p.common.guest_args(build, "disk")
    drive = args.index("-drive") + 1
    outs = []
    for name in (path, "/dev/fdset/3"):
        fd = os.open(path, os.O_RDWR)
        if name != path:
            os.unlink(path)
        args[drive] = "format=raw,snapshot=off,file=" + name
        out = os.path.join(work, "out")
        proc = start(args + ["-add-fd", "fd=%d,set=3" % fd,
                             "-serial", "file:" + out], (fd,))
        os.close(fd)
        _, err = proc.communicate(timeout=p.LIMIT_S)
        p.check(proc.returncode == 33, "a disk of " + os.path.basename(name),
                proc.returncode, err)
        with open(out, "rb") as f:
            outs.append(f.read())
    p.check(outs[0] == outs[1], "the same from a set", *outs)


def mistakes(build):
    ours, theirs = os.pipe()
    chardev = "file,id=c,path=/dev/fdset/"
    for words, part in [
            (["-add-fd", "fd=%d,set=1" % ours, "-chardev", chardev + "1"],
             "Permission denied"),  # it is for reading
            (["-add-fd", "fd=%d,set=1" % theirs, "-chardev", chardev + "2"],
             "No such file or directory"),
            (["-add-fd", "fd=1,set=1"], "standard stream"),
            (["-add-fd", "fd=%d" % theirs], "needs fd= and set="),
            (["-add-fd", "fd=%d,set=1,opak=x" % theirs], "opaque"),
            (["-add-fd", "fd=1000,set=1"], "no descriptor")]:
        proc = start([p.binary(build)] + p.NONE + words, (ours, theirs))
        _, err = proc.communicate(timeout=p.LIMIT_S)
        p.check(proc.returncode == 1 and part in err, " ".join(words), err)
    os.close(ours)
    os.close(theirs)


def send(qmp, fd, command, **arguments):
    """A command with a descriptor."""
    text = json.dumps({"execute": command, "arguments": arguments})
    socket.send_fds(qmp.s, [text.encode()], [fd])
    return json.loads(qmp.f.readline())


def by_monitor(build, work):
    """Another back end while the guest waits, then its output."""
    path = os.path.join(work, "qmp")
    proc = start(p.common.guest_args(build, "hello") + [
        "-S", "-chardev", "null,id=c", "-serial", "chardev:c",
        "-chardev", "null,id=d", "-debugcon", "chardev:d",
        "-qmp", "unix:%s,server=on,wait=off" % path], ())
    qmp = p.common.Qmp(path)
    ours, theirs = socket.socketpair()
    out, out_theirs = os.pipe()
    p.check(send(qmp, theirs.fileno(), "getfd", fdname="line")
            == {"return": {}}, "getfd")
    first = send(qmp, out_theirs, "add-fd", opaque="for d")["return"]
    second = send(qmp, out_theirs, "add-fd")["return"]
    p.check(first["fdset-id"] == 0 and second["fdset-id"] == 1, "add-fd",
            first, second)
    sets = qmp.ask("query-fdsets")["return"]
    p.check(sets == [{"fdset-id": 0,
                      "fds": [{"fd": first["fd"], "opaque": "for d"}]},
                     {"fdset-id": 1, "fds": [{"fd": second["fd"]}]}],
            "query-fdsets", sets)
    theirs.close()
    os.close(out_theirs)
    to = {"type": "socket", "data": {
        "addr": {"type": "fd", "data": {"str": "line"}}, "server": False}}
    answer = qmp.ask("chardev-change", id="c", backend=to)
    p.check("return" in answer, "chardev-change to what getfd named", answer)
    answer = qmp.ask("chardev-add", id="e", backend=to)
    p.check("error" in answer, "the name is used up", answer)
    answer = qmp.ask("chardev-change", id="d", backend={
        "type": "file", "data": {"out": "/dev/fdset/0", "append": True}})
    p.check("return" in answer, "chardev-change to a set", answer)
    for number in (0, 1):
        p.check(qmp.ask("remove-fd", **{"fdset-id": number})
                == {"return": {}}, "remove-fd")
    p.check(qmp.ask("query-fdsets")["return"] == [], "no sets are left")
    p.check("error" in qmp.ask("remove-fd", **{"fdset-id": 0}), "remove-fd "
            "of none")
    qmp.ask("cont")
    seen = b""
    while (part := ours.recv(4096)):
        seen += part
    p.check(OUTPUT in seen, "output through the socket", seen)
    until_end(out)  # ends when all copies are closed
    proc.wait(p.LIMIT_S)


def main():
    build = sys.argv[1]
    from_outside(build)
    mistakes(build)
    with tempfile.TemporaryDirectory() as work:
        by_monitor(build, work)
        disk(build, work)


main()
