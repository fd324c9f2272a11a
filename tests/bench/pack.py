#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""A folder as a compressed cpio archive, to stand behind another initrd:
pack.py FOLDER OUTPUT.gz"""
import gzip
import importlib.util
import os
import stat
import sys

TOOLS = os.path.join(os.path.dirname(os.path.abspath(__file__)), "../../tools")


def archive():
    """The writer of tools/mkinitrd.py."""
    spec = importlib.util.spec_from_file_location(
        "mkinitrd", os.path.join(TOOLS, "mkinitrd.py"))
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module.Archive()


def add(out, root, name):
    path = os.path.join(root, name)
    info = os.lstat(path)
    if stat.S_ISLNK(info.st_mode):
        body = os.readlink(path).encode()
    elif stat.S_ISREG(info.st_mode):
        with open(path, "rb") as f:
            body = f.read()
    elif stat.S_ISDIR(info.st_mode):
        body = b""
    else:
        return
    mode = stat.S_IFMT(info.st_mode) | (0o755 if info.st_mode & 0o111
                                        else 0o644)
    out.add(name, mode, body)


def main():
    if len(sys.argv) != 3:
        raise SystemExit(__doc__)
    root, output = sys.argv[1:]
    out = archive()
    names = []
    for at, dirs, files in os.walk(root):
        dirs.sort()
        rel = os.path.relpath(at, root)
        names += [os.path.normpath(os.path.join(rel, n))
                  for n in sorted(dirs + files)]
    for name in sorted(names):  # a folder before what is in it
        add(out, root, name)
    with open(output + ".part", "wb") as f:
        f.write(gzip.compress(out.finish(), 9, mtime=0))
    os.replace(output + ".part", output)


if __name__ == "__main__":
    main()
