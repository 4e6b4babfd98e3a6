"""wan.py - speaks with build/.../net/wan, the network between the namespaces; see README."""
import contextlib, os, struct, subprocess
from lab import JCALL

WAN = os.path.join(os.environ.get("BUILD") or os.path.dirname(os.path.abspath(JCALL)), "net/wan")
LOSS, BURST, STUN, REORDER, DUP = range(5)      # enum luck of wan_pipe.c
PORTS = 40
MASK = (1 << 64) - 1


def mix(x):
    x = (x + 0x9e3779b97f4a7c15) & MASK
    x = ((x ^ (x >> 30)) * 0xbf58476d1ce4e5b9) & MASK
    x = ((x ^ (x >> 27)) * 0x94d049bb133111eb) & MASK
    return x ^ (x >> 31)


def draw(seed, from_port, to_port, what, n):
    """The luck of the n-th packet between two ports (by their numbers), in [0, 1): as wan_pipe.c draws it."""
    return (mix(mix(mix(seed) ^ ((from_port * PORTS + to_port) * 64 + what)) ^ n) >> 11) / 2.0 ** 53


class Wan:
    def __init__(self):
        assert os.access(WAN, os.X_OK), f"{WAN} is missing: make {os.path.relpath(WAN)}"
        self.p = subprocess.Popen([WAN], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, bufsize=1)
        self.ports = {}

    def command(self, *words):
        """The words of the answer after "ok"."""
        line = " ".join(str(w) for w in words)
        self.p.stdin.write(line + "\n")
        answer = self.p.stdout.readline().split()
        assert answer[:1] == ["ok"], f"wan: '{line}': {' '.join(answer)}"
        return answer[1:]

    def port(self, name, netns, device="wan"):
        self.ports[name] = int(self.command("port", name, netns, device)[0])

    def close_port(self, name):
        self.command("close", name)

    def route(self, prefix, port):
        self.command("route", prefix, port)

    def unroute(self, prefix):
        self.command("unroute", prefix)

    def seed(self, number):
        self.command("seed", number)

    def set(self, a, b, **treatment):
        """From A to B only; see README for the keys."""
        self.command("set", a, b, *(f"{k}={v}" for k, v in treatment.items()))

    def both(self, a, b, **treatment):
        self.set(a, b, **treatment)
        self.set(b, a, **treatment)

    def outage(self, a, b, after, lasts):
        """Between A and B, both ways, in AFTER seconds for so many: the times (as time.time()) it begins and ends at."""
        times = self.command("outage", a, b, after, lasts)
        if a != b:
            self.command("outage", b, a, after, lasts)
        return tuple(float(t) for t in times)

    def stats(self, a="*", b="*"):
        return {k: int(v) for k, v in (w.split("=") for w in self.command("stats", a, b))}

    def capture(self, path):
        """All packets that come from any port go to this file from now on; PATH None: it is complete."""
        self.command("capture", path or "off")

    def stop(self):
        self.p.kill()       # there is nothing it would leave behind
        self.p.wait()
        with contextlib.suppress(BrokenPipeError):
            self.p.stdin.close()
        self.p.stdout.close()


def captured(path):
    """(seconds since 1970, the IP packet) for each packet of a capture."""
    data = open(path, "rb").read()
    at = 24
    while at < len(data):
        s, us, size, _ = struct.unpack_from("=IIII", data, at)
        yield s + us / 1e6, data[at + 16:at + 16 + size]
        at += 16 + size
