# SPDX-License-Identifier: GPL-2.0-or-later
"""What the tests of the whole program share."""
import os
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)),
                                "..", "replay"))
import common  # noqa: E402

LIMIT_S = 120
NONE = ["-machine", "none", "-nodefaults", "-display", "none"]


def binary(build):
    return os.path.join(build, "reprise-system-x86_64")


def run(build, *args, limit=LIMIT_S):
    """(status, output, errors) as text"""
    status, out, err = common.run([binary(build), *args], limit)
    return status, out.decode(errors="replace"), err


def check(good, what, *seen):
    if not good:
        common.die("%s: %s" % (what, " ".join(repr(s) for s in seen)))
    print("good:", what)


def wait_for(what, condition, limit=LIMIT_S):
    end = time.monotonic() + limit
    while not condition():
        if time.monotonic() > end:
            common.die("never came: " + what)
        time.sleep(0.05)


def status_of(pid, field):
    """A line of /proc/PID/status"""
    with open("/proc/%d/status" % pid) as f:
        for line in f:
            name, value = line.split(":", 1)
            if name == field:
                return value.strip()
    return None


def gone(pid):
    try:
        return status_of(pid, "State").startswith("Z")
    except OSError:
        return True
