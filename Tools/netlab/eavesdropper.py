"""Captures at the servers during a whole call, and looks for what they must not know."""

import socket
import time

from capture import Capture, readable
from members import LabError
from topology import RELAY_PORT

# A word with fewer letters stands in so many random bytes by chance.
SHORTEST_WORD = 6
# A relay that carries a call of some seconds carries more packets than this.
FEWEST_PACKETS = 300


class Eavesdropper:
    """Captures at the servers from the beginning, and reads what it can."""

    CONTROL = b"a control text that nobody seals"

    def __init__(self, servers):
        self.servers = servers
        self.captures = {}

    def begin(self, call):
        self.captures = {
            name: Capture(call.internet.fabric.node(name), "eth0") for name in self.servers}

    def judge(self, call, result):
        self._send_control(call)
        seen = {name: capture.payloads() for name, capture in self.captures.items()}
        for capture in self.captures.values():
            capture.close()
        secrets = self._secrets(call)
        for name, payloads in seen.items():
            found = readable(payloads, {**secrets, "control": [self.CONTROL]})
            if "control" not in found:
                raise LabError(f"the capture at {name} does not see what is there")
            found.remove("control")
            if found:
                result.problems.append(f"{name} can read: {', '.join(found)}")
        carried = max(len(payloads) for name, payloads in seen.items() if name != "signal")
        result.notes.append(f"{carried} packets at the relay")
        if carried < FEWEST_PACKETS:
            result.problems.append("the relay did not carry the call")

    def _send_control(self, call):
        with call.internet.core.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender:
            for name in self.servers:
                sender.sendto(self.CONTROL, (call.internet.address(name), RELAY_PORT))
        time.sleep(0.1)

    def _secrets(self, call):
        words = call.code.split("@")[0].split("-")[1:]
        secrets = {
            "the words of the code": [sep.join(words).encode() for sep in "- _"],
            "a chat text": [b"line 1 of", b"line 2 of", b" of ada", b" of grace"],
        }
        # Shorter words stand in random bytes by chance.
        secrets.update({f"the word {word}": [word.encode()]
                        for word in words if len(word) >= SHORTEST_WORD})
        for host, member in zip((call.hosts[0], call.guest.host), call.pair):
            secrets[f"the name of {member.name}"] = [member.full_name.encode()]
            secrets[f"an inner address of {member.name}"] = [
                socket.inet_aton(host.address), host.address.encode()]
        return secrets
