#!/usr/bin/python3
"""Calls between two jcalls on a real prosody: every way one can end, and its exit status on both sides."""
import json, os, re, signal, subprocess, time
from lab import *

OK, USAGE, CONFIG, LOGIN, SERVER = 0, 2, 3, 4, 5
BUSY, DECLINED, NO_ANSWER, UNAVAILABLE, CANCELLED, ELSEWHERE, MOVED = 10, 11, 12, 13, 14, 15, 15
LOST, FILE = 24, 31


def call(lab, dial_args=(), answer_args=()):
    """A call that is up: (caller, callee)."""
    juliet = lab.answer("juliet", "--once", *answer_args)
    romeo = lab.dial("romeo", "juliet", *dial_args)
    for p in (romeo, juliet):
        p.wait("accepted")
    for p in (romeo, juliet):
        p.wait("heard")
    return romeo, juliet


def test_call_accepted_and_hung_up_by_the_caller():
    with Lab() as lab:
        romeo, juliet = call(lab)
        romeo.signal(signal.SIGINT)
        assert (romeo.exit(), juliet.exit()) == (OK, OK)
        assert romeo.seen("ended")[0]["rx_packets"] > 0


def test_call_hung_up_by_the_callee():
    with Lab() as lab:
        romeo, juliet = call(lab)
        juliet.signal(signal.SIGTERM)
        assert (romeo.exit(), juliet.exit()) == (OK, OK)


def test_call_ends_by_itself_after_for_seconds():
    with Lab() as lab:
        romeo, juliet = call(lab, ("--for", "1"))
        assert (romeo.exit(), juliet.exit()) == (OK, OK)


def test_person_accepts_by_key_and_hangs_up_by_key():
    with Lab() as lab:
        juliet, keys = lab.typed("juliet", "--once")
        romeo = lab.dial("romeo", "juliet")
        romeo.wait("ringing")
        juliet.wait("incoming")
        assert not romeo.seen("proceed"), "it answered before the user did"
        keys("y")
        romeo.wait("heard")
        juliet.wait("heard")
        keys("q")
        assert (romeo.exit(), juliet.exit()) == (OK, OK)


def test_person_declines():
    with Lab() as lab:
        juliet, keys = lab.typed("juliet", "--once")
        romeo = lab.dial("romeo", "juliet")
        juliet.wait("incoming")
        keys("n")
        assert (romeo.exit(), juliet.exit()) == (DECLINED, DECLINED)


def test_it_is_waiting_only_when_the_server_has_its_presence():
    with Lab() as lab, open(lab.path("told"), "wb") as told:      # what --xml and --json say, in one order
        p = subprocess.Popen([JCALL, "answer", "-c", lab.config("juliet"), "--json", "--xml", "--auto", "--allow-contacts",
                              "-i", "null", "-o", "-"], env=lab.env(), stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=told)
        try:
            end = time.monotonic() + PATIENCE
            while (text := open(lab.path("told")).read()).count('"waiting"') == 0:
                assert time.monotonic() < end and p.poll() is None, text
                time.sleep(0.02)
        finally:
            p.terminate()
            p.wait(10)
        assert re.search("<presence[^>]* from=.juliet@lab.test/jcall-", text[:text.index('"waiting"')]), text
        told = [schema.read(line.encode())[0] for line in text.splitlines(True) if line.startswith("{") and line.endswith("\n")]
        assert told and not any(map(schema.fault, told)), told


def test_second_caller_finds_the_line_busy_and_the_call_goes_on():
    with Lab(users=("romeo", "juliet", "paris")) as lab:
        romeo, juliet = call(lab)
        paris = lab.dial("paris", "juliet")
        assert paris.exit() == BUSY
        assert juliet.p.poll() is None and romeo.p.poll() is None
        romeo.signal(signal.SIGINT)
        assert (romeo.exit(), juliet.exit()) == (OK, OK)


def test_nobody_takes_the_call():
    with Lab() as lab:
        juliet, keys = lab.typed("juliet", "--once")
        romeo = lab.dial("romeo", "juliet", "--ring-timeout", "2")
        assert (romeo.exit(), juliet.exit()) == (NO_ANSWER, NO_ANSWER)


def test_cancelled_while_ringing_stops_the_ringing():
    with Lab() as lab:
        juliet, keys = lab.typed("juliet", "--once")
        romeo = lab.dial("romeo", "juliet")
        romeo.wait("ringing")
        romeo.signal(signal.SIGINT)
        assert (romeo.exit(), juliet.exit()) == (CANCELLED, NO_ANSWER)


def test_answered_on_another_device_stops_ringing_here():
    with Lab() as lab:
        first, first_keys = lab.typed("juliet", "--once")
        second, second_keys = lab.typed("juliet", "--once")
        romeo = lab.dial("romeo", "juliet")
        first.wait("incoming")
        second.wait("incoming")
        second_keys("y")
        assert first.exit() == ELSEWHERE
        romeo.wait("heard")
        romeo.signal(signal.SIGINT)
        assert (romeo.exit(), second.exit()) == (OK, OK)


def test_callee_offline():
    with Lab(offline=True) as lab:
        romeo = lab.dial("romeo", "juliet", "--ring-timeout", "2")
        assert romeo.exit() == UNAVAILABLE


def test_callee_offline_is_told_at_once_where_the_server_says_so():
    with Lab() as lab:
        romeo = lab.dial("romeo", "juliet")
        assert romeo.exit() == UNAVAILABLE


def test_callee_does_not_exist():
    with Lab() as lab:
        romeo = lab.dial("romeo", "nobody@" + DOMAIN)
        assert romeo.exit() == UNAVAILABLE


def test_unknown_caller_learns_nothing_of_an_automatic_callee():
    with Lab(friends=False) as lab:
        juliet = lab.answer("juliet", "--allow", "mercutio@" + DOMAIN)
        romeo = lab.dial("romeo", "juliet", "--ring-timeout", "2")
        assert romeo.exit() == UNAVAILABLE
        assert not romeo.seen("ringing") and not romeo.seen("proceed")
        assert not juliet.seen("incoming")


def test_unknown_caller_by_full_jid_gets_the_answer_of_an_empty_place():
    with Lab(friends=False) as lab:
        juliet = lab.answer("juliet", "--allow", "mercutio@" + DOMAIN)
        jid = juliet.seen("waiting")[0]["jid"]
        romeo = lab.dial("romeo", jid)
        assert romeo.exit() == UNAVAILABLE
        nobody = lab.dial("romeo", lab.jid("juliet") + "/nothing")
        assert nobody.exit() == UNAVAILABLE
        assert romeo.lines[-1].split(": ")[2:] == nobody.lines[-1].split(": ")[2:]


def test_allowed_by_domain():
    with Lab(friends=False) as lab:
        juliet = lab.answer("juliet", "--allow", DOMAIN, "--once")
        romeo = lab.dial("romeo", "juliet", "--for", "1")
        assert (romeo.exit(), juliet.exit()) == (OK, OK)


def test_full_jid_is_called_directly():
    with Lab() as lab:
        juliet = lab.answer("juliet", "--once")
        romeo = lab.dial("romeo", juliet.seen("waiting")[0]["jid"], "--for", "1")
        assert (romeo.exit(), juliet.exit()) == (OK, OK)
        assert not romeo.seen("proceed")


def test_caller_gives_up_on_a_full_jid_is_no_answer_for_the_callee():
    with Lab() as lab:
        juliet, keys = lab.typed("juliet", "--once")
        romeo = lab.dial("romeo", juliet.seen("waiting")[0]["jid"])
        juliet.wait("incoming")
        romeo.wait("ringing")
        romeo.signal(signal.SIGINT)
        assert (romeo.exit(), juliet.exit()) == (CANCELLED, NO_ANSWER)


def test_mute_is_told_to_the_other_side():
    with Lab() as lab:
        juliet, keys = lab.typed("juliet", "--once")
        romeo = lab.dial("romeo", "juliet")
        juliet.wait("incoming")
        keys("y")
        romeo.wait("heard")
        juliet.wait("heard")
        keys("m")
        romeo.wait("peer")
        assert romeo.seen("peer")[-1]["muted"] is True
        keys("m")
        keys("q")
        assert (romeo.exit(), juliet.exit()) == (OK, OK)
        assert romeo.seen("peer")[-1]["muted"] is False


def test_hold_is_told_and_nobody_hears_anything_until_it_ends():
    with Lab() as lab:
        juliet, keys = lab.typed("juliet", "--once", "-i", "tone", "-o", lab.path("hers.wav"))
        romeo = lab.dial("romeo", "juliet", "-i", "tone", "-o", lab.path("his.wav"))
        juliet.wait("incoming")
        keys("h")                       # there is nothing to hold yet
        keys("y")
        romeo.wait("heard")
        juliet.wait("heard")
        for held in (True, False):
            keys("h")
            assert juliet.wait("hold")["held"] is held
            assert romeo.wait("peer")["held"] is held
            for name in ("hers.wav", "his.wav"):
                wait_level(lab.path(name), loud=not held)
        keys("q")
        assert (romeo.exit(), juliet.exit()) == (OK, OK)


def test_touch_tones_go_both_ways():
    with Lab() as lab:
        for his in ("opus", "pcma"):
            juliet, keys = lab.typed("juliet", "--once")
            romeo = lab.dial("romeo", "juliet", "--dtmf", "12w#,*A", config=lab.config("romeo", audio={"codecs": his}))
            juliet.wait("incoming")
            keys("y")
            assert "".join(juliet.wait("dtmf")["digit"] for _ in range(5)) == "12#*A"
            keys("90*#")
            assert "".join(romeo.wait("dtmf")["digit"] for _ in range(4)) == "90*#"
            keys("q")
            assert (romeo.exit(), juliet.exit()) == (OK, OK)
            assert len(juliet.seen("dtmf")) == 5 and len(romeo.seen("dtmf")) == 4


def test_tones_that_are_none_are_a_wrong_use():
    with Lab() as lab:
        romeo = lab.dial("romeo", "juliet", "--dtmf", "12x")
        assert romeo.exit() == 2 and "--dtmf takes" in romeo.lines[0], romeo.lines


def wait_level(path, loud):
    """Until a whole quarter of a second that a recording under way has got from now on is loud, or is not."""
    import numpy as np
    before, end = os.path.getsize(path), time.monotonic() + PATIENCE
    while time.monotonic() < end:
        tail = np.fromfile(path, "<i2")[-12000:].astype(float)
        if os.path.getsize(path) >= before + 24000 and (np.sqrt((tail ** 2).mean()) > 500) == loud:
            return
        time.sleep(0.05)
    raise AssertionError(f"{path} does not become {'loud' if loud else 'quiet'}")


def tones(path):
    """Which tones, in hundreds of Hz, a recording holds for a quarter of a second at least, in their order."""
    import numpy as np
    x, heard = read_wav(path), []
    for at in range(0, len(x) - 12000, 6000):
        power = np.abs(np.fft.rfft(x[at:at + 12000]))
        hz = round(int(np.argmax(power)) * 4, -2)
        if power.max() > 12000 * 300 and (not heard or heard[-1] != hz):
            heard.append(hz)
    return heard


def test_call_moves_to_another_device_of_the_caller():
    with Lab() as lab:
        juliet = lab.answer("juliet", "--once", "-o", lab.path("heard.wav"))
        romeo = lab.dial("romeo", "juliet", "-i", "tone:440")
        juliet.wait("heard")
        wait_level(lab.path("heard.wav"), loud=True)
        tablet = lab.dial("romeo", "juliet", "-i", "tone:1000")
        tablet.wait("heard")
        assert romeo.exit() == MOVED
        juliet.wait("heard")
        wait_level(lab.path("heard.wav"), loud=True)
        tablet.signal(signal.SIGINT)
        assert (tablet.exit(), juliet.exit()) == (OK, OK)
        assert [len(juliet.seen(e)) for e in ("migrated", "accepted", "ended")] == [1, 2, 1]
        assert tones(lab.path("heard.wav")) == [400, 1000]


def test_a_call_that_moves_stays_on_hold_and_muted():
    import numpy as np
    with Lab() as lab:
        juliet = lab.answer("juliet", "--once", "-i", "tone:440")
        romeo = lab.dial("romeo", "juliet")
        juliet.wait("heard")
        for wish in ("mute", "hold"):
            assert lab.ctl("--account", "juliet", wish) == ""
        tablet = lab.dial("romeo", "juliet", "-o", lab.path("heard.wav"))
        assert romeo.exit() == MOVED
        while not (told := tablet.wait("peer"))["held"] or not told["muted"]:
            pass
        time.sleep(1)
        assert lab.ctl("--account", "juliet", "resume") == "" and lab.ctl("--account", "juliet", "unmute") == ""
        wait_level(lab.path("heard.wav"), loud=True)
        tablet.signal(signal.SIGINT)
        assert (tablet.exit(), juliet.exit()) == (OK, OK)
        assert tones(lab.path("heard.wav")) == [400]
        assert np.abs(read_wav(lab.path("heard.wav"))[:24000]).max() < 300, "nothing was heard at first"


def test_a_call_that_moves_is_not_talked_in_before_the_other_device_is_heard():
    with Lab() as lab:
        juliet = lab.answer("juliet", "--once")
        romeo = lab.dial("romeo", "juliet")
        juliet.wait("heard")
        state = lambda: json.loads(lab.ctl("--account", "juliet", "--json", "status"))["calls"][0]["state"]
        assert state() == "talking"
        tablet = lab.dial("romeo", "juliet")
        juliet.wait("migrated")
        tablet.signal(signal.SIGSTOP)
        assert state() == "connecting"
        tablet.signal(signal.SIGCONT)
        juliet.wait("heard")
        assert state() == "talking" and romeo.exit() == MOVED
        tablet.signal(signal.SIGINT)
        assert (tablet.exit(), juliet.exit()) == (OK, OK)


def test_call_moves_to_another_device_of_the_callee():
    with Lab() as lab:
        juliet = lab.answer("juliet", "--once", "-i", "tone:440")
        romeo = lab.dial("romeo", "juliet", "-o", lab.path("heard.wav"))
        romeo.wait("heard")
        wait_level(lab.path("heard.wav"), loud=True)
        tablet = lab.dial("juliet", "romeo", "-i", "tone:1000")
        tablet.wait("heard")
        assert juliet.exit() == MOVED, juliet.events
        romeo.wait("heard")
        wait_level(lab.path("heard.wav"), loud=True)
        tablet.signal(signal.SIGINT)
        assert (tablet.exit(), romeo.exit()) == (OK, OK)
        assert [len(romeo.seen(e)) for e in ("migrated", "accepted", "ended")] == [1, 2, 1]
        assert tones(lab.path("heard.wav")) == [400, 1000]


def test_redirection_within_the_account_is_followed():
    with Lab(modules=["refer_elsewhere"]) as lab:
        juliet = lab.answer("juliet", "--once")
        romeo = lab.dial("romeo", juliet.seen("waiting")[0]["jid"], "--for", "1")
        assert (romeo.exit(), juliet.exit()) == (OK, OK)
        assert len(romeo.seen("offering")) == 2


def test_redirection_to_another_account_is_told_and_not_followed():
    with Lab(modules=["refer_elsewhere"], extra=f'refer_to = "xmpp:mallory@{DOMAIN}/x"') as lab:
        juliet = lab.answer("juliet", "--once")
        romeo = lab.dial("romeo", juliet.seen("waiting")[0]["jid"])
        assert romeo.exit() == UNAVAILABLE
        assert f"mallory@{DOMAIN}/x" in romeo.seen("ended")[0]["text"]
        assert not juliet.seen("incoming")
        juliet.signal(signal.SIGTERM)


def test_phone_number_is_called_at_the_gateway_that_is_configured():
    with Lab() as lab:
        romeo = lab.jcall("romeo", "dial", "-i", "null", "-o", "null", "+1 (555) 123-4567",
                          config=lab.config("romeo", account=f"gateway = {DOMAIN}"))
        romeo.wait("calling")
        assert romeo.exit() == UNAVAILABLE and romeo.seen("ended")[0]["peer"] == f"+15551234567@{DOMAIN}"
        romeo = lab.jcall("romeo", "dial", "-i", "null", "-o", "null", "+15551234567", config=lab.config("romeo"))
        assert romeo.exit() == 3 and "'gateway'" in romeo.lines[0], romeo.lines


def test_uri_is_understood():
    with Lab() as lab:
        juliet = lab.answer("juliet", "--once")
        romeo = lab.dial("romeo", f"xmpp:juliet@{DOMAIN}?call", "--for", "1")
        assert (romeo.exit(), juliet.exit()) == (OK, OK)


def test_answer_takes_one_call_after_the_other():
    with Lab() as lab:
        juliet = lab.answer("juliet")
        for _ in range(3):
            assert lab.dial("romeo", "juliet", "--for", "1").exit() == OK
            juliet.wait("ended")
        juliet.signal(signal.SIGTERM)
        assert juliet.exit() == OK


def test_addresses_are_one_however_they_are_typed():
    """Large letters of other scripts, an accent of its own (as macOS types it), and what servers write in another way."""
    for typed, prepared in (("Жульетта", "жульетта"), ("Rene\u0301", "ren\u00e9"), ("Straße", "strasse"), ("ｊｕｌｉｅｔ", "juliet")):
        with Lab(users=("romeo", prepared)) as lab:
            config = lab.config(prepared)
            text = open(config).read()
            assert f"jid = {prepared}@" in text
            open(config, "w").write(text.replace(f"jid = {prepared}@", f"jid = {typed}@"))
            callee = lab.jcall(prepared, "answer", "--once", "--auto", "--allow", "ROMEO@Lab.Test.", "-i", "null", "-o", "null",
                               config=config)
            assert callee.wait("waiting")["jid"].startswith(f"{prepared}@lab.test/")
            caller = lab.dial("romeo", f"{typed}@LAB.test", "--for", "1")
            assert caller.exit() == OK and callee.exit() == OK, typed


def test_who_was_started_by_nohup_survives_the_terminal():
    with Lab() as lab:
        ignore = lambda: signal.signal(signal.SIGHUP, signal.SIG_IGN)
        juliet = lab.answer("juliet", "--once", preexec_fn=ignore)
        juliet.signal(signal.SIGHUP)
        assert lab.dial("romeo", "juliet", "--for", "1").exit() == OK
        assert juliet.exit() == OK


def test_wrong_password():
    with Lab() as lab:
        romeo = lab.dial("romeo", "juliet", config=lab.config("romeo", password="wrong"))
        assert romeo.exit() == LOGIN
        assert "wrong" not in " ".join(romeo.lines)


def test_untrusted_certificate_is_refused_and_its_hash_can_be_pinned():
    with Lab() as lab:
        path = lab.config("romeo")
        text = open(path).read().replace(f"ca_file = {lab.path('ca.pem')}\n", "")
        open(path, "w").write(text)
        romeo = lab.dial("romeo", "juliet", config=path)
        assert romeo.exit() == SERVER
        pin = next(w.strip(";,)") for l in romeo.lines for w in l.split() if w.startswith("sha256:"))
        open(path, "w").write(text.replace("[network]", f"pin = {pin}\n[network]"))
        assert lab.dial("romeo", "juliet", config=path).exit() == UNAVAILABLE
        open(path, "w").write(text.replace("[network]", f"pin = sha256:{'0' * 64}\n[network]"))
        assert lab.dial("romeo", "juliet", config=path).exit() == SERVER


def test_server_unreachable():
    with Lab() as lab:
        path = lab.config("romeo")
        lab.stop_server()
        assert lab.dial("romeo", "juliet", config=path).exit() == SERVER


def test_server_gone_in_mid_call_does_not_stop_the_sound():
    with Lab() as lab:
        romeo, juliet = call(lab)
        lab.stop_server(signal.SIGKILL)
        romeo.wait("disconnected")
        juliet.wait("disconnected")
        lab.start_server()
        romeo.wait("connected")
        juliet.wait("connected")
        romeo.signal(signal.SIGINT)
        assert (romeo.exit(), juliet.exit()) == (OK, OK)
        assert romeo.seen("ended")[0]["rx_lost"] == 0


def test_server_gone_for_good_still_ends_the_call_on_both_sides():
    with Lab() as lab:
        romeo, juliet = call(lab)
        lab.stop_server(signal.SIGKILL)
        romeo.wait("disconnected")
        romeo.signal(signal.SIGINT)
        assert (romeo.exit(), juliet.exit()) == (OK, OK)


def test_peer_killed_in_mid_call():
    with Lab() as lab:
        romeo, juliet = call(lab)
        juliet.signal(signal.SIGKILL)
        romeo.wait("unstable")
        assert romeo.exit(60) == LOST


def test_second_interrupt_leaves_at_once():
    with Lab() as lab:
        juliet, keys = lab.typed("juliet")
        romeo = lab.dial("romeo", "juliet")
        romeo.wait("ringing")
        lab.server.send_signal(signal.SIGSTOP)       # nothing can be closed in an orderly way now
        try:
            romeo.signal(signal.SIGINT)
            romeo.signal(signal.SIGINT)
            assert romeo.exit(5) in (130, CANCELLED)
        finally:
            lab.server.send_signal(signal.SIGCONT)


if __name__ == "__main__":
    run_tests(globals())
