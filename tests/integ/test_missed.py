#!/usr/bin/python3
"""Calls that came while nobody was there: found in the archive (XEP-0313), or among what the server had kept, shown once."""
import glob, os, signal, stat
from lab import *
from scripted import Scripted

OK, SERVER, NO_ARCHIVE, NO_ANSWER, UNAVAILABLE, CANCELLED, USAGE, FILE = 0, 5, 6, 12, 13, 14, 2, 31


def archiving(**kw):
    return Lab(modules=("mam",), **kw)


def call_in_vain(lab):
    romeo = lab.dial("romeo", "juliet", "--ring-timeout", "2")
    assert romeo.exit() in (NO_ANSWER, UNAVAILABLE)
    return romeo


def history(lab, user, *args, status=OK, **kw):
    p = lab.jcall(user, "history", *args, **kw)
    got = p.exit()
    assert got == status, (got, p.lines)
    return p


def missed(lab, user="juliet", *args, **kw):
    return history(lab, user, "--missed", *args, **kw).seen("missed")


def test_missed_call_is_listed_once_and_again_when_all_are_asked_for():
    with archiving() as lab:
        assert missed(lab) == []
        call_in_vain(lab)
        calls = missed(lab)
        assert [(c["peer"], c["reason"]) for c in calls] == [(lab.jid("romeo"), "no-answer")]
        assert abs(calls[0]["at"] - time.time()) < 60
        assert missed(lab) == []
        assert len(missed(lab, "juliet", "--all")) == 1
        call_in_vain(lab)
        assert len(missed(lab)) == 1
        assert len(missed(lab, "juliet", "--all")) == 2
        assert missed(lab, "romeo") == []


def test_list_of_calls_needs_no_server_and_is_private():
    with archiving() as lab:
        call_in_vain(lab)
        history(lab, "juliet", "--missed")
        lab.stop_server()
        calls = history(lab, "romeo").seen("call")
        assert [(c["peer"], c["direction"], c["missed"]) for c in calls] == [(lab.jid("juliet"), "out", False)]
        calls = history(lab, "juliet").seen("call")
        assert [(c["peer"], c["direction"], c["missed"], c["reason"]) for c in calls] == [(lab.jid("romeo"), "in", True, "no-answer")]
        kept = glob.glob(lab.path(".local/state/jcall/*.calls"))
        assert sorted(map(os.path.basename, kept)) == [f"juliet@{DOMAIN}.calls", f"romeo@{DOMAIN}.calls"]
        assert all(stat.S_IMODE(os.stat(f).st_mode) == 0o600 for f in kept)
        assert stat.S_IMODE(os.stat(lab.path(".local/state/jcall")).st_mode) == 0o700


def test_people_read_a_line_for_each_call_and_nothing_when_there_is_none():
    with archiving() as lab:
        run = lambda *args: subprocess.run([JCALL, "history", "-c", lab.config("juliet"), *args], env=lab.env(), capture_output=True,
                                           text=True, timeout=PATIENCE)
        none = run("--missed")
        assert (none.returncode, none.stdout, none.stderr) == (OK, "", "")
        call_in_vain(lab)
        one = run("--missed")
        assert one.returncode == OK and one.stderr == ""
        assert one.stdout.split()[2:] == ["in", lab.jid("romeo"), "missed"], one.stdout
        assert run("--missed").stdout == ""
        assert run().stdout == one.stdout
        wrong = run("--all")
        assert wrong.returncode == USAGE and "--missed" in wrong.stderr


def test_asking_for_missed_calls_makes_nobody_think_we_can_be_called():
    with archiving() as lab:
        with Scripted(lab, "romeo") as romeo:
            missed(lab)
            presences = [s for who, s in lab.sent() if who.startswith(lab.jid("juliet")) and s.tag.endswith("presence")
                         and not s.get("type")]
            assert not presences, presences


def test_answer_tells_of_a_missed_call_once_and_is_ready_all_the_same():
    with archiving() as lab:
        call_in_vain(lab)
        juliet = lab.answer("juliet")
        call = juliet.wait("missed")
        assert (call["peer"], call["reason"]) == (lab.jid("romeo"), "no-answer")
        romeo = lab.dial("romeo", "juliet", "--for", "2")
        assert romeo.exit() == OK
        juliet.signal(signal.SIGTERM)
        juliet.exit()
        assert len(juliet.seen("missed")) == 1
        assert missed(lab) == []
        assert len(missed(lab, "juliet", "--all")) == 1
        calls = history(lab, "juliet").seen("call")
        assert [c["reason"] for c in calls] == ["no-answer", "ok"] and calls[1]["duration_s"] >= 1, calls


def test_answer_says_a_line_on_the_terminal():
    with archiving() as lab:
        call_in_vain(lab)
        call_in_vain(lab)
        juliet = lab.jcall("juliet", "answer", "--auto", "--allow-contacts", "-i", "null", "-o", "null", json_events=False)
        end = time.monotonic() + PATIENCE
        line = f"Missed 2 calls from {lab.jid('romeo')}, the last at "
        while not any(l.startswith(line) for l in juliet.lines) and time.monotonic() < end:
            time.sleep(0.05)
        assert any(l.startswith(line) for l in juliet.lines), juliet.lines


def test_call_taken_or_declined_on_another_device_is_not_missed():
    with archiving() as lab:
        elsewhere = lab.env(XDG_STATE_HOME=lab.path("elsewhere"))
        phone = lab.answer("juliet", "--once", env=elsewhere)
        romeo = lab.dial("romeo", "juliet", "--for", "1")
        assert (romeo.exit(), phone.exit()) == (OK, OK)
        import pty
        master, slave = pty.openpty()
        phone = lab.jcall("juliet", "answer", "--once", "-i", "null", "-o", "null", stdin=slave, env=elsewhere)
        os.close(slave)
        phone.wait("waiting")
        romeo = lab.dial("romeo", "juliet")
        phone.wait("incoming")
        os.write(master, b"n")
        romeo.exit()
        phone.exit()
        assert missed(lab) == []


def test_call_that_rang_here_in_vain_is_not_told_again():
    with archiving() as lab:
        import pty
        master, slave = pty.openpty()
        juliet = lab.jcall("juliet", "answer", "--once", "-i", "null", "-o", "null", stdin=slave)
        os.close(slave)
        juliet.wait("waiting")
        call_in_vain(lab)
        assert juliet.exit() == NO_ANSWER
        assert missed(lab) == []
        assert len(missed(lab, "juliet", "--all")) == 1
        assert len(missed(lab, env=lab.env(XDG_STATE_HOME=lab.path("elsewhere")))) == 1, "another machine had not heard of it"


def test_caller_who_found_us_busy_is_told_as_missed_at_once():
    with archiving(users=("romeo", "juliet", "paris")) as lab:
        juliet = lab.answer("juliet", "--once")
        romeo = lab.dial("romeo", "juliet")
        juliet.wait("accepted")
        lab.dial("paris", "juliet").exit()
        call = juliet.wait("missed")
        assert (call["peer"], call["reason"]) == (lab.jid("paris"), "busy")
        romeo.signal(signal.SIGINT)
        juliet.exit()
        assert missed(lab) == []


PROPOSE = "<message to='%s' type='chat' id='p-%s'><propose xmlns='urn:xmpp:jingle-message:0' id='%s'><description " \
          "xmlns='urn:xmpp:jingle:apps:rtp:1' media='audio'/></propose>%s<store xmlns='urn:xmpp:hints'/></message>"
RETRACT = "<message to='%s' type='chat' id='r-%s'><retract xmlns='urn:xmpp:jingle-message:0' id='%s'/>%s<store xmlns='urn:xmpp:hints'/>" \
          "</message>"
LATE = "<delay xmlns='urn:xmpp:delay' stamp='2026-01-02T03:04:05Z'/>"


def propose_and_give_up(romeo, lab, sid, more=""):
    to = lab.jid("juliet")
    romeo.send(PROPOSE % (to, sid, sid, more) + RETRACT % (to, sid, sid, more))
    romeo.wait_answer(romeo.iq(lab.jid("romeo"), "<ping xmlns='urn:xmpp:ping'/>", "get"))      # the server has dealt with them


def test_late_proposal_does_not_ring_and_is_told_once_though_archived_too():
    for modules in (("mam",), ()):
        with Lab(offline=True, modules=modules) as lab:
            with Scripted(lab, "romeo") as romeo:
                propose_and_give_up(romeo, lab, "late1", LATE)
            juliet = lab.answer("juliet")
            assert juliet.wait("missed")["peer"] == lab.jid("romeo")
            romeo = lab.dial("romeo", "juliet", "--for", "1")
            assert romeo.exit() == OK
            juliet.signal(signal.SIGTERM)
            juliet.exit()
            assert len(juliet.seen("missed")) == 1, juliet.events
            assert len(juliet.seen("incoming")) == 1, "the late one rang"
            if modules:
                assert missed(lab) == []


def test_flood_of_proposals_that_claim_to_be_late_is_bounded():
    with archiving() as lab:
        juliet = lab.answer("juliet")
        with Scripted(lab, "romeo") as romeo:
            for n in range(300):
                romeo.send(PROPOSE % (lab.jid("juliet"), f"f{n}", f"f{n}", LATE))
            romeo.wait_answer(romeo.iq(lab.jid("romeo"), "<ping xmlns='urn:xmpp:ping'/>", "get"))
        for n in range(200):
            juliet.wait("missed")
        romeo = lab.dial("romeo", "juliet", "--for", "1")
        assert romeo.exit() == OK
        juliet.signal(signal.SIGTERM)
        juliet.exit()
        assert len(juliet.seen("missed")) == 200 and len(juliet.seen("incoming")) == 1


def test_proposal_that_may_still_ring_elsewhere_is_not_yet_missed():
    with archiving() as lab:
        to = lab.jid("juliet")
        with Scripted(lab, "romeo") as romeo:
            romeo.send(PROPOSE % (to, "open1", "open1", ""))
            romeo.wait_answer(romeo.iq(lab.jid("romeo"), "<ping xmlns='urn:xmpp:ping'/>", "get"))
            assert missed(lab) == []
            juliet = lab.answer("juliet")
            romeo.send(RETRACT % (to, "open1", "open1", ""))
            assert juliet.wait("missed")["peer"] == lab.jid("romeo")


def test_forged_results_are_ignored():
    with archiving() as lab:
        juliet = lab.answer("juliet")
        asked = [s.find("{urn:xmpp:mam:2}query") for who, s in lab.sent() if who.startswith(lab.jid("juliet"))]
        ids = [q.get("queryid") for q in asked if q is not None]
        device = juliet.seen("connected")[0]["jid"]
        with Scripted(lab, "romeo") as romeo:
            for n, query in enumerate(ids + ["", "1"]):
                inner = PROPOSE % (lab.jid("juliet"), n, n, "")
                for body in (inner, RETRACT % (lab.jid("juliet"), n, n, "")):
                    body = body.replace("<message ", f"<message xmlns='jabber:client' from='nurse@{DOMAIN}/x' ")
                    romeo.send(f"<message to='{device}'><result xmlns='urn:xmpp:mam:2' queryid='{query}' id='{n}'><forwarded "
                               f"xmlns='urn:xmpp:forward:0'><delay xmlns='urn:xmpp:delay' stamp='2026-11-20T10:00:00Z'/>{body}"
                               "</forwarded></result></message>")
        romeo = lab.dial("romeo", "juliet", "--for", "1")
        assert romeo.exit() == OK
        juliet.signal(signal.SIGTERM)
        juliet.exit()
        assert not juliet.seen("missed")
        assert missed(lab) == []


def test_server_without_an_archive_is_told_by_its_own_exit_status():
    with Lab() as lab:
        p = history(lab, "juliet", "--missed", status=NO_ARCHIVE)
        assert len(p.lines) == 1 and "archive" in p.lines[0], p.lines


def test_list_that_cannot_be_kept_stops_no_call():
    with archiving() as lab:
        call_in_vain(lab)
        nowhere = lab.env(XDG_STATE_HOME="/dev/null/state")
        juliet = lab.answer("juliet", "--once", env=nowhere)
        juliet.wait("missed")
        romeo = lab.dial("romeo", "juliet", "--for", "1", env=nowhere)
        assert (romeo.exit(), juliet.exit()) == (OK, OK)
        p = lab.jcall("juliet", "history", "--missed", env=nowhere)
        assert p.exit() == FILE and p.seen("missed")


class Gate(threading.Thread):
    """A way to the server that can be shut."""

    def __init__(self, port):
        super().__init__(daemon=True)
        self.to, self.open, self.pairs = port, True, []
        self.s = socket.create_server(("127.0.0.1", 0))
        self.port = self.s.getsockname()[1]
        self.start()

    def run(self):
        while True:
            a, _ = self.s.accept()
            if not self.open:
                a.close()
                continue
            b = socket.create_connection(("127.0.0.1", self.to))
            self.pairs.append((a, b))
            for x, y in ((a, b), (b, a)):
                threading.Thread(target=self.pump, args=(x, y), daemon=True).start()

    @staticmethod
    def pump(x, y):
        try:
            while data := x.recv(65536):
                y.sendall(data)
        except OSError:
            pass
        for s in (x, y):
            with contextlib.suppress(OSError):
                s.shutdown(socket.SHUT_RDWR)

    def shut(self):
        self.open = False
        for pair in self.pairs:
            for s in pair:
                with contextlib.suppress(OSError):
                    s.shutdown(socket.SHUT_RDWR)


def test_after_a_reconnect_it_is_told_what_was_missed_meanwhile():
    with archiving() as lab:
        gate = Gate(lab.port)
        path = lab.config("juliet")
        text = open(path).read().replace(f"127.0.0.1:{lab.port}", f"127.0.0.1:{gate.port}")
        open(path, "w").write(text)
        juliet = lab.answer("juliet", config=path)
        gate.shut()
        lab.stop_server()               # so that the old session is not taken up again
        lab.start_server()
        call_in_vain(lab)
        assert not juliet.seen("missed")
        gate.open = True
        assert juliet.wait("missed", 90)["peer"] == lab.jid("romeo")


if __name__ == "__main__":
    run_tests(globals())
