#!/usr/bin/python3
"""What two jcalls say to each other in a call, as the server saw it: the rules that need more than one message to judge."""
import hashlib, hmac, re, signal, socket, struct, threading, time
from lab import *
from scripted import *

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
        assert len(asked) >= 3 and len(set(asked)) == len(asked)      # initiate, accept, terminate
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


class Proxy:
    """A way to the server of LAB that can be cut for good."""

    def __init__(self, lab):
        self.lab, self.open, self.listener = lab, [], socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self):
        while True:
            try:
                near = self.listener.accept()[0]
            except OSError:
                return
            far = socket.create_connection(("127.0.0.1", self.lab.port))
            self.open += [near, far]
            for a, b in ((near, far), (far, near)):
                threading.Thread(target=self._pump, args=(a, b), daemon=True).start()

    def _pump(self, a, b):
        try:
            while data := a.recv(65536):
                b.sendall(data)
        except OSError:
            pass

    def cut(self):
        for s in [self.listener] + self.open:       # shutdown, not close: it wakes who waits in it
            with contextlib.suppress(OSError):
                s.shutdown(socket.SHUT_RDWR)


def still_running(process, seconds):
    with contextlib.suppress(subprocess.TimeoutExpired):
        process.p.wait(seconds)
        raise AssertionError(f"{process.name} has ended: {process.events}")


def actions(lab, sender):
    return [j.get("action") for _, j in payloads(lab, JINGLE + "jingle", sender)]


def test_a_peer_that_is_unavailable_but_heard_keeps_its_call():
    with Lab(extra="smacks_hibernation_time = 1") as lab:
        way = Proxy(lab)
        path = lab.config("juliet")
        text = open(path).read().replace(f"127.0.0.1:{lab.port}", f"127.0.0.1:{way.port}")
        open(path, "w").write(text)
        juliet = lab.answer("juliet", "--once", config=path)
        romeo = lab.dial("romeo", "juliet")
        for p in (romeo, juliet):
            p.wait("heard")
        way.cut()
        juliet.wait("disconnected")
        still_running(romeo, 14)        # 1 s until the server gives juliet up, and more than the ten of the text
        assert "hibernating too long" in open(lab.path("prosody.log")).read()
        romeo.signal(signal.SIGINT)
        assert romeo.exit() == 0
        assert romeo.seen("ended")[0]["duration_s"] > 13


def test_a_peer_that_is_unavailable_and_silent_is_told_the_end():
    with Lab(extra="smacks_hibernation_time = 1") as lab:
        juliet = lab.answer("juliet", "--once")
        romeo = lab.dial("romeo", "juliet")
        for p in (romeo, juliet):
            p.wait("heard")
        juliet.signal(signal.SIGKILL)
        start = time.monotonic()
        assert romeo.exit() == 24
        assert 9 < time.monotonic() - start < 25, "not ended by the presence"
        assert actions(lab, romeo.seen("connected")[0]["jid"])[-1] == "session-terminate"


REQUEST, SUCCESS, USERNAME, INTEGRITY, PRIORITY, USE_CANDIDATE, CONTROLLED, CONTROLLING = 1, 0x101, 6, 8, 0x24, 0x25, 0x8029, 0x802a


def stun_of(packet):
    """(type, transaction, {attribute: value}, what INTEGRITY is over) of a frame on the loopback interface, or None."""
    ip = packet[14:]
    udp = ip[(ip[0] & 15) * 4:] if ip[:1] and ip[0] >> 4 == 4 and ip[9] == 17 else ip[40:] if ip[:1] and ip[0] >> 4 == 6 and ip[6] == 17 else b""
    m = udp[8:]
    if len(m) < 20 or m[4:8] != b"\x21\x12\xa4\x42":
        return None
    attributes, at, covered = {}, 20, b""
    while at + 4 <= len(m):
        kind, size = struct.unpack(">HH", m[at:at + 4])
        if kind == INTEGRITY:
            covered = m[:2] + struct.pack(">H", at + 24 - 20) + m[4:at]
        attributes.setdefault(kind, m[at + 4:at + 4 + size])
        at += 4 + (size + 3) // 4 * 4
    return struct.unpack(">H", m[:2])[0], m[8:20], attributes, covered


def sniff(stop, found):
    with socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(3)) as s:
        s.bind(("lo", 0))
        s.settimeout(0.2)
        while not stop.is_set():
            with contextlib.suppress(TimeoutError):
                found.append(stun_of(s.recv(2000)))


def test_connectivity_checks_have_roles_priorities_and_credentials():
    try:
        socket.socket(socket.AF_PACKET, socket.SOCK_RAW, 0).close()
    except PermissionError:
        print("skipped: listening on an interface is not permitted here")
        sys.exit(77)
    with Lab() as lab:
        stop, found = threading.Event(), []
        listener = threading.Thread(target=sniff, args=(stop, found))
        listener.start()
        try:
            romeo, juliet = call(lab)
        finally:
            stop.set()
            listener.join()
        ice = "{urn:xmpp:jingle:transports:ice-udp:1}transport"
        creds = {s.get("from"): (t.get("ufrag"), t.get("pwd")) for s, j in payloads(lab, JINGLE + "jingle") for t in j.iter(ice)}
        assert set(creds) == {romeo, juliet}
        answered = {m[1] for m in found if m and m[0] == SUCCESS}
        for us, them, role, other in ((romeo, juliet, CONTROLLING, CONTROLLED), (juliet, romeo, CONTROLLED, CONTROLLING)):
            name = f"{creds[them][0]}:{creds[us][0]}".encode()
            checks = [m for m in found if m and m[0] == REQUEST and m[2].get(USERNAME) == name]
            assert checks and any(m[1] in answered for m in checks)
            for _, _, attributes, covered in checks:
                assert PRIORITY in attributes and role in attributes and other not in attributes
                assert role == CONTROLLING or USE_CANDIDATE not in attributes
                assert attributes[INTEGRITY] == hmac.new(creds[them][1].encode(), covered, hashlib.sha1).digest()


def crossed_offer(lab, juliet, sid):
    """romeo offers a session to JULIET (scripted), who offers one of her own at that moment, by the sid that SID makes of his:
    (romeo, his offer, how hers was answered)."""
    romeo = lab.dial("romeo", juliet.jid)
    theirs, offer = juliet.wait_action("session-initiate")
    number = juliet.iq(theirs.get("from"), jingle("session-initiate", sid(offer.get("sid")), CONTENT % "actpass"))
    return romeo, theirs, juliet.wait_answer(number)


def test_of_two_offers_that_cross_the_higher_sid_is_refused():
    with Lab() as lab, Scripted(lab, "juliet") as juliet:
        romeo, theirs, answer = crossed_offer(lab, juliet, lambda sid: "zz" + sid)
        assert answer == ["conflict", "tie-break"], answer
        juliet.answer(theirs)               # and hers gives way: his goes on
        juliet.iq(theirs.get("from"), jingle("session-accept", theirs[0].get("sid"), CONTENT % "active"))
        romeo.wait("accepted")


def test_of_two_offers_that_cross_the_lower_sid_is_taken():
    with Lab() as lab, Scripted(lab, "juliet") as juliet:
        romeo, theirs, answer = crossed_offer(lab, juliet, lambda sid: "-" + sid)
        assert answer == [], answer
        juliet.refuse(theirs, "cancel", "conflict", "tie-break")
        accept, j = juliet.wait_action("session-accept")
        assert j.get("sid") == "-" + theirs[0].get("sid")


def test_of_two_offers_of_the_same_sid_the_lower_jid_goes_on():
    with Lab() as lab, Scripted(lab, "juliet") as juliet:           # juliet@ is lower than romeo@
        romeo, theirs, answer = crossed_offer(lab, juliet, lambda sid: sid)
        assert answer == [], answer
        juliet.refuse(theirs, "cancel", "conflict", "tie-break")
        juliet.wait_action("session-accept")


def test_of_two_offers_of_the_same_sid_the_higher_jid_is_refused():
    with Lab(users=("romeo", "tybalt")) as lab, Scripted(lab, "tybalt") as tybalt:
        romeo, theirs, answer = crossed_offer(lab, tybalt, lambda sid: sid)
        assert answer == ["conflict", "tie-break"], answer
        tybalt.answer(theirs)
        tybalt.iq(theirs.get("from"), jingle("session-accept", theirs[0].get("sid"), CONTENT % "active"))
        romeo.wait("accepted")


def test_raw_udp_that_brings_no_media_is_given_up():
    """XEP-0177 would have the reason timeout, XEP-0166 "Termination" failed-transport for the last transport that has failed."""
    features = [f for f in FEATURES if "ice" not in f] + ["urn:xmpp:jingle:transports:raw-udp:1"]
    way = "<transport xmlns='urn:xmpp:jingle:transports:raw-udp:1'><candidate component='1' generation='0' id='a' ip='127.0.0.1' " \
          "port='9'/>" + FINGERPRINT % "active" + "</transport>"
    with Lab() as lab, Scripted(lab, "juliet", features=features) as juliet:
        romeo = lab.dial("romeo", juliet.jid)
        theirs, offer = juliet.wait_action("session-initiate")
        juliet.answer(theirs)
        juliet.iq(theirs.get("from"), jingle("session-accept", offer.get("sid"),
                                             f"<content creator='initiator' name='audio'>{DESCRIPTION}{way}</content>"))
        end, j = juliet.wait_action("session-terminate", 60)
        assert [r.tag for r in j.find(JINGLE + "reason")] == [JINGLE + "failed-transport"]
        juliet.answer(end)
        assert romeo.exit() == 20


def test_who_prefers_all_candidates_at_once_gets_them_in_the_offer():
    """XEP-0176 "SDP Offer / Answer Support"."""
    with Lab() as lab, Scripted(lab, "juliet", features=FEATURES + ("urn:ietf:rfc:3264",)) as juliet:
        romeo = lab.dial("romeo", juliet.jid)
        theirs, offer = juliet.wait_action("session-initiate")
        juliet.answer(theirs)
        juliet.iq(theirs.get("from"), jingle("session-terminate", offer.get("sid"), "<reason><decline/></reason>"))
        assert romeo.exit() == 11
        assert actions(lab, romeo.seen("connected")[0]["jid"]) == ["session-initiate"]
        assert list(offer.iter("{urn:xmpp:jingle:transports:ice-udp:1}candidate"))


def test_a_second_offer_of_the_same_client_is_referred_to_the_session_that_is_up():
    with Lab() as lab, Scripted(lab, "romeo") as romeo:
        juliet = lab.answer("juliet")
        jid = juliet.seen("waiting")[0]["jid"]
        romeo.iq(jid, jingle("session-initiate", "first", CONTENT % "actpass"))
        accept, j = romeo.wait_action("session-accept")
        romeo.answer(accept)
        assert romeo.wait_answer(romeo.iq(jid, jingle("session-initiate", "second", CONTENT % "actpass"))) == []
        end, j = romeo.wait_action("session-terminate")
        romeo.answer(end)
        assert j.get("sid") == "second"
        assert j.find(f"{JINGLE}reason/{JINGLE}alternative-session/{JINGLE}sid").text == "first"
        assert romeo.wait_answer(romeo.iq(jid, jingle("session-info", "first"))) == []          # which goes on


if __name__ == "__main__":
    run_tests(globals())
