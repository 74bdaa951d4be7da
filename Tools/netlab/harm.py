"""What is done to the network, or to a server, in mid-call."""

import collections
import json
import socket
import time

import conntrack
import kernel
from capture import IPPROTO_UDP, Capture
from members import LabError

# The local port where a router's table has to know it, and its outer ports.
LOCAL_PORT = 5000
FIRST_OUTER_PORT, SECOND_OUTER_PORT = 45_000, 46_000
# Voice of half a second is more packets than this.
FEWEST_PACKETS = 20
# What a program says when somebody reached the room, but found no place in it.
FULL = "full"


def flush(*sides):
    """The routers of these sites forget their connections."""
    def action(call, _):
        for side in sides:
            conntrack.flush(call.routers[side].node)
    return action


def mapping_at(call, port, old=None):
    """Gives the left host this outer port."""
    router = call.routers[0]
    lines = [f"delete element ip nat outer {{ {LOCAL_PORT} }}"] if old else []
    lines.append(
        f"add element ip nat outer {{ {LOCAL_PORT} : {router.address} . {port} }}")
    kernel.nft(router.node.namespace, "\n".join(lines))


def expire_mapping(after):
    """The left router gives its host another outer port."""
    def action(call, _):
        call.stage.sleep(after)
        mapping_at(call, SECOND_OUTER_PORT, FIRST_OUTER_PORT)
        conntrack.flush(call.routers[0].node)
    return action


def move(call, _):
    """The left host leaves its network for another one."""
    host, place = call.hosts[0], call.roaming_place
    lines = ["addr flush dev eth0", "link set eth0 down", "link set wlan0 up"]
    if place.address:
        lines += [f"addr add {place.address}/24 dev wlan0",
                  f"route add default via {place.router.lan}.1"]
    if place.address6:
        lines += [f"addr add {place.address6}/64 dev wlan0 nodad",
                  f"route add default via {place.router.lan6}::1"]
    host.node.do(*lines)


def link_down(seconds):
    """The cable of the left host is out for a while."""
    def action(call, _):
        host = call.hosts[0]
        begin = time.monotonic()
        host.router.node.do(f"link set {host.port} down")
        call.stage.sleep(seconds)
        host.router.node.do(f"link set {host.port} up")
        # The kernel takes its time to notice that a cable is back.
        while not _is_forwarding(host):
            call.stage.sleep(0.005)
        return time.monotonic() - begin
    return action


def _is_forwarding(host):
    """Whether the router's bridge passes on what comes from the host."""
    (port,) = json.loads(kernel.run(
        ["ip", "-n", host.router.node.namespace, "-d", "-j", "link", "show", host.port]))
    (link,) = json.loads(kernel.run(
        ["ip", "-n", host.node.namespace, "-j", "link", "show", "eth0"]))
    state = port["linkinfo"]["info_slave_data"]["state"]
    return state == "forwarding" and link["operstate"] == "UP"


def line_down(seconds):
    """The line behind the left router carries nothing for a while; no machine is told."""
    def action(call, _):
        begin = time.monotonic()
        core_rules(call, 'iifname "site1" drop', 'oifname "site1" drop')
        call.stage.sleep(seconds)
        core_rules(call)
        return time.monotonic() - begin
    return action


def core_rules(call, *rules):
    """Replaces what the core does to packets."""
    lines = ["flush chain inet faults forward"]
    lines += [f"add rule inet faults forward {rule}" for rule in rules]
    kernel.nft(call.internet.core.namespace, "\n".join(lines))


def between_sites(rule):
    """A rule for the direct path in both directions."""
    return [f'iifname "{one}" oifname "{other}" {rule}'
            for one, other in (("site1", "site2"), ("site2", "site1"))]


def drop_media(call, result):
    """The direct path carries probes and loses voice."""
    capture = Capture(call.internet.core, "site1")
    call.stage.sleep(0.5)
    lengths = collections.Counter(
        len(data) for protocol, _, _, data in capture.payloads() if protocol == IPPROTO_UDP)
    capture.close()
    # Most packets are voice, all of one length.
    voice = lengths.most_common(1)[0][0]
    result.notes.append(f"voice has {voice} bytes")
    # With copies of earlier frames it is longer.
    core_rules(call, *between_sites(f"udp length >= {voice + 8} drop"))


def lose(percent):
    def action(call, _):
        core_rules(call, *between_sites(f"meta l4proto udp numgen random mod 100 < {percent} drop"))
    return action


def relay_in_use(call):
    """The name of the relay to which the left member sends its voice. The other one may have chosen
    another relay."""
    capture = Capture(call.internet.core, "site1")
    call.stage.sleep(0.5)
    targets = collections.Counter(target[0] for _, _, target, _ in capture.payloads())
    capture.close()
    packets = {name: targets[socket.inet_aton(call.internet.address(name))]
               for name in call.servers if name != "signal"}
    name = max(packets, key=packets.get)
    if packets[name] < FEWEST_PACKETS:
        raise LabError(f"no relay carries the call: {packets}")
    return name


def with_relay(do):
    """Does something to the relay that carries the call."""
    def action(call, result):
        name = relay_in_use(call)
        result.notes.append(f"it was {name}")
        do(call, name)
    return action


def kill_relay(call, name):
    call.servers[name].kill()


def drain_relay(call, name):
    call.servers[name].terminate()


def black_hole_relay(call, name):
    """What the left site sends to the relay is lost; what comes from there arrives."""
    core_rules(call, f'iifname "site1" oifname "{name}" drop')


def restart_signal(call, result):
    """vc-signal dies, the call goes on; when it is back, a third one reaches the room."""
    server = call.servers["signal"]
    server.kill()
    call.stage.sleep(4)
    server.start()
    call.stage.sleep(3)
    late = call.member(call.hosts[2], "hopper", ["join"], (), call.code)
    joined = late.wait_for_event("joined", 10)
    sentences = [event["message"] for event in late.all("error")]
    if joined is None and not any(FULL in sentence for sentence in sentences):
        result.problems.append(
            f"nobody can reach the room when vc-signal is back: {' '.join(sentences)}")
    late.leave()


def block_udp(seconds):
    """UDP stops to pass the left router, and passes again."""
    def action(call, result):
        namespace = call.routers[0].node.namespace
        kernel.nft(namespace, "insert rule inet filter forward meta l4proto udp drop")
        call.stage.sleep(seconds)
        if call.host.rung() != "tcp":
            result.problems.append(
                f"{call.host.name} is on {call.host.rung()} {seconds:g} s after UDP was blocked")
        kernel.nft(namespace, "flush chain inet filter forward\n" + "\n".join(
            f"add rule inet filter forward {rule}" for rule in (
                "ct state established,related accept", 'iifname "lan" oifname "wan" accept')))
    return action


def nothing(_call, _result):
    pass
