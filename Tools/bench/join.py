"""Join time: from the start of the `vc join` process to its first `voice` event, on loopback, with a
host whose device is already running and who is talking.

Usage: join.py VC FOLDER COUNT

The clock starts before the process is created and stops when the line has been read from its
standard output, so both the start of the process and the pipe are inside. Rows of JSON on standard
output.
"""

import sys

from processes import *


def main():
    vc, folder, count = sys.argv[1], sys.argv[2], int(sys.argv[3])
    sound = f"{folder}/voice.wav"
    times = []
    for _ in range(count):
        # A new host each time: a server lets one address join five times, then once a second.
        talking, code = host(vc, "--capture", f"file:{sound}", "--playback", "silence",
                             "--talk", "open")
        member = join(vc, code, "--capture", "silence", "--playback", "silence")
        times.append(1000 * (member.wait_for("voice")["at"] - member.started))
        member.leave()
        talking.leave()
    row("join: process start to first voice, median", times, "ms", limit=150)
    row("join: process start to first voice, p95", times, "ms", limit=150,
        value=quantile(times, 0.95))


main()
