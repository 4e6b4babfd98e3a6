"""client_aiortc.py - slixmpp (XMPP) and aiortc (WebRTC in Python) with a small Jingle<->SDP mapping. Contract: README
beside this.

It calls by XEP-0353, and takes calls by that and by a bare session-initiate. It sends its candidates in the description
and takes trickled ones."""
import asyncio, fractions, logging, threading, time, uuid, wave
import xml.etree.ElementTree as ET
from lab import DOMAIN, PATIENCE

NAME = "aiortc"
LOUD = 500
RATE, FRAME = 48000, 960
JINGLE, JMI, RTP = "urn:xmpp:jingle:1", "urn:xmpp:jingle-message:0", "urn:xmpp:jingle:apps:rtp:1"
ICE, DTLS, ERRORS = "urn:xmpp:jingle:transports:ice-udp:1", "urn:xmpp:jingle:apps:dtls:0", "urn:xmpp:jingle:errors:1"
FEATURES = (JINGLE, JMI, RTP, "urn:xmpp:jingle:apps:rtp:audio", ICE, DTLS)
ENDS = {"reject": "declined", "retract": "missed", "finish": "talked"}
REASONS = {"success": "talked", "decline": "declined", "cancel": "missed"}
STORE = "<store xmlns='urn:xmpp:hints'/>"


def missing():
    for name in ("slixmpp", "aiortc", "av"):
        try:
            __import__(name)
        except ImportError:
            return f"the Python module {name} is not installed: run tests/deps --interop"
    return None


# ---- Jingle <-> SDP, one audio content ----

FIELDS = ("foundation", "component", "protocol", "priority", "ip", "port")


def candidate_line(c):
    line = " ".join(c.get(k, "") for k in FIELDS) + f" typ {c.get('type')}"
    return line + (f" raddr {c.get('rel-addr')} rport {c.get('rel-port')}" if c.get("rel-addr") else "")


def candidate_element(line):
    words = line.split()
    c = ET.Element(f"{{{ICE}}}candidate", dict(zip(FIELDS, words), type=words[7], generation="0", network="0",
                                               id=str(uuid.uuid4())))
    for key, value in zip(words[8::2], words[9::2]):
        if key in ("raddr", "rport"):
            c.set({"raddr": "rel-addr", "rport": "rel-port"}[key], value)
    return c


def sdp_of(content):
    """The SDP of a <content/>."""
    description, transport = content.find(f"{{{RTP}}}description"), content.find(f"{{{ICE}}}transport")
    fingerprint = transport.find(f"{{{DTLS}}}fingerprint")
    types = description.findall(f"{{{RTP}}}payload-type")
    lines = ["v=0", "o=- 1 1 IN IP4 127.0.0.1", "s=-", "t=0 0", f"a=group:BUNDLE {content.get('name')}",
             "m=audio 9 UDP/TLS/RTP/SAVPF " + " ".join(t.get("id") for t in types), "c=IN IP4 0.0.0.0",
             f"a=mid:{content.get('name')}", "a=sendrecv",
             f"a=ice-ufrag:{transport.get('ufrag')}", f"a=ice-pwd:{transport.get('pwd')}",
             f"a=fingerprint:{fingerprint.get('hash')} {fingerprint.text.strip()}",
             f"a=setup:{fingerprint.get('setup')}"]
    if description.find(f"{{{RTP}}}rtcp-mux") is not None:
        lines.append("a=rtcp-mux")
    for t in types:
        channels = "" if t.get("channels", "1") == "1" else f"/{t.get('channels')}"
        lines.append(f"a=rtpmap:{t.get('id')} {t.get('name')}/{t.get('clockrate')}{channels}")
        parameters = [f"{p.get('name')}={p.get('value')}" for p in t.findall(f"{{{RTP}}}parameter")]
        if parameters:
            lines.append(f"a=fmtp:{t.get('id')} " + ";".join(parameters))
    candidates = transport.findall(f"{{{ICE}}}candidate")
    lines += ["a=candidate:" + candidate_line(c) for c in candidates if c.get("protocol") == "udp"]
    return "\r\n".join(lines) + "\r\n"


def content_of(sdp, creator, name):
    """The <content/> of an SDP."""
    content = ET.Element(f"{{{JINGLE}}}content", creator=creator, name=name, senders="both")
    description = ET.SubElement(content, f"{{{RTP}}}description", media="audio")
    transport = ET.SubElement(content, f"{{{ICE}}}transport")
    fingerprint, types = None, {}
    for line in sdp.splitlines():
        key, _, value = line[2:].partition(":") if line.startswith("a=") else ("", "", "")
        if key == "rtpmap":
            number, codec = value.split(" ", 1)
            codec, clock, channels = (codec.split("/") + ["1"])[:3]
            types[number] = ET.SubElement(description, f"{{{RTP}}}payload-type", id=number, name=codec, clockrate=clock,
                                          channels=channels)
        elif key == "fmtp":
            number, parameters = value.split(" ", 1)
            for p in parameters.split(";"):
                key, _, value = p.strip().partition("=")
                ET.SubElement(types[number], f"{{{RTP}}}parameter", name=key, value=value)
        elif key in ("ice-ufrag", "ice-pwd"):
            transport.set(key[4:], value)
        elif key == "fingerprint" and value.startswith("sha-256 "):
            fingerprint = ET.SubElement(transport, f"{{{DTLS}}}fingerprint", hash="sha-256")
            fingerprint.text = value.split()[1]
        elif key == "setup" and fingerprint is not None:
            fingerprint.set("setup", value)
        elif key == "candidate":
            transport.append(candidate_element(value))
    ET.SubElement(description, f"{{{RTP}}}rtcp-mux")
    return content


# ---- sound ----

def make_say(path):
    from aiortc import MediaStreamTrack
    from av import AudioFrame
    import numpy as np
    with wave.open(path) as w:
        pcm = np.frombuffer(w.readframes(w.getnframes()), "<i2")

    class Say(MediaStreamTrack):
        """The WAV in a loop, from the moment somebody takes it."""
        kind = "audio"

        def __init__(self):
            super().__init__()
            self.at, self.began = 0, None

        async def recv(self):
            now = time.monotonic()
            self.began = self.began or now
            await asyncio.sleep(max(0, self.began + self.at / RATE - now))
            frame = AudioFrame(format="s16", layout="mono", samples=FRAME)
            frame.planes[0].update(np.take(pcm, range(self.at, self.at + FRAME), mode="wrap").astype("<i2").tobytes())
            frame.pts, frame.sample_rate, frame.time_base = self.at, RATE, fractions.Fraction(1, RATE)
            self.at += FRAME
            return frame
    return Say()


class Call:
    def __init__(self, peer, sid, who, caller):
        self.peer, self.sid, self.who, self.caller = peer, sid, who, caller
        self.state, self.offer, self.early, self.pcm, self.first = "ringing", None, [], bytearray(), None
        self.by_message, self.accepted, self.pc, self.described, self.ear = False, False, None, False, None
        self.end = None

    def connection(self):
        from aiortc import RTCConfiguration, RTCPeerConnection
        self.pc = RTCPeerConnection(RTCConfiguration(iceServers=[]))
        self.pc.addTrack(make_say(self.peer.say))
        self.pc.on("track", self._on_track)
        return self.pc

    def _on_track(self, track):
        self.ear = self.peer._go(self._hear(track))

    async def _hear(self, track):
        from aiortc.mediastreams import MediaStreamError
        import numpy as np
        try:
            while True:
                frame = await track.recv()
                x = frame.to_ndarray().reshape(-1, len(frame.layout.channels))[:, 0]
                if self.first is None and np.abs(x.astype(int)).max() > LOUD:
                    self.first = time.time()
                self.pcm += x.astype("<i2").tobytes()
        except MediaStreamError:
            pass            # the call is over

    async def describe(self, kind, content):
        from aiortc import RTCSessionDescription
        await self.pc.setRemoteDescription(RTCSessionDescription(sdp_of(content), kind))
        self.described, early, self.early = True, self.early, []
        for c in early:
            await self.candidate(c)

    async def candidate(self, element):
        from aiortc.sdp import candidate_from_sdp
        if not self.described:
            self.early.append(element)
        elif element.get("protocol") == "udp":
            c = candidate_from_sdp(candidate_line(element))
            c.sdpMid = self.name
            await self.pc.addIceCandidate(c)

    async def close(self, end):
        """The END that comes first is shown."""
        self.end = self.end or end
        if self.state == "ended":
            return
        self.state = "closing"
        if self.pc:
            await self.pc.close()
        if self.ear:
            self.ear.cancel()
        with wave.open(self.peer.hear, "wb") as w:
            w.setnchannels(1)
            w.setsampwidth(2)
            w.setframerate(RATE)
            w.writeframes(bytes(self.pcm))
        self.state = "ended"


# ---- the client; everything with an underscore runs in its own thread ----

class Peer:
    def __init__(self, lab, user, say, hear):
        self.lab, self.user, self.say, self.hear = lab, user, say, hear
        self.call, self.jid, self.failure, self.loop = None, None, None, asyncio.new_event_loop()
        self.online = threading.Event()
        self.thread = threading.Thread(target=self._run, daemon=True)
        self.thread.start()
        if not self.online.wait(PATIENCE) or not self.jid:
            self.stop()
            raise AssertionError(f"aiortc's client does not log in: {self.failure}")

    # -- what the matrix calls

    def dial(self, jid):
        self._do(self._dial(jid))

    def wait_incoming(self, limit=PATIENCE):
        self._wait("rings", lambda: self.call and self.call.state == "ringing" and not self.call.caller, limit)

    def accept(self):
        self._do(self._accept())

    def decline(self):
        self._do(self._decline())

    def hangup(self):
        self._do(self._hangup())

    def wait_state(self, state, limit=PATIENCE):
        self._wait(state, lambda: self.call is None or self.call.state == state, limit)

    def shown(self):
        return self.call.end

    def tell(self):
        c = self.call
        if not c:
            return "no call"
        return f"{c.state}, ICE {c.pc and c.pc.iceConnectionState}, {len(c.pcm) / 2 / RATE:.1f} s heard"

    def first_heard(self):
        return self.call and self.call.first

    def stop(self):
        if self.loop.is_running():
            self._do(self._leave())
            self.loop.call_soon_threadsafe(self.loop.stop)
        self.thread.join(10)

    def _do(self, work):
        return asyncio.run_coroutine_threadsafe(work, self.loop).result(PATIENCE)

    def _wait(self, what, done, limit):
        end = time.monotonic() + limit
        while not done():
            if self.failure or time.monotonic() > end:
                raise AssertionError(f"aiortc does not come to '{what}': {self.failure or self.tell()}")
            time.sleep(0.01)

    # -- login

    def _run(self):
        import aioice.ice
        import slixmpp
        from slixmpp.xmlstream.handler import Callback
        from slixmpp.xmlstream.matcher import MatchXPath
        asyncio.set_event_loop(self.loop)
        logging.getLogger("slixmpp").setLevel(logging.ERROR)
        aioice.ice.get_host_addresses = lambda use_ipv4, use_ipv6: ["127.0.0.1"]
        self.x = slixmpp.ClientXMPP(f"{self.user}@{DOMAIN}/{uuid.uuid4().hex[:8]}", f"{self.user}-secret")
        self.x.ca_certs = self.lab.path("ca.pem")
        for plugin in ("xep_0030", "xep_0115"):
            self.x.register_plugin(plugin)
        for feature in FEATURES:
            self.x["xep_0030"].add_feature(feature)
        path = MatchXPath(f"{{jabber:client}}iq/{{{JINGLE}}}jingle")
        self.x.register_handler(Callback("jingle", path, self._on_jingle))
        for name in ("propose", "ringing", "proceed", "reject", "retract", "finish", "accept"):
            path = MatchXPath(f"{{jabber:client}}message/{{{JMI}}}{name}")
            self.x.register_handler(Callback("jmi " + name, path, self._on_jmi))
        self.x.add_event_handler("session_start", self._on_start)
        self.x.add_event_handler("failed_auth", self._on_failure)
        self.x.connect(("127.0.0.1", self.lab.port))
        self.loop.run_forever()
        left = asyncio.all_tasks(self.loop)         # slixmpp's own, which it never ends
        for task in left:
            task.cancel()
        self.loop.run_until_complete(asyncio.gather(*left, return_exceptions=True))
        self.loop.close()

    async def _on_start(self, _):
        await self.x["xep_0115"].update_caps()
        self.x.send_presence()
        await self.x.get_roster()
        self.jid = self.x.boundjid.full
        self.online.set()

    def _on_failure(self, e):
        self.failure = str(e)
        self.online.set()

    async def _leave(self):
        if self.call:
            await self.call.close(None)
        await self.x.disconnect(wait=1)

    def _go(self, work):
        """Lets WORK run on; what goes wrong in it is told to whoever waits."""
        def done(task):
            if not task.cancelled() and task.exception():
                self.failure = repr(task.exception())
        task = asyncio.ensure_future(work, loop=self.loop)
        task.add_done_callback(done)
        return task

    # -- XEP-0353

    def _message(self, to, name, sid, inside=""):
        self.x.send_raw(f"<message to='{to}' type='chat' id='jm-{name}-{sid}'>"
                        f"<{name} xmlns='{JMI}' id='{sid}'>{inside}</{name}>{STORE}</message>")

    def _on_jmi(self, message):
        e = next(c for c in message.xml if c.tag.startswith(f"{{{JMI}}}"))
        name, sid, who = e.tag.split("}")[1], e.get("id"), message["from"]
        if who.bare == self.x.boundjid.bare:
            return
        if name == "propose":
            self._ring(Call(self, sid, who.full, False), True)
        elif not self.call or self.call.sid != sid or self.call.state == "ended":
            return
        elif name == "proceed" and self.call.caller:
            self.call.who = who.full
            self._go(self._offer(self.call))
        elif name in ENDS:
            self._go(self.call.close(ENDS[name]))

    def _ring(self, call, by_message):
        if self.call and self.call.state != "ended":
            return self._message(call.who, "reject", call.sid, f"<reason xmlns='{JINGLE}'><busy/></reason>")
        call.by_message = by_message
        self.call = call
        if by_message:
            self._message(call.who, "ringing", call.sid)

    # -- what a person does

    async def _dial(self, jid):
        self.call = Call(self, str(uuid.uuid4()), jid, True)
        self.call.by_message = True
        self._message(jid.split("/")[0], "propose", self.call.sid, f"<description xmlns='{RTP}' media='audio'/>")

    async def _accept(self):
        self.call.accepted = True
        if self.call.by_message:
            self._message(self.x.boundjid.bare, "accept", self.call.sid)
            self._message(self.call.who, "proceed", self.call.sid)
        else:
            self._go(self._answer(self.call))

    async def _decline(self):
        if self.call.by_message:
            self._message(self.call.who, "reject", self.call.sid)
            self._message(self.x.boundjid.bare, "reject", self.call.sid)
        else:
            self._terminate(self.call, "decline")
        await self.call.close("declined")

    async def _hangup(self):
        call, talked = self.call, self.call.state == "connected"
        if call.caller and call.state == "ringing" and not call.pc:
            self._message(call.who.split("/")[0], "retract", call.sid)
        else:
            self._terminate(call, "success" if talked else "cancel")
            if call.by_message:
                self._message(call.who, "finish", call.sid, f"<reason xmlns='{JINGLE}'><success/></reason>")
        await call.close("talked" if talked else "missed")

    # -- XEP-0166

    def _iq(self, call, action, inside=None, **attributes):
        """Sends a request; the caller may wait for its answer."""
        iq = self.x.make_iq_set(ito=call.who)
        jingle = ET.Element(f"{{{JINGLE}}}jingle", action=action, sid=call.sid, **attributes)
        if inside is not None:
            jingle.append(inside)
        iq.append(jingle)
        return iq.send(timeout=PATIENCE)

    def _terminate(self, call, condition):
        reason = ET.Element(f"{{{JINGLE}}}reason")
        ET.SubElement(reason, f"{{{JINGLE}}}{condition}")

        async def send():
            from slixmpp.exceptions import IqError, IqTimeout
            try:
                await self._iq(call, "session-terminate", reason)
            except (IqError, IqTimeout):
                pass            # it has ended the session itself meanwhile
        self._go(send())

    async def _offer(self, call):
        pc = call.connection()
        await pc.setLocalDescription(await pc.createOffer())
        call.name = "0"
        content = content_of(pc.localDescription.sdp, "initiator", call.name)
        await self._iq(call, "session-initiate", content, initiator=self.jid)

    async def _answer(self, call):
        """It has been accepted and the offer is there."""
        call.name = call.offer.get("name")
        call.connection()
        await call.describe("offer", call.offer)
        await call.pc.setLocalDescription(await call.pc.createAnswer())
        content = content_of(call.pc.localDescription.sdp, "initiator", call.name)
        await self._iq(call, "session-accept", content, responder=self.jid)
        call.state = "connected"

    async def _accepted(self, call, content):
        await call.describe("answer", content)
        call.state = "connected"

    def _refuse(self, iq, condition, jingle_condition):
        self.x.send_raw(f"<iq type='error' id='{iq['id']}' to='{iq['from']}'><error type='cancel'>"
                        f"<{condition} xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/>"
                        f"<{jingle_condition} xmlns='{ERRORS}'/></error></iq>")

    def _on_jingle(self, iq):
        if iq["type"] != "set":
            return
        jingle = iq.xml.find(f"{{{JINGLE}}}jingle")
        action, sid, who = jingle.get("action"), jingle.get("sid"), iq["from"].full
        call, content = self.call, jingle.find(f"{{{JINGLE}}}content")
        known = call and call.sid == sid and call.state != "ended"
        if action != "session-initiate" and not (known and call.who == who):
            return self._refuse(iq, "item-not-found", "unknown-session")
        self.x.send_raw(f"<iq type='result' id='{iq['id']}' to='{who}'/>")
        if action == "session-initiate":
            if not known:
                call = Call(self, sid, who, False)
                self._ring(call, False)
            call.offer = content
            if call.accepted:
                self._go(self._answer(call))
        elif action == "session-accept":
            self._go(self._accepted(call, content))
        elif action == "transport-info":
            for c in content.findall(f"{{{ICE}}}transport/{{{ICE}}}candidate"):
                self._go(call.candidate(c))
        elif action == "session-terminate":
            reason = jingle.find(f"{{{JINGLE}}}reason")
            words = [r.tag.split("}")[1] for r in reason] if reason is not None else ["nothing"]
            self._go(call.close(REASONS.get(words[0], words[0])))
