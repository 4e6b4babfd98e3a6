"""manual_more.py - of the examples that test_manual.py runs: the scripts, the service, make."""
import contextlib, os, re, socket, subprocess, threading
from lab import *
from sounds import decoded, loudness, purity
from stage import *


# ---- the scripts of examples/, as their first lines say

@example("scripts", "jcall answer --auto --allow-contacts --max-calls 5 --for 120 --exec examples/echo")
def lets_a_caller_hear_himself(s, text):
    with s.started(text):
        juliet = s.caller(JULIET, "--for", "4")
        assert juliet.exit() == 0
        hears(juliet, THEIRS)


@example("scripts", """jcall answer --auto --allow-contacts --exec 'examples/voicemail messages "Romeo is out. Speak after the tone."'""")
def stores_messages(s, text):
    with s.started(text):
        juliet = s.caller(JULIET, "--for", "12")
        assert juliet.exit() == 0 and loudness(juliet.file) > 3000
    [name] = os.listdir(s.path("messages"))
    assert JULIET in name and purity(decoded(s.path("messages/" + name)), THEIRS) > 0.8


@example("scripts", """jcall answer --auto --allow-contacts --max-calls 10 --for 300 --exec \\
    'examples/ivr "For opening hours press 1, for our address 2, to end 0." "1=From nine to five." "2=Verona." "0=Good bye."'""")
def is_a_menu(s, text):
    with s.started(text):
        juliet = s.caller(JULIET, "--dtmf", "w,,1w,0")
        assert juliet.exit() == 0 and loudness(juliet.file) > 3000


@contextlib.contextmanager
def no_names():
    """A DNS server that knows no name: its port."""
    server = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    server.bind(("127.0.0.1", 0))

    def serve():
        with contextlib.suppress(OSError):
            while True:
                query, asker = server.recvfrom(1500)
                server.sendto(query[:2] + b"\x81\x83" + query[4:], asker)
    threading.Thread(target=serve, daemon=True).start()
    try:
        yield server.getsockname()[1]
    finally:
        server.close()


@example("scripts", "jcall answer --auto --allow-contacts --max-calls 4 --exec 'examples/sip-bridge sip:100@pbx.example'")
def hangs_up_where_no_phone_is(s, text):
    with no_names() as port:
        s.env = dict(s.env, SIP_CONFIG=f"net_interface 127.0.0.1\nsip_listen 127.0.0.1:0\ndns_server 127.0.0.1:{port}")
        with s.started(text):
            assert s.caller(JULIET).exit() == 0


@example("scripts", "examples/intercom 4711 ./open-door --allow-contacts -i device:Door -o device:Door")
def opens_the_door(s, text):
    with open(s.path("open-door"), "w") as f:
        f.write("#!/bin/sh\ntouch opened\n")
    os.chmod(s.path("open-door"), 0o755)
    with s.started(text):
        juliet = s.caller(JULIET, "--dtmf", "ww4711", "--for", "5")
        assert juliet.exit() == 0
        hears(juliet, MICROPHONE)
    assert os.path.exists(s.path("opened"))


@example("scripts", 'examples/alert "The pump has stopped" nurse@ward.lit doctor@ward.lit || echo "the nurse did not take care of it"')
def asks_for_acknowledgement(s, text):
    with s.at_home(DOCTOR, "--dtmf", "w1"):
        with s.declining(NURSE):
            assert s.run(text)[:2] == (0, DOCTOR + "\nthe nurse did not take care of it\n")
        with s.at_home(NURSE, "--dtmf", "w1"):
            assert s.run(text)[:2] == (0, NURSE + "\n")


@example("scripts", "examples/check_xmpp_call -H juliet@capulet.lit -w 10 -c 20,5")
def monitors(s, text):
    with s.at_home(JULIET):
        status, out, _ = s.run(text)
    assert status == 0 and out.startswith("XMPP CALL OK - juliet@capulet.lit was heard"), out


# ---- make

@example("make", "make demo")
def lets_hear_a_call(s, text):
    """In a copy, for the tests run here; what is built there already is not built again."""
    if not JCALL.endswith("build/release/jcall"):
        return          # there is no other build that `make demo` would take
    copy = s.path("jcall")
    os.makedirs(copy + "/build")
    for name in os.listdir(TOP):
        if name not in ("build", ".git"):
            subprocess.run(["cp", "-a", f"{TOP}/{name}", copy], check=True)
    subprocess.run(["cp", "-a", f"{TOP}/build/release", copy + "/build"], check=True)
    status, out, err = s.run(f"cd jcall && {text}", 150)
    assert status == 0 and loudness(copy + "/build/demo/heard.wav") > 3000, (out, err)


@example("make", "make check", "make deps && make && sudo make install")
def would_be_made(s, text):
    """The first is what runs this, the other changes the machine: make says what it would do, and tests/lint/install does the last."""
    os.makedirs(s.path("bin"))
    os.symlink("/usr/bin/env", s.path("bin/sudo"))
    s.env = dict(s.env, MAKEFLAGS="n", PATH=s.path("bin") + ":" + s.env["PATH"])
    status, out, err = s.run(f"cd {TOP} && {text}")
    assert status == 0 and ("tests/run" if text == "make check" else "/usr/local/bin/jcall") in out, (out, err)


# ---- the service

DROP_IN = """[Service]
ExecStart=
ExecStart=/usr/bin/jcall answer --auto --allow family.lit -o null
"""


@example("service", "systemctl --user enable --now jcall-answer")
def is_enabled_and_waits(juliet, text):
    status, out = juliet(text)
    assert status == 0 and juliet.user.ctl("is-enabled", "jcall-answer") == "enabled\n", out
    assert juliet.user.ctl("is-active", "jcall-answer") == "active\n"


@example("service", "systemctl --user status jcall-answer")
def tells_its_status(juliet, text):
    status, out = juliet(text)
    assert status == 0 and "Waiting for calls to juliet@" in out, out


@example("service", "journalctl --user -u jcall-answer")
def shows_its_log(juliet, text):
    assert "journal" in juliet(text)[1], "that there is none, for the lab has none"


@example("service", "loginctl enable-linger")
def lingers(juliet, text):
    status, out = juliet(text)
    assert status != 0 and "bus" in out and "verb" not in out, "it is understood; this would be asked of the machine, which the lab is not: " + out


@example("service", "systemctl --user edit jcall-answer", DROP_IN)
def is_edited(juliet, text):
    if text == DROP_IN:
        return          # what the other one of these writes
    editor = juliet.user.lab.path("editor")
    open(editor, "w").write(f"#!/bin/sh\ncat >\"$1\" <<'END'\n{DROP_IN}END\n")
    os.chmod(editor, 0o755)
    status, out = juliet(text, SYSTEMD_EDITOR=editor)
    assert status == 0, out
    # The first override is the test's own; systemctl edits the same file.
    assert "argv[]=/usr/bin/jcall answer --auto --allow family.lit -o null ;" in juliet.user.show("jcall-answer")["ExecStart"]


class Service:
    """Called with an example: (exit status, all that was said), at a terminal."""

    def __init__(self, user):
        self.user = user

    def __call__(self, text, **env):
        r = Running(["sh", "-c", text], self.user.lab.dir, dict(self.user.env, SYSTEMD_PAGER="cat", TERM="dumb", **env))
        try:
            return r.exit(), r.said()
        finally:
            r.stop()
