#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""A small initramfs: mkinitrd.py BUSYBOX INIT OUTPUT.gz

cpio "newc" (Linux, Documentation/driver-api/early-userspace/buffer-format.rst)
with owner root, times 0 and a fixed order, so that equal inputs give equal
bytes."""
import gzip
import os
import sys

DIR, FILE, LINK, CHR = 0o040000, 0o100000, 0o120000, 0o020000
APPLETS = """ash awk basename cat chmod clear cp cut date dd df dirname dmesg
    du echo env expr false find free grep gunzip gzip halt head hexdump
    hostname ifconfig ip kill killall less ln ls lsmod md5sum mkdir mknod more
    mount mv nc od ping pivot_root poweroff printf ps pwd reboot
    reset rm rmdir sed seq setsid sh sha256sum sleep sort stty sync tail tar
    tee test time top touch tr true tty udhcpc umount uname uniq uptime usleep
    vi wc wget which xargs yes""".split()


class Archive:
    def __init__(self):
        self.data = bytearray()
        self.inode = 0

    def add(self, name, mode, body=b"", device=(0, 0)):
        self.inode += 1
        raw = name.encode("ascii") + b"\0"
        links = 2 if mode >> 12 == DIR >> 12 else 1
        fields = [self.inode, mode, 0, 0, links, 0, len(body),
                  0, 0, device[0], device[1], len(raw), 0]
        head = "070701" + "".join(f"{f:08x}" for f in fields)
        self.data += head.encode("ascii") + raw
        self.pad()
        self.data += body
        self.pad()

    def pad(self):
        self.data += b"\0" * (-len(self.data) % 4)

    def finish(self):
        self.inode = -1  # the trailer has inode 0
        self.add("TRAILER!!!", 0)
        return bytes(self.data)


def build(busybox, init):
    a = Archive()
    for name in ("bin", "dev", "etc", "proc", "root", "sys", "tmp"):
        a.add(name, DIR | 0o755)
    a.add("dev/console", CHR | 0o600, device=(5, 1))
    a.add("dev/null", CHR | 0o666, device=(1, 3))
    a.add("dev/ttyS0", CHR | 0o600, device=(4, 64))
    a.add("bin/busybox", FILE | 0o755, busybox)
    for name in APPLETS:
        a.add("bin/" + name, LINK | 0o777, b"busybox")
    a.add("init", FILE | 0o755, init)
    return a.finish()


def main():
    if len(sys.argv) != 4:
        raise SystemExit(__doc__)
    with open(sys.argv[1], "rb") as f:
        busybox = f.read()
    with open(sys.argv[2], "rb") as f:
        init = f.read()
    part = sys.argv[3] + ".part"
    with open(part, "wb") as f:
        f.write(gzip.compress(build(busybox, init), 9, mtime=0))
    os.replace(part, sys.argv[3])


if __name__ == "__main__":
    main()
