"""What goes wrong in mid-call: what is done to the network, and what the members may notice."""

import collections
import dataclasses
import json
import socket
import time
import traceback
from typing import Callable

import conntrack
import kernel
from call import Call, Chat, Interrupted, Setting
from capture import IPPROTO_UDP, Capture, readable
from cells import DIRECT, LONGEST_GAP, RELAY, TCP, Result
from members import LabError
from topology import RELAY_PORT, Site

# How long a call may take to reach the rung from which the fault starts.
READY_SECONDS = 6
# A call of some seconds before and after, so that a gap has an end on both sides.
BEFORE_SECONDS = 1.5
# Chat lines that were sent in the fault arrive by then.
CHAT_SECONDS = 10
# The local port where a router's table has to know it, and its outer ports.
LOCAL_PORT = 5000
FIRST_OUTER_PORT, SECOND_OUTER_PORT = 45_000, 46_000
# TCP is tried 2 s after UDP stayed silent.
TCP_GAP = 5.0
# What a program says when somebody reached the room, but found no place in it.
FULL = "full"


@dataclasses.dataclass
class Fault:
    """One thing that goes wrong."""

    name: str
    setting: Setting
    # Does it; is given the call and the result to note in. Returns for how many seconds nothing
    # could have passed, or nothing.
    action: Callable
    # The rungs of both when it begins and when it has been overcome.
    before: frozenset = DIRECT
    after: frozenset = DIRECT
    # How long the call goes on afterwards.
    seconds: float = 6
    longest_gap: float = LONGEST_GAP
    is_representative: bool = True
    # What is judged besides: is given the call and the result when all have left.
    judge: Callable | None = None


def run(stage, fault):
    """Runs a fault and judges what the members noticed."""
    begin = time.monotonic()
    result = Result(
        fault.name, f"{'|'.join(sorted(fault.before))}, then {'|'.join(sorted(fault.after))}, "
        f"voice never missing for more than {1_000 * fault.longest_gap:.0f} ms")
    try:
        with Call(stage, fault.name, fault.setting) as call:
            _perform(call, fault, result)
    except Interrupted:
        raise
    except Exception as error:  # Of the laboratory, not of vc; the other cells go on.
        result.problems.append(
            f"the laboratory failed: {type(error).__name__}: {error}\n{traceback.format_exc()}")
    result.seconds = time.monotonic() - begin
    return result


def _perform(call, fault, result):
    if fault.judge:
        fault.judge(call, None)
    if call.setting.left.kind == "PRm":
        mapping_at(call, FIRST_OUTER_PORT)
    if call.start_host() is None:
        result.problems.append("the host got no code")
        return
    call.start_guest()
    if not _is_ready(call, fault, result):
        return
    chat = Chat(call)
    call.stage.sleep(BEFORE_SECONDS)
    outage = fault.action(call, result) or 0.0
    call.stage.sleep(fault.seconds)
    chat.stop()
    _await_chat(call, chat)
    call.leave()
    _judge(call, fault, outage, result)
    result.problems += chat.complaints()
    result.notes.append(f"{chat.count} lines of chat")
    if fault.judge:
        fault.judge(call, result)


def _is_ready(call, fault, result):
    """Waits until both hear each other on the rung where the fault starts."""
    end = time.monotonic() + READY_SECONDS
    while time.monotonic() < end:
        if all(member.rung() in fault.before and member.all("voice") for member in call.pair):
            return True
        call.stage.sleep(0.05)
    for member in call.pair:
        result.problems.append(
            f"before the fault, {member.name} is on {member.rung()}, not on "
            f"{' or '.join(sorted(fault.before))}")
    return False


def _await_chat(call, chat):
    end = time.monotonic() + CHAT_SECONDS
    while chat.complaints() and time.monotonic() < end:
        call.stage.sleep(0.1)


def _judge(call, fault, outage, result):
    for member in call.pair:
        rung, since = call.settled(member)
        if member is call.host:
            result.host_rung = rung
        else:
            result.guest_rung = rung
        if rung not in fault.after:
            result.problems.append(
                f"{member.name} ended on {rung}, not on {' or '.join(sorted(fault.after))}")
        gaps = call.gaps(member)
        result.longest_gap = max(result.longest_gap or 0.0, gaps.longest)
        if gaps.longest > outage + fault.longest_gap:
            begin = max(gaps.gaps, key=lambda gap: gap[1])[0]
            result.problems.append(
                f"{member.name} heard nothing for {1_000 * gaps.longest:.0f} ms, from {begin:.2f} "
                f"s of its recording")
        if gaps.last is None or gaps.last < _length(call, member) - 1:
            result.problems.append(f"{member.name} heard nothing at the end")
        if member.process.returncode != 0:
            result.problems.append(f"{member.name} ended with {member.process.returncode}")
    changes = call.guest.path_changes()
    if outage:
        result.notes.append(f"{1_000 * outage:.0f} ms of them nothing could pass")
    result.why = " > ".join(f"{rung} ({why})" for _, rung, why in changes[-3:])


def _length(call, member):
    """How long the recording is in which the other was to be heard."""
    lasts = [event["at"] for event in member.all("member") if event["state"] in ("left", "lost")]
    end = min(lasts + [member.ended])
    return end - member.started


# What is done


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
    (link,) = json.loads(kernel.run(["ip", "-n", host.node.namespace, "-j", "link", "show", "eth0"]))
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
    core_rules(call, *between_sites(f"udp length {voice + 8} drop"))


def lose(percent):
    def action(call, _):
        core_rules(call, *between_sites(f"meta l4proto udp numgen random mod 100 < {percent} drop"))
    return action


def relay_in_use(call):
    """The name of the relay that carries the call."""
    def received():
        links = json.loads(kernel.run(
            ["ip", "-n", call.internet.core.namespace, "-s", "-j", "link"]))
        return {link["ifname"]: link["stats64"]["rx"]["bytes"] for link in links
                if link["ifname"].startswith("relay")}
    before = received()
    call.stage.sleep(0.5)
    after = received()
    name = max(after, key=lambda name: after[name] - before[name])
    if after[name] - before[name] < 5_000:
        raise LabError("no relay carries the call")
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


# What servers see


class Eavesdropper:
    """Captures at the servers from the beginning, and reads what it can."""

    CONTROL = b"a control text that nobody seals"

    def __init__(self, servers):
        self.servers = servers
        self.captures = {}

    def __call__(self, call, result):
        if result is None:
            self.captures = {
                name: Capture(call.internet.fabric.node(name), "eth0") for name in self.servers}
            return
        self._send_control(call)
        seen = {name: capture.payloads() for name, capture in self.captures.items()}
        for capture in self.captures.values():
            capture.close()
        secrets = self._secrets(call)
        for name, payloads in seen.items():
            found = readable(payloads, {**secrets, "control": [self.CONTROL]})
            if "control" not in found:
                raise LabError(f"the capture at {name} does not see what is there")
            found.remove("control")
            if found:
                result.problems.append(f"{name} can read: {', '.join(found)}")
        carried = max(len(payloads) for name, payloads in seen.items() if name != "signal")
        result.notes.append(f"{carried} packets at the relay")
        if carried < 300:
            result.problems.append("the relay did not carry the call")

    def _send_control(self, call):
        with call.internet.core.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender:
            for name in self.servers:
                sender.sendto(self.CONTROL, (call.internet.address(name), RELAY_PORT))
        time.sleep(0.1)

    def _secrets(self, call):
        words = call.code.split("@")[0].split("-")[1:]
        secrets = {
            "the words of the code": [sep.join(words).encode() for sep in "- _"],
            "a chat text": [b"line 1 of", b"line 2 of", b" of ada", b" of grace"],
        }
        # Shorter words stand in random bytes by chance.
        secrets.update({f"the word {word}": [word.encode()] for word in words if len(word) > 5})
        for host, member in zip((call.hosts[0], call.guest.host), call.pair):
            secrets[f"the name of {member.name}"] = [member.full_name.encode()]
            secrets[f"an inner address of {member.name}"] = [
                socket.inet_aton(host.address), host.address.encode()]
        return secrets


def all_faults(full):
    """The faults; those that wait long wait less without `full`."""
    homes = Setting(Site("PR"), Site("PR"))
    symmetric = Setting(Site("S"), Site("S"))
    listening = ("--listen", str(LOCAL_PORT))
    mapped = Setting(Site("PRm"), Site("PR"), host_options=listening)
    return [
        Fault("conntrack flushed", homes, flush(0)),
        Fault("conntrack flushed on both sides", homes, flush(0, 1), is_representative=False),
        Fault("conntrack flushed under a relay", symmetric, flush(0), RELAY, RELAY),
        Fault("mapping expired", mapped, expire_mapping(60 if full else 2)),
        Fault("address changes from v4 to v4",
              Setting(Site("PR"), Site("PR"), roaming=Site("PR")), move),
        Fault("address changes from v4 to v6",
              Setting(Site("PR"), Site("PR", ipv6=True), roaming=Site("F6")), move),
        Fault("link down 0.5 s", homes, link_down(0.5),
              is_representative=False),
        Fault("link down 2 s", homes, link_down(2)),
        Fault("link down 5 s", homes, link_down(5),
              is_representative=False),
        Fault("line down 2 s", homes, line_down(2),
              is_representative=False),
        Fault("line down 5 s", homes, line_down(5),
              is_representative=False),
        Fault("link down 2 s under a relay", symmetric, link_down(2), RELAY, RELAY, is_representative=False),
        Fault("relay killed", symmetric, with_relay(kill_relay), RELAY, RELAY),
        Fault("relay drained", symmetric, with_relay(drain_relay), RELAY, RELAY),
        Fault("relay black-holed in one direction", symmetric, with_relay(black_hole_relay),
              RELAY, RELAY),
        Fault("vc-signal killed and back",
              Setting(Site("PR"), Site("PR"), others=(Site("O"),)), restart_signal, seconds=2),
        Fault("direct path drops media", homes, drop_media, after=RELAY),
        Fault("direct path loses 20 %", homes, lose(20), after=RELAY, seconds=10),
        Fault("UDP blocked and back", homes, block_udp(8), longest_gap=TCP_GAP, seconds=10,
              is_representative=False),
        Fault("what servers see", symmetric, nothing, RELAY, RELAY, seconds=4,
              judge=Eavesdropper(("signal", "relay1", "relay2"))),
        Fault("what servers see of TCP", Setting(Site("X"), Site("X")), nothing, TCP, TCP,
              seconds=4, is_representative=False,
              judge=Eavesdropper(("signal", "relay1", "relay2"))),
    ]
