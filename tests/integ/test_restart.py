#!/usr/bin/python3
"""The addresses of the machine change in mid-call: ICE begins anew (rule R23), and the sound goes on.

In a network namespace of the test's own; where those are not to be had it is skipped.
"""
import os, subprocess, sys, time
from lab import *

OK = 0


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


def talk(lab, seconds):
    juliet = lab.answer("juliet", "--once", "-i", "tone", "-o", lab.path("hers.wav"), config=config(lab, "juliet"))
    romeo = lab.dial("romeo", "juliet", "-i", "tone", "-o", lab.path("his.wav"), "--for", str(seconds), config=config(lab, "romeo"))
    romeo.wait("heard")
    juliet.wait("heard")
    return romeo, juliet


def longest_gap_ms(path):
    """Of quiet, between the first and the last sound."""
    import numpy as np, wave
    with wave.open(path) as w:
        x = np.abs(np.frombuffer(w.readframes(w.getnframes()), "<i2").astype(int))
    loud = np.flatnonzero(x.reshape(-1)[: len(x) // 480 * 480].reshape(-1, 480).max(1) > 500)
    return int(np.diff(loud).max() - 1) * 10 if len(loud) > 1 else 10 ** 6


def test_the_address_changes_and_the_sound_goes_on():
    in_namespace()
    with Lab() as lab:
        romeo, juliet = talk(lab, 8)
        time.sleep(1)
        ip("addr", "add", "10.9.1.2/24", "dev", "d0")
        ip("addr", "del", "10.9.0.1/24", "dev", "d0")
        assert (romeo.exit(), juliet.exit()) == (OK, OK), (romeo.lines, juliet.lines)
        for p, name in ((romeo, "his.wav"), (juliet, "hers.wav")):
            assert len(p.seen("path")) == 2, (p.seen("path"), p.lines)
            gap = longest_gap_ms(lab.path(name))
            print(f"gap of {gap} ms, {p.events[-1]['concealed_ms']:.0f} ms concealed")
            assert gap < 3000


def test_the_network_is_gone_for_a_while_and_comes_back_with_another_address():
    in_namespace()
    with Lab() as lab:
        romeo, juliet = talk(lab, 12)
        time.sleep(1)
        ip("addr", "del", "10.9.0.1/24", "dev", "d0")
        time.sleep(4)
        ip("addr", "add", "10.9.0.3/24", "dev", "d0")
        back = time.time()
        assert (romeo.exit(), juliet.exit()) == (OK, OK), (romeo.lines, juliet.lines)
        for p in (romeo, juliet):
            again = [e["time"] for e in p.seen("recovered")]
            print(f"back after {again[0] - back if again else -1:.2f} s")
            assert again and again[0] - back < 6
            assert len(p.seen("path")) == 2


class Elsewhere:
    """Another namespace, joined to this one by d0 (here: 10.8.0.1 and 10.8.1.1) and d1 (there: 10.8.0.2 at first)."""

    def __enter__(self):
        self.p = subprocess.Popen(["unshare", "-n", "sh", "-c", "echo; exec sleep 600"], stdout=subprocess.PIPE)
        self.p.stdout.readline()
        for args in ("addr add 10.8.0.1/24 dev d0", "addr add 10.8.1.1/24 dev d0", f"link set d1 netns {self.p.pid}"):
            ip(*args.split())
        for args in ("link set lo up", "link set d1 up", "addr add 10.8.0.2/24 dev d1", "route add default via 10.8.0.1"):
            self.ip(*args.split())
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


def test_who_changes_his_address_goes_on_with_server_and_sound():
    in_namespace()
    with Elsewhere() as there, Lab(extra='interfaces = { "*" }') as lab:
        juliet = lab.answer("juliet", "--once", "-i", "tone", "-o", lab.path("hers.wav"), config=config(lab, "juliet"))
        romeo = dial_from(lab, there, "-i", "tone", "-o", lab.path("his.wav"), "--for", "12")
        romeo.wait("heard")
        juliet.wait("heard")
        time.sleep(1)
        there.ip("addr", "del", "10.8.0.2/24", "dev", "d1")
        time.sleep(1)
        there.ip("addr", "add", "10.8.1.2/24", "dev", "d1")
        there.ip("route", "add", "default", "via", "10.8.1.1")
        back = time.time()
        romeo.wait("connected")
        print(f"server back after {time.time() - back:.2f} s")
        assert (romeo.exit(), juliet.exit()) == (OK, OK), (romeo.lines, juliet.lines)
        for name in ("his.wav", "hers.wav"):
            gap = longest_gap_ms(lab.path(name))
            print(f"gap of {gap} ms, of which the network was away for 1000")
            assert gap < 5000
        assert romeo.seen("connected")[1]["resumed"]
        assert len(romeo.seen("path")) == 2


if __name__ == "__main__":
    run_tests(globals())
