# SPDX-License-Identifier: GPL-2.0-or-later
"""The workloads: what runs, how much of it, and what a right run prints."""
import os
import re
import subprocess

ROOT = os.path.join(os.path.dirname(os.path.abspath(__file__)), "../..")
KERNEL_MODES = ["plain", "icount7", "record7"]
BOOT_MODES = ["plain", "icount7", "record7", "replay7", "record-auto",
              "replay-auto"]
LINUX_MODES = ["plain", "record7"]

# class: (what it is, {mode: ours / reference to reach})
CLASSES = {
    "startup": ("an empty guest", {}),
    "tight": ("tight integer loops", {"record7": 0.6}),
    "branchy": ("branchy integer", {"record7": 0.6}),
    "calls": ("calls, returns, indirect jumps", {"record7": 0.6}),
    "tlb": ("pointer chase beyond the TLB", {"record7": 0.6}),
    "l1": ("pointer chase in L1", {"record7": 1.0}),
    "alu": ("pure ALU chain", {"record7": 1.0}),
    "fp": ("scalar floating point", {"record7": 0.6}),
    "packed": ("packed floating point and integer", {"record7": 0.6}),
    "system": ("system calls, interrupts, page faults", {"record7": 0.6}),
    "string": ("string operations", {"record7": 0.6}),
    "boot": ("Linux boot to power-off",
             {"plain": 0.7, "record7": 0.45, "record-auto": 0.45,
              "replay7": 0.25, "replay-auto": 0.25}),
    "linux": ("work in a Linux guest", {"record7": 0.5, "record-auto": 0.5}),
}

# name, class, rounds, rounds with --quick; one program each in guests/.
# Sized for a second or so on QEMU 7.2.
KERNELS = [
    ("empty", "startup", 1, 1),
    ("sieve", "tight", 600, 60),
    ("copy", "tight", 100000, 10000),
    ("quicksort", "branchy", 1600, 160),
    ("crc", "branchy", 800, 80),
    ("interpreter", "branchy", 50, 5),
    ("fib", "calls", 1000, 100),
    ("threaded", "calls", 100000, 10000),
    ("chase_tlb", "tlb", 1600, 160),
    ("chase_l1", "l1", 200000, 20000),
    ("alu", "alu", 160000, 16000),
    ("nbody", "fp", 8000, 800),
    ("packed_fp", "packed", 40000, 4000),
    ("packed_int", "packed", 30000, 3000),
    ("int80", "system", 3000, 300),
    ("syscall", "system", 4000, 400),
    ("pagefault", "system", 800, 80),
    ("timer", "system", 100, 10),
    ("strings", "string", 800, 80),
]

# The timer's work follows the guest's clock: not where that is the host's.
FIXED_SHIFT = ["timer"]

# name, bench= of linux/init, bench_n=, with --quick; further initrd
LINUX = [
    ("linux-fork", "fork", 300, 50, None),
    ("linux-gzip", "gzip", 20000, 5000, None),
    ("linux-awk", "awk", 3000, 500, None),
    ("linux-shell", "shell", 80000, 10000, None),
    ("linux-python", "python", 40, 2, "bench-python.cpio.gz"),
]
# Only when named: the CPU features that Linux sees, to compare the sides.
LINUX_ON_DEMAND = [("linux-flags", "flags", 1, 1, None)]


class Setup:
    """Where things are."""

    def __init__(self, build, guests, folder, quick):
        self.build, self.guests = build, guests
        self.folder, self.quick = folder, quick


def expected_checksums():
    """{(name, rounds): checksum}, as `native` printed them on a host."""
    table = {}
    with open(os.path.join(ROOT, "tests/bench/expected.txt")) as f:
        for line in f:
            if line.strip() and not line.startswith("#"):
                name, rounds, checksum = line.split()
                table[name, int(rounds)] = checksum
    return table


class Kernel:
    """A bare-metal guest; ends through isa-debug-exit with status 1."""
    ram = 128 << 20
    on_request = False

    def __init__(self, name, kind, rounds, quick):
        self.name, self.kind = name, kind
        self.counts = (rounds, quick)
        self.modes = KERNEL_MODES
        self.net_of_startup = kind != "startup"
        self.expected = expected_checksums()

    def allows(self, mode):
        return self.name not in FIXED_SHIFT or mode.endswith("7")

    def rounds(self, setup):
        return self.counts[1 if setup.quick else 0]

    def missing(self, setup):
        path = self.path(setup)
        return None if os.path.exists(path) else path + " was not built"

    def path(self, setup):
        return os.path.join(setup.build, "tests/bench", self.name + ".elf")

    def options(self, setup):
        return ["-m", "128", "-device", "isa-debug-exit", "-kernel",
                self.path(setup), "-append", "rounds=%d" % self.rounds(setup)]

    def wrong(self, run, setup):
        if run.status != 1:
            return "status %s: %s" % (run.status, run.errors.strip()[-200:])
        right = self.expected[self.name, self.rounds(setup)]
        m = re.search(r"checksum ([0-9a-f]{16})", run.output)
        if not m or m.group(1) != right:
            return "printed '%s', expected checksum %s" % (
                run.output.strip()[-200:], right)
        return None


class Linux:
    """Debian's kernel with an initrd; ends by switching itself off."""
    ram = 256 << 20
    net_of_startup = False

    def __init__(self, name, kind, mark, bench=None, counts=(1, 1),
                 more=None):
        self.name, self.kind, self.mark = name, kind, mark
        self.bench, self.counts, self.more = bench, counts, more
        self.modes = BOOT_MODES if kind == "boot" else LINUX_MODES
        self.result = None
        self.on_request = any(name == row[0] for row in LINUX_ON_DEMAND)

    def allows(self, mode):
        return True

    def initrd(self, setup):
        if not self.bench:
            return os.path.join(setup.guests, "initrd-amd64.gz")
        return os.path.join(setup.folder, self.name + ".initrd.gz")

    def missing(self, setup):
        names = ["vmlinuz-amd64"]
        names += ["busybox-amd64"] if self.bench else ["initrd-amd64.gz"]
        names += [self.more] if self.more else []
        for name in names:
            path = os.path.join(setup.guests, name)
            if not os.path.exists(path):
                return path + " is not there"
        if self.bench:
            self.make_initrd(setup)
        return None

    def make_initrd(self, setup):
        here = os.path.join(ROOT, "tests/bench/linux")
        out = self.initrd(setup)
        subprocess.run(
            ["python3", "-B", os.path.join(ROOT, "tools/mkinitrd.py"),
             os.path.join(setup.guests, "busybox-amd64"),
             os.path.join(here, "init"), out], check=True)
        if self.more:
            self.append_python(setup, out, os.path.join(here, "bench.py"))

    def append_python(self, setup, out, script):
        """Archives may stand one behind the other (the kernel's
        early-userspace/buffer-format.rst)."""
        folder = os.path.join(setup.folder, "python-root")
        os.makedirs(folder, exist_ok=True)
        with open(script, "rb") as f, \
                open(os.path.join(folder, "bench.py"), "wb") as g:
            g.write(f.read())
        small = os.path.join(setup.folder, "python-script.gz")
        subprocess.run(["python3", "-B",
                        os.path.join(ROOT, "tests/bench/pack.py"), folder,
                        small], check=True)
        with open(out, "ab") as f:
            for path in (os.path.join(setup.guests, self.more), small):
                with open(path, "rb") as part:
                    f.write(part.read())

    def options(self, setup):
        line = "console=ttyS0 panic=-1"
        if self.bench:
            line += " bench=%s bench_n=%d" % (
                self.bench, self.counts[1 if setup.quick else 0])
        return ["-m", "256", "-kernel",
                os.path.join(setup.guests, "vmlinuz-amd64"), "-initrd",
                self.initrd(setup), "-append", line]

    def wrong(self, run, setup):
        """The first run's result is the measure of all others."""
        if run.status != 0:
            return "status %s: %s" % (run.status, run.errors.strip()[-200:])
        m = re.search(re.escape(self.mark) + r"[^\r\n]*", run.output)
        if not m or m.group(0).rstrip().endswith(":"):
            return "printed no result after '%s'" % self.mark
        self.result = self.result or m.group(0)
        if m.group(0) != self.result:
            return "printed '%s', another run '%s'" % (m.group(0),
                                                       self.result)
        return None


def all_workloads():
    work = [Kernel(*row) for row in KERNELS]
    work.append(Linux("linux-boot", "boot", "REPRISE: md5 chain"))
    for name, bench, n, quick, more in LINUX + LINUX_ON_DEMAND:
        work.append(Linux(name, "linux", "BENCH: %s" % bench, bench,
                          (n, quick), more))
    return work


def choose(only):
    """Classes or names; start-up comes with whatever needs it."""
    work = all_workloads()
    if not only:
        return [w for w in work if not w.on_request]
    names = [n.strip() for n in only.split(",")]
    known = {w.name for w in work} | {w.kind for w in work}
    for n in names:
        if n not in known:
            raise SystemExit("no class or workload '%s'; there are: %s"
                             % (n, " ".join(sorted(known))))
    chosen = [w for w in work if w.name in names
              or (w.kind in names and not w.on_request)]
    if any(w.net_of_startup for w in chosen):
        chosen = [w for w in work if w.kind == "startup"
                  and w not in chosen] + chosen
    return chosen
