# SPDX-License-Identifier: GPL-2.0-or-later
"""Options from files and JSON, trace points, files for the firmware.

usage: config.py BUILD
"""
import os
import struct
import sys
import tempfile

import programs as p

CONFIG = """# a comment
[machine]
  type = "pc"
[memory]
  size = "16"
[chardev "text"]
  backend = "file"
  path = "%(work)s/wrong"
[device "port"]
  driver = "isa-serial"
  chardev = "text"
"""


def guest(build, name, *more):
    args = p.common.guest_args(build, name)[1:]
    return p.run(build, *args, *more)


def read(path):
    with open(path, errors="replace") as f:
        return f.read()


def write(path, text):
    with open(path, "w") as f:
        f.write(text)
    return path


def files(build, work):
    config = write(os.path.join(work, "config"), CONFIG % {"work": work})
    text = os.path.join(work, "text")
    args = p.common.guest_args(build, "hello")
    kernel = args[args.index("-kernel") + 1]
    end = ["-nodefaults", "-display", "none", "-no-reboot", "-device",
           "isa-debug-exit", "-kernel", kernel]
    status, _, err = p.run(build, "-readconfig", config, "-set",
                           "chardev.text.path=" + text, *end)
    p.check(status is not None and "hello from" in read(text)
            and not os.path.exists(os.path.join(work, "wrong")),
            "-readconfig and -set", status, err)
    for bad, part in (("[machin]\n", "machine"), ("x = \"y\"\n", "[group]"),
                      ("[machine\n", "expected"),
                      ("[machine]\ntype = pc\n", "quotes"),
                      ("[machine]\ntype = \"nope\"\n", "no such machine")):
        write(config, bad)
        status, _, err = p.run(build, "-readconfig", config)
        p.check(status == 1 and part in err and config in err, repr(bad), err)
    os.unlink(text)
    status, _, err = p.run(
        build, "-chardev", "file,id=text,path=" + text, "-device",
        '{"driver":"isa-serial","chardev":"text","index":0}', "-object",
        '{"qom-type":"memory-backend-ram","id":"ram","size":33554432}',
        "-machine", "pc,memory-backend=ram", *end)
    p.check(status is not None and "hello from" in read(text),
            "JSON devices and objects", status, err)


def traces(build, work):
    file = os.path.join(work, "trace")
    status, _, err = guest(build, "hello", "-trace",
                           "enable=io_*,file=" + file)
    text = read(file)
    p.check("io_write" in text and "0x48" not in err and "timer_" not in text,
            "-trace io_*", status, text[:500])
    p.check(all(line.startswith("[") for line in text.splitlines()),
            "lines begin with the instruction count", text[:500])
    events = write(os.path.join(work, "events"), "# mine\nio_write\n-io_write\n"
                   "run_state\n")
    guest(build, "hello", "-trace", "events=%s,file=%s" % (events, file))
    text = read(file)
    p.check("run_state" in text and "io_write" not in text, "-trace events=",
            text[:500])
    _, _, err = guest(build, "hello", "-d", "trace:device_reset")
    p.check("device_reset /pc" in err, "-d trace:", err[:500])
    log = os.path.join(work, "log")
    texts = []
    for mode in ("record", "replay"):
        guest(build, "hello", "-trace", "enable=io_write,file=" + file,
              *p.common.icount(5, mode, log))
        texts.append(read(file))
    p.check(texts[0] == texts[1] and texts[0],
            "the same lines in record and replay")


def firmware(build, work):
    structure = struct.pack("<BBH", 200, 4, 0x4242) + b"mine\0\0"
    table = os.path.join(work, "table")
    with open(table, "wb") as f:
        f.write(structure)
    data = write(os.path.join(work, "data"), "from a file")
    for given, seen in (("string=a,,b", "a,b"), ("file=" + data,
                                                 "from a file")):
        _, out, err = guest(
            build, "firmware", "-fw_cfg", "name=opt/test," + given, "-smbios",
            "type=1,manufacturer=Maker,product=Thing", "-smbios",
            "type=11,value=one,value=two", "-smbios", "file=" + table)
        p.check("fw_cfg: %s\r\n" % seen in out, "-fw_cfg " + given, out, err)
        for line in ("1: Maker", "1: Thing", "b: one", "b: two", "c8: mine"):
            number, word = line.split(": ")
            p.check("smbios %08x: %s" % (int(number, 16), word) in out
                    or "smbios 0x%08x: %s" % (int(number, 16), word) in out,
                    "SMBIOS " + line, out)
    write(table, "x")
    status, _, err = guest(build, "firmware", "-smbios", "file=" + table)
    p.check(status == 1 and "not an SMBIOS structure" in err,
            "a file that is no table", err)


def main():
    build = sys.argv[1]
    with tempfile.TemporaryDirectory() as work:
        files(build, work)
        traces(build, work)
        firmware(build, work)


main()
