#!/usr/bin/python3
"""The addresses of the machine change in mid-call: ICE begins anew (rule R23), and the sound goes on."""
import time
from elsewhere import *

OK = 0


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
