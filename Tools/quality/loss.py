"""Speech through two real processes with a bad line between them, against Opus alone.

usage: loss.py FOLDER_OF_PROGRAMS WORK_FOLDER reduced|usual|full

Host and guest stand in network namespaces; between them Tools/netlab/shim.py drops and delays what
passes in both directions, by a seed. Each pair of voices speaks at the same time. The first ten
seconds of speech are for what `vc` learns of the line; what follows is compared with what was said
by PESQ-WB (ITU-T P.862.2) and STOI, and so are the same samples after encoder and decoder alone.
Clicks are counted by the detector of the tests, over what the codec alone has.

Each row is the middle of all voices and seeds. The first table is without processing of the
microphone, and has the limits of PESQ-WB that a call on such a line may cost. The second one is as
`vc` is without options: there only one speaks (the canceller takes something of who speaks into
another one's words), and speech is made cleaner and as loud as it should be, so that it is only
shown how much less of it is heard than on a good line. A reduced run has no second table and one pair of voices; a
line on which that is above a limit is measured with all voices, and judged by all. Status 1 when a
limit is not kept.
"""

import concurrent.futures
import dataclasses
import os
import statistics
import subprocess
import sys
import tempfile
import time

import numpy
from scipy.io import wavfile

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "../netlab"))

import kernel
import line
from measure import (LEAD_SECONDS, PAIRS, PAUSE_SECONDS, RATE, TAIL_SECONDS, Member, aligned,
                     codec_alone, scores, synthesise)

# What a line that is not bad does.
DELAY_MS = 20
ADAPTATION_SECONDS = 10
JOIN_SECONDS = 30
# A call takes as long as it takes, and little of the processor.
CALLS_AT_ONCE = 5
HOST, GUEST = "10.53.0.1", "10.53.0.2"
RAW = ("--raw", "--talk", "open", "--no-leveling", "--no-tones")
# Without tones: they would stand in the recording.
DEFAULTS = ("--no-tones",)


@dataclasses.dataclass(frozen=True)
class Line:
    name: str
    options: tuple
    # How much of PESQ-WB a call may lose on it, if that is limited.
    allowed: float | None = None
    # How far, in milliseconds, the delay may move, so that words are looked for so far away.
    moves_ms: int = 40


LINES = [
    Line("nothing lost", (), 0.1),
    Line("5 % lost", ("--loss", 0.05), 0.2),
    Line("10 % lost", ("--loss", 0.1), 0.4),
    Line("20 % lost", ("--loss", 0.2), 1.0),
    Line("10 % lost, 2.5 in a row", ("--loss", 0.1, "--burst", 2.5), 1.0),
]
# What has no limit is measured in a full run, to be seen.
OTHER_LINES = [
    Line("30 ms of jitter, 2 % overtake", ("--jitter", 30, "--reorder", 0.02)),
    Line("30 ms of jitter, 5 % lost", ("--jitter", 30, "--loss", 0.05)),
    Line("80 kbit/s", ("--rate", "1:80"), moves_ms=400),
    Line("80 kbit/s, 2 % lost", ("--rate", "1:80", "--loss", 0.02), moves_ms=400),
    Line("64 kbit/s for 4 s of 12", ("--rate", "8:500,4:64"), moves_ms=400),
]


class Speech:
    """What one voice says in a call, nothing twice, and where the parts are that are measured."""

    def __init__(self, number, path, parts):
        voices = [voice for pair in PAIRS for voice in pair]
        self.voice, self.path = voices[number][0], path
        texts = [synthesise(self.voice, voices[(number + place) % len(voices)][1], path)
                 for place in range(parts + 2)]
        lead, pause, tail = (numpy.zeros(int(seconds * RATE))
                             for seconds in (LEAD_SECONDS, PAUSE_SECONDS, TAIL_SECONDS))
        before = numpy.concatenate([lead, *texts[parts:]])[:ADAPTATION_SECONDS * RATE]
        pieces, self.parts, end = [before, pause], [], len(before) + len(pause)
        for text in texts[:parts]:
            pieces += [text, pause]
            begin, end = end, end + len(text) + len(pause)
            self.parts.append(slice(begin - len(pause) // 2, end - len(pause) // 2))
        samples = numpy.concatenate([*pieces, tail])
        samples = (samples * 16_384 / numpy.max(numpy.abs(samples))).astype(numpy.int16)
        wavfile.write(path, RATE, samples)
        self.samples = samples / 32_768


class Network:
    """Two machines and a bad line between them."""

    def __init__(self, name, options):
        self.fabric = kernel.Fabric(name)
        self.host, self.guest, self.middle = map(self.fabric.node, ("host", "guest", "line"))
        self.fabric.link(self.host, "eth0", self.middle, "left")
        self.fabric.link(self.middle, "right", self.guest, "eth0")
        # They know each other for good: a neighbour that is asked for again over a line that loses
        # and delays is lost for seconds, as no router on the way would be.
        links = {HOST: "02:00:00:00:00:01", GUEST: "02:00:00:00:00:02"}
        for node, own, other in ((self.host, HOST, GUEST), (self.guest, GUEST, HOST)):
            node.ip += [f"link set eth0 address {links[own]}", f"addr add {own}/24 dev eth0",
                        f"neigh replace {other} lladdr {links[other]} nud permanent dev eth0"]
        self.options = options
        self.shim = None

    def __enter__(self):
        try:
            self.fabric.build()
            self.shim = line.start(self.middle, *self.options)
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_):
        if self.shim:
            self.shim.kill()
            self.shim.wait()
        self.fabric.destroy()


class Call:
    """One call over one line: what it is made of, and what came of it."""

    def __init__(self, folder, number, way, mode, speeches, seed):
        self.line, self.mode, self.speeches, self.seed = way, mode, speeches, seed
        self.name = f"call{number}"
        self.recordings = [f"{folder}/{self.name}-{side}.wav" for side in ("host", "guest")]
        # Frames of each direction that were lost on the way, were made up, and came late.
        self.counts = []

    @property
    def listeners(self):
        """The sides that hear speech."""
        return (0, 1) if self.mode is RAW else (1,)

    def run(self, programs):
        options = (*self.line.options, "--delay", DELAY_MS, "--seed", self.seed)
        with Network(self.name, options) as network:
            host = self.member(
                programs, network.host, 0, "host", "--listen", f"{HOST}:4460", "--advertise", HOST)
            code = host.wait_for("code")["code"]
            guest = self.member(programs, network.guest, 1, "join", code)
            guest.wait_for("joined", JOIN_SECONDS)
            seconds = max(len(speech.samples) for speech in self.speeches) / RATE
            time.sleep(ADAPTATION_SECONDS)
            before = [member.counts() for member in (host, guest)]
            time.sleep(seconds - ADAPTATION_SECONDS + 0.5)
            after = [member.counts() for member in (host, guest)]
            guest.leave()
            host.leave()
        self.counts = [{key: after[side][key] - before[side][key] for key in after[side]}
                       for side in self.listeners]

    def member(self, programs, node, side, *arguments):
        speaks = 1 - side in self.listeners
        return Member(
            programs, [*arguments, *self.mode, "--playback", f"file:{self.recordings[side]}",
                       "--capture", f"file:{self.speeches[side].path}" if speaks else "silence"],
            prefix=kernel.inside(node.namespace))


def score_direction(call, listener, alone, bench, work):
    """The scores of each measured part that one side heard: (PESQ, STOI) of the codec alone and of
    the call, and clicks."""
    speech = call.speeches[1 - listener]
    _, recorded = wavfile.read(call.recordings[listener])
    heard, _ = aligned(speech.samples, recorded / 32_768, call.line.moves_ms * RATE // 1_000)
    results = []
    for part in speech.parts:
        said = speech.samples[part]
        results.append((scores(said, alone[part]), scores(said, heard[part]),
                        clicks(bench, f"{work}/{call.name}-{listener}", alone, heard[part])))
    return results


def clicks(bench, path, alone, heard):
    """Clicks in what was heard, by what is usual in what the codec alone makes."""
    files = []
    for name, samples in (("alone", alone), ("heard", heard)):
        files.append(f"{path}-{name}.f32")
        samples.astype(numpy.float32).tofile(files[-1])
    result = subprocess.run([bench, "clicks", *files], check=True, capture_output=True, text=True)
    for file in files:
        os.unlink(file)
    return int(result.stdout)


class Plan:
    """The calls that are made."""

    def __init__(self, folder, size):
        self.folder = folder
        self.size = size
        self.parts = 3 if size == "full" else 1
        self.speeches = {}
        self.count = 0

    def calls(self, way, mode, pairs, seeds):
        return [self.call(way, mode, pair, seed) for pair in pairs for seed in seeds]

    def call(self, way, mode, pair, seed):
        self.count += 1
        return Call(self.folder, self.count, way, mode,
                    [self.speech(2 * pair + side) for side in (0, 1)], seed)

    def speech(self, number):
        if number not in self.speeches:
            self.speeches[number] = Speech(number, f"{self.folder}/said-{number}.wav", self.parts)
        return self.speeches[number]

    def first(self):
        """The calls of a run of this size."""
        pairs = range(1 if self.size == "reduced" else len(PAIRS))
        seeds = (1, 2, 3) if self.size == "full" else (1,)
        calls = [call for way in LINES for call in self.calls(way, RAW, pairs, seeds)]
        if self.size == "full":
            calls += [call for way in OTHER_LINES for call in self.calls(way, RAW, pairs, (1,))]
        if self.size != "reduced":
            others = OTHER_LINES if self.size == "full" else []
            calls += [call for way in LINES + others
                      for call in self.calls(way, DEFAULTS, pairs, (1,))]
        return calls

    def more(self, names):
        """What a reduced run measures of the lines on which it was above a limit."""
        chosen = [way for way in LINES if way.name in names]
        return [call for way in chosen for call in self.calls(way, RAW, range(len(PAIRS)), (2, 3))]


def make(calls, programs):
    failures = []

    def one(call):
        try:
            call.run(programs)
        except (SystemExit, Exception) as error:  # told when the others have ended
            failures.append(f"{call.line.name}: {error}")

    with concurrent.futures.ThreadPoolExecutor(CALLS_AT_ONCE) as pool:
        for number, _ in enumerate(pool.map(one, calls)):
            print(f"loss: {number + 1} of {len(calls)} calls", file=sys.stderr, flush=True)
    if failures:
        raise SystemExit("loss: " + "; ".join(failures))


def score(calls, folder, work, bench):
    """The results of each call, both directions."""
    speeches = {speech.path: speech for call in calls for speech in call.speeches}
    alone = {path: codec_alone(work, speech.samples) for path, speech in speeches.items()}
    with concurrent.futures.ProcessPoolExecutor() as pool:
        waiting = [[pool.submit(score_direction, call, listener,
                                alone[call.speeches[1 - listener].path], bench, folder)
                    for listener in call.listeners] for call in calls]
        return [[result for direction in directions for result in direction.result()]
                for directions in waiting]


class Row:
    """What came of all calls over one line in one mode."""

    def __init__(self, way, calls, results, good=None):
        """`good`: the PESQ-WB from which what it costs is counted; each part's own codec without."""
        parts = [part for result in results for part in result]
        counts = [count for call in calls for count in call.counts]
        middle = statistics.median
        self.way, self.count = way, len(parts)
        self.pesq = [middle([part[side][0] for part in parts]) for side in (0, 1)]
        self.stoi = [middle([part[side][1] for part in parts]) for side in (0, 1)]
        costs = [(alone[0] if good is None else good) - through[0] for alone, through, _ in parts]
        self.cost, self.most = middle(costs), max(costs)
        self.clicks = sum(part[2] for part in parts)
        frames = max(1, sum(count["received"] + count["lost"] for count in counts))
        self.lost, self.concealed = (100 * sum(count[key] for count in counts) / frames
                                     for key in ("lost", "concealed"))
        self.is_kept = way.allowed is None or self.cost <= way.allowed

    def __str__(self):
        limit = "-" if self.way.allowed is None else f"{self.way.allowed:.1f}"
        return (
            f"  {self.way.name:34} {self.pesq[0]:7.2f} {self.pesq[1]:7.2f} {self.cost:9.2f} "
            f"{self.most:5.2f} {limit:>5} {self.stoi[0]:6.3f} {self.stoi[1]:.3f} {self.clicks:6} "
            f"{self.lost:5.1f}% {self.concealed:6.1f}% {self.count:3}"
            f"{'' if self.is_kept else '  <- TOO MUCH'}")


def rows(measured, mode):
    """A row of each line in this mode, of (call, result) pairs."""
    found = []
    for way in LINES + OTHER_LINES:
        chosen = [pair for pair in measured if pair[0].line is way and pair[0].mode is mode]
        if chosen:
            if mode is RAW:
                found.append(Row(way, *zip(*chosen)))
                continue
            # The first line is the good one.
            good = found[0].pesq[1] if found else Row(way, *zip(*chosen)).pesq[1]
            found.append(Row(dataclasses.replace(way, allowed=None), *zip(*chosen), good))
    return found


def print_table(title, found):
    if found:
        print(title)
        print(f"  {'':34} {'PESQ-WB':>15} {'':>9} {'':>5} {'':>5} {'STOI':>12}")
        print(f"  {'':34} {'Opus':>7} {'call':>7} {'lower by':>9} {'most':>5} {'limit':>5} "
              f"{'Opus':>6} {'call':>5} {'clicks':>6} {'lost':>6} {'made up':>7} {'n':>3}")
        print("\n".join(map(str, found)))


def main():
    programs, work, size = sys.argv[1:]
    kernel.remove_leftovers()
    # A disk that is busy holds up who records on it, which is no loss of the network's.
    memory = "/dev/shm" if os.path.isdir("/dev/shm") else None
    with tempfile.TemporaryDirectory(prefix="vc-loss-", dir=memory) as folder:
        broken = judge(Plan(folder, size), programs, work)
    print("speech under loss: " + (f"too much is lost of: {', '.join(broken)}" if broken
                                   else "all limits are kept"))
    sys.exit(1 if broken else 0)


def judge(plan, programs, work):
    """Prints the tables; returns the lines on which too much is lost."""
    measured = []

    def measure(calls):
        make(calls, programs)
        measured.extend(zip(calls, score(calls, plan.folder, work, f"{programs}/vc-bench")))
        return [row.way.name for row in rows(measured, RAW) if not row.is_kept]

    broken = measure(plan.first())
    if broken and plan.size == "reduced":
        broken = measure(plan.more(broken))
    print_table("as it is (--raw --talk open)", rows(measured, RAW))
    print_table("as vc is without options: processed, opened by voice, levelled",
                rows(measured, DEFAULTS))
    return broken


if __name__ == "__main__":
    main()
