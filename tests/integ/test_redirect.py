#!/usr/bin/python3
"""A peer that answers our IQs by <redirect/> (RFC 6120 8.3.3.14), whichever they are: it sends
nobody elsewhere but a caller whose offer waits for its answer, and whatever stands in it no jcall falls."""
import itertools
from lab import *
from peer import Peer, jingle
from scripted import CONTENT, FEATURES, TRANSPORT


def error(*conditions):
    """Each is its namespace and what stands in a <redirect/> of it."""
    inside = "".join(f"<redirect xmlns='{ns}'>{to}</redirect>" for ns, to in conditions)
    return f"<error type='modify'>{inside}</error>"


NS, OTHER, TO = "urn:ietf:params:xml:ns:xmpp-stanzas", "urn:example:other", "xmpp:x@y.lit/z"
ODD = [TO, "", "x", f"<jid xmlns='{OTHER}'>x@y.lit/z</jid>", "&#x202e;%s%n&lt;", "y" * 3000]
REDIRECTS = [error((NS, to)) for to in ODD]
REDIRECTS += [error((OTHER, "a@b/c"), (NS, TO)), error((OTHER, "a@b/c")), "<error/>"]
VIDEO = "<content creator='initiator' name='video'>" \
        "<description xmlns='urn:xmpp:jingle:apps:rtp:1' media='video'/>" \
        "<transport xmlns='urn:xmpp:jingle:transports:ice-udp:1'/></content>"
RINGING = "<ringing xmlns='urn:xmpp:jingle:apps:rtp:info:1'/>"
CANCEL = "<reason><cancel/></reason>"
OFFER = CONTENT % "actpass"
REPLACE = "<content creator='initiator' name='audio'>" + TRANSPORT % "actpass" + "</content>"


class Elsewhere(Peer):
    """It answers every <jingle/> so, but actions that are SPARED by a result."""
    resource, make = "script", FEATURES

    def __init__(self, lab, user, *spared):
        self.redirects, self.spared, self.refused = itertools.cycle(REDIRECTS), spared, []
        super().__init__(lab, user)

    def judge(self, iq, j):
        """What a jcall sends is judged in the tests that answer as a client does."""

    def acknowledge(self, iq, j):
        if j.get("action") in self.spared:
            self.answer(iq)
        else:
            self.answer(iq, next(self.redirects), "error")
            self.refused.append(j.get("action"))


def unjudged(**kw):
    """What the peer says is not in the schema."""
    lab = Lab(**kw)
    lab.judged = False
    return lab


def calls_as_ever(lab, juliet):
    romeo = lab.dial("romeo", "juliet", "--for", "1")
    juliet.wait("incoming")
    if "--auto" not in juliet.args:
        assert lab.ctl("--pid", juliet.p.pid, "answer") == ""
    assert romeo.exit() == 0, romeo.lines
    assert juliet.p.poll() is None


def waiting(lab, *args):
    """(a jcall of Juliet's that waits, its full JID)"""
    juliet = lab.jcall("juliet", "answer", "-i", "null", "-o", "null", *args)
    juliet.args = args
    return juliet, juliet.wait("waiting")["jid"]


def test_caller_who_redirects_all_that_a_ringing_phone_says_leaves_it_ringing():
    with unjudged() as lab, Elsewhere(lab, "romeo") as him:
        juliet, her = waiting(lab)
        for i in range(len(REDIRECTS)):
            him.iq(her, jingle("session-initiate", f"s{i}", OFFER, f"initiator='{him.jid}'"))
            juliet.wait("incoming")
            him.wait_action("session-info")
            him.act(her, "content-add", f"s{i}", VIDEO)
            him.act(her, "transport-replace", f"s{i}", REPLACE)
            him.act(her, "session-info", f"s{i}")
            him.wait_action("content-reject")
            him.iq(her, jingle("session-terminate", f"s{i}", CANCEL))
            assert juliet.wait("ended")["status"] != 0
        assert set(him.refused) >= {"session-info", "content-reject"}, him.refused
        calls_as_ever(lab, juliet)


def test_caller_who_redirects_the_accept_loses_the_call_and_nothing_else():
    with unjudged() as lab, Elsewhere(lab, "romeo") as him:
        juliet, her = waiting(lab, "--auto", "--allow-contacts")
        for i in range(len(REDIRECTS)):
            him.iq(her, jingle("session-initiate", f"s{i}", OFFER, f"initiator='{him.jid}'"))
            him.wait_action("session-accept")
            juliet.wait("ended")
        calls_as_ever(lab, juliet)


def test_caller_who_redirects_what_is_wished_in_the_call_is_not_followed():
    with unjudged() as lab, Elsewhere(lab, "romeo", "session-accept") as him:
        juliet, her = waiting(lab, "--auto", "--allow-contacts")
        him.iq(her, jingle("session-initiate", "s1", OFFER, f"initiator='{him.jid}'"))
        him.wait_action("session-info")         # it rings
        him.wait_action("session-accept")
        for _ in REDIRECTS:
            for wish in "hold", "mute", "unmute", "resume":
                assert lab.ctl(wish) == ""
                him.wait_action("session-info")
        assert not juliet.seen("ended"), juliet.events[-1]
        assert lab.ctl("hangup") == ""
        juliet.wait("ended")
        calls_as_ever(lab, juliet)


def test_stranger_who_redirects_whatever_we_say_ends_nobody():
    with unjudged(friends=False) as lab, Elsewhere(lab, "romeo") as him:
        juliet, her = waiting(lab)
        for i in range(len(REDIRECTS)):
            him.act(her, "session-initiate", f"s{i}", OFFER, f"initiator='{him.jid}'")
            him.act(her, "transport-replace", f"s{i}", REPLACE)
            him.act(her, "session-terminate", f"s{i}", CANCEL)
        assert juliet.p.poll() is None, juliet.lines


def test_callee_who_redirects_all_but_the_offer_goes_on_being_called():
    with unjudged() as lab, Elsewhere(lab, "juliet", "session-initiate") as her:
        for i in range(3):
            romeo = lab.jcall("romeo", "dial", "-i", "null", "-o", "null", her.jid)
            iq, j = her.wait_action("session-initiate")
            his, sid = iq.get("from"), j.get("sid")
            assert her.act(his, "session-info", sid, RINGING) == []
            romeo.wait("ringing")
            assert her.act(his, "content-add", sid, VIDEO) == []
            her.wait_action("content-reject")
            assert her.act(his, "session-info", sid) == []
            romeo.signal(2)
            her.wait_action("session-terminate")
            assert romeo.exit() == 14, romeo.lines
            assert len(romeo.seen("offering")) == 1


def test_callee_who_redirects_the_offer_in_odd_words_is_told_of():
    with unjudged() as lab, Elsewhere(lab, "juliet") as her:
        for _ in REDIRECTS:
            romeo = lab.jcall("romeo", "dial", "-i", "null", "-o", "null", her.jid)
            her.wait_action("session-initiate")
            assert romeo.exit() in (13, 23), romeo.lines
            assert romeo.seen("ended")[0]["text"] and len(romeo.seen("offering")) == 1


run_tests(globals())
