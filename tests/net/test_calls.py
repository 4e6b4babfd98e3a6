#!/usr/bin/python3
"""Calls between homes of several kinds, and over lines that lose packets. Every pair of kinds: tests/net/matrix."""
import os
from heard import Call
from netlab import NetLab, run_tests, slow

SOON = 2.0              # [s] from the answer to the first sound, with 50 ms one way, on a machine that is busy otherwise
MINUTES = float(os.environ.get("JCALL_NET_MINUTES", "2"))      # of the long one


def connects(a, b, pairs):
    with NetLab(delay=50, romeo=a, juliet=b) as net:
        call = Call(net, "romeo", "juliet")
        times = call.connect()
        print(f"{a} calls {b}: sound after {times[0]:.2f} s for the caller, {times[1]:.2f} s for the callee, by {call.pairs()}")
        call.talk(1)
        call.hang_up()
        assert call.pairs()[0] in pairs and call.pairs()[1] in ["-".join(reversed(p.split("-"))) for p in pairs], call.pairs()
        assert max(times) < SOON, times


def test_two_public_addresses():
    connects("none", "none", ("host-host",))


def test_a_public_address_calls_behind_a_router():
    connects("none", "cone", ("host-srflx", "host-prflx"))


@slow
def test_behind_a_router_to_a_public_address():
    connects("cone", "none", ("srflx-host", "prflx-host"))


def test_both_behind_a_router():
    connects("cone", "cone", ("srflx-srflx", "prflx-srflx", "srflx-prflx", "prflx-prflx"))


def lossy(seconds, line, most_missing, setup=True):
    """A call over a line that treats packets so, also while it is set up: what each lacks of the other's tone."""
    with NetLab(delay=50, romeo="cone", juliet="cone") as net:
        if setup:
            net.wan.both("romeo", "juliet", **line)
        call = Call(net, "romeo", "juliet")
        times = call.connect()
        net.wan.both("romeo", "juliet", **line)
        begin, end = max(call.firsts()) + 0.5, max(call.firsts()) + 0.5 + seconds
        call.until(end + 0.5)
        said = call.hang_up()
        missing = [gap / seconds for gap in call.gaps(begin, end)]
        print(f"{line}: sound after {times[0]:.2f} and {times[1]:.2f} s; the caller lacked {missing[0]:.1%} of {seconds:.0f} s, the callee "
              f"{missing[1]:.1%}; {[(e['rx_packets'], e['rx_lost'], e['rx_late'], e['concealed_ms']) for e in said]} {net.wan.stats('romeo', 'juliet')}")
        assert not (call.caller.seen("unstable") or call.callee.seen("unstable")) or line.get("loss", 0) > 30
        assert max(missing) <= most_missing, missing
        return net.wan, said


def test_a_fifth_of_all_packets_is_lost():
    _, said = lossy(8, {"loss": 20}, 0.1)
    for e in said:
        assert 0.1 < e["rx_lost"] / (e["rx_packets"] + e["rx_lost"]) < 0.3, e


@slow
def test_half_of_all_packets_is_lost():
    lossy(20, {"loss": 50}, 0.5)


def test_a_third_of_the_stun_packets_is_lost():
    lossy(8, {"stun_loss": 30}, 0.0)


@slow
def test_a_third_of_the_stun_packets_is_lost_for_long():
    lossy(60 * MINUTES, {"stun_loss": 30}, 0.001)


@slow
def test_jitter_bursts_copies_and_another_order():
    lossy(20, {"delay": 50, "jitter": 15, "burst": 5, "burst_len": 3, "dup": 5, "reorder": 5, "reorder_by": 40}, 0.1)


@slow
def test_a_bottleneck_of_64_kbit():
    lossy(20, {"rate": 64, "queue": 300}, 0.02)


if __name__ == "__main__":
    run_tests(globals())
