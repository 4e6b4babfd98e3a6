"""elsewhere.py - a test in network namespaces of its own, whose addresses it can change. Where those are not to be had it is skipped."""
import os, subprocess, sys
from lab import *


def in_namespace():
    """Runs this test again in a namespace with one address, 10.9.0.1, beside loopback."""
    if os.environ.get("JCALL_NETNS"):
        return
    script = "set -e; ip link set lo up; ip link add d0 type veth peer name d1; ip addr add 10.9.0.1/24 dev d0; ip link set d0 up; ip link set d1 up; "
    if subprocess.run(["unshare", "-n", "sh", "-c", script], capture_output=True).returncode:
        print("skipped: network namespaces are not to be had here")
        sys.exit(77)
    p = subprocess.run(["unshare", "-n", "sh", "-c", script + 'exec "$@"', "sh", sys.executable, sys.argv[0], sys.argv[1]],
                       env=dict(os.environ, JCALL_NETNS="1"))
    sys.exit(p.returncode)


def ip(*args):
    subprocess.run(["ip", *args], check=True)


def config(lab, user):
    path = lab.config(user)
    text = open(path).read().replace("loopback = true", "loopback = false")
    open(path, "w").write(text)
    return path


class Elsewhere:
    """Another namespace, joined to this one by d0 (here: 10.8.0.1 and 10.8.1.1) and d1 (there: 10.8.0.2 at first)."""

    def __enter__(self):
        subprocess.run(["ip", "link", "del", "d0"], stderr=subprocess.DEVNULL)          # of the last one, or the one we began with
        self.p = subprocess.Popen(["unshare", "-n", "sh", "-c", "echo; exec sleep 600"], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
        try:
            self.p.stdout.readline()
            for args in ("link add d0 type veth peer name d1", "link set d0 up", "addr add 10.8.0.1/24 dev d0", "addr add 10.8.1.1/24 dev d0",
                         f"link set d1 netns {self.p.pid}"):
                ip(*args.split())
            for args in ("link set lo up", "link set d1 up", "addr add 10.8.0.2/24 dev d1", "route add default via 10.8.0.1"):
                self.ip(*args.split())
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_):
        self.p.kill()
        self.p.wait()

    def ip(self, *args):
        subprocess.run(["nsenter", "-t", str(self.p.pid), "-n", "ip", *args], check=True)

    def jcall(self, lab):
        """A program that runs jcall there."""
        path = lab.path("jcall-there")
        open(path, "w").write(f'#!/bin/sh\nexec nsenter -t {self.p.pid} -n {JCALL} "$@"\n')
        os.chmod(path, 0o755)
        return path


def there_config(lab, user):
    path = config(lab, user)
    text = open(path).read().replace("server = 127.0.0.1:", "server = 10.8.0.1:")
    open(path, "w").write(text)
    return path


def dial_from(lab, place, *args):
    import lab as module
    here, module.JCALL = module.JCALL, place.jcall(lab)
    try:
        return lab.dial("romeo", "juliet", *args, config=there_config(lab, "romeo"))
    finally:
        module.JCALL = here
