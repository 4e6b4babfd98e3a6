#!/usr/bin/python3
"""Where the keys of a call come from: DTLS-SRTP, SDES, and that nothing else will do."""
from lab import *
from scripted import FEATURES, Scripted

OK, CANCELLED, SECURITY = 0, 14, 21
MESSAGE = "{urn:xmpp:jingle-message:0}"
JINGLE, RTP = "{urn:xmpp:jingle:1}", "{urn:xmpp:jingle:apps:rtp:1}"


def config(lab, user, encryption):
    return lab.config(user, call={"encryption": encryption})


def call(lab, his, hers):
    """Romeo, with HIS encryption, calls Juliet, who has HERS."""
    juliet = lab.answer("juliet", "--once", config=config(lab, "juliet", hers))
    return lab.dial("romeo", "juliet", "--for", "1", "-v", config=config(lab, "romeo", his)), juliet


def keyings(*processes):
    return [(e["keying"], e["suite"]) for p in processes for e in p.seen("secured")]


def jingle_of(lab, action):
    """The <jingle/> of that action which was sent."""
    return [j for _, s in lab.sent() for j in s.iter(JINGLE + "jingle") if j.get("action") == action]


def has(lab, action, name):
    return any(e.tag.endswith("}" + name) for j in jingle_of(lab, action) for e in j.iter())


def assert_talked(romeo, juliet):
    assert (romeo.exit(), juliet.exit()) == (OK, OK)
    assert romeo.seen("heard") and juliet.seen("heard")


def assert_refused(romeo, juliet):
    assert romeo.exit() == SECURITY
    assert romeo.seen("ended")[0]["reason"] == "security"
    assert not romeo.seen("secured") and not juliet.seen("secured")


def test_sdes_where_both_have_switched_it_on():
    with Lab() as lab:
        romeo, juliet = call(lab, "sdes", "sdes")
        assert_talked(romeo, juliet)
        assert keyings(romeo, juliet) == [("sdes", "AEAD_AES_256_GCM")] * 2
        assert any("encrypted: SDES-SRTP, AEAD_AES_256_GCM" in line for line in romeo.lines), romeo.lines
        assert not has(lab, "session-initiate", "fingerprint") and not has(lab, "session-accept", "fingerprint")
        offer, = jingle_of(lab, "session-initiate")
        accept, = jingle_of(lab, "session-accept")
        assert [e.get("required") for e in offer.iter(RTP + "encryption")] == ["1"]
        assert len(list(offer.iter(RTP + "crypto"))) == 4 and len(list(accept.iter(RTP + "crypto"))) == 1
        keys = [c.get("key-params") for j in (offer, accept) for c in j.iter(RTP + "crypto")]
        assert len(set(keys)) == 5


def test_dtls_where_both_have_both():
    with Lab() as lab:
        romeo, juliet = call(lab, "sdes dtls", "dtls, sdes")
        assert_talked(romeo, juliet)
        assert [k for k, _ in keyings(romeo, juliet)] == ["dtls", "dtls"]
        assert not has(lab, "session-initiate", "crypto") and not has(lab, "session-accept", "crypto")


def offered_to(features, user_has, by_message):
    """The names of what a jcall that has USER_HAS offers keys by to a client with these FEATURES."""
    with Lab() as lab, Scripted(lab, "juliet", features=features) as juliet:
        romeo = lab.dial("romeo", "juliet" if by_message else juliet.jid, config=config(lab, "romeo", user_has))
        if by_message:
            proposal = juliet.wait(lambda s: s.find(MESSAGE + "propose") is not None)
            juliet.send(f"<message to='{proposal.get('from')}'><proceed xmlns='urn:xmpp:jingle-message:0' "
                        f"id='{proposal.find(MESSAGE + 'propose').get('id')}'/></message>")
        iq, offer = juliet.wait_action("session-initiate")
        juliet.answer(iq)
        romeo.signal(2)
        romeo.exit()
        return sorted({e.tag.split("}")[1] for e in offer.iter()} & {"fingerprint", "crypto"})


def test_nothing_goes_beside_dtls_to_who_is_known_to_have_it():
    """Dino would take both, and encrypt twice."""
    assert offered_to(FEATURES, "dtls sdes", by_message=False) == ["fingerprint"]
    assert offered_to(FEATURES + ("urn:xmpp:jingle-message:0",), "dtls sdes", by_message=True) == ["fingerprint"]


def test_both_are_offered_to_who_is_not_known_to_have_dtls():
    without = tuple(f for f in FEATURES if "dtls" not in f)
    assert offered_to(without, "dtls sdes", by_message=False) == ["crypto", "fingerprint"]
    assert offered_to(without, "sdes", by_message=True) == ["crypto"]


def julie(**keys):
    return {"contact julie": {"jid": "juliet@lab.test", **keys}}


def test_sdes_for_one_contact_alone_and_he_is_called_by_its_name():
    with Lab() as lab:
        juliet = lab.answer("juliet", "--once", config=config(lab, "juliet", "sdes"))
        romeo = lab.jcall("romeo", "dial", "-i", "null", "-o", "null", "--for", "1", "julie",
                          config=lab.config("romeo", **julie(encryption="sdes")))
        assert_talked(romeo, juliet)
        assert romeo.seen("calling")[0]["peer"] == "juliet@lab.test"
        assert keyings(romeo)[0][0] == "sdes"
    with Lab() as lab:                      # and when he calls
        romeo = lab.answer("romeo", "--once", config=lab.config("romeo", **julie(encryption="dtls sdes")))
        juliet = lab.dial("juliet", "romeo", "--for", "1", config=config(lab, "juliet", "sdes"))
        assert_talked(romeo, juliet)
        assert keyings(romeo)[0][0] == "sdes"


def test_sdes_for_one_contact_is_none_for_another():
    with Lab(users=("romeo", "juliet", "nurse")) as lab:
        nurse = lab.answer("nurse", "--once", config=config(lab, "nurse", "sdes"))
        romeo = lab.dial("romeo", "nurse", config=lab.config("romeo", **julie(encryption="sdes")))
        assert_refused(romeo, nurse)


def test_a_contact_may_be_safer_than_the_others():
    with Lab() as lab:
        juliet = lab.answer("juliet", "--once", config=config(lab, "juliet", "sdes"))
        romeo = lab.dial("romeo", "juliet", config=lab.config("romeo", call={"encryption": "sdes"}, **julie(encryption="dtls")))
        assert_refused(romeo, juliet)


def test_who_cannot_encrypt_is_not_called_by_his_bare_address_either():
    without = tuple(f for f in FEATURES if "dtls" not in f)
    with Lab() as lab, Scripted(lab, "juliet", features=without) as juliet:
        romeo = lab.dial("romeo", "juliet")
        assert romeo.exit() == SECURITY
        assert "cannot encrypt" in romeo.seen("ended")[0]["text"]
        assert romeo.seen("ended")[0]["time"] - romeo.seen("calling")[0]["time"] < 30     # of the 45 s it would ring
        assert not jingle_of(lab, "session-initiate")


def test_a_device_that_wakes_up_meanwhile_is_called():
    """As a phone does: its server has woken it up for the proposal, and its presence says nothing yet."""
    without = tuple(f for f in FEATURES if "dtls" not in f)
    with Lab() as lab, Scripted(lab, "juliet", features=without) as juliet:
        romeo = lab.dial("romeo", "juliet")
        proposal = juliet.wait(lambda s: s.find(MESSAGE + "propose") is not None)
        romeo.wait("unsafe")
        for kind in ("ringing", "proceed"):
            juliet.send(f"<message to='{proposal.get('from')}'><{kind} xmlns='urn:xmpp:jingle-message:0' "
                        f"id='{proposal.find(MESSAGE + 'propose').get('id')}'/></message>")
        iq, offer = juliet.wait_action("session-initiate")
        juliet.answer(iq)
        romeo.signal(2)
        assert romeo.exit() == CANCELLED


def test_whoever_has_both_meets_one_who_has_sdes_only():
    with Lab() as lab:
        assert_talked(*call(lab, "dtls sdes", "sdes"))
    with Lab() as lab:
        romeo, juliet = call(lab, "sdes", "dtls sdes")
        assert_talked(romeo, juliet)
        assert [k for k, _ in keyings(romeo, juliet)] == ["sdes", "sdes"]


def test_sdes_offered_to_one_who_has_not_switched_it_on_is_refused():
    with Lab() as lab:
        romeo, juliet = call(lab, "sdes", "dtls")
        assert_refused(romeo, juliet)
        assert juliet.exit() == SECURITY
        end, = jingle_of(lab, "session-terminate")
        assert [e.tag.split("}")[1] for e in end.find(JINGLE + "reason")] == ["security-error", "crypto-required"]


def test_dtls_offered_to_one_who_wants_sdes_is_refused():
    with Lab() as lab:
        romeo, juliet = call(lab, "dtls", "sdes")
        assert_refused(romeo, juliet)
        assert juliet.exit() == SECURITY


def test_sdes_is_off_unless_switched_on():
    with Lab() as lab:
        juliet = lab.answer("juliet", "--once")
        romeo = lab.dial("romeo", "juliet", "--for", "1")
        assert_talked(romeo, juliet)
        assert [k for k, _ in keyings(romeo, juliet)] == ["dtls", "dtls"]
        assert not has(lab, "session-initiate", "crypto") and not has(lab, "session-accept", "crypto")


if __name__ == "__main__":
    run_tests(globals())
