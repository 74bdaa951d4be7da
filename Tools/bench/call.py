"""What a call of two costs each side: CPU of one core, resident memory, and CPU at rest (muted).

Usage: call.py VC FOLDER ROUNDS SECONDS

Members are real processes over real UDP on loopback, with files as devices. Both speak without a
pause, so nothing is saved by silence: once with --raw, and once as it is without options, with the
processing of the microphone. Then they take turns as people do (ITU-T P.59), with --raw. At rest
both are muted, in the call.

Beside it stands the least that such a call can cost, bare_call.c: one thread, one wake-up for each
frame, no sealing, no jitter buffer and no device. What waking up costs is another thing on every
machine, and none can do without.

Where baresip (Debian: baresip-core) is installed it makes the same calls in the same round, without
encryption: Opus mono at 48 kHz and 48 kbit/s, once in frames of 10 ms as vc, and once in frames of
20 ms, half as many packets, which is its own choice. It has no device that records to a file, so
the side that is measured hears through its `aubridge`, which runs at the pace of the clock, and
says again what it heard, also when people take turns. Rows of JSON on standard output.
"""

import contextlib
import subprocess
import sys

import baresip
from processes import *

FRAMES = (10, 20)
# A conversation has to be heard for so long until its turns are as they are on average.
CONVERSATION_SECONDS = 25


def vc_call(vc, folder, voices, seconds, *options):
    outputs = [f"file:{folder}/{name}.wav" for name in "ab"]
    first, code = host(vc, "--capture", f"file:{voices[0]}", "--playback", outputs[0], *options)
    second = join(vc, code, "--capture", f"file:{voices[1]}", "--playback", outputs[1], *options)
    is_muted = "--muted" in options
    second.wait_for("path" if is_muted else "voice")
    # Muted: until what there was to tell is told, and playback has gone to rest.
    time.sleep(4 if is_muted else 2)
    result = costs([first.pid, second.pid], seconds)
    second.leave()
    first.leave()
    return result


def bare_call(program, voice, seconds, frame):
    ports = str(free_port()), str(free_port())
    with contextlib.ExitStack() as both:
        sides = []
        for own, peer in (ports, ports[::-1]):
            side = both.enter_context(subprocess.Popen([program, own, peer, str(frame), voice]))
            both.callback(side.kill)
            sides.append(side.pid)
        time.sleep(1)
        return costs(sides, seconds)


def baresip_call(folder, voice, seconds, frame):
    """The costs of a side in frames of `frame` ms; none where there is no call."""
    with baresip.Call(
            folder, (f"aufile,{voice}", "aubridge,ear"),
            ("aubridge,loop", "aubridge,loop"), frame, "aufile") as call:
        return costs([call.pids[1]], seconds) if call.is_established else []


class Costs:
    """What was measured of one kind of call."""

    def __init__(self, name, limit=None, resident_limit=None, tells_resident=False):
        self.name, self.limit, self.resident_limit = name, limit, resident_limit
        self.tells_resident = tells_resident or resident_limit is not None
        self.sides = []

    def __iadd__(self, sides):
        self.sides += sides
        return self

    @property
    def cpu(self):
        return median([side["cpu"] for side in self.sides])

    def tell(self):
        switches = median([side["switches"] for side in self.sides])
        row(f"{self.name}: CPU of a side", [side["cpu"] for side in self.sides], "%",
            limit=self.limit, note=f"{switches:.0f} context switches a second")
        if not self.tells_resident:
            return
        proportional = median([side["proportional"] for side in self.sides])
        row(f"{self.name}: resident", [side["resident"] for side in self.sides], "MiB",
            limit=self.resident_limit, note=f"proportional {proportional:.1f} MiB")

    def tell_over(self, other, note):
        row(f"vc over {other.name}: CPU", [self.cpu / other.cpu], "ratio", note=note)


def build_bare_call(folder):
    program = f"{folder}/bare_call"
    subprocess.run(
        ["gcc", "-O2", "-Wall", "-o", program, "Tools/bench/bare_call.c", "-lopus"], check=True)
    return program


def main():
    vc, folder, rounds, seconds = sys.argv[1], sys.argv[2], int(sys.argv[3]), float(sys.argv[4])
    voice, turns = f"{folder}/voice.wav", [f"{folder}/turns-{name}.wav" for name in "ab"]
    sound = [sample / 32_768 for sample in read_wav(voice)]
    for path, side in zip(turns, conversation(sound, len(sound) / RATE)):
        write_wav(path, side)
    program = build_bare_call(folder)
    talking = Costs("call of two, talking, --raw", limit=2, resident_limit=12)
    processed = Costs("call of two, talking, processed", limit=4, resident_limit=20)
    conversing = Costs("call of two, taking turns, --raw")
    resting = Costs("call of two, muted", limit=0.3)
    bare = Costs("bare C (bare_call.c)")
    peers = {frame: Costs(f"baresip, frames of {frame} ms", tells_resident=True)
             for frame in FRAMES}
    peers_conversing = {frame: Costs(f"baresip, taking turns, frames of {frame} ms")
                        for frame in FRAMES}
    without = baresip.missing()
    for number in range(rounds):
        talking += vc_call(vc, folder, [voice, voice], seconds, "--raw")
        bare += bare_call(program, voice, seconds, 10)
        processed += vc_call(vc, folder, [voice, voice], seconds)
        resting += vc_call(vc, folder, [voice, voice], seconds, "--muted")
        for frame in () if without else FRAMES:
            peers[frame] += baresip_call(folder, voice, seconds, frame)
        # The same seconds each time: a few rounds of it are enough.
        if number % 3 == 0:
            conversing += vc_call(vc, folder, turns, CONVERSATION_SECONDS, "--raw")
            for frame in () if without else FRAMES:
                peers_conversing[frame] += baresip_call(
                    folder, turns[0], CONVERSATION_SECONDS, frame)
    for ours in (talking, processed, conversing, resting, bare):
        ours.tell()
    talking.tell_over(bare, note="one thread, nothing sealed, no device")
    if not all(cost.sides for cost in (*peers.values(), *peers_conversing.values())):
        missing("baresip", without or "it made no call")
        return
    for frame in FRAMES:
        peers[frame].tell()
        peers_conversing[frame].tell()
    for frame in FRAMES:
        talking.tell_over(peers[frame], note="vc: 10 ms and sealed")
        conversing.tell_over(
            peers_conversing[frame], note="vc: 10 ms and sealed; baresip says what it hears")


main()
