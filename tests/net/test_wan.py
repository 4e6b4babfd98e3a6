#!/usr/bin/python3
"""The network of these tests does what it was told: datagrams from one namespace to another, their times taken by the kernel."""
import contextlib, socket, statistics, struct, subprocess, sys, time
from netlab import NetLab, run_tests, socket_in
from wan import BURST, DUP, LOSS, REORDER, STUN, captured, draw

SO_TIMESTAMPNS = 35
FROM, TO = "198.51.100.1", "198.51.100.2"


class Line:
    """Datagrams with a number from romeo to juliet."""

    def __init__(self, net):
        self.net = net
        self.a, self.b = socket_in("romeo", FROM), socket_in("juliet", TO)
        self.b.setsockopt(socket.SOL_SOCKET, SO_TIMESTAMPNS, 1)
        self.b.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 21)
        self.to = self.b.getsockname()

    def send(self, count, gap=0.0, size=100, head=b""):
        """When each was sent."""
        times = []
        for n in range(count):
            times.append(time.time())
            self.a.sendto(head + struct.pack(">I", n) + bytes(size - 4 - len(head)), self.to)
            if gap:
                time.sleep(max(0, times[0] + gap * (n + 1) - time.time()))
        return times

    def receive(self, patience=0.3, head=0):
        """(number, time) until none comes for so long."""
        self.b.settimeout(patience)
        got = []
        with contextlib.suppress(TimeoutError):
            while True:
                data, ancillary, _, _ = self.b.recvmsg(2048, 64)
                s, ns = struct.unpack("qq", ancillary[0][2])
                got.append((struct.unpack_from(">I", data, head)[0], s + ns / 1e9))
        return got

    def luck(self, what, n, seed=1):
        ports = self.net.wan.ports
        return draw(seed, ports["romeo"], ports["juliet"], what, n)


@contextlib.contextmanager
def line(seed=1, **treatment):
    with NetLab(servers=False, romeo="none", juliet="none", seed=seed) as net:
        net.wan.set("romeo", "juliet", **treatment)
        yield Line(net)


def test_the_delay_is_kept_on_a_busy_machine():
    with line(delay=50) as l:
        busy = [subprocess.Popen([sys.executable, "-c", "while True: pass"]) for _ in range(2)]
        try:
            sent = l.send(150, 0.01)
            delays = [(t - sent[n]) * 1000 for n, t in l.receive()]
        finally:
            for p in busy:
                p.kill()
                p.wait()
        delays.sort()
        p95 = delays[int(len(delays) * 0.95)]
        print(f"mean {statistics.mean(delays):.2f} ms, median {statistics.median(delays):.2f}, p95 {p95:.2f}, at most {delays[-1]:.2f}")
        assert len(delays) == 150 and delays[0] >= 49.9 and p95 < 51, delays


def test_what_is_lost_is_exact_by_the_seed():
    for seed in (1, 2):
        with line(seed=seed, loss=20, burst=10, burst_len=3) as l:
            l.send(1000)
            got = {n for n, _ in l.receive()}
            alone = {n for n in range(1000) if l.luck(LOSS, n, seed) < 0.2}
            bad, burst = False, set()
            for n in range(1000):
                u = l.luck(BURST, n, seed)
                bad = u >= 1 / 3 if bad else u < 0.1 / 0.9 / 3
                burst |= {n} if bad else set()
            assert got == set(range(1000)) - alone - burst, sorted(got)
            assert 150 < len(alone) < 250 and 30 < len(burst) < 180, (len(alone), len(burst))
            stats = l.net.wan.stats("romeo", "juliet")
            assert (stats["in"], stats["loss"], stats["burst"]) == (1000, len(alone), len(burst - alone)), stats


def test_jitter_keeps_the_order_and_reordering_does_not():
    with line(delay=40, jitter=15) as l:
        sent = l.send(200, 0.005)
        got = l.receive()
        assert [n for n, _ in got] == list(range(200))
        spread = statistics.stdev(t - sent[n] for n, t in got) * 1000
        assert 3 < spread < 20, spread
        l.net.wan.set("romeo", "juliet", delay=10, jitter=0, reorder=10, reorder_by=52)
        l.net.wan.seed(3)
        sent = l.send(200, 0.01)
        late = {n for n, t in l.receive() if t - sent[n] > 0.05}
        assert late == {n for n in range(200) if l.luck(REORDER, n, 3) < 0.1} and late
        order = [n for n, _ in sorted(l.receive())]
        assert order == []


def test_copies_come_twice():
    with line(dup=10) as l:
        l.send(500)
        got = [n for n, _ in l.receive()]
        twice = {n for n in got if got.count(n) == 2}
        assert twice == {n for n in range(500) if l.luck(DUP, n) < 0.1} and set(got) == set(range(500))


def test_a_bottleneck_sends_no_faster_and_drops_what_would_wait_too_long():
    with line(rate=80, queue=1000) as l:
        sent = l.send(100, size=72)                     # 100 bytes with their headers: 10 ms each
        got = l.receive()
        took = (got[-1][1] - sent[0]) * 1000
        assert len(got) == 100 and 990 < took < 1030, (len(got), took)
        l.net.wan.set("romeo", "juliet", queue=195)
        l.send(100, size=72)
        assert [n for n, _ in l.receive()] == list(range(20))
        assert l.net.wan.stats("romeo", "juliet")["queue"] == 80


def test_an_outage_is_when_it_was_said_and_one_way_if_so_wanted():
    with line() as l:
        begin, end = l.net.wan.outage("romeo", "juliet", 0.2, 0.5)
        sent = l.send(100, 0.01)
        got = {n for n, _ in l.receive()}
        for n, t in enumerate(sent):
            if abs(t - begin) > 0.003 and abs(t - end) > 0.003:
                assert (n in got) == (not begin < t < end), (n, t, begin, end)
        assert 40 < 100 - len(got) < 60
        l.net.wan.set("juliet", "romeo", down=1)
        l.send(5)
        assert len(l.receive()) == 5


def test_stun_packets_are_lost_alone():
    header = struct.pack(">HHI12s", 1, 0, 0x2112a442, bytes(12))
    with line(stun_loss=30) as l:
        l.send(300, head=header)
        got = {n for n, _ in l.receive(head=len(header))}
        assert got == {n for n in range(300) if l.luck(STUN, n) >= 0.3}
        l.send(300)
        assert len(l.receive()) == 300


def test_what_leaves_is_captured():
    with line(loss=100) as l:
        path = l.net.path("capture")
        l.net.wan.capture(path)
        l.send(10)
        assert l.receive() == []
        l.net.wan.capture(None)
        packets = [p for _, p in captured(path)]
        assert [struct.unpack_from(">I", p, 28)[0] for p in packets] == list(range(10))
        assert all(p[12:16] == socket.inet_aton(FROM) and p[16:20] == socket.inet_aton(TO) for p in packets)


def test_private_addresses_lead_nowhere_and_routers_let_nobody_in():
    with NetLab(servers=False, romeo="none", juliet="cone") as net:
        a, b = socket_in("romeo", FROM), socket_in("juliet", "192.168.2.2")
        a.settimeout(0.3)
        b.settimeout(0.3)
        for target in ("192.168.2.2", TO):
            a.sendto(b"?", (target, b.getsockname()[1]))
            with contextlib.suppress(TimeoutError):
                raise AssertionError(f"{b.recv(10)} came by {target}")
        assert net.wan.stats()["unrouted"] >= 1
        b.sendto(b"!", a.getsockname())
        data, mapped = a.recvfrom(10)
        assert data == b"!" and mapped == (TO, b.getsockname()[1]), mapped
        a.sendto(b"?", mapped)
        assert b.recv(10) == b"?"


def test_routers_map_as_their_kind_says():
    with NetLab(servers=False, romeo="none", nurse="none", juliet="cone", friar="symmetric", paris="udp-blocked") as net:
        def seen_as(name, lan):
            s, ports = socket_in(name, lan), []
            for other, address in (("romeo", FROM), ("nurse", TO)):
                o = socket_in(other, address)
                o.settimeout(0.3)
                s.sendto(b"!", o.getsockname())
                with contextlib.suppress(TimeoutError):
                    ports.append(o.recvfrom(10)[1][1])
            return s.getsockname()[1], ports

        own, ports = seen_as("juliet", "192.168.3.2")
        assert ports == [own, own]
        own, ports = seen_as("friar", "192.168.4.2")
        assert len(set(ports + [own])) == 3, (own, ports)
        assert seen_as("paris", "192.168.5.2")[1] == []


def test_a_router_that_forgets_maps_to_another_port():
    with NetLab(servers=False, romeo="none", juliet="cone") as net:
        a, b = socket_in("romeo", FROM), socket_in("juliet", "192.168.2.2")
        a.settimeout(2)
        ports = []
        for _ in range(2):
            b.sendto(b"!", a.getsockname())
            ports.append(a.recvfrom(10)[1][1])
            net.homes["juliet"].rebind()
        assert ports[0] != ports[1] and 21000 <= ports[1] < 22000, ports


if __name__ == "__main__":
    run_tests(globals())
