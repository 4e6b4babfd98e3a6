#!/usr/bin/python3
"""A peer that plays the awkward side: out of order, twice, after the end, with rubbish, by the thousand; and others who know the
session's id. Whatever comes, each request is answered once, the call goes on, and the next one can come."""
import os, time, uuid
from lab import *
from scripted import *

JINGLE, ERRORS = "{urn:xmpp:jingle:1}", "urn:xmpp:jingle:errors:1"
BIG = "c2s_stanza_size_limit = 4194304"
OUT_OF_ORDER = ["unexpected-request", "out-of-order"]
UNKNOWN_SESSION = ["item-not-found", "unknown-session"]
UNSUPPORTED_INFO = ["feature-not-implemented", "unsupported-info"]
ACTIONS = ("content-accept", "content-add", "content-modify", "content-reject", "content-remove", "description-info",
           "security-info", "session-accept", "session-info", "session-initiate", "session-terminate", "transport-accept",
           "transport-info", "transport-reject", "transport-replace")


class Call:
    """Romeo calls Juliet, and both hear a tone; "puppet" can speak in Romeo's name."""

    def __init__(self, lab, *answer_args):
        self.lab, self.heard = lab, lab.path("heard.wav")
        self.juliet = lab.answer("juliet", "-i", "tone", "-o", self.heard, *answer_args)
        self.romeo = lab.dial("romeo", "juliet", "-i", "tone")
        self.juliet.wait("heard")
        self.romeo.wait("heard")
        self.him, self.her = (p.seen("connected")[0]["jid"] for p in (self.romeo, self.juliet))
        offer = next(j for _, s in lab.sent() for j in s.iter(JINGLE + "jingle") if j.get("action") == "session-initiate")
        self.sid, self.name = offer.get("sid"), offer.find(JINGLE + "content").get("name")
        self.puppet = Scripted(lab, "puppet")

    def content(self, inside="", more=""):
        return f"<content creator='initiator' name='{self.name}' {more}>{inside}</content>"

    def say(self, inside, number=None):
        """An iq to Juliet as if from Romeo's client; its id."""
        number = number or str(uuid.uuid4())
        self.puppet.send(f"<iq type='set' id='{number}' to='{self.her}' speak-as='{self.him}'>{inside}</iq>")
        return number

    def answers(self, numbers):
        """id -> conditions of every answer which Juliet gave to these, when all are there."""
        end = time.monotonic() + PATIENCE
        while True:
            got = {}
            for sender, s in self.lab.sent():
                if sender == self.her and s.get("type") in ("result", "error") and s.get("id") in numbers:
                    got.setdefault(s.get("id"), []).append([c.tag.split("}")[1] for e in s if e.tag.endswith("error") for c in e])
            if len(got) == len(set(numbers)) or time.monotonic() > end:
                return got
            time.sleep(0.05)

    def flows(self):
        """She still hears him: half a second more of the tone comes into her file."""
        before, end = os.path.getsize(self.heard), time.monotonic() + PATIENCE
        while os.path.getsize(self.heard) < before + 48000:
            assert time.monotonic() < end, "nothing more is heard"
            assert not self.juliet.seen("ended") and not self.romeo.seen("ended"), (self.juliet.events[-3:], self.juliet.lines)
            time.sleep(0.05)
        import numpy as np
        tail = np.fromfile(self.heard, "<i2")[-12000:].astype(float)
        assert np.sqrt((tail ** 2).mean()) > 500, "the tone has gone"

    def hang_up(self):
        self.romeo.signal(signal.SIGINT)
        assert self.romeo.exit() == 0, self.romeo.lines
        self.juliet.wait("ended")


def lab(**kw):
    return Lab(users=("romeo", "juliet", "tybalt", "puppet"), modules=["speak_as"], extra=BIG, **kw)


def rubbish(call):
    """What an awkward client may say in a call: (name, payload, conditions of the answer; [] is a result)."""
    sid, content, ice = call.sid, call.content, "urn:xmpp:jingle:transports:ice-udp:1"
    candidate = "<candidate component='1' foundation='1' generation='0' id='%s' ip='%s' network='0' port='%s' priority='1' " \
                "protocol='udp' type='host'/>"
    transport = lambda inside="": f"<transport xmlns='{ice}'>{inside}</transport>"
    for name, payload, want in (
            ("unknown action", jingle("session-dance", sid), ["bad-request"]),
            ("no action", f"<jingle xmlns='urn:xmpp:jingle:1' sid='{sid}'/>", ["bad-request"]),
            ("no sid", "<jingle xmlns='urn:xmpp:jingle:1' action='session-info'/>", ["bad-request"]),
            ("another sid", jingle("session-terminate", "other"), UNKNOWN_SESSION),
            ("accepting his own offer", jingle("session-accept", sid, content(DESCRIPTION + TRANSPORT % "active")), OUT_OF_ORDER),
            ("offering twice", jingle("session-initiate", sid, CONTENT % "actpass"), OUT_OF_ORDER),
            ("content-accept", jingle("content-accept", sid, content(DESCRIPTION)), OUT_OF_ORDER),
            ("content-reject", jingle("content-reject", sid, content()), OUT_OF_ORDER),
            ("transport-accept", jingle("transport-accept", sid, content(transport())), OUT_OF_ORDER),
            ("transport-reject", jingle("transport-reject", sid, content(transport())), OUT_OF_ORDER),
            ("adding video", jingle("content-add", sid, "<content creator='initiator' name='video'><description "
                                    f"xmlns='urn:xmpp:jingle:apps:rtp:1' media='video'/>{transport()}</content>"), []),
            ("adding the same", jingle("content-add", sid, content(DESCRIPTION + transport())), ["bad-request"]),
            ("removing what was not there", jingle("content-remove", sid, "<content creator='initiator' name='no'/>"), []),
            ("modifying nothing", jingle("content-modify", sid, content()), ["bad-request"]),
            ("modifying to nonsense", jingle("content-modify", sid, content(more="senders='nobody'")), ["bad-request"]),
            ("a description of another kind", jingle("description-info", sid, content("<description xmlns='urn:example:x'/>")), ["bad-request"]),
            ("an empty description", jingle("description-info", sid, content("<description xmlns='urn:xmpp:jingle:apps:rtp:1'/>")), []),
            ("security", jingle("security-info", sid, content()), UNSUPPORTED_INFO),
            ("an unknown info", jingle("session-info", sid, "<dance xmlns='urn:xmpp:jingle:apps:rtp:info:1'/>"), UNSUPPORTED_INFO),
            ("a ping", jingle("session-info", sid), []),
            ("a digit", jingle("session-info", sid, "<dtmf xmlns='urn:xmpp:jingle:dtmf:0' code='1'/>"), ["not-acceptable", "security-required"]),
            ("ringing late", jingle("session-info", sid, "<ringing xmlns='urn:xmpp:jingle:apps:rtp:info:1'/>"), []),
            ("transport-info of nothing", jingle("transport-info", sid), ["bad-request"]),
            ("another transport", jingle("transport-info", sid, content("<transport xmlns='urn:example:pigeon'/>")), ["bad-request"]),
            ("useless candidates", jingle("transport-info", sid, content(transport("".join(
                candidate % c for c in (("a", "not an ip", 5000), ("b", "127.0.0.1", 0), ("c", "127.0.0.1", 70000), ("d", "", ""),
                                        ("e", "255.255.255.255", 9), ("f", "224.0.0.1", 9), ("g", "::", 9), ("h" * 3000, "::1", -1)))))), []),
            ("a thousand candidates", jingle("transport-info", sid, content(transport("".join(
                candidate % (f"n{i}", f"127.0.{i // 250}.{i % 250 + 1}", 9) for i in range(1000))))), []),
            ("replacing by pigeons", jingle("transport-replace", sid, content("<transport xmlns='urn:example:pigeon'/>")), []),
            ("60 kB of a name", jingle("content-remove", sid, f"<content creator='initiator' name='{'x' * 60000}'/>"), ["bad-request"]),
            ("twenty contents", jingle("content-add", sid, "".join(
                f"<content creator='initiator' name='n{i}'>{DESCRIPTION}{transport()}</content>" for i in range(20))), []),
    ):
        yield name, payload, want


def test_rubbish_in_a_call_is_answered_once_each_in_order_and_ends_nothing():
    with lab() as l:
        call = Call(l)
        said = [(call.say(payload), name, want) for name, payload, want in rubbish(call)]
        got = call.answers([n for n, _, _ in said])
        wrong = {name: (got.get(n), want) for n, name, want in said if got.get(n) != [want]}
        assert not wrong, wrong
        order = [s.get("id") for sender, s in l.sent() if sender == call.her and s.get("id") in got]
        assert order == [n for n, _, _ in said]
        actions = [j.get("action") for sender, s in l.sent() if sender == call.her for j in s.iter(JINGLE + "jingle")]
        assert actions.count("content-reject") == 2 and actions.count("transport-reject") == 1, actions
        assert "session-terminate" not in actions
        call.flows()
        call.hang_up()


def test_stanzas_too_big_or_too_deep_end_nothing():
    with lab() as l:
        call = Call(l)
        for payload in (jingle("session-info", call.sid, f"<x xmlns='urn:example:x' y='{'z' * (1 << 20)}'/>"),
                        jingle("session-info", call.sid, "<x xmlns='urn:example:x'>" * 9000 + "</x>" * 9000),
                        jingle("transport-info", call.sid, call.content("<y/>" * 60000)),
                        jingle("session-info", "s" * 100000)):
            number = call.say(payload)
            got = call.answers([number])
            assert len(got) == 1 and len(got[number]) == 1 and got[number][0], (payload[:80], got)
            call.flows()
        call.hang_up()


def test_answers_to_nothing_and_doubled_ids_are_harmless():
    with lab() as l:
        call = Call(l)
        for kind in ("result", "error"):
            for number in ("1", "none", "x" * 2000):
                call.puppet.send(f"<iq type='{kind}' id='{number}' to='{call.her}' speak-as='{call.him}'/>")
        for _ in range(3):
            call.say(jingle("session-info", call.sid), "the-same")
        end = time.monotonic() + PATIENCE
        while len(call.answers(["the-same"]).get("the-same", [])) < 3 and time.monotonic() < end:
            time.sleep(0.05)
        assert call.answers(["the-same"])["the-same"] == [[], [], []]
        call.flows()
        call.hang_up()


def test_who_knows_the_session_but_is_not_of_it_changes_nothing():
    """A friend, and another client of the caller's account, are told that there is no such session; a stranger learns nothing."""
    with lab(friends=False) as l:
        call = Call(l, "--allow", l.jid("romeo"))
        call.content_ = call.content(DESCRIPTION + TRANSPORT % "active")
        with Scripted(l, "tybalt") as stranger, Scripted(l, "romeo", "other") as twin:
            for who, want in ((stranger, ["service-unavailable"]), (twin, UNKNOWN_SESSION)):
                for action in ACTIONS:
                    if action == "session-initiate":
                        continue
                    number = who.iq(call.her, jingle(action, call.sid, call.content_))
                    assert who.wait_answer(number) == want, action
            for kind in ("finish", "retract", "reject", "accept", "proceed", "ringing"):
                stranger.send(f"<message type='chat' to='{call.her}'><{kind} xmlns='urn:xmpp:jingle-message:0' id='{call.sid}'>"
                              "<reason xmlns='urn:xmpp:jingle:1'><success/></reason>"
                              f"</{kind}></message>")
            stranger.wait_answer(stranger.iq(call.her, "<ping xmlns='urn:xmpp:ping'/>", "get"))
        call.flows()
        call.hang_up()


def test_after_the_end_everything_is_unknown():
    with lab() as l:
        call = Call(l)
        call.hang_up()
        with Scripted(l, "tybalt") as friend:
            numbers = [call.say(jingle(a, call.sid, call.content(DESCRIPTION + TRANSPORT % "active"))) for a in ACTIONS if a != "session-initiate"]
            got = call.answers(numbers)
            assert [got.get(n) for n in numbers] == [[UNKNOWN_SESSION]] * len(numbers), got
            for a in ACTIONS:
                if a != "session-initiate":
                    number = friend.iq(call.her, jingle(a, "never", call.content(DESCRIPTION + TRANSPORT % "active")))
                    assert friend.wait_answer(number) == UNKNOWN_SESSION, a
            number = friend.iq(call.her, jingle("session-initiate", "bad", "<content creator='initiator' name='a'/>"))
            assert friend.wait_answer(number) == ["bad-request"]
        assert l.dial("romeo", "juliet", "--for", "1").exit() == 0


def memory(process):
    """[kB] of its own."""
    rows = dict(line.split(":", 1) for line in open(f"/proc/{process.pid}/smaps_rollup").read().splitlines()[1:])
    return sum(int(rows[k].split()[0]) for k in ("Private_Clean", "Private_Dirty"))


def files(process):
    return len(os.listdir(f"/proc/{process.pid}/fd"))


def flood(call, who, n):
    """N offers and N proposals of different ids; how the offers were answered."""
    for i in range(n):
        who.send(f"<iq type='set' id='o{i}' to='{call.her}'>" + jingle("session-initiate", f"s{uuid.uuid4()}", CONTENT % "actpass") + "</iq>")
        who.send(f"<message type='chat' id='m{i}' to='{call.her}'><propose xmlns='urn:xmpp:jingle-message:0' id='{uuid.uuid4()}'>"
                 "<description xmlns='urn:xmpp:jingle:apps:rtp:1' media='audio'/></propose></message>")
    said, last = [], f"o{n - 1}"
    while True:
        s = who.wait(lambda s: s.tag.endswith("iq"))
        if s.get("type") == "set":
            who.answer(s)
            continue
        said.append((s.get("id"), [c.tag.split("}")[1] for e in s if e.tag.endswith("error") for c in e]))
        if s.get("id") == last:
            return said


def test_ten_thousand_sessions_cost_nothing_and_the_next_call_comes():
    with lab() as l:
        call = Call(l)
        with Scripted(l, "tybalt") as friend:
            flood(call, friend, 1000)
            before, open_before = memory(call.juliet), files(call.juliet)
            said = flood(call, friend, 10000)
            assert [i for i, _ in said] == [f"o{k}" for k in range(10000)]
            assert all(c in ([], ["resource-constraint"]) for _, c in said)
            assert sum(c == [] for _, c in said) < 200
            call.flows()
            after = memory(call.juliet)
            print(f"private memory {before} kB, {after} kB after 20,000 more; files {open_before}, {files(call.juliet)}")
            assert SANITIZED or after < before + 512, (before, after)   # there, leaks are looked for at the end
            assert files(call.juliet) == open_before
        call.hang_up()
        assert l.dial("romeo", "juliet", "--for", "1").exit() == 0


if __name__ == "__main__":
    run_tests(globals())
