"""client_browser_mdns.py - the browser whose candidates have names (.local) in place of addresses. Contract: README beside this."""
import client_browser
from client_browser import missing

NAME = "browser-mdns"


class Peer(client_browser.Peer):
    HIDES = True
