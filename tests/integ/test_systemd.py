#!/usr/bin/python3
"""The unit that is shipped, run by a user manager (systemd --user) of the test's own: in namespaces and a control group
of its own, where those are to be had; otherwise the test is skipped."""
import time
from lab import *
from test_sound import Pulse

MANAGER = "/lib/systemd/systemd"
TOP = os.path.join(os.path.dirname(os.path.abspath(__file__)), "../..")


def control_groups():
    """Where cgroup2 is mounted."""
    for line in open("/proc/self/mountinfo"):
        before, after = line.split(" - ")
        if after.startswith("cgroup2 "):
            return before.split()[4]
    return None


def skip(why):
    print("skipped:", why)
    sys.exit(77)


def remove_group(path):
    """The processes in it end with the namespace; the kernel takes a moment to see that."""
    end = time.monotonic() + PATIENCE
    for at, _, _ in list(os.walk(path, topdown=False)):
        while os.path.isdir(at):
            try:
                os.rmdir(at)
            except OSError:
                if time.monotonic() > end:
                    raise
                time.sleep(0.1)


def under_systemd():
    """Runs this test again where a user manager can live: it asks for /run/systemd/system and for a control group it owns."""
    if os.environ.get("JCALL_SYSTEMD"):
        return
    if not os.path.exists(MANAGER):
        skip("no systemd on this machine")
    script = "set -e; echo $$ >\"$1/cgroup.procs\"; shift; exec unshare --mount --pid --fork --cgroup --mount-proc sh -c " \
             "'set -e; mount -t tmpfs none /run; mkdir -p /run/systemd/system; mount -t cgroup2 none /sys/fs/cgroup; exec \"$@\"' sh \"$@\""
    group = f"{control_groups()}/jcall-test-{os.getpid()}"
    try:
        os.mkdir(group)
    except OSError as e:
        skip(f"no control groups to be had here: {e}")
    try:
        run = ["sh", "-c", script, "sh", group]
        if subprocess.run(run + ["true"], capture_output=True).returncode:
            skip("namespaces are not to be had here")
        status = subprocess.run(run + [sys.executable, sys.argv[0], sys.argv[1]], env=dict(os.environ, JCALL_SYSTEMD="1")).returncode
    finally:
        remove_group(group)
    sys.exit(status)


class User:
    """Juliet, logged in at a machine whose user manager knows the units as `make install` leaves them."""

    def __init__(self, lab, env, **sections):
        self.lab, self.home, self.log = lab, env["HOME"], lab.path("log")
        self.env = dict(env, XDG_RUNTIME_DIR=lab.path("run"))
        os.makedirs(lab.path("run"), 0o700, exist_ok=True)
        os.makedirs(f"{self.home}/.config/jcall")
        self.env.pop("XDG_CONFIG_HOME")
        self.configure(**sections)
        build = os.path.relpath(os.path.dirname(JCALL), TOP)
        subprocess.run(["make", "-s", "-C", TOP, "install", f"B={build}", f"PREFIX={lab.path('prefix')}", "-o", "all",
                        f"UNITDIR={self.home}/.config/systemd/user"], check=True, stdout=subprocess.DEVNULL,
                       env={k: v for k, v in os.environ.items() if not k.startswith("MAKE")})
        for unit in ("jcall-answer", "jcall-answer@"):      # as `systemctl --user edit` writes it; no journal runs here
            os.makedirs(f"{self.home}/.config/systemd/user/{unit}.service.d")
            with open(f"{self.home}/.config/systemd/user/{unit}.service.d/override.conf", "w") as f:
                f.write(f"[Service]\nWatchdogSec=2\nRestartSec=100ms\nStandardError=append:{self.log}\n"
                        "Environment=ASAN_OPTIONS=detect_leaks=0\n")       # leaks are looked for by ptrace, which the unit forbids

    def configure(self, **sections):
        path = self.lab.config("juliet", answer={"allow_contacts": "true"}, **sections)
        shutil.copy(path, f"{self.home}/.config/jcall/config")

    def __enter__(self):
        self.p = subprocess.Popen([MANAGER, "--user"], env=self.env, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        end = time.monotonic() + PATIENCE
        while self.ctl("is-system-running", check=False).strip() != "running":
            assert time.monotonic() < end and self.p.poll() is None, "the user manager does not start"
            time.sleep(0.1)
        return self

    def __exit__(self, *error):
        if error[0] and os.path.exists(self.log):
            print(open(self.log).read()[-3000:])
        self.p.send_signal(signal.SIGTERM)
        self.p.wait(PATIENCE)

    def ctl(self, *args, check=True):
        done = subprocess.run(["systemctl", "--user", "--no-pager", *args], env=self.env, capture_output=True, text=True)
        assert not check or done.returncode == 0, (args, done.stdout, done.stderr, self.show("jcall-answer"))
        return done.stdout

    def show(self, unit):
        return dict(line.split("=", 1) for line in self.ctl("show", unit).splitlines() if "=" in line)

    def wait(self, unit, what, **want):
        """Until the properties of UNIT are those."""
        end = time.monotonic() + PATIENCE
        while True:
            have = self.show(unit)
            if all(have.get(k) == v for k, v in want.items()):
                return have
            assert time.monotonic() < end, f"{what}: {dict((k, have.get(k)) for k in [*want, 'StatusText', 'Result'])}"
            time.sleep(0.1)


def test_the_unit_takes_calls_by_the_sound_server_and_ends_in_order():
    if not shutil.which("pulseaudio"):
        skip("no pulseaudio on this machine")
    under_systemd()
    with Lab() as lab, Pulse(lab) as pulse, User(lab, pulse.env("mic_ab", "ear_ba")) as juliet:
        juliet.ctl("start", "jcall-answer")
        state = juliet.show("jcall-answer")
        assert (state["ActiveState"], state["SubState"], state["NotifyAccess"]) == ("active", "running", "main"), state
        assert state["StatusText"].startswith("Waiting for calls to juliet@lab.test/"), state["StatusText"]
        status = open(f"/proc/{state['MainPID']}/status").read()
        assert "NoNewPrivs:\t1" in status and "Seccomp:\t2" in status, status
        romeo = lab.dial("romeo", "juliet", "-i", "tone", "--for", "5")
        jid = romeo.wait("connected")["jid"]
        romeo.wait("heard")
        juliet.wait("jcall-answer", "talking", StatusText=f"Talking with {jid}")
        assert romeo.exit() == 0, romeo.lines
        juliet.ctl("stop", "jcall-answer")
        state = juliet.show("jcall-answer")
        assert (state["ActiveState"], state["Result"], state["ExecMainStatus"], state["NRestarts"]) == ("inactive", "success", "0", "0"), state


def test_a_service_that_hangs_is_started_again():
    under_systemd()
    with Lab() as lab, User(lab, lab.env(), audio={"in": "null", "out": "null"}) as juliet:
        juliet.ctl("start", "jcall-answer")
        first = juliet.show("jcall-answer")["MainPID"]
        time.sleep(3)                   # longer than the watchdog waits: it is fed
        state = juliet.show("jcall-answer")
        assert (state["MainPID"], state["NRestarts"]) == (first, "0"), state
        os.kill(int(first), signal.SIGSTOP)
        state = juliet.wait("jcall-answer", "started again", NRestarts="1", ActiveState="active", SubState="running")
        assert state["MainPID"] != first
        assert lab.dial("romeo", "juliet", "--for", "1").exit() == 0


def test_a_wrong_password_is_not_tried_again_and_a_dead_server_is():
    under_systemd()
    with Lab() as lab, User(lab, lab.env(), audio={"in": "null", "out": "null"}) as juliet:
        right = open(f"{juliet.home}/.config/jcall/config").read()
        with open(f"{juliet.home}/.config/jcall/config", "w") as f:
            f.write(right.replace("juliet-secret", "wrong"))
        juliet.ctl("start", "jcall-answer", check=False)
        juliet.wait("jcall-answer", "failed for good", ActiveState="failed", ExecMainStatus="4", NRestarts="0")
        with open(f"{juliet.home}/.config/jcall/config", "w") as f:
            f.write(right)
        lab.stop_server()
        juliet.ctl("start", "--no-block", "jcall-answer")
        end = time.monotonic() + PATIENCE
        while int(juliet.show("jcall-answer")["NRestarts"]) < 1:
            assert time.monotonic() < end, juliet.show("jcall-answer")
            time.sleep(0.05)
        juliet.ctl("reset-failed", "jcall-answer")
        lab.start_server()
        juliet.ctl("start", "jcall-answer")
        juliet.wait("jcall-answer", "up", ActiveState="active", SubState="running")


def test_an_instance_is_an_account():
    under_systemd()
    with Lab() as lab, User(lab, lab.env(), audio={"in": "null", "out": "null"}) as juliet:
        juliet.ctl("start", "jcall-answer@juliet")
        assert juliet.show("jcall-answer@juliet")["StatusText"].startswith("Waiting for calls to juliet@lab.test/")
        juliet.ctl("start", "jcall-answer@nobody", check=False)
        juliet.wait("jcall-answer@nobody", "no such account", ActiveState="failed", ExecMainStatus="3")


if __name__ == "__main__":
    run_tests(globals())
