"""Rooms of three: two guests that reach the host and not each other. The host forwards between
them, or else a relay does."""

import dataclasses
import time
import traceback

from call import Call, Setting
from cells import FINAL_RUNG, STAYS, Result
from stage import Interrupted
from topology import Site

# Seconds from the start of the second guest to the first voice between the two guests: it joins,
# hears of the other one, and makes keys with it.
FIRST_VOICE = 2.0
# How many of the voice frames may be missing in the last seconds.
LOST = 0.02
# What is looked at for it.
LAST_SECONDS = 3.0


@dataclasses.dataclass
class Room:
    """A host between two guests."""

    name: str
    host: Site
    guests: tuple
    rung: str = "host"
    relays: int = 2
    options: tuple = ("--no-birthday",)
    within: float = FINAL_RUNG
    seconds: float = 9.0


def all_rooms():
    """Who has a direct path with everybody forwards for everybody (research on NAT traversal)."""
    symmetric = (Site("S"), Site("S"))
    return [
        Room("O hosts S and S", Site("O"), symmetric),
        Room("O hosts S and S without a relay", Site("O"), symmetric, relays=0),
        Room("FC hosts S and S", Site("FC"), symmetric),
        Room("AR hosts S and S", Site("AR"), symmetric),
        Room("S+pm hosts S and S", Site("S+pm"), symmetric),
        Room("O hosts PR and S", Site("O"), (Site("PR"), Site("S"))),
        Room("PR+pm hosts PR and S without a relay", Site("PR+pm"), (Site("PR"), Site("S")),
             relays=0),
        Room("PR hosts S and S", Site("PR"), symmetric, rung="relay"),
        Room("O hosts S and S without forwarding", Site("O"), symmetric, rung="relay",
             options=("--no-birthday", "--no-host-forward")),
        Room("O hosts PR and PR", Site("O"), (Site("PR"), Site("PR")), rung="direct"),
    ]


def run(stage, room):
    """Runs a room and judges it."""
    begin = time.monotonic()
    result = Result(room.name, f"{room.rung} between the guests within {room.within:g} s")
    setting = Setting(
        room.host, room.guests[0], relays=room.relays, others=(room.guests[1],),
        host_options=room.options, guest_options=room.options)
    try:
        with Call(stage, room.name, setting) as call:
            _judge(call, room, result)
    except Interrupted:
        raise
    except Exception as error:  # Of the laboratory, not of vc; the others go on.
        result.problems.append(
            f"the laboratory failed: {type(error).__name__}: {error}\n{traceback.format_exc()}")
    result.seconds = time.monotonic() - begin
    return result


def _judge(call, room, result):
    if call.start_host() is None:
        result.problems.append("the host got no code")
        return
    first = call.start_guest()
    if first.wait_for_event("joined", 10) is None:
        result.problems.append("the first guest did not get in")
        return
    second = call.member(call.hosts[2], "edith", ["join"], room.options, call.code)
    if second.wait_for_event("joined", 10) is None:
        result.problems.append("the second guest did not get in")
        return
    guests = [(first, _number(second)), (second, _number(first))]
    call.stage.sleep(second.started + room.within + STAYS - time.monotonic())
    for guest, _ in guests:
        guest.say(f"hello from {guest.name}")
    call.stage.sleep(LAST_SECONDS)
    for guest, other in guests:
        _judge_path(guest, other, second.started, room, result)
        _judge_voice(guest, other, second.started, result)
    call.leave()
    for sender, receiver in ((first, second), (second, first)):
        heard = [event["text"] for event in receiver.all("chat")]
        if heard.count(f"hello from {sender.name}") != 1:
            result.problems.append(f"{receiver.name} did not get the chat of {sender.name} once")
    result.host_rung, result.guest_rung = (
        _last_rung(guest, other) for guest, other in guests)


def _number(member):
    return member.all("joined")[0]["number"]


def _paths(guest, other):
    return [event for event in guest.all("path") if event["member"] == other]


def _last_rung(guest, other):
    paths = _paths(guest, other)
    return paths[-1]["rung"] if paths else None


def _judge_path(guest, other, begin, room, result):
    rung, since = None, None
    for event in _paths(guest, other):
        if event["rung"] != rung:
            rung, since = event["rung"], event["at"] - begin
        result.why = event.get("why", "")
    if rung != room.rung:
        result.problems.append(f"{guest.name} reaches the other guest by {rung}")
        return
    result.final = max(result.final or 0.0, since)
    if since > room.within:
        result.problems.append(f"{guest.name} came to {rung} after {since:.1f} s")


def _judge_voice(guest, other, begin, result):
    voices = [event["at"] - begin for event in guest.all("voice") if event["member"] == other]
    if not voices:
        result.problems.append(f"{guest.name} did not hear the other guest")
        return
    result.first_voice = max(result.first_voice or 0.0, voices[0])
    if voices[0] > FIRST_VOICE:
        result.problems.append(f"{guest.name} heard the other guest after {voices[0]:.1f} s")
    counts = [(member["received"], member["lost"]) for event in guest.all("stats")
              for member in event["members"] if member["number"] == other][-int(LAST_SECONDS):]
    received = counts[-1][0] - counts[0][0] if counts else 0
    lost = counts[-1][1] - counts[0][1] if counts else 0
    if received < 50 or lost > LOST * (received + lost):
        result.problems.append(
            f"{guest.name} got {received} voice frames at the end, and {lost} were lost")
