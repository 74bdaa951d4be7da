"""The programs of a cell as real processes: vc-signal, vc-relay, and members of a call."""

import json
import os
import shutil
import subprocess
import threading
import time

import kernel
from stage import CHECK_SECONDS
from topology import RELAY_PORT, RELAY_TCP_PORT, SIGNAL_PORT

# How long a program may take to say that it listens, and to end.
START_SECONDS = 10
END_SECONDS = 8


class LabError(Exception):
    """The laboratory itself did not work, as a sentence; says nothing about vc."""


def in_network(node, hosts_file, command):
    """The command that runs `command` in a namespace with its own names of servers; one process."""
    return kernel.inside(
        node.namespace, "unshare", "--mount", "sh", "-c",
        'mount --bind "$1" /etc/hosts && shift && exec "$@"', "sh", hosts_file, *command)


def environment(**more):
    clean = {key: value for key, value in os.environ.items() if not key.startswith("VC_")}
    clean["VC_CONFIG"] = "/dev/null"
    return {**clean, **more}


class Server:
    """vc-signal or vc-relay. Its output goes to a log."""

    def __init__(self, node, hosts_file, command, log):
        self.node, self.hosts_file, self.command, self.log = node, hosts_file, command, log
        self.process = None
        # Where in the log its present run begins.
        self.begin = 0
        self.start()

    def start(self):
        """Starts it and waits until it says that it listens."""
        self.begin = os.path.getsize(self.log) if os.path.exists(self.log) else 0
        with open(self.log, "ab") as file:
            self.process = subprocess.Popen(
                in_network(self.node, self.hosts_file, self.command), stdin=subprocess.DEVNULL,
                stdout=file, stderr=file, env=environment())
        self.wait_for("listening")

    def wait_for(self, words):
        """Waits until these words stand in its log."""
        end = time.monotonic() + START_SECONDS
        while time.monotonic() < end and self.process.poll() is None:
            with open(self.log, "rb") as file:
                file.seek(self.begin)
                if words.encode() in file.read():
                    return
            time.sleep(0.02)
        raise LabError(f"`{' '.join(self.command)}` did not say `{words}`; see {self.log}")

    def terminate(self):
        self.process.terminate()

    def kill(self):
        """Ends it as a power cut does."""
        self.process.kill()
        self.process.wait()

    def stop(self):
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait()


def make_key(programs, folder):
    """Lets a vc-signal make the key with which all others of the laboratory sign."""
    key = os.path.join(folder, "signal.key")
    for path in (key, f"{key}.pub"):
        if os.path.exists(path):
            os.remove(path)
    fabric = kernel.Fabric("key")
    node = fabric.node("signal")
    try:
        fabric.build()
        hosts_file = os.path.join(folder, "hosts")
        with open(hosts_file, "w") as file:
            file.write("127.0.0.1 localhost\n")
        Server(node, hosts_file, [programs["vc-signal"], "--key", key],
               os.path.join(folder, "key.log")).stop()
    finally:
        fabric.destroy()
    return key


def start_servers(stage, internet, folder, hosts_file, relays):
    """Starts the relays and vc-signal, and waits until it knows that they answer; returns them by
    name."""
    programs, servers = stage.programs, {}
    # Each has its copy, because vc-signal writes the public key anew at each start.
    key = os.path.join(folder, "signal.key")
    for ending in ("", ".pub"):
        shutil.copy(stage.key + ending, key + ending)
    names = [f"relay{number + 1}" for number in range(relays)]
    for name in names:
        servers[name] = Server(
            internet.fabric.node(name), hosts_file,
            [programs["vc-relay"], "--listen", str(RELAY_PORT), "--listen-tcp",
             str(RELAY_TCP_PORT), "--signal-key", f"{key}.pub", "--verbose"],
            os.path.join(folder, f"{name}.log"))
    command = [programs["vc-signal"], "--listen", str(SIGNAL_PORT), "--verbose"]
    if names:
        command += ["--key", key]
        for name in names:
            command += ["--relay", f"{name}.test:{RELAY_PORT}"]
    servers["signal"] = Server(
        internet.fabric.node("signal"), hosts_file, command, os.path.join(folder, "signal.log"))
    for name in names:
        servers["signal"].wait_for(f"relay answers relay={name}.test")
    return servers


class Member:
    """One `vc` of the call, its JSON events with `at`, the monotonic second when each was read."""

    def __init__(self, stage, host, hosts_file, folder, name, command, options, code=None):
        self.stage = stage
        self.name = name
        # Long enough not to stand in random bytes by chance.
        self.full_name = f"{name} of the laboratory"
        self.host = host
        self.recording = os.path.join(folder, f"{name}.wav")
        self.log = os.path.join(folder, f"{name}.jsonl")
        self.events = []
        self._news = threading.Condition()
        self.ended = None
        # A tone, and nothing that changes it: what is missing in the recording was missing in the
        # call.
        devices = ["--raw", "--no-leveling", "--no-tones", "--capture", "tone:440", "--playback",
                   f"file:{self.recording}"]
        self.started = time.monotonic()
        self._diagnostics = open(os.path.join(folder, f"{name}.err"), "wb")
        self.process = subprocess.Popen(
            in_network(host.node, hosts_file, [
                stage.programs["vc"], *command, "--json", "--name", self.full_name, *devices,
                *options]),
            env=environment(**({"VC_CODE": code} if code else {})), text=True, bufsize=1,
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=self._diagnostics)
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def _read(self):
        with open(self.log, "w") as log:
            for line in self.process.stdout:
                try:
                    event = json.loads(line)
                except ValueError:
                    event = {"event": "unreadable", "line": line}
                event["at"] = time.monotonic()
                log.write(json.dumps(event) + "\n")
                log.flush()
                with self._news:
                    self.events.append(event)
                    self._news.notify_all()
        with self._news:
            self.ended = time.monotonic()
            self._news.notify_all()

    def wait_for(self, predicate, seconds):
        """The first event for which `predicate` holds; None when none came in time."""
        end = time.monotonic() + seconds
        seen = 0
        with self._news:
            while True:
                for event in self.events[seen:]:
                    if predicate(event):
                        return event
                seen = len(self.events)
                left = end - time.monotonic()
                if left <= 0 or self.ended is not None:
                    return None
                self.stage.check()
                self._news.wait(min(left, CHECK_SECONDS))

    def wait_for_event(self, name, seconds):
        return self.wait_for(lambda event: event["event"] == name, seconds)

    def all(self, name, after=0.0):
        """The events of this name that came after a monotonic second."""
        with self._news:
            return [event for event in self.events
                    if event["event"] == name and event["at"] >= after]

    def say(self, line):
        try:
            self.process.stdin.write(line + "\n")
            self.process.stdin.flush()
        except (BrokenPipeError, ValueError):
            pass  # It has ended; the judge sees that in its events.

    def leave(self):
        """Ends it properly, or else by force; returns its exit status."""
        if self.process.poll() is None:
            self.process.terminate()
            try:
                self.process.wait(END_SECONDS)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()
        self._reader.join(2)
        self._diagnostics.close()
        return self.process.returncode

    def kill(self):
        self.process.kill()
        self.process.wait()

    def path_changes(self):
        """(at, rung, why) of each `path` event of the member that it met first."""
        events = self.all("path")
        return [(event["at"], event["rung"], event.get("why", ""))
                for event in events if event["member"] == events[0]["member"]]

    def rung(self):
        changes = self.path_changes()
        return changes[-1][1] if changes else None
