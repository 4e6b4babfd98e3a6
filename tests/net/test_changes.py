#!/usr/bin/python3
"""What networks and servers do in mid-call: a new address, a router that forgets, a server that restarts, a peer that is gone."""
import signal, time
from heard import Call, wait_until
from netlab import NetLab, run_tests, slow

LOST = 24               # exit status of jcall
MOVED, REBOUND = 3.0, 2.5       # [s] until both hear each other again; of the second 2 are asked for, on an idle machine
GAP = 0.25              # [s] what a busy machine may cost at once; nothing is asked for


def talking(net, a="romeo", b="juliet"):
    call = Call(net, a, b)
    call.connect()
    call.talk(1)
    return call


def tell(what, call, begin, end):
    gaps, back = call.gaps(begin, end + 3), call.back_after(end)
    print(f"{what}: the caller heard nothing for {gaps[0]:.2f} s and was back after {back[0]:.2f} s, the callee {gaps[1]:.2f} s, {back[1]:.2f} s")
    print([e["event"] for e in call.caller.events][8:], [e["event"] for e in call.callee.events][8:], call.pairs())
    return gaps, back


def assert_heard_since(call, begin):
    """The call, which ends now, was heard without a gap on both sides."""
    call.talk(1)
    call.hang_up()
    longest = call.longest(begin, time.time())
    print(f"longest gaps: {longest}")
    assert max(longest) < GAP, longest


def test_the_server_restarts_in_mid_call():
    with NetLab(delay=20, romeo="cone", juliet="none") as net:
        call = talking(net)
        begin = time.time()
        net.stop_server()
        call.talk(1)
        net.start_server()
        for p in (call.caller, call.callee):
            wait_until(lambda: f"{p.name} does not come back: {p.events[-3:]}", lambda: len(p.seen("connected")) > 1)
        print(f"both are logged in again {time.time() - begin - 1:.1f} s after the server's return")
        assert_heard_since(call, begin)


@slow
def test_the_line_to_the_server_is_cut_for_a_minute():
    with NetLab(delay=20, romeo="none", juliet="cone") as net:
        call = talking(net)
        begin, end = net.wan.outage("romeo", "core", 0, 60)
        wait_until("romeo does not come back", lambda: len(call.caller.seen("connected")) > 1, 90)
        print(f"logged in again {time.time() - end:.1f} s after the network's return")
        assert_heard_since(call, begin)


@slow
def test_a_peer_that_is_killed_is_missed():
    with NetLab(delay=20, romeo="none", juliet="none") as net:
        call = talking(net)
        call.callee.signal(signal.SIGKILL)
        killed = time.time()
        call.caller.wait("unstable")
        unstable = time.time() - killed
        status = call.caller.exit(40)
        print(f"unstable after {unstable:.1f} s, ended after {time.time() - killed:.1f} s with status {status}: {call.caller.seen('ended')[0].get('text')}")
        assert unstable < 3 and time.time() - killed < 32 and status == LOST, status


@slow
def test_forty_seconds_without_any_network_end_the_call():
    with NetLab(delay=20, romeo="none", juliet="none") as net:
        call = talking(net)
        begin, _ = net.wan.outage("romeo", "*", 0, 40)
        status = [p.exit(45) for p in (call.caller, call.callee)]
        print([(round(p.seen("ended")[0]["time"] - begin, 1), p.seen("ended")[0].get("text")) for p in (call.caller, call.callee)])
        assert status == [LOST, LOST], status


def test_the_router_forgets_its_mappings():
    with NetLab(delay=20, romeo="cone", juliet="none") as net:
        call = talking(net)
        begin = time.time()
        net.homes["romeo"].rebind()
        call.talk(6)
        call.hang_up()
        gaps, _ = tell("router forgot", call, begin, begin + 2)
        assert max(gaps) < REBOUND, gaps


@slow
def test_both_routers_forget_their_mappings():
    with NetLab(delay=20, romeo="cone", juliet="cone") as net:
        call = talking(net)
        begin = time.time()
        for home in net.homes.values():
            home.rebind()
        call.talk(6)
        call.hang_up()
        gaps, _ = tell("both routers forgot", call, begin, begin + 2)
        assert max(gaps) < REBOUND, gaps


def moves(kind, other):
    with NetLab(delay=20, romeo=kind, juliet=other) as net:
        call = talking(net)
        begin = time.time()
        net.homes["romeo"].move()
        call.talk(8)
        call.hang_up()
        gaps, _ = tell(f"{kind} has another address", call, begin, begin + 4)
        assert max(gaps) < MOVED, gaps


def test_our_address_changes():
    moves("none", "cone")


@slow
def test_the_address_of_our_router_changes():
    moves("cone", "none")


@slow
def test_our_ipv6_address_changes():
    moves("ipv6", "dual")


@slow
def test_the_relay_restarts():
    with NetLab(delay=20, relay=True, romeo="symmetric", juliet="symmetric") as net:
        call = talking(net)
        begin = time.time()
        net.stop_turn()
        net.turn = net.start_turn()
        back = time.time()
        call.talk(8)
        call.hang_up()
        gaps, _ = tell("relay restarted", call, begin, back + 4)
        assert max(gaps) < back - begin + MOVED, gaps


if __name__ == "__main__":
    run_tests(globals())
