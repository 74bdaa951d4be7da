"""Speech over a line that loses packets, through vc and through other programs, side by side.

usage: others.py FOLDER_OF_PROGRAMS WORK_FOLDER usual|full

A speaks into a null sink of a PulseAudio (Tools/bench/pulse.py), and B's loudspeaker is another one,
for every program alike; between them is the line of loss.py, which drops the same packets of each by
a seed. Servers of other programs run where A does, so that what A says crosses the line once. Each
program is as it chooses to be (vc with --raw, as what is done to a microphone is not to be measured;
baresip in frames of 10 ms). The first ten seconds of speech are for what a program learns of the
line; what follows is compared with what was said by PESQ-WB (ITU-T P.862.2) and STOI, and clicks are
counted over what Opus alone has. Each row is the middle of all parts. Status 1 when vc is not above
all others on every line that loses something.
"""

import array
import os
import statistics
import subprocess
import sys
import tempfile
import time

import numpy

for _folder in ("../bench", "../netlab"):
    sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), _folder))

import baresip
import kernel
import peers
import pulse
from loss import DELAY_MS, GUEST, HOST, LINES, RAW, Network, Speech, clicks
from measure import RATE, Member, aligned, codec_alone, scores
from processes import Place, come_first

# Which voices speak (measure.PAIRS, in their order), in a usual run and in a full one. One call is
# not enough: what is lost at 5 % moves a call by 0.5 of PESQ-WB.
VOICES = {"usual": (0, 1), "full": (0, 1, 2, 3, 4, 5)}
PARTS = 3
# How far a delay may move between two words: others move it as the line jitters.
MOVES = RATE // 10
# A program that is not heard is started anew so often.
ATTEMPTS = 3
# What is understood less than that is something else than what was said.
LEAST_STOI = 0.3
# A null sink that has just been made stands still for more than a second.
AWAKENING_SECONDS = 2


class VC:
    """What is measured beside them."""

    name = "vc --raw"
    source, ear = "micA", "earB.monitor"

    def __init__(self, programs, server, places):
        self.programs, self.server, self.places = programs, server, places
        self.members = []

    def __enter__(self):
        host = self.member(
            "A", "host", "--listen", f"{self.places[0].address}:4460", "--advertise",
            self.places[0].address)
        code = host.wait_for("code", 20)["code"]
        self.member("B", "join", code).wait_for("voice", 30)
        return self

    def member(self, name, *arguments):
        place = self.places["AB".index(name)]
        self.members.append(Member(
            self.programs, [*arguments, *RAW, "--capture", f"alsa:mic{name}", "--playback",
                            f"alsa:ear{name}"], place.prefix, self.server.environment))
        return self.members[-1]

    def __exit__(self, *_):
        for member in reversed(self.members):
            member.leave()


class Baresip:
    name = "baresip"
    source, ear = "micA", "earB.monitor"

    def __init__(self, folder, server, places):
        self.call = baresip.Call(
            folder, ("alsa,micA", "alsa,earA"), ("alsa,micB", "alsa,earB"), 10, "alsa",
            environment=server.environment, places=places)

    @staticmethod
    def missing():
        return baresip.missing()

    def __enter__(self):
        if not self.call.is_established:
            self.__exit__()
            raise RuntimeError("it made no call")
        return self

    def __exit__(self, *_):
        self.call.__exit__()


def heard(start, line, seed, speech, server):
    """What B hears of the speech, or None when that is nothing."""
    options = (*line.options, "--delay", DELAY_MS, "--seed", seed)
    with Network("others", options) as network:
        places = [Place(HOST, tuple(kernel.inside(network.host.namespace))),
                  Place(GUEST, tuple(kernel.inside(network.guest.namespace)))]
        with start(server, places) as program:
            samples = array.array("h", (speech.samples * 32_767).astype(numpy.int16).tobytes())
            (_, (recorded, _)) = server.record(program.source, program.ear, samples)
    result = numpy.array(recorded, dtype=numpy.float64) / 32_768
    return result if numpy.max(numpy.abs(result), initial=0) > 0.01 else None


def measured(start, line, seed, speech, alone, folder, bench):
    """PESQ-WB, STOI and clicks of each part of one call."""
    server = pulse.Pulse(folder)
    for _ in range(ATTEMPTS):
        with server:
            time.sleep(AWAKENING_SECONDS)
            sound = heard(start, line, seed, speech, server)
        if sound is None:
            continue
        through, _ = aligned(speech.samples, sound, MOVES)
        results = [scores(speech.samples[part], through[part]) for part in speech.parts]
        if max(stoi for _, stoi in results) < LEAST_STOI:
            continue
        return [(*result, clicks(bench, f"{folder}/part", alone[part], through[part]))
                for result, part in zip(results, speech.parts)]
    raise RuntimeError("it is not heard")


class Table:
    """Results by line and program."""

    def __init__(self, names):
        self.names = names
        self.results = {}

    def add(self, line, name, results):
        self.results.setdefault((line.name, name), []).extend(results)

    def middle(self, line, name, column=0):
        results = self.results.get((line.name, name))
        return statistics.median(result[column] for result in results) if results else None

    def show(self):
        """Prints it; returns the lines on which vc is not the best."""
        behind = []
        print(f"  {'PESQ-WB, STOI, clicks':26}" + "".join(f"{name:>24}" for name in self.names))
        for line in LINES:
            cells = [self.cell(line, name) for name in self.names]
            own, *others = (self.middle(line, name) for name in self.names)
            best = max((other for other in others if other is not None), default=0)
            is_kept = own is not None and (own > best or not line.options)
            behind += [] if is_kept else [line.name]
            print(f"  {line.name:26}" + "".join(cells) + ("" if is_kept else "  <- NOT THE BEST"))
        return behind

    def cell(self, line, name):
        if self.middle(line, name) is None:
            return f"{'-':>24}"
        count = sum(result[2] for result in self.results[(line.name, name)])
        return (f"{self.middle(line, name):12.2f}{self.middle(line, name, 1):7.3f}{count:5}")


def main():
    programs, work, size = sys.argv[1:]
    come_first()
    if why := pulse.missing():
        raise SystemExit(f"others: PulseAudio is {why}")
    kernel.remove_leftovers()
    with tempfile.TemporaryDirectory(prefix="vc-others-") as folder:
        starts = {VC.name: lambda server, places: VC(programs, server, places)}
        for kind, make in ((Baresip, Baresip), (peers.Mumble, peers.Mumble),
                           (peers.Jamulus, peers.Jamulus)):
            if why := kind.missing():
                print(f"  {kind.name} is {why}")
                continue
            starts[kind.name] = (
                lambda server, places, make=make: make(folder, server, places=places))
        behind = compare(starts, VOICES[size], folder, work, f"{programs}/vc-bench")
    print("speech under loss beside others: "
          + (f"vc is not the best with {', '.join(behind)}" if behind else "vc is the best"))
    sys.exit(1 if behind else 0)


def compare(starts, voices, folder, work, bench):
    table = Table(list(starts))
    left = len(voices) * len(LINES) * len(starts)
    for voice in voices:
        speech = Speech(voice, f"{folder}/said-{voice}.wav", PARTS)
        alone = codec_alone(work, speech.samples)
        for line in LINES:
            for name, start in starts.items():
                try:
                    table.add(line, name, measured(
                        start, line, voice + 1, speech, alone, folder, bench))
                except (RuntimeError, subprocess.SubprocessError) as error:
                    print(f"  {name}, {line.name}: {error}", flush=True)
                left -= 1
                print(f"others: {left} calls left", file=sys.stderr, flush=True)
    return table.show()


if __name__ == "__main__":
    main()
