#!/usr/bin/python3
"""The completions of bash, zsh and fish, in these shells: what they offer, and that hostile names of contacts, devices and files
get into the command line as what they are, whatever quotes were begun, and run nothing."""
import contextlib, os, pty, shlex, shutil, subprocess, tempfile, threading, time
from lab import JCALL, PATIENCE

FOLDER = os.path.join(os.path.dirname(os.path.abspath(__file__)), "../../completions")
SHELLS = ("bash", "zsh", "fish")
EVIL = ["x;{touch,owned}@evil.test", "$({touch,owned})@evil.test", "`{touch,owned}`@evil.test", r"back\slash@evil.test",
        "wow!ls@evil.test", "star*[a]?@evil.test", "~root@evil.test", "a|b#c@evil.test", "tilde@evil.test"]
DEVICES = ["HDA Intel: ALC (hw:0,0)", "My \"Best\" $(touch owned) Mic's `touch owned`", "Mic;touch owned", "Owned\\x0atouch owned", "é ü  %s {a,b}"]
# Commands for the shell, then jcall's arguments in full, as the programs that it is asked for would be called by the shell.
WRAPPER = """#!/bin/sh
case "$*" in
"ctl --help") if [ -e "$HOME/ctl" ]; then cat "$HOME/ctl"; else exec %s "$@"; fi ;;
*--help | contacts\\ --cached*) exec %s "$@" ;;
devices) cat "$HOME/devices" ;;
*) printf '%%s\\0' "$@" >"$HOME/args.new"; mv "$HOME/args.new" "$HOME/args" ;;
esac
"""


class Home:
    """A home with a jcall that writes down its arguments, people, devices and files."""
    def __enter__(self):
        self.dir = tempfile.mkdtemp(prefix="jcall-complete-")
        self.write("bin/jcall", WRAPPER % (2 * (shlex.quote(os.path.abspath(JCALL)),)))
        os.chmod(self.path("bin/jcall"), 0o755)
        self.write("config/jcall/config", "[account home]\njid = romeo@m.test\n[account at work]\njid = r@work.test\n"
                   "[contact julie]\njid = juliet@capulet.test\n[contact $(touch${IFS}owned)]\njid = eve@evil.test\n")
        self.write("state/jcall/romeo@m.test.contacts", "".join(f"{jid}\tName $(touch owned) 'of' \"{i}\"\n" for i, jid in enumerate(EVIL)) +
                   "juliet@capulet.test\tJuliet\nnurse@ward.test\tThe Nurse\n")
        self.write("state/jcall/r@work.test.contacts", "boss@work.test\tBoss\n")
        self.write("devices", "".join(f"{i:3d}  io  {d}{'  (default)' if i == 0 else ''}\n" for i, d in enumerate(DEVICES)) +
                   " 10  i-  Only In  (default input)\n 11  -o  Only Out\nrubbish $(touch owned)\n")
        for name in ("plain.wav", "two words.wav", "$(touch owned).ogg", "new\nline.flac"):
            self.write("work/" + name, "")
        os.mkdir(self.path("work/folder"))
        return self

    def __exit__(self, kind, *_):
        try:
            owned = [f for _, _, files in os.walk(self.dir) for f in files if f == "owned"]
            assert kind or not owned, "a name was executed"
        finally:
            shutil.rmtree(self.dir)

    def path(self, *parts):
        return os.path.join(self.dir, *parts)

    def write(self, name, text):
        os.makedirs(os.path.dirname(self.path(name)), exist_ok=True)
        open(self.path(name), "w").write(text)

    def env(self):
        return {"HOME": self.dir, "PATH": self.path("bin") + ":/usr/bin:/bin", "TERM": "xterm", "LANG": "C.UTF-8", "INPUTRC": "/dev/null",
                "XDG_CONFIG_HOME": self.path("config"), "XDG_STATE_HOME": self.path("state"), "XDG_RUNTIME_DIR": self.path("run"),
                "COMPLETIONS": FOLDER,
                "ASAN_OPTIONS": os.environ.get("ASAN_OPTIONS", ""), "LSAN_OPTIONS": os.environ.get("LSAN_OPTIONS", "")}

    def run(self, *argv):
        done = subprocess.run(argv, env=self.env(), cwd=self.path("work"), capture_output=True, text=True, timeout=PATIENCE,
                              stdin=subprocess.DEVNULL)
        assert done.returncode == 0 and not done.stderr, (argv, done)
        return done.stdout


# ---- what is offered ----

BASH = r"""source "$COMPLETIONS/jcall.bash"
COMP_WORDS=("$@") COMP_CWORD=$(($# - 1)) COMP_LINE="$*" COMP_POINT=${#COMP_LINE}
_jcall jcall "${COMP_WORDS[COMP_CWORD]}" "${COMP_WORDS[COMP_CWORD-1]}"
printf '%s\n' "${COMPREPLY[@]}"
"""
# compadd, and what of the completion system is used, outside of a real completion.
ZSH = r"""compadd() { while [[ $1 != -- ]]; do shift; done; shift; print -rl -- "${(@M)@:#${PREFIX}*}" }
compset() { PREFIX=${PREFIX#*=} }
_files() { print -rl -- ${PREFIX}*(N) }
words=("$@") CURRENT=$# PREFIX=${@[-1]}
source "$COMPLETIONS/_jcall"
"""
FISH = 'source "$COMPLETIONS/jcall.fish"; complete -C "$argv"'


def offered(home, shell, *words):
    """For simple words, which need no quotes: what the last may become."""
    if shell == "bash":
        out = home.run("bash", "--norc", "-c", BASH, "bash", "jcall", *words)
    elif shell == "zsh":
        out = home.run("zsh", "-f", "-c", ZSH, "zsh", "jcall", *words).replace("--in=", "")
    else:
        out = home.run("fish", "--no-config", "-c", FISH, " ".join(("jcall",) + words))
    return sorted({line.split("\t")[0].rstrip() for line in out.splitlines() if line})


def test_commands_options_and_words_of_options_are_offered():
    with Home() as home:
        for shell in SHELLS:
            assert offered(home, shell, "di") == ["dial"], shell
            assert offered(home, shell, "help", "hi") == ["history"], shell
            assert offered(home, shell, "dial", "--ring") == ["--ring-timeout"], shell
            assert offered(home, shell, "dial", "--at-end", "") == ["device", "hangup", "silence"], shell
            assert offered(home, shell, "dial", "-a", "h") == ["home"], shell
            assert offered(home, shell, "dial", "--json", "--for", "") == [], shell
            assert offered(home, shell, "nonsense", "") == [], shell


def test_contacts_are_offered_by_alias_and_address_of_the_account_that_is_named():
    with Home() as home:
        for shell in SHELLS:
            assert offered(home, shell, "dial", "jul") == ["julie", "juliet@capulet.test"], shell
            assert offered(home, shell, "dial", "--json", "-i", "null", "nu") == ["nurse@ward.test"], shell
            assert offered(home, shell, "doctor", "--peer", "nu") == ["nurse@ward.test"], shell
            assert offered(home, shell, "dial", "julie", "nu") == [], shell         # one person at a time
            assert offered(home, shell, "dial", "-a", "at work" if shell == "bash" else "'at work'", "bo") == ["boss@work.test"], shell


def test_devices_are_offered_by_the_way_they_go():
    with Home() as home:
        for shell in SHELLS:
            assert offered(home, shell, "dial", "-i", "device:Only") in (["device:Only In"], [r"device:Only\ In"]), shell
            assert offered(home, shell, "dial", "--out", "device:Only") in (["device:Only Out"], [r"device:Only\ Out"]), shell
            assert "null" in offered(home, shell, "dial", "-o", "n"), shell
            assert "tone" not in offered(home, shell, "dial", "-o", "t") and "tone" in offered(home, shell, "answer", "-i", "t"), shell
            assert offered(home, shell, "dial", "-i", "pl") == ["plain.wav"], shell


def test_the_verbs_of_ctl_are_offered_and_what_follows_them():
    verbs = "status answer reject hangup mute unmute hold resume dtmf play record stop stats volume device events".split()
    with Home() as home:
        for shell in SHELLS:
            assert offered(home, shell, "ctl", "") == sorted(verbs), shell
        home.write("ctl", "  -p, --pid=PID    That process\n  -a, --account=NAME  That account\n")
        home.write("run/jcall/123.sock", "")
        home.write("run/jcall/4567.sock", "")
        for shell in SHELLS:
            assert offered(home, shell, "ctl", "-p", "") == ["123", "4567"], shell
            assert offered(home, shell, "ctl", "--pid", "4") == ["4567"], shell
            assert offered(home, shell, "ctl", "-p", "123", "-a", "home", "hang") == ["hangup"], shell
            assert offered(home, shell, "ctl", "-a", "h") == ["home"], shell
            assert offered(home, shell, "ctl", "device", "") == ["in", "out"], shell
            assert offered(home, shell, "ctl", "device", "out", "Only") in (["Only Out"], [r"Only\ Out"]), shell
            assert offered(home, shell, "ctl", "play", "pl") == ["plain.wav"], shell
            assert offered(home, shell, "ctl", "stop", "") == ["play", "record"], shell
            assert offered(home, shell, "ctl", "mute", "") == offered(home, shell, "ctl", "stop", "play", "") == [], shell


def test_without_a_jcall_there_is_nothing_to_offer_and_no_word_of_it():
    with Home() as home:
        os.unlink(home.path("bin/jcall"))
        for shell in SHELLS:
            assert [w for w in offered(home, shell, "di") if not w.startswith("-")] == [], shell


# ---- typed on a terminal ----

START = {"bash": (["bash", "--norc", "--noprofile", "-i"], "PS1='> '; source \"$COMPLETIONS/jcall.bash\"; bind 'set bell-style none'; PROMPT_COMMAND='echo READY'\n"),
         "zsh": (["zsh", "-f", "-i"], "fpath=($COMPLETIONS $fpath); autoload -Uz compinit; compinit -D -u; unsetopt beep; precmd() { print READY }\n")}


class Typed:
    """A shell on a terminal of its own."""
    def __init__(self, home, shell):
        self.home, (argv, begin), self.said, self.prompts = home, START[shell], b"", 0
        master, slave = pty.openpty()
        self.p = subprocess.Popen(argv, stdin=slave, stdout=slave, stderr=slave, env=home.env(), cwd=home.path("work"), start_new_session=True)
        os.close(slave)
        self.master = master
        threading.Thread(target=self._read, daemon=True).start()
        self.type(begin)
        self.prompted()

    def prompted(self):
        """It waits for the next command."""
        end = time.monotonic() + PATIENCE
        self.prompts += 1
        while self.said.count(b"READY\r\n") < self.prompts:
            assert time.monotonic() < end and self.p.poll() is None, self.said[-1000:]
            time.sleep(0.01)

    def _read(self):
        with contextlib.suppress(OSError):
            while True:
                said = os.read(self.master, 65536)
                self.said += said

    def type(self, text):
        os.write(self.master, text.encode())

    def arguments(self, text):
        """Of the jcall that is run when TEXT is typed."""
        path = self.home.path("args")
        with contextlib.suppress(FileNotFoundError):
            os.unlink(path)
        self.type(text + "\n")
        end = time.monotonic() + PATIENCE
        while not os.path.exists(path):
            assert time.monotonic() < end and self.p.poll() is None, (text, self.said[-1000:])
            time.sleep(0.01)
        self.prompted()
        return open(path).read().split("\0")[:-1]

    def stop(self):
        self.p.kill()
        self.p.wait()
        os.close(self.master)


@contextlib.contextmanager
def typed(shell):
    with Home() as home:
        t = Typed(home, shell)
        try:
            yield t
        finally:
            t.stop()


def begun(text, n):
    """The first N characters of TEXT as people quote them: by backslashes, in single and in double quotes."""
    part = text[:n]
    yield "".join(c if c.isalnum() or c in ":@." else "\\" + c for c in part)
    if "'" not in part:
        yield "'" + part
    if not set(part) & set("\"$`\\!"):
        yield '"' + part


def check_typed(shell):
    with typed(shell) as t:
        def check(line, *expected):
            got = t.arguments("jcall " + line)
            assert got == list(expected), (shell, line, got)

        check("di\tjuliet@ca\t", "dial", "juliet@capulet.test")
        check("dial --in=pla\t nurse@w\t", "dial", "--in=plain.wav", "nurse@ward.test")
        check("dial -i two\t", "dial", "-i", "two words.wav")
        check("dial -i '$\t", "dial", "-i", "$(touch owned).ogg")
        check("dial -i fol\t", "dial", "-i", "folder/" if shell == "bash" else "folder")     # zsh takes the slash away at the end
        for jid in EVIL:
            others = EVIL + ["$(touch${IFS}owned)"]
            unique = next(n for n in range(1, 99) if sum(e.startswith(jid[:n]) for e in others) == 1)
            for start in begun(jid, unique):
                if shell == "bash" and "!" in jid and start[0] == '"':
                    continue            # bash has no way to write it in double quotes, so it is not offered there
                check(f"dial {start}\t", "dial", jid)
        for device in DEVICES:
            unique = next(n for n in range(1, 99) if sum(d.startswith(device[:n]) for d in DEVICES + ["Only In"]) == 1)
            for start in begun("device:" + device, len("device:") + unique):
                check(f"dial -i {start}\t", "dial", "-i", "device:" + device)
            check(f"dial --in=device:{next(begun(device, unique))}\t", "dial", "--in=device:" + device)


def test_bash_puts_in_what_is_meant_and_runs_nothing():
    check_typed("bash")


def test_zsh_puts_in_what_is_meant_and_runs_nothing():
    check_typed("zsh")


def test_fish_puts_in_what_is_meant_and_runs_nothing():
    script = """source "$COMPLETIONS/jcall.fish"
function jcall; printf '%s\\n' $argv[-1]; end
for line in (complete --escape -C $argv[1]); eval $argv[2](string split -f 1 \\t -- $line); end"""
    people, devices = [("", jid[:3], jid) for jid in EVIL], [("-i ", "device:" + d[:4], "device:" + d) for d in DEVICES]
    with Home() as home:
        for option, begin, wanted in people + devices:
            quoted = "'" + begin.replace("\\", "\\\\").replace("'", "\\'")
            got = home.run("fish", "--no-config", "-c", script, f"jcall dial {option}{quoted}", f"jcall dial {option}").splitlines()
            assert wanted in got, (begin, got)


if __name__ == "__main__":
    from lab import run_tests
    run_tests(globals())
