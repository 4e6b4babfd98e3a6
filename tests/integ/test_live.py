#!/usr/bin/python3
"""The live line, on real terminals (tmux): what it shows, at 80 columns and at 40, what goes above it, and what it leaves behind."""
import contextlib, re, shlex, shutil, subprocess, time
from lab import *

OK = 0
LINE = re.compile(r"^\d+:\d\d ")


class Terminal:
    """A tmux of its own with one pane, in which a shell runs; ENV: the environment of what runs there."""

    def __init__(self, lab, columns, rows=12, **env):
        if not shutil.which("tmux"):
            print("skipped: tmux is not installed: run tests/deps --test")
            raise SystemExit(77)
        self.lab, self.socket = lab, lab.path(f"tmux-{columns}-{len(env)}")
        self.env = {k: v for k, v in lab.env().items() if k not in ("TMUX", "TERM", "NO_COLOR")}
        self.env.update(TERM="screen")
        self.words = ["env", *(f"{name}={value}" for name, value in env.items())] if env else []
        self.tmux("-f", "/dev/null", "new-session", "-d", "-x", str(columns), "-y", str(rows), "sh")
        self.tmux("set", "-g", "status", "off")
        self.tmux("resize-window", "-x", str(columns), "-y", str(rows))

    def __enter__(self):
        return self

    def __exit__(self, *_):
        subprocess.run(["tmux", "-S", self.socket, "kill-server"], capture_output=True)

    def tmux(self, *args):
        done = subprocess.run(["tmux", "-S", self.socket, *args], env=self.env, capture_output=True, text=True)
        assert done.returncode == 0, done.stderr
        return done.stdout

    def type(self, *keys):
        self.tmux("send-keys", *keys)

    def run(self, *words):
        argv = " ".join(shlex.quote(w) for w in [*self.words, *words])
        self.tmux("send-keys", "-l", f"clear; {argv}; echo status $?")
        self.type("Enter")

    def rows(self, colours=False):
        return [r for r in self.tmux("capture-pane", "-p", *(["-e"] if colours else [])).rstrip("\n").split("\n") if r.strip()]

    def wait(self, fits, limit=PATIENCE):
        """What FITS(rows) comes to, once that is true."""
        end = time.monotonic() + limit
        while time.monotonic() < end:
            if got := fits(self.rows()):
                return got
            time.sleep(0.05)
        raise AssertionError("the terminal shows:\n" + "\n".join(self.rows()))

    def live(self, *words):
        """The live line, which is the last, once it has all these WORDS (a ! before one: it has not)."""
        def fits(rows):
            line = rows[-1] if rows and LINE.match(rows[-1]) else ""
            return line if line and all((w[1:] not in line) if w[0] == "!" else (w in line) for w in words) else None
        return self.wait(fits)

    def resize(self, columns):
        self.tmux("resize-window", "-x", str(columns))


@contextlib.contextmanager
def in_a_call(columns, *args, **env):
    """(terminal, juliet): romeo has called her on a terminal of so many columns."""
    with Lab() as lab:
        juliet = lab.jcall("juliet", "answer", "--once", "--auto", "--allow-contacts", "-i", "tone", "-o", "null")
        juliet.wait("waiting")
        with Terminal(lab, columns, **env) as t:
            t.run(JCALL, "dial", "-c", lab.config("romeo"), "-i", "tone", "-o", "null", *args, lab.jid("juliet"))
            yield t, juliet


def live_rows(rows):
    return [r for r in rows if LINE.match(r)]


def hangs_up(t, juliet, key="q"):
    """Nothing of the live line is left behind."""
    t.type(key)
    rows = t.wait(lambda rows: any(r.startswith("status ") for r in rows) and rows)
    assert not live_rows(rows) and not re.search("[█▌░#]{2}", "\n".join(rows)), rows
    at = next(i for i, r in enumerate(rows) if r.startswith("status "))
    assert rows[at] == "status 0" and any("ended after" in r for r in rows[:at]), rows
    assert juliet.exit() == OK


def test_eighty_columns_show_all_of_it():
    with in_a_call(80) as (t, juliet):
        line = t.live("loss", "delay", "DTLS-SRTP")
        assert re.fullmatch(r"\d:\d\d  you [█▌░]+  peer [█▌░]+  loss \d+\.\d %  delay \d+ ms  DTLS-SRTP", line), line
        meter = lambda name, line: re.search(name + " ([█▌░]+)", line)[1].count("█")
        assert meter("you", line) >= 2 and meter("peer", line) >= 2, line      # both say a tone
        coloured = [r for r in t.rows(colours=True) if "peer" in r][-1]
        assert "\x1b[3" in coloured, coloured
        first = t.live()
        assert t.wait(lambda rows: rows[-1] if rows[-1][:4] != first[:4] else None)        # the time goes on
        t.type("m")
        muted = t.wait(lambda rows: rows[-1] if "muted" in rows[-1] and meter("you", rows[-1]) == 0 else None)
        assert "Muted" in t.rows() and len(live_rows(t.rows())) == 1, (muted, t.rows())
        t.type("m", "h")
        t.live("on hold", "!muted")
        t.type("h")
        t.live("!hold")
        said = [r for r in t.rows() if not LINE.match(r)]
        assert [r for r in said if re.search("uted|n hold", r)] == \
            ["Muted", "No longer muted", "On hold: neither side hears the other", "No longer on hold"], said
        hangs_up(t, juliet)


def test_output_that_was_stopped_does_not_stop_the_call():
    with in_a_call(80) as (t, juliet):
        t.live()
        t.type("C-s")
        time.sleep(0.5)
        t.resize(60)
        time.sleep(0.5)
        assert t.lab.ctl("--account", "romeo", "stats", limit=10)
        t.type("C-q")
        hangs_up(t, juliet)


def test_forty_columns_and_resizing_in_mid_call():
    with in_a_call(40) as (t, juliet):
        line = t.live("DTLS", "%", "ms")
        assert len(line) <= 39 and len(live_rows(t.rows())) == 1, line
        t.resize(100)
        assert len(t.live("loss", "delay", "DTLS-SRTP")) > 60
        for columns in (80, 41, 20, 60, 24):
            t.resize(columns)
            line = t.wait(lambda rows: rows[-1] if LINE.match(rows[-1]) and columns // 2 < len(rows[-1]) < columns else None)
            assert re.search("[█▌░]", line), line
            assert len([r for r in t.rows() if re.search("[█▌░]", r)]) == 1, t.rows()      # no remains of the wider ones
        t.resize(80)
        t.live("loss", "delay")
        hangs_up(t, juliet)


def test_who_answers_sees_it_too():
    with Lab() as lab, Terminal(lab, 80) as t:
        t.run(JCALL, "answer", "-c", lab.config("juliet"), "--once", "-i", "tone", "-o", "null")
        t.wait(lambda rows: any("Waiting for calls" in r for r in rows))
        romeo = lab.dial("romeo", "juliet", "-i", "tone")
        t.wait(lambda rows: any("take the call?" in r for r in rows))
        assert not live_rows(t.rows())
        t.type("y")
        t.live("you", "peer", "loss", "DTLS-SRTP")
        hangs_up(t, romeo)


def test_no_color_and_the_c_locale():
    with in_a_call(80, NO_COLOR="1", LANG="C", LC_ALL="C") as (t, juliet):
        line = t.live("loss")
        assert re.search(r"you [#-]+  peer [#-]+  loss", line), line
        assert "\x1b" not in "".join(t.rows(colours=True)), t.rows(colours=True)
        hangs_up(t, juliet)


def test_a_dumb_terminal_gets_plain_lines():
    with in_a_call(80, "--stats=1", "--for", "4", TERM="dumb") as (t, juliet):
        rows = t.wait(lambda rows: any(r.startswith("status 0") for r in rows) and rows)
        assert len([r for r in rows if " dB, peer " in r]) >= 2 and not live_rows(rows), rows
        assert juliet.exit() == OK


def test_stats_add_figures_to_the_line():
    with in_a_call(110, "--stats") as (t, juliet):
        assert re.search(r"MOS \d\.\d .*\d+/\d+ kbit/s", t.live("MOS", "kbit/s"))
        hangs_up(t, juliet)


def test_control_c_leaves_a_clean_terminal():
    with in_a_call(80) as (t, juliet):
        t.live("loss")
        hangs_up(t, juliet, "C-c")
        t.type("-l", "echo typed")
        t.type("Enter")
        t.wait(lambda rows: "typed" in rows and any(r.endswith(" echo typed") for r in rows))      # what is typed is seen again


def test_a_job_in_the_background_draws_nothing():
    with Lab() as lab:
        juliet = lab.jcall("juliet", "answer", "--once", "--auto", "--allow-contacts", "-i", "tone", "-o", "null")
        juliet.wait("waiting")
        with Terminal(lab, 80) as t:
            words = [JCALL, "dial", "-c", lab.config("romeo"), "-i", "tone", "-o", "null", lab.jid("juliet")]
            t.type("-l", f"set -m; clear; {' '.join(shlex.quote(w) for w in words)} &")
            t.type("Enter")
            juliet.wait("heard")
            t.wait(lambda rows: any("Talking with" in r for r in rows))
            t.type("-l", "echo half a")
            time.sleep(1)                       # several lines would have been drawn
            t.type("-l", "nd whole")
            t.type("Enter")
            t.wait(lambda rows: "half and whole" in rows and not live_rows(rows))
            t.type("-l", "fg")
            t.type("Enter")
            t.live("loss")
            hangs_up_in_front(t, juliet)


def hangs_up_in_front(t, juliet):
    t.type("C-c")
    t.wait(lambda rows: any("ended after" in r for r in rows) and not live_rows(rows))
    assert juliet.exit() == OK


def test_what_the_peer_does_is_seen():
    with Lab() as lab:
        juliet, keys = lab.typed("juliet", "--once")
        with Terminal(lab, 80) as t:
            t.run(JCALL, "dial", "-c", lab.config("romeo"), "-i", "tone", "-o", "null", lab.jid("juliet"))
            juliet.wait("incoming")
            keys("y")
            t.live("loss")
            keys("m")
            t.live("peer muted")
            keys("h")
            t.live("held by peer")
            keys("mh")
            t.live("!muted", "!held")
            juliet.signal(signal.SIGSTOP)
            try:
                t.live("nothing comes")
            finally:
                juliet.signal(signal.SIGCONT)
            t.live("!nothing")
            hangs_up(t, juliet)


if __name__ == "__main__":
    run_tests(globals())
