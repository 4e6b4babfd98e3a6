#!/usr/bin/python3
"""Who is on the contact list and can take a call now; people named by the beginning of their names; help and guesses."""
import json, contextlib, os, stat
from lab import *
from scripted import Scripted

OK, USAGE, LOGIN, SERVER, CANCELLED = 0, 2, 4, 5, 14
USERS = ("romeo", "juliet", "nurse", "tybalt", "paris", "mercutio")


class Dumb(Scripted):
    """A client that answers no question."""
    def answer(self, stanza, inside="", kind="result"):
        pass


def write_roster(lab, user, rows):
    """ROWS: (address, name or None, subscription)."""
    items = [f'["{jid}"] = {{ ["subscription"] = "{how}"; ["groups"] = {{}}; ' + (f'["name"] = "{name}"; ' if name else "") + "};"
             for jid, name, how in rows]
    path = lab.path("data", DOMAIN.replace(".", "%2e"), "roster", user + ".dat")
    open(path, "w").write("return { " + " ".join(items) + ' [false] = { ["version"] = 1; ["pending"] = {}; }; };\n')


class Verona(Lab):
    """Romeo's contacts have names; Mercutio and he do not see each other."""
    def _accounts(self):
        super()._accounts()
        write_roster(self, "romeo", [(self.jid("juliet"), "Juliet Capulet", "both"), (self.jid("nurse"), "Angelica", "both"),
                                     (self.jid("tybalt"), r"Ty\226\128\174balt $(touch owned)", "both"),
                                     (self.jid("paris"), None, "both"), (self.jid("mercutio"), "Mercutio", "none")])


def verona():
    return Verona(users=USERS)


def contacts(lab, *args, status=OK, **kw):
    p = lab.jcall("romeo", "contacts", *args, **kw)
    got = p.exit()
    assert got == status, (got, p.lines)
    return p


def run(lab, *args, **kw):
    return subprocess.run([JCALL, *args], env=kw.pop("env", None) or lab.env(), capture_output=True, text=True, timeout=PATIENCE,
                          stdin=subprocess.DEVNULL, **kw)


def test_the_list_tells_who_can_be_called_who_is_only_online_and_who_hides():
    with verona() as lab:
        config = lab.config("romeo", **{"contact julie": {"jid": lab.jid("juliet")}, "contact friar": {"jid": "laurence@elsewhere.test"}})
        juliet = lab.answer("juliet")
        with Scripted(lab, "juliet", "phone"), Scripted(lab, "nurse", features=("http://jabber.org/protocol/disco#info",)), \
                Dumb(lab, "tybalt"), Scripted(lab, "mercutio"):
            seen = contacts(lab, config=config).seen("contact")
        got = [(c["peer"].split("@")[0], c.get("alias"), c.get("name"), c["state"], c["devices"]) for c in seen]
        assert got == [("juliet", "julie", "Juliet Capulet", "callable", 2), ("nurse", None, "Angelica", "online", 1),
                       ("tybalt", None, got[2][2], "silent", 1), ("paris", None, None, "offline", 0),
                       ("laurence", "friar", None, "hidden", 0), ("mercutio", None, "Mercutio", "hidden", 0)], got
        assert got[2][2] == r"Ty\u{202e}balt $(touch owned)", got[2]
        juliet.stop()


def test_people_read_a_line_each_and_no_message_would_come_here():
    with verona() as lab:
        with Scripted(lab, "juliet"):
            p = run(lab, "contacts", "-c", lab.config("romeo"))
            assert (p.returncode, p.stderr) == (OK, ""), (p.returncode, p.stderr)
            lines = p.stdout.splitlines()
            assert len(lines) == 5 and "\u202e" not in p.stdout, p.stdout
            assert re.fullmatch(rf"Juliet Capulet +{lab.jid('juliet')} +can be called", lines[0]), lines
            assert re.fullmatch(rf"Mercutio +{lab.jid('mercutio')} +presence not shared with us", lines[-1]), lines
            assert re.fullmatch(rf"- +{lab.jid('paris')} +offline", lines[[lab.jid("paris") in x for x in lines].index(True)]), lines
            quiet = run(lab, "contacts", "-q", "-c", lab.config("romeo"))
            assert (quiet.returncode, quiet.stdout, quiet.stderr) == (OK, "", ""), quiet
        presences = [s for who, s in lab.sent() if who.startswith(lab.jid("romeo")) and s.tag.endswith("presence") and not s.get("type")]
        assert presences and all(s.findtext("{*}priority") == "-1" for s in presences), presences


def test_the_list_waits_for_who_does_not_answer_but_not_for_ever():
    with verona() as lab:
        with Dumb(lab, "tybalt"), Dumb(lab, "paris"):
            begin = time.monotonic()
            seen = contacts(lab).seen("contact")
            assert time.monotonic() - begin < PATIENCE
            assert sorted(c["peer"] for c in seen if c["state"] == "silent") == [lab.jid("paris"), lab.jid("tybalt")], seen


def test_many_who_do_not_answer_do_not_keep_others_from_being_asked():
    dumb = [f"a{i:02d}" for i in range(20)]
    with Lab(users=["romeo", "zoe"] + dumb) as lab, contextlib.ExitStack() as stack:
        for user in dumb:
            stack.enter_context(Dumb(lab, user))
        stack.enter_context(Scripted(lab, "zoe"))
        states = {c["peer"].split("@")[0]: c["state"] for c in contacts(lab).seen("contact")}
        assert states == {**{user: "silent" for user in dumb}, "zoe": "callable"}, states


def test_without_a_login_the_status_says_why_and_an_interrupt_ends_it():
    with verona() as lab:
        contacts(lab, config=lab.config("romeo", password="wrong"), status=LOGIN)
        contacts(lab, "juliet", config=lab.config("romeo"), status=USAGE)
        p = lab.jcall("romeo", "contacts")
        p.wait("connected")
        p.signal(signal.SIGINT)
        assert p.exit() == CANCELLED
        lab.stop_server()
        contacts(lab, status=SERVER)


def test_who_was_seen_is_kept_privately_and_listed_without_a_login():
    with verona() as lab:
        config = lab.config("romeo", **{"contact julie": {"jid": lab.jid("juliet")}})
        assert run(lab, "contacts", "--cached", "-c", config).stdout == f"julie\t{lab.jid('juliet')}\t\n"
        contacts(lab, config=config)
        lab.stop_server()
        path = lab.path(".local/state/jcall", f"romeo@{DOMAIN}.contacts")
        assert stat.S_IMODE(os.stat(path).st_mode) == 0o600
        rows = [line.split("\t") for line in run(lab, "contacts", "--cached", "-c", config).stdout.splitlines()]
        assert ["julie", lab.jid("juliet"), "Juliet Capulet"] in rows and [lab.jid("paris"), lab.jid("paris"), ""] in rows, rows
        assert len(rows) == 5 and all(len(r) == 3 for r in rows), rows
        seen = contacts(lab, "--cached", config=config).seen("contact")
        assert len(seen) == 5 and not any("state" in c for c in seen), seen


def test_dial_and_answer_keep_the_list_too():
    for command in ("answer", "dial"):
        with verona() as lab:
            if command == "answer":
                lab.answer("romeo")
            else:
                lab.dial("romeo", "paris", "--ring-timeout", "1").exit()
            end = time.monotonic() + PATIENCE
            while lab.jid("nurse") not in run(lab, "contacts", "--cached", "-c", lab.config("romeo")).stdout:
                assert time.monotonic() < end, command
                time.sleep(0.05)


def test_the_beginning_of_a_name_calls():
    with verona() as lab:
        config = lab.config("romeo", **{"contact mercy": {"jid": lab.jid("mercutio")}})
        contacts(lab, config=config)
        juliet = lab.answer("juliet", "--once")
        romeo = lab.dial("romeo", "xmpp:" + lab.jid("juliet"), "--for", "1", config=config)
        assert romeo.exit() == OK and juliet.exit() == OK
        juliet = lab.answer("juliet", "--once")
        romeo = lab.jcall("romeo", "dial", "-i", "null", "-o", "null", "--for", "1", "JULIET C", config=config)
        assert romeo.wait("calling")["peer"] == lab.jid("juliet")
        assert romeo.exit() == OK and juliet.exit() == OK
        again = lab.jcall("romeo", "dial", "-i", "null", "-o", "null", "--ring-timeout", "1", "merc", config=config)
        assert again.wait("calling")["peer"] == lab.jid("mercutio")
        doubt = run(lab, "dial", "-c", lab.config("romeo", **{"contact nan": {"jid": "a@x.test"}, "contact nat": {"jid": "b@x.test"}}), "na")
        assert (doubt.returncode, doubt.stdout) == (USAGE, ""), doubt
        assert doubt.stderr == "jcall: 'na' could be nan (a@x.test) or nat (b@x.test)\n", doubt.stderr


def test_the_doctor_takes_the_beginning_of_a_name_too():
    with verona() as lab:
        config = lab.config("romeo", **{"contact julie": {"jid": lab.jid("juliet")}})
        with Scripted(lab, "juliet"):
            p = run(lab, "doctor", "--json", "-c", config, "--peer", "jul")
            peer = [e for e in map(json.loads, p.stdout.splitlines()) if e.get("name") == "peer"]
            assert len(peer) == 1 and peer[0]["result"] == "ok" and lab.jid("juliet") in peer[0]["text"], peer
        assert run(lab, "doctor", "-c", config, "--peer", "a b").returncode == USAGE
        assert "no account" in run(lab, "doctor", "-c", lab.path("none"), "--peer", lab.jid("juliet")).stdout


def test_wrong_commands_and_options_get_one_line_with_a_guess():
    with Lab() as lab:
        for args, guess in ((("dail", "x@y"), "'dial'"), (("dial", "--rign-timeout", "3", "x@y"), "--ring-timeout"),
                            (("dial", "--rign-timeout=3", "x@y"), "--ring-timeout"), (("devices", "--jason"), "--json"),
                            (("history", "--mised"), "--missed"), (("help", "anwser"), "'answer'"), (("contacts", "-json"), "--json"), (("--verson",), "'--version'")):
            p = run(lab, *args, env=lab.env(LANGUAGE="de", LC_ALL="C.UTF-8"))
            assert (p.returncode, p.stdout, p.stderr.count("\n")) == (USAGE, "", 1), (args, p)
            assert f"did you mean {guess}?" in p.stderr, p.stderr
        for args in (("zzz",), ("dial", "--zzz", "x@y"), ("help", "zzz"), ("help", "dial", "answer")):
            p = run(lab, *args)
            assert (p.returncode, p.stdout, p.stderr.count("\n")) == (USAGE, "", 1) and "did you mean" not in p.stderr, (args, p)


def test_every_one_of_20000_contacts_is_listed_and_remembered():
    with Lab(users=("juliet",), contacts=[f"c{i}@lab.test" for i in range(20000)]) as lab:
        p = run(lab, "contacts", "--json", "-c", lab.config("juliet"))
        rows = [e for e in map(json.loads, p.stdout.splitlines()) if e["event"] == "contact"]
        assert p.returncode == OK and p.stderr == "", p
        assert {r["peer"] for r in rows} == {f"c{i}@lab.test" for i in range(20000)}, len(rows)
        cached = run(lab, "contacts", "--cached", "-c", lab.config("juliet"))
        assert cached.returncode == OK and len(cached.stdout.splitlines()) == 20000, cached


def test_nobody_is_called_by_a_slip_of_the_pen():
    with Lab() as lab:
        config = lab.config("romeo")
        for args, words in ((("juliet", "capulet"), "'capulet' is too much"), (("--for", "0", "x@y"), "1 or more"),
                            (("--ring-timeout", "0", "x@y"), "1 or more"), (("--on-event", "'x", "x@y"), "--on-event: ")):
            p = run(lab, "dial", "-c", config, *args)
            assert p.returncode == USAGE and p.stderr.count("\n") == 1 and words in p.stderr, (args, p)
        p = run(lab, "dial", "-c", config, "-i", "null", "-o", "null", "nobody")
        assert p.returncode == 13 and "no contact known here begins like that" in p.stderr, p


def test_help_lists_the_commands_and_the_options_of_each():
    with Lab() as lab:
        whole = run(lab, "help")
        assert (whole.returncode, whole.stderr) == (OK, "") and whole.stdout == run(lab, "--help").stdout
        commands = re.findall(r"^  (\w+) ", whole.stdout, re.M)
        assert {"dial", "answer", "contacts", "history", "devices", "doctor", "help"} <= set(commands), commands
        for c in commands:
            one = run(lab, "help", c)
            assert (one.returncode, one.stderr) == (OK, ""), (c, one)
            assert one.stdout == (whole.stdout if c == "help" else run(lab, c, "--help").stdout), c


def test_history_shows_the_latest_calls_only_if_asked():
    with Lab() as lab:
        os.makedirs(lab.path(".local/state/jcall"), mode=0o700)
        with open(lab.path(".local/state/jcall", f"romeo@{DOMAIN}.calls"), "w") as f:
            f.write("".join(f"{1700000000 + i}\tout\tok\t{i}\tshown\tp{i}@x.test\tid{i}\n" for i in range(5)))
        config = lab.config("romeo")
        peers = lambda *args: [line.split()[3] for line in run(lab, "history", "-c", config, *args).stdout.splitlines()]
        assert peers() == [f"p{i}@x.test" for i in range(5)]
        assert peers("-n", "2") == ["p3@x.test", "p4@x.test"]
        assert peers("--last", "9") == peers()
        for wrong in (("-n", "0"), ("-n", "-1"), ("-n", "x"), ("-n", "2", "--missed")):
            assert run(lab, "history", "-c", config, *wrong).returncode == USAGE, wrong


if __name__ == "__main__":
    run_tests(globals())
