#!/usr/bin/python3
"""Figures of a call: the events stats and ended, plain lines, and silence where nobody asked."""
import re
from lab import *

OK, USAGE = 0, 2


def test_figures_come_live_and_at_the_end():
    with Lab() as lab:
        juliet = lab.answer("juliet", "--once", "-i", "tone")
        romeo = lab.dial("romeo", "juliet", "-i", "tone", "--stats=1", "--for", "7")
        assert (romeo.exit(), juliet.exit()) == (OK, OK)
        stats, (ended,) = romeo.seen("stats"), romeo.seen("ended")
        assert 5 <= len(stats) <= 8, len(stats)
        last = stats[-1]
        assert (last["local"], last["remote"]) == ("host", "host") and "relay_protocol" not in last
        assert 4 < last["mos"] <= 4.5 and 4 < last["peer_mos"] <= 4.5, last
        assert 8000 < last["bitrate_bps"] < 60000 and 8000 < last["rx_bitrate_bps"] < 60000, last
        assert -60 < last["level_db"] <= 0 and -60 < last["peer_level_db"] <= 0, last
        assert 0 <= last["rtt_ms"] < 200 and last["peer_loss"] < 0.1, last
        assert [s["tx_packets"] for s in stats] == sorted(s["tx_packets"] for s in stats)
        assert (ended["local"], ended["remote"]) == ("host", "host")
        assert 4 < ended["mos"] <= 4.5 and 8000 < ended["bitrate_bps"] < 60000, ended
        assert not juliet.seen("stats") and juliet.seen("ended")[0]["mos"] > 4


def test_nobody_who_did_not_ask_is_told():
    with Lab() as lab:
        juliet = lab.answer("juliet", "--once", "-i", "tone")
        romeo = lab.dial("romeo", "juliet", "-i", "tone", "--for", "2", json_events=False)
        assert romeo.exit() == OK and juliet.exit() == OK
        text = "\n".join(romeo.lines)
        assert "Call with" in text and "MOS" not in text and "jitter" not in text, text


def test_plain_lines_without_a_terminal_and_one_sum_with_v():
    with Lab() as lab:
        juliet = lab.answer("juliet", "--once", "-i", "tone", "-v")
        romeo = lab.dial("romeo", "juliet", "-i", "tone", "--stats", "1", "--for", "4", json_events=False)
        assert romeo.exit() == OK and juliet.exit() == OK
        live = [l for l in romeo.lines if re.search(r"we -\d+ dB, peer -\d+ dB, \d+/\d+ kbit/s, .*host to host", l)]
        assert len(live) >= 2, romeo.lines
        assert len([l for l in romeo.lines if "Sound: host to host" in l]) == 1, romeo.lines
        assert len([l for l in juliet.lines if "sound: host to host" in l and "G.107" in l]) == 1, juliet.lines


def test_a_wrong_number_is_a_usage_error():
    with Lab() as lab:
        for wrong in ("--stats=-1", "--stats=x", "--stats=100000"):
            romeo = lab.dial("romeo", "juliet", wrong)
            assert romeo.exit() == USAGE


if __name__ == "__main__":
    run_tests(globals())
