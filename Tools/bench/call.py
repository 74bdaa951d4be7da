"""What a call of two costs each side: CPU of one core, resident memory, and CPU at rest (muted).

Usage: call.py VC FOLDER ROUNDS SECONDS

Members are real processes over real UDP on loopback, with files as devices. Both speak without a
pause, so nothing is saved by silence: once with --raw, and once as it is without options, with the
processing of the microphone. At rest both are muted, in the call.

Where baresip (Debian: baresip-core) is installed it makes the same call in the same round, without
encryption: Opus mono at 48 kHz and 48 kbit/s, once in frames of 10 ms as vc, and once in frames of
20 ms, half as many packets, which is its own choice. It has no device that records to a file, so
the side that is measured hears through its `aubridge`, which runs at the pace of the clock, and
says again what it heard. Rows of JSON on standard output.
"""

import sys

import baresip
from processes import *


def vc_call(vc, folder, seconds, *options):
    sound = f"file:{folder}/voice.wav"
    first, code = host(vc, "--capture", sound, "--playback", f"file:{folder}/a.wav", *options)
    second = join(vc, code, "--capture", sound, "--playback", f"file:{folder}/b.wav", *options)
    is_muted = "--muted" in options
    second.wait_for("path" if is_muted else "voice")
    # Muted: until what there was to tell is told, and playback has gone to rest.
    time.sleep(4 if is_muted else 2)
    result = costs([first.pid, second.pid], seconds)
    second.leave()
    first.leave()
    return result


def baresip_call(folder, seconds, frame):
    """The costs of a side in frames of `frame` ms, or None where there is no call."""
    with baresip.Call(
            folder, (f"aufile,{folder}/voice.wav", "aubridge,ear"),
            ("aubridge,loop", "aubridge,loop"), frame, "aufile") as call:
        if not call.is_established:
            return None
        return costs([call.pids[1]], seconds)[0]


def main():
    vc, folder, rounds, seconds = sys.argv[1], sys.argv[2], int(sys.argv[3]), float(sys.argv[4])
    talking, processed, resting, peers = [], [], [], {10: [], 20: []}
    without = baresip.missing()
    for _ in range(rounds):
        talking += vc_call(vc, folder, seconds, "--raw")
        processed += vc_call(vc, folder, seconds)
        for frame in peers if not without else ():
            cost = baresip_call(folder, seconds, frame)
            peers[frame] += [cost] if cost else []
        resting += vc_call(vc, folder, seconds, "--muted")
    switches = median([cost["switches"] for cost in talking])
    row("call of two, talking, --raw: CPU of a side", [cost["cpu"] for cost in talking], "%", limit=2,
        note=f"{switches:.0f} context switches a second")
    row("call of two, talking, --raw: resident", [cost["resident"] for cost in talking], "MiB", limit=12,
        note=f"proportional {median([cost['proportional'] for cost in talking]):.1f} MiB")
    row("call of two, talking, processed: CPU of a side", [cost["cpu"] for cost in processed],
        "%", limit=4)
    row("call of two, talking, processed: resident", [cost["resident"] for cost in processed],
        "MiB", limit=20,
        note=f"proportional {median([cost['proportional'] for cost in processed]):.1f} MiB")
    row("call of two, muted: CPU of a side", [cost["cpu"] for cost in resting], "%", limit=0.3)
    if not peers[10] or not peers[20]:
        missing("baresip", without or "it made no call")
        return
    for frame, side in peers.items():
        row(f"baresip, frames of {frame} ms: CPU of a side", [cost["cpu"] for cost in side], "%",
            note=f"{median([cost['switches'] for cost in side]):.0f} context switches a second")
    row("baresip: resident", [cost["resident"] for cost in peers[10]], "MiB",
        note=f"proportional {median([cost['proportional'] for cost in peers[10]]):.1f} MiB")
    for frame, side in peers.items():
        row(f"vc over baresip with frames of {frame} ms: CPU",
            [median([cost["cpu"] for cost in talking]) / median([cost["cpu"] for cost in side])],
            "ratio", note="vc: 10 ms and sealed")


main()
