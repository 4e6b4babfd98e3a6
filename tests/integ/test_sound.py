#!/usr/bin/python3
"""What is heard: speech one way and other speech the other way, through files, pipes and devices, judged by ear (almost)."""
import os, signal, subprocess, sys, time
from lab import *
from listen import judge

FOX = "The quick brown fox jumps over the lazy dog, and then it sells sea shells on the sea shore."
COUNT = "One, two, three, four, five, six, seven, eight, nine and ten people were walking along the river."


def both_ways(lab, dial_in, dial_out, answer_in, answer_out, **kw):
    juliet = lab.answer("juliet", "--once", "-i", answer_in, "-o", answer_out, "--at-end", "silence")
    romeo = lab.dial("romeo", "juliet", "-i", dial_in, "-o", dial_out, **kw)
    assert romeo.exit(60) == 0, romeo.lines
    assert juliet.exit() == 0, juliet.lines
    return romeo, juliet


def test_file_to_file_both_ways():
    with Lab() as lab:
        fox, count = speech(lab.path("fox.wav"), FOX), speech(lab.path("count.wav"), COUNT, "en-us")
        both_ways(lab, lab.path("count.wav"), lab.path("heard1.wav"), lab.path("fox.wav"), lab.path("heard2.wav"))
        judge(count, read_wav(lab.path("heard2.wav")), 500)
        judge(fox, read_wav(lab.path("heard1.wav")), 500)


def test_who_speaks_is_told_and_silence_is_not():
    with Lab() as lab:
        speech(lab.path("fox.wav"), FOX)
        romeo, juliet = both_ways(lab, lab.path("fox.wav"), "null", "null", "null")
        said = [e["speaking"] for e in juliet.seen("voice")]
        assert said and said[::2] == [True] * len(said[::2]) and not any(said[1::2]), said
        assert not romeo.seen("voice")


def test_first_word_is_not_lost_when_the_callee_takes_his_time():
    with Lab() as lab:
        fox = speech(lab.path("fox.wav"), FOX)
        import pty
        master, slave = pty.openpty()
        juliet = lab.jcall("juliet", "answer", "--once", "-i", "null", "-o", lab.path("heard.wav"), stdin=slave)
        os.close(slave)
        juliet.wait("waiting")
        romeo = lab.dial("romeo", "juliet", "-i", lab.path("fox.wav"))
        romeo.wait("ringing")
        juliet.wait("incoming")
        time.sleep(1)                   # a person takes a second; the file must not have begun
        os.write(master, b"y")
        assert romeo.exit(60) == 0 and juliet.exit() == 0
        judge(fox, read_wav(lab.path("heard.wav")), 500)


def test_pipe_to_pipe():
    with Lab() as lab:
        fox, count = speech(lab.path("fox.wav"), FOX), speech(lab.path("count.wav"), COUNT, "en-us")
        count.tofile(lab.path("count.raw"))
        with open(lab.path("count.raw"), "rb") as src, open(lab.path("heard1.raw"), "wb") as dst:
            cat_in = subprocess.Popen(["cat"], stdin=src, stdout=subprocess.PIPE)
            cat_out = subprocess.Popen(["cat"], stdin=subprocess.PIPE, stdout=dst)
            juliet = lab.answer("juliet", "--once", "-i", lab.path("fox.wav"), "-o", lab.path("heard2.wav"),
                                "--at-end", "silence")
            romeo = lab.dial("romeo", "juliet", "-i", "-", "-o", "-", stdin=cat_in.stdout, stdout=cat_out.stdin)
            assert romeo.exit(60) == 0 and juliet.exit() == 0
            cat_in.wait()
            cat_out.stdin.close()
            cat_out.wait()
        import numpy as np
        judge(count, read_wav(lab.path("heard2.wav")), 500)
        judge(fox, np.fromfile(lab.path("heard1.raw"), "<i2"), 500)


def test_recording_is_whole_in_each_format_whatever_ends_the_call():
    for name in ("x.wav", "x.flac", "x.ogg", "x.opus"):
        for how in (signal.SIGINT, signal.SIGTERM):
            with Lab() as lab:
                juliet = lab.answer("juliet", "--once", "-i", "tone")
                romeo = lab.dial("romeo", "juliet", "-o", lab.path(name))
                romeo.wait("heard")
                juliet.wait("heard")
                romeo.signal(how)
                assert romeo.exit() == 0 and juliet.exit() == 0
                info = subprocess.run(["sndfile-info", lab.path(name)], capture_output=True, text=True)
                frames = [l for l in info.stdout.splitlines() if l.startswith("Frames")]
                assert info.returncode == 0 and frames and int(frames[0].split(":")[1]) > 0, info.stdout + info.stderr


def test_recording_of_a_killed_process_still_plays():
    with Lab() as lab:
        juliet = lab.answer("juliet", "--once", "-i", "tone")
        romeo = lab.dial("romeo", "juliet", "-o", lab.path("x.wav"))
        romeo.wait("heard")
        deadline = time.monotonic() + PATIENCE
        while os.path.getsize(lab.path("x.wav")) < 48000 and time.monotonic() < deadline:
            time.sleep(0.05)
        romeo.signal(signal.SIGKILL)
        romeo.exit()
        assert len(read_wav(lab.path("x.wav"))) >= 20000


def test_without_any_sound_device_files_work_and_nothing_chatters():
    with Lab() as lab:
        speech(lab.path("fox.wav"), FOX)
        juliet = lab.answer("juliet", "--once")
        romeo = lab.dial("romeo", "juliet", "-i", lab.path("fox.wav"), "-o", lab.path("h.wav"))
        assert romeo.exit() == 0
        assert romeo.lines == [] and juliet.lines == []


def test_missing_device_is_one_clear_line():
    with Lab() as lab:
        juliet = lab.answer("juliet")
        romeo = lab.dial("romeo", "juliet", "-i", "default", "-o", "default")
        assert romeo.exit() == 30
        assert len(romeo.lines) == 1 and "sound" in romeo.lines[0], romeo.lines
        assert not juliet.seen("incoming"), "it rang before it knew that it can talk"


def test_bad_files_are_told_before_anybody_is_rung():
    with Lab() as lab:
        juliet = lab.answer("juliet")
        open(lab.path("broken.wav"), "wb").write(b"RIFF\xff\xff\xff\xffWAVEgarbage")
        for args in (("-i", lab.path("broken.wav")), ("-i", lab.path("missing.wav")), ("-o", "/nonexistent/x.wav")):
            romeo = lab.dial("romeo", "juliet", *args)
            assert romeo.exit() == 31, (args, romeo.lines)
            assert len(romeo.lines) == 1
        assert not juliet.seen("incoming")


class Pulse:
    """A PulseAudio of our own with one null sink each way: left the sender's microphone, right the receiver's ear."""

    def __init__(self, lab):
        self.lab, self.dir = lab, lab.path("pulse")
        os.makedirs(self.dir)
        self.socket = os.path.join(self.dir, "sock")
        self.vars = {"PULSE_SERVER": "unix:" + self.socket, "PULSE_STATE_PATH": self.dir + "/st", "PULSE_RUNTIME_PATH": self.dir + "/rt"}
        self.procs = []

    def env(self, mic, spk):
        home = os.path.join(self.dir, mic)
        os.makedirs(home, exist_ok=True)
        open(os.path.join(home, ".asoundrc"), "w").write(
            f"pcm.mic {{ type pulse device {mic} }}\npcm.spk {{ type pulse device {spk} }}\n"
            "pcm.!default { type asym playback.pcm spk capture.pcm mic hint { show on description lab } }\n"
            "ctl.!default { type pulse }\n")
        return dict(self.lab.env(), HOME=home, PULSE_SERVER=self.vars["PULSE_SERVER"], PULSE_SINK=spk, PULSE_SOURCE=mic)

    def __enter__(self):
        lines = [f"load-module module-native-protocol-unix auth-anonymous=1 socket={self.socket}"]
        for n in ("ab", "ba"):
            lines += [f"load-module module-null-sink sink_name={n} rate=48000 channels=2 channel_map=front-left,front-right norewinds=1",
                      f"load-module module-remap-sink sink_name=feed_{n} master={n} channels=1 channel_map=mono master_channel_map=front-left remix=no",
                      f"load-module module-remap-sink sink_name=ear_{n} master={n} channels=1 channel_map=mono master_channel_map=front-right remix=no",
                      f"load-module module-remap-source source_name=mic_{n} master={n}.monitor channels=1 channel_map=mono master_channel_map=front-left remix=no"]
        open(self.dir + "/pa", "w").write("\n".join(lines) + "\n")
        env = dict(os.environ, HOME=self.dir, **self.vars)
        self.procs.append(subprocess.Popen(
            ["pulseaudio", "-n", "-F", self.dir + "/pa", "--daemonize=no", "--exit-idle-time=-1", "--use-pid-file=no", "--realtime=no",
             "--high-priority=no", "--disable-shm=yes", "--log-target=stderr"], env=env, stderr=open(self.dir + "/log", "wb")))
        end = time.monotonic() + PATIENCE
        while subprocess.run(["pactl", "info"], env=env, capture_output=True).returncode:
            assert time.monotonic() < end, "PulseAudio does not start"
            time.sleep(0.05)
        self.penv = env
        return self

    def __exit__(self, *a):
        for p in reversed(self.procs):
            if p.poll() is None:
                p.terminate()
                p.wait(10)

    def feed(self, sink, wav):
        p = subprocess.Popen(["sh", "-c", f"while :; do paplay -d {sink} --latency-msec=20 '{wav}'; done"], env=self.penv,
                             start_new_session=True, stderr=subprocess.DEVNULL)
        self.lab.stack.callback(lambda: (os.killpg(p.pid, 15), p.wait()))

    def record(self, sink, path):
        p = subprocess.Popen(["parec", "-d", sink + ".monitor", "--format=s16le", "--rate=48000", "--channels=2",
                              "--channel-map=front-left,front-right", "--latency-msec=10", "--raw", path], env=self.penv)
        self.procs.append(p)
        return p


def test_device_to_device():
    import shutil
    if not shutil.which("pulseaudio"):
        print("skipped: no pulseaudio on this machine")
        sys.exit(77)
    with Lab() as lab, Pulse(lab) as pulse:
        import numpy as np
        fox = speech(lab.path("fox.wav"), FOX)
        speech(lab.path("count.wav"), COUNT, "en-us")
        pulse.feed("feed_ab", lab.path("fox.wav"))
        pulse.feed("feed_ba", lab.path("count.wav"))
        juliet = lab.answer("juliet", "--once", "-i", "default", "-o", "default", env=pulse.env("mic_ba", "ear_ab"))
        romeo = lab.dial("romeo", "juliet", "-i", "default", "-o", "default", env=pulse.env("mic_ab", "ear_ba"))
        romeo.wait("heard")
        juliet.wait("heard")
        recorders = [pulse.record(n, lab.path(n + ".raw")) for n in ("ab", "ba")]
        end = time.monotonic() + PATIENCE
        while min(os.path.getsize(lab.path(n + ".raw")) if os.path.exists(lab.path(n + ".raw")) else 0
                  for n in ("ab", "ba")) < 12 * 48000 * 4:
            assert time.monotonic() < end
            time.sleep(0.1)
        romeo.signal(signal.SIGINT)
        assert romeo.exit() == 0 and juliet.exit() == 0
        for n in ("ab", "ba"):
            x = np.fromfile(lab.path(n + ".raw"), "<i2")
            x = x[:len(x) // 2 * 2].reshape(-1, 2)[2 * 48000:]
            # mouth to ear on one clock: the lag of the right channel behind the left
            judge(x[:8 * 48000, 0], x[:, 1], 400)


if __name__ == "__main__":
    run_tests(globals())
