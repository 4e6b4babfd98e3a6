#!/usr/bin/python3
"""What other processes of this machine can see of a jcall, or make of it: its memory, files, limits, sockets and names."""
import os, resource, signal, stat
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


if __name__ == "__main__":
    run_tests(globals())
