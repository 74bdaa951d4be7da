"""The networks of a cell: a core that stands for the internet, servers on it, and sites with a
router (or two, or none) and hosts.

    signal  relay1  relay2        192.0.2.0/24, 2001:db8:0:100::/56
        \\     |     /
          core --------- router (wan, lan) --------- host (eth0)
            \\            203.0.113.2                 192.168.178.20
             \\---------- …

All cells have the same addresses, each in namespaces of its own. Nothing is made outside of them.
"""

import dataclasses
import ipaddress
import os

import kernel
import nat

# Packets cross this many routers between two networks, so that a packet that is sent with a small
# TTL, to open the own router only, dies on the way.
INTERNET_HOPS = 8

SIGNAL_PORT = 4460
RELAY_PORT = 4461
# As a network that lets out little would let through.
RELAY_TCP_PORT = 443
# Servers: place on the core's links.
SERVERS = {"signal": 0, "relay1": 1, "relay2": 2}


@dataclasses.dataclass(frozen=True)
class Site:
    """A network at the edge."""

    kind: str
    # The router of a home behind the router `kind` of a carrier; None without one.
    home: str | None = None
    ipv4: bool = True
    ipv6: bool = False
    hosts: int = 1
    # Whether the hosts of the network can reach each other.
    isolated: bool = False
    # Whether the hosts themselves let in answers only.
    host_firewall: bool = False
    # Whether the hosts have a bridge for containers, with the address that all of them have.
    containers: bool = False
    # The number of the first host in its network; None: one that no other site has.
    number: int | None = None
    # Several homes behind one carrier: how many.
    homes: int = 1
    # What its line adds in each direction; see shim.py.
    delay_ms: float = 0
    jitter_ms: float = 0
    reorder: float = 0

    def __post_init__(self):
        if nat.is_ipv6_only(self.kind):
            object.__setattr__(self, "ipv4", False)
            object.__setattr__(self, "ipv6", True)

    @property
    def has_shim(self):
        return self.delay_ms > 0 or self.jitter_ms > 0 or self.reorder > 0


class Router:
    """A router of a site: its node, what stands behind it, and its outer address."""

    def __init__(self, node, kind, address, lan):
        self.node = node
        self.kind = kind
        self.address = address
        # The first three numbers of the IPv4 network inside, and the IPv6 prefix.
        self.lan, self.lan6 = lan
        self.ports = 0

    def attach(self, fabric, host, interface, number, isolated=False):
        """A cable from the inner bridge to `host`; returns the addresses that it may use."""
        self.ports += 1
        port = f"port{self.ports}"
        fabric.link(host, interface, self.node, port)
        self.node.ip.append(f"link set {port} master lan")
        if isolated:
            self.node.ip.append(f"link set {port} type bridge_slave isolated on")
        return f"{self.lan}.{number}", str(ipaddress.ip_address(f"{self.lan6}::{number}"))


class Host:
    """A machine on which a member runs."""

    def __init__(self, node, address, address6):
        self.node = node
        self.address = address
        self.address6 = address6
        # The router that its default route names, if any, and its port there.
        self.router = None
        self.port = None


class Internet:
    """All the networks of one cell."""

    # The networks between the core and the sites, apart by more than a /24, because servers count
    # by that.
    LINKS = ["203.0.113", "198.51.100", "198.18.3", "198.18.4", "198.18.5", "198.18.6"]

    def __init__(self, cell, relays=2, ipv6=False):
        self.fabric = kernel.Fabric(cell)
        self.core = self.fabric.node("core")
        self.ipv6 = ipv6
        self.sites = 0
        self.shims = []
        self.names = {}
        self.core.sysctl += [
            "net.ipv4.ip_forward=1", "net.ipv6.conf.all.forwarding=1",
            "net.ipv4.conf.all.send_redirects=0"]
        self.core.rules = f"""
table inet filter {{
    chain forward {{
        type filter hook forward priority filter;
        ip ttl < {INTERNET_HOPS} drop
        ip6 hoplimit < {INTERNET_HOPS} drop
    }}
}}
table inet faults {{
    chain forward {{ type filter hook forward priority 10; }}
}}
"""
        for name in ["signal", "relay1", "relay2"][:1 + relays]:
            self._server(name)

    def _server(self, name):
        place = SERVERS[name]
        node = self.fabric.node(name)
        first, network6 = 16 * place, f"2001:db8:0:10{place}"
        address, address6 = f"192.0.2.{first + 2}", f"{network6}::2"
        self.fabric.link(node, "eth0", self.core, name)
        self.core.ip += [
            f"addr add 192.0.2.{first + 1}/28 dev {name}",
            f"addr add {network6}::1/64 dev {name} nodad"]
        node.ip += [
            f"addr add {address}/28 dev eth0", f"addr add {address6}/64 dev eth0 nodad",
            f"route add default via 192.0.2.{first + 1}",
            f"route add default via {network6}::1"]
        self.names[name] = (address, address6)

    def address(self, server):
        return self.names[server][0]

    def address6(self, server):
        return self.names[server][1]

    def site(self, plan):
        """Makes a site; returns its hosts and its routers, the outer one first."""
        self.sites += 1
        number = self.sites
        name = f"site{number}"
        link, link6 = self.LINKS[number - 1], f"2001:db8:0:{number}"
        if plan.kind == "O":
            node = self.fabric.node(f"{name}-host")
            self._line(node, "eth0", name, plan)
            host = Host(node, f"{link}.2" if plan.ipv4 else None,
                        f"{link6}::2" if plan.ipv6 else None)
            self._outer(node, "eth0", name, link, link6, plan)
            return [host], []
        outer = self._router(f"{name}-router", plan, plan.kind, f"{link}.2", number, plan.home)
        self._line(outer.node, "wan", name, plan)
        self._outer(outer.node, "wan", name, link, link6, plan, outer.lan6)
        if plan.home is None:
            return self._hosts(name, outer, plan), [outer]
        hosts, routers = [], [outer]
        for home in range(1, plan.homes + 1):
            inner = self._home(f"{name}-home{home}", plan, outer, home)
            routers.append(inner)
            hosts += self._hosts(f"{name}-home{home}", inner, plan, 20 + home)
        return hosts, routers

    def _line(self, node, interface, name, plan):
        """The cable between a site and the core, through a shim where the plan has one."""
        if not plan.has_shim:
            self.fabric.link(node, interface, self.core, name)
            return
        shim = self.fabric.node(f"{name}-line")
        self.fabric.link(node, interface, shim, "left")
        self.fabric.link(shim, "right", self.core, name)
        self.shims.append((shim, plan))

    def _outer(self, node, interface, name, link, link6, plan, inside6=None):
        """Addresses on both ends of a site's line, and the routes."""
        if plan.ipv4:
            self.core.ip.append(f"addr add {link}.1/24 dev {name}")
            node.ip += [f"addr add {link}.2/24 dev {interface}",
                        f"route add default via {link}.1"]
        if plan.ipv6:
            self.core.ip.append(f"addr add {link6}::1/64 dev {name} nodad")
            node.ip += [f"addr add {link6}::2/64 dev {interface} nodad",
                        f"route add default via {link6}::1"]
            if inside6:
                self.core.ip.append(f"route add {inside6}::/64 via {link6}::2")

    def _router(self, name, plan, kind, address, number, home):
        node = self.fabric.node(name)
        lan = "100.64.0" if home else "192.168.178"
        router = Router(node, kind, address, (lan, f"2001:db8:{number}:0"))
        node.sysctl += [
            "net.ipv4.ip_forward=1", "net.ipv6.conf.all.forwarding=1",
            "net.ipv4.conf.all.send_redirects=0"]
        node.ip.append("link add lan type bridge mcast_snooping 0")
        self.fabric.bring_up(node, "lan")
        if plan.ipv4:
            node.ip.append(f"addr add {lan}.1/24 dev lan")
        if plan.ipv6:
            node.ip.append(f"addr add {router.lan6}::1/64 dev lan nodad")
        node.rules = nat.rules(kind, address if plan.ipv4 else None)
        return router

    def _home(self, name, plan, carrier, number):
        """A home behind a carrier's router: IPv4 only, as most of them are."""
        address = f"100.64.0.{10 + number}"
        home = self._router(
            name, dataclasses.replace(plan, ipv6=False), plan.home, address, 0, None)
        carrier.attach(self.fabric, home.node, "wan", 10 + number, isolated=True)
        home.node.ip += [f"addr add {address}/24 dev wan", "route add default via 100.64.0.1"]
        return home

    def _hosts(self, name, router, plan, first=20):
        hosts = []
        # Different sites number their hosts differently within the same private network, as it is
        # between homes: an inner address of the one leads nowhere in the other.
        first = plan.number or first + 10 * self.sites
        for index in range(plan.hosts):
            node = self.fabric.node(f"{name}-host{index + 1}")
            host = Host(node, *router.attach(
                self.fabric, node, "eth0", first + index, isolated=plan.isolated))
            host.router, host.port = router, f"port{router.ports}"
            if plan.host_firewall:
                node.rules = nat.HOST_FIREWALL
            if plan.containers:
                node.ip += ["link add docker0 type bridge", "link set docker0 up",
                            "addr add 172.17.0.1/16 dev docker0"]
            if plan.ipv4:
                node.ip += [f"addr add {host.address}/24 dev eth0",
                            f"route add default via {router.lan}.1"]
            else:
                host.address = None
            if plan.ipv6 and plan.home is None:
                node.ip += [f"addr add {host.address6}/64 dev eth0 nodad",
                            f"route add default via {router.lan6}::1"]
            else:
                host.address6 = None
            hosts.append(host)
        return hosts

    def roaming(self, plan, host):
        """Makes a site to which `host` can move with its interface wlan0, which is down until then;
        returns what it will be there."""
        _, (router,) = self.site(dataclasses.replace(plan, hosts=0))
        place = Host(host.node, *router.attach(self.fabric, host.node, "wlan0", 77))
        place.router, place.port = router, f"port{router.ports}"
        if not plan.ipv4:
            place.address = None
        if not plan.ipv6:
            place.address6 = None
        host.node.ip.append("link set wlan0 down")
        return place

    def hosts_file(self, folder):
        """Writes the names of the servers, as /etc/hosts has them; returns its path."""
        path = os.path.join(folder, "hosts")
        with open(path, "w") as file:
            file.write("127.0.0.1 localhost\n::1 localhost\n")
            for name, (address, address6) in self.names.items():
                file.write(f"{address} {name}.test\n")
                if self.ipv6:
                    file.write(f"{address6} {name}.test\n")
        return path

    def build(self):
        self.fabric.build()

    def destroy(self):
        self.fabric.destroy()
