#!/usr/bin/python3
"""What two jcalls say to each other in a call, as the server saw it: the rules that need more than one message to judge."""
import re, signal
from lab import *

JINGLE, JMI = "{urn:xmpp:jingle:1}", "{urn:xmpp:jingle-message:0}"
UUID4 = r"[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}"


def call(lab, *answer_args):
    """A call of one second, hung up by the caller; the full JIDs of both."""
    juliet = lab.answer("juliet", "--once", *answer_args)
    romeo = lab.dial("romeo", "juliet", "--for", "1")
    assert (romeo.exit(), juliet.exit()) == (0, 0)
    return romeo.seen("connected")[0]["jid"], juliet.seen("connected")[0]["jid"]


def payloads(lab, name, sender=None):
    """(stanza, payload) of all that hold an element of that qualified name."""
    return [(s, s.find(name)) for f, s in lab.sent() if s.find(name) is not None and sender in (None, f)]


def bare(jid):
    return jid.split("/")[0]


def test_the_session_has_the_id_of_the_proposal():
    with Lab() as lab:
        romeo, juliet = call(lab)
        ids = {p.get("id") for kind in ("propose", "ringing", "proceed", "finish", "accept") for _, p in payloads(lab, JMI + kind)}
        sids = {j.get("sid") for _, j in payloads(lab, JINGLE + "jingle")}
        assert len(ids) == 1 and ids == sids, (ids, sids)
        assert re.fullmatch(UUID4, ids.pop())


def test_proposals_go_to_the_bare_jid_and_the_rest_to_the_full_one():
    with Lab() as lab:
        romeo, juliet = call(lab)
        assert [s.get("to") for s, _ in payloads(lab, JMI + "propose")] == [bare(juliet)]
        for kind in ("ringing", "proceed"):
            assert [s.get("to") for s, _ in payloads(lab, JMI + kind)] == [romeo], kind


def test_both_sides_finish_with_a_reason_at_the_full_jid():
    with Lab() as lab:
        romeo, juliet = call(lab)
        said = {s.get("from"): (s.get("to"), [c.tag for c in f.find(JINGLE + "reason")]) for s, f in payloads(lab, JMI + "finish")}
        assert said == {romeo: (juliet, [JINGLE + "success"]), juliet: (romeo, [JINGLE + "success"])}, said


def test_who_does_not_share_presence_sends_it_to_the_other_side():
    with Lab(friends=False) as lab:
        romeo, juliet = call(lab, "--allow", DOMAIN)
        caps = "{http://jabber.org/protocol/caps}c"
        said = {(s.get("from"), bare(s.get("to"))) for s, _ in payloads(lab, caps) if s.get("to")}
        assert said >= {(romeo, bare(juliet)), (juliet, bare(romeo))}, said


def test_every_request_is_answered_once_by_whom_it_was_sent_to():
    with Lab() as lab:
        romeo, juliet = call(lab)
        asked, answered = [], []
        for sender, s in lab.sent():
            if s.tag.endswith("iq") and {sender, s.get("to")} == {romeo, juliet}:
                (asked if s.get("type") in ("get", "set") else answered).append((s.get("id"), sender, s.get("to")))
        assert len(asked) > 4 and len(set(asked)) == len(asked)
        assert sorted(answered) == sorted((i, to, sender) for i, sender, to in asked), (asked, answered)


def test_all_of_a_session_goes_to_its_two_full_jids():
    with Lab() as lab:
        romeo, juliet = call(lab)
        ways = {(s.get("from"), s.get("to")) for s, _ in payloads(lab, JINGLE + "jingle")}
        assert ways == {(romeo, juliet), (juliet, romeo)}, ways


def test_candidates_are_of_component_1_with_credentials_beside_them():
    with Lab() as lab:
        call(lab)
        ice = "{urn:xmpp:jingle:transports:ice-udp:1}"
        seen = 0
        for s, j in payloads(lab, JINGLE + "jingle"):
            for t in j.iter(ice + "transport"):
                assert t.get("ufrag") and t.get("pwd")
                for c in t.iter(ice + "candidate"):
                    assert (c.get("component"), c.get("protocol")) == ("1", "udp")
                    seen += 1
        assert seen >= 2


def test_nothing_of_a_callee_is_told_before_it_takes_the_call():
    """No address leaves before the accept, and none in the messages before the session."""
    with Lab() as lab:
        romeo, juliet = call(lab)
        actions = [j.get("action") for _, j in payloads(lab, JINGLE + "jingle", juliet)]
        assert "session-accept" in actions
        assert not [a for a in actions[:actions.index("session-accept")] if a != "session-info"], actions


if __name__ == "__main__":
    run_tests(globals())
