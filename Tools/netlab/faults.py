"""What goes wrong in mid-call, and what the members may notice of it."""

import dataclasses
import time
import traceback
from typing import Callable

import harm
from call import Call, Chat, Setting
from cells import DIRECT, LONGEST_GAP, RELAY, TCP, Result
from eavesdropper import Eavesdropper
from stage import Interrupted
from topology import Site

# How long a call may take to reach the rung from which the fault starts.
READY_SECONDS = 6
# A call of some seconds before and after, so that a gap has an end on both sides.
BEFORE_SECONDS = 1.5
# Chat lines that were sent in the fault arrive by then.
CHAT_SECONDS = 10
# TCP is tried 2 s after UDP stayed silent.
TCP_GAP = 5.0


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
    # About how long the action itself takes.
    action_seconds: float = 0
    longest_gap: float = LONGEST_GAP
    # What is watched besides: an object with `begin(call)` and `judge(call, result)`, which is
    # called when all have left.
    watcher: object = None


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
    if fault.watcher:
        fault.watcher.begin(call)
    if call.setting.left.kind == "PRm":
        harm.mapping_at(call, harm.FIRST_OUTER_PORT)
    if call.start_host() is None:
        result.problems.append("the host got no code")
        return
    call.start_guest()
    if not _is_ready(call, fault, result):
        return
    chat = Chat(call)
    call.stage.sleep(BEFORE_SECONDS)
    struck = time.monotonic()
    outage = fault.action(call, result) or 0.0
    call.stage.sleep(fault.seconds)
    chat.stop()
    _await_chat(call, chat)
    call.leave()
    _judge(call, fault, outage, result)
    result.final = _overcome(call, struck)
    result.problems += chat.complaints()
    result.notes.append(f"{chat.count} lines of chat")
    if fault.watcher:
        fault.watcher.judge(call, result)


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
        if not call.hears_to_the_end(member, gaps):
            result.problems.append(f"{member.name} heard nothing at the end")
        if member.process.returncode != 0:
            result.problems.append(f"{member.name} ended with {member.process.returncode}")
    changes = call.guest.path_changes()
    if outage:
        result.notes.append(f"{1_000 * outage:.0f} ms of them nothing could pass")
    result.why = " > ".join(f"{rung} ({why})" for _, rung, why in changes[-3:])


def _overcome(call, struck):
    """How long after the fault both were on the rung that they ended on; None when they did not
    leave theirs."""
    times = [call.settled(member)[1] for member in call.pair]
    if None in times:
        return None
    seconds = max(times) + call.begin - struck
    return seconds if seconds >= 0 else None


def all_faults(full):
    """The faults; those that wait long wait less without `full`."""
    homes = Setting(Site("PR"), Site("PR"))
    symmetric = Setting(Site("S"), Site("S"))
    mapped = Setting(
        Site("PRm"), Site("PR"), host_options=("--listen", str(harm.LOCAL_PORT)))
    servers = ("signal", "relay1", "relay2")
    return [
        Fault("conntrack flushed", homes, harm.flush(0)),
        Fault("mapping expired", mapped, harm.expire_mapping(60 if full else 2),
              seconds=12),
        Fault("address changes from v4 to v4",
              Setting(Site("PR"), Site("PR"), roaming=Site("PR")), harm.move, seconds=12),
        Fault("address changes from v4 to v6",
              Setting(Site("PR"), Site("PR", ipv6=True), roaming=Site("F6")), harm.move,
              seconds=12),
        Fault("link down 2 s", homes, harm.link_down(2)),
        Fault("vc-signal killed and back",
              Setting(Site("PR"), Site("PR"), others=(Site("O"),)), harm.restart_signal,
              action_seconds=9, seconds=2),
        Fault("direct path drops media", homes, harm.drop_media, after=RELAY),
        Fault("direct path loses 20 %", homes, harm.lose(20), after=RELAY, seconds=10),
        under_relay("conntrack flushed under a relay", harm.flush(0)),
        under_relay("relay killed", harm.with_relay(harm.kill_relay)),
        under_relay("relay drained", harm.with_relay(harm.drain_relay)),
        under_relay("relay black-holed in one direction",
                    harm.with_relay(harm.black_hole_relay)),
        Fault("what servers see", symmetric, harm.nothing, RELAY, RELAY, seconds=4,
              watcher=Eavesdropper(servers)),
    ] + ([
        Fault("conntrack flushed on both sides", homes, harm.flush(0, 1)),
        Fault("link down 0.5 s", homes, harm.link_down(0.5)),
        Fault("link down 5 s", homes, harm.link_down(5)),
        Fault("line down 2 s", homes, harm.line_down(2)),
        Fault("line down 5 s", homes, harm.line_down(5)),
        under_relay("link down 2 s under a relay", harm.link_down(2)),
        under_relay("relay killed 60 ms away", harm.with_relay(harm.kill_relay), delay_ms=15),
        Fault("direct path drops media 60 ms away",
              Setting(Site("PR", delay_ms=15), Site("PR", delay_ms=15)), harm.drop_media,
              after=RELAY),
        Fault("UDP blocked and back", homes, harm.block_udp(8), longest_gap=TCP_GAP, seconds=10),
        Fault("what servers see of TCP", Setting(Site("X"), Site("X")), harm.nothing, TCP, TCP,
              seconds=4, watcher=Eavesdropper(servers)),
    ] if full else [])


def under_relay(name, action, **line):
    """A fault of a call that only a relay can carry."""
    return Fault(name, Setting(Site("S", **line), Site("S", **line)), action, RELAY, RELAY)
