"""media.py - the media side of a scripted peer, for what only real packets can show: ICE by aioice and DTLS by aiortc, on
127.0.0.1, in a thread of its own. Its handshake never repeats itself, so what is dropped stays lost. It says silence in PCMU, and
counts what it hears."""
import asyncio, contextlib, struct, sys, threading, uuid
from lab import PATIENCE
from peer import DTLS, ICE, transport


class Media:
    def __init__(self, event_pt=101, calls=False):
        """EVENT_PT: of the touch tones we want; CALLS: we are the initiator, and the DTLS server."""
        try:
            import aioice.ice, aiortc.rtcdtlstransport
        except ImportError as e:
            print(f"skipped: the Python module {e.name} is not installed: run tests/deps --interop")
            sys.exit(77)
        aioice.ice.get_host_addresses = lambda use_ipv4, use_ipv6: ["127.0.0.1"]
        aiortc.rtcdtlstransport.DTLSv1_get_timeout = lambda ssl: None
        self.heard, self.digits, self.events, self.event_pt, self.calls = 0, "", set(), event_pt, calls
        self.talking, self.loop = None, asyncio.new_event_loop()
        self.thread = threading.Thread(target=self.loop.run_forever, daemon=True)
        self.thread.start()
        self.run(self._open())

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.run(self._close())
        self.loop.call_soon_threadsafe(self.loop.stop)
        self.thread.join(PATIENCE)

    def start(self, coroutine):
        return asyncio.run_coroutine_threadsafe(coroutine, self.loop)

    def run(self, coroutine):
        return self.start(coroutine).result(PATIENCE)

    async def _new_ice(self):
        from aiortc import RTCIceGatherer, RTCIceTransport
        gatherer = RTCIceGatherer(iceServers=[])
        await gatherer.gather()
        self.ice = RTCIceTransport(gatherer)
        self.ice._connection.ice_controlling = self.calls

    async def _open(self):
        from aiortc import RTCCertificate, RTCDtlsTransport
        await self._new_ice()
        self.dtls = RTCDtlsTransport(self.ice, [RTCCertificate.generateCertificate()])
        self.dtls._set_role("server" if self.calls else "client")
        self.dtls._handle_rtp_data = self._hear

    async def _hear(self, data, arrival_time_ms):
        payload = data[12 + 4 * (data[0] & 15):]
        if data[0] & 0x10:
            payload = payload[4 + 4 * struct.unpack(">H", payload[2:4])[0]:]
        when = data[4:8]
        if data[1] & 0x7f != self.event_pt:
            self.heard += 1
        elif when not in self.events:           # RFC 4733: each is told by many packets of one time
            self.events.add(when)
            self.digits += "0123456789*#ABCD"[payload[0]]

    async def _talk(self):
        for n in range(1 << 15):
            with contextlib.suppress(ConnectionError):      # while it moves
                await self.dtls._send_rtp(struct.pack(">BBHII", 0x80, 0, n, 160 * n, 7) + b"\xff" * 160)
            await asyncio.sleep(0.02)

    def restart(self):
        """ICE begins anew: other credentials, other ports; connect finds the way again. What is encrypted goes on."""
        self.run(self._new_ice())

    async def _move(self):
        from aiortc.rtcdtlstransport import State
        self.dtls._task.cancel()
        await asyncio.gather(self.dtls._task, return_exceptions=True)
        old, self.dtls._transport = self.dtls._transport, self.ice
        self.dtls._set_state(State.CONNECTED)
        self.dtls._task = asyncio.ensure_future(self.dtls._RTCDtlsTransport__run())
        await old.stop()

    def move(self):
        """From the old way, which closes, to the new one."""
        self.run(self._move())

    def talk(self):
        self.talking = self.start(self._talk())

    async def _close(self):
        if self.talking:
            self.talking.cancel()
        await self.dtls.stop()
        await self.ice.stop()

    def fingerprint(self, setup="active"):
        f = next(f for f in self.dtls.getLocalParameters().fingerprints if f.algorithm == "sha-256")
        return f"<fingerprint xmlns='{DTLS[1:-1]}' hash='sha-256' setup='{setup}'>{f.value.upper()}</fingerprint>"

    def transport(self, inside="", candidates=True):
        ours = self.ice.iceGatherer.getLocalParameters()
        rows = "".join(f"<candidate component='1' foundation='{c.foundation}' generation='0' id='{uuid.uuid4()}' ip='{c.ip}' network='0' "
                       f"port='{c.port}' priority='{c.priority}' protocol='udp' type='host'/>"
                       for c in self.ice.iceGatherer.getLocalCandidates() if candidates and c.protocol == "udp")
        return transport(inside + rows, ours.usernameFragment, ours.password)

    def connect(self, theirs):
        """Until ICE has found a way to THEIRS, their <transport/>."""
        from aiortc import RTCIceCandidate, RTCIceParameters

        async def connect():
            for c in theirs.iter(ICE + "candidate"):
                if c.get("ip") == "127.0.0.1":
                    await self.ice.addRemoteCandidate(RTCIceCandidate(
                        component=1, foundation=c.get("foundation"), ip=c.get("ip"), port=int(c.get("port")),
                        priority=int(c.get("priority")), protocol="udp", type=c.get("type")))
            await self.ice.addRemoteCandidate(None)
            await self.ice.start(RTCIceParameters(usernameFragment=theirs.get("ufrag"), password=theirs.get("pwd")))
        self.run(connect())
        assert self.ice.state == "completed", self.ice.state

    def shake_hands(self, theirs):
        """Begins the handshake; the future of its end."""
        from aiortc import RTCDtlsFingerprint, RTCDtlsParameters
        f = theirs.find(DTLS + "fingerprint")
        return self.start(self.dtls.start(RTCDtlsParameters(fingerprints=[RTCDtlsFingerprint(algorithm="sha-256", value=f.text)])))
