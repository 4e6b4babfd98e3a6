"""client_browser.py - Chromium's WebRTC, headless, with the library stanza from npm. Contract: README beside this.

browser/page.js holds the calls; here the page is built, the browser run and steered: by the DevTools protocol over two pipes
(--remote-debugging-pipe: JSON, each message ended by a zero byte). The page stands at the server's own address, so that
the microphone is allowed, and logs in by WebSocket (RFC 7395): the Lab has to have been made with websocket=True."""
import base64, contextlib, functools, json, os, re, shutil, signal, subprocess, tempfile, threading, time, wave
from lab import DOMAIN, PATIENCE

NAME = "browser"
HERE = os.path.dirname(os.path.abspath(__file__))
SOURCE = os.path.join(HERE, "browser")
BUILD = os.path.join(HERE, "../../build/browser")
BUNDLE = os.path.join(BUILD, "page.js")
FLAGS = ("--headless=new", "--disable-gpu", "--disable-dev-shm-usage", "--remote-debugging-pipe", "--no-first-run",
         "--disable-background-networking", "--disable-component-update", "--disable-sync", "--disable-default-apps",
         "--disable-extensions", "--no-pings", "--no-proxy-server", "--host-resolver-rules=MAP * ~NOTFOUND , EXCLUDE 127.0.0.1",
         "--autoplay-policy=no-user-gesture-required", "--allow-loopback-in-peer-connection",
         *(["--no-sandbox"] if os.geteuid() == 0 else []))        # as root it starts in no other way
# A microphone that it is allowed to use, and candidates with the addresses of this machine; without these they have names.
OPEN = ("--use-fake-device-for-media-stream", "--use-fake-ui-for-media-stream", "--disable-features=WebRtcHideLocalIpsWithMdns")


def run(*argv, **kw):
    """None, or what a failing program said of its error."""
    done = subprocess.run(argv, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                          errors="replace", **kw)
    if done.returncode == 0:
        return None
    return ([line for line in done.stdout.splitlines() if "rror" in line] + done.stdout.splitlines() + ["it did not say why"])[0]


def install(tool, package):
    if shutil.which(tool):
        return None
    if os.geteuid() != 0 or not shutil.which("apt-get"):
        return f"{tool} is not installed"
    wrong = run("apt-get", "update") or run("apt-get", "install", "-y", "--no-install-recommends", package,
                                            env=dict(os.environ, DEBIAN_FRONTEND="noninteractive"))
    return wrong and f"apt-get does not install {package}: {wrong}"


def bundle():
    """page.js and the library in one file, made anew when one of its sources is younger."""
    sources = [os.path.join(SOURCE, name) for name in ("package.json", "page.js")]
    if os.path.exists(BUNDLE) and os.path.getmtime(BUNDLE) > max(os.path.getmtime(s) for s in sources):
        return None
    wrong = install("npm", "npm")
    if wrong:
        return wrong
    os.makedirs(BUILD, exist_ok=True)
    shutil.copy(sources[0], BUILD)
    wrong = run("npm", "install", "--ignore-scripts", "--no-audit", "--no-fund", "--fetch-retries=1", "--fetch-retry-mintimeout=1000",
                "--fetch-timeout=30000", cwd=BUILD)
    if wrong:
        return f"npm does not install stanza and esbuild: {wrong}"
    wrong = run("node_modules/.bin/esbuild", os.path.abspath(sources[1]), "--bundle", "--format=iife", "--outfile=page.new.js",
                "--define:global=globalThis", cwd=BUILD, env=dict(os.environ, NODE_PATH=os.path.join(BUILD, "node_modules")))
    if wrong:
        return f"esbuild does not bundle the page: {wrong}"
    os.rename(os.path.join(BUILD, "page.new.js"), BUNDLE)
    return None


@functools.cache        # a registry that does not answer is not asked again for each of the browser's kinds
def missing():
    return install("chromium", "chromium") or bundle()


class Browser:
    """Chromium and one page in it."""

    def __init__(self, folder, wav, hides):
        self.replies, self.news, self.n, self.complaints, self.session = {}, threading.Condition(), 0, [], None
        to_read, self.to = os.pipe()
        self.of, to_write = os.pipe()
        # It reads commands from 3 and answers on 4.
        argv = ["sh", "-c", 'exec "$@" 3<&0 4>&1 </dev/null >/dev/null', "sh", "chromium", *FLAGS, f"--user-data-dir={folder}",
                *(() if hides else (*OPEN, f"--use-file-for-fake-audio-capture={wav}")), "about:blank"]
        self.log = os.path.join(folder, "log")
        with open(self.log, "wb") as log:
            self.p = subprocess.Popen(argv, stdin=to_read, stdout=to_write, stderr=log, start_new_session=True, env=dict(os.environ, HOME=folder))
        os.close(to_read)
        os.close(to_write)
        threading.Thread(target=self._read, daemon=True).start()

    def _read(self):
        rest = b""
        while data := os.read(self.of, 1 << 20):
            *whole, rest = (rest + data).split(b"\0")
            for m in map(json.loads, whole):
                with self.news:
                    if "id" in m:
                        self.replies[m["id"]] = m
                        self.news.notify_all()
                    elif m["method"] in ("Runtime.consoleAPICalled", "Runtime.exceptionThrown"):
                        self.complaints = self.complaints[-20:] + [json.dumps(m["params"])[:600]]
        os.close(self.of)
        with self.news:
            self.of = None
            self.news.notify_all()

    def command(self, method, limit=PATIENCE, **params):
        with self.news:
            self.n += 1
            n, m = self.n, {"id": self.n, "method": method, "params": params}
            if self.session:
                m["sessionId"] = self.session
            if self.of is not None:
                os.write(self.to, json.dumps(m).encode() + b"\0")
            if not self.news.wait_for(lambda: n in self.replies or self.of is None, limit) or self.of is None:
                with open(self.log, errors="replace") as log:
                    raise AssertionError(f"the browser does not answer {method}: {log.read()[-1000:]}")
            answer = self.replies.pop(n)
        if "error" in answer:
            raise AssertionError(f"the browser, {method}: {answer['error']}")
        return answer["result"]

    def open(self, url):
        target = self.command("Target.createTarget", url=url)["targetId"]
        self.session = self.command("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
        self.command("Runtime.enable")
        end = time.monotonic() + PATIENCE
        while self.run("location.href + document.readyState") != url + "complete":
            assert time.monotonic() < end, f"the browser does not come to {url}"
            time.sleep(0.05)

    def run(self, script, limit=PATIENCE):
        done = self.command("Runtime.evaluate", limit, expression=script, awaitPromise=True, returnByValue=True)
        if "exceptionDetails" in done:
            raise AssertionError(f"the page: {json.dumps(done['exceptionDetails'])[:800]}")
        return done["result"].get("value")

    def stop(self):
        if self.to is None:
            return
        self.p.terminate()
        with contextlib.suppress(subprocess.TimeoutExpired):
            self.p.wait(10)
        with contextlib.suppress(ProcessLookupError):       # all is its children's, too
            os.killpg(self.p.pid, signal.SIGKILL)
        self.p.wait()
        os.close(self.to)
        self.to = None


class Peer:
    RINGS = True        # by XEP-0353
    HIDES = False       # the addresses of this machine: candidates have names (.local)

    def __init__(self, lab, user, say, hear):
        self.hear = hear
        options = {"jmi": self.RINGS}
        if self.HIDES:
            with open(say, "rb") as f:
                options["wav"] = base64.b64encode(f.read()).decode()
        page = f"127.0.0.1:{lab.websocket_port}/xmpp-websocket"
        self.browser = Browser(tempfile.mkdtemp(prefix="chromium-", dir=lab.dir), say, self.HIDES)
        try:
            self.browser.open("http://" + page)
            with open(BUNDLE, encoding="utf8") as f:
                self.browser.run(f.read() + "\n;undefined")
            login = (f"{user}@{DOMAIN}", f"{user}-secret", "ws://" + page, options)
            self.jid = self.browser.run("phone.login(%s)" % ", ".join(map(json.dumps, login)))
        except BaseException:
            self.stop()
            raise

    def _state(self):
        return self.browser.run("phone.state()")

    def _wait(self, what, done, limit):
        end = time.monotonic() + limit
        while not done(s := self._state()):
            if time.monotonic() > end:
                raise AssertionError(f"the browser does not come to '{what}' in {limit} s: {s}; {self.browser.complaints}\n" +
                                     self.browser.run("phone.said()"))
            time.sleep(0.02)

    def _hosts(self):
        """Of the candidates it has sent of late: names or addresses."""
        sent = [line for line in self.browser.run("phone.said()").split("\n") if " outgoing " in line]
        return [re.search(" ip=['\"]([^'\"]*)", c)[1] for line in sent for c in re.findall("<candidate [^>]*", line)]

    def dial(self, jid):
        self.browser.run(f"phone.dial({json.dumps(jid)})")

    def wait_incoming(self, limit=PATIENCE):
        self._wait("rings", lambda s: s["state"] == "ringing", limit)

    def accept(self):
        self.browser.run("phone.accept()")

    def decline(self):
        self.browser.run("phone.decline()")

    def hangup(self):
        self.browser.run("phone.hangup()")

    def wait_state(self, state, limit=PATIENCE):
        self._wait(state, lambda s: s["state"] == state, limit)
        if state == "ended":
            hosts = self._hosts()
            assert all(h.endswith(".local") == self.HIDES for h in hosts), f"candidates of {hosts}"
            assert hosts or not self.first_heard(), "candidates without an address"
            with wave.open(self.hear, "wb") as w:
                w.setnchannels(1)
                w.setsampwidth(2)
                w.setframerate(48000)
                w.writeframes(base64.b64decode(self.browser.run("phone.sound()")))

    def first_heard(self):
        return self._state()["first"] or None

    def stop(self):
        self.browser.stop()
