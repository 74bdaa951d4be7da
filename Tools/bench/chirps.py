"""Chirps, by which a delay is measured: where they are said, and where they are heard."""

import math
from operator import mul

RATE = 48_000
# 10 ms.
LENGTH = 480
# From one to the next, 373.27 ms: they drift through the frames of whatever carries them.
SPACING = 17_917
# So much of what is heard must be the chirp, as a correlation: of noise it is 0.1, and a codec in
# frames of 2.5 ms leaves 0.4 of something so short.
LIKENESS = 0.3
# Around the loudest place the chirp is looked for this far: 7 ms.
AROUND = 336


def _chirp():
    """10 ms from 500 Hz to 6 kHz."""
    def phase(t):
        return 2 * math.pi * (500 * t + 5_500 * t * t / (2 * LENGTH / RATE))
    return [0.5 * math.sin(phase(n / RATE)) * math.sin(math.pi * n / LENGTH) ** 2
            for n in range(LENGTH)]


CHIRP = _chirp()
_ENERGY = math.sqrt(sum(map(mul, CHIRP, CHIRP)))


def find(recording, low, high):
    """The place of the chirp that begins between two samples, or None where there is none. It is
    the loudest thing there, whatever its level."""
    low = max(0, low)
    high = min(high, len(recording) - LENGTH)
    if high <= low:
        return None
    loudest = _loudest(recording, low, high)
    best, place = 0.0, None
    for start in range(max(low, loudest - AROUND), min(high, loudest + AROUND)):
        value = sum(map(mul, CHIRP, recording[start:start + LENGTH]))
        if value > best:
            best, place = value, start
    if place is None:
        return None
    window = recording[place:place + LENGTH]
    return place if best > LIKENESS * _ENERGY * math.sqrt(sum(map(mul, window, window))) else None


def _loudest(recording, low, high):
    """Where the 10 ms with the most energy begin."""
    energy = sum(value * value for value in recording[low:low + LENGTH])
    most, place = energy, low
    for start in range(low, high - 1):
        energy += recording[start + LENGTH] ** 2 - recording[start] ** 2
        if energy > most:
            most, place = energy, start + 1
    return place
