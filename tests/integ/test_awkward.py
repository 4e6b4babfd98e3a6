#!/usr/bin/python3
"""A peer that plays the awkward side: out of order, twice, after the end, with rubbish, by the thousand; and others who know the
session's id. Whatever comes, each request is answered once, the call goes on, and the next one can come.

AWKWARD_SIDS=n in the environment makes n sessions instead of 10,000."""
import contextlib, os, pty, time, uuid
from lab import *
from scripted import *

JINGLE, ERRORS = "{urn:xmpp:jingle:1}", "urn:xmpp:jingle:errors:1"
BIG = "c2s_stanza_size_limit = 4194304"
OUT_OF_ORDER = ["unexpected-request", "out-of-order"]
UNKNOWN_SESSION = ["item-not-found", "unknown-session"]
UNSUPPORTED_INFO = ["feature-not-implemented", "unsupported-info"]
BAD_REQUEST = ["bad-request"]
OFFER = CONTENT % "actpass"
SIDS = int(os.environ.get("AWKWARD_SIDS", "10000"))
ACTIONS = ("content-accept", "content-add", "content-modify", "content-reject", "content-remove", "description-info",
           "security-info", "session-accept", "session-info", "session-initiate", "session-terminate", "transport-accept",
           "transport-info", "transport-reject", "transport-replace")


class Call:
    """Romeo calls Juliet, and both hear a tone; "puppet" can speak in the name of either."""

    def __init__(self, lab, *answer_args):
        self.lab, self.heard = lab, [lab.path("juliet.wav"), lab.path("romeo.wav")]
        self.juliet = lab.answer("juliet", "-i", "tone", "-o", self.heard[0], *answer_args)
        self.romeo = lab.dial("romeo", "juliet", "-i", "tone", "-o", self.heard[1])
        self.juliet.wait("heard")
        self.romeo.wait("heard")
        self.him, self.her = (p.seen("connected")[0]["jid"] for p in (self.romeo, self.juliet))
        offer = next(j for _, s in lab.sent() for j in s.iter(JINGLE + "jingle") if j.get("action") == "session-initiate")
        self.sid, self.name = offer.get("sid"), offer.find(JINGLE + "content").get("name")
        self.puppet = Scripted(lab, "puppet")

    def content(self, inside="", more=""):
        return f"<content creator='initiator' name='{self.name}' {more}>{inside}</content>"

    def say(self, inside, number=None, to=None):
        """An iq to Juliet as if from Romeo's client, or the other way round where it is TO him; its id."""
        number, to = number or str(uuid.uuid4()), to or self.her
        speaker = self.him if to == self.her else self.her
        self.puppet.send(f"<iq type='set' id='{number}' to='{to}' speak-as='{speaker}'>{inside}</iq>")
        return number

    def answers(self, numbers, by=None):
        """id -> conditions of every answer which Juliet, or BY, gave to these, when all are there."""
        end = time.monotonic() + PATIENCE
        while True:
            got = {}
            for sender, s in self.lab.sent():
                if sender == (by or self.her) and s.get("type") in ("result", "error") and s.get("id") in numbers:
                    got.setdefault(s.get("id"), []).append([c.tag.split("}")[1] for e in s if e.tag.endswith("error") for c in e])
            if len(got) == len(set(numbers)) or time.monotonic() > end:
                return got
            time.sleep(0.05)

    def flows(self):
        """They still hear each other: half a second more of the tone comes into both files."""
        import numpy as np
        before, end = [os.path.getsize(f) for f in self.heard], time.monotonic() + PATIENCE
        while any(os.path.getsize(f) < size + 48000 for f, size in zip(self.heard, before)):
            assert time.monotonic() < end, "nothing more is heard"
            assert not self.juliet.seen("ended") and not self.romeo.seen("ended"), (self.juliet.events[-3:], self.juliet.lines)
            time.sleep(0.05)
        for f in self.heard:
            assert np.sqrt((np.fromfile(f, "<i2")[-12000:].astype(float) ** 2).mean()) > 500, "the tone has gone"

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
            ("credentials that are none", jingle("transport-info", sid, content(f"<transport xmlns='{ice}' ufrag='a b' pwd='short'/>")), ["bad-request"]),
            ("an ICE restart that nobody follows", jingle("transport-info", sid, content(
                f"<transport xmlns='{ice}' ufrag='Zz12' pwd='abcdefghijklmnopqrstuvwx'/>")), []),
            ("a candidate of nothing", jingle("transport-info", sid, content(transport("<candidate/><x/>rubbish"))), []),
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
                        jingle("transport-info", call.sid, call.content("<y/>" * 20000)),
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
    """A stranger, and another client of the caller's account, are told that there is no such session. Of any other id the stranger
    learns nothing."""
    with lab(friends=False) as l:
        call = Call(l, "--allow", l.jid("romeo"))
        call.content_ = call.content(DESCRIPTION + TRANSPORT % "active")
        with Scripted(l, "tybalt") as stranger, Scripted(l, "romeo", "other") as twin:
            for who in (stranger, twin):
                for action in ACTIONS:
                    if action == "session-initiate":
                        continue
                    number = who.iq(call.her, jingle(action, call.sid, call.content_))
                    assert who.wait_answer(number) == UNKNOWN_SESSION, action
            number = stranger.iq(call.her, jingle("session-info", call.sid + "0"))
            assert stranger.wait_answer(number) == ["service-unavailable"]
            for kind in ("finish", "retract", "reject", "accept", "proceed", "ringing"):
                stranger.send(f"<message type='chat' to='{call.her}'><{kind} xmlns='urn:xmpp:jingle-message:0' id='{call.sid}'>"
                              "<reason xmlns='urn:xmpp:jingle:1'><success/></reason>"
                              f"</{kind}></message>")
            stranger.wait_answer(stranger.iq(call.her, "<ping xmlns='urn:xmpp:ping'/>", "get"))
        call.flows()
        call.hang_up()


def test_words_of_the_peer_are_harmless_on_a_terminal_and_in_events():
    """In valid JSON as they are made visible; nothing that a terminal would obey, nor what looks like something else."""
    with lab() as l:
        call = Call(l)
        for human in (False, True):
            if human:
                master, slave = pty.openpty()
                call.romeo = l.jcall("romeo", "dial", "-i", "null", "-o", "null", l.jid("juliet"), json_events=False, stdin=slave)
                os.close(slave)
                call.juliet.wait("heard")
                call.him = call.juliet.seen("incoming")[-1]["peer"]
                offers = [j for _, s in l.sent() for j in s.iter(JINGLE + "jingle") if j.get("action") == "session-initiate"]
                call.sid = offers[-1].get("sid")
            call.say(jingle("session-terminate", call.sid, "<reason><general-error/><text>go &#x9b;31m away &#x202e;txt.exe \n jcall: all is well"
                            "\t\"quoted\" \\ \u00e9</text></reason>"), to=call.him)
            status = call.romeo.exit()
            assert status == 24, (status, call.romeo.lines, call.romeo.events[-1:])
            call.puppet.send(f"<iq type='set' id='{uuid.uuid4()}' to='{call.her}' speak-as='{call.him}'>"
                             + jingle("session-terminate", call.sid, "<reason><success/></reason>") + "</iq>")
            call.juliet.wait("ended")
            said = call.romeo.lines[-1] if human else call.romeo.seen("ended")[0]["text"]
            assert "txt.exe" in said and "\u00e9" in said and "\"quoted\"" in said, said
            assert not set(said) & set("\x9b\u202e\n\t\x1b"), ascii(said)
        assert len([line for line in call.romeo.lines if "all is well" in line]) == 1, "one line, whatever it holds"


def test_a_friend_who_knows_the_session_changes_nothing_on_either_side():
    harm = (("session-terminate", "<reason><success/></reason>"), ("content-remove", "%s"), ("session-info", ""),
            ("session-info", "<hold xmlns='urn:xmpp:jingle:apps:rtp:info:1'/>"), ("content-modify", "%s"),
            ("transport-info", OFFER), ("transport-replace", OFFER), ("description-info", OFFER))
    with lab() as l:
        call = Call(l)
        nothing = call.content(more="senders='none'")
        with Scripted(l, "tybalt") as friend, Scripted(l, "juliet", "other") as twin:
            for who in (friend, twin):
                for to in (call.him, call.her):
                    ask_all(who, to, [(jingle(a, call.sid, inside.replace("%s", nothing)), UNKNOWN_SESSION) for a, inside in harm])
        call.flows()
        for p in (call.romeo, call.juliet):
            assert not p.seen("peer") and len(p.seen("accepted")) == 1, p.events
        call.hang_up()


def test_a_stranger_cannot_tell_us_from_an_empty_place():
    """Whatever he asks, and however large, he gets what the server says where nobody is; and no presence."""
    asked = [jingle(a, "guess", OFFER) for a in ACTIONS] + [jingle("rubbish", "guess"), jingle("session-info", ""), jingle("session-initiate", "s"),
             "<query xmlns='http://jabber.org/protocol/disco#info'/>", "<ping xmlns='urn:xmpp:ping'/>", f"<x xmlns='y' a='{'A' * (1 << 20)}'/>",
             "<x xmlns='y'>" * 10000 + "</x>" * 10000]
    with lab(friends=False) as l, Scripted(l, "tybalt") as stranger:
        juliet = l.answer("juliet", "--allow", l.jid("romeo"))
        here, nowhere = juliet.seen("waiting")[0]["jid"], l.jid("juliet") + "/nothing"
        answers = {here: [], nowhere: []}
        stranger.wait(lambda s: s.tag.endswith("presence"))         # his own
        for to in answers:
            for kind in ("set", "get"):
                for payload in asked:
                    number = stranger.iq(to, payload, kind)
                    answer = stranger.seen.get(timeout=PATIENCE)
                    assert answer.get("id") == number, ET.tostring(answer)
                    answers[to].append([ET.tostring(e) for e in answer])
        assert answers[here] == answers[nowhere] and not juliet.seen("incoming")


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


def conditions(iq):
    return [c.tag.split("}")[1] for e in iq if e.tag.endswith("error") for c in e]


def ask_all(client, to, requests):
    """Sends the payloads of REQUESTS [(payload, conditions of its answer)] in one go: all are answered, once and in order."""
    numbers = [str(uuid.uuid4()) for _ in requests]
    client.send("".join(f"<iq type='set' id='{n}' to='{to}'>{payload}</iq>" for n, (payload, _) in zip(numbers, requests)))
    answers = [client.wait(lambda s: s.tag.endswith("iq") and s.get("type") in ("result", "error")) for _ in numbers]
    assert [a.get("id") for a in answers] == numbers, "not each once and in order"
    for (payload, want), answer in zip(requests, answers):
        assert conditions(answer) == want, f"{payload[:400]} was answered {conditions(answer)}, not {want}"


@contextlib.contextmanager
def waiting(*args):
    """A jcall of Juliet's that takes calls, and a Romeo who says what he likes."""
    with lab() as l, Scripted(l, "romeo") as romeo:
        juliet = l.answer("juliet", *args)
        yield l, romeo, juliet, juliet.seen("waiting")[0]["jid"]


def take_a_call(client, callee, sid="next"):
    """CLIENT offers a call to the jcall CALLEE, which accepts it, and hangs up."""
    jid = callee.seen("waiting")[0]["jid"]
    client.iq(jid, jingle("session-initiate", sid, OFFER))
    client.answer(client.wait(lambda s: any(j.get("action") == "session-accept" and j.get("sid") == sid for j in s)))
    client.iq(jid, jingle("session-terminate", sid, "<reason><success/></reason>"))
    callee.wait("accepted")
    callee.wait("ended")


def test_before_a_call_every_action_is_of_an_unknown_session():
    with waiting() as (l, romeo, juliet, jid):
        ask_all(romeo, jid, [(jingle(a, "never", OFFER), UNKNOWN_SESSION) for a in ACTIONS if a != "session-initiate"] * 2)
        assert not juliet.seen("incoming")
        take_a_call(romeo, juliet)


def malformed():
    """Offers that are none: each a bad-request."""
    for action in ACTIONS:
        if action not in ("session-info", "session-terminate"):
            yield jingle(action, "s", "")
    yield from (jingle("rubbish", "s", OFFER), jingle("", "s", OFFER), jingle("session-initiate", "", OFFER),
                jingle("session-initiate", "s" * 2000, OFFER), "<jingle xmlns='urn:xmpp:jingle:1'/>",
                f"<jingle xmlns='urn:xmpp:jingle:1' action='session-initiate'>{OFFER}</jingle>", jingle("session-initiate", "s", "<x/>"))
    for old, new in (("name='audio'", ""), ("name='audio'", "name=''"), ("creator='initiator'", "creator='nobody'"),
                     ("creator='initiator'", "creator='responder'"), ("<content ", "<content senders='all' "),
                     ("<content ", "<content disposition='early-session' "), (DESCRIPTION, ""), (TRANSPORT % "actpass", "")):
        yield jingle("session-initiate", "s", OFFER.replace(old, new))


def test_a_malformed_offer_is_a_bad_request_and_rings_nowhere():
    with waiting() as (l, romeo, juliet, jid):
        ask_all(romeo, jid, [(m, BAD_REQUEST) for m in malformed()] * 2)
        assert not juliet.seen("incoming") and not juliet.seen("ended")
        take_a_call(romeo, juliet)


def test_a_malformed_offer_in_a_call_is_a_bad_request_too():
    with lab() as l:
        call = Call(l)
        with Scripted(l, "tybalt") as friend:
            ask_all(friend, call.her, [(m, BAD_REQUEST) for m in malformed()])
        call.flows()
        call.hang_up()


def test_a_call_that_rings_heeds_nothing_out_of_order():
    with lab() as l, Scripted(l, "romeo") as romeo:
        master, slave = pty.openpty()           # nobody takes the call
        juliet = l.jcall("juliet", "answer", "-i", "null", "-o", "null", stdin=slave)
        os.close(slave)
        jid = juliet.wait("waiting")["jid"]
        ask_all(romeo, jid, [(jingle("session-initiate", "s", OFFER), [])])
        juliet.wait("incoming")
        late = ("session-initiate", "session-accept", "content-accept", "content-reject", "transport-accept", "transport-reject")
        ask_all(romeo, jid, [(jingle(a, "s", OFFER), OUT_OF_ORDER) for a in late] * 2
                + [(jingle("session-info", "s", "<x xmlns='y'/>"), UNSUPPORTED_INFO), (jingle("session-info", "s"), []),
                   (jingle("security-info", "s", OFFER), UNSUPPORTED_INFO), (jingle("rubbish", "s", OFFER), BAD_REQUEST)])
        with Scripted(l, "romeo", "other") as twin, Scripted(l, "tybalt") as friend:
            for who in (twin, friend):
                ask_all(who, jid, [(jingle("session-terminate", "s", "<reason><cancel/></reason>"), UNKNOWN_SESSION)])
        assert len(juliet.seen("incoming")) == 1 and not juliet.seen("ended")
        ask_all(romeo, jid, [(jingle("session-terminate", "s", "<reason><cancel/></reason>"), [])]
                + [(jingle(a, "s", OFFER), UNKNOWN_SESSION) for a in ACTIONS if a != "session-initiate"])
        juliet.wait("ended")
        os.close(master)


def message(kind, number):
    inside = "<description xmlns='urn:xmpp:jingle:apps:rtp:1' media='audio'/>" if kind == "propose" else ""
    return f"<message type='chat' to='juliet@{DOMAIN}'><{kind} xmlns='urn:xmpp:jingle-message:0' id='{number}'>{inside}</{kind}></message>"


def test_messages_of_no_call_do_nothing_and_a_proposal_rings_once():
    with waiting() as (l, romeo, juliet, jid):
        for kind in ("ringing", "proceed", "accept", "reject", "retract", "finish") * 2:
            romeo.send(message(kind, "never"))
        ask_all(romeo, jid, [(jingle("session-info", "never"), UNKNOWN_SESSION)])
        assert not juliet.seen("incoming") and not juliet.seen("ended")
        romeo.send(message("propose", "once") * 10)
        proceed = romeo.wait(lambda s: s.find("{urn:xmpp:jingle-message:0}proceed") is not None)
        assert proceed[0].get("id") == "once"
        take_a_call(romeo, juliet, "once")
        assert len(juliet.seen("incoming")) == 1
        said = [e.tag.split("}")[1] for f, s in l.sent() if f == jid for e in s if e.tag.startswith("{urn:xmpp:jingle-message:0}")]
        assert said in (["ringing", "accept", "proceed"], ["ringing", "accept", "proceed", "finish"]), said


def test_what_crosses_our_session_terminate_is_of_an_unknown_session():
    with waiting("--for", "1") as (l, romeo, juliet, jid):
        romeo.iq(jid, jingle("session-initiate", "s", OFFER))
        romeo.answer(romeo.wait_action("session-accept")[0])
        end, _ = romeo.wait_action("session-terminate")
        ask_all(romeo, jid, [(jingle(a, "s", OFFER), UNKNOWN_SESSION) for a in ACTIONS if a != "session-initiate"])
        romeo.answer(end)
        juliet.wait("ended")
        take_a_call(romeo, juliet)


def test_rubbish_of_the_callee_ends_nothing_either():
    """What rubbish() has, said to him who dialled."""
    with lab() as l:
        call = Call(l)
        said = [(call.say(payload, to=call.him), name, want) for name, payload, want in rubbish(call)]
        got = call.answers([n for n, _, _ in said], call.him)
        wrong = {name: (got.get(n), want) for n, name, want in said if got.get(n) != [want]}
        assert not wrong, wrong
        call.flows()
        call.hang_up()


def test_another_transport_of_no_use_is_not_gone_to():
    """ICE without credentials, or with those in force; Raw UDP without an address."""
    with lab() as l:
        call = Call(l)
        ice = {s.get("from"): t for _, s in l.sent() for t in s.iter("{urn:xmpp:jingle:transports:ice-udp:1}transport")}
        for to, peer in ((call.her, call.him), (call.him, call.her)):
            same = f"ufrag='{ice[peer].get('ufrag')}' pwd='{ice[peer].get('pwd')}'"
            for kind, more in (("ice-udp", ""), ("ice-udp", "ufrag='abcd'"), ("ice-udp", "ufrag='a b' pwd='short'"), ("ice-udp", same), ("raw-udp", "")):
                number = call.say(jingle("transport-replace", call.sid, call.content(
                    f"<transport xmlns='urn:xmpp:jingle:transports:{kind}:1' {more}/>")), to=to)
                assert call.answers([number], to) == {number: [["bad-request"]]}, (kind, more)
        call.flows()
        call.hang_up()


def test_an_id_too_long_to_give_back_does_not_cost_us_the_server():
    """Each quotation mark is six bytes in our answer, which the server would not take: it would end the connection."""
    with Lab(users=("juliet", "tybalt")) as l:          # by the server's own limit, 256 kB
        juliet = l.answer("juliet")
        jid = juliet.seen("waiting")[0]["jid"]
        with Scripted(l, "tybalt") as friend:
            for size in (1000, 60000, 250000):
                friend.send(f"<iq type='get' id='{chr(34) * size}' to='{jid}'><ping xmlns='urn:xmpp:ping'/></iq>")
            assert friend.wait_answer(friend.iq(jid, "<ping xmlns='urn:xmpp:ping'/>", "get")) == []
        assert not juliet.seen("disconnected"), juliet.events


def memory(process):
    """[kB] that it has written to. What is clean are pages of libraries, its own or not as other processes come and go."""
    rows = dict(line.split(":", 1) for line in open(f"/proc/{process.pid}/smaps_rollup").read().splitlines()[1:])
    return int(rows["Private_Dirty"].split()[0]) + int(rows["Swap"].split()[0])


def files(process):
    return len(os.listdir(f"/proc/{process.pid}/fd"))


def flood(call, who, n):
    """N offers and N proposals of different ids, a hundred at a time; how the offers were answered."""
    said = []
    for i in range(n):
        who.send(f"<iq type='set' id='o{i}' to='{call.her}'>" + jingle("session-initiate", f"s{uuid.uuid4()}", OFFER) + "</iq>")
        who.send(f"<message type='chat' id='m{i}' to='{call.her}'><propose xmlns='urn:xmpp:jingle-message:0' id='{uuid.uuid4()}'>"
                 "<description xmlns='urn:xmpp:jingle:apps:rtp:1' media='audio'/></propose></message>")
        while len(said) <= i and (i % 100 == 99 or i == n - 1):      # what waits in queues is not to count as its memory
            s = who.wait(lambda s: s.tag.endswith("iq"))
            if s.get("type") == "set":
                who.answer(s)
            else:
                said.append((s.get("id"), conditions(s)))
    return said


def leaves_nothing(process, load, most):
    """LOAD(n) makes n sessions. After 1,000 to warm up they come by half of SIDS, twice or a few times more, and leave the files as
    they were and the memory within MOST [kB] in one of these at least: a queue that was long for once, where the machine is busy,
    leaves its mark in the others; a leak is in all."""
    load(1000)
    rows, grown = [(memory(process), files(process))], []
    while len(grown) < 2 or (len(grown) < 6 and min(grown) >= most):
        load(SIDS // 2)
        rows.append((memory(process), files(process)))
        grown.append(rows[-1][0] - rows[-2][0])
    print("memory [kB], open files:", rows)
    assert SANITIZED or min(grown) < most and sum(grown) < 4096, rows       # there, leaks are looked for at the end
    assert rows[-1][1] == rows[-2][1] <= rows[0][1] + 1, rows      # one may be opened once and for all meanwhile


def test_ten_thousand_sessions_cost_nothing_and_the_next_call_comes():
    with lab() as l:
        call = Call(l)
        with Scripted(l, "tybalt") as friend:
            def load(n):
                said = flood(call, friend, n)
                assert [i for i, _ in said] == [f"o{k}" for k in range(n)]
                assert all(c in ([], ["resource-constraint"]) for _, c in said)
                assert sum(c == [] for _, c in said) < 200
            leaves_nothing(call.juliet, load, 200)      # measured: 0 to 100; the smallest block leaked by each stanza: 320
        call.flows()
        call.hang_up()
        assert l.dial("romeo", "juliet", "--for", "1").exit() == 0


def test_thousands_of_calls_given_up_leave_nothing_behind():
    """Offers and proposals in turn, each taken back while it rings."""
    with waiting() as (l, romeo, juliet, jid):
        def load(n):
            for i in range(n // 2):
                number = str(uuid.uuid4())
                if i % 2:
                    romeo.send(message("propose", number) + message("retract", number))
                else:
                    romeo.send(f"<iq type='set' id='o' to='{jid}'>{jingle('session-initiate', number, OFFER)}</iq>"
                               f"<iq type='set' id='e' to='{jid}'>{jingle('session-terminate', number, '<reason><cancel/></reason>')}</iq>")
                juliet.wait("ended")
            romeo.wait_answer(romeo.iq(jid, "<ping xmlns='urn:xmpp:ping'/>", "get"))      # it has written down the last one, too
        leaves_nothing(juliet, load, 80)                # measured: 0 to 45; the smallest block leaked by each call: 80
        take_a_call(romeo, juliet)


if __name__ == "__main__":
    run_tests(globals())
