"""The laboratory against itself: its routers map and filter as nat.py says, with plain sockets."""

import dataclasses
import select
import socket
import struct
import time
import traceback

import conntrack
import line
import nat
import portmap
from cells import Result
from topology import Internet, Site

LOCAL_PORT, SECOND_LOCAL_PORT = 5000, 5001
WAIT_SECONDS = 0.2


@dataclasses.dataclass(frozen=True)
class Behaviour:
    """What a router does with UDP."""

    # The same outer port for all destinations.
    is_independent: bool
    # Who is let in at a mapped port besides those who were written to: "all", "address", "none".
    lets_in: str
    # Whether a packet that comes too early changes the mapping.
    is_clashing: bool = False


BEHAVIOURS = {
    "FC": Behaviour(True, "all"),
    "AR": Behaviour(True, "address"),
    "PR": Behaviour(True, "none"),
    "PRx": Behaviour(True, "none", is_clashing=True),
    "PR+pm": Behaviour(True, "none"),
    "S": Behaviour(False, "none"),
    "S+pm": Behaviour(False, "none"),
}


@dataclasses.dataclass
class Check:
    name: str
    body: object
    plan: Site
    seconds: float = 1.0


def all_checks():
    checks = [Check(f"router {kind}", _router, Site(kind)) for kind in BEHAVIOURS]
    checks += [Check(f"router {kind}", _blocked, Site(kind)) for kind in ("X", "XX")]
    checks.append(Check("router F6", _firewall, Site("F6")))
    checks += [
        Check("connections are forgotten", _forgotten, Site("PR")),
        Check("a small TTL opens the own router only", _small_ttl, Site("PR")),
        Check("a line with delay", _delay, Site("PR", delay_ms=25)),
        # A site with a shim, whose options these checks choose.
        Check("a line that loses, in bursts", _loss, Site("PR", delay_ms=1)),
        Check("a narrow line", _narrow, Site("PR", delay_ms=1)),
    ]
    return checks


def run(_stage, check):
    result = Result(check.name, "as the laboratory says")
    begin = time.monotonic()
    name = "".join(c if c.isalnum() else "-" for c in check.name.replace("+", "p"))
    internet = Internet(name, ipv6=True)
    (host,), routers = internet.site(check.plan)
    bench = Bench(internet, host, routers[0])
    try:
        internet.build()
        check.body(bench, result.problems)
    except Exception as error:  # Any failure of a check is the laboratory's.
        result.problems.append(f"{type(error).__name__}: {error}\n{traceback.format_exc()}")
    finally:
        bench.close()
        internet.destroy()
    result.seconds = time.monotonic() - begin
    return result


class Bench:
    """Sockets on both sides of a router."""

    def __init__(self, internet, host, router):
        self.internet, self.host, self.router = internet, host, router
        self.sockets = []

    def bound(self, node, port, family=socket.AF_INET):
        opened = node.socket(family, socket.SOCK_DGRAM)
        opened.bind(("", port))
        self.sockets.append(opened)
        return opened

    def inner(self, port=LOCAL_PORT, family=socket.AF_INET):
        return self.bound(self.host.node, port, family)

    def server(self, name, port, family=socket.AF_INET):
        """A socket and the address by which others reach it."""
        address = (self.internet.address6 if family == socket.AF_INET6
                   else self.internet.address)(name)
        return self.bound(self.internet.fabric.node(name), port, family), (address, port)

    def close(self):
        for opened in self.sockets:
            opened.close()


def arrives(sender, target, receiver):
    """The source that `receiver` sees of a packet; None when it does not come."""
    while select.select([receiver], [], [], 0)[0]:
        receiver.recv(2_048)
    sender.sendto(b"check", target)
    if not select.select([receiver], [], [], WAIT_SECONDS)[0]:
        return None
    return receiver.recvfrom(2_048)[1][:2]


def _expect(problems, is_true, sentence):
    if not is_true:
        problems.append(sentence)


def _router(bench, problems):
    behaviour = BEHAVIOURS[bench.router.kind]
    inner = bench.inner()
    first, first_address = bench.server("signal", 4460)
    neighbour, _ = bench.server("signal", 3478)
    other, other_address = bench.server("relay1", 4461)
    stranger, _ = bench.server("relay2", 4463)
    mapped = arrives(inner, first_address, first)
    _expect(problems, mapped, "a packet does not get out")
    if not mapped:
        return
    _expect(problems, (arrives(stranger, mapped, inner) is not None)
            == (behaviour.lets_in == "all"),
            f"a stranger is {'kept out' if behaviour.lets_in == 'all' else 'let in'}")
    _expect(problems, (arrives(neighbour, mapped, inner) is not None)
            == (behaviour.lets_in != "none"),
            "another port of an address that was written to is treated otherwise")
    _expect(problems, arrives(first, mapped, inner) is not None, "an answer is kept out")
    again = arrives(inner, other_address, other)
    _expect(problems, (again == mapped) == behaviour.is_independent,
            f"{mapped} to one, {again} to another")
    if behaviour.is_independent:
        _clash(bench, behaviour, other, other_address, problems)
    if nat.has_port_mapping(bench.router.kind):
        _port_mapping(bench, inner, other, problems)


def _clash(bench, behaviour, other, other_address, problems):
    """A packet comes to a port before the inner host has sent from it."""
    second = bench.inner(SECOND_LOCAL_PORT)
    arrives(other, (bench.router.address, SECOND_LOCAL_PORT), second)
    mapped = arrives(second, other_address, other)
    _expect(problems, (mapped != (bench.router.address, SECOND_LOCAL_PORT))
            == behaviour.is_clashing, f"after an early packet the host has {mapped}")


def _port_mapping(bench, inner, other, problems):
    mapper = portmap.PortMapper(bench.router)
    try:
        client = bench.inner(0)
        gateway = (bench.router.lan + ".1", portmap.PORT)

        def ask(request):
            client.sendto(request, gateway)
            return client.recv(64) if select.select([client], [], [], 1)[0] else b""

        _expect(problems, ask(bytes([2, 1]) + bytes(58))[:4] == bytes([0, 0x81, 0, 1]),
                "PCP is not refused")
        _expect(problems, ask(bytes(2))[8:] == socket.inet_aton(bench.router.address),
                "the outer address is wrong")
        answer = ask(struct.pack("!BBHHHI", 0, portmap.MAP_UDP, 0, LOCAL_PORT, 7_000, 60))
        _expect(problems, answer[:4] == bytes([0, 0x81, 0, 0]) and len(answer) == 16,
                "no mapping is made")
        outer = struct.unpack("!H", answer[10:12])[0]
        stranger, _ = bench.server("relay2", 4461)
        _expect(problems, arrives(stranger, (bench.router.address, outer), inner) is not None,
                "nothing comes through the mapping")
        ask(struct.pack("!BBHHHI", 0, portmap.MAP_UDP, 0, LOCAL_PORT, 0, 0))
        late, _ = bench.server("relay2", 4462)
        _expect(problems, arrives(late, (bench.router.address, outer), inner) is None,
                "the mapping is there after it was given back")
    finally:
        mapper.stop()


def _blocked(bench, problems):
    inner = bench.inner()
    server, address = bench.server("signal", 4460)
    _expect(problems, arrives(inner, address, server) is None, "UDP gets out")
    listener = bench.internet.fabric.node("signal").socket(socket.AF_INET, socket.SOCK_STREAM)
    bench.sockets.append(listener)
    listener.bind(("", 443))
    listener.listen()
    client = bench.host.node.socket(socket.AF_INET, socket.SOCK_STREAM)
    bench.sockets.append(client)
    client.settimeout(0.5)
    reached = client.connect_ex((address[0], 443)) == 0
    _expect(problems, reached == (bench.router.kind == "X"),
            f"TCP {'gets' if reached else 'does not get'} out")


def _firewall(bench, problems):
    inner = bench.inner(family=socket.AF_INET6)
    first, address = bench.server("signal", 4460, socket.AF_INET6)
    other, _ = bench.server("relay1", 4461, socket.AF_INET6)
    _expect(problems, arrives(inner, address, first) == (bench.host.address6, LOCAL_PORT),
            "a packet does not get out as it is")
    target = (bench.host.address6, LOCAL_PORT)
    _expect(problems, arrives(other, target, inner) is None, "a stranger is let in")
    _expect(problems, arrives(first, target, inner) is not None, "an answer is kept out")


def _forgotten(bench, problems):
    inner = bench.inner()
    first, address = bench.server("signal", 4460)
    mapped = arrives(inner, address, first)
    _expect(problems, arrives(first, mapped, inner) is not None, "an answer is kept out")
    conntrack.flush(bench.router.node)
    _expect(problems, arrives(first, mapped, inner) is None, "the connection is not forgotten")


def _small_ttl(bench, problems):
    inner = bench.inner()
    first, address = bench.server("signal", 4460)
    inner.setsockopt(socket.IPPROTO_IP, socket.IP_TTL, 2)
    _expect(problems, arrives(inner, address, first) is None, "a TTL of 2 suffices")
    _expect(problems, arrives(first, (bench.router.address, LOCAL_PORT), inner) is not None,
            "the packet did not open the own router")


def _delay(bench, problems):
    (node, plan), = bench.internet.shims
    shim = line.start(node, "--delay", plan.delay_ms)
    try:
        inner = bench.inner()
        first, address = bench.server("signal", 4460)
        arrives(inner, address, first)  # Neighbours are found.
        begin = time.monotonic()
        _expect(problems, arrives(inner, address, first), "a packet does not get out")
        seconds = time.monotonic() - begin
        wanted = plan.delay_ms / 1_000
        _expect(problems, wanted <= seconds < wanted + 0.05, f"{1_000 * seconds:.0f} ms")
    finally:
        shim.kill()
        shim.wait()


def _sent_through(bench, count, spacing, size, *options):
    """(number, seconds from the first sending) of what arrives of `count` packets through a line
    with these options, in the order of arrival."""
    (node, _), = bench.internet.shims
    shim = line.start(node, *options)
    try:
        inner = bench.inner()
        first, address = bench.server("signal", 4460)
        # Until neighbours are found, also over a line that loses.
        while not arrives(inner, address, first):
            pass
        begin = time.monotonic()
        got = []
        for number in range(count):
            inner.sendto(number.to_bytes(4, "big").ljust(size, b"x"), address)
            end = begin + (number + 1) * spacing
            while (left := end - time.monotonic()) > 0:
                if select.select([first], [], [], left)[0]:
                    got.append((int.from_bytes(first.recv(2_048)[:4], "big"),
                                time.monotonic() - begin))
        while select.select([first], [], [], WAIT_SECONDS)[0]:
            got.append((int.from_bytes(first.recv(2_048)[:4], "big"), time.monotonic() - begin))
        return got
    finally:
        shim.kill()
        shim.wait()


def _loss(bench, problems):
    count = 2_500
    got = _sent_through(
        bench, count, 0.000_5, 100, "--loss", 0.1, "--burst", 2.5, "--seed", 1)
    missing = set(range(count)) - {number for number, _ in got}
    bursts = [number for number in missing if number - 1 not in missing]
    share, mean = len(missing) / count, len(missing) / max(1, len(bursts))
    # 100 bursts: the share is known to a quarter of itself, the mean length to a fifth.
    _expect(problems, 0.075 < share < 0.125, f"{100 * share:.1f} % are lost")
    _expect(problems, 2 < mean < 3, f"{mean:.2f} are lost in a row")


def _narrow(bench, problems):
    # 100 packets of 100 bytes and 42 of headers at once: at 200 kbit/s 5.7 ms each, and no more
    # than 100 ms of them wait.
    got = _sent_through(bench, 100, 0, 100, "--rate", "1:200", "--queue", 100)
    _expect(problems, 17 <= len(got) <= 22, f"{len(got)} of 100 passed")
    last = got[-1][1] if got else 0
    _expect(problems, 0.09 < last < 0.15, f"the last passed after {1_000 * last:.0f} ms")
