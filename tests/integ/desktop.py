"""desktop.py - a session bus of a test's own, and a notification server on it that does as it is told.

As a program it is that server: it prints what it is asked as lines of JSON, and reads from stdin what it is to do:
    action ID KEY        the user presses a button          closed ID           the user closes it
    hang                 it answers nothing any more
Its arguments are its first id and its capabilities; three words among them make it a bad one: slow, lie-about-capabilities and
lie-about-ids.
"""
import json, os, queue, subprocess, sys, threading

NAME, PATH = "org.freedesktop.Notifications", "/org/freedesktop/Notifications"
SLOW_MS = 700
ALL = ("body", "actions", "body-markup", "persistence")
CONFIG = """<!DOCTYPE busconfig PUBLIC "-//freedesktop//DTD D-Bus Bus Configuration 1.0//EN"
 "http://www.freedesktop.org/standards/dbus/1.0/busconfig.dtd">
<busconfig><type>session</type><listen>unix:path=%s</listen><auth>EXTERNAL</auth>
<policy context="default"><allow send_destination="*"/><allow receive_sender="*"/><allow own="*"/></policy></busconfig>"""
XML = """<node><interface name="org.freedesktop.Notifications">
<method name="GetCapabilities"><arg type="as" direction="out"/></method>
<method name="Notify"><arg type="s" direction="in"/><arg type="u" direction="in"/><arg type="s" direction="in"/><arg type="s" direction="in"/>
<arg type="s" direction="in"/><arg type="as" direction="in"/><arg type="a{sv}" direction="in"/><arg type="i" direction="in"/>
<arg type="u" direction="out"/></method>
<method name="CloseNotification"><arg type="u" direction="in"/></method>
<signal name="ActionInvoked"><arg type="u"/><arg type="s"/></signal>
<signal name="NotificationClosed"><arg type="u"/><arg type="u"/></signal></interface></node>"""


class Bus:
    """dbus-daemon at PATH, which is where jcall looks when it is $XDG_RUNTIME_DIR/bus. It starts no servers."""

    def __init__(self, path):
        self.path, self.address = path, "unix:path=" + path
        config = path + ".conf"
        with open(config, "w") as f:
            f.write(CONFIG % path)
        self.p = subprocess.Popen(["dbus-daemon", "--nofork", "--nopidfile", "--print-address", "--config-file", config],
                                  stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
        assert self.p.stdout.readline(), "dbus-daemon does not start"
        self.servers = []

    def server(self, *capabilities, first=1):
        """A notification server, once it has the name; its ids begin at FIRST."""
        self.servers.append(Server(self.address, capabilities or ALL, first))
        return self.servers[-1]

    def stop(self):
        for s in self.servers:
            s.stop()
        self.p.kill()
        self.p.wait()
        self.p.stdout.close()
        if os.path.exists(self.path):
            os.unlink(self.path)

    def __enter__(self):
        return self

    def __exit__(self, *args):
        self.stop()


class Server:
    def __init__(self, address, capabilities, first):
        self.p = subprocess.Popen([sys.executable, __file__, str(first), *capabilities], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
                                  env={**os.environ, "DBUS_SESSION_BUS_ADDRESS": address})
        self.q, self.asked = queue.Queue(), []
        threading.Thread(target=self._read, daemon=True).start()
        self.next("ready")

    def _read(self):
        for line in self.p.stdout:
            self.asked.append(json.loads(line))
            self.q.put(self.asked[-1])

    def next(self, *methods, limit=30):
        """The next thing it is asked, but for its capabilities; it must be one of METHODS."""
        while True:
            try:
                asked = self.q.get(timeout=limit)
            except queue.Empty:
                raise AssertionError(f"the notification server was not asked for {methods}, but {self.asked}")
            if asked["method"] in methods or asked["method"] != "GetCapabilities":
                assert asked["method"] in methods, (methods, asked)
                return asked

    def count(self, method):
        return len([a for a in self.asked if a["method"] == method])

    def tell(self, *words):
        self.p.stdin.write(" ".join(map(str, words)) + "\n")
        self.p.stdin.flush()

    def stop(self):
        self.p.kill()
        self.p.wait()
        self.p.stdin.close()


def main(first, *capabilities):
    from gi.repository import Gio, GLib
    xml = XML
    if "lie-about-capabilities" in capabilities:
        xml = xml.replace('"as" direction="out"', '"s" direction="out"')
    if "lie-about-ids" in capabilities:
        xml = xml.replace('"u" direction="out"', '"s" direction="out"')
    state = {"id": first, "hangs": False}

    def say(method, **more):
        print(json.dumps({"method": method, **more}), flush=True)

    def on_call(bus, sender, path, interface, method, args, invocation):
        a, value = args.unpack(), None
        if method == "GetCapabilities":
            say(method)
            value = GLib.Variant("(s)", ("",)) if "lie-about-capabilities" in capabilities else GLib.Variant("(as)", (list(capabilities),))
        elif method == "Notify":
            say(method, id=state["id"], app=a[0], replaces=a[1], icon=a[2], summary=a[3], body=a[4], actions=a[5], hints=a[6], expires=a[7])
            value = GLib.Variant("(s)", ("",)) if "lie-about-ids" in capabilities else GLib.Variant("(u)", (state["id"],))
            state["id"] += 1
        elif method == "CloseNotification":
            say(method, id=a[0])
        if method == "Notify" and "slow" in capabilities:
            GLib.timeout_add(SLOW_MS, lambda: invocation.return_value(value))
        elif not state["hangs"]:
            invocation.return_value(value)
        if method == "CloseNotification":
            bus.emit_signal(None, PATH, NAME, "NotificationClosed", GLib.Variant("(uu)", (a[0], 3)))

    def on_lines(source, condition):
        lines = os.read(0, 4096).decode()
        if not lines:
            loop.quit()
        for line in lines.splitlines():
            do(line.split())
        return True

    def do(words):
        if words[0] == "hang":
            state["hangs"] = True
        elif words[0] == "action":
            bus.emit_signal(None, PATH, NAME, "ActionInvoked", GLib.Variant("(us)", (int(words[1]), words[2])))
        elif words[0] == "closed":
            bus.emit_signal(None, PATH, NAME, "NotificationClosed", GLib.Variant("(uu)", (int(words[1]), 2)))

    loop = GLib.MainLoop()
    bus = Gio.bus_get_sync(Gio.BusType.SESSION)
    bus.register_object(PATH, Gio.DBusNodeInfo.new_for_xml(xml).interfaces[0], on_call, None, None)
    Gio.bus_own_name_on_connection(bus, NAME, Gio.BusNameOwnerFlags.NONE, lambda *_: say("ready"), None)
    GLib.io_add_watch(0, GLib.PRIORITY_DEFAULT, GLib.IOCondition.IN | GLib.IOCondition.HUP, on_lines)
    loop.run()


if __name__ == "__main__":
    main(int(sys.argv[1]), *sys.argv[2:])
