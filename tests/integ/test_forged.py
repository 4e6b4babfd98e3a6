#!/usr/bin/python3
"""Datagrams forged in the name of the other side, by somebody who knows no key, while a call is set up and while it is up: they
neither end it nor keep it from coming about, and nothing of them is heard.

JCALL_FORGED=200 sets up more calls in the rain than the check has time for."""
import random, struct
from lab import *

CALLS = int(os.environ.get("JCALL_FORGED", "4"))
HERE = "127.0.0.1"
COOKIE = b"\x21\x12\xa4\x42"                    # of STUN, RFC 8489 5
PAUSE_S = 0.002                                 # between two forged datagrams: they come in hundreds a second


def alone():
    """Runs this test again in a network namespace of its own, where it may forge addresses; IPv4 alone, which it can forge."""
    if os.environ.get("JCALL_NETNS"):
        return
    script = ("set -e; for i in all lo; do echo 1 >/proc/sys/net/ipv6/conf/$i/disable_ipv6; done; "
              "ip link set lo up; ")
    if subprocess.run(["unshare", "-n", "sh", "-c", script], capture_output=True).returncode:
        print("skipped: network namespaces are not to be had here")
        sys.exit(77)
    p = subprocess.run(["unshare", "-n", "sh", "-c", script + 'exec "$@"', "sh", sys.executable, *sys.argv],
                       env=dict(os.environ, JCALL_NETNS="1"))
    sys.exit(p.returncode)


def udp_ports(pid):
    links = set()
    with contextlib.suppress(FileNotFoundError):
        for fd in os.listdir(f"/proc/{pid}/fd"):
            with contextlib.suppress(FileNotFoundError):
                links.add(os.readlink(f"/proc/{pid}/fd/{fd}"))
    rows = [line.split() for line in open("/proc/net/udp").read().splitlines()[1:]]
    return [int(row[1].split(":")[1], 16) for row in rows if f"socket:[{row[9]}]" in links]


def record(chance, kind=None, epoch=None, length=None):
    """A DTLS record that nobody has encrypted; of epoch 1 and more it cannot be authentic."""
    kind = chance.choice((20, 21, 22, 23, 24, 25, 63)) if kind is None else kind
    epoch = chance.randrange(3) if epoch is None else epoch
    body = bytes(chance.randrange(256) for _ in range(chance.randrange(41) if length is None else length))
    return struct.pack(">BHHHIH", kind, 0xfefd, epoch, 0, chance.randrange(1 << 16), len(body)) + body


def alert(chance):
    return b"\x15\xfe\xfd" + struct.pack(">HHIH", 0, 0, chance.randrange(1 << 16), 2) + chance.choice((b"\1\0", b"\2\x28"))


def hello(chance):
    return b"\x16\xfe\xff" + bytes(8) + b"\0\x30\1" + chance.randbytes(47)


def stun(chance):
    """A binding request, success or error without a signature; 487 (role conflict) and 401 among them."""
    error = chance.choice((400, 401, 438, 487))
    body = chance.choice((b"", struct.pack(">HHHBB", 9, 4, 0, error // 100, error % 100)))
    return struct.pack(">HH", chance.choice((0x001, 0x011, 0x101, 0x111)), len(body)) + COOKIE + chance.randbytes(12) + body


def rtp(chance):
    return struct.pack(">BBHII", 0x80, 111, chance.randrange(1 << 16), 1, 1) + chance.randbytes(chance.randrange(60))


def rtcp(chance):
    return struct.pack(">BBHI", 0x81, chance.choice((200, 201, 203)), 1, 1) + chance.randbytes(chance.randrange(30))


KINDS = (record, record, record, alert, hello, stun, rtp, rtcp, lambda chance: chance.randbytes(chance.randrange(1, 60)))


class Rain:
    """Forges datagrams between all UDP ports of the processes that PIDS() names, each in the name of each other."""

    def __init__(self, pids, seed):
        self.pids, self.chance, self.sent, self.over = pids, random.Random(seed), 0, threading.Event()
        self.raw = socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_RAW)
        self.thread = threading.Thread(target=self._rain, daemon=True)

    def __enter__(self):
        self.thread.start()
        return self

    def __exit__(self, *_):
        self.over.set()
        self.thread.join()
        self.raw.close()

    def forge(self, source, target, data):
        udp = struct.pack(">HHHH", source, target, 8 + len(data), 0) + data
        head = struct.pack(">BBHHHBBH4s4s", 0x45, 0, 20 + len(udp), self.chance.randrange(1 << 16), 0, 64, 17, 0,
                           socket.inet_aton(HERE), socket.inet_aton(HERE))
        self.raw.sendto(head + udp, (HERE, 0))
        self.sent += 1

    def _rain(self):
        while not self.over.wait(PAUSE_S):
            pair = [udp_ports(pid) for pid in self.pids()]
            if len(pair) < 2 or not all(pair):
                continue
            for _ in range(20):
                ours, theirs = self.chance.sample(pair, 2)
                self.forge(self.chance.choice(ours), self.chance.choice(theirs), self.chance.choice(KINDS)(self.chance))
                if self.over.wait(PAUSE_S):
                    return


def test_nothing_forged_ends_a_call_or_is_heard_in_it():
    alone()
    with Lab() as lab:
        juliet = lab.answer("juliet", "--once", "-o", lab.path("heard.wav"))
        romeo = lab.dial("romeo", "juliet", "-i", "tone:440", "--for", "8")
        romeo.wait("heard")
        juliet.wait("heard")
        began = time.monotonic()
        with Rain(lambda: [romeo.pid, juliet.pid], 1) as rain:
            chance = random.Random(2)
            for kind in range(19, 65):          # every short record of each epoch, from either side
                for epoch in range(3):
                    ours, theirs = udp_ports(romeo.pid), udp_ports(juliet.pid)
                    if ours and theirs:
                        data = record(chance, kind, epoch, chance.randrange(41))
                        rain.forge(ours[0], theirs[0], data)
                        rain.forge(theirs[0], ours[0], data)
            assert romeo.exit() == 0, romeo.lines
        assert time.monotonic() - began > 6, "a forged goodbye was believed"
        assert juliet.exit() == 0, juliet.lines
        assert rain.sent > 300, rain.sent
        assert not romeo.seen("disconnected") and not juliet.seen("disconnected")
        from sounds import purity
        assert purity(read_wav(lab.path("heard.wav")), 440) > 0.9


def test_calls_come_about_while_forged_datagrams_rain_in():
    alone()
    with Lab() as lab:
        juliet = lab.answer("juliet")
        for n in range(CALLS):
            romeo = lab.dial("romeo", "juliet", "-i", "tone", "--for", "1")
            with Rain(lambda: [romeo.pid, juliet.pid], n) as rain:
                assert romeo.exit(2 * PATIENCE) == 0, (n, romeo.lines, romeo.events[-3:])
            assert romeo.seen("secured") and romeo.seen("media"), n
            assert rain.sent > 20, (n, rain.sent)
            juliet.wait("ended")


if __name__ == "__main__":
    run_tests(globals())
