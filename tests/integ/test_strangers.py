"""Who is no contact, is not allowed and was never talked with learns nothing and disturbs nobody (src/standing.h)."""
import contextlib, json, subprocess, uuid
import xml.etree.ElementTree as ET
from lab import JCALL, Lab, run_tests
from peer import JMI, Component, Peer, content, fingerprint, jingle, transport, wait_until, webrtc
from scripted import Scripted
from test_awkward import ACTIONS
from test_sound import Pulse

AUDIO = "<description xmlns='urn:xmpp:jingle:apps:rtp:1' media='audio'/>"
OFFER = content(webrtc() + transport(fingerprint("actpass")))
STANZAS = "urn:ietf:params:xml:ns:xmpp-stanzas"
ASKED = [("get", payload) for payload in (
    "<ping xmlns='urn:xmpp:ping'/>", "<query xmlns='http://jabber.org/protocol/disco#info'/>",
    "<query xmlns='http://jabber.org/protocol/disco#items'/>", "<query xmlns='jabber:iq:version'/>", "<time xmlns='urn:xmpp:time'/>",
    "<query xmlns='jabber:iq:roster'/>", "<x xmlns='y' z='1'>text<w/></x>")]
ASKED += [("set", payload) for payload in (
    "<ping xmlns='urn:xmpp:ping'/>", "<query xmlns='jabber:iq:roster'><item jid='mallory@evil.test' subscription='both'/></query>",
    "<services xmlns='urn:xmpp:extdisco:2'><service type='turn' host='6.6.6.6' username='a' password='b'/></services>",
    "<unblock xmlns='urn:xmpp:blocking'/>", jingle("session-initiate", "bad"), jingle("rubbish", "s"))]
ASKED += [("set", jingle(action, f"sid-{action}", OFFER)) for action in ACTIONS]


def waits_for_user(lab, *args, **kw):
    """A jcall of Juliet's that rings and waits for its user: (it, its full JID)."""
    juliet = lab.jcall("juliet", "answer", "-i", "null", "-o", "null", *args, **kw)
    return juliet, juliet.wait("waiting")["jid"]


def propose(peer, to, sender=None, sid=None):
    """A proposal of SENDER's, who may be anybody at the component's domain; its id."""
    sid = sid or str(uuid.uuid4())
    peer.send(f"<message type='chat' from='{sender or peer.jid}' to='{to.split('/')[0]}' id='p-{sid}'>"
              f"<propose xmlns='{JMI[1:-1]}' id='{sid}'>{AUDIO}</propose></message>")
    return sid


def retract(peer, to, sid, sender=None):
    peer.send(f"<message type='chat' from='{sender or peer.jid}' to='{to.split('/')[0]}' id='r-{sid}'>"
              f"<retract xmlns='{JMI[1:-1]}' id='{sid}'/></message>")


def ask(peer, to, kind, payload, sender=None, more=""):
    """The whole answer to an iq."""
    number = str(uuid.uuid4())
    peer.send(f"<iq type='{kind}' id='{number}' from='{sender or peer.jid}' to='{to}'{more}>{payload}</iq>")
    return peer.wait(lambda s: s.tag.endswith("iq") and s.get("id") == number)


def heard_all(peer, to):
    """Everything that PEER has sent to TO so far has been dealt with there."""
    ask(peer, to, "get", "<ping xmlns='urn:xmpp:ping'/>")


def shape(answer, place):
    """What of ANSWER could tell one place from another. prosody marks the language of whatever a client sends, and writes attributes
    in no order."""
    attributes = sorted((k, v.replace(place, "PLACE")) for k, v in answer.attrib.items() if k != "id" and not k.endswith("lang"))
    return attributes, [ET.tostring(e) for e in answer]


def rings(juliet):
    return [e["peer"].split("/")[0] for e in juliet.seen("incoming")]


def jcall_of(lab, auto):
    if not auto:
        return waits_for_user(lab)
    juliet = lab.answer("juliet", "--allow", lab.jid("romeo"))
    return juliet, juliet.seen("waiting")[0]["jid"]


def finds_nobody(auto):
    with Lab(component="evil.test") as lab, Component(lab, "mallory") as mallory:
        juliet, here = jcall_of(lab, auto)
        nowhere = here[:-1] + ("0" if here[-1] != "0" else "1")
        for sender in (mallory.jid, "mallory@evil.test", "evil.test", "evil.test/x", "evil.test/x@lab.test"):
            for kind, payload in ASKED:
                got = [shape(ask(mallory, to, kind, payload, sender), to) for to in (here, nowhere)]
                assert got[0] == got[1], (sender, payload)
        propose(mallory, here)              # which tells nothing, either, while it rings
        if not auto:
            juliet.wait("incoming")
        for kind, payload in ASKED:
            assert shape(ask(mallory, here, kind, payload), here) == shape(ask(mallory, nowhere, kind, payload), nowhere), payload
        assert rings(juliet) == ([] if auto else ["mallory@evil.test"])
        assert not [s for s in mallory.kept if s.tag.endswith(("message", "presence")) or s.get("type") == "set"]


def test_whatever_a_stranger_asks_is_answered_as_where_nobody_is():
    finds_nobody(auto=False)


def test_whatever_a_stranger_asks_of_an_automatic_callee_is_answered_as_where_nobody_is():
    finds_nobody(auto=True)


def test_our_own_server_is_answered():
    with Lab(("juliet", "puppet"), friends=False, modules=["speak_as"]) as lab, Scripted(lab, "puppet") as puppet:
        juliet, here = waits_for_user(lab)

        def asked_by(who):
            puppet.send(f"<iq type='get' id='by-{who}' to='{here}' speak-as='{who}'><ping xmlns='urn:xmpp:ping'/></iq>")
            wait_until(lambda: [s for sender, s in lab.sent() if sender == here and s.get("id") == f"by-{who}"])
            return [s.get("type") for sender, s in lab.sent() if sender == here and s.get("id") == f"by-{who}"]

        assert (asked_by("lab.test"), asked_by("lab.test/x"), asked_by("sub.lab.test")) == (["result"], ["error"], ["error"])


def ended_while_a_stranger_rings(number):
    with Lab(component="evil.test") as lab, Component(lab, "mallory") as mallory:
        juliet, here = waits_for_user(lab)
        propose(mallory, here)
        juliet.wait("incoming")
        juliet.signal(number)
        juliet.exit()
        assert juliet.seen("ended")[0]["reason"] == "no-answer"
        ask(mallory, here, "get", "<ping xmlns='urn:xmpp:ping'/>")
        assert not [ET.tostring(s) for s in mallory.kept if not s.tag.endswith("iq")]
        assert not [s for _, s in lab.sent() if s.tag.endswith("message")]


def test_a_ringing_stranger_hears_nothing_when_jcall_is_told_to_end():
    ended_while_a_stranger_rings(15)


def test_a_ringing_stranger_hears_nothing_when_jcall_is_interrupted():
    ended_while_a_stranger_rings(2)


def test_a_friend_who_calls_while_a_stranger_rings_is_heard():
    with Lab(component="evil.test") as lab, Component(lab, "mallory") as mallory, Peer(lab, "romeo") as romeo:
        juliet, here = waits_for_user(lab, "--once")
        propose(mallory, here)
        juliet.wait("incoming")
        sid = romeo.propose(here)
        romeo.wait_jmi("ringing")
        assert juliet.wait("incoming")["peer"] == romeo.jid
        assert juliet.wait("ended")["peer"] == mallory.jid
        assert lab.ctl("answer") == ""          # the one that rings, and juliet --once still waits for its end
        assert romeo.wait_jmi("proceed")[1].get("id") == sid
        assert not [s for s in romeo.kept if s.find(JMI + "reject") is not None]
        romeo.say("retract", here, sid)
        juliet.exit()
        assert not [s for s in mallory.kept if not s.tag.endswith("iq")]


def test_a_friend_who_calls_directly_while_a_stranger_rings_is_heard():
    with Lab(component="evil.test") as lab, Component(lab, "mallory") as mallory, Peer(lab, "romeo") as romeo:
        juliet, here = waits_for_user(lab)
        propose(mallory, here)
        juliet.wait("incoming")
        assert romeo.act(here, "session-initiate", "direct", OFFER, f"initiator='{romeo.jid}'") == []
        assert juliet.wait("incoming")["peer"] == romeo.jid
        assert juliet.wait("ended")["peer"] == mallory.jid


def test_strangers_ring_one_at_a_time_three_times_an_hour_each_and_ten_times_together():
    with Lab(component="evil.test") as lab, Component(lab, "mallory") as mallory:
        juliet, here = waits_for_user(lab)

        def ring(name, waits=True):
            sid = propose(mallory, here, f"{name}@evil.test/{uuid.uuid4()}")
            heard_all(mallory, here)
            return sid, juliet.seen("incoming")[-1]["peer"] if juliet.seen("incoming") else None

        def stop(sid, name):
            before = len(juliet.seen("ended"))
            retract(mallory, here, sid, f"{name}@evil.test/other")
            wait_until(lambda: len(juliet.seen("ended")) > before)

        sid, _ = ring("a")
        juliet.wait("incoming")
        ring("b")
        assert rings(juliet) == ["a@evil.test"], "two at once"
        stop(sid, "a")
        for name in "aaaa":
            before = len(juliet.seen("incoming"))
            sid, _ = ring(name)
            if before < 3:
                juliet.wait("incoming")
                stop(sid, name)
        assert rings(juliet) == ["a@evil.test"] * 3, "one of them more than three times"
        for name in "bcdefghijk":
            before = len(juliet.seen("incoming"))
            sid, _ = ring(name)
            if before < 10:
                juliet.wait("incoming")
                stop(sid, name)
        assert rings(juliet) == ["a@evil.test"] * 3 + [f"{n}@evil.test" for n in "bcdefgh"]


def test_a_flood_of_strangers_leaves_friends_their_place_in_the_list_of_calls():
    with Lab(component="evil.test") as lab, Component(lab, "mallory") as mallory, Peer(lab, "romeo") as romeo:
        juliet, here = waits_for_user(lab)
        sid = romeo.propose(here)
        juliet.wait("incoming")
        romeo.say("retract", here, sid)
        juliet.wait("ended")
        for i in range(320):
            retract(mallory, here, propose(mallory, here, f"m{i}@evil.test/x"), f"m{i}@evil.test/x")
        heard_all(mallory, here)
        wait_until(lambda: len(juliet.seen("ended")) == len(juliet.seen("incoming")))
        juliet.signal(15)
        juliet.exit()
        done = subprocess.run([JCALL, "history", "-c", lab.config("juliet"), "--json"], env=lab.env(), capture_output=True, text=True,
                              stdin=subprocess.DEVNULL)
        peers = [json.loads(line).get("peer") for line in done.stdout.splitlines()]
        assert peers.count(lab.jid("romeo")) == 1 and len(peers) <= 11, peers


def test_with_strangers_ignored_they_do_not_ring_and_friends_do():
    with Lab(component="evil.test") as lab, Component(lab, "mallory") as mallory, Peer(lab, "romeo") as romeo:
        juliet, here = waits_for_user(lab, config=lab.config("juliet", answer={"strangers": "ignore"}))
        propose(mallory, here)
        heard_all(mallory, here)
        romeo.propose(here)
        assert juliet.wait("incoming")["peer"] == romeo.jid
        assert rings(juliet) == [lab.jid("romeo")]


def test_a_stranger_whose_call_was_taken_is_none_any_more():
    with Lab(component="evil.test") as lab, Component(lab, "mallory") as mallory:
        juliet, here = waits_for_user(lab)
        sid = propose(mallory, here)
        juliet.wait("incoming")
        assert ask(mallory, here, "get", "<ping xmlns='urn:xmpp:ping'/>").get("type") == "error"
        assert lab.ctl("answer") == ""
        assert mallory.wait_jmi("proceed")[1].get("id") == sid
        assert ask(mallory, here, "get", "<ping xmlns='urn:xmpp:ping'/>").get("type") == "result"


def streams(pulse, kind):
    """The numbers of the streams from (source-outputs) or to (sink-inputs) the devices of the sound server."""
    done = subprocess.run(["pactl", "list", "short", kind], env=pulse.penv, capture_output=True, text=True, check=True)
    return [line.split()[0] for line in done.stdout.splitlines()]


def opens_the_microphone_at_the_accept(caller, ring):
    """CALLER makes the one who rings, in a lab; RING lets it ring."""
    with Lab(component="evil.test") as lab, caller(lab) as peer, Pulse(lab) as pulse:
        juliet = lab.jcall("juliet", "answer", env=pulse.env("mic_ab", "ear_ba"))
        here = juliet.wait("waiting")["jid"]
        before = [streams(pulse, kind) for kind in ("source-outputs", "sink-inputs")]
        ring(peer, here)
        juliet.wait("incoming")
        wait_until(lambda: streams(pulse, "sink-inputs") != before[1])      # the ring tone: all that opens then is open
        assert streams(pulse, "source-outputs") == before[0]
        assert lab.ctl("answer") == ""
        wait_until(lambda: streams(pulse, "source-outputs") != before[0])


def test_the_microphone_is_not_opened_before_a_strangers_call_is_taken():
    opens_the_microphone_at_the_accept(lambda lab: Component(lab, "mallory"), propose)


def test_the_microphone_is_not_opened_before_a_friends_call_is_taken():
    opens_the_microphone_at_the_accept(lambda lab: Peer(lab, "romeo"), lambda peer, here: peer.propose(here))


def test_whoever_is_blocked_does_not_ring_and_finds_nobody_where_the_server_only_stores_the_list():
    """A contact, one device of another one, and a whole domain; and whom nobody has blocked rings."""
    extra = 'blocked_people = { "romeo@lab.test", "tybalt@lab.test/script", "evil.test" }'
    with Lab(("juliet", "romeo", "tybalt", "nurse"), component="evil.test", modules=["stored_blocklist"], extra=extra) as lab, \
            Component(lab, "mallory") as mallory, Peer(lab, "romeo") as romeo, Scripted(lab, "tybalt") as tybalt, \
            Peer(lab, "nurse") as nurse:
        juliet, here = waits_for_user(lab)
        for peer in (romeo, tybalt):
            peer.send(f"<message type='chat' to='{here}'><propose xmlns='{JMI[1:-1]}' id='x'>{AUDIO}</propose></message>")
            for kind, payload in (("get", "<ping xmlns='urn:xmpp:ping'/>"), ("set", jingle("session-initiate", "s1", OFFER))):
                assert peer.wait_answer(peer.iq(here, payload, kind)) == ["service-unavailable"], payload
        propose(mallory, here)
        heard_all(mallory, here)
        nurse.propose(here)
        assert juliet.wait("incoming")["peer"] == nurse.jid
        assert rings(juliet) == [lab.jid("nurse")]


def test_the_occupant_of_a_room_does_not_ring_though_the_room_is_a_contact():
    with Lab(("juliet", "romeo"), component="rooms.test", contacts=["room@rooms.test"]) as lab, Component(lab, "room") as room, \
            Peer(lab, "romeo") as romeo:
        juliet, here = waits_for_user(lab)
        room.send(f"<message type='chat' to='{here}'><propose xmlns='{JMI[1:-1]}' id='x'>{AUDIO}</propose>"
                  "<x xmlns='http://jabber.org/protocol/muc#user'/></message>")
        assert ask(room, here, "get", "<ping xmlns='urn:xmpp:ping'/>").get("type") == "error"
        romeo.propose(here)
        assert juliet.wait("incoming")["peer"] == romeo.jid


# ---- whoever did not get a message cannot send it back, nor answer it ----

def bounce(sender, to, number):
    return (f"<message type='error' from='{sender}' to='{to}' id='{number}'><error type='cancel'>"
            f"<service-unavailable xmlns='{STANZAS}'/></error></message>")


def test_nobody_but_the_callee_sends_our_proposal_back_or_answers_it():
    with Lab(component="evil.test") as lab, Component(lab, "mallory") as mallory, Peer(lab, "juliet") as juliet:
        romeo = lab.dial("romeo", "juliet")
        message, proposal = juliet.wait_jmi("propose")
        his, sid = message.get("from"), proposal.get("id")
        for sender in (mallory.jid, "evil.test", "juliet@evil.test/x"):
            mallory.send(bounce(sender, his, f"jm-propose-{sid}"))
            for kind in ("ringing", "proceed", "reject", "finish", "retract", "accept"):
                mallory.send(f"<message type='chat' from='{sender}' to='{his}'><{kind} xmlns='{JMI[1:-1]}' id='{sid}'/></message>")
        heard_all(mallory, his)
        with contextlib.suppress(AssertionError):       # what the callee's server sends back counts after a second
            romeo.wait("ended", limit=2.5)
        assert not romeo.seen("ringing") and not romeo.seen("proceed") and not romeo.seen("ended")
        juliet.send(bounce(juliet.jid, his, "jm-propose-other"))        # of another message of his
        juliet.send(bounce(juliet.jid, his, f"jm-propose-{sid}"))
        assert romeo.wait("ended")["reason"] == "unavailable"


def test_nobody_but_the_caller_sends_our_proceed_back():
    with Lab(component="evil.test") as lab, Component(lab, "mallory") as mallory, Peer(lab, "romeo") as romeo, \
            Scripted(lab, "romeo", "other") as other:
        juliet, here = waits_for_user(lab)
        sid = romeo.propose(here)
        juliet.wait("incoming")
        assert lab.ctl("answer") == ""
        romeo.wait_jmi("proceed")
        for sender in (mallory.jid, "evil.test"):
            mallory.send(bounce(sender, here, f"jm-proceed-{sid}"))
        other.send(bounce(other.jid, here, f"jm-proceed-{sid}"))
        heard_all(mallory, here)
        assert other.wait_answer(other.iq(here, "<ping xmlns='urn:xmpp:ping'/>", "get")) == []
        assert not juliet.seen("ended")
        romeo.send(bounce(romeo.jid, here, f"jm-proceed-{sid}"))
        assert juliet.wait("ended")["reason"] == "no-answer"


if __name__ == "__main__":
    run_tests(globals())
