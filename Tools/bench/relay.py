"""vc-relay beside a bare forwarder in C (relay/forwarder.c) and coturn, under the same load
(relay/load.c): CPU per forwarded packet of 120 bytes, the most without loss, latency and memory.

Usage: relay.py VC-RELAY FOLDER RUNS SECONDS

The relay runs on the first core and the load on the second, over loopback. The programs take turns,
and a ratio is the median of the ratios of each turn. Programs and load run above other work
of this machine (nice, where that is allowed), which makes everything dearer all the same. Rows of
JSON on standard output.
"""

import json
import os
import shutil
import signal
import subprocess
import sys
import time

from processes import free_port, median, row

HERE = os.path.dirname(os.path.abspath(__file__))
ADDRESS = "127.0.0.1"
# Lost at most this part of the packets: one hiccup of a virtual machine is no lack of speed.
LOSS = 0.0001


class Bench:
    def __init__(self, relay, folder):
        self.folder = folder
        self.load = f"{folder}/load"
        self.key = None
        for name, files in (("load", ("load", "wire", "protocols")), ("forwarder", ("forwarder",))):
            sources = [f"{HERE}/relay/{file}.c" for file in files]
            subprocess.run(
                ["cc", "-O2", "-Wall", "-o", f"{folder}/{name}", *sources, "-lsodium"], check=True)
        self.key = subprocess.run(
            [self.load, "key"], check=True, capture_output=True, text=True).stdout.strip()
        self.commands = {
            "vc": lambda port: [relay, "--listen", f"{ADDRESS}:{port}", "--signal-key", self.key],
            "plain": lambda port: [f"{folder}/forwarder", str(port)],
        }
        if shutil.which("turnserver"):
            self.commands["turn"] = lambda port: [
                "turnserver", "-c", "/dev/null", "-n", "--no-auth", "--allow-loopback-peers",
                "--no-tls", "--no-dtls", "--no-cli", "--listening-ip", ADDRESS, "--relay-ip",
                ADDRESS, "--listening-port", str(port), "--min-port", "30000", "--max-port",
                "65000", "--relay-threads", "1", "--realm", "bench", "--log-file", "stdout",
                "--pidfile", f"{folder}/turn.pid"]

    def trial(self, kind, sessions, room, rate, seconds, *more):
        """One load on a fresh relay: what `load` prints."""
        port = free_port()
        above = ["nice", "-n", "-15"] if os.geteuid() == 0 else []
        relay = subprocess.Popen(
            [*above, "taskset", "-c", "0", *self.commands[kind](port)],
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, cwd=self.folder)
        try:
            time.sleep(1 if kind == "turn" else 0.3)
            load = subprocess.run(
                [*above, "taskset", "-c", "1", self.load, kind, f"{ADDRESS}:{port}",
                 str(relay.pid), "--sessions", str(sessions), "--room", str(room),
                 "--rate", str(rate), "--seconds", str(seconds), *more],
                capture_output=True, text=True, timeout=seconds + 120)
        finally:
            relay.send_signal(signal.SIGKILL)
            relay.wait()
        if load.returncode != 0:
            sys.exit(f"bench: the load on {kind} failed: {load.stderr.strip()}")
        result = json.loads(load.stdout)
        result["lost"] = 1 - result["received"] / max(1, result["sent"])
        result["late"] = result["behind"] / max(1, result["sent"] + result["behind"])
        return result

    def compare(self, kinds, runs, *load):
        """`runs` results of each kind, in turns."""
        results = {kind: [] for kind in kinds}
        for turn in range(runs):
            for kind in kinds if turn % 2 == 0 else reversed(kinds):
                results[kind].append(self.trial(kind, *load))
        return results

    def most(self, kind, sessions, seconds):
        """The highest rate that passes without loss, to 3 %, and whether the load was the limit."""

        def passes(rate):
            # What else runs on the machine must not decide: one of three is enough.
            for _ in range(3):
                result = self.trial(kind, sessions, 2, rate, seconds)
                self.load_was_limit = result["late"] > 0.01
                if not self.load_was_limit and result["lost"] <= LOSS:
                    return True
            return False

        low, high = 20_000, 40_000
        while high < 1_000_000 and passes(high):
            low, high = high, high * 2
        while high - low > 0.03 * high:
            middle = (low + high) // 2
            if passes(middle):
                low = middle
            else:
                high = middle
        return low


def ratios(results, kind, other):
    return [a["cpu_us"] / b["cpu_us"] for a, b in zip(results[kind], results[other])]


def cost(bench, runs, seconds):
    """CPU per packet at equal rates."""
    for sessions, room, rate, limit, *more in (
            (200, 2, 20_000, 0.85), (2_000, 2, 20_000, 0.85),
            (200, 8, 20_000, 0.75), (2_000, 8, 20_000, 0.75),
            (200, 8, 20_000, 1.15, "--bursts"),
            (200, 2, 200_000, 1.15), (2_000, 2, 200_000, 1.15), (2_000, 8, 200_000, 1.15),
            (2_000, 8, 200_000, 1.15, "--bursts")):
        what = f"{rate // 1000},000/s, {sessions:,} sessions, {'pairs' if room == 2 else 'by 8'}"
        if more:
            what += " in bursts"
        with_turn = "turn" in bench.commands and room == 2 and rate == 20_000
        kinds = ["vc", "plain"] + (["turn"] if with_turn else [])
        results = bench.compare(kinds, runs, sessions, room, rate, seconds, *more)
        own = [result["cpu_us"] for result in results["vc"]]
        row(f"relay: CPU a packet, {what}", own, "us", note=note(results))
        row("       of the bare C forwarder", ratios(results, "vc", "plain"), "x", limit=limit)
        if with_turn:
            row("       of coturn", ratios(results, "vc", "turn"), "x", limit=0.6)
        if rate == 20_000:
            row("       latency p99", [result["p99_us"] for result in results["vc"]], "us",
                limit=400)
    if "turn" not in bench.commands:
        print(json.dumps({"name": "relay: of coturn", "missing": "Tools/setup --bench"}))


def note(results):
    parts = [f"{kind} {median([result['cpu_us'] for result in values]):.2f} us"
             for kind, values in results.items() if kind != "vc"]
    lost = max(result["lost"] for result in results["vc"])
    return ", ".join(parts) + (f", {100 * lost:.2f} % lost" if lost > LOSS else "")


def most(bench, runs, seconds):
    """The most without loss. The limits are turned over, since a row has the most it may be."""
    rates = {kind: [] for kind in bench.commands}
    for _ in range(runs):
        for kind in rates:
            rates[kind].append(bench.most(kind, 200, seconds))
    row("relay: most without loss, 200 sessions", rates["vc"], "/s")
    for kind, name, factor in (("plain", "the bare C forwarder", 0.9), ("turn", "coturn", 1.5)):
        if kind in rates:
            values = [other / own for other, own in zip(rates[kind], rates["vc"])]
            row(f"       {name}, of it", values, "x", limit=1 / factor,
                note=f"{kind} {median(rates[kind]):.0f} a second")


def memory(bench):
    sessions = 2_000
    result = bench.trial("vc", sessions, 2, 20_000, 2)
    row(f"relay: resident with {sessions:,} sessions", [result["rss_kib"] / 1024], "MiB", limit=7)
    many = 16_000
    large = bench.trial("vc", many, 2, 20_000, 1)
    bytes_each = 1024 * (large["rss_bound_kib"] - result["rss_bound_kib"]) / (many - sessions)
    row("relay: bytes a session", [bytes_each], "B", limit=256)


def main():
    relay, folder, runs, seconds = sys.argv[1], sys.argv[2], int(sys.argv[3]), float(sys.argv[4])
    if os.cpu_count() < 2:
        print(json.dumps({"name": "relay", "missing": "needs two cores"}))
        return
    try:
        # A session of its own is a scheduling group of its own, whose nice value counts.
        os.setsid()
        with open("/proc/self/autogroup", "w") as file:
            file.write("-15")
    except OSError:
        pass
    bench = Bench(relay, folder)
    memory(bench)
    cost(bench, runs, seconds)
    most(bench, runs, 2)


main()
