"""Speech through a real call of two processes, against Opus alone.

usage: measure.py FOLDER_OF_PROGRAMS WORK_FOLDER 1|all

Each pair of voices speaks at the same time, host and guest, and is recorded on the other side.
PESQ-WB (ITU-T P.862.2) and STOI compare each recording with what was said; so they do for the same
samples after encoder and decoder alone. The call may cost 0.1 of PESQ.
"""

import concurrent.futures
import itertools
import json
import os
import subprocess
import sys
import threading
import time

import numpy
from pesq import pesq
from pystoi import stoi
from scipy.io import wavfile
from scipy.signal import correlate, resample_poly

RATE = 48_000
ALLOWED_LOSS = 0.1
# In front of the speech, while the path is found; and behind it, until the last frame has come.
LEAD_SECONDS = 0.7
TAIL_SECONDS = 0.7
# Said first and not measured: in the first second of a call the jitter buffer goes from the delay
# that it assumes (5 ms) to the one that it has measured (2.5 ms). It does so where the sound is
# quiet, so that nobody hears it, but PESQ counts 2.5 ms less within an utterance as 0.1 to 0.5.
WARM_UP = "One, two, three, four."
PAUSE_SECONDS = 0.6
# A call in which a packet came late was disturbed by what else this machine does; then the delay
# changes as above. It is made again this many times at most.
ATTEMPTS = 8
# How far from the place of the whole an utterance is looked for: 20 ms.
SEARCH = RATE // 50
# Softer than this, -80 dB, nothing was heard, for which PESQ has no figure: the end of its scale.
SILENCE = 1e-4

# Pairs of (espeak-ng voice, words): the first of each is the host's.
PAIRS = [
    (
        ("en-us+m3", "The tide turns at seven, and the boats should be back by then. Bring "
         "bread, fresh fish, and a very long story for the evening."),
        ("en-gb+f2", "Let us meet at the old bridge and walk up the hill together. From the "
         "top you can see two rivers, three villages and the sea."),
    ),
    (
        ("de+f4", "Am Abend sitzen wir am Fluss und warten auf das kleine Boot. Die Fische "
         "springen, und der Wind wird schwächer."),
        ("fr+m1", "Ce matin, nous avons cherché des champignons dans la grande forêt. Il y en "
         "avait très peu, mais le soleil était chaud."),
    ),
    (
        ("en-gb-scotland+m7", "Nine wooden boxes stood in the hall, and nobody knew who had "
         "sent them. We opened the smallest one first."),
        ("es+f1", "La casa blanca está cerca del puerto, junto al mercado viejo. Por la tarde "
         "los niños juegan en la plaza."),
    ),
]
MODES = [("default", []), ("--talk open", ["--talk", "open"])]


def synthesise(voice, words, path):
    """What espeak-ng makes of the words, at 48 kHz, between -1 and 1."""
    subprocess.run(["espeak-ng", "-v", voice, "-s", "150", "-w", path, words], check=True)
    rate, samples = wavfile.read(path)
    if rate != 22_050:
        raise SystemExit(f"measure: espeak-ng gave {rate} Hz, 22050 were expected")
    return resample_poly(samples.astype(numpy.float64), 320, 147) / 32_768


def speak(voice, words, path):
    """Writes what is said to a file; returns its samples and where the measured part begins."""
    warm_up, speech = (synthesise(voice, text, path) for text in (WARM_UP, words))
    lead, pause, tail = (
        numpy.zeros(int(seconds * RATE)) for seconds in (LEAD_SECONDS, PAUSE_SECONDS, TAIL_SECONDS))
    samples = numpy.concatenate([lead, warm_up, pause, speech, tail])
    samples = (samples * 16_384 / numpy.max(numpy.abs(samples))).astype(numpy.int16)
    wavfile.write(path, RATE, samples)
    return samples / 32_768, len(lead) + len(warm_up) + len(pause) // 2


def codec_alone(work, samples):
    """The samples after encoder and decoder."""
    result = subprocess.run(
        [f"{work}/codec"], input=samples.astype(numpy.float32).tobytes(), check=True,
        stdout=subprocess.PIPE)
    return numpy.frombuffer(result.stdout, numpy.float32).astype(numpy.float64)


def best_lag(said, heard):
    """Samples by which `heard` comes after `said`."""
    return int(numpy.argmax(correlate(heard, said, "full", "fft"))) - (len(said) - 1)


def utterances(said):
    """Where the parts between pauses of 80 ms and more begin and end, the pauses shared out."""
    block = RATE // 100
    loud = [numpy.max(numpy.abs(said[i:i + block])) > 1e-3 for i in range(0, len(said), block)]
    borders, quiet = [0], 0
    for index, is_loud in enumerate(loud):
        if is_loud and quiet >= 8 and index > quiet:
            borders.append((index - quiet // 2) * block)
        quiet = 0 if is_loud else quiet + 1
    return list(zip(borders, borders[1:] + [len(said)]))


def aligned(said, heard, search=SEARCH):
    """What lies in `heard` over `said`, and the largest shift between two parts in milliseconds.

    Between utterances the jitter buffer may change its delay, which nobody hears; PESQ takes a
    change that it does not find for a distortion, so each utterance is laid in its place first,
    at most `search` samples from where the whole lies.
    """
    start = best_lag(said, heard)
    heard = numpy.concatenate([numpy.zeros(search + max(0, -start)), heard, numpy.zeros(len(said))])
    start = max(start, 0)
    parts, lags = [], []
    for begin, end in utterances(said):
        around = heard[start + begin:start + end + 2 * search]
        lag = int(numpy.argmax(correlate(around, said[begin:end], "valid", "fft")))
        parts.append(around[lag:lag + end - begin])
        if numpy.max(numpy.abs(said[begin:end])) > 0.01:
            lags.append(lag)
    return numpy.concatenate(parts), 1_000 * (max(lags) - min(lags)) / RATE


def scores(said, heard):
    """PESQ-WB and STOI."""
    said, heard = (resample_poly(x, 1, 3) for x in (said, heard))
    length = min(len(said), len(heard))
    said, heard = said[:length], heard[:length]
    if numpy.max(numpy.abs(heard)) < SILENCE:
        return 1.0, 0.0
    return pesq(16_000, said, heard, "wb"), stoi(said, heard, 16_000)


class Member:
    """A `vc` whose events are collected."""

    def __init__(self, programs, arguments, prefix=(), environment=None):
        self.process = subprocess.Popen(
            [*prefix, f"{programs}/vc", *arguments, "--json"], env=environment,
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
        self.events = []
        threading.Thread(target=self.collect, daemon=True).start()

    def collect(self):
        for line in self.process.stdout:
            self.events.append(json.loads(line))

    def wait_for(self, kind, seconds=10):
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            for event in self.events:
                if event["event"] == kind:
                    return event
            time.sleep(0.01)
        raise SystemExit(f"measure: no event {kind}: {self.events}")

    def leave(self):
        self.process.stdin.write("/quit\n")
        self.process.stdin.flush()
        if self.process.wait(10) != 0:
            raise SystemExit(f"measure: vc ended with {self.process.returncode}")

    def counts(self):
        """Frames received, lost, late and concealed when last counted."""
        members = [e["members"][0] for e in self.events if e["event"] == "stats" and e["members"]]
        return {key: members[-1][key] for key in ("received", "lost", "late", "concealed")}


def call(programs, server, files, recordings, options, seconds):
    """Both speak their files; returns what each received."""

    def devices(side):
        # What the codec and the network make of the sound is measured, not what processing does.
        return ["--raw", "--capture", f"file:{files[side]}", "--playback",
                f"file:{recordings[side]}"]

    host = Member(programs, ["host", "--signal", server, *devices(0), *options])
    code = host.wait_for("code")["code"]
    guest = Member(programs, ["join", code, *devices(1), *options])
    guest.wait_for("joined")
    time.sleep(seconds)
    guest.leave()
    host.leave()
    return host.counts(), guest.counts()


def measure_pair(programs, work, server, number, pair, mode):
    """What came of one call, a result for each direction."""
    name, options = mode
    folder = f"{work}/pair-{number}-{name.strip('-').replace(' ', '-')}"
    os.makedirs(folder, exist_ok=True)
    files = [f"{folder}/{side}-said.wav" for side in ("host", "guest")]
    recordings = [f"{folder}/{side}-heard.wav" for side in ("host", "guest")]
    said = [speak(*voice, file) for voice, file in zip(pair, files)]
    seconds = max(len(samples) for samples, _ in said) / RATE + 0.5
    for _ in range(ATTEMPTS):
        counts = call(programs, server, files, recordings, options, seconds)
        if not any(count["lost"] + count["late"] + count["concealed"] for count in counts):
            break
    results = []
    for listener, speaker in ((1, 0), (0, 1)):
        samples, start = said[speaker]
        _, recorded = wavfile.read(recordings[listener])
        heard, shift = aligned(samples[start:], recorded / 32_768)
        alone = codec_alone(work, samples)[start:]
        results.append({
            "voice": pair[speaker][0], "way": ["host to guest", "guest to host"][speaker],
            "mode": name, "alone": scores(samples[start:], alone),
            "call": scores(samples[start:], heard), "counts": counts[listener], "shift": shift,
        })
    return results


def main():
    programs, work, wanted = sys.argv[1:]
    pairs = PAIRS if wanted == "all" else PAIRS[:1]
    signal = subprocess.Popen(
        [f"{programs}/vc-signal", "--listen", "127.0.0.1:0"], stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL, text=True)
    server = signal.stdout.readline().split("UDP ")[1].split(",")[0]
    results = []
    try:
        for number, pair in enumerate(pairs):
            # Two calls at a time: they take as long as the speech and little of the processor.
            with concurrent.futures.ThreadPoolExecutor() as pool:
                results += itertools.chain(*pool.map(
                    lambda mode: measure_pair(programs, work, server, number, pair, mode), MODES))
    finally:
        signal.terminate()
        signal.wait()
    print(f"{'voice':18} {'way':14} {'microphone':12} {'PESQ-WB':>16} {'STOI':>14}  shift; frames")
    print(f"{'':46} {'Opus':>8} {'call':>7} {'Opus':>7} {'call':>6}")
    failed = False
    for result in results:
        (alone, alone_stoi), (through, through_stoi) = result["alone"], result["call"]
        is_bad = through < alone - ALLOWED_LOSS
        failed = failed or is_bad
        notes = f"{result['shift']:.1f} ms; " + ", ".join(f"{value} {key}" for key, value in result["counts"].items())
        print(
            f"{result['voice']:18} {result['way']:14} {result['mode']:12} {alone:9.3f} "
            f"{through:7.3f} {alone_stoi:7.3f} {through_stoi:6.3f}  {notes}"
            f"{'  <- worse by more than ' + str(ALLOWED_LOSS) if is_bad else ''}")
    worst = max(result["alone"][0] - result["call"][0] for result in results)
    print(f"the call costs {max(worst, 0):.3f} of PESQ-WB at most; {ALLOWED_LOSS} are allowed")
    sys.exit(1 if failed else 0)


if __name__ == "__main__":
    main()
