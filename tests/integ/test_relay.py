#!/usr/bin/python3
"""STUN and TURN as the XMPP server names them (XEP-0215), a real coturn, and calls that tell no address but a relay's."""
import xml.etree.ElementTree as ET
import socket, threading
from elsewhere import *
from turn import Turn

OK, NO_PATH = 0, 20
ICE = "{urn:xmpp:jingle:transports:ice-udp:1}"


def relayed_lab(turn, *kinds, host="127.0.0.1", **kw):
    return Lab(modules=("external_services",), extra=turn.services(*kinds, host=host), **kw)


def candidates(lab, user):
    return [c for sender, s in lab.sent() if sender.startswith(user + "@") for c in s.iter(ICE + "candidate")]


def call(lab, his=(), hers=(), seconds=2):
    juliet = lab.answer("juliet", "--once", *hers)
    romeo = lab.dial("romeo", "juliet", "-i", "tone", "--for", str(seconds), *his)
    return romeo, juliet


def assert_relayed(lab, romeo, juliet, user="romeo"):
    """USER has told none but relays, and that is how the sound went."""
    assert (romeo.exit(), juliet.exit()) == (OK, OK), (romeo.lines, juliet.lines)
    assert romeo.seen("heard") and juliet.seen("heard")
    told = candidates(lab, user)
    assert told and {c.get("type") for c in told} == {"relay"}, [c.attrib for c in told]


def test_the_servers_are_asked_for_and_a_relay_is_among_the_addresses():
    for kind in ("turn", "turn-tcp"):
        with Turn() as turn, relayed_lab(turn, "stun", kind) as lab:
            romeo, juliet = call(lab)
            assert (romeo.exit(), juliet.exit()) == (OK, OK)
            for user in ("romeo", "juliet"):
                assert "relay" in {c.get("type") for c in candidates(lab, user)}, kind


def test_relay_only_tells_and_uses_nothing_else():
    for kind in ("turn", "turn-tcp"):
        with Turn() as turn, relayed_lab(turn, kind) as lab:
            romeo, juliet = call(lab, his=("--relay-only",))
            assert_relayed(lab, romeo, juliet)
            path = romeo.seen("path")[0]
            assert path["local"] == "relay" and path.get("relay_protocol") == ("tcp" if kind == "turn-tcp" else "udp"), path
            for c in candidates(lab, "romeo"):
                assert (c.get("rel-addr"), c.get("rel-port")) == ("0.0.0.0", "0"), c.attrib


def test_a_relay_is_told_when_its_address_is_not_needed_any_more():
    """It would keep it for ten minutes, and many relays give few to a user."""
    with Turn() as turn, relayed_lab(turn, "turn", "turn-tcp") as lab:
        assert [p.exit() for p in call(lab)] == [OK, OK]
        time.sleep(0.5)         # for the log
        given, back = (set(re.findall(r"session (\d+): .*" + what, turn.log())) for what in ("ALLOCATE processed, success", r"lifetime=0\b"))
        assert given and given <= back, (given, back)


def test_a_relay_by_tls_is_used_where_its_certificate_is_good():
    with Turn() as turn, relayed_lab(turn, "turns") as lab:
        juliet = lab.answer("juliet", "--once")
        romeo = lab.dial("romeo", "juliet", "--relay-only", "-i", "tone", "--for", "3", env=lab.env(SSL_CERT_FILE=turn.path("cert.pem")))
        assert_relayed(lab, romeo, juliet)
        assert romeo.seen("path")[0]["local"] == "relay" and romeo.seen("ended")[0]["relay_protocol"] == "tls"
        assert "TLS/TCP" in turn.log()


def test_a_relay_by_tls_is_trusted_by_the_account_s_ca_file():
    with Turn() as turn, relayed_lab(turn, "turns") as lab:
        turn.be_trusted_by(lab)
        romeo, juliet = call(lab, his=("--relay-only",))
        assert_relayed(lab, romeo, juliet)
        assert romeo.seen("ended")[0]["relay_protocol"] == "tls"


def test_a_relay_by_tls_without_a_good_certificate_learns_nothing():
    for host in ("127.0.0.1", "localhost"):
        with Turn() as turn, relayed_lab(turn, "turns", host=host) as lab:
            wrong = {} if host == "127.0.0.1" else {"SSL_CERT_FILE": lab.path("ca.pem")}
            juliet = lab.answer("juliet", "--once")
            romeo = lab.dial("romeo", "juliet", "--relay-only", "-v", env=lab.env(**wrong))
            assert romeo.exit() == NO_PATH
            assert any("cannot be used by TLS" in line for line in romeo.lines), romeo.lines
            assert "ALLOCATE" not in turn.log()


def test_the_callee_hides_by_the_configuration():
    with Turn() as turn, relayed_lab(turn, "turn") as lab:
        config = lab.config("juliet")
        with open(config, "a") as f:
            f.write("relay_only = true\n")
        juliet = lab.answer("juliet", "--once", config=config)
        romeo = lab.dial("romeo", "juliet", "-i", "tone", "--for", "2")
        assert_relayed(lab, romeo, juliet, "juliet")


def test_both_hide():
    with Turn() as turn, relayed_lab(turn, "turn") as lab:
        romeo, juliet = call(lab, his=("--relay-only",), hers=("--relay-only",))
        assert_relayed(lab, romeo, juliet)
        assert_relayed(lab, romeo, juliet, "juliet")


def test_a_stranger_gets_a_relay_where_there_is_one():
    with Turn() as turn, relayed_lab(turn, "turn", friends=False) as lab:
        juliet = lab.jcall("juliet", "answer", "--auto", "--allow", "lab.test", "--once", "-i", "null", "-o", "null")
        juliet.wait("waiting")
        romeo = lab.dial("romeo", "juliet", "-i", "tone", "--for", "2")
        assert_relayed(lab, romeo, juliet, "juliet")
        assert "host" in {c.get("type") for c in candidates(lab, "romeo")}       # whom one calls is no stranger


def test_hiding_without_a_relay_is_no_call_and_says_so():
    with Lab() as lab:
        romeo, juliet = call(lab, his=("--relay-only",))
        assert romeo.exit() == NO_PATH
        assert "relay" in romeo.seen("ended")[0]["text"]
        assert not candidates(lab, "romeo")


def test_a_relay_that_refuses_us_is_no_call_when_hiding_and_no_harm_otherwise():
    with Turn(secret="another") as turn, relayed_lab(turn, "turn") as lab:
        romeo, juliet = call(lab)
        assert (romeo.exit(), juliet.exit()) == (OK, OK)
        romeo, juliet = call(lab, his=("--relay-only",))
        assert romeo.exit() == NO_PATH
        assert "relay" in romeo.seen("ended")[0]["text"], romeo.seen("ended")


def test_a_time_that_is_up_before_there_was_any_sound_is_no_success():
    with Turn(alive=False) as turn, relayed_lab(turn, "turn") as lab:
        romeo, juliet = call(lab, his=("--relay-only",), seconds=1)
        assert romeo.exit() == NO_PATH and juliet.exit() != OK, (romeo.events[-2:], juliet.events[-2:])
        assert not romeo.seen("secured")


def test_a_relay_that_is_not_there_is_no_harm():
    with Turn(alive=False) as turn, relayed_lab(turn, "stun", "turn", "turn-tcp") as lab:
        romeo, juliet = call(lab)
        assert (romeo.exit(), juliet.exit()) == (OK, OK)


def test_what_the_configuration_names_goes_first():
    with Turn() as turn, Turn(alive=False) as nobody, relayed_lab(nobody, "turn") as lab:
        config = lab.config("romeo")
        with open(config, "a") as f:
            f.write(f"turn = turn:127.0.0.1:{turn.port}\nturn_user = 2000000000:romeo\nturn_password = {password('2000000000:romeo')}\n")
        juliet = lab.answer("juliet", "--once")
        romeo = lab.dial("romeo", "juliet", "--relay-only", "-i", "tone", "--for", "2", config=config)
        assert_relayed(lab, romeo, juliet)


class Capture:
    """All that comes over d0 from the other namespace: {(protocol, destination, port)}."""

    def __enter__(self):
        self.seen, self.sock = set(), socket.socket(socket.AF_PACKET, socket.SOCK_DGRAM, socket.htons(0x0003))
        self.sock.bind(("d0", 0))
        threading.Thread(target=self._loop, daemon=True).start()
        return self

    def __exit__(self, *_):
        self.sock.close()

    def _loop(self):
        while True:
            try:
                data, (_, protocol, kind, *_) = self.sock.recvfrom(65536)
            except OSError:
                return
            if kind == socket.PACKET_OUTGOING or protocol not in (0x0800, 0x86dd):
                continue
            if protocol == 0x0800:
                to, name, rest = socket.inet_ntoa(data[16:20]), data[9], data[(data[0] & 15) * 4:]
            else:
                to, name, rest = socket.inet_ntop(socket.AF_INET6, data[24:40]), data[6], data[40:]
            if name in (6, 17):
                self.seen.add((name, to, rest[2] << 8 | rest[3]))


def test_no_packet_goes_anywhere_but_to_the_relay_when_hiding():
    """What a peer could see of us on the wire, and what is in the stanzas."""
    in_namespace()
    for kind in ("turn", "turn-tcp"):
        with Elsewhere() as there, Turn(ip="10.8.0.1") as turn, \
                Lab(modules=("external_services",), extra='interfaces = { "*" }\n' + turn.services("stun", kind)) as lab, Capture() as wire:
            juliet = lab.answer("juliet", "--once", "-i", "tone", config=config(lab, "juliet"))
            romeo = dial_from(lab, there, "--relay-only", "-i", "tone", "--for", "3")
            assert_relayed(lab, romeo, juliet)
            assert all("10.8.0.2" not in ET.tostring(s).decode() for sender, s in lab.sent() if sender.startswith("romeo@"))
            stray = {s for s in wire.seen if s[1:] not in (("10.8.0.1", lab.port), ("10.8.0.1", turn.port))}
            assert not stray and (17 if kind == "turn" else 6, "10.8.0.1", turn.port) in wire.seen, wire.seen


def test_the_capture_sees_what_goes_directly():
    in_namespace()
    with Elsewhere() as there, Lab(extra='interfaces = { "*" }') as lab, Capture() as wire:
        juliet = lab.answer("juliet", "--once", "-i", "tone", config=config(lab, "juliet"))
        romeo = dial_from(lab, there, "-i", "tone", "--for", "2")
        assert (romeo.exit(), juliet.exit()) == (OK, OK)
        assert {s for s in wire.seen if s[0] == 17}, wire.seen


def password(user):
    import base64, hashlib, hmac
    return base64.b64encode(hmac.new(b"turn-secret", user.encode(), hashlib.sha1).digest()).decode()


if __name__ == "__main__":
    run_tests(globals())
