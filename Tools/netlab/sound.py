"""What was heard: where voice is missing in a recording of a tone."""

import array
import wave

RATE = 48_000
# 10 ms, a voice frame.
WINDOW = RATE // 100
# Below half of what is usual, the tone counts as missing.
FRACTION = 0.5
# What stands in for a lost frame fades to half within this time, and is no voice.
CONCEALED_SECONDS = 0.04


def loudness(path):
    """The peak of each 10 ms of a recording, 0 to 32,768."""
    with wave.open(path, "rb") as file:
        channels, width = file.getnchannels(), file.getsampwidth()
        data = file.readframes(file.getnframes())
    if (channels, width) != (1, 2):
        raise ValueError(f"{path} has {channels} channels of {8 * width} bits, not one of 16")
    samples = array.array("h", data[:len(data) // 2 * 2])
    return [max(max(window), -min(window))
            for window in (samples[i:i + WINDOW] for i in range(0, len(samples), WINDOW))]


class Gaps:
    """Where the tone is missing between its first and its last sound: (begin, length) in seconds of
    the recording."""

    def __init__(self, path):
        peaks = loudness(path)
        loud = sorted(peak for peak in peaks if peak > 300)
        self.gaps = []
        self.first = self.last = None
        if not loud:
            return
        limit = FRACTION * loud[len(loud) // 2]
        heard = [index for index, peak in enumerate(peaks) if peak >= limit]
        self.first, self.last = heard[0] / 100, heard[-1] / 100
        for before, after in zip(heard, heard[1:]):
            if after - before > 1:
                self.gaps.append(
                    (before / 100, (after - before - 1) / 100 + CONCEALED_SECONDS))

    @property
    def longest(self):
        """In seconds; 0 without a gap."""
        return max((length for _, length in self.gaps), default=0.0)

    def longest_without(self, begin, end):
        """The longest gap that does not begin between two times of the recording."""
        return max((length for at, length in self.gaps if not begin <= at < end), default=0.0)
