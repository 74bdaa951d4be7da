"""Network namespaces, links and packet filter rules of the kernel.

Everything has a name that begins with `vcl-`, the id of the process that made it, and the cell, so
that laboratories run beside each other, and what a killed one left behind is found.
"""

import ctypes
import os
import signal
import socket
import subprocess
import threading

PREFIX = "vcl"
FOLDER = "/run/netns"
# What makes namespaces has one of these in its command line.
LABORATORIES = ("netlab", "quality")
# setns(2)
CLONE_NEWNET = 0x40000000

_libc = ctypes.CDLL(None, use_errno=True)


class KernelError(Exception):
    """What the kernel or one of its tools refused, as a sentence."""


def run(command, text=None):
    """Runs a command to its end and returns what it printed."""
    result = subprocess.run(command, input=text, text=True, capture_output=True)
    if result.returncode != 0:
        raise KernelError(f"`{' '.join(command)}` failed: {result.stderr.strip()}")
    return result.stdout


def inside(namespace, *command):
    """The command that runs `command` inside a namespace; the process keeps its id."""
    return ["nsenter", f"--net={FOLDER}/{namespace}", "--", *command]


def script(namespace, lines):
    """Runs lines of sh inside a namespace."""
    return run(inside(namespace, "sh", "-e"), "\n".join(lines) + "\n")


def nft(namespace, rules):
    """Loads packet filter rules inside a namespace."""
    return run(inside(namespace, "nft", "-f", "-"), rules)


def in_namespace(namespace, make):
    """What `make()` returns, called inside a namespace: sockets made there stay there."""
    result = []

    def enter():
        try:
            with open(f"{FOLDER}/{namespace}") as file:
                if _libc.setns(file.fileno(), CLONE_NEWNET) != 0:
                    raise OSError(ctypes.get_errno(), f"setns to {namespace}")
            result.append((make(), None))
        except Exception as error:  # handed to the caller, in its own thread
            result.append((None, error))

    # A thread is in a namespace of its own choice, and ends at once.
    thread = threading.Thread(target=enter)
    thread.start()
    thread.join()
    value, error = result[0]
    if error is not None:
        raise error
    return value


class Fabric:
    """Namespaces and the links between them, made in one go and removed in one go."""

    def __init__(self, cell):
        self.prefix = f"{PREFIX}-{os.getpid()}-{cell}"
        self.nodes = {}
        self._links = []
        self._interfaces = 0

    def node(self, name):
        """A namespace; what is done in it when it is built is appended to the node."""
        return self.nodes.setdefault(name, Node(f"{self.prefix}-{name}"))

    def link(self, node, interface, other, other_interface):
        """A cable between two nodes; both ends are up once built."""
        self._links.append((node, interface, other, other_interface))
        for end, name in ((node, interface), (other, other_interface)):
            self.bring_up(end, name)

    def bring_up(self, node, interface):
        """Brings an interface up with an IPv6 address for neighbour discovery, which routers need,
        and without the second that the kernel takes to find out that nobody else has it."""
        self._interfaces += 1
        # A neighbour that is asked for while a cable is just back is asked again soon, not after
        # a second: no member could do anything about that.
        node.sysctl += [f"net.{family}.neigh.{interface}.retrans_time_ms=50"
                        for family in ("ipv4", "ipv6")]
        node.ip += [
            f"link set {interface} addrgenmode none", f"link set {interface} up",
            f"addr add fe80::{self._interfaces:x}/64 dev {interface} nodad"]

    def build(self):
        names = [node.namespace for node in self.nodes.values()]
        lines = [f"netns add {name}" for name in names]
        lines += [
            f"link add {interface} netns {node.namespace} type veth "
            f"peer name {other_interface} netns {other.namespace}"
            for node, interface, other, other_interface in self._links]
        run(["ip", "-batch", "-"], "\n".join(lines) + "\n")
        for node in self.nodes.values():
            node.build()

    def destroy(self):
        remove([node.namespace for node in self.nodes.values()])


class Node:
    """One namespace, and what makes it a host or a router."""

    def __init__(self, namespace):
        self.namespace = namespace
        # What a bridge carries is no business of the packet filter (and of the rules of a router);
        # the keys exist where the kernel has br_netfilter.
        self.sysctl = ["net.bridge.bridge-nf-call-iptables=0",
                       "net.bridge.bridge-nf-call-ip6tables=0",
                       "net.ipv4.neigh.default.retrans_time_ms=50",
                       "net.ipv6.neigh.default.retrans_time_ms=50"]
        self.ip = ["link set lo up"]
        self.rules = ""

    def build(self):
        lines = [
            f"[ ! -e /proc/sys/{key.replace('.', '/')} ] || "
            f"echo {value} > /proc/sys/{key.replace('.', '/')}"
            for key, value in (entry.split("=") for entry in self.sysctl)]
        lines += ["ip -batch - <<END", *self.ip, "END"]
        if self.rules:
            lines += ["nft -f - <<'END'", self.rules, "END"]
        script(self.namespace, lines)

    def do(self, *ip_lines):
        """Changes links, addresses or routes of a node that is built."""
        run(["ip", "-n", self.namespace, "-batch", "-"], "\n".join(ip_lines) + "\n")

    def socket(self, *arguments):
        return in_namespace(self.namespace, lambda: socket.socket(*arguments))


def remove(namespaces):
    """Ends what runs in these namespaces and removes them."""
    existing = set(os.listdir(FOLDER)) if os.path.isdir(FOLDER) else set()
    for name in namespaces:
        if name not in existing:
            continue
        for process in run(["ip", "netns", "pids", name]).split():
            try:
                os.kill(int(process), signal.SIGKILL)
            except ProcessLookupError:
                pass
        run(["ip", "netns", "del", name])


def of_process(process):
    """The namespaces that a laboratory of this process id has made."""
    if not os.path.isdir(FOLDER):
        return []
    return [name for name in os.listdir(FOLDER) if name.startswith(f"{PREFIX}-{process}-")]


def remove_leftovers():
    """Removes what laboratories left that were killed; returns how many namespaces that were."""
    if not os.path.isdir(FOLDER):
        return 0
    left = []
    for name in os.listdir(FOLDER):
        parts = name.split("-")
        if parts[0] == PREFIX and len(parts) > 2 and not _is_laboratory(parts[1]):
            left.append(name)
    remove(left)
    return len(left)


def _is_laboratory(process):
    try:
        with open(f"/proc/{process}/cmdline") as file:
            command = file.read()
    except OSError:
        return False
    return any(folder in command for folder in LABORATORIES)
