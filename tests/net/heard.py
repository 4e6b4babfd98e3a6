"""heard.py - what somebody hears of a tone that the other side says all the time, or of speech without pauses, and when."""
import os, pty, sys, threading, time
import numpy as np

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "../integ"))
from lab import speech, write_wav
from test_sound import COUNT, FOX

RATE, FRAME = 48000, 480    # judged in pieces of 10 ms
LOUD = 500                  # of 32768: a tone is there; in speech, a word
HUSHED = 100                # speech without pauses is not below it
SAID = {"dial": 440, "answer": 880}     # [Hz] each side says another tone
WORDS = {"dial": (COUNT, "en-us"), "answer": (FOX, "en")}
PICK_UP = 1.0               # [s] nobody is quicker
THERE = 0.2                 # of the usual amplitude: above it the tone is there


class Ear(threading.Thread):
    """Reads what a jcall writes to its standard output, as it comes."""

    def __init__(self):
        super().__init__(daemon=True)
        source, self.sink = os.pipe()
        self.source = open(source, "rb", 0)
        self.data, self.marks = bytearray(), []     # marks: (time, bytes that had come by then)
        self.start()

    def run(self):
        with self.source:
            while data := self.source.read(65536):
                self.data += data
                self.marks.append((time.time(), len(self.data)))

    def handed_over(self):
        """The jcall has its end of the pipe."""
        os.close(self.sink)

    def level(self, hz):
        """For each 10 ms: when it came, and the amplitude of that tone in it; HZ None: how loud it is."""
        n = len(self.data) // (2 * FRAME)
        x = np.frombuffer(bytes(self.data[:n * 2 * FRAME]), "<i2").astype(float).reshape(n, FRAME)
        times, ends = np.array([m[0] for m in self.marks]), np.array([m[1] for m in self.marks])
        when = times[np.minimum(np.searchsorted(ends, (np.arange(n) + 1) * 2 * FRAME), len(times) - 1)] if n else times[:0]
        if not hz:
            return when, np.abs(x).max(1, initial=0)
        return when, 2 * np.abs((x * np.exp(-2j * np.pi * hz * np.arange(FRAME) / RATE)).mean(1))

    def present(self, hz):
        """(when, is it there) for each 10 ms."""
        when, level = self.level(hz)
        usual = np.median(level[level > LOUD]) if (level > LOUD).any() else np.inf
        return when, level > (THERE * usual if hz else HUSHED)

    def first(self, hz):
        """When the tone was first heard; None: not yet."""
        when, there = self.present(hz)
        return when[np.argmax(there)] if there.any() else None

    def gaps(self, hz, least=0.06):
        """(from, to) of every time without the tone, between its first and its last."""
        when, there = self.present(hz)
        on = np.flatnonzero(there)
        return [(when[a], when[b]) for a, b in zip(on, on[1:]) if (b - a - 1) * FRAME / RATE >= least]

    def missing(self, hz, begin, end):
        """Seconds without the tone between two times, by the samples."""
        when, there = self.present(hz)
        inside = (when >= begin) & (when < end)
        return float((~there[inside]).sum() * FRAME / RATE)


def wait_until(what, done, limit=30.0):
    end = time.monotonic() + limit
    while not (result := done()):
        assert time.monotonic() < end, what() if callable(what) else what
        time.sleep(0.02)
    return result


class Call:
    """Two jcalls that talk, each with an ear: NET.call("romeo", "juliet")."""

    def __init__(self, net, caller, callee, configs=(None, None), args=((), ()), speech=0):
        """CONFIGS and ARGS: the caller's, the callee's. SPEECH: so many seconds of it are said instead of a tone."""
        self.net, self.ears, sides = net, [], []
        self.keys, terminal = pty.openpty()
        net.stack.callback(os.close, self.keys)
        for user, command, config, more in ((callee, "answer", configs[1], args[1]), (caller, "dial", configs[0], args[0])):
            ear = Ear()
            said = ["-i", self._words(command, speech) if speech else f"tone:{SAID[command]}", "--at-end", "silence", "-o", "-", *more]
            if command == "answer":
                side = net.jcall(user, "answer", "--once", *said, config=config, stdin=terminal, stdout=ear.sink)
                side.wait("waiting")
            else:
                side = net.jcall(user, "dial", *said, net.jid(callee), config=config, stdout=ear.sink)
            ear.handed_over()
            self.ears.append(ear)
            sides.append(side)
        os.close(terminal)
        self.callee, self.caller = sides
        self.listen = list(zip(self.ears, (None, None) if speech else (SAID["dial"], SAID["answer"])))   # who hears which tone: callee, caller

    def _words(self, command, seconds):
        path, (text, voice) = self.net.path(command + ".wav"), WORDS[command]
        x = speech(path, text, voice).astype(float)
        x = x[:len(x) // FRAME * FRAME].reshape(-1, FRAME)
        near_a_word = np.convolve(np.sqrt((x ** 2).mean(1)) > LOUD, np.ones(5), "same") > 0     # 20 ms around it
        words = x[near_a_word].ravel()
        write_wav(path, np.tile(words, int(seconds * RATE / len(words)) + 1))
        return path

    def connect(self, limit=30.0):
        """The callee takes the call, as soon as a person can; until both hear each other: seconds from then to the first sound, for the
        caller and the callee."""
        self.callee.wait("incoming", limit)
        self.caller.wait("ringing", limit)
        time.sleep(PICK_UP)
        start = time.time()
        os.write(self.keys, b"y")

        def both():
            for p in (self.caller, self.callee):
                assert p.p.poll() is None, f"{p.name} ended: {p.events[-3:]} {p.lines[-10:]}"
            return all(p.seen("heard") for p in (self.caller, self.callee)) and all(self.firsts())
        wait_until(lambda: f"no sound: {[(p.events[-3:], p.lines[-5:]) for p in (self.caller, self.callee)]}", both, limit)
        callee, caller = self.firsts()
        return caller - start, callee - start

    def firsts(self):
        return [ear.first(hz) for ear, hz in self.listen]

    def pairs(self):
        """The kind of pair in use, as each side tells it: "host-srflx"."""
        return [f"{e['local']}-{e['remote']}" for e in (p.seen("path")[-1] for p in (self.caller, self.callee))]

    def talk(self, seconds):
        """So long both go on."""
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            for p in (self.caller, self.callee):
                assert p.p.poll() is None, f"{p.name} ended: {p.events[-3:]} {p.lines[-10:]}"
            time.sleep(0.05)

    def until(self, when):
        self.talk(max(0.0, when - time.time()))

    def hang_up(self):
        """The caller does; both end well. Returns their last events, the caller's first."""
        self.caller.signal(2)
        status = self.caller.exit(), self.callee.exit()
        for ear in self.ears:
            ear.join(10)
        assert status == (0, 0), (status, self.caller.events[-2:], self.callee.events[-2:])
        return [p.seen("ended")[-1] for p in (self.caller, self.callee)]

    def back_after(self, end):
        """How long after END, a network's return, each hears the other again: caller, callee."""
        out = []
        for ear, hz in reversed(self.listen):
            when, there = ear.present(hz)
            back = np.flatnonzero(there & (when > end))
            assert len(back), f"nothing was heard after the network's return: {[p.events[-3:] for p in (self.caller, self.callee)]}"
            out.append(when[back[0]] - end)
        return out

    def longest(self, begin, end):
        """The longest time without sound between two times: caller, callee."""
        return [max((b - a for a, b in ear.gaps(hz) if a >= begin and b <= end), default=0.0) for ear, hz in reversed(self.listen)]

    def gaps(self, begin, end):
        """Seconds without sound between two times: caller, callee."""
        return [ear.missing(hz, begin, end) for ear, hz in reversed(self.listen)]
