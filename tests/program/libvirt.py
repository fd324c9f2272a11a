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
    <serial type='pty'><target port='0'/></serial>
    <controller type='usb' model='none'/>
    <memballoon model='none'/>
  </devices>
</domain>
"""
URI = "qemu:///system"


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


def guest(build, work):
    os.chmod(work, 0o755)
    emulator = os.path.join(work, "qemu-system-x86_64")
    os.symlink(os.path.join(os.path.realpath(build), "reprise"), emulator)
    args = p.common.guest_args(build, "shell-amd64")
    xml = os.path.join(work, "domain.xml")
    with open(xml, "w") as f:
        f.write(DOMAIN % {
            "emulator": emulator,
            "kernel": args[args.index("-kernel") + 1],
            "initrd": args[args.index("-initrd") + 1]})
    text = virsh("domcapabilities", "--emulatorbin", emulator)
    p.check("<domain>qemu</domain>" in text, "domcapabilities")
    virsh("define", xml)
    virsh("start", "reprise-test")
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
    pid = int(read("/run/libvirt/qemu/reprise-test.pid"))
    p.check(p.status_of(pid, "Seccomp") == "2", "in the sandbox")
    virsh("shutdown", "reprise-test")
    virsh("destroy", "reprise-test", fails=True)
    p.check("reprise-test" not in virsh("list"), "destroy")
    p.wait_for("the end of the process", lambda: p.gone(pid))


def main():
    build = sys.argv[1]
    if not shutil.which("virsh") or not shutil.which("libvirtd"):
        p.common.skip("virsh and libvirtd are not installed")
    if os.getuid() != 0:
        p.common.skip("libvirtd is started by root only")
    p.common.guest_args(build, "shell-amd64")
    with tempfile.TemporaryDirectory() as work:
        daemon = None
        if subprocess.run(["virsh", "-c", URI, "version"],
                          capture_output=True, timeout=p.LIMIT_S).returncode:
            daemon = subprocess.Popen(
                ["libvirtd"], stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL)
            p.wait_for("libvirtd", lambda: not subprocess.run(
                ["virsh", "-c", URI, "version"], capture_output=True,
                timeout=p.LIMIT_S).returncode)
        try:
            guest(build, work)
        finally:
            virsh("destroy", "reprise-test", fails=True)
            virsh("undefine", "reprise-test", fails=True)
            if daemon:
                daemon.terminate()
                daemon.wait()


main()
