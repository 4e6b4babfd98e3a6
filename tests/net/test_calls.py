#!/usr/bin/python3
"""Calls between homes of several kinds, and over lines that lose packets. Every pair of kinds: tests/net/matrix."""
import os
from heard import Call
from netlab import NetLab, run_tests, slow

SOON = 2.0              # [s] from the answer to the first sound, with 50 ms one way, on a machine that is busy otherwise
LOSSY = 8.0             # [s] likewise, if a third of all packets is lost; two seconds are usual
MINUTES = float(os.environ.get("JCALL_NET_MINUTES", "2"))      # of the long one


def connects(a, b, pairs, **servers):
    with NetLab(delay=50, romeo=a, juliet=b, **servers) as net:
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


def test_one_has_ipv6_as_well_and_all_servers_have():
    """libnice alone uses but the first address of a relay's name, and loses what a STUN server answers from the others."""
    connects("cone", "dual", ("srflx-srflx", "prflx-srflx", "srflx-prflx", "prflx-prflx"), relay=True)


def test_a_relay_that_refuses_us_does_not_spoil_the_direct_way():
    connects("cone", "cone", ("srflx-srflx", "prflx-srflx", "srflx-prflx", "prflx-prflx"), relay=True, secret="outdated")


def lossy(seconds, line, most_missing, speech=True, before=None):
    """A call over a line that treats packets so, BEFORE while it is set up: at most that share of what the other says may be
    lacking."""
    with NetLab(delay=50, romeo="cone", juliet="cone") as net:
        net.wan.both("romeo", "juliet", **(line if before is None else before))
        call = Call(net, "romeo", "juliet", speech=seconds + 30 if speech else 0)
        times = call.connect()
        net.wan.both("romeo", "juliet", **line)
        begin = max(call.firsts()) + 0.5
        call.until(begin + seconds + 0.5)
        said = call.hang_up()
        missing = [gap / seconds for gap in call.gaps(begin, begin + seconds)]
        for who, t, m, e in zip(("caller", "callee"), times, missing, said):
            lost = e["rx_lost"] / (e["rx_packets"] + e["rx_lost"])
            print(f"{line}: the {who} heard the first sound after {t:.2f} s, lost {lost:.1%} and {e['rx_late']} late, concealed "
                  f"{e['concealed_ms'] / 10 / e['duration_s']:.1f}% and lacked {m:.1%} of the sound; buffer {e['buffer_ms']:.0f} ms")
        assert not (call.caller.seen("unstable") or call.callee.seen("unstable"))
        assert max(missing) <= most_missing, missing
        return said


def test_a_fifth_of_all_packets_is_lost():
    for e in lossy(8, {"loss": 20}, 0.1):
        lost = e["rx_lost"] / (e["rx_packets"] + e["rx_lost"])
        assert 0.1 < lost < 0.3, e
        assert e["concealed_ms"] < 1000 * e["duration_s"] * lost * 0.8, e       # forward error correction makes up for some


@slow
def test_half_of_all_packets_is_lost():
    lossy(20, {"loss": 50}, 0.5, before={"loss": 0})


@slow
def test_calls_begin_though_a_third_of_all_packets_is_lost():
    for seed in range(1, 5):
        with NetLab(delay=50, seed=seed, romeo="cone", juliet="cone") as net:
            net.wan.both("romeo", "juliet", loss=30)
            call = Call(net, "romeo", "juliet")
            times = call.connect(15)
            print(f"seed {seed}: sound after", *(f"{t:.2f} s" for t in times))
            call.hang_up()
            assert max(times) < LOSSY, times


def test_a_third_of_the_stun_packets_is_lost():
    lossy(8, {"stun_loss": 30}, 0.005, speech=False)


@slow
def test_a_third_of_the_stun_packets_is_lost_for_long():
    lossy(60 * MINUTES, {"stun_loss": 30}, 0.03, speech=False)


@slow
def test_jitter_bursts_copies_and_another_order():
    lossy(20, {"delay": 50, "jitter": 15, "burst": 5, "burst_len": 3, "dup": 5, "reorder": 5, "reorder_by": 40}, 0.1)


@slow
def test_a_bottleneck_of_64_kbit():
    lossy(20, {"rate": 64, "queue": 300}, 0.02, speech=False)


def test_thirty_digits_arrive_at_ten_percent_loss():
    sent = "012345678900*#11ABCD55w5,77993997"
    told = [d for d in sent if d not in "w,"]
    with NetLab(delay=50, romeo="cone", juliet="none") as net:
        net.wan.both("romeo", "juliet", loss=10, jitter=10, reorder=5, reorder_by=40, dup=5)
        juliet = net.answer("juliet", "--once", "-i", "tone")
        romeo = net.dial("romeo", "juliet", "-i", "tone", "--dtmf", sent)
        assert "".join(juliet.wait("dtmf")["digit"] for _ in told) == "".join(told)
        romeo.signal(2)
        assert (romeo.exit(), juliet.exit()) == (0, 0)
        assert len(juliet.seen("dtmf")) == len(told) >= 30, juliet.seen("dtmf")
        (ended,) = juliet.seen("ended")
        assert 0.04 < ended["rx_lost"] / (ended["rx_lost"] + ended["rx_packets"]) < 0.2, ended


if __name__ == "__main__":
    run_tests(globals())
