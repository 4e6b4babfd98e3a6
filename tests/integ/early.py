"""early.py - the media side of a scripted peer, for what only real packets can show: ICE by aioice and DTLS by aiortc, on
127.0.0.1, in a thread of its own. It is the DTLS client and never repeats itself, so what is dropped stays lost."""
import asyncio, sys, threading, uuid
from lab import PATIENCE
from peer import DTLS, ICE, transport


class Media:
    def __init__(self):
        try:
            import aioice.ice, aiortc.rtcdtlstransport
        except ImportError as e:
            print(f"skipped: {e.name} is not installed")
            sys.exit(77)
        aioice.ice.get_host_addresses = lambda use_ipv4, use_ipv6: ["127.0.0.1"]
        aiortc.rtcdtlstransport.DTLSv1_get_timeout = lambda ssl: None
        self.heard, self.loop = 0, asyncio.new_event_loop()
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

    async def _open(self):
        from aiortc import RTCCertificate, RTCDtlsTransport, RTCIceGatherer, RTCIceTransport
        gatherer = RTCIceGatherer(iceServers=[])
        await gatherer.gather()
        self.ice = RTCIceTransport(gatherer)
        self.ice._connection.ice_controlling = False
        self.dtls = RTCDtlsTransport(self.ice, [RTCCertificate.generateCertificate()])
        self.dtls._set_role("client")

        async def hear(data, arrival_time_ms):
            self.heard += 1
        self.dtls._handle_rtp_data = hear

    async def _close(self):
        await self.dtls.stop()
        await self.ice.stop()

    def fingerprint(self):
        f = next(f for f in self.dtls.getLocalParameters().fingerprints if f.algorithm == "sha-256")
        return f"<fingerprint xmlns='{DTLS[1:-1]}' hash='sha-256' setup='active'>{f.value.upper()}</fingerprint>"

    def transport(self, inside=""):
        ours = self.ice.iceGatherer.getLocalParameters()
        rows = "".join(f"<candidate component='1' foundation='{c.foundation}' generation='0' id='{uuid.uuid4()}' ip='{c.ip}' network='0' "
                       f"port='{c.port}' priority='{c.priority}' protocol='udp' type='host'/>"
                       for c in self.ice.iceGatherer.getLocalCandidates() if c.protocol == "udp")
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
        """Sends the ClientHello; the future of the handshake's end."""
        from aiortc import RTCDtlsFingerprint, RTCDtlsParameters
        f = theirs.find(DTLS + "fingerprint")
        return self.start(self.dtls.start(RTCDtlsParameters(fingerprints=[RTCDtlsFingerprint(algorithm="sha-256", value=f.text)])))
