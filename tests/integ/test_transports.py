#!/usr/bin/python3
"""Which way the media of a call go: ICE-UDP, Raw UDP, and the one after the other.

ICE is made to fail by a network that loses every STUN packet, in a network namespace of the test's own; where namespaces or
nftables are not to be had that test is skipped.
"""
import os, subprocess, sys
from lab import *

OK, NO_PATH, UNSUPPORTED = 0, 20, 22


def with_transports(lab, user, transports, **sections):
    path = lab.config(user, **sections)
    with open(path, "a") as f:
        f.write(f"[network]\ntransports = {transports}\n" if sections else f"transports = {transports}\n")
    return path


def ways(*processes):
    return [p.seen("path")[0]["transport"] for p in processes]


def in_lossy_namespace():
    """Runs this test again inside a namespace where STUN packets, known by their magic cookie, do not arrive."""
    if os.environ.get("JCALL_NETNS"):
        return
    script = "set -e; ip link set lo up; nft add table inet t; nft add chain inet t c '{ type filter hook input priority 0; }'; " \
             "nft add rule inet t c udp length '>=' 28 @th,96,32 0x2112a442 counter drop; "
    probe = subprocess.run(["unshare", "-n", "sh", "-c", script], capture_output=True)
    if probe.returncode:
        print("skipped: network namespaces, or nftables in them, are not to be had here")
        sys.exit(77)
    p = subprocess.run(["unshare", "-n", "sh", "-c", script + 'exec "$@"', "sh", sys.executable, sys.argv[0], sys.argv[1]],
                       env=dict(os.environ, JCALL_NETNS="1"))
    sys.exit(p.returncode)


def test_ice_is_the_first_choice():
    with Lab() as lab:
        juliet = lab.answer("juliet", "--once")
        romeo = lab.dial("romeo", "juliet", "--for", "1")
        assert (romeo.exit(), juliet.exit()) == (OK, OK)
        assert ways(romeo, juliet) == ["ice-udp", "ice-udp"]


def test_raw_udp_from_the_start():
    with Lab() as lab:
        juliet = lab.answer("juliet", "--once")
        romeo = lab.dial("romeo", "juliet", "--for", "1", config=with_transports(lab, "romeo", "raw-udp ice-udp"))
        assert (romeo.exit(), juliet.exit()) == (OK, OK)
        assert ways(romeo, juliet) == ["raw-udp", "raw-udp"]
        assert romeo.seen("heard") and juliet.seen("heard")
        assert romeo.seen("secured") and juliet.seen("secured")


def test_a_full_jid_that_has_raw_udp_only_is_called_by_that():
    with Lab() as lab:
        juliet = lab.answer("juliet", "--once", config=with_transports(lab, "juliet", "raw-udp"))
        romeo = lab.dial("romeo", juliet.seen("waiting")[0]["jid"], "--for", "1")
        assert (romeo.exit(), juliet.exit()) == (OK, OK)
        assert ways(romeo, juliet) == ["raw-udp", "raw-udp"]


def test_without_a_common_transport_there_is_no_call():
    with Lab() as lab:
        juliet = lab.answer("juliet", "--once", config=with_transports(lab, "juliet", "raw-udp"))
        config = with_transports(lab, "romeo", "ice-udp")
        assert lab.dial("romeo", juliet.seen("waiting")[0]["jid"], config=config).exit() == UNSUPPORTED
        assert lab.dial("romeo", "juliet", config=config).exit() == UNSUPPORTED


def test_when_ice_finds_no_way_the_call_goes_on_by_raw_udp():
    in_lossy_namespace()
    with Lab() as lab:
        juliet = lab.answer("juliet", "--once")
        romeo = lab.dial("romeo", "juliet", "--for", "60")
        romeo.wait("heard", 90)
        juliet.wait("heard", 90)
        assert ways(romeo, juliet) == ["raw-udp", "raw-udp"]
        assert romeo.seen("secured") and juliet.seen("secured")
        romeo.signal(2)
        assert (romeo.exit(), juliet.exit()) == (OK, OK)


def test_when_ice_finds_no_way_and_the_peer_has_nothing_else_the_call_ends():
    in_lossy_namespace()
    with Lab() as lab:
        juliet = lab.answer("juliet", "--once", config=with_transports(lab, "juliet", "ice-udp"))
        romeo = lab.dial("romeo", "juliet")
        assert romeo.exit(90) == NO_PATH
        assert romeo.seen("ended")[0]["reason"] == "failed-transport"
        assert juliet.exit() == NO_PATH


if __name__ == "__main__":
    run_tests(globals())
