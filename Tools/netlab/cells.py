"""The table of NAT against NAT: what each cell has to reach, and whether it does."""

import dataclasses
import time
import traceback

import kernel
import nat
from call import Call, Setting
from stage import Interrupted
from topology import Site

# Seconds after the guest was started, as issue and design have them.
FIRST_VOICE = 1.0
FINAL_RUNG = 3.0
OVER_TCP = 5.0
BIRTHDAY = 25.0
REFUSED = 12.0
# The longest that voice may be missing when the path changes.
LONGEST_GAP = 0.5
# A rung has to stay for this long to be the final one.
STAYS = 1.0

DIRECT, RELAY, TCP = frozenset({"direct"}), frozenset({"relay"}), frozenset({"tcp"})
# One hears the other through the relay: over TCP on one side, over UDP on the other.
RELAYED = frozenset({"relay", "tcp"})
UNAVAILABLE = 69

# The columns and rows of the table.
TABLE = ["O", "FC", "AR", "PR", "PRx", "PR+pm", "S", "S+pm", "F6", "X"]


@dataclasses.dataclass
class Expectation:
    """What the two members have to reach: rungs of host and guest, and until when."""

    host: frozenset = DIRECT
    guest: frozenset = DIRECT
    within: float = FINAL_RUNG
    first_voice: float = FIRST_VOICE
    # Set where a relay carries the call until a better path is found, and until when it has to.
    before: frozenset = frozenset()
    # Who cannot take part: that program ends with 69 and says why.
    refused: str = ""


@dataclasses.dataclass
class Cell:
    name: str
    setting: Setting
    expectation: Expectation


@dataclasses.dataclass
class Result:
    """What came of a cell or a fault."""

    name: str
    expected: str = ""
    host_rung: str | None = None
    guest_rung: str | None = None
    first_voice: float | None = None
    final: float | None = None
    longest_gap: float | None = None
    why: str = ""
    seconds: float = 0
    problems: list = dataclasses.field(default_factory=list)
    notes: list = dataclasses.field(default_factory=list)

    @property
    def is_right(self):
        return not self.problems

    @property
    def rung(self):
        """One letter for the table: D direct, H host, R relay, T TCP, - none."""
        letters = {"direct": "D", "host": "H", "relay": "R", "tcp": "T"}
        found = sorted({letters.get(rung, "-") for rung in (self.host_rung, self.guest_rung)})
        return "/".join(found)


def expected(left, right):
    """What host and guest of two kinds have to reach (research on NAT traversal, and both orders
    alike)."""
    kinds = {left, right}
    if "XX" in kinds:
        return Expectation(refused="host" if left == "XX" else "guest", within=REFUSED)
    if "X" in kinds:
        return Expectation(
            TCP if left == "X" else RELAYED, TCP if right == "X" else RELAYED,
            OVER_TCP, OVER_TCP)
    if left == right == "S":
        return Expectation(RELAY, RELAY)
    if "S" in kinds and kinds & {"PR", "PRx", "PRm"}:
        return Expectation(DIRECT, DIRECT, BIRTHDAY, before=RELAY)
    return Expectation()


def table_cell(left, right):
    """The cell of two kinds; the left one hosts. With F6 the other side has IPv6 too."""
    has_ipv6 = "F6" in (left, right)
    return Cell(
        f"{left} x {right}", Setting(Site(left, ipv6=has_ipv6), Site(right, ipv6=has_ipv6)),
        expected(left, right))


def all_cells(both_orders):
    """Every pair of kinds; with `both_orders` each of them hosts once."""
    return [table_cell(left, right)
            for row, left in enumerate(TABLE) for column, right in enumerate(TABLE)
            if both_orders or row <= column]


def other_cells():
    """Networks that are no pair of kinds."""
    relayed = Expectation(RELAY, RELAY)
    same_port = ("--listen", "5000")
    no_birthday = ("--no-birthday",)
    return [
        Cell("same LAN", Setting(Site("PR", hosts=2)), Expectation()),
        *_local_cells(),
        Cell("same LAN and same port",
             Setting(Site("PR", hosts=2), host_options=same_port, guest_options=same_port),
             Expectation()),
        Cell("one router with hosts apart", Setting(Site("PR", hosts=2, isolated=True)), relayed),
        Cell("one router with hosts apart and same port",
             Setting(Site("PR", hosts=2, isolated=True), host_options=same_port,
                     guest_options=same_port), relayed),
        Cell("two homes of one carrier", Setting(Site("PR", home="PR", homes=2)), relayed),
        Cell("double NAT x O", Setting(Site("PR", home="PR"), Site("O")), Expectation()),
        Cell("double NAT x PR", Setting(Site("PR", home="PR"), Site("PR")), Expectation()),
        Cell("double NAT x double NAT",
             Setting(Site("PR", home="PR"), Site("PR", home="PR")), Expectation()),
        Cell("PR behind symmetric carrier x PR",
             Setting(Site("S", home="PR"), Site("PR"), host_options=no_birthday,
                     guest_options=no_birthday), relayed),
        Cell("PR+pm behind symmetric carrier x S",
             Setting(Site("S", home="PR+pm"), Site("S")), relayed),
        Cell("both have the same inner address",
             Setting(Site("PR", number=50), Site("PR", number=50)), Expectation()),
        Cell("both have containers",
             Setting(Site("PR", containers=True), Site("PR", containers=True)), Expectation()),
        Cell("PR+pm with host firewall x S",
             Setting(Site("PR+pm", host_firewall=True), Site("S"), host_options=no_birthday,
                     guest_options=no_birthday), relayed),
        Cell("PR x S without birthday",
             Setting(Site("PR"), Site("S"), host_options=no_birthday,
                     guest_options=no_birthday), relayed),
        Cell("PR x PR by relay only",
             Setting(Site("PR"), Site("PR"), host_options=("--relay-only",)), relayed),
        Cell("IPv6 only x IPv4 only", Setting(Site("F6"), Site("PR")), relayed),
        Cell("dual stack x dual stack",
             Setting(Site("S", ipv6=True), Site("S", ipv6=True)), Expectation()),
        Cell("IPv4 black-holed x dual stack",
             Setting(Site("B4", ipv6=True), Site("PR", ipv6=True)), Expectation()),
        Cell("PR x PR 40 ms away",
             Setting(Site("PR", delay_ms=20), Site("PR", delay_ms=20)), Expectation()),
        Cell("PRx x PRx 40 ms away",
             Setting(Site("PRx", delay_ms=20), Site("PRx", delay_ms=20)), Expectation()),
        Cell("PR x FC with jitter and reordering",
             Setting(Site("PR", delay_ms=30, jitter_ms=20, reorder=0.05), Site("FC")),
             Expectation()),
        Cell("S x S without a relay",
             Setting(Site("S"), Site("S"), relays=0),
             Expectation(refused="guest", within=REFUSED)),
        Cell("XX x O", Setting(Site("XX"), Site("O")), expected("XX", "O")),
        Cell("O x XX", Setting(Site("O"), Site("XX")), expected("O", "XX")),
    ]


def _local_cells():
    """Two hosts on one bridge that find each other by multicast, without a server or an address."""
    ipv4, ipv6 = Site("PR", hosts=2), Site("F6", hosts=2)
    nobody = Expectation(refused="guest", within=REFUSED)
    return [
        Cell("LAN without a server", Setting(ipv4, relays=0, is_local=True), Expectation()),
        Cell("LAN by IPv4 only",
             Setting(ipv4, relays=0, is_local=True, prepare=_without_ipv6), Expectation()),
        Cell("LAN by IPv6 only",
             Setting(ipv6, relays=0, is_local=True), Expectation()),
        Cell("LAN by link-local IPv6 only",
             Setting(ipv6, relays=0, is_local=True, prepare=_link_local_only), Expectation()),
        Cell("LAN that comes after the host",
             Setting(ipv4, relays=0, is_local=True, prepare=_unplug, meanwhile=_plug),
             Expectation()),
        Cell("host with a server behind PR+pm x PR",
             Setting(Site("PR+pm"), Site("PR"), relays=0, is_local=True), Expectation()),
        Cell("LAN where the host is silent",
             Setting(ipv4, relays=0, is_local=True, host_options=("--no-lan",)), nobody),
        Cell("LAN with a stranger's addresses",
             Setting(ipv4, relays=0, is_local=True, prepare=_apart), nobody),
    ]


def _without_ipv6(nodes):
    for node in nodes:
        kernel.script(node.namespace, ["echo 1 >/proc/sys/net/ipv6/conf/all/disable_ipv6"])


def _link_local_only(nodes):
    for node in nodes:
        kernel.script(node.namespace, ["ip -6 addr flush dev eth0 scope global"])


def _unplug(nodes):
    _without_ipv6(nodes)
    kernel.script(nodes[0].namespace, ["ip link set eth0 down"])


def _plug(nodes):
    """The cable of the host is there; its kernel and vc take a moment to notice."""
    kernel.script(nodes[0].namespace, ["ip link set eth0 up"])
    time.sleep(1)


def _apart(nodes):
    """The second one is on the same wire, with an address of another network."""
    _without_ipv6(nodes)
    kernel.script(nodes[1].namespace, [
        "ip addr flush dev eth0", "ip addr add 10.99.0.2/24 dev eth0",
        "ip route add default dev eth0"])
    # An answer would find its way.
    kernel.script(nodes[0].namespace, ["ip route add 10.99.0.0/24 dev eth0"])


def run(stage, cell):
    """Runs a cell and judges it."""
    begin = time.monotonic()
    result = Result(cell.name, describe(cell.expectation))
    try:
        with Call(stage, cell.name, cell.setting) as call:
            if cell.expectation.refused:
                _judge_refusal(call, cell.expectation, result)
            else:
                _judge_call(call, cell.expectation, result)
    except Interrupted:
        raise
    except Exception as error:  # Of the laboratory, not of vc; the other cells go on.
        result.problems.append(
            f"the laboratory failed: {type(error).__name__}: {error}\n{traceback.format_exc()}")
    result.seconds = time.monotonic() - begin
    return result


def describe(expectation):
    if expectation.refused:
        return f"the {expectation.refused} ends with {UNAVAILABLE}"
    words = " / ".join("|".join(sorted(rungs)) for rungs in (expectation.host, expectation.guest))
    return f"{words} within {expectation.within:g} s"


def _judge_refusal(call, expectation, result):
    code = call.start_host()
    refused = call.host
    if expectation.refused == "guest":
        if code is None:
            result.problems.append("the host got no code")
            return
        refused = call.start_guest()
    end = refused.started + expectation.within
    while refused.process.poll() is None and time.monotonic() < end:
        call.stage.sleep(0.05)
    status = refused.process.poll()
    if status is None:
        result.problems.append(
            f"the {expectation.refused} still tries after {expectation.within:g} s")
        return
    call.leave()
    result.final = refused.ended - refused.started
    sentences = [event["message"] for event in refused.all("error")]
    result.why = sentences[-1] if sentences else ""
    if status != UNAVAILABLE:
        result.problems.append(
            f"the {expectation.refused} ended with {status}, not {UNAVAILABLE}")
    if not sentences:
        result.problems.append(f"the {expectation.refused} does not say why it ended")


def _judge_call(call, expectation, result):
    if call.start_host() is None:
        result.problems.append(f"the host got no code; {_last_words(call.host)}")
        return
    guest = call.start_guest()
    if guest.wait_for_event("joined", expectation.first_voice + 5) is None:
        result.problems.append(f"the guest did not get in; {_last_words(guest)}")
        return
    for member in call.pair:
        member.say(f"hello from {member.name}")
    if expectation.before:
        _watch_upgrade(call, expectation, result)
    else:
        call.until(expectation.within + STAYS)
    call.leave()
    _judge_rungs(call, expectation, result)
    _judge_voice(call, expectation, result)
    for sender, receiver in (call.pair, call.pair[::-1]):
        if f"hello from {sender.name}" not in [e["text"] for e in receiver.all("chat")]:
            result.problems.append(f"{receiver.name} did not get the chat of {sender.name}")


def _watch_upgrade(call, expectation, result):
    """A relay carries the call at first; it may end as soon as both have moved on."""
    call.until(FINAL_RUNG)
    for member in call.pair:
        rung = member.rung()
        if rung not in expectation.before | expectation.host:
            result.problems.append(f"{member.name} is on {rung} after {FINAL_RUNG:g} s")
    while time.monotonic() < call.begin + expectation.within:
        if all(call.settled(member)[0] in expectation.host for member in call.pair):
            break
        call.stage.sleep(0.1)
    call.stage.sleep(STAYS)


def _judge_rungs(call, expectation, result):
    settled = [call.settled(member) for member in call.pair]
    (result.host_rung, _), (result.guest_rung, _) = settled
    times = [at for _, at in settled if at is not None]
    result.final = max(times) if times else None
    changes = call.guest.path_changes()
    result.why = changes[-1][2] if changes else ""
    for member, (rung, at), wanted in zip(
            call.pair, settled, (expectation.host, expectation.guest)):
        if rung not in wanted:
            result.problems.append(
                f"{member.name} ended on {rung}, not on {' or '.join(sorted(wanted))}")
        elif at > expectation.within:
            result.problems.append(
                f"{member.name} came to {rung} after {at:.1f} s, not within "
                f"{expectation.within:g} s")


def _judge_voice(call, expectation, result):
    firsts = []
    for member in call.pair:
        first = call.first_voice(member)
        if first is None:
            result.problems.append(f"{member.name} heard nothing")
            continue
        firsts.append(first)
        if first > expectation.first_voice:
            result.problems.append(
                f"{member.name} heard the first voice after {first:.1f} s, not within "
                f"{expectation.first_voice:g} s")
        gaps = call.gaps(member)
        result.longest_gap = max(result.longest_gap or 0.0, gaps.longest)
        if gaps.longest > LONGEST_GAP:
            result.problems.append(
                f"{member.name} heard nothing for {1_000 * gaps.longest:.0f} ms")
        if not call.hears_to_the_end(member, gaps):
            result.problems.append(f"{member.name} heard nothing at the end")
    result.first_voice = max(firsts) if firsts else None


def _last_words(member):
    """How a program ended, or that it runs."""
    sentences = [event["message"] for event in member.all("error")]
    status = member.process.poll()
    ended = "it still runs" if status is None else f"it ended with {status}"
    return f"{ended}, saying `{sentences[-1]}`" if sentences else ended


assert set(TABLE) <= set(nat.KINDS)
