"""Sound cards made of files: the plugin of Tests/ALSAFixture, which the real ALSA API opens.

A cable is a ring in shared memory on CLOCK_MONOTONIC: the sample at place t times 48,000 is what the
microphone hears, or the loudspeaker plays, at time t. So a delay from one to the other is a
difference of two places, and nothing is estimated.
"""

import array
import mmap
import os
import subprocess
import sys
import time

from chirps import CHIRP, LENGTH, RATE, SPACING, find

# As in ALSAFixture.h: the head, and the samples of a cable.
HEAD_BYTES = 36
CABLE_SAMPLES = 1 << 18
# What is said is written so long before it is heard, and what is heard is read so long after.
AHEAD_SECONDS, BEHIND_SECONDS = 1.0, 0.1
# The longest delay that is looked for: less than from one chirp to the next.
LONGEST_MS = 350
# Devices of a call of two.
DEVICES = ("micA", "earA", "micB", "earB")


def build(folder):
    """Builds the plugin; returns the path of the configuration that knows `DEVICES`, or None where
    it cannot be built."""
    plugin = f"{folder}/libasound_module_pcm_vcfixture.so"
    built = subprocess.run(
        ["gcc", "-O2", "-shared", "-fPIC", "-DPIC", "-ITests/ALSAFixture/include", "-o", plugin,
         "Tests/ALSAFixture/plugin.c", "-lasound", "-lm"], stderr=sys.stderr)
    if built.returncode != 0:
        return None
    path = f"{folder}/asound.conf"
    with open(path, "w") as file:
        file.write("</usr/share/alsa/alsa.conf>\n")
        file.write(f'pcm_type.vcfixture {{ lib "{plugin}" }}\n')
        for device in DEVICES:
            file.write(f'pcm.{device} {{ type vcfixture cable "{folder}/{device}" '
                       f"hint {{ show on description {device} }} }}\n")
    return path


class Cable:
    def __init__(self, folder, device):
        file = os.open(f"{folder}/{device}", os.O_RDWR | os.O_CREAT, 0o600)
        os.ftruncate(file, HEAD_BYTES + 2 * CABLE_SAMPLES)
        self.memory = mmap.mmap(file, HEAD_BYTES + 2 * CABLE_SAMPLES)
        os.close(file)

    def write(self, samples, at):
        """Puts samples (array of int16) where they belong from place `at` on."""
        for part, place in self._parts(at, len(samples)):
            self.memory[place:place + 2 * len(part)] = samples[part.start:part.stop].tobytes()

    def take(self, at, count):
        """The samples from place `at` on, which are silent then."""
        samples = array.array("h")
        for part, place in self._parts(at, count):
            samples.frombytes(self.memory[place:place + 2 * len(part)])
            self.memory[place:place + 2 * len(part)] = bytes(2 * len(part))
        return samples

    @staticmethod
    def _parts(at, count):
        """Which of `count` samples lie where in memory: in two parts where the ring ends."""
        begin = 0
        while begin < count:
            place = (at + begin) % CABLE_SAMPLES
            length = min(count - begin, CABLE_SAMPLES - place)
            yield range(begin, begin + length), HEAD_BYTES + 2 * place
            begin += length


def measure(folder, mouth, ear, seconds):
    """Says chirps into one device for so long and hears them at another one: the delay of each in
    ms, None for one that is not heard."""
    said, heard = Cable(folder, mouth), Cable(folder, ear)
    chirp = array.array("h", (int(32_767 * value) for value in CHIRP))
    begin = int(time.monotonic() * RATE)
    written, read = begin + RATE // 2, begin
    places, recording = [], array.array("h")
    end = begin + int(seconds * RATE)
    while read < end:
        now = time.monotonic()
        until = int((now + AHEAD_SECONDS) * RATE)
        while written + SPACING < until and written + SPACING + LONGEST_MS * 48 < end:
            written += SPACING
            said.write(chirp, written)
            places.append(written)
        upto = int((now - BEHIND_SECONDS) * RATE)
        if upto > read:
            recording.extend(heard.take(read, upto - read))
            read = upto
        time.sleep(0.2)
    delays = []
    for place in places:
        found = find(recording, place - begin, place - begin + LONGEST_MS * 48)
        delays.append(None if found is None else 1_000 * (found - (place - begin)) / RATE)
    return delays
