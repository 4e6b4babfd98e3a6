#!/usr/bin/python3
"""What other processes of this machine can see of a jcall, or make of it: its memory, files, limits, sockets and names."""
import json, os, resource, signal, socket, stat, subprocess
from lab import *


def count_in_memory(pid, needle):
    """How often NEEDLE is in the memory of the process; 0 where nobody may read it."""
    found = 0
    try:
        with open(f"/proc/{pid}/maps") as maps, open(f"/proc/{pid}/mem", "rb", 0) as memory:
            for line in maps:
                span, mode = line.split()[:2]
                if "r" not in mode or "[v" in line:
                    continue
                start, end = (int(x, 16) for x in span.split("-"))
                try:
                    memory.seek(start)
                    found += memory.read(end - start).count(needle)
                except (OSError, ValueError, OverflowError):
                    continue
    except PermissionError:
        pass
    return found


def script(lab, name, text):
    path = lab.path(name)
    with open(path, "w") as f:
        f.write("#!/bin/sh\n" + text)
    os.chmod(path, 0o755)
    return path


def test_the_password_is_not_in_memory_after_the_login_but_serves_for_the_next():
    with Lab() as lab:
        juliet = lab.answer("juliet")
        assert count_in_memory(juliet.pid, b"juliet-secret") == 0
        assert count_in_memory(juliet.pid, b"juliet@" + DOMAIN.encode()) > 0, "the test cannot read its memory"
        lab.stop_server(signal.SIGKILL)
        lab.start_server()
        deadline = time.monotonic() + 60
        while len(juliet.seen("connected")) < 2 and time.monotonic() < deadline:
            time.sleep(0.05)
        assert len(juliet.seen("connected")) == 2, juliet.lines
        assert count_in_memory(juliet.pid, b"juliet-secret") == 0


def test_commands_have_the_limits_that_it_was_started_with_and_it_has_its_own():
    def start_with():
        resource.setrlimit(resource.RLIMIT_NOFILE, (100, 300))
        resource.setrlimit(resource.RLIMIT_CORE, (4096, 8192))
    with Lab() as lab:
        look = script(lab, "look", f'echo $1 $(ulimit -Sn) $(ulimit -Hn) $(ulimit -Sc) >> {lab.path("limits")}\n')
        password = script(lab, "password", f'{look} password\necho juliet-secret\n')
        config = lab.config("juliet", password="")
        with open(config) as f:
            text = f.read()
        with open(config, "w") as f:
            f.write("".join(f"password_command = {password}\n" if l.startswith("password") else l for l in text.splitlines(True)))
        juliet = lab.jcall("juliet", "answer", "--auto", "--allow-contacts", "--on-event", f"{look} hook", "--exec", f"{look} exec",
                           "--once", config=config, preexec_fn=start_with)
        juliet.wait("waiting")
        limits = open(f"/proc/{juliet.pid}/limits").read().splitlines()
        assert any(l.split()[:6] == ["Max", "open", "files", "300", "300", "files"] for l in limits), limits
        assert any(l.split()[:6] == ["Max", "core", "file", "size", "0", "8192"] for l in limits), limits
        lab.dial("romeo", "juliet").exit()
        juliet.exit()
        told = {l.split()[0]: l.split()[1:] for l in open(lab.path("limits"))}
        blocks = str(4096 // 512), str(4096 // 1024)                        # the unit of ulimit -c is the shell's own
        assert set(told) == {"password", "hook", "exec"}, told
        for who, (soft, hard, core) in told.items():
            assert soft == "100" and hard == "300" and core in blocks, (who, soft, hard, core)


def test_a_hook_gets_the_file_as_its_user_typed_it_and_no_way_out_of_its_folder():
    with Lab() as lab:
        os.mkdir(lab.path("My Calls"))
        tell = script(lab, "tell", f'test -z "$JCALL_FILE" || test -f "$JCALL_FILE" && echo "$JCALL_EVENT $JCALL_FILE $JCALL_JID" >> {lab.path("told")}\n')
        juliet = lab.answer("juliet", "--once", "--record", "My Calls/x %n.wav", "--on-event", tell, cwd=lab.dir)
        jid = juliet.seen("waiting")[0]["jid"]
        assert lab.dial("romeo", "juliet", "--for", "1").exit() == 0 and juliet.exit() == 0
        told = open(lab.path("told")).read().splitlines()
        assert f"connected  {jid}" in told and "recorded My Calls/x 1.wav " in told, told
        assert stat.S_IMODE(os.stat(lab.path("My Calls/x 1.wav")).st_mode) == 0o600


def ctl(lab):
    p = subprocess.run([JCALL, "ctl", "status"], env=lab.env(), capture_output=True, timeout=30)
    return p.returncode, p.stdout.decode(), p.stderr.decode()


class Impostor:
    """Listens where a jcall would, and says what is not for terminals."""
    def __init__(self, path, answer=b"", uid=0):
        self.path = path
        self.pid = os.fork()
        if self.pid == 0:
            s = socket.socket(socket.AF_UNIX)
            s.bind(path)
            if uid:
                os.setuid(uid)
            s.listen()
            while True:
                c, _ = s.accept()
                while c.recv(4096):
                    c.sendall(answer + b"\n")
        while not os.path.exists(path) or not self.listens():
            time.sleep(0.01)

    def listens(self):
        return any(l.split()[-1] == self.path and l.split()[3] == "00010000" for l in open("/proc/net/unix"))

    def end(self):
        os.kill(self.pid, signal.SIGKILL)
        os.waitpid(self.pid, 0)
        os.unlink(self.path)


def test_ctl_speaks_to_nobody_but_its_own_user():
    answer = b'{"ok":true,"pid":1,"jid":"a@b"}'
    with Lab() as lab:
        folder = os.path.join(lab.env()["XDG_RUNTIME_DIR"], "jcall")
        os.makedirs(folder, 0o700, exist_ok=True)
        path = os.path.join(folder, "1.sock")
        one = Impostor(path, answer)
        assert ctl(lab)[0] == 0, "the test is wrong"
        for owner, mode, place in ((0, 0o770, folder), (0, 0o707, folder), (65534, 0o700, folder), (65534, 0o700, path)):
            os.chmod(place, mode)
            os.chown(place, owner, 0)
            status, out, err = ctl(lab)
            assert status != 0 and not out and "not spoken to" in err, (place, owner, oct(mode), out, err)
            os.chown(place, 0, 0)
            os.chmod(place, 0o700)
        assert ctl(lab)[0] == 0
        one.end()
        one = Impostor(path, answer, uid=65534)
        status, out, err = ctl(lab)
        assert status != 0 and not out and "another user listens there" in err, (status, out, err)
        one.end()


def test_ctl_prints_nothing_raw():
    answer = '{"ok":true,"pid":1,"jid":"a@b","x\\u001b]0;k":"\\u001b[31m\u202e\x9b\\u0007","calls":[{"call":1,"peer":"\\u001b[2J","state":"\u200b","direction":"\\r"}]}'
    with Lab() as lab:
        folder = os.path.join(lab.env()["XDG_RUNTIME_DIR"], "jcall")
        os.makedirs(folder, 0o700, exist_ok=True)
        one = Impostor(os.path.join(folder, "1.sock"), answer.encode())
        for more in ([], ["--json"]):
            p = subprocess.run([JCALL, "ctl", *more, "status"], env=lab.env(), capture_output=True, timeout=30)
            told = p.stdout.decode() + p.stderr.decode()
            assert p.returncode == 0 and "a@b" in told, told
            assert not set(told) & set("\x1b\u202e\x9b\x07\r\u200b"), repr(told)
            if more:
                assert json.loads(p.stdout) == json.loads(answer)
        one.end()


SLOW_DISK = r"""
#define _GNU_SOURCE
#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

/* A disk that is busy: every fsync takes SLOW_FSYNC seconds. */
int fsync(int fd)
{
	int (*real)(int) = (int (*)(int))dlsym(RTLD_NEXT, "fsync");
	struct timespec t = {atoi(getenv("SLOW_FSYNC"))};

	while (nanosleep(&t, &t) != 0)
		;
	return real(fd);
}

/* One that takes no more of the file "hang.wav". */
ssize_t write(int fd, const void *from, size_t n)
{
	ssize_t (*real)(int, const void *, size_t) = (ssize_t (*)(int, const void *, size_t))dlsym(RTLD_NEXT, "write");
	char link[64], path[512] = "";

	snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
	if (readlink(link, path, sizeof(path) - 1) > 0 && strstr(path, "hang.wav"))
		for (;;)
			pause();
	return real(fd, from, n);
}
"""


def slow_disk(lab):
    with open(lab.path("slow.c"), "w") as f:
        f.write(SLOW_DISK)
    subprocess.run(["cc", "-shared", "-fPIC", "-o", lab.path("slow.so"), lab.path("slow.c")], check=True)
    return lab.env(LD_PRELOAD=lab.path("slow.so"), SLOW_FSYNC="600")


def test_a_slow_disk_holds_up_neither_a_call_nor_for_long_its_end():
    with Lab() as lab:
        env = slow_disk(lab)
        state = os.path.join(lab.dir, ".local/state/jcall")
        os.makedirs(state, 0o700)
        for file in ("contacts", "calls"):                   # GLib waits for the disk where an old file is replaced
            with open(os.path.join(state, f"romeo@{DOMAIN}.{file}"), "w") as f:
                f.write("tybalt@lab.test\tTybalt\n" if file == "contacts" else "until\t1\n")
        juliet = lab.answer("juliet")
        romeo = lab.dial("romeo", "juliet", "-i", "null", env=env)
        romeo.wait("heard")                                   # the list of contacts came long ago
        romeo.signal(signal.SIGINT)
        romeo.wait("ended")
        assert romeo.exit() == 0, romeo.lines
        assert any("the list of contacts is not written: the disk does not answer" in l for l in romeo.lines), romeo.lines


def test_an_end_that_hangs_has_a_deadline_and_says_what_hangs():
    with Lab() as lab:
        juliet = lab.answer("juliet")
        romeo = lab.dial("romeo", "juliet", "-i", "null", "--record", lab.path("hang.wav"), "--for", "1", env=slow_disk(lab))
        assert romeo.exit() == 31, romeo.lines
        assert any("takes longer than 20 s: its recording is not complete: the disk does not answer" in l for l in romeo.lines), romeo.lines
        juliet.wait("ended")                                  # the other side was told at once


def run_full(lab, *args):
    with open("/dev/full", "w") as full:
        p = subprocess.run([JCALL, *args], env=lab.env(), stdout=full, stderr=subprocess.PIPE, timeout=90)
    return p.returncode, p.stderr.decode()


def test_what_cannot_be_written_is_told_and_has_a_status():
    with Lab() as lab:
        for args in (["help"], ["--version"], ["help", "dial"], ["dial", "--help"]):
            status, told = run_full(lab, *args)
            assert status == 31 and told.count("cannot be written to") == 1, (args, status, told)
        config = lab.config("romeo")
        lab.answer("juliet")
        for args in (["dial", "--json"], ["dial", "--events", "/dev/full"], ["answer", "--json"], ["answer", "--events", "/dev/full"]):
            callee = [lab.jid("juliet"), "--for", "1"] if args[0] == "dial" else []
            status, told = run_full(lab, *args, "-c", config, "-i", "null", "-o", "null", *callee)
            assert status == 31 and "events cannot be written: No space left on device" in told, (args, status, told)


def test_without_file_descriptors_a_caller_hears_busy_and_nobody_is_dropped():
    def few():
        resource.setrlimit(resource.RLIMIT_NOFILE, (26, 26))
    with Lab(users=("romeo", "juliet", "paris", "nurse")) as lab:
        juliet = lab.answer("juliet", "--max-calls", "20", preexec_fn=few)
        romeo = lab.dial("romeo", "juliet")
        romeo.wait("heard")
        others = [lab.dial(user, "juliet", "--for", "1") for user in ("paris", "nurse")]
        assert 10 in [o.exit() for o in others], [o.lines for o in others]
        assert any("no more files may be opened" in l for l in juliet.lines), juliet.lines
        romeo.signal(signal.SIGINT)
        assert romeo.exit() == 0, romeo.lines                 # the call that was there is untouched
        assert lab.dial("paris", "juliet", "--for", "1").exit() == 0


if __name__ == "__main__":
    run_tests(globals())
