"""Mouth-to-ear delay of real calls through the real ALSA API, side by side with other programs.

Usage: side.py VC FOLDER ROUNDS SECONDS

A says chirps into its microphone, and they are heard from B's loudspeaker: on the sound cards of
cable.py, whose two sides share the clock, so that the delay is exact to a sample; and on the null
sinks of a PulseAudio (pulse.py), where it is installed, as other programs want it. The bare device
loop beside them shows what the devices alone take: it only plays what it records. In each round
every program makes a call of its own, one after the other, so that what else the machine does falls
on all of them alike; and all of them come before other work, where that is allowed. A chirp that is
not heard within 350 ms counts as 350. Rows of JSON on standard output.

`vc` sends all the time, as the others do, in frames of 10 ms unless told; baresip has frames of
10 ms too, and of 20 ms as it chooses itself.
"""

import subprocess
import sys
import time

import baresip
import cable
import peers
import pulse
from processes import *

COMMON = ("--talk", "open", "--no-tones", "--no-leveling")
# Of vc: options, and the most that the median may be on PulseAudio in blocks of 5 ms.
KINDS = {
    "vc --raw": (("--raw",), None),
    "vc --headset": (("--headset",), 35),
    "vc": ((), 45),
    "vc --frame 2.5": (("--frame", "2.5"), 18),
}
# Until the call has learnt what the network and the devices need.
SETTLING_SECONDS = 3
# How often a program is started that is not heard.
PEER_ATTEMPTS = 3
# Samples of a period: what vc asks a sound card for.
PERIOD = 256


class Delays:
    """What was measured of one program on one kind of device."""

    def __init__(self, name, limit=None):
        self.name, self.limit = name, limit
        self.delays, self.missed, self.errors = [], 0, []

    def add(self, delays, claims=()):
        heard = [delay for delay in delays if delay is not None]
        self.missed += len(delays) - len(heard)
        self.delays += [cable.LONGEST_MS if delay is None else delay for delay in delays]
        if claims and heard:
            self.errors.append(median(claims) - median(heard))

    @property
    def median(self):
        return median(self.delays)

    def tell(self, bare=None):
        """The row of the median, with the rest as a note."""
        if not self.delays:
            return
        note = (f"P95 {quantile(self.delays, 0.95):.1f}, P99 {quantile(self.delays, 0.99):.1f}; "
                f"{self.missed} not heard")
        if bare and bare.delays and bare is not self:
            note += f"; {self.median - bare.median:+.1f} over the devices alone"
        if self.errors:
            note += f"; it says {median(self.errors):+.1f}"
        row(f"mouth to ear, {self.name}", self.delays, "ms", limit=self.limit, note=note)


def vc_call(vc, options, environment, measure, delays):
    talking, code = host(vc, "--capture", "alsa:micA", "--playback", "alsa:earA", *COMMON, *options,
                         environment=environment)
    listener = join(vc, code, "--capture", "alsa:micB", "--playback", "alsa:earB", *COMMON,
                    *options, environment=environment)
    try:
        listener.wait_for("voice")
        time.sleep(SETTLING_SECONDS)
        listener.claims.clear()
        delays.add(measure(), list(listener.claims))
    finally:
        listener.leave()
        talking.leave()


def bare_loop(loop, period, environment, measure, delays):
    process = subprocess.Popen([loop, "micA", "earB", str(period)], env=environment)
    try:
        time.sleep(SETTLING_SECONDS)
        delays.add(measure())
    finally:
        process.kill()
        process.wait()


def baresip_call(folder, frame, environment, measure, delays):
    # Its own choice of buffers; the devices are as vc's.
    with baresip.Call(folder, ("alsa,micA", "alsa,earA"), ("alsa,micB", "alsa,earB"), frame,
                      "alsa", environment=environment) as call:
        if call.is_established:
            time.sleep(SETTLING_SECONDS)
            delays.add(measure())


class Rig:
    """All programs on one kind of device."""

    def __init__(self, kind, vc, folder, loop, environment):
        self.kind, self.vc, self.folder, self.loop = kind, vc, folder, loop
        self.environment = environment
        self.bare = Delays(f"{kind}: the devices alone")
        self.kinds = {}
        self.others = {}
        self.missing = {}

    def round(self, measure):
        bare_loop(self.loop, PERIOD, self.environment, measure, self.bare)
        for name, (options, limit) in KINDS.items():
            delays = self.kinds.setdefault(
                name, Delays(f"{self.kind}: {name}", limit if self.kind == "PulseAudio" else None))
            vc_call(self.vc, options, self.environment, measure, delays)
        if why := baresip.missing():
            self.missing["baresip"] = why
            return
        for frame in (10, 20):
            name = f"baresip, frames of {frame} ms"
            baresip_call(self.folder, frame, self.environment, measure, self.other(name))

    def other(self, name):
        return self.others.setdefault(name, Delays(f"{self.kind}: {name}"))

    def peer(self, kind, server):
        """A call of another program that knows PulseAudio."""
        if why := kind.missing():
            self.missing[kind.name] = why
            return
        for _ in range(PEER_ATTEMPTS):
            try:
                with kind(self.folder, server):
                    delays = server.measure(kind.source, kind.ear, self.seconds)
            except RuntimeError as error:
                self.missing[kind.name] = str(error)
                return
            # One that is not heard at all is not in the call: that is no delay.
            if any(delay is not None for delay in delays):
                self.other(kind.name).add(delays)
                return

    def tell(self):
        self.bare.tell()
        for delays in (*self.kinds.values(), *self.others.values()):
            delays.tell(self.bare)
        for name, delays in self.others.items():
            if not delays.delays:
                self.missing.setdefault(name, "it made no call")
        for name, why in self.missing.items():
            missing(f"mouth to ear, {self.kind}: {name}", why)
        ours = self.kinds["vc --headset"]
        for name, delays in self.others.items():
            if delays.delays and ours.delays:
                row(f"mouth to ear, {self.kind}: vc --headset over {name}",
                    [ours.median / delays.median], "ratio",
                    limit=0.334 if name == peers.Mumble.name else None)


def build_loop(folder):
    loop = f"{folder}/device_loop"
    subprocess.run(["gcc", "-O2", "-Wall", "-o", loop, "Tools/bench/device_loop.c", "-lasound"],
                   check=True)
    return loop


def main():
    come_first()
    vc, folder, rounds, seconds = sys.argv[1], sys.argv[2], int(sys.argv[3]), float(sys.argv[4])
    configuration = cable.build(folder)
    if configuration is None:
        missing("mouth to ear", "the sound card was not built: Tools/setup --test")
        return
    loop = build_loop(folder)
    cards = Rig("cards", vc, folder, loop, {**os.environ, "ALSA_CONFIG_PATH": configuration})
    for _ in range(rounds):
        cards.round(lambda: cable.measure(folder, "micA", "earB", seconds))
    cards.tell()
    if why := pulse.missing():
        missing("mouth to ear, PulseAudio", why)
        return
    server = pulse.Pulse(folder)
    sinks = Rig("PulseAudio", vc, folder, loop, server.environment)
    sinks.seconds = seconds
    for _ in range(rounds):
        with server:
            sinks.round(lambda: server.measure("micA", "earB.monitor", seconds))
            sinks.peer(peers.Mumble, server)
            sinks.peer(peers.Jamulus, server)
    sinks.tell()


if __name__ == "__main__":
    main()
