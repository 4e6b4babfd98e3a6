#!/usr/bin/python3
"""What is asked of a running jcall: jcall ctl, its socket, keys and signals; and who may not."""
import contextlib, json, os, pty, re, signal, socket, stat, subprocess, threading, time
import numpy as np
from lab import *

REFUSED = 7


def call(lab, *answer_args):
    juliet = lab.answer("juliet", *answer_args)
    romeo = lab.dial("romeo", "juliet")
    romeo.wait("heard")
    juliet.wait("heard")
    return romeo, juliet


def pid(p):
    return ("--pid", p.p.pid)


def sock(lab, p):
    s = socket.socket(socket.AF_UNIX)
    s.settimeout(PATIENCE)
    s.connect(lab.path("run", "jcall", f"{p.p.pid}.sock"))
    return s, s.makefile("rb")


def asked(s, lines, request):
    s.sendall(request if isinstance(request, bytes) else json.dumps(request).encode() + b"\n")
    return json.loads(lines.readline())


def test_everything_a_person_can_do_a_script_can():
    with Lab() as lab:
        romeo, juliet = call(lab)
        said = json.loads(lab.ctl(*pid(juliet), "--json", "status"))
        assert said["ok"] and said["command"] == "answer" and said["account"] == "juliet" and said["online"], said
        assert [(c["call"], c["direction"], c["state"], c["muted"]) for c in said["calls"]] == [(1, "in", "talking", False)], said
        assert said["calls"][0]["peer"].startswith("romeo@") and said["calls"][0]["duration_s"] > 0
        for verb, there, here in (("mute", {"muted": True}, {"muted": True}), ("unmute", {"muted": False}, {"muted": False}),
                                  ("hold", {"held": True}, {"held": True}), ("resume", {"held": False}, {"held": False})):
            assert lab.ctl(*pid(juliet), verb) == ""
            told = romeo.wait("peer")
            assert told.items() >= there.items(), (verb, told)
            told = juliet.wait("mute" if "mute" in verb else "hold")
            assert told.items() >= here.items() and told["call"] == 1
        assert lab.ctl("--account", "juliet", "dtmf", "12#") == ""
        assert [romeo.wait("dtmf")["digit"] for _ in range(3)] == ["1", "2", "#"]
        figures = lab.ctl("--account", "juliet@" + DOMAIN, "stats")
        assert "rx_packets: " in figures and not re.search(r"\.\d{7}", figures), figures
        assert juliet.wait("stats")["rx_packets"] > 0
        assert lab.ctl(*pid(romeo), "hangup") == ""
        assert romeo.exit() == 0
        juliet.wait("ended")
        assert lab.ctl("status").endswith("no calls\n")


def test_who_is_asked_and_who_is_not():
    with Lab() as lab:
        assert lab.ctl("mute") == (REFUSED, "jcall: no jcall is running\n")
        juliet = lab.answer("juliet")
        assert lab.ctl("hangup") == (REFUSED, "jcall: there is no call\n")
        assert lab.ctl("answer") == (REFUSED, "jcall: no call rings\n")
        assert lab.ctl("--call", 7, "mute") == (REFUSED, "jcall: there is no call 7\n")
        assert lab.ctl("--pid", 1, "mute") == (REFUSED, "jcall: no such jcall is running\n")
        romeo = lab.dial("romeo", "juliet")
        romeo.wait("heard")
        status, words = lab.ctl("hangup")
        assert status == REFUSED and "say which one" in words and f"--pid {romeo.p.pid} (romeo@" in words, words
        both = lab.ctl("status")            # which harms nobody: of all
        assert both.count("command: ") == 2 and "account: romeo" in both and "account: juliet" in both, both
        assert len([json.loads(line) for line in lab.ctl("--json", "status").splitlines()]) == 2
        odd = lab.path("100%n")
        os.mkdir(odd)
        r = subprocess.run([JCALL, "ctl", "--account", "romeo", "record", "both-%n.wav"], env=lab.env(), cwd=odd, capture_output=True, text=True)
        assert r.returncode == 0 and romeo.wait("recording")["file"] == os.path.join(odd, "both-1.wav"), r.stderr
        for wrong in (["dance"], ["dtmf"], ["dtmf", "12x"], ["volume", "many"], ["volume", "201"], ["device", "up", "x"], ["status", "x"], [],
                      ["stop", "it"], ["--call", "-1", "mute"]):
            status, words = lab.ctl("--account", "romeo", *wrong)
            assert status == 2 and words.startswith("jcall: ") and words.count("\n") == 1, (wrong, status, words)
        # One that was killed leaves its socket behind; nobody stumbles over it.
        juliet.signal(signal.SIGKILL)
        juliet.p.wait(PATIENCE)
        assert lab.ctl("--account", "romeo", "mute") == ""
        assert os.listdir(lab.path("run", "jcall")) == [f"{romeo.p.pid}.sock"]
        romeo.signal(signal.SIGINT)
        assert romeo.exit() == 0
        assert os.listdir(lab.path("run", "jcall")) == []


def test_a_call_is_taken_and_declined_without_a_terminal():
    with Lab() as lab:
        juliet = lab.jcall("juliet", "answer", "-i", "null", "-o", "null")
        juliet.wait("waiting")
        romeo = lab.dial("romeo", "juliet")
        juliet.wait("incoming")
        assert "ringing" in lab.ctl(*pid(juliet), "status")
        assert lab.ctl(*pid(juliet), "answer") == ""
        romeo.wait("heard")
        romeo.signal(signal.SIGINT)
        assert romeo.exit() == 0
        juliet.wait("ended")
        romeo = lab.dial("romeo", "juliet")
        juliet.wait("incoming")
        assert lab.ctl(*pid(juliet), "reject") == ""
        assert romeo.exit() == 11


def test_who_has_no_terminal_is_told_how_a_call_is_taken_and_that_one_was_missed():
    with Lab() as lab:
        juliet = lab.jcall("juliet", "answer", "-i", "null", "-o", "null", "--once", json_events=False)
        lab.wait_log("juliet", juliet.p)
        romeo = lab.dial("romeo", "juliet", "--ring-timeout", "2")
        assert (romeo.exit(), juliet.exit()) == (12, 12)
        assert any(line.endswith("is calling; 'jcall ctl answer' takes the call") for line in juliet.lines), juliet.lines
        assert juliet.lines[-1].startswith("jcall: missed a call from romeo@" + DOMAIN), juliet.lines


def test_who_declines_twice_declines_once():
    with Lab() as lab:
        juliet = lab.jcall("juliet", "answer", "-i", "null", "-o", "null")
        juliet.wait("waiting")
        romeo = lab.dial("romeo", "juliet")
        juliet.wait("incoming")
        s, lines = sock(lab, juliet)
        s.sendall(b"hangup\nhangup\n")
        assert [json.loads(lines.readline())["ok"] for _ in range(2)] == [True, True]
        assert romeo.exit() == 11
        juliet.wait("ended")
        sent = [s for sender, s in lab.sent() if sender.startswith("juliet@") and any(e.tag.endswith("}reject") for e in s)]
        assert len(sent) == 2, sent             # to the caller, and to our other devices


def test_one_that_is_stopped_holds_up_nobody_who_asks_another():
    with Lab() as lab:
        juliet, romeo = lab.answer("juliet"), lab.answer("romeo")
        romeo.signal(signal.SIGSTOP)
        r = subprocess.run([JCALL, "ctl", "--pid", str(juliet.p.pid), "status"], env=lab.env(), capture_output=True, text=True, timeout=PATIENCE)
        romeo.signal(signal.SIGCONT)
        assert (r.returncode, r.stderr) == (0, ""), r


def test_events_are_followed_by_several_at_once():
    with Lab() as lab:
        juliet = lab.answer("juliet")
        ears = [subprocess.Popen([JCALL, "ctl", *map(str, pid(juliet)), "events"], env=lab.env(), stdout=subprocess.PIPE, text=True) for _ in range(3)]
        socks = [sock(lab, juliet) for _ in range(3)]
        for s, lines in socks:
            assert asked(s, lines, b"events\n")["ok"]
        time.sleep(0.5)
        romeo = lab.dial("romeo", "juliet", "--for", "1")
        assert romeo.exit() == 0
        juliet.wait("ended")
        juliet.signal(signal.SIGTERM)
        assert juliet.exit() == 0
        told = [[json.loads(line)["event"] for line in ear.stdout] for ear in ears] + [[json.loads(line)["event"] for line in lines] for _, lines in socks]
        for one in told:
            assert [e for e in one if e in ("incoming", "accepted", "media", "ended")] == ["incoming", "accepted", "media", "ended"], one
        assert [ear.wait(PATIENCE) for ear in ears] == [0, 0, 0]


def test_garbage_half_lines_and_long_lines_do_no_harm():
    with Lab() as lab:
        juliet = lab.answer("juliet")
        s, lines = sock(lab, juliet)
        for wrong in (b"\xff\xfe\x00garbage\n", b"{\n", b"{]}\n", b"[]\n", b"3\n", b"\"x\"\n", b"{\"command\":7}\n", b"{\"command\":\"mute\",\"call\":\"1\"}\n",
                      b"{\"command\":\"dtmf\",\"digits\":[1]}\n", b"'unfinished\n", b"[" * 8000 + b"\n", b"{\"a\":" * 1500 + b"\n", b" \n", b"\r\n"):
            s.sendall(wrong)
            if wrong.strip():
                assert json.loads(lines.readline())["ok"] is False, wrong
            elif wrong == b" \n":
                assert json.loads(lines.readline())["ok"] is False
        s.sendall(b"x" * 1000000)
        assert "bytes" in json.loads(lines.readline())["error"]
        s.sendall(b"y" * 1000000 + b"\nstat")
        s.sendall(b"us\n")
        assert json.loads(lines.readline())["ok"], "a line in two halves, after one that was too long"
        assert asked(s, lines, {"command": "status", "id": "Ω"})["id"] == "Ω"
        s.sendall(b"status\nstatus\nstatus\n")
        assert all(json.loads(lines.readline())["ok"] for _ in range(3)), "several in one piece"
        # The last line needs no end, and its answer comes all the same.
        s.sendall(b"status")
        s.shutdown(socket.SHUT_WR)
        assert json.loads(lines.readline())["ok"] and lines.readline() == b""
        # Who asks and does not listen is let go, and nobody else is held up by him.
        deaf, _ = sock(lab, juliet)
        deaf.setblocking(False)
        end = time.monotonic() + PATIENCE
        try:
            while time.monotonic() < end:
                try:
                    deaf.send(b"status\n" * 1000)
                except BlockingIOError:
                    time.sleep(0.01)
            raise AssertionError("it was never let go")
        except (BrokenPipeError, ConnectionResetError):
            pass
        assert "no calls" in lab.ctl("status")
        # More than there is room for are turned away, and room there is again.
        many = [sock(lab, juliet) for _ in range(30)]
        time.sleep(0.3)
        for s, lines in many:
            lines.close()
            s.close()
        time.sleep(0.3)
        assert "no calls" in lab.ctl("status")
        assert juliet.p.poll() is None


def test_other_users_are_refused():
    if os.geteuid() != 0:
        return
    with Lab() as lab:
        juliet = lab.answer("juliet")
        folder = lab.path("run", "jcall")
        path = os.path.join(folder, f"{juliet.p.pid}.sock")
        assert stat.S_IMODE(os.stat(folder).st_mode) == 0o700 and stat.S_IMODE(os.stat(path).st_mode) == 0o600
        code = f"import socket; s=socket.socket(socket.AF_UNIX); s.connect({path!r}); s.sendall(b'status\\n'); print(s.recv(1000))"

        def nobody():
            p = subprocess.run(["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups", "/usr/bin/python3", "-c", code],
                               capture_output=True, text=True, cwd="/")
            return (p.stdout, p.stderr.strip().splitlines()[-1:])

        assert "PermissionError" in nobody()[1][0]
        # And where the folder lets them through, the socket itself does not.
        for d in (lab.dir, lab.path("run"), folder):
            os.chmod(d, 0o755)
        assert "PermissionError" in nobody()[1][0]
        os.chmod(path, 0o777)
        out, err = nobody()
        assert '"ok":true' not in out and ('"ok":false' in out or out == "b''\n" or "Error" in err[0]), (out, err)


def test_a_folder_that_others_can_write_to_is_not_used():
    with Lab() as lab:
        os.makedirs(lab.path("run"), 0o700, exist_ok=True)
        os.symlink("/tmp", lab.path("run", "jcall"))
        juliet = lab.answer("juliet", "-v")
        assert any("not a folder of yours alone" in line for line in juliet.lines), juliet.lines
        assert not [f for f in os.listdir("/tmp") if f == f"{juliet.p.pid}.sock"]


def test_signals_mute_and_unmute():
    with Lab() as lab:
        romeo, juliet = call(lab)
        for number, muted in ((signal.SIGUSR1, True), (signal.SIGUSR2, False)):
            romeo.signal(number)
            assert romeo.wait("mute")["muted"] is muted
            assert juliet.wait("peer")["muted"] is muted
        for p in (romeo, juliet):
            p.signal(signal.SIGUSR2)
        time.sleep(0.3)
        assert romeo.p.poll() is None and len(romeo.seen("mute")) == 2, "what is so already is not told again"


def test_who_is_muted_while_it_rings_is_muted_from_the_first_sound_on():
    with Lab() as lab:
        juliet = lab.jcall("juliet", "answer", "-i", "null", "-o", lab.path("heard.wav"))
        juliet.wait("waiting")
        romeo = lab.dial("romeo", "juliet", "-i", "tone:440")
        juliet.wait("incoming")
        romeo.signal(signal.SIGUSR1)
        assert romeo.wait("mute")["muted"] is True
        assert lab.ctl("--account", "juliet", "mute") == ""         # who is called may, too
        assert juliet.wait("mute")["muted"] is True
        assert lab.ctl("--account", "juliet", "answer") == ""
        assert juliet.wait("peer")["muted"] is True and romeo.wait("peer")["muted"] is True
        juliet.wait("heard")
        time.sleep(1)
        assert lab.ctl("--account", "romeo", "hangup") == ""
        assert romeo.exit() == 0
        juliet.wait("ended")
        heard = np.abs(read_wav(lab.path("heard.wav")))
        assert heard.max() < 10, (heard.argmax(), heard.max())


def test_keys_do_the_same():
    with Lab() as lab:
        juliet, keys = lab.typed("juliet")
        romeo = lab.dial("romeo", "juliet")
        juliet.wait("incoming")
        keys("a")
        juliet.wait("heard")
        for key, event, members in (("m", "mute", {"muted": True}), ("m", "mute", {"muted": False}), ("h", "hold", {"held": True}),
                                    ("h", "hold", {"held": False}), ("+", "volume", {"percent": 110}), ("-", "volume", {"percent": 100})):
            keys(key)
            assert juliet.wait(event).items() >= members.items(), key
        keys("5#")
        assert [romeo.wait("dtmf")["digit"] for _ in range(2)] == ["5", "#"]
        keys("q")
        assert romeo.exit() == 0


def test_keys_work_again_after_control_z_and_fg():
    with Lab() as lab:
        juliet, config, told, seen = lab.answer("juliet"), lab.config("romeo"), lab.path("told"), []
        shell, master = pty.fork()
        if not shell:
            os.execvpe("bash", ["bash", "--norc", "--noprofile", "-i"], lab.env(TERM="xterm"))

        def read():
            with contextlib.suppress(OSError):
                while data := os.read(master, 4096):
                    seen.append(data)

        def until(reached, keys=b""):
            end = time.monotonic() + PATIENCE
            while not reached():
                assert time.monotonic() < end, b"".join(seen)
                os.write(master, keys)
                time.sleep(0.2)

        threading.Thread(target=read, daemon=True).start()
        os.write(master, f"{JCALL} dial -c {config} -i null -o null --events {told} {lab.jid('juliet')}\n".encode())
        juliet.wait("heard")
        os.write(master, b"\x1a")
        until(lambda: b"Stopped" in b"".join(seen))
        os.write(master, b"fg\n")
        until(lambda: juliet.seen("dtmf"), b"5")
        os.write(master, b"q")
        until(lambda: os.path.exists(told) and '"ended"' in open(told).read())
        os.write(master, b"exit\n")
        assert os.waitpid(shell, 0)[1] == 0
        os.close(master)


def test_the_list_of_keys_names_each_of_them():
    with Lab() as lab:
        os.mkdir(lab.path("work"))
        master, slave = pty.openpty()
        juliet = lab.jcall("juliet", "answer", "-i", "null", "-o", "null", stdin=slave, json_events=False, cwd=lab.path("work"))
        os.close(slave)

        def said(word):
            end = time.monotonic() + PATIENCE
            while time.monotonic() < end:
                found = [line for line in juliet.lines if word in line]
                if found:
                    juliet.lines.remove(found[0])
                    return found[0]
                time.sleep(0.02)
            raise AssertionError(f"{word}: {juliet.lines}")

        def press(key):
            os.write(master, key.encode())

        said("Waiting for calls")
        press("?")
        said("q         ends")
        romeo = lab.dial("romeo", "juliet", "--for", "8")
        said("is calling")
        press("?")
        said("n         declines it")
        press("y")
        assert "? lists the keys" in said("Talking with")
        press("?")
        for line in ("q         hangs up", "m         mutes", "h         holds", "+         ", "-         ", "s         tells", "0-9 * #   send"):
            said(line)
        said("r         records")
        press("r")
        said("Recording to jcall-")
        press("s")
        said("kbit/s")
        press("r")
        said("Recorded jcall-")
        assert romeo.exit() == 0
        said("ended")
        assert [f.endswith(".opus") and "romeo@" in f for f in os.listdir(lab.path("work"))] == [True]


def test_files_are_played_and_recorded_and_devices_changed_when_asked():
    with Lab() as lab:
        romeo, juliet = call(lab)
        write_wav(lab.path("say.wav"), np.zeros(24000))
        assert lab.ctl(*pid(juliet), "play", lab.path("say.wav")) == ""
        assert juliet.wait("playing")["file"] == lab.path("say.wav")
        assert juliet.wait("played")["call"] == 1
        assert lab.ctl(*pid(juliet), "record", lab.path("both.flac")) == ""
        assert juliet.wait("recording")["file"] == lab.path("both.flac")
        assert lab.ctl(*pid(juliet), "volume", 150) == ""
        assert juliet.wait("volume")["percent"] == 150
        assert lab.ctl(*pid(juliet), "device", "out", os.path.relpath(lab.path("heard.wav"))) == ""
        assert juliet.wait("output")["device"] == lab.path("heard.wav")
        time.sleep(1)
        assert lab.ctl(*pid(juliet), "stop", "record") == ""
        assert "text" not in juliet.wait("recorded")
        assert lab.ctl(*pid(juliet), "stop") == (REFUSED, "jcall: nothing of the kind goes on\n")
        assert lab.ctl(*pid(juliet), "record", "/does/not/exist.wav")[0] == REFUSED
        assert lab.ctl(*pid(juliet), "record", lab.path("x.mp3"))[0] == REFUSED
        juliet.signal(signal.SIGTERM)
        assert (juliet.exit(), romeo.exit()) == (0, 0)
        assert len(read_wav(lab.path("heard.wav"))) > 24000


def test_several_calls_each_find_their_own():
    with Lab(users=("juliet", "a", "b", "c")) as lab:
        juliet = lab.answer("juliet", "--max-calls", "2")
        first = lab.dial("a", "juliet")
        first.wait("heard")
        second = lab.dial("b", "juliet")
        second.wait("heard")
        third = lab.dial("c", "juliet")
        assert third.exit() == 10, "beyond that it is busy"
        refused = juliet.wait("refused")
        assert refused["peer"].startswith("c@") and refused["reason"] == "busy"
        said = json.loads(lab.ctl(*pid(juliet), "--json", "status"))
        assert [(c["call"], c["peer"][:2], c["state"]) for c in said["calls"]] == [(1, "a@", "talking"), (2, "b@", "talking")], said
        status, words = lab.ctl(*pid(juliet), "mute")
        assert status == REFUSED and "say which one" in words
        assert lab.ctl(*pid(juliet), "--call", 2, "dtmf", "5") == ""
        assert second.wait("dtmf")["digit"] == "5"
        assert lab.ctl(*pid(juliet), "--call", 1, "hangup") == ""
        assert first.exit() == 0
        time.sleep(0.5)
        assert second.p.poll() is None and not first.seen("dtmf")
        fourth = lab.dial("c", "juliet")
        fourth.wait("heard")
        assert juliet.seen("accepted")[-1]["call"] == 3, "who was refused had no number"
        juliet.signal(signal.SIGTERM)
        assert (juliet.exit(), second.exit(), fourth.exit()) == (0, 0, 0)


def test_calls_at_once_do_not_share_a_file():
    with Lab(users=("romeo", "juliet", "paris")) as lab:
        for wrong in (("-o", lab.path("x.wav")), ("-o", "-"), ("-o", "null", "--record", lab.path("x.opus")), ("-o", "null", "-i", "-"), ("--once",),
                      ("--max-calls", "0"), ("--max-calls", "101"), ("--max-calls", "-1")):
            p = lab.jcall("juliet", "answer", "--auto", "--allow-contacts", "--max-calls", "2", *wrong, stdin=subprocess.PIPE)
            assert p.exit() == 2 and len(p.lines) == 1, (wrong, p.lines)
        juliet = lab.answer("juliet", "--max-calls", "2", "-o", lab.path("%n.wav"), "--record", lab.path("both-%n.wav"))
        callers = [lab.dial(user, "juliet", "-i", "tone:500", "--for", "2") for user in ("romeo", "paris")]
        assert [p.exit() for p in callers] == [0, 0]
        for _ in callers:
            juliet.wait("ended")
        assert sorted(f for f in os.listdir(lab.dir) if f.endswith(".wav")) == ["1.wav", "2.wav", "both-1.wav", "both-2.wav"]


run_tests(globals())
