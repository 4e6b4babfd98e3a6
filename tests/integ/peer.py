"""peer.py - scripted clients of other makes, for tests/peers: they speak as those do, and judge what jcall says by the strictest
reading that the sources of those clients have (the rules R1 to R31 of tests/peers/README).

A Peer acknowledges requests as its make does, beside the test; what breaks a rule fails the test when it is left."""
import hashlib, queue, re, socket, time, uuid
from lab import *
from scripted import *

JINGLE, JMI, RTP, ICE = "{urn:xmpp:jingle:1}", "{urn:xmpp:jingle-message:0}", "{urn:xmpp:jingle:apps:rtp:1}", "{urn:xmpp:jingle:transports:ice-udp:1}"
DTLS, INFO_RTP, HINTS = "{urn:xmpp:jingle:apps:dtls:0}", "{urn:xmpp:jingle:apps:rtp:info:1}", "{urn:xmpp:hints}"
RTP_INFO = "urn:xmpp:jingle:apps:rtp:info:1"
UUID4 = r"[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}"
WITH_JMI = FEATURES + ("urn:xmpp:jingle-message:0",)
CREDS, NEW_CREDS = ("8hhy", "asd88fgpdd777uzjYhagZg"), ("4B5T", "po9Cm9x0QKpkV0EDKjWEy25f")


# ---- what they say ----

def candidate(port=9, component=1, ip="127.0.0.1", **more):
    """A <candidate/> with every attribute; None leaves one out."""
    row = dict(component=component, foundation="1", generation="0", id=f"c{component}{port}", ip=ip, network="0", port=port,
               priority=2130706431 - component, protocol="udp", type="host")
    row.update({k.replace("_", "-"): v for k, v in more.items()})
    return "<candidate " + " ".join(f"{k}='{v}'" for k, v in row.items() if v is not None) + "/>"


def fingerprint(setup, byte="AB"):
    role = f" setup='{setup}'" if setup else ""
    return f"<fingerprint xmlns='{DTLS[1:-1]}' hash='sha-256'{role}>" + ":".join([byte] * 32) + "</fingerprint>"


def transport(inside="", ufrag=CREDS[0], pwd=CREDS[1]):
    creds = (f" ufrag='{ufrag}'" if ufrag else "") + (f" pwd='{pwd}'" if pwd else "")
    return f"<transport xmlns='{ICE[1:-1]}'{creds}>{inside}</transport>"


def content(inside, name="audio", more="senders='both'"):
    return f"<content creator='initiator' name='{name}' {more}>{inside}</content>"


def description(payloads, more="<rtcp-mux/>"):
    return f"<description xmlns='{RTP[1:-1]}' media='audio'>{payloads}{more}</description>"


def webrtc(ssrc="3849620445"):
    """The description of libwebrtc, as recorded from Chromium; Conversations, Monal and Movim say the same."""
    rows = (("opus", 111, 48000, 2), ("red", 63, 48000, 2), ("G722", 9, 8000, 1), ("PCMU", 0, 8000, 1), ("PCMA", 8, 8000, 1),
            ("CN", 13, 8000, 1), ("telephone-event", 110, 48000, 1), ("telephone-event", 126, 8000, 1))
    inside = {"opus": "<parameter name='minptime' value='10'/><parameter name='useinbandfec' value='1'/>"
              "<rtcp-fb xmlns='urn:xmpp:jingle:apps:rtp:rtcp-fb:0' type='transport-cc'/>", "red": "<parameter name='111/111'/>"}
    return description("".join(f"<payload-type id='{pt}' name='{n}' clockrate='{hz}' channels='{ch}'>{inside.get(n, '')}</payload-type>"
                               for n, pt, hz, ch in rows),
                       "<rtcp-mux/><rtcp-reduced-size/>"
                       "<rtp-hdrext xmlns='urn:xmpp:jingle:apps:rtp:rtp-hdrext:0' id='1' uri='urn:ietf:params:rtp-hdrext:ssrc-audio-level'/>"
                       f"<source xmlns='urn:xmpp:jingle:apps:rtp:ssma:0' ssrc='{ssrc}'><parameter name='cname' value='4OyFAD9N0YB8C17w'/>"
                       "<parameter name='msid' value='a43f6475-ab81 6454c381-c205'/></source>")


def bundle(name):
    return f"<group xmlns='urn:xmpp:jingle:apps:grouping:0' semantics='BUNDLE'><content name='{name}'/></group>"


# ---- what they insist on ----

def insist(truth, rule, what):
    if not truth:
        raise AssertionError(f"{rule}: {what}")


def fingerprints_are_legible(j):
    """Monal unwraps each part without asking; Conversations refuses other roles."""
    roles = {"session-initiate": ("actpass",), "session-accept": ("active", "passive")}
    for f in j.iter(DTLS + "fingerprint"):
        insist(re.fullmatch("[0-9A-F]{2}(:[0-9A-F]{2}){31}", f.text or ""), "R13", f"a fingerprint of {f.text}")
        insist(f.get("hash") == "sha-256" and f.get("setup") in roles.get(j.get("action"), ()), "R13", f"{f.attrib} in {j.get('action')}")
    if j.get("action") in roles:
        insist(len(list(j.iter(DTLS + "fingerprint"))) == 1, "R13", "not one fingerprint")
    insist(not list(j.iter(RTP + "encryption")) and not list(j.iter(RTP + "crypto")), "R14", "SDES beside DTLS")


def contents_fit_a_mid(j):
    for c in j.findall(JINGLE + "content"):
        insist(re.fullmatch(r"\S{1,16}", c.get("name") or ""), "R17", f"a name of {c.get('name')}")
        insist(c.get("creator") == "initiator" and c.get("senders") != "none", "R17", f"{c.attrib}")


def payloads_are_whole(j):
    """libpurple and Conversations fail on a missing attribute, Monal on a parameter without a name, a value, or of odd truth."""
    for d in j.iter(RTP + "description"):
        rows = d.findall(RTP + "payload-type")
        for p in rows:
            insist(p.get("id", "").isdigit() and p.get("name") and p.get("clockrate", "").isdigit(), "R18", f"{p.attrib}")
            insist(p.get("name") != "opus" or p.get("channels") == "2", "R18", f"{p.attrib}")
            insist(p.get("name") != "telephone-event" or not len(p), "R18", "parameters of telephone-event")
        for p in d.iter():
            if p.tag.endswith("}parameter"):
                insist(p.get("name") and p.get("value"), "R18", f"a parameter of {p.attrib}")
                insist(p.get("name") not in ("useinbandfec", "usedtx", "cbr", "stereo", "sprop-stereo")
                       or p.get("value") in ("0", "1", "true", "false"), "R18", f"a parameter of {p.attrib}")
                insist(p.get("value") == p.get("value").strip(), "R20", f"blanks around {p.attrib}")
        if j.get("action") in ("session-initiate", "session-accept"):
            names = [p.get("name") for p in rows]
            insist(names[0] == "opus" and names == sorted(names, key=lambda n: n == "telephone-event"), "R18", f"the order {names}")
            insist(d.find(RTP + "rtcp-mux") is not None, "R19", "no rtcp-mux")


def candidates_are_whole(j):
    """chan_motif hangs up on a missing attribute, libpurple crashes; Dino takes TCP for UDP."""
    all_of = {"component", "foundation", "generation", "id", "ip", "network", "port", "priority", "protocol", "type"}
    for t in j.iter(ICE + "transport"):
        if list(t.iter(ICE + "candidate")):
            insist(t.get("ufrag") and t.get("pwd"), "R22", f"candidates with {t.attrib}")
    for c in j.iter(ICE + "candidate"):
        insist(all_of <= set(c.attrib) and all(c.attrib.values()), "R21", f"{c.attrib}")
        insist(re.fullmatch(r"\S{1,32}", c.get("foundation")) and c.get("protocol") == "udp" and c.get("component") == "1", "R21", f"{c.attrib}")
        insist(c.get("type") == "host" or {"rel-addr", "rel-port"} <= set(c.attrib), "R21", f"{c.attrib}")
        insist(not c.get("ip").startswith("fe80") and not c.get("ip").endswith(".local") and int(c.get("priority")) > 0, "R25", f"{c.attrib}")
    if j.get("action") == "transport-info":
        insist(len(list(j.iter(ICE + "candidate"))) <= 1, "R22", "several candidates in one transport-info")


EVERYTHING = (fingerprints_are_legible, contents_fit_a_mid, payloads_are_whole, candidates_are_whole)


# ---- the clients ----

class Peer(Scripted):
    resource, make, rules = "peer", WITH_JMI, EVERYTHING

    def __init__(self, lab, user):
        self.faults, self.creds, self.ids, self.kept = [], {}, set(), []
        super().__init__(lab, user, self.resource, self.make)
        self.bare = self.jid.split("/")[0]

    def __exit__(self, kind, error, trace):
        super().__exit__()
        assert error or not self.faults, self.faults

    def acknowledge(self, iq, j):
        self.answer(iq)

    def judge(self, iq, j):
        for rule in self.rules:
            rule(j)
        insist(re.fullmatch(UUID4, iq.get("id")) and iq.get("id") not in self.ids, "R27", f"the id {iq.get('id')}")
        self.ids.add(iq.get("id"))
        for t in j.iter(ICE + "transport"):
            if j.get("action") != "transport-info":
                self.creds[j.get("sid")] = (t.get("ufrag"), t.get("pwd"))
            else:                   # the same credentials, for new ones would be a restart
                now = (t.get("ufrag"), t.get("pwd"))
                insist(now == self.creds.setdefault(j.get("sid"), now) and list(t), "R22, R23", f"{t.attrib}")

    def restart_ice(self, to, sid, name, way=None):
        """By new credentials and no candidates; the transport of the first transport-info that answers them (rule R23)."""
        before = self.creds.pop(sid)
        number = self.iq(to, jingle("transport-info", sid, content(way or transport("", *NEW_CREDS), name)))
        order = [self.wait(lambda s: s.get("id") == number or is_transport_info_of(s, lambda t: t.get("ufrag") != before[0])) for _ in range(2)]
        assert order[0].get("id") == number and order[0].get("type") == "result", [ET.tostring(s) for s in order]
        answer = next(order[1].iter(ICE + "transport"))
        assert answer.get("pwd") != before[1] and answer.find(ICE + "candidate") is not None, ET.tostring(order[1])
        return answer

    def take(self, stanza):
        j = stanza.find(JINGLE + "jingle")
        if stanza.get("type") == "set" and j is not None:
            try:
                self.judge(stanza, j)
            except AssertionError as e:
                self.faults.append(str(e))
            self.acknowledge(stanza, j)
        super().take(stanza)

    def wait(self, fits, limit=PATIENCE):
        """The first stanza that FITS and was not waited for yet; the others are kept, in their order."""
        end = time.monotonic() + limit
        while True:
            for stanza in self.kept:
                if fits(stanza):
                    self.kept.remove(stanza)
                    return stanza
            try:
                self.kept.append(self.seen.get(timeout=max(0.01, end - time.monotonic())))
            except queue.Empty:
                raise AssertionError(f"{self.jid} waits in vain; kept: {[ET.tostring(s) for s in self.kept]}, faults: {self.faults}")

    def say(self, kind, to, sid, inside="", type="chat", hint="<store xmlns='urn:xmpp:hints'/>"):
        to = f" to='{to}'" if to else ""
        self.send(f"<message type='{type}'{to} id='{uuid.uuid4()}'><{kind} xmlns='{JMI[1:-1]}' id='{sid}'>{inside}</{kind}>{hint}</message>")

    def propose(self, to, media="<description xmlns='urn:xmpp:jingle:apps:rtp:1' media='audio'/>", **more):
        """Proposes a call to the bare JID of TO, who is there; its id."""
        self.wait_answer(self.iq(to, "<ping xmlns='urn:xmpp:ping'/>", "get"))       # it comes behind his presence
        sid = str(uuid.uuid4())
        self.say("propose", to.split("/")[0], sid, media, **more)
        return sid

    def wait_jmi(self, kind, to=None):
        """The next message of that kind which is sent to TO: (message, its element)."""
        message = self.wait(lambda s: s.find(JMI + kind) is not None and to in (None, s.get("to")))
        return message, message.find(JMI + kind)

    def act(self, to, action, sid, inside="", attributes=""):
        """Sends a <jingle/>; the conditions it is answered with."""
        return self.wait_answer(self.iq(to, jingle(action, sid, inside, attributes)))

    def hang_up(self, to, sid, reason="success"):
        assert self.act(to, "session-terminate", sid, f"<reason><{reason}/></reason>") == []


def is_transport_info_of(stanza, fits):
    return any(j.get("action") == "transport-info" and fits(t) for j in stanza.findall(JINGLE + "jingle") for t in j.iter(ICE + "transport"))


class Component(Peer):
    """One that is no client: USER is a JID of the lab's component, and RESOURCE is what it speaks as. Others of the component are
    spoken to as well."""

    def login(self, lab, user, resource):
        self.jid = f"{user}@{lab.component}/{resource}"
        self.sock = socket.create_connection(("127.0.0.1", lab.component_port))
        self._open("jabber:component:accept", lab.component)
        self._read_header()
        super().send("<handshake>" + hashlib.sha1((self.stream_id + "secret").encode()).hexdigest() + "</handshake>")
        self._expect("handshake")

    def send(self, text):
        head = text.split(">")[0]
        mine = head.startswith(("<iq", "<message", "<presence")) and " from=" not in head
        super().send(re.sub(r"^<(\w+)", lambda m: f"{m[0]} from='{self.jid}'", text) if mine else text)

    def answer(self, stanza, inside="", kind="result"):
        self.send(f"<iq type='{kind}' id='{stanza.get('id')}' from='{stanza.get('to')}' to='{stanza.get('from')}'>{inside}</iq>")


def reason_of(element):
    return [e.tag.split("}")[1] for e in element.find(JINGLE + "reason")]


def dial(lab, peer, *args, callee=None, **kw):
    """A jcall of Romeo's calls PEER, who hears of it: (it, its full JID, the id of the call)."""
    romeo = lab.dial("romeo", callee or peer.bare, *args, **kw)
    return (romeo,) + proposed(peer)


def proposed(peer):
    """PEER hears a proposal (rules R4, R7, R9): (full JID of the caller, the id)."""
    message, proposal = peer.wait_jmi("propose", peer.bare)
    sid = proposal.get("id")
    assert re.fullmatch(UUID4, sid) and (message.get("id"), message.get("type")) == (f"jm-propose-{sid}", "chat")
    assert message.find(HINTS + "store") is not None
    assert [(d.tag, d.get("media")) for d in proposal] == [(RTP + "description", "audio")]
    return message.get("from"), sid


def offered(peer, romeo, sid):
    """The offer that follows a proceed of PEER's: it comes from the very client that proposed, with the same id (rule R9)."""
    iq, j = peer.wait_action("session-initiate")
    assert (iq.get("from"), iq.get("to"), j.get("sid")) == (romeo, peer.jid, sid), ET.tostring(iq)
    assert [d.get("media") for d in j.iter(RTP + "description")] == ["audio"]
    return j


def wait_until(true):
    end = time.monotonic() + PATIENCE
    while not true():
        assert time.monotonic() < end
        time.sleep(0.02)


CANCELLED, NO_PATH = 14, 20     # a call without a way for the sound, ended by our user and by the peer


def hangs_up(process, peer, reason="success", finish=True):
    """The user of PROCESS hangs up: PEER hears the end in both ways (rule R12)."""
    status = 0 if process.seen("path") else CANCELLED
    process.signal(2)
    _, j = peer.wait_action("session-terminate")
    assert reason_of(j) == [reason]
    if finish:
        _, f = peer.wait_jmi("finish", peer.jid)
        assert f.get("id") == j.get("sid") and len(reason_of(f)) == 1
    assert process.exit() == status, process.lines


def waits(lab, *args):
    """A jcall of Juliet's that takes calls: (it, its full JID)."""
    juliet = lab.answer("juliet", *args)
    return juliet, juliet.seen("waiting")[0]["jid"]


def taken(peer, juliet, sid):
    """JULIET, a full JID, takes the call that PEER has proposed: its siblings hear it, then the caller (rules R4, R5, R7)."""
    message, _ = peer.wait_jmi("proceed", peer.jid)
    assert (message.get("from"), message.get("id"), message.get("type")) == (juliet, f"jm-proceed-{sid}", "chat")
    assert message.find(HINTS + "store") is not None
    assert [e.tag for e in message.find(JMI + "proceed")] == [], "R16: a <device/> without OMEMO"


def accepted(peer, juliet, sid):
    iq, j = peer.wait_action("session-accept")
    assert (iq.get("from"), j.get("sid")) == (juliet, sid)
    return j


# ---- what becomes of clients that have no DTLS-SRTP: security-error, and words that say why; never plain RTP ----

SECURITY = 21


def refused_at_the_offer(make, inside):
    """MAKE, a class, calls by a bare session-initiate with INSIDE: it is refused and nothing rings."""
    with Lab() as lab, make(lab, "romeo") as peer:
        juliet, jid = waits(lab, "--once")
        assert peer.act(jid, "session-initiate", "a1b2", inside, f"initiator='{peer.jid}' responder='{jid}'") == []
        assert reason_of(peer.wait_action("session-terminate")[1])[0] == "security-error"
        assert juliet.exit() == SECURITY and not juliet.seen("incoming")
        assert "DTLS-SRTP" in juliet.seen("ended")[0]["text"], juliet.seen("ended")
        assert not [s for s in peer.kept if s.find(JINGLE + "jingle") is not None]


def refused_by_its_caps(make):
    """MAKE, a class, is called by its full JID: it hears nothing of it."""
    with Lab() as lab, make(lab, "juliet") as peer:
        romeo = lab.dial("romeo", peer.jid)
        assert romeo.exit() == SECURITY
        assert "DTLS-SRTP" in romeo.seen("ended")[0]["text"], romeo.seen("ended")
        assert not [s for s in peer.kept if s.find(JINGLE + "jingle") is not None]
