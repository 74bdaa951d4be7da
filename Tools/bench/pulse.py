"""A PulseAudio of its own with a null sink for each device of a call, for programs that know no
other sound: what is played into `micA` its monitor hears, which is A's microphone, and `earB` is B's
loudspeaker. PulseAudio works in blocks of the shortest latency that is asked of a sink: all of them
are recorded with 5 ms all the time, which makes them 5 ms for every program alike, and lets them be
what they are when a call has begun. A microphone is fed all the time, too, as one is: a sink that is
given another stream renders anew what it had rendered, in blocks of any length.

The two recordings share the clock CLOCK_MONOTONIC: sample 0 of each was there at the earliest time
that any of its chunks tells.
"""

import array
import os
import queue
import shutil
import subprocess
import threading
import time

from cable import DEVICES, LONGEST_MS
from chirps import CHIRP, LENGTH, RATE, SPACING, find

LATENCY = "--latency-msec=5"
FORMAT = ("--rate=48000", "--channels=1", "--format=s16le", "--raw")
PLUGINS = ("/usr/lib/x86_64-linux-gnu/alsa-lib", "/usr/lib/aarch64-linux-gnu/alsa-lib")


def missing():
    """Why there is none, or None."""
    for program in ("pulseaudio", "pactl", "pacat", "parec"):
        if shutil.which(program) is None:
            return "not installed: apt-get install pulseaudio pulseaudio-utils"
    if not any(os.path.exists(f"{folder}/libasound_module_pcm_pulse.so") for folder in PLUGINS):
        return "not installed: apt-get install libasound2-plugins"
    return None


class Pulse:
    """The server; `environment` is for the programs that are to use it."""

    def __init__(self, folder):
        self.folder = f"{folder}/pulse"
        shutil.rmtree(self.folder, ignore_errors=True)
        for name in ("run", "state"):
            os.makedirs(f"{self.folder}/{name}", mode=0o700)
        server = f"unix:{self.folder}/native"
        configuration = f"{self.folder}/asound.conf"
        with open(configuration, "w") as file:
            file.write("</usr/share/alsa/alsa.conf>\n")
            for device in DEVICES:
                source = device + (".monitor" if device.startswith("mic") else "")
                file.write(f'pcm.{device} {{ type pulse server "{server}" device "{source}" }}\n')
        self.environment = {
            **os.environ, "PULSE_SERVER": server, "ALSA_CONFIG_PATH": configuration,
            "XDG_RUNTIME_DIR": f"{self.folder}/run", "PULSE_RUNTIME_PATH": f"{self.folder}/run",
            "PULSE_STATE_PATH": f"{self.folder}/state", "JACK_DEFAULT_SERVER": f"vc{os.getpid()}",
            "JACK_NO_AUDIO_RESERVATION": "1"}
        self.process = None
        self.holders = []
        self.feeds = {}

    def __enter__(self):
        sinks = [f"--load=module-null-sink sink_name={device} rate=48000 channels=1 format=s16le"
                 for device in DEVICES]
        with open(f"{self.folder}/log", "w") as log:
            self.process = subprocess.Popen(
                ["pulseaudio", "-n", "--daemonize=no", "--use-pid-file=no", "--exit-idle-time=-1",
                 "--disallow-exit", "--disable-shm=no", "--realtime=yes", "--high-priority=yes",
                 f"--load=module-native-protocol-unix socket={self.folder}/native auth-anonymous=1",
                 *sinks], env={**self.environment, "HOME": self.folder},
                stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        for _ in range(50):
            if self.control("info") is not None:
                self.holders = [
                    subprocess.Popen(["parec", "-d", f"{device}.monitor", LATENCY, *FORMAT],
                                     env=self.environment, stdout=subprocess.DEVNULL,
                                     stderr=subprocess.DEVNULL)
                    for device in DEVICES]
                self.feeds = {device: _Feed(device, self.environment)
                              for device in DEVICES if device.startswith("mic")}
                return self
            time.sleep(0.1)
        self.__exit__()
        raise RuntimeError(f"PulseAudio did not start: {self.folder}/log")

    def __exit__(self, *_):
        for feed in self.feeds.values():
            feed.stop()
        self.feeds = {}
        for holder in self.holders:
            holder.kill()
            holder.wait()
        self.holders = []
        self.process.terminate()
        self.process.wait()

    def control(self, *command):
        """What pactl says, or None when it fails."""
        result = subprocess.run(["pactl", *command], env=self.environment, text=True,
                                stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
        return result.stdout.strip() if result.returncode == 0 else None

    def measure(self, mouth, ear, seconds):
        """Says chirps into a sink for so long, and hears what comes out of a source: the delay of
        each in ms, None for one that is not heard."""
        samples = array.array("h", bytes(2 * int(seconds * RATE)))
        chirp = array.array("h", (int(32_767 * value) for value in CHIRP))
        places = range(SPACING, len(samples) - LENGTH - LONGEST_MS * 48, SPACING)
        for place in places:
            samples[place:place + LENGTH] = chirp
        (said, said_begin), (heard, heard_begin) = self.record(mouth, ear, samples)
        offset = round((said_begin - heard_begin) * RATE)
        first = find(said, 0, 4 * RATE)
        delays = []
        for number in range(len(places)):
            if first is None:
                break
            # The feed may stutter; then what was said is where it was said.
            place = find(said, first + number * SPACING - 200, first + number * SPACING + 200)
            place = first + number * SPACING if place is None else place
            found = find(heard, place + offset, place + offset + LONGEST_MS * 48)
            delays.append(None if found is None else 1_000 * (found - place - offset) / RATE)
        return delays

    def record(self, mouth, ear, samples):
        """Says 16-bit samples into a sink: what was said, and what comes out of a source meanwhile,
        each with when its first sample was there."""
        recorders = [_Recorder(source, self.environment) for source in (f"{mouth}.monitor", ear)]
        # A sink that a program brought with it is not fed yet.
        feed = self.feeds.get(mouth) or _Feed(mouth, self.environment)
        try:
            time.sleep(0.5)
            if feed.process.poll() is not None:
                raise RuntimeError(f"PulseAudio ended: {self.folder}/log")
            feed.say(samples.tobytes())
            time.sleep(len(samples) / RATE + _Feed.LONGEST_WAIT)
        finally:
            if mouth not in self.feeds:
                feed.stop()
            recordings = [item.stop() for item in recorders]
        return recordings


class _Feed(threading.Thread):
    """What a microphone hears: silence, and what it is told to say."""

    # Seconds of sound that wait in the pipe and in PulseAudio, and a little more.
    LONGEST_WAIT = 1.5
    SILENCE = bytes(2 * RATE // 100)

    def __init__(self, sink, environment):
        super().__init__(daemon=True)
        self.sounds = queue.Queue()
        self.process = subprocess.Popen(
            ["pacat", "-p", "-d", sink, "--latency-msec=20", *FORMAT], env=environment,
            stdin=subprocess.PIPE, stderr=subprocess.DEVNULL)
        self.start()

    def say(self, sound):
        self.sounds.put(sound)

    def run(self):
        while True:
            try:
                sound = self.sounds.get_nowait()
            except queue.Empty:
                sound = self.SILENCE
            try:
                # Waits until there is room, which is the pace of the device.
                self.process.stdin.write(sound)
                self.process.stdin.flush()
            except OSError:
                return

    def stop(self):
        self.process.kill()
        self.process.wait()
        self.join()


class _Recorder(threading.Thread):
    def __init__(self, source, environment):
        super().__init__(daemon=True)
        self.bytes = bytearray()
        # (samples so far, when they were there).
        self.arrivals = []
        self.process = subprocess.Popen(
            ["parec", "-d", source, LATENCY, *FORMAT], env=environment, stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL)
        self.start()

    def run(self):
        while chunk := os.read(self.process.stdout.fileno(), 65_536):
            self.bytes += chunk
            self.arrivals.append((len(self.bytes) // 2, time.monotonic()))

    def stop(self):
        """What was recorded, and when its first sample was there."""
        self.process.terminate()
        self.process.wait()
        self.join()
        samples = array.array("h", bytes(self.bytes[:len(self.bytes) // 2 * 2]))
        settled = self.arrivals[len(self.arrivals) // 10:]
        return samples, min((at - count / RATE for count, at in settled), default=0.0)
