"""What the benchmarks share: members of a call as real processes, what processes cost, test sounds,
and the rows of the table."""

import dataclasses
import json
import math
import os
import queue
import random
import socket
import struct
import subprocess
import sys
import threading
import time
import wave

RATE = 48_000


@dataclasses.dataclass(frozen=True)
class Place:
    """Where a side of a call runs: its address there, and what runs a command there."""

    address: str = "127.0.0.1"
    prefix: tuple = ()


HERE = Place()


class Member:
    """One `vc` process with JSON events. Every event also carries `at`, when it was read
    (CLOCK_MONOTONIC)."""

    def __init__(self, vc, arguments, code=None, environment=None):
        environment = {key: value for key, value in (environment or os.environ).items()
                       if not key.startswith("VC_")}
        if code:
            environment["VC_CODE"] = code
        self.started = time.monotonic()
        self.process = subprocess.Popen(
            [vc, *arguments, "--json"], env=environment, text=True, bufsize=1,
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
        self.events = queue.Queue()
        # When each other member was first reached.
        self.paths = {}
        # What each second said of the delay from mouth to ear.
        self.claims = []
        threading.Thread(target=self._read, daemon=True).start()

    @property
    def pid(self):
        return self.process.pid

    def _read(self):
        for line in self.process.stdout:
            event = json.loads(line)
            event["at"] = time.monotonic()
            # A second of statistics is of no use here, and waking this process disturbs.
            if event["event"] != "stats":
                if event["event"] == "path":
                    self.paths.setdefault(event["member"], event["at"])
                self.events.put(event)
            else:
                self.claims += [member["mouth_to_ear_ms"] for member in event["members"]
                                if member.get("mouth_to_ear_ms")]
        self.events.put(None)

    def wait_for(self, name, seconds=10):
        """The next event called `name`."""
        end = time.monotonic() + seconds
        while True:
            try:
                event = self.events.get(timeout=max(0.001, end - time.monotonic()))
            except queue.Empty:
                event = None
            if event is None:
                self.kill()
                sys.exit(f"bench: a member did not say `{name}` within {seconds} s")
            if event["event"] == name:
                return event

    def wait_until(self, holds, seconds, what):
        """Until `holds()`, which the events bring about."""
        end = time.monotonic() + seconds
        while not holds():
            if time.monotonic() > end:
                self.kill()
                sys.exit(f"bench: a member did not {what} within {seconds} s")
            time.sleep(0.01)

    def type(self, line):
        self.process.stdin.write(line + "\n")
        self.process.stdin.flush()

    def leave(self):
        self.process.terminate()
        try:
            self.process.wait(5)
        except subprocess.TimeoutExpired:
            self.kill()

    def kill(self):
        self.process.kill()
        self.process.wait()


def host(vc, *arguments, environment=None):
    """A host on loopback with the server inside, and its code."""
    member = Member(
        vc, ["host", "--listen", f"127.0.0.1:{free_port()}", "--advertise", "127.0.0.1",
             "--name", "host", *arguments], environment=environment)
    return member, member.wait_for("code")["code"]


def join(vc, code, *arguments, environment=None):
    return Member(vc, ["join", "--name", "joiner", *arguments], code, environment)


def come_first():
    """Where that is allowed all of this, whoever is measured, comes before other work."""
    try:
        os.nice(-15)
    except OSError:
        pass


def free_port(address="127.0.0.1"):
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        probe.bind((address, 0))
        return probe.getsockname()[1]


class Cost:
    """What a process has cost so far: nanoseconds of CPU of its threads (schedstat), resident and
    proportional kibibytes, and context switches."""

    def __init__(self, pid):
        self.at = time.monotonic()
        self.nanoseconds = 0
        self.switches = 0
        for thread in os.listdir(f"/proc/{pid}/task"):
            folder = f"/proc/{pid}/task/{thread}"
            with open(f"{folder}/schedstat") as file:
                self.nanoseconds += int(file.read().split()[0])
            with open(f"{folder}/status") as file:
                self.switches += sum(
                    int(line.split()[1]) for line in file if "ctxt_switches" in line)
        with open(f"/proc/{pid}/smaps_rollup") as file:
            fields = {line.split()[0]: line.split()[1] for line in file if "kB" in line}
        self.resident = int(fields["Rss:"])
        self.proportional = int(fields["Pss:"])

    def percent_since(self, earlier):
        return (self.nanoseconds - earlier.nanoseconds) / (self.at - earlier.at) / 1e7

    def switches_since(self, earlier):
        return (self.switches - earlier.switches) / (self.at - earlier.at)


def costs(pids, seconds):
    """CPU % of one core, resident and proportional MiB, and switches a second of each process."""
    before = [Cost(pid) for pid in pids]
    time.sleep(seconds)
    after = [Cost(pid) for pid in pids]
    return [
        {"cpu": new.percent_since(old), "resident": new.resident / 1024,
         "proportional": new.proportional / 1024, "switches": new.switches_since(old)}
        for old, new in zip(before, after)]


# Sounds


def write_wav(path, samples, rate=RATE):
    with wave.open(path, "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(rate)
        file.writeframes(struct.pack(
            f"<{len(samples)}h", *(int(max(-1, min(1, s)) * 32_767) for s in samples)))


def read_wav(path):
    with wave.open(path, "rb") as file:
        data = file.readframes(file.getnframes())
    return struct.unpack(f"<{len(data) // 2}h", data)


def voice_like(seconds, seed=1, rate=RATE):
    """Sound that costs an encoder what speech does: a buzz with a moving pitch, formants that
    change each 120 ms, a little noise, and no pause, so that nothing is gated."""
    generator = random.Random(seed)
    samples, phase, pitch = [], 0.0, 120.0
    states = [[0.0, 0.0] for _ in range(3)]
    filters = []
    for index in range(int(seconds * rate)):
        if index % (rate * 12 // 100) == 0:
            filters = []
            for low, high in ((250, 850), (900, 2300), (2300, 3300)):
                radius = math.exp(-math.pi * 90 / rate)
                angle = 2 * math.pi * generator.uniform(low, high) / rate
                filters.append((2 * radius * math.cos(angle), -radius * radius))
        if index % 480 == 0:
            pitch = max(80, min(240, pitch + generator.uniform(-6, 6)))
        phase += pitch / rate
        source = generator.gauss(0, 0.004)
        if phase >= 1:
            phase -= 1
            source += 1
        total = 0.0
        for state, (first, second) in zip(states, filters):
            value = source + first * state[0] + second * state[1]
            state[1], state[0] = state[0], value
            total += value
        samples.append(total)
    peak = max(map(abs, samples))
    return [0.4 * sample / peak for sample in samples]


def conversation(voice, seconds, seed=1, rate=RATE):
    """The two sides of a conversation, made of `voice`, which must be as long. Who speaks when is
    as ITU-T P.59 has it: one alone for 0.85 s on average, then in 40 % of all cases both for
    0.23 s, else nobody for 0.46 s; after that either goes on. Rooms are never quite silent."""
    generator = random.Random(seed)
    sides = [[generator.gauss(0, 0.0003) for _ in range(int(seconds * rate))] for _ in range(2)]
    place, talking = 0, {0}
    while place < len(sides[0]):
        mean = {0: 0.456, 1: 0.854, 2: 0.226}[len(talking)]
        end = min(len(sides[0]), place + int(generator.expovariate(1 / mean) * rate))
        for number in talking:
            sides[number][place:end] = voice[place:end]
        place = end
        if len(talking) == 1:
            talking = {0, 1} if generator.random() < 0.4 else set()
        else:
            talking = {generator.randrange(2)}
    return sides


# Results


def median(values):
    return quantile(values, 0.5)


def quantile(values, fraction):
    """Linear between the two nearest."""
    ordered = sorted(values)
    place = fraction * (len(ordered) - 1)
    low = int(place)
    high = min(low + 1, len(ordered) - 1)
    return ordered[low] + (ordered[high] - ordered[low]) * (place - low)


def row(name, values, unit, limit=None, value=None, note=""):
    """Prints one result as a line of JSON: `value` (the median unless given), all `values`, and
    the most that it may be."""
    print(json.dumps({
        "name": name, "unit": unit, "value": median(values) if value is None else value,
        "low": min(values), "high": max(values), "count": len(values), "limit": limit,
        "note": note}), flush=True)


def missing(name, why):
    """Prints that something was not measured."""
    print(json.dumps({"name": name, "missing": why}), flush=True)
