"""The delay that vc adds between capture and playback, on loopback, devices excluded.

Usage: delay.py VC FOLDER CALLS SECONDS

Two real processes. The host's microphone is a file of chirps; the joiner records what would be
heard into a file. Both devices have no delay of their own and are paced by CLOCK_MONOTONIC: sample
n of the capture file reaches the microphone n/48000 s after capture began, and sample n of the
recording is heard n/48000 s after playback began. So the delay of a chirp is

    (playback began + its place in the recording) - (capture began + its place in the file)

and holds everything that vc adds: frame, codec look-ahead, threads, network, jitter buffer.

When the two began is known to the nanosecond, because such devices begin on a grid of 10 ms of
CLOCK_MONOTONIC (Pace.swift) and both instants are known from outside to better than half of that:
  * capture begins at the first grid point after the host learned of its member, which it says in
    the event `member`; a call in which that comes too close to a grid point is discarded;
  * the recording is closed while nothing is heard, so it is as long as playback lasted: the time of
    its last change (4 ms coarse) less its length is the beginning.

The chirps' places are drifting through the frame (373.27 ms apart), found by correlation, and the
first second of a call, while the jitter buffer learns, does not count. The call itself says what it
believes its delay to be (`mouth_to_ear_ms`); how far that is from what was measured is a row of its
own. No tones, which would stand in the recording. Rows of JSON on standard output.
"""

import math
import os
import sys

from chirps import CHIRP, LENGTH, SPACING, find
from processes import *

GRID = 0.010
# What the processing of the microphone takes of its own (Microphone.md), beyond which vc may add no
# more than without it. (A file is no microphone and hears no loudspeaker: what a canceller has to
# wait for at a sound card is measured there, by side.py.)
HEADSET_MS, PROCESSING_MS = 7, 14


def write_chirps(path, seconds):
    samples = [0.0] * int(seconds * RATE)
    places = list(range(SPACING, len(samples) - LENGTH, SPACING))
    for place in places:
        samples[place:place + LENGTH] = CHIRP
    write_wav(path, samples)
    return places


def call(vc, folder, seconds, places, options):
    """The delays of one call in ms and how far the call's own figures are off in the middle, or None
    when its beginning is in doubt."""
    recording = f"{folder}/heard.wav"
    talking, code = host(vc, "--capture", f"file:{folder}/chirps.wav", "--playback", "silence",
                         "--talk", "open", "--no-tones", *options)
    listener = join(vc, code, "--capture", "silence", "--playback", f"file:{recording}",
                    "--no-tones", *options)
    told = talking.wait_for("member")["at"]
    time.sleep(seconds)
    claims = list(listener.claims)
    talking.process.stdin.write("/mute\n")
    talking.process.stdin.flush()
    # Until nothing is heard, and playback has gone to rest.
    time.sleep(1.5)
    listener.leave()
    talking.leave()

    after = told % GRID
    if not 0.0015 < after < 0.0095:
        return None
    capture_began = math.ceil(told / GRID) * GRID
    samples = read_wav(recording)
    closed = os.stat(recording).st_mtime_ns / 1e9 - (time.time() - time.monotonic())
    playback_began = round((closed + 0.0015 - len(samples) / RATE) / GRID) * GRID
    delays = []
    for place in places:
        if not RATE <= place < (seconds - 0.3) * RATE:
            continue
        expected = int((capture_began - playback_began) * RATE) + place
        found = find(samples, expected, expected + RATE * 80 // 1000)
        # A chirp that was not heard has no delay; it is counted as one that came too late.
        delays.append(1000 * (found - expected) / RATE if found is not None else 80.0)
    return delays, median(claims[1:]) - median(delays)


def measure(vc, folder, calls, seconds, places, name, options, extra):
    """Rows of calls with these options, whose processing takes `extra` ms."""
    delays, errors, discarded, done = [], [], 0, 0
    while done < calls and discarded < 20:
        result = call(vc, folder, seconds, places, options)
        if result is None:
            discarded += 1
            continue
        done += 1
        delays += result[0]
        errors.append(result[1])
    note = f"{calls} calls"
    row(f"delay added between capture and playback{name}, median", delays, "ms", limit=25 + extra,
        note=note)
    row(f"delay added between capture and playback{name}, p99", delays, "ms", limit=35 + extra,
        value=quantile(delays, 0.99), note=note)
    row(f"mouth_to_ear_ms of the call{name}, off by", [abs(error) for error in errors], "ms",
        limit=2, value=max(errors, key=abs), note="of the median of each call")


def main():
    vc, folder, calls, seconds = sys.argv[1], sys.argv[2], int(sys.argv[3]), float(sys.argv[4])
    places = write_chirps(f"{folder}/chirps.wav", seconds + 2)
    for name, options, extra in (
            ("", ("--raw",), 0), (", --headset", ("--headset",), HEADSET_MS),
            (", processed", (), PROCESSING_MS)):
        measure(vc, folder, calls, seconds, places, name, options, extra)


main()
