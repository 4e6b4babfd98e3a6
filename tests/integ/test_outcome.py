#!/usr/bin/python3
"""What became of a call is told as it was: by the exit status and by what is said."""
import signal, time
from lab import *
from scripted import *

CANCELLED, NO_PATH, PROTOCOL = 14, 20, 23


def offered(lab, juliet, sid=None, inside=None):
    """Romeo calls a scripted Juliet; she accepts with credentials, and no candidate follows."""
    romeo = lab.dial("romeo", juliet.jid)
    iq, j = juliet.wait_action("session-initiate")
    juliet.answer(iq)
    juliet.iq(iq.get("from"), jingle("session-accept", sid or j.get("sid"), (inside or CONTENT).replace("%s", "active")))
    return romeo, iq.get("from"), j.get("sid")


def test_who_hangs_up_a_call_that_never_had_a_path_has_cancelled_it():
    with Lab() as lab, Scripted(lab, "juliet") as juliet:
        romeo, _, _ = offered(lab, juliet)
        romeo.wait("accepted")
        romeo.signal(signal.SIGINT)
        assert romeo.exit() == CANCELLED, romeo.events
        assert not any("ended after" in line for line in romeo.lines), romeo.lines


def test_a_call_that_never_had_a_path_and_is_hung_up_by_the_other_side_had_no_path():
    with Lab() as lab, Scripted(lab, "juliet") as juliet:
        romeo, full, sid = offered(lab, juliet)
        romeo.wait("accepted")
        juliet.iq(full, jingle("session-terminate", sid, "<reason><success/></reason>"))
        assert romeo.exit() == NO_PATH, romeo.events


def test_an_accept_that_is_malformed_ends_the_call_at_once():
    with Lab() as lab, Scripted(lab, "juliet") as juliet:
        romeo, _, _ = offered(lab, juliet, inside="<content/>")
        assert romeo.exit(10) == PROTOCOL, romeo.events


def test_an_accept_of_another_session_ends_the_call_at_once():
    with Lab() as lab, Scripted(lab, "juliet") as juliet:
        romeo, _, _ = offered(lab, juliet, sid="another")
        assert romeo.exit(10) == PROTOCOL, romeo.events


def taken(lab, romeo):
    """A scripted Romeo proposes a call, and Juliet takes it: her jcall and her full JID."""
    juliet = lab.answer("juliet", "--once")
    romeo.send(f"<message type='chat' to='{lab.jid('juliet')}' id='p'><propose xmlns='urn:xmpp:jingle-message:0' id='ca11'>"
               "<description xmlns='urn:xmpp:jingle:apps:rtp:1' media='audio'/></propose></message>")
    proceed = romeo.wait(lambda s: s.find("{urn:xmpp:jingle-message:0}proceed") is not None)
    return juliet, proceed.get("from")


def test_a_malformed_offer_of_a_call_that_was_taken_ends_it_at_once():
    with Lab() as lab, Scripted(lab, "romeo") as romeo:
        juliet, full = taken(lab, romeo)
        romeo.iq(full, jingle("session-initiate", "ca11", "<content/>"))
        assert juliet.exit(10) == PROTOCOL, juliet.events


def test_an_offer_by_another_id_than_the_call_that_was_taken_ends_it_at_once():
    with Lab() as lab, Scripted(lab, "romeo") as romeo:
        juliet, full = taken(lab, romeo)
        romeo.iq(full, jingle("session-initiate", "another", CONTENT % "actpass"))
        assert juliet.exit(10) == PROTOCOL, juliet.events


def test_a_call_that_was_over_before_we_logged_in_is_missed_and_takes_no_once():
    with Lab(offline=True) as lab:
        with Scripted(lab, "romeo") as romeo:
            inside = "<description xmlns='urn:xmpp:jingle:apps:rtp:1' media='audio'/>"
            for kind, more in (("propose", inside), ("retract", "<reason xmlns='urn:xmpp:jingle:1'><cancel/></reason>")):
                romeo.send(f"<message type='chat' to='{lab.jid('juliet')}' id='{kind}'><{kind} xmlns='urn:xmpp:jingle-message:0' id='ca11'>"
                           f"{more}</{kind}><store xmlns='urn:xmpp:hints'/></message>")
            romeo.wait_answer(romeo.iq("lab.test", "<ping xmlns='urn:xmpp:ping'/>", "get"))     # the server has both
            juliet = lab.answer("juliet", "--once")
            juliet.wait("missed")
            assert not juliet.seen("incoming") and not juliet.seen("ended"), juliet.events
            caller = lab.dial("romeo", "juliet", "--for", "1")
            assert (caller.exit(), juliet.exit()) == (0, 0), juliet.events
            assert len(juliet.seen("missed")) == 1
            assert not any(s.find("{urn:xmpp:jingle-message:0}ringing") is not None for s in list(romeo.seen.queue)), "a call long over rang"


def test_a_call_that_the_server_kept_and_that_still_rings_is_taken():
    with Lab(offline=True) as lab:
        romeo = lab.dial("romeo", "juliet", "--for", "1")
        romeo.wait("calling")
        with Scripted(lab, "romeo", "other") as other:
            other.wait_answer(other.iq("lab.test", "<ping xmlns='urn:xmpp:ping'/>", "get"))
        time.sleep(0.5)             # until the server has kept the proposal
        juliet = lab.answer("juliet", "--once")
        assert (romeo.exit(), juliet.exit()) == (0, 0), (romeo.events, juliet.events)


if __name__ == "__main__":
    run_tests(globals())
