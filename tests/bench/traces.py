"""traces.py - what networks do to a stream of packets, by seed: one line per packet, number, time of sending, time of arrival in
ms, or "-" where it never comes.

clean    40 ms and nothing else                   loss2 loss5 loss10 loss20   40 ms, sigma 5 in order; so many percent lost
burst    5 % lost in bursts of 3 in the mean      wifi     4 ms and a little; every 4 s or so a stall of 40 to 250 ms
lte      45 ms wandering by 25, a grid of 8 ms; every 15 s or so a handover of 80 to 300 ms in which a fifth is lost
"""
import math
import random

LOSS = {"loss2": 0.02, "loss5": 0.05, "loss10": 0.10, "loss20": 0.20}
KINDS = ["clean", *LOSS, "burst", "wifi", "lte"]


class Network:
    def __init__(self, kind, seed):
        self.kind, self.random = kind, random.Random(f"{kind} {seed}")
        self.stall_until = self.walk = 0.0
        self.next_stall = self.wait(4000 if kind == "wifi" else 15000)
        self.bad = False

    def chance(self, p):
        return self.random.random() < p

    def wait(self, mean):
        return -mean * math.log(1 - self.random.random())

    def clean(self, at):
        return 40.0

    def noisy(self, at):
        return max(10.0, 40 + self.random.gauss(0, 5))

    def stalled(self, at, delay):
        return max(delay, self.stall_until - at) if at < self.stall_until else delay

    def wifi(self, at):
        if at >= self.next_stall:
            self.stall_until = at + 40 + 210 * self.random.random() ** 2
            self.next_stall = at + self.wait(4000)
        return self.stalled(at, 4 + self.wait(2))

    def lte(self, at):
        self.walk = max(-25, min(25, self.walk + self.random.gauss(0, 0.6)))
        arrives = at + max(15, 45 + self.walk + self.random.gauss(0, 6))
        if at >= self.next_stall:
            self.stall_until = at + 80 + 220 * self.random.random()
            self.next_stall = self.stall_until + self.wait(15000)
        return self.stalled(at, math.ceil(arrives / 8) * 8 - at)

    def loses(self, at):
        if self.kind == "burst":                # from good to bad, and back after three in the mean
            self.bad = self.chance(2 / 3) if self.bad else self.chance(0.05 / 0.95 / 3)
            return self.bad
        return self.chance(LOSS.get(self.kind, 0.2 if self.kind == "lte" and at < self.stall_until else 0))

    def delay(self, at):
        return {"clean": self.clean, "wifi": self.wifi, "lte": self.lte}.get(self.kind, self.noisy)(at)


def trace(kind, seconds, seed, frame=20):
    """[(number, sent ms, arrived ms or None)], in order of arrival."""
    network, last, out = Network(kind, seed), 0.0, []
    for i in range(int(seconds * 1000 / frame)):
        at = i * frame
        arrives = max(last, at + network.delay(at))
        if network.loses(at):
            out.append((i, at, None))
        else:
            out.append((i, at, arrives))
            last = arrives
    return out


def write(path, packets):
    with open(path, "w") as f:
        for i, sent, arrives in packets:
            f.write(f"{i} {sent} {'-' if arrives is None else f'{arrives:.2f}'}\n")
