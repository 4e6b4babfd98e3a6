#!/usr/bin/python3
"""Sound devices that come, go and change in mid-call, as PulseAudio has them: what is heard goes to the device that is the default
now, and a machine without any is silent for a while before the call ends."""
import os, shutil, subprocess, sys, time
from lab import *

AUDIO_DEVICE = 30
HEARD = 300             # [16 bit] so loud is the tone at least, where it is heard


class Sounds:
    """A PulseAudio of our own. Sinks are what is heard through; a microphone is the monitor of a sink that a tone is played into."""

    def __init__(self, lab):
        self.lab, self.dir, self.procs, self.modules = lab, lab.path("pulse"), [], {}
        os.makedirs(self.dir)
        self.server = "unix:" + os.path.join(self.dir, "sock")
        open(os.path.join(self.dir, ".asoundrc"), "w").write(
            "pcm.!default { type pulse hint { show on description lab } }\nctl.!default { type pulse }\n")
        self.env = dict(lab.env(), HOME=self.dir, PULSE_SERVER=self.server, PULSE_STATE_PATH=self.dir + "/st", PULSE_RUNTIME_PATH=self.dir + "/rt")

    def __enter__(self):
        open(self.dir + "/pa", "w").write(f"load-module module-native-protocol-unix auth-anonymous=1 socket={self.dir}/sock\n")
        self.procs.append(subprocess.Popen(
            ["pulseaudio", "-n", "-F", self.dir + "/pa", "--daemonize=no", "--exit-idle-time=-1", "--use-pid-file=no", "--realtime=no",
             "--high-priority=no", "--disable-shm=yes", "--log-target=stderr"], env=self.env, stderr=open(self.dir + "/log", "wb")))
        end = time.monotonic() + PATIENCE
        while subprocess.run(["pactl", "info"], env=self.env, capture_output=True).returncode:
            assert time.monotonic() < end, "PulseAudio does not start"
            time.sleep(0.05)
        return self

    def __exit__(self, *a):
        for p in reversed(self.procs):
            if p.poll() is None:
                p.terminate()
                p.wait(10)

    def pactl(self, *args):
        return subprocess.run(["pactl", *args], env=self.env, check=True, capture_output=True, text=True).stdout.strip()

    def load(self, name, module, *args):
        self.modules[name] = self.pactl("load-module", module, *args)

    def unplug(self, *names):
        for name in names:
            self.pactl("unload-module", self.modules.pop(name))

    def speaker(self, name):
        self.load(name, "module-null-sink", f"sink_name={name}", "rate=48000", "channels=1", "norewinds=1")

    def microphone(self, name):
        """That hears a tone without end. It is a source of a module of its own, so that it can be unplugged."""
        self.load(name + "_room", "module-null-sink", f"sink_name={name}_room", "rate=48000", "channels=1", "norewinds=1")
        self.load(name, "module-remap-source", f"source_name={name}", f"master={name}_room.monitor")
        self.procs.append(subprocess.Popen(["sh", "-c", "exec sox -q -n -t raw -r 48000 -e signed -b 16 -c 1 - synth sine 440 gain -6 | "
                                            f"exec pacat -d {name}_room --format=s16le --rate=48000 --channels=1 --latency-msec=50"],
                                           env=self.env, stderr=subprocess.DEVNULL, start_new_session=True))

    def default(self, sink=None, source=None):
        if sink:
            self.pactl("set-default-sink", sink)
        if source:
            self.pactl("set-default-source", source)

    def loudness(self, sink, seconds=0.5):
        import numpy as np
        p = subprocess.run(["timeout", str(seconds + 0.5), "parec", "-d", sink + ".monitor", "--format=s16le", "--rate=48000", "--channels=1",
                            "--latency-msec=20", "--raw"], env=self.env, capture_output=True)
        x = np.frombuffer(p.stdout[:len(p.stdout) // 2 * 2], "<i2").astype(float)
        return float(np.sqrt((x ** 2).mean())) if len(x) else 0

    def wait_loud(self, sink):
        end = time.monotonic() + PATIENCE
        while self.loudness(sink) < HEARD:
            assert time.monotonic() < end, f"nothing is heard at {sink}: {self.pactl('list', 'short', 'sink-inputs')}"


def wait_level(path, loud, tail=24000):
    """Until the end of the WAV file is loud, or is not."""
    import numpy as np
    end = time.monotonic() + PATIENCE
    while True:
        data = open(path, "rb").read()[44:] if os.path.exists(path) else b""
        x = np.frombuffer(data[:len(data) // 2 * 2], "<i2")[-tail:].astype(float)
        if len(x) == tail and (np.sqrt((x ** 2).mean()) > HEARD) == loud:
            return
        assert time.monotonic() < end, f"the end of {path} does not become {'loud' if loud else 'silent'}"
        time.sleep(0.1)


def sounds(lab):
    if not shutil.which("pulseaudio"):
        print("skipped: no pulseaudio on this machine")
        sys.exit(77)
    return Sounds(lab)


def test_a_speaker_that_is_unplugged_is_followed_by_the_next_default():
    with Lab() as lab, sounds(lab) as s:
        s.speaker("first")
        s.speaker("second")
        s.default("first")
        juliet = lab.answer("juliet", "--once", "-i", "tone")
        romeo = lab.dial("romeo", "juliet", "-o", "default", env=s.env)
        romeo.wait("heard")
        s.wait_loud("first")
        s.unplug("first")
        s.wait_loud("second")
        romeo.signal(signal.SIGINT)
        assert romeo.exit() == 0 and juliet.exit() == 0


def test_a_microphone_that_is_unplugged_is_followed_by_the_next_default():
    with Lab() as lab, sounds(lab) as s:
        s.microphone("first")
        s.microphone("second")
        s.default(source="first")
        juliet = lab.answer("juliet", "--once", "-o", lab.path("heard.wav"))
        romeo = lab.dial("romeo", "juliet", "-i", "default", env=s.env)
        wait_level(lab.path("heard.wav"), True)
        s.unplug("first")
        time.sleep(1)
        wait_level(lab.path("heard.wav"), True)
        romeo.signal(signal.SIGINT)
        assert romeo.exit() == 0 and juliet.exit() == 0


def test_each_call_of_one_process_uses_the_default_of_its_time():
    with Lab() as lab, sounds(lab) as s:
        s.speaker("first")
        s.speaker("second")
        s.microphone("third")
        s.microphone("fourth")
        s.default("first", "third")
        juliet = lab.answer("juliet", "-i", "default", "-o", "default", env=s.env)
        for speaker, other, microphone, next_one in (("first", "second", "third", "fourth"), ("second", "first", "fourth", "third")):
            s.default(speaker, microphone)
            heard = lab.path(microphone + ".wav")
            romeo = lab.dial("romeo", "juliet", "-i", "tone", "-o", heard)
            s.wait_loud(speaker)
            assert s.loudness(other) < HEARD
            wait_level(heard, True)
            romeo.signal(signal.SIGINT)
            assert romeo.exit() == 0
            juliet.wait("ended")


def test_without_any_device_the_call_is_silent_until_there_is_one_again():
    with Lab() as lab, sounds(lab) as s:
        s.speaker("first")
        s.microphone("second")
        s.default("first", "second")
        juliet = lab.answer("juliet", "--once", "-i", "tone", "-o", lab.path("heard.wav"))
        romeo = lab.dial("romeo", "juliet", "-i", "default", "-o", "default", env=s.env)
        s.wait_loud("first")
        wait_level(lab.path("heard.wav"), True)
        s.unplug("first", "second", "second_room")
        for side in ("input", "output"):
            while not any("text" in e for e in romeo.seen(side)):
                assert romeo.p.poll() is None
                time.sleep(0.05)
        wait_level(lab.path("heard.wav"), False)
        s.speaker("third")
        s.microphone("fourth")
        s.default("third", "fourth")
        s.wait_loud("third")
        wait_level(lab.path("heard.wav"), True)
        romeo.signal(signal.SIGINT)
        assert romeo.exit() == 0 and juliet.exit() == 0


def test_without_any_device_for_good_the_call_ends_with_one_clear_line():
    with Lab() as lab, sounds(lab) as s:
        s.speaker("first")
        juliet = lab.answer("juliet", "--once", "-i", "tone")
        romeo = lab.dial("romeo", "juliet", "-o", "default", env=s.env)
        s.wait_loud("first")
        s.unplug("first")
        assert romeo.exit(60) == AUDIO_DEVICE, romeo.lines
        assert len(romeo.lines) == 1 and "sound device is gone" in romeo.lines[0], romeo.lines
        assert juliet.exit() in (0, 24)


def test_a_sound_server_that_starts_after_the_first_call_is_used():
    with Lab() as lab:
        s = sounds(lab)
        juliet = lab.answer("juliet", "-i", "tone", "-o", "default", env=s.env)
        assert lab.dial("romeo", "juliet", "-i", "tone").exit(60) != 0
        assert juliet.wait("ended")["reason"] == "audio-device"
        with s:
            s.speaker("first")
            romeo = lab.dial("romeo", "juliet", "-i", "tone")
            s.wait_loud("first")
            romeo.signal(signal.SIGINT)
            assert romeo.exit() == 0


def test_a_sound_server_that_comes_back_is_used_again():
    with Lab() as lab, sounds(lab) as s:
        s.speaker("first")
        juliet = lab.answer("juliet", "--once", "-i", "tone")
        romeo = lab.dial("romeo", "juliet", "-o", "default", env=s.env)
        s.wait_loud("first")
        s.procs[0].kill()
        s.procs[0].wait()
        s.__enter__()
        s.speaker("second")
        s.wait_loud("second")
        romeo.signal(signal.SIGINT)
        assert romeo.exit() == 0 and juliet.exit() == 0


if __name__ == "__main__":
    run_tests(globals())
