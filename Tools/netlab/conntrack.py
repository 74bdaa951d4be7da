"""Makes the kernel forget connections of a namespace, as a router does that restarts (ctnetlink:
linux/netfilter/nfnetlink_conntrack.h)."""

import socket
import struct

NETLINK_NETFILTER = 12
NFNL_SUBSYS_CTNETLINK = 1
IPCTNL_MSG_CT_DELETE = 2
NLM_F_REQUEST, NLM_F_ACK = 1, 4


def flush(node):
    """Forgets all connections that the router `node` tracks."""
    with node.socket(socket.AF_NETLINK, socket.SOCK_RAW, NETLINK_NETFILTER) as netlink:
        netlink.bind((0, 0))
        kind = NFNL_SUBSYS_CTNETLINK << 8 | IPCTNL_MSG_CT_DELETE
        # Without a tuple, the message means all; family 0, version 0, resource 0.
        body = struct.pack("=BBH", socket.AF_UNSPEC, 0, 0)
        netlink.send(struct.pack(
            "=IHHII", 16 + len(body), kind, NLM_F_REQUEST | NLM_F_ACK, 1, 0) + body)
        answer = netlink.recv(4_096)
        error = struct.unpack("=i", answer[16:20])[0]
        if error != 0:
            raise OSError(-error, "the connections could not be forgotten")
