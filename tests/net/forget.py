"""forget.py - the connection tracking of this network namespace forgets everything, as a home router does that is restarted."""
import socket, struct

CTNETLINK_DELETE = 1 << 8 | 2       # NFNL_SUBSYS_CTNETLINK, IPCTNL_MSG_CT_DELETE
REQUEST_ACK, NETLINK_NETFILTER, HEADER = 1 | 4, 12, 16

with socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, NETLINK_NETFILTER) as s:
    s.bind((0, 0))
    s.send(struct.pack("=IHHIIBBH", HEADER + 4, CTNETLINK_DELETE, REQUEST_ACK, 1, 0, socket.AF_UNSPEC, 0, 0))
    error, = struct.unpack_from("=i", s.recv(4096), HEADER)
    if error:
        raise SystemExit(f"conntrack: error {-error}")
