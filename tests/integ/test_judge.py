#!/usr/bin/python3
"""What class Peer of peer.py insists on: that it lets a faultless stanza pass, and names the rule that a faulty one breaks."""
from lab import *
from peer import *

CANDIDATE = candidate(9)
OPUS = "<payload-type id='111' name='opus' clockrate='48000' channels='2'><parameter name='minptime' value='10'/></payload-type>"
EVENT = "<payload-type id='126' name='telephone-event' clockrate='8000'/>"
SOURCE = "<source xmlns='urn:xmpp:jingle:apps:rtp:ssma:0' ssrc='1'><parameter name='cname' value='abc'/></source>"
GOOD = jingle("session-initiate", "s1", content(description(OPUS + EVENT, "<rtcp-mux/>" + SOURCE) + transport(fingerprint("actpass") + CANDIDATE)))
TRICKLE = jingle("transport-info", "s1", content(transport(CANDIDATE)))
FAULTS = (
    ("R13", "AB:AB", "ab:AB"), ("R13", "sha-256", "sha-512"), ("R13", "actpass", "active"), ("R13", " setup='actpass'", ""),
    ("R13", fingerprint("actpass"), ""), ("R14", "<rtcp-mux/>", "<rtcp-mux/><encryption><crypto/></encryption>"),
    ("R17", "name='audio'", "name='a name'"), ("R17", "name='audio'", "name='seventeen-letters'"), ("R17", "senders='both'", "senders='none'"),
    ("R17", "creator='initiator'", "creator='responder'"), ("R18", " channels='2'", ""), ("R18", " clockrate='8000'", ""),
    ("R18", " name='minptime'", ""), ("R18", "name='minptime' value='10'", "name='useinbandfec' value='yes'"),
    ("R18", EVENT, EVENT.replace("/>", "><parameter name='0-15' value='1'/></payload-type>")), ("R18", OPUS + EVENT, EVENT + OPUS),
    ("R19", "<rtcp-mux/>", ""), ("R20", "value='abc'", "value='abc '"),
    ("R21", " generation='0'", ""), ("R21", " network='0'", ""), ("R21", "protocol='udp'", "protocol='tcp'"), ("R21", "component='1'", "component='2'"),
    ("R21", "foundation='1'", f"foundation='{'1' * 33}'"), ("R21", "type='host'", "type='srflx'"), ("R22", f" pwd='{CREDS[1]}'", ""),
    ("R25", "ip='127.0.0.1'", "ip='fe80::1'"), ("R25", "ip='127.0.0.1'", "ip='a.local'"), ("R25", "priority='2130706430'", "priority='0'"))
LATE = (("R22", CANDIDATE, CANDIDATE + candidate(10)), ("R22", CREDS[0], NEW_CREDS[0]), ("R22", CANDIDATE, ""),
        ("R13", CANDIDATE, CANDIDATE + fingerprint(None)))


class Judge(Peer):
    def __init__(self):
        self.creds, self.ids = {}, set()

    def verdict(self, text, number=None):
        try:
            self.judge(ET.fromstring(f"<iq id='{number or uuid.uuid4()}' from='romeo@lab.test/x'>{text}</iq>"), ET.fromstring(text))
        except AssertionError as e:
            return str(e).split(":")[0]


def test_what_is_faultless_passes():
    judge = Judge()
    assert judge.verdict(GOOD) is None and judge.verdict(TRICKLE) is None
    assert judge.verdict(GOOD.replace("actpass", "active").replace("session-initiate", "session-accept")) is None


def test_each_fault_is_found_and_named():
    for rule, right, wrong in FAULTS:
        assert right in GOOD, right
        assert Judge().verdict(GOOD.replace(right, wrong, 1)) == rule, (rule, right, wrong)
    for rule, right, wrong in LATE:
        judge = Judge()
        assert judge.verdict(GOOD) is None and right in TRICKLE
        assert rule in (judge.verdict(TRICKLE.replace(right, wrong, 1)) or ""), (rule, right, wrong)


def test_an_id_is_used_once_and_is_no_counter():
    judge, number = Judge(), str(uuid.uuid4())
    assert judge.verdict(GOOD, number) is None and judge.verdict(TRICKLE, number) == "R27" and judge.verdict(TRICKLE, "jcall7") == "R27"


if __name__ == "__main__":
    run_tests(globals())
