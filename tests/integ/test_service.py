#!/usr/bin/python3
"""jcall answer as a service: what its service manager is told (sd_notify(3)), the watchdog, lines for the journal."""
import socket, time
from lab import *

OK = 0
WATCHDOG_S = 1.0


class Manager:
    """The socket of a service manager, and what was said to it: (monotonic seconds, word)."""

    def __init__(self, name):
        self.name, self.words = name, []
        self.s = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.s.bind(name.replace("@", "\0"))
        threading.Thread(target=self.listen, daemon=True).start()

    def listen(self):
        while True:
            word = self.s.recv(4096).decode("utf8", "strict")
            self.words.append((time.monotonic(), word))

    def said(self, word):
        return any(w == word for _, w in self.words)

    def wait(self, word, after=0.0):
        """The moment at which WORD came, if that was AFTER."""
        end = time.monotonic() + PATIENCE
        while time.monotonic() < end:
            for at, w in list(self.words):
                if at > after and w == word:
                    return at
            time.sleep(0.02)
        raise AssertionError(f"'{word}' was not said, but {self.words}")

    def env(self, lab, **more):
        return lab.env(NOTIFY_SOCKET=self.name, WATCHDOG_USEC=str(int(WATCHDOG_S * 1e6)), **more)


def service(lab, manager, *args, **kw):
    return lab.jcall("juliet", "answer", "--auto", "--allow-contacts", "-i", "null", "-o", "null", *args, env=manager.env(lab), **kw)


def test_it_is_ready_when_it_can_be_called_and_stops_when_told():
    with Lab() as lab:
        manager = Manager(lab.path("notify"))
        juliet = service(lab, manager)
        ready = manager.wait("READY=1")
        words = [w for at, w in manager.words if at <= ready and not w.startswith("WATCHDOG")]
        assert words[0] == "STATUS=Logging in as juliet@lab.test", words
        assert words[-2].startswith("STATUS=Waiting for calls to juliet@lab.test/"), words
        connected = juliet.wait("connected")
        waiting = juliet.wait("waiting")
        assert connected["time"] < waiting["time"]
        assert not manager.said("STOPPING=1")
        juliet.signal(signal.SIGTERM)
        manager.wait("STOPPING=1")
        assert juliet.exit() == OK


def test_who_cannot_log_in_is_never_ready():
    with Lab() as lab:
        manager = Manager(f"@jcall-lab-{os.getpid()}")
        juliet = service(lab, manager, config=lab.config("juliet", password="wrong"))
        assert juliet.exit() == 4
        manager.wait("STOPPING=1")
        assert not manager.said("READY=1")
        assert manager.said("STATUS=the server does not accept the password of juliet@lab.test"), manager.words


def test_its_status_says_with_whom_it_talks():
    with Lab() as lab:
        manager = Manager(lab.path("notify"))
        juliet = service(lab, manager)
        manager.wait("READY=1")
        romeo = lab.dial("romeo", "juliet")
        jid = romeo.wait("connected")["jid"]
        talking = manager.wait(f"STATUS=Talking with {jid}")
        romeo.wait("heard")
        romeo.signal(signal.SIGTERM)
        assert romeo.exit() == OK
        jid = juliet.seen("waiting")[0]["jid"]
        manager.wait(f"STATUS=Waiting for calls to {jid}", after=talking)


def test_its_status_says_that_the_server_is_away():
    with Lab() as lab:
        manager = Manager(lab.path("notify"))
        juliet = service(lab, manager)
        manager.wait("READY=1")
        lab.stop_server(signal.SIGKILL)
        juliet.wait("disconnected")
        end = time.monotonic() + PATIENCE
        away = []
        while not away and time.monotonic() < end:
            time.sleep(0.05)
            away = [at for at, w in manager.words if w.startswith("STATUS=") and w.endswith("; trying again")]
        assert away, manager.words
        lab.start_server()
        again = juliet.wait("connected")
        manager.wait(f"STATUS=Waiting for calls to {again['jid']}", after=away[0])
        assert [w for _, w in manager.words].count("READY=1") == 1
        assert juliet.p.poll() is None


def test_the_watchdog_is_fed_in_time_and_not_by_a_stopped_process():
    with Lab() as lab:
        manager = Manager(lab.path("notify"))
        juliet = service(lab, manager)
        at = manager.wait("READY=1")
        for _ in range(4):
            at = manager.wait("WATCHDOG=1", after=at)
        fed = [t for t, w in manager.words if w == "WATCHDOG=1"]
        gaps = sorted(b - a for a, b in zip(fed, fed[1:]))
        print("seconds between two words:", [round(g, 2) for g in gaps])
        assert gaps[len(gaps) // 2] < WATCHDOG_S     # the median: a loaded machine may hold one up
        juliet.signal(signal.SIGSTOP)
        time.sleep(0.3)                 # what was said before has come
        stopped = time.monotonic()
        time.sleep(3 * WATCHDOG_S)
        assert not [w for t, w in manager.words if t > stopped], manager.words
        juliet.signal(signal.SIGCONT)
        manager.wait("WATCHDOG=1", after=stopped)
        juliet.signal(signal.SIGTERM)
        assert juliet.exit() == OK


def test_the_watchdog_is_fed_in_a_call_too():
    with Lab() as lab:
        manager = Manager(lab.path("notify"))
        service(lab, manager)
        manager.wait("READY=1")
        romeo = lab.dial("romeo", "juliet", "--for", "4")
        romeo.wait("heard")
        began = time.monotonic()
        assert romeo.exit() == OK
        fed = [t for t, w in manager.words if w == "WATCHDOG=1" and t > began]
        assert len(fed) >= 3, manager.words


def test_children_do_not_speak_for_us():
    with Lab() as lab:
        manager = Manager(lab.path("notify"))
        script = lab.path("password")
        open(script, "w").write(f"#!/bin/sh\nenv >{lab.path('environment')}\necho juliet-secret\n")
        os.chmod(script, 0o755)
        config = lab.config("juliet")
        text = open(config).read().replace("password = juliet-secret", f"password_command = {script}")
        open(config, "w").write(text)
        service(lab, manager, config=config)
        manager.wait("READY=1")
        names = {line.split("=")[0] for line in open(lab.path("environment"))}
        assert "HOME" in names and not names & {"NOTIFY_SOCKET", "WATCHDOG_USEC", "WATCHDOG_PID"}, names


class JournalLab(Lab):
    """Where the standard error of jcall is the journal, by what the environment says."""
    fd = 2

    def inside(self, user):
        return ["sh", "-c", f'JOURNAL_STREAM=$(stat -Lc %d:%i /proc/self/fd/{self.fd}) exec "$@"', "sh"]


def test_lines_for_the_journal_have_priorities():
    with JournalLab() as lab:
        juliet = lab.jcall("juliet", "answer", "--auto", "--allow-contacts", "-i", "null", "-o", "null", "-vv", json_events=False)
        romeo = lab.jcall("romeo", "dial", "-i", "null", "-o", "null", "--for", "1", lab.jid("juliet"), json_events=False)
        while romeo.exit() == 13:       # she was not there yet
            romeo = lab.jcall("romeo", "dial", "-i", "null", "-o", "null", "--for", "1", lab.jid("juliet"), json_events=False)
        juliet.signal(signal.SIGTERM)
        assert juliet.exit() == OK
        for p in (juliet, romeo):
            assert p.lines and all(re.match(r"<[3-7]>[^<\x1b\r]", line) for line in p.lines), p.lines
            assert not [line for line in p.lines if line[3:].startswith("jcall: ")], p.lines
        assert any(line.startswith("<6>Waiting for calls to juliet@lab.test/") for line in juliet.lines), juliet.lines
        assert any(line.startswith("<7>") for line in juliet.lines)


def test_a_call_that_fails_is_a_notice_and_a_wrong_option_an_error():
    with JournalLab(users=("romeo", "juliet")) as lab:
        romeo = lab.jcall("romeo", "dial", "-i", "null", "-o", "null", lab.jid("juliet"), json_events=False)
        assert romeo.exit() == 13
        assert romeo.lines[-1].startswith("<5>juliet@lab.test: "), romeo.lines
        wrong = lab.jcall("romeo", "dial", "--no-such-option", json_events=False)
        assert wrong.exit() == 2 and wrong.lines[0].startswith("<3>"), wrong.lines


def test_what_is_not_the_journal_is_left_as_it_is():
    with JournalLab() as lab:
        lab.fd = 0
        wrong = lab.jcall("romeo", "dial", "--no-such-option", json_events=False)
        assert wrong.exit() == 2 and wrong.lines[0].startswith("jcall: "), wrong.lines


if __name__ == "__main__":
    run_tests(globals())
