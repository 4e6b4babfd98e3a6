"""scripted.py - an XMPP client that says only what a test tells it to, for the other side of a jcall under test.

It logs in to a Lab as one of its users, answers questions for its features by itself, and hands everything else to the test.
Nothing waits for a fixed time."""
import base64, contextlib, queue, socket, ssl, threading, uuid
import xml.etree.ElementTree as ET
from lab import DOMAIN, PATIENCE

INFO = "{http://jabber.org/protocol/disco#info}query"
FEATURES = ("urn:xmpp:jingle:1", "urn:xmpp:jingle:apps:rtp:1", "urn:xmpp:jingle:apps:rtp:audio", "urn:xmpp:jingle:apps:dtls:0",
            "urn:xmpp:jingle:transports:ice-udp:1", "http://jabber.org/protocol/disco#info")
DESCRIPTION = "<description xmlns='urn:xmpp:jingle:apps:rtp:1' media='audio'><payload-type id='111' name='opus' clockrate='48000' " \
              "channels='2'/><rtcp-mux/></description>"
FINGERPRINT = "<fingerprint xmlns='urn:xmpp:jingle:apps:dtls:0' hash='sha-256' setup='%s'>" + ":".join(["AB"] * 32) + "</fingerprint>"
TRANSPORT = "<transport xmlns='urn:xmpp:jingle:transports:ice-udp:1' ufrag='8hhy' pwd='asd88fgpdd777uzjYhagZg'>" + FINGERPRINT + "</transport>"
CONTENT = f"<content creator='initiator' name='audio'>{DESCRIPTION}{TRANSPORT}</content>"


def jingle(action, sid, inside="", attributes=""):
    return f"<jingle xmlns='urn:xmpp:jingle:1' action='{action}' sid='{sid}' {attributes}>{inside}</jingle>"


class Scripted:
    def __init__(self, lab, user, resource="script", features=FEATURES):
        self.features, self.jid, self.seen, self.sending, self.stream_id = features, None, queue.Queue(), threading.Lock(), None
        self.login(lab, user, resource)
        self.loop = threading.Thread(target=self._loop, daemon=True)
        self.loop.start()

    def login(self, lab, user, resource):
        raw = socket.create_connection(("127.0.0.1", lab.port))
        self.sock = raw
        self._open()
        self._expect("features")
        self.send("<starttls xmlns='urn:ietf:params:xml:ns:xmpp-tls'/>")
        self._expect("proceed")
        self.sock = ssl.create_default_context(cafile=lab.path("ca.pem")).wrap_socket(raw, server_hostname=DOMAIN)
        self._open()
        self._expect("features")
        secret = base64.b64encode(f"\0{user}\0{user}-secret".encode()).decode()
        self.send(f"<auth xmlns='urn:ietf:params:xml:ns:xmpp-sasl' mechanism='PLAIN'>{secret}</auth>")
        self._expect("success")
        self._open()
        self._expect("features")
        self.send(f"<iq type='set' id='bind'><bind xmlns='urn:ietf:params:xml:ns:xmpp-bind'><resource>{resource}</resource></bind></iq>")
        self.jid = self._expect("iq").find(".//{urn:ietf:params:xml:ns:xmpp-bind}jid").text
        self.send("<presence/>")

    def __enter__(self):
        return self

    def __exit__(self, *_):
        with contextlib.suppress(OSError):
            self.send("</stream:stream>")
            self.loop.join(1)           # a server that still sees us would take a second to end
            socket.socket.shutdown(self.sock, socket.SHUT_RDWR)
        self.sock.close()

    def take(self, stanza):
        """A stanza that is not answered here has come; called beside the test."""
        self.seen.put(stanza)

    def send(self, text):
        with self.sending:          # the test speaks, and the loop below
            self.sock.sendall(text.encode())

    def iq(self, to, inside, kind="set"):
        """Sends an iq; its id."""
        number = str(uuid.uuid4())
        self.send(f"<iq type='{kind}' id='{number}' to='{to}'>{inside}</iq>")
        return number

    def answer(self, stanza, inside="", kind="result"):
        self.send(f"<iq type='{kind}' id='{stanza.get('id')}' to='{stanza.get('from')}'>{inside}</iq>")

    def refuse(self, stanza, kind, condition, jingle_condition=None):
        more = f"<{jingle_condition} xmlns='urn:xmpp:jingle:errors:1'/>" if jingle_condition else ""
        self.answer(stanza, f"<error type='{kind}'><{condition} xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/>{more}</error>", "error")

    def wait(self, fits, limit=PATIENCE):
        """The next stanza for which FITS is true; earlier ones are passed over."""
        while True:
            stanza = self.seen.get(timeout=limit)
            if fits(stanza):
                return stanza

    def wait_action(self, action, limit=PATIENCE):
        """The next <jingle/> of that action: (iq, jingle)."""
        iq = self.wait(lambda s: any(j.get("action") == action for j in s.findall("{urn:xmpp:jingle:1}jingle")), limit)
        return iq, iq.find("{urn:xmpp:jingle:1}jingle")

    def wait_answer(self, number, limit=PATIENCE):
        """How the iq of that id was answered: the names of its conditions, [] for a result."""
        iq = self.wait(lambda s: s.tag.endswith("iq") and s.get("id") == number and s.get("type") in ("result", "error"), limit)
        return [c.tag.split("}")[1] for e in iq if e.tag.endswith("error") for c in e]

    def _open(self, ns="jabber:client", to=DOMAIN):
        self.parser = ET.XMLPullParser(("start", "end"))
        self.depth, self.stream_id = 0, None
        self.send(f"<stream:stream xmlns='{ns}' xmlns:stream='http://etherx.jabber.org/streams' to='{to}' version='1.0'>")

    def _feed(self):
        data = self.sock.recv(65536)
        if not data:
            raise OSError("the server closed the stream")
        self.parser.feed(data)

    def _read_header(self):
        while not self.stream_id:
            self._feed()
            for _, e in self.parser.read_events():
                self.stream_id, self.depth = e.get("id"), 1

    def _next(self):
        while True:
            for kind, e in self.parser.read_events():
                self.depth += 1 if kind == "start" else -1
                if kind == "end" and self.depth == 1:
                    return e
            self._feed()

    def _expect(self, name):
        e = self._next()
        assert e.tag.split("}")[-1] == name, ET.tostring(e)
        return e

    def _loop(self):
        try:
            while True:
                e = self._next()
                if e.tag.endswith("iq") and e.get("type") == "get" and e.find(INFO) is not None:
                    node = e.find(INFO).get("node")
                    more = f" node='{node}'" if node else ""
                    self.answer(e, f"<query xmlns='{INFO[1:-6]}'{more}><identity category='client' type='pc'/>"
                                + "".join(f"<feature var='{f}'/>" for f in self.features) + "</query>")
                else:
                    self.take(e)
        except OSError:
            pass
