"""What a member of a larger room costs: rooms of 2, 4, 8 and 16 real processes on loopback, silent and
with some of them talking, and how fast a newcomer is in a room of 15.

Usage: room.py VC FOLDER SECONDS JOINS

Each member is a process with the sound of files in and none out. Who is to talk is muted until
then, so that one room of 16 serves all measurements: 15 listen to 0, 1, 2, 3, 4 and 8 talkers. Each
figure of a number of talkers is the mean of the listeners, or of the talkers. All share the
processors of this machine, so that what one member costs does not depend on how fast the others
get theirs.

The named baseline is a call of two in the same run: what somebody who talks costs the other there, in
frames of 10 ms, where a room of 16 has frames of 20 ms. Rows of JSON on standard output.
"""

import itertools
import sys
import wave

from processes import *

NAMES = ["ana", "ben", "cleo", "dora", "emil", "fay", "gus", "hana", "ida", "jon", "kim", "leo",
         "mia", "nils", "olga", "pia"]


ADDRESSES = itertools.count(2)


def own_address():
    """A port at an address that nobody had before: a server lets one address join five times a
    minute."""
    number = next(ADDRESSES)
    address = f"127.0.{number // 250}.{1 + number % 250}"
    return f"{address}:{free_port(address)}"


class Room:
    """A host and joiners; the first `talkers` of them have a voice, and are muted."""

    def __init__(self, vc, size, voice, talkers=0):
        self.vc = vc
        self.members = []
        for number in range(size):
            self.add(voice if number < talkers else None)

    def add(self, voice=None):
        number = len(self.members)
        sound = ["--capture", f"file:{voice}", "--raw", "--talk", "open", "--muted"] if voice else [
            "--capture", "silence"]
        options = ["--playback", "silence", "--name", NAMES[number], *sound]
        if number == 0:
            member, self.code = host(self.vc, *options)
        else:
            member = join(self.vc, self.code, "--listen", own_address(), *options)
            member.wait_for("joined", 20)
        self.members.append(member)
        return member

    def settle(self):
        """Waits until everybody has a path to everybody."""
        for member in self.members:
            member.wait_until(lambda: len(member.paths) == len(self.members) - 1, 30,
                              "reach everybody")
        time.sleep(3)

    def toggle(self, members):
        """Opens or closes microphones."""
        for member in members:
            member.type("/mute")

    def costs(self, seconds):
        return costs([member.pid for member in self.members], seconds)

    def leave(self):
        for member in reversed(self.members):
            member.process.terminate()
        for member in self.members:
            member.leave()


def mean(values):
    return sum(values) / len(values)


def repeat(source, target, seconds):
    """The sound of one file again and again."""
    with wave.open(source, "rb") as file:
        parameters, data = file.getparams(), file.readframes(file.getnframes())
    with wave.open(target, "wb") as file:
        file.setparams(parameters)
        length = 0
        while length < seconds * RATE:
            file.writeframes(data)
            length += len(data) // 2


def pair(vc, voice, seconds):
    """CPU of a silent call of two, and what a talker costs the other more than that."""
    room = Room(vc, 2, voice, talkers=1)
    room.settle()
    silent = room.costs(seconds)[1]["cpu"]
    room.toggle(room.members[:1])
    time.sleep(2)
    listening = room.costs(seconds)[1]
    room.leave()
    return silent, listening["cpu"] - silent


def sizes(vc, seconds):
    for size in (4, 8):
        room = Room(vc, size, None)
        room.settle()
        cost = room.costs(seconds)
        room.leave()
        row(f"room of {size}, all silent: CPU of a member", [c["cpu"] for c in cost], "%", limit=1,
            value=mean([c["cpu"] for c in cost]))


def sixteen(vc, voice, seconds, baseline):
    room = Room(vc, 16, voice, talkers=8)
    room.settle()
    talking = 0
    listened = {}
    for talkers in (0, 1, 2, 3, 4, 8):
        room.toggle(room.members[talking:talkers])
        talking = talkers
        time.sleep(3)
        cost = room.costs(seconds)
        listeners, speakers = cost[talkers if talkers else 1:], cost[:talkers]
        if talkers in (0, 1, 2, 4, 8):
            # The eight that never talk are the same ones at every point of the curve.
            listened[talkers] = mean([c["cpu"] for c in cost[8:]])
        if talkers == 0:
            row("room of 16, all silent: CPU of a member", [c["cpu"] for c in cost], "%", limit=1,
                value=listened[0],
                note=f"{mean([c['switches'] for c in cost[8:]]):.0f} context switches a second")
            row("room of 16, all silent: resident", [c["resident"] for c in cost], "MiB",
                note=f"proportional {mean([c['proportional'] for c in cost]):.1f} MiB")
        elif talkers == 3:
            row("room of 16, 3 talkers: CPU of a listener", [c["cpu"] for c in listeners], "%",
                limit=8, value=mean([c["cpu"] for c in listeners]))
            row("room of 16, 3 talkers: CPU of a talker", [c["cpu"] for c in speakers], "%",
                limit=8, value=mean([c["cpu"] for c in speakers]))
            row("room of 16, 3 talkers: resident", [c["resident"] for c in cost], "MiB", limit=24,
                value=max(c["resident"] for c in cost),
                note=f"the largest; proportional {mean([c['proportional'] for c in cost]):.1f} MiB")
        else:
            row(f"room of 16, {talkers} talkers: CPU of a listener",
                [c["cpu"] for c in cost[8:]], "%", value=listened[talkers])
    room.leave()
    each = {n: (listened[n] - listened[0]) / n for n in (1, 2, 4, 8)}
    curve = ", ".join(f"{n}: {each[n]:.2f} %" for n in each)
    # The first one also wakes the playback thread: that is not a talker's.
    second = listened[2] - listened[1]
    last = (listened[8] - listened[4]) / 4
    row("CPU of a listener for the 5th to 8th talker over the 2nd", [last / second], "ratio",
        limit=1.25, note=f"linear in talkers; each of {curve}")
    row("one talker: a listener in a room of 16 over the one in a call of two",
        [each[1] / baseline], "ratio", limit=1.1,
        note=f"{each[1]:.2f} % against {baseline:.2f} % of a core")


def joins(vc, voice, count):
    room = Room(vc, 15, voice, talkers=1)
    room.toggle(room.members[:1])
    room.settle()
    voices, sessions, joined = [], [], []
    for _ in range(count):
        time.sleep(1.5)
        member = join(vc, room.code, "--listen", own_address(), "--capture", "silence", "--playback", "silence",
                      "--name", "newcomer")
        joined.append(1000 * (member.wait_for("joined", 20)["at"] - member.started))
        voices.append(1000 * (member.wait_for("voice", 20)["at"] - member.started))
        member.wait_until(lambda: len(member.paths) == 15, 20, "reach everybody")
        sessions.append(1000 * (max(member.paths.values()) - member.started))
        member.leave()
    room.leave()
    row("join into a room of 15: process start to first voice", voices, "ms", limit=300,
        note=f"`joined` after {median(joined):.0f} ms")
    row("join into a room of 15: process start to sessions with all", sessions, "ms", limit=1000)


def main():
    vc, folder, seconds, count = sys.argv[1], sys.argv[2], float(sys.argv[3]), int(sys.argv[4])
    voice = f"{folder}/long.wav"
    repeat(f"{folder}/voice.wav", voice, 7 * (seconds + 5) + 60)
    silent, baseline = pair(vc, voice, seconds)
    row("room of 2, silent: CPU of a member", [silent], "%", limit=1)
    sizes(vc, seconds)
    sixteen(vc, voice, seconds, baseline)
    joins(vc, voice, count)


main()
