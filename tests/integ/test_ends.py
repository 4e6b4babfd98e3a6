#!/usr/bin/python3
"""However starved the machine is and whenever the end comes, a jcall ends by its own doing: never by a signal, and wholly.

JCALL_ENDS=500 tries more ends than the check has time for."""
import random
from lab import *

ENDS = int(os.environ.get("JCALL_ENDS", "16"))
STATUSES = {0, 4, 5, 10, 11, 12, 13, 14, 15, 20, 23, 24, 130, 143}


@contextlib.contextmanager
def starved():
    """On one core, beside busy loops that go first."""
    loops = [subprocess.Popen([sys.executable, "-c", "while True: pass"], preexec_fn=lambda: os.sched_setaffinity(0, {0}))
             for _ in range(2)]
    try:
        yield lambda: (os.sched_setaffinity(0, {0}), os.sched_setscheduler(0, os.SCHED_IDLE, os.sched_param(0)))
    finally:
        for p in loops:
            p.kill()
            p.wait()


def check_end(process, how):
    """By one signal it ends with a status of its own, and nothing that it started goes on."""
    status = process.exit(4 * PATIENCE)
    assert status in STATUSES, (how, status, process.lines)
    left = subprocess.run(["pgrep", "-s", str(process.pid)], capture_output=True, text=True).stdout.split()
    assert not left, (how, left)


def wait_for_main(process):
    """Until it catches SIGINT: before main runs no program can."""
    def caught():
        mask = next(line for line in open(f"/proc/{process.pid}/status") if line.startswith("SigCgt"))
        return int(mask.split()[1], 16) >> (signal.SIGINT - 1) & 1
    end = time.monotonic() + 4 * PATIENCE
    while "jcall" not in open(f"/proc/{process.pid}/comm").read() or not caught():
        assert process.p.poll() is None and time.monotonic() < end, process.lines
        time.sleep(0.001)


def test_an_end_at_any_moment_of_a_starved_login_ringing_or_call_is_an_orderly_one():
    chance = random.Random(1)
    with Lab() as lab, starved() as starve:
        for n in range(ENDS):
            after = chance.choice(("start", "start", "connected", "ringing", "accepted", "heard"))
            number, wait = chance.choice((signal.SIGINT, signal.SIGTERM)), chance.uniform(0, 1.5)
            victim = chance.choice(("dial", "answer"))
            juliet = lab.jcall("juliet", "answer", "--auto", "--allow-contacts", "--once", "-i", "tone", "-o", "null",
                               start_new_session=True, preexec_fn=starve if victim == "answer" else None)
            if victim == "dial" or after != "start":
                juliet.wait("waiting", 4 * PATIENCE)
            if victim == "dial" or after in ("ringing", "accepted", "heard"):
                romeo = lab.dial("romeo", "juliet", "-i", "tone", "-o", "null", start_new_session=True,
                                 preexec_fn=starve if victim == "dial" else None)
            ended = romeo if victim == "dial" else juliet
            if after == "connected" or (after == "ringing" and victim == "answer"):
                ended.wait("connected" if after == "connected" else "incoming", 4 * PATIENCE)
            elif after == "start":
                wait_for_main(ended)
            else:
                ended.wait(after, 4 * PATIENCE)
            time.sleep(wait)            # any moment: there is no event to wait for
            ended.signal(number)
            check_end(ended, (victim, after, number, wait))
            for p in lab.procs:
                p.stop()
            lab.procs.clear()


def test_a_signal_right_at_the_start_ends_it_by_its_own_doing():
    chance = random.Random(2)
    with Lab() as lab:
        juliet = lab.jcall("juliet", "answer", "-i", "null", "-o", "null")      # rings for ever
        juliet.wait("waiting")
        for n in range(ENDS):
            p = lab.dial("romeo", "juliet")
            wait_for_main(p)
            time.sleep(chance.uniform(0, 0.1))
            p.signal(signal.SIGINT)
            assert p.exit() in (14, 130), p.lines


if __name__ == "__main__":
    run_tests(globals())
