#!/usr/bin/python3
"""jcall doctor against a real prosody and a real coturn: what is well, and each thing that can be wrong, told as itself."""
import hashlib, pty, signal, ssl, struct, threading, time
from lab import *
from test_login import Dns, in_namespace, no_server
from test_sound import Pulse
from scripted import FEATURES, Scripted
from turn import Turn

OK, CONFIG, LOGIN, SERVER, UNAVAILABLE, CANCELLED, NO_PATH, SECURITY, NO_COMMON, AUDIO = 0, 3, 4, 5, 13, 14, 20, 21, 22, 30
MODULES = ("mam", "external_services")
ORDER = ["configuration", "dns", "server", "certificate", "login", "stream-management", "carbons", "archive", "capabilities", "services",
         "stun", "nat", "turn", "microphone", "loudspeaker", "peer", "echo"]
SILENT_SOUND = {"in": "null", "out": "null"}


def well_lab(turn, *kinds, modules=MODULES, **kw):
    return Lab(modules=modules, extra=turn.services(*(kinds or ("stun", "turn", "turn-tcp"))), **kw)


def doctor(lab, *args, config=None, env=None, limit=PATIENCE, **kw):
    """(exit status, {name: [checks]}, the diagnosis): every event is one or the other, the diagnosis is last."""
    p = lab.jcall("romeo", "doctor", *args, config=config or lab.config("romeo", audio=SILENT_SOUND, **kw), env=env)
    status = p.exit(limit)
    assert [e["event"] for e in p.events] == ["check"] * (len(p.events) - 1) + ["diagnosis"], (p.events, p.lines)
    order = [ORDER.index(e["name"]) for e in p.events[:-1]]
    assert order == sorted(order), p.events
    checks = {}
    for e in p.events[:-1]:
        assert e["result"] in ("ok", "warning", "failed", "skipped") and e["text"] and e["ms"] >= 0, e
        assert ("fix" in e) <= (e["result"] in ("warning", "failed")), e
        checks.setdefault(e["name"], []).append(e)
    bad = [c for all in checks.values() for c in all if c["result"] == "failed"]
    diagnosis = p.events[-1]
    assert diagnosis["failed"] == len(bad) and (diagnosis["result"] == "failed") == bool(bad) == bool(status), p.events
    assert diagnosis["status"] == status
    return status, checks, diagnosis


def results(checks, *names):
    return [c["result"] for n in names for c in checks[n]]


def failed(checks):
    return [n for n, all in checks.items() for c in all if c["result"] == "failed"]


def test_all_is_well_and_said_so():
    with Turn() as turn, well_lab(turn) as lab:
        status, checks, diagnosis = doctor(lab)
        assert status == OK and diagnosis["result"] == "ok", checks
        assert results(checks, "configuration", "server", "certificate", "login", "stream-management", "carbons", "archive",
                       "capabilities", "services", "stun", "nat", "turn") == ["ok"] * 13, checks
        assert "romeo@" + DOMAIN in checks["login"][0]["text"]
        assert "1 STUN, 1 TURN by UDP, 1 TURN by TCP, with passwords until" in checks["services"][0]["text"]
        assert "no NAT" in checks["nat"][0]["text"]
        assert [c["text"].split(" gives ")[0] for c in checks["turn"]] == [f"127.0.0.1:{turn.port} by {how}" for how in ("UDP", "TCP")]
        assert results(checks, "microphone", "dns") == ["skipped", "skipped"]
        assert turn.log().count("ALLOCATE processed, success") == 2
        assert turn.log().count("REFRESH processed, success") >= 1      # given back


def test_for_people_it_is_a_line_each_and_a_verdict():
    with Turn() as turn, well_lab(turn) as lab:
        p = lab.jcall("romeo", "doctor", json_events=False, config=lab.config("romeo", audio=SILENT_SOUND))
        assert p.exit() == OK
        assert len([l for l in p.lines if l.startswith("ok ")]) == 13, p.lines
        assert p.lines[-1] == "All that calls need is there"
        assert not [l for l in p.lines if "\033" in l or "\u2713" in l]


def on_a_terminal(lab, **env):
    master, slave = pty.openpty()
    p = subprocess.Popen([JCALL, "doctor", "-c", lab.config("romeo", audio=SILENT_SOUND)], env=lab.env(**env), stdin=slave, stdout=slave,
                         stderr=slave)
    os.close(slave)
    said = b""
    with contextlib.suppress(OSError):
        while chunk := os.read(master, 4096):
            said += chunk
    os.close(master)
    assert p.wait(PATIENCE) == OK
    return said.decode()


def test_colours_only_where_they_are_wanted():
    with Turn() as turn, well_lab(turn) as lab:
        said = on_a_terminal(lab, TERM="xterm", NO_COLOR="")
        assert "\033[32m\u2713\033[0m" in said, said
        said = on_a_terminal(lab, TERM="xterm", NO_COLOR="1")
        assert "\u2713" in said and "\033" not in said, said
        said = on_a_terminal(lab, TERM="dumb")
        assert "ok " in said and "\033" not in said and "\u2713" not in said, said


def test_a_wrong_password_is_the_login():
    with Turn() as turn, well_lab(turn) as lab:
        status, checks, _ = doctor(lab, config=lab.config("romeo", password="wrong", audio=SILENT_SOUND))
        assert status == LOGIN and failed(checks) == ["login"], checks
        assert results(checks, "server", "certificate") == ["ok", "ok"]
        assert results(checks, "carbons", "archive", "services", "stun", "turn") == ["skipped"] * 5
        assert "password" in checks["login"][0]["fix"]


def test_an_untrusted_certificate_is_the_certificate():
    with Turn() as turn, well_lab(turn) as lab:
        path = lab.config("romeo", audio=SILENT_SOUND)
        text = "".join(line for line in open(path) if not line.startswith("ca_file"))
        open(path, "w").write(text)
        status, checks, _ = doctor(lab, config=path)
        assert status == SERVER and failed(checks) == ["certificate"], checks
        assert results(checks, "server", "login") == ["ok", "skipped"]
        assert "not to be trusted" in checks["certificate"][0]["text"] and "ca_file" in checks["certificate"][0]["fix"]


def test_a_certificate_that_ends_soon_is_a_warning():
    with Turn() as turn, well_lab(turn) as lab:
        lab.stop_server()
        lab._openssl("x509", "-req", "-in", "server.csr", "-CA", "ca.pem", "-CAkey", "ca.key", "-CAcreateserial", "-out", "server.pem",
                     "-days", "5", "-extfile", "ext")
        lab.start_server()
        status, checks, diagnosis = doctor(lab)
        assert status == OK and diagnosis["result"] == "warning", checks
        assert results(checks, "certificate", "login") == ["warning", "ok"]
        assert re.search("expires in [45] days", checks["certificate"][0]["text"]), checks["certificate"]


def test_a_server_that_is_down_is_the_server():
    with Turn() as turn, well_lab(turn) as lab:
        lab.stop_server()
        network = {"turn": f"turn:127.0.0.1:{turn.port}", "turn_user": "nobody", "turn_password": "nothing"}
        status, checks, _ = doctor(lab, network=network)
        assert status == SERVER and failed(checks)[0] == "server", checks
        assert "refused" in checks["server"][0]["text"].lower()
        assert results(checks, "certificate", "services") == ["skipped", "skipped"]
        assert results(checks, "turn", "microphone") == ["failed", "skipped"]       # what needs no server is looked at all the same


def test_a_server_without_services_is_warned_of():
    with Lab() as lab:
        status, checks, diagnosis = doctor(lab)
        assert status == OK and diagnosis["result"] == "warning", checks
        assert results(checks, "services", "stun", "nat", "turn", "archive") == ["warning", "skipped", "skipped", "skipped", "warning"]
        assert "no STUN or TURN server" in checks["services"][0]["text"] and "no archive" in checks["archive"][0]["text"]


def test_who_hides_needs_a_relay():
    with Lab() as lab:
        status, checks, _ = doctor(lab, "--relay-only")
        assert status == NO_PATH and failed(checks) == ["turn"] and "relay_only" in checks["turn"][0]["text"], checks


def test_a_wrong_secret_of_the_relay_is_told_from_a_relay_that_is_down():
    with Turn(secret="another") as turn, well_lab(turn) as lab:
        status, checks, _ = doctor(lab)
        assert status == NO_PATH and failed(checks) == ["turn", "turn"], checks
        for c in checks["turn"]:
            assert "refuses user and password (401" in c["text"] and "secret" in c["fix"], c
        assert results(checks, "stun") == ["ok"]


def test_a_relay_that_is_down_cannot_be_reached():
    with Turn(alive=False) as turn, well_lab(turn) as lab:
        status, checks, _ = doctor(lab)
        assert status == NO_PATH and failed(checks) == ["stun", "turn", "turn"], checks
        assert "refused" in checks["turn"][1]["text"].lower(), checks["turn"]


def test_a_way_that_is_closed_is_a_warning_where_another_works():
    with Turn() as turn, Turn(alive=False) as nobody:
        services = turn.services("stun", "turn-tcp")[:-1] + "," + nobody.services("turn").split("{", 1)[1]
        with Lab(modules=MODULES, extra=services) as lab:
            status, checks, diagnosis = doctor(lab)
            assert status == OK and diagnosis["result"] == "warning", checks
            assert sorted(results(checks, "turn")) == ["ok", "warning"], checks["turn"]


def test_a_relay_by_tls_needs_a_good_certificate():
    with Turn() as turn, well_lab(turn, "turns") as lab:
        status, checks, _ = doctor(lab, env=lab.env(SSL_CERT_FILE=turn.path("cert.pem")))
        assert status == OK and results(checks, "turn") == ["ok"], checks
        assert "by TLS gives" in checks["turn"][0]["text"]
        status, checks, _ = doctor(lab)
        assert status == NO_PATH and failed(checks) == ["turn"], checks
        assert "cannot be trusted: self-signed" in checks["turn"][0]["text"], checks["turn"]


def test_a_relay_by_tls_is_trusted_by_the_account_s_ca_file():
    with Turn() as turn, well_lab(turn, "turns") as lab:
        turn.be_trusted_by(lab)
        status, checks, _ = doctor(lab)
        assert status == OK and results(checks, "turn") == ["ok"], checks


def test_a_ca_file_without_certificates_is_told_where_it_is_needed():
    with Turn() as turn, well_lab(turn, "turns") as lab:
        named = {"turn": f"turns:127.0.0.1:{turn.tls_port}", "turn_user": "nobody", "turn_password": "nothing"}
        open(lab.path("ca.pem"), "w").close()
        _, checks, _ = doctor(lab, network=named)
        assert "turn" in failed(checks) and "no certificates can be read from" in checks["turn"][0]["text"], checks
        assert "ALLOCATE" not in turn.log()


def pin(path):
    return "pin = sha256:" + hashlib.sha256(ssl.PEM_cert_to_DER_cert(open(path).read())).hexdigest()


def test_a_pin_is_about_the_xmpp_server_and_not_about_relays():
    with Turn() as turn, well_lab(turn, "turns") as lab:
        named = {"turn": f"turns:127.0.0.1:{turn.tls_port}", "turn_user": "nobody", "turn_password": "nothing"}
        _, checks, _ = doctor(lab, config=lab.config("romeo", account=pin(turn.path("cert.pem")), audio=SILENT_SOUND, network=named))
        assert failed(checks) == ["certificate", "turn"] and "cannot be trusted" in checks["turn"][0]["text"], checks
        turn.be_trusted_by(lab)
        status, checks, _ = doctor(lab, account=pin(lab.path("server.pem")))
        assert status == OK and results(checks, "certificate", "turn") == ["ok", "ok"], checks


def test_who_else_can_be_called():
    with Turn() as turn, well_lab(turn) as lab:
        status, checks, _ = doctor(lab, "--peer", lab.jid("juliet"))
        assert status == OK and results(checks, "peer") == ["warning"], checks
        lab.answer("juliet")
        status, checks, _ = doctor(lab, "--peer", lab.jid("juliet"))
        assert status == OK and results(checks, "peer") == ["ok"], checks
        assert "would ring: 1 device online" in checks["peer"][0]["text"]
        nobody = lab.jid("juliet") + "/nobody"
        status, checks, _ = doctor(lab, "--peer", nobody)
        assert status == UNAVAILABLE and failed(checks) == ["peer"], checks


def test_why_somebody_cannot_be_called_is_said():
    without = lambda *gone: [f for f in FEATURES if f not in gone]
    for features, word, status in ((without("urn:xmpp:jingle:apps:dtls:0"), "cannot encrypt", SECURITY),
                                   (without("urn:xmpp:jingle:1"), "does not take Jingle", UNAVAILABLE),
                                   (without("urn:xmpp:jingle:transports:ice-udp:1"), "no transport", NO_COMMON)):
        with Turn() as turn, well_lab(turn) as lab, Scripted(lab, "juliet", features=features) as juliet:
            for peer in (lab.jid("juliet"), juliet.jid):
                got, checks, _ = doctor(lab, "--peer", peer)
                assert (got, failed(checks)) == (status, ["peer"]) and word in checks["peer"][0]["text"], checks["peer"]


def test_a_server_that_has_no_ipv6_where_its_name_has_is_a_warning():
    with Turn() as turn, well_lab(turn) as lab:
        config = lab.config("romeo", audio=SILENT_SOUND)
        text = open(config).read().replace(f"127.0.0.1:{lab.port}", f"localhost:{lab.port}")
        open(config, "w").write(text)
        status, checks, _ = doctor(lab, config=config)
        assert status == OK and results(checks, "server", "login") == ["warning", "ok"], checks
        assert "by IPv4 but not by IPv6" in checks["server"][0]["text"]


def echoing(lab, late_s=0.0, without=None):
    """A jcall of Juliet's that sends back what it hears, LATE_S seconds late, but for the seconds in the range WITHOUT."""
    there, back = os.pipe(), os.pipe()
    juliet = lab.answer("juliet", "-i", "-", "-o", "-", stdin=back[0], stdout=there[1])
    for fd in (back[0], there[1]):
        os.close(fd)

    def loop():
        rate, at = 96000, 0
        with contextlib.suppress(OSError):
            os.write(back[1], bytes(int(late_s * rate)))
            while sound := os.read(there[0], 1920):
                hole = without and without[0] * rate <= at < without[1] * rate
                os.write(back[1], bytes(len(sound)) if hole else sound)
                at += len(sound)
    threading.Thread(target=loop, daemon=True).start()
    return juliet


def test_an_echo_is_measured():
    with Turn() as turn, well_lab(turn) as lab:
        echoing(lab, 0.3)
        status, checks, _ = doctor(lab, "--peer", lab.jid("juliet"), "--echo", limit=60)
        assert status == OK and results(checks, "peer", "echo") == ["ok", "ok"], checks
        late = int(re.search(r"after (\d+) ms", checks["echo"][0]["text"])[1])
        assert 300 <= late < 900 and " 0 % of it is missing" in checks["echo"][0]["text"], checks["echo"]


def test_an_echo_with_a_hole_is_a_warning():
    with Turn() as turn, well_lab(turn) as lab:
        echoing(lab, without=(2.0, 3.0))
        status, checks, _ = doctor(lab, "--peer", lab.jid("juliet"), "--echo", limit=60)
        assert status == OK and results(checks, "echo") == ["warning"], checks
        assert 15 <= int(re.search(r"(\d+) % of it", checks["echo"][0]["text"])[1]) <= 30, checks["echo"]


def test_who_does_not_echo_or_does_not_answer_is_told():
    with Turn() as turn, well_lab(turn) as lab:
        juliet = lab.answer("juliet", "--once")
        status, checks, _ = doctor(lab, "--peer", lab.jid("juliet"), "--echo", limit=60)
        assert status == NO_PATH and failed(checks) == ["echo"] and "did not come back" in checks["echo"][0]["text"], checks
        juliet.exit()
        status, checks, _ = doctor(lab, "--peer", lab.jid("juliet"), "--echo", limit=60)
        assert status == UNAVAILABLE and failed(checks) == ["echo"], checks


def test_interrupted_in_the_echo_it_hangs_up():
    with Turn() as turn, well_lab(turn) as lab:
        juliet = lab.answer("juliet", "--once")
        p = lab.jcall("romeo", "doctor", "--peer", lab.jid("juliet"), "--echo", config=lab.config("romeo", audio=SILENT_SOUND))
        juliet.wait("heard")
        p.signal(signal.SIGINT)
        assert (p.exit(), juliet.exit()) == (CANCELLED, OK), (p.lines, juliet.lines)


def test_no_configuration_is_the_first_that_is_said():
    with Lab() as lab:
        lab.judged = False
        empty = lab.path("empty.conf")
        open(empty, "w").write("[audio]\nin = null\nout = null\n")
        status, checks, _ = doctor(lab, config=empty)
        assert status == CONFIG and failed(checks) == ["configuration"], checks
        assert results(checks, "login", "turn") == ["skipped", "skipped"]
        open(empty, "w").write("[audio]\nin = null\nout = null\n[account a]\njid = a@lab.test\npassword_command = false\n")
        status, checks, _ = doctor(lab, config=empty)
        assert status == CONFIG and "password_command failed" in checks["configuration"][0]["text"], checks


def test_a_server_that_hangs_and_a_relay_that_is_silent_take_less_than_half_a_minute():
    hanging, silent = socket.socket(), socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    hanging.bind(("127.0.0.1", 0))
    hanging.listen()
    silent.bind(("127.0.0.1", 0))
    with Lab() as lab, hanging, silent:
        lab.judged = False
        port = silent.getsockname()[1]
        config = lab.config("romeo", audio=SILENT_SOUND, network={"turn": f"turn:127.0.0.1:{port}", "turn_user": "u", "turn_password": "p",
                                                                  "stun": f"127.0.0.1:{port}"})
        text = open(config).read().replace(f"127.0.0.1:{lab.port}", f"127.0.0.1:{hanging.getsockname()[1]}")
        open(config, "w").write(text)
        began = time.monotonic()
        status, checks, _ = doctor(lab, config=config)
        assert time.monotonic() - began < 30
        assert status == SERVER and failed(checks) == ["certificate", "stun", "turn"], checks
        assert "does not answer within" in checks["turn"][0]["text"]


def test_interrupted_it_leaves_at_once():
    with socket.socket() as hanging, Lab() as lab:
        lab.judged = False
        hanging.bind(("127.0.0.1", 0))
        hanging.listen()
        config = lab.config("romeo", audio=SILENT_SOUND)
        text = open(config).read().replace(f"127.0.0.1:{lab.port}", f"127.0.0.1:{hanging.getsockname()[1]}")
        open(config, "w").write(text)
        p = lab.jcall("romeo", "doctor", config=config)
        p.wait("check")
        p.signal(signal.SIGINT)
        assert p.exit(10) == CANCELLED


class Nat(threading.Thread):
    """A STUN server that sees whoever asks it at a place of its choosing: so does a real one behind a NAT."""

    def __init__(self, here, seen, other=None):
        self.other = other
        super().__init__(daemon=True)
        self.s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.s.bind((here, 0))
        self.here, self.port, self.seen = here, self.s.getsockname()[1], seen
        self.start()

    def run(self):
        while True:
            asked, peer = self.s.recvfrom(2000)
            ip, port = self.seen or peer
            xored = struct.pack(">H", port ^ 0x2112) + bytes(a ^ b for a, b in zip(socket.inet_aton(ip), b"\x21\x12\xa4\x42"))
            said = b"\x00\x20\x00\x08\x00\x01" + xored
            if self.other:
                said += b"\x80\x2c\x00\x08\x00\x01" + struct.pack(">H", self.other[1]) + socket.inet_aton(self.other[0])
            self.s.sendto(b"\x01\x01\x00" + bytes([len(said)]) + asked[4:20] + said, peer)


def test_the_kind_of_nat_is_told_from_what_two_servers_see():
    public, elsewhere = ("192.0.2.7", 40000), ("192.0.2.7", 40001)
    for first, second, word, result in ((public, None, "second STUN server", "ok"), (public, public, "endpoint-independent", "ok"),
                                        (public, elsewhere, "symmetric", "warning")):
        servers = [Nat("127.0.0.1", first), Nat("127.0.0.2", second)]
        rows = ", ".join(f'{{ host = "{n.here}", type = "stun", transport = "udp", port = {n.port} }}' for n in servers)
        with Lab(modules=MODULES, extra=f"external_services = {{ {rows} }}") as lab:
            status, checks, _ = doctor(lab)
            assert status == OK and results(checks, "stun", "nat") == ["ok", "ok", result], checks
            assert word in checks["nat"][0]["text"], checks["nat"]
            assert "192.0.2.7, port 40000" in checks["stun"][0]["text"]
            assert result == "ok" or "TURN server is needed" in checks["nat"][0]["fix"]


def test_one_server_with_two_addresses_tells_the_kind_as_well():
    """OTHER-ADDRESS of RFC 5780; where nobody answers there, or it is no place to send to, it is as if it were not said."""
    public, elsewhere = ("192.0.2.7", 40000), ("192.0.2.7", 40001)
    silent = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    silent.bind(("127.0.0.3", 0))
    with silent:
        for other, word in ((Nat("127.0.0.2", public), "endpoint-independent"), (Nat("127.0.0.2", elsewhere), "symmetric"),
                            (silent.getsockname(), "second STUN server"), (("224.0.0.1", 9), "second STUN server")):
            server = Nat("127.0.0.1", public, other=(other.here, other.port) if isinstance(other, Nat) else other)
            row = f'{{ host = "127.0.0.1", type = "stun", transport = "udp", port = {server.port} }}'
            with Lab(modules=MODULES, extra=f"external_services = {{ {row} }}") as lab:
                status, checks, _ = doctor(lab)
                assert status == OK and results(checks, "stun") == ["ok"] and word in checks["nat"][0]["text"], checks


def test_the_names_of_the_server_are_looked_up():
    in_namespace()
    with Lab() as lab:
        Dns({f"_xmpp-client._tcp.{DOMAIN}": [(10, lab.port, "xmpp." + DOMAIN), (20, 1, "xmpp." + DOMAIN)]})
        config = no_server(lab, audio=SILENT_SOUND)
        status, checks, _ = doctor(lab, config=config)
        assert status == OK and results(checks, "dns", "server", "login") == ["ok", "warning", "ok"], checks
        assert f"SRV records name xmpp.{DOMAIN}:{lab.port}, xmpp.{DOMAIN}:1, 2 addresses" in checks["dns"][0]["text"]
        assert "1 of 2 addresses" in checks["server"][0]["text"] and "port 1" in checks["server"][0]["text"], checks["server"]


def test_a_domain_that_is_not_there_is_the_dns():
    in_namespace()
    with Lab() as lab:
        lab.judged = False
        Dns({})
        status, checks, _ = doctor(lab, config=no_server(lab, audio=SILENT_SOUND))
        assert status == SERVER and failed(checks)[0] == "dns", checks
        assert results(checks, "server", "certificate") == ["skipped", "skipped"]


def test_a_silent_resolver_takes_less_than_half_a_minute():
    in_namespace()
    with Lab() as lab:
        lab.judged = False
        Dns({}, silent=True)
        began = time.monotonic()
        status, checks, _ = doctor(lab, config=no_server(lab, audio=SILENT_SOUND, network={"stun": "stun.lab.test"}))
        assert time.monotonic() - began < 30
        assert status == SERVER and failed(checks) == ["dns", "login", "stun"], checks
        assert "name server does not answer" in checks["dns"][0]["text"]


def test_sound_devices_are_opened_and_heard_from():
    if not shutil.which("pulseaudio"):
        print("skipped: no pulseaudio on this machine")
        sys.exit(77)
    with Turn() as turn, well_lab(turn) as lab, Pulse(lab) as pulse:
        status, checks, _ = doctor(lab, config=lab.config("romeo"), env=pulse.env("mic_ab", "ear_ba"))
        assert status == OK and results(checks, "microphone", "loudspeaker") == ["ok", "ok"], checks
        status, checks, _ = doctor(lab, config=lab.config("romeo", audio={"in": "device:nowhere", "out": "null"}),
                                   env=pulse.env("mic_ab", "ear_ba"))
        assert status == AUDIO and failed(checks) == ["microphone"], checks
        pulse.procs[0].send_signal(signal.SIGSTOP)
        began = time.monotonic()
        try:
            status, checks, _ = doctor(lab, config=lab.config("romeo"), env=pulse.env("mic_ab", "ear_ba"))
        finally:
            pulse.procs[0].send_signal(signal.SIGCONT)
        assert time.monotonic() - began < 30
        assert status == AUDIO and failed(checks) == ["microphone", "loudspeaker"], checks


def test_a_machine_without_sound_is_warned_of():
    with Turn() as turn, well_lab(turn) as lab:
        # ALSA tries all its plug-ins, down to OpenCL; what these lose has no name once they are unloaded, for tests/lsan.supp to know.
        env = lab.env(PULSE_SERVER="unix:/nonexistent", ASAN_OPTIONS="detect_leaks=0")
        status, checks, diagnosis = doctor(lab, config=lab.config("romeo"), env=env)
        assert status == OK and diagnosis["result"] == "warning", checks
        assert results(checks, "microphone", "loudspeaker") == ["warning", "warning"]


if __name__ == "__main__":
    run_tests(globals())
