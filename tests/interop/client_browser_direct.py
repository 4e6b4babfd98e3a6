"""client_browser_direct.py - the browser without XEP-0353: it is called, and calls, by XEP-0166 alone. Contract: README beside this."""
import client_browser
from client_browser import missing

NAME = "browser-direct"


class Peer(client_browser.Peer):
    RINGS = False
