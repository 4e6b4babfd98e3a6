#!/usr/bin/python3
"""Calls by a relay: where nothing else gets through, and where nobody is to learn our address."""
import socket
import xml.etree.ElementTree as ET
from heard import Call
from netlab import CORE4, CORE6, NetLab, run_tests, slow
from wan import captured

GAP = 0.12              # [s] what a busy machine may cost at once
SOON = 3.0      # [s] from the answer to the first sound, with 50 ms one way, on a machine that is busy otherwise
COOKIE = 0x2112a442


def relayed(a, b, services=("stun", "turn-udp", "turn-tcp", "turns-tcp"), args=((), ())):
    with NetLab(delay=50, relay=True, services=services, romeo=a, juliet=b) as net:
        call = Call(net, "romeo", "juliet", args=args)
        times = call.connect()
        print(f"{a} calls {b}: sound after {times[0]:.2f} s for the caller, {times[1]:.2f} s for the callee, by {call.pairs()}")
        call.talk(1)
        call.hang_up()
        assert all("relay" in p for p in call.pairs()), call.pairs()
        assert max(times) < SOON, times


def test_two_symmetric_routers():
    relayed("symmetric", "symmetric")


def test_where_udp_is_blocked_the_relay_is_reached_by_tcp():
    relayed("udp-blocked", "cone", ("stun", "turn-udp", "turn-tcp"))


@slow
def test_where_udp_is_blocked_the_relay_is_reached_by_tls():
    relayed("udp-blocked", "udp-blocked", ("stun", "turns-tcp"))


def taken_over():
    """A call that begins by a relay, which is near, and goes on directly. Returns the pairs that both sides told."""
    with NetLab(delay=10, relay=True, services=("stun", "turn-udp"), romeo="none", juliet="none") as net:
        net.wan.both("romeo", "juliet", delay=60)
        call = Call(net, "romeo", "juliet")
        call.connect()
        begin = max(call.firsts())
        call.until(begin + 4)
        call.hang_up()
        told = [[f"{e['local']}-{e['remote']}" for e in p.seen("path")] for p in (call.caller, call.callee)]
        print(f"told: {told}; longest gaps: {call.longest(begin, begin + 3.5)}")
        assert all(pairs[-1] == "host-host" for pairs in told), told
        assert max(call.longest(begin, begin + 3.5)) < GAP, call.longest(begin, begin + 3.5)
        return told


def test_a_direct_way_that_is_found_later_takes_over():
    told = [taken_over()]
    while not any("relay" in pairs[0] for pairs in told[-1]):       # a busy machine can be too slow for the relay
        assert len(told) < 4, told
        told.append(taken_over())


@slow
def test_prosody_names_the_relay_by_mod_turn_external():
    relayed("symmetric", "udp-blocked", "turn_external")


@slow
def test_client_and_relay_behind_the_same_router():
    relayed("turn-home", "symmetric")


@slow
def test_ipv6_alone_reaches_ipv4_by_the_relay():
    relayed("ipv6", "cone")


def as_bytes(address):
    """How an address may stand in a packet: plainly, and as STUN masks it (IPv6 by the transaction's number, too: its first 4 bytes)."""
    raw = socket.inet_pton(socket.AF_INET6 if ":" in address else socket.AF_INET, address)
    masked = (int.from_bytes(raw[:4], "big") ^ COOKIE).to_bytes(4, "big")
    return (raw, masked) if len(raw) == 4 else (raw,)


def hidden(kind, *, hider):
    """HIDER tells nobody but the server where it is: it sends nothing to the other side, nothing that arrives there names it, and
    nor does any stanza."""
    homes, other = {"romeo": kind, "juliet": kind}, "juliet" if hider == "romeo" else "romeo"
    with NetLab(delay=10, relay=True, **homes) as net:
        capture = net.path("capture")
        net.wan.capture(capture)
        hide = ("--relay-only",)
        call = Call(net, "romeo", "juliet", args=(hide if hider == "romeo" else (), hide if hider == "juliet" else ()))
        call.connect()
        call.talk(2)
        call.hang_up()
        net.wan.capture(None)
        secret, told = net.homes[hider].addresses, 0
        for sender, stanza in net.sent():
            text = ET.tostring(stanza, encoding="unicode")
            told += "candidate" in text
            if sender.startswith(hider):
                assert not [a for a in secret if a in text], text
        sent = to_other = 0
        public, theirs = net.homes[hider].outer, net.homes[other].outer
        for _, packet in captured(capture):
            family, at = (socket.AF_INET, 12) if packet[0] >> 4 == 4 else (socket.AF_INET6, 8)
            size = 4 if family == socket.AF_INET else 16
            source, target = (socket.inet_ntop(family, packet[i:i + size]) for i in (at, at + size))
            if source in public:
                sent += 1
                assert target in CORE4 + CORE6, f"{source} sends to {target}"
            if target in theirs:
                to_other += 1
                assert source in CORE4 + CORE6, f"{source} sends to {target}"
                assert not [a for a in secret for b in as_bytes(a) if b in packet[at + 2 * size:]], packet
        assert told >= 2 and sent > 100 and to_other > 100, (told, sent, to_other)


def test_the_caller_hides():
    hidden("none", hider="romeo")


@slow
def test_the_callee_hides():
    hidden("none", hider="juliet")


@slow
def test_who_has_ipv6_too_hides():
    hidden("dual", hider="romeo")


if __name__ == "__main__":
    run_tests(globals())
