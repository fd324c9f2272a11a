# SPDX-License-Identifier: GPL-2.0-or-later
"""virsh of libvirt starts and stops a guest through our binary under its usual
name; with a libvirtd of its own when none is running. Skipped without libvirt.

usage: libvirt.py BUILD
"""
import os
import select
import shutil
import subprocess
import sys
import tempfile
import time

import programs as p

DOMAIN = """<domain type='qemu'>
  <name>reprise-test</name>
  <memory unit='MiB'>256</memory>
  <vcpu>1</vcpu>
  <os>
    <type arch='x86_64' machine='pc'>hvm</type>
    <kernel>%(kernel)s</kernel>
    <initrd>%(initrd)s</initrd>
    <cmdline>console=ttyS0</cmdline>
  </os>
  <features><acpi/></features>
  <devices>
    <emulator>%(emulator)s</emulator>
    <serial %(serial)s<target port='0'/></serial>
    <controller type='usb' model='none'/>
    <memballoon model='none'/>
  </devices>
</domain>
"""
URI = "qemu:///system"
LOGD_SOCKET = "/run/libvirt/virtlogd-sock"


def virsh(*args, fails=False):
    done = subprocess.run(["virsh", "-c", URI, *args], capture_output=True,
                          text=True, timeout=p.LIMIT_S)
    if done.returncode and not fails:
        p.common.die("virsh %s: %s" % (" ".join(args), done.stderr))
    return done.stdout.strip()


def read(path):
    with open(path, errors="replace") as f:
        return f.read()


def wait_for_kernel(path):
    seen = b""
    fd = os.open(path, os.O_RDWR | os.O_NOCTTY)
    end = time.monotonic() + p.LIMIT_S
    while b"Linux version" not in seen and time.monotonic() < end:
        if select.select([fd], [], [], 0.1)[0]:
            seen += os.read(fd, 4096)
    os.close(fd)
    p.check(b"Linux version" in seen, "the kernel on the console", seen[-300:])


def domain(build, work, emulator, serial):
    """Defined and started"""
    args = p.common.guest_args(build, "shell-amd64")
    xml = os.path.join(work, "domain.xml")
    with open(xml, "w") as f:
        f.write(DOMAIN % {
            "emulator": emulator, "serial": serial,
            "kernel": args[args.index("-kernel") + 1],
            "initrd": args[args.index("-initrd") + 1]})
    virsh("define", xml)
    virsh("start", "reprise-test")
    return int(read("/run/libvirt/qemu/reprise-test.pid"))


def end(pid):
    virsh("destroy", "reprise-test", fails=True)
    p.check("reprise-test" not in virsh("list"), "destroy")
    p.wait_for("the end of the process", lambda: p.gone(pid))
    virsh("undefine", "reprise-test")


def guest(build, work, emulator):
    pid = domain(build, work, emulator, "type='pty'>")
    p.check("reprise-test" in virsh("list"), "list")
    p.check("running" in virsh("dominfo", "reprise-test"), "dominfo")
    wait_for_kernel(virsh("ttyconsole", "reprise-test"))
    virsh("suspend", "reprise-test")
    p.check(virsh("domstate", "reprise-test") == "paused", "suspend")
    virsh("resume", "reprise-test")
    p.check(virsh("domstate", "reprise-test") == "running", "resume")
    p.check("running" in virsh("qemu-monitor-command", "reprise-test", "--hmp",
                               "info status"), "HMP")
    p.check('"running":true' in virsh(
        "qemu-monitor-command", "reprise-test", '{"execute":"query-status"}'),
        "QMP")
    p.check(p.status_of(pid, "Seccomp") == "2", "in the sandbox")
    virsh("shutdown", "reprise-test")
    end(pid)


def console_in_file(build, work, emulator):
    """libvirt opens the file and hands it over."""
    path = os.path.join(work, "console")
    pid = domain(build, work, emulator,
                 "type='file'><source path='%s'/>" % path)
    with open("/proc/%d/cmdline" % pid) as f:
        p.check("path=/dev/fdset/" in f.read(), "a file in a set")
    p.wait_for("the kernel in " + path,
               lambda: "Linux version" in read(path))
    end(pid)


def answers():
    return not subprocess.run(["virsh", "-c", URI, "version"],
                              capture_output=True,
                              timeout=p.LIMIT_S).returncode


def start_daemons():
    """Those that do not run; libvirtd asks virtlogd to write files."""
    out = subprocess.DEVNULL
    daemons = []
    if not os.path.exists(LOGD_SOCKET) and shutil.which("virtlogd"):
        daemons.append(subprocess.Popen(["virtlogd"], stdout=out, stderr=out))
        p.wait_for("virtlogd", lambda: os.path.exists(LOGD_SOCKET))
    if not answers():
        daemons.append(subprocess.Popen(["libvirtd"], stdout=out, stderr=out))
        p.wait_for("libvirtd", answers)
    return daemons


def try_all(build, work):
    os.chmod(work, 0o755)
    emulator = os.path.join(work, "qemu-system-x86_64")
    os.symlink(os.path.join(os.path.realpath(build), "reprise"), emulator)
    text = virsh("domcapabilities", "--emulatorbin", emulator)
    p.check("<domain>qemu</domain>" in text, "domcapabilities")
    guest(build, work, emulator)
    console_in_file(build, work, emulator)


def main():
    build = sys.argv[1]
    if not shutil.which("virsh") or not shutil.which("libvirtd"):
        p.common.skip("virsh and libvirtd are not installed")
    if os.getuid() != 0:
        p.common.skip("libvirtd is started by root only")
    p.common.guest_args(build, "shell-amd64")
    daemons = start_daemons()
    try:
        with tempfile.TemporaryDirectory() as work:
            try_all(build, work)
    finally:
        virsh("destroy", "reprise-test", fails=True)
        virsh("undefine", "reprise-test", fails=True)
        for daemon in reversed(daemons):
            daemon.terminate()
            daemon.wait()


main()
