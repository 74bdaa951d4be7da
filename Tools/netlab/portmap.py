"""The port mapping service of a router: NAT-PMP (RFC 6886); PCP is refused as such routers do it.

Answers on UDP 5351 of the inner side and keeps the mappings in the packet filter, where they end by
themselves.
"""

import ipaddress
import select
import struct
import threading
import time

import kernel

PORT = 5351
VERSION = 0
# Operations and results of RFC 6886, sections 3.2, 3.3 and 3.5.
EXTERNAL_ADDRESS, MAP_UDP, MAP_TCP = 0, 1, 2
SUCCESS, UNSUPPORTED_VERSION, NOT_AUTHORIZED, UNSUPPORTED_OPERATION = 0, 1, 2, 5
LONGEST_LIFETIME = 7_200


class PortMapper:
    """The service of one router, in a thread."""

    def __init__(self, router):
        self.router = router
        self.mappings = {}
        self.requests = 0
        self._begin = time.monotonic()
        self._socket = router.node.socket(2, 2)
        self._socket.bind(("0.0.0.0", PORT))
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self._thread.start()

    def stop(self):
        self._stopped.set()
        self._thread.join()
        self._socket.close()

    def _serve(self):
        while not self._stopped.is_set():
            readable, _, _ = select.select([self._socket], [], [], 0.2)
            if not readable:
                continue
            request, client = self._socket.recvfrom(1_100)
            if not client[0].startswith(self.router.lan + "."):
                continue  # Only for the inner side.
            answer = self._answer(request, client[0])
            if answer:
                self._socket.sendto(answer, client)

    def _answer(self, request, client):
        if len(request) < 2 or request[1] & 0x80:
            return None
        self.requests += 1
        version, operation = request[0], request[1]
        seconds = int(time.monotonic() - self._begin)

        def head(result):
            return struct.pack("!BBHI", VERSION, 0x80 | operation, result, seconds)

        if version != VERSION:
            return head(UNSUPPORTED_VERSION)
        if operation == EXTERNAL_ADDRESS:
            return head(SUCCESS) + ipaddress.ip_address(self.router.address).packed
        if operation in (MAP_UDP, MAP_TCP) and len(request) >= 12:
            inner, outer, lifetime = struct.unpack("!HHI", request[4:12])
            return head(SUCCESS) + struct.pack(
                "!HHI", inner, *self._map(operation, client, inner, outer, lifetime))
        return head(UNSUPPORTED_OPERATION)

    def _map(self, operation, client, inner, wanted, lifetime):
        """Makes, renews or removes a mapping; returns its outer port and lifetime."""
        name = {MAP_UDP: "mapped_udp", MAP_TCP: "mapped_tcp"}[operation]
        key = (operation, client, inner)
        old = self.mappings.pop(key, None)
        lifetime = min(lifetime, LONGEST_LIFETIME)
        lines = [f"delete element ip nat {name} {{ {old} }}"] if old is not None else []
        outer = 0
        if lifetime > 0:
            outer = old or self._free(operation, wanted or inner)
            self.mappings[key] = outer
            lines.append(f"add element ip nat {name} "
                         f"{{ {outer} timeout {lifetime}s : {client} . {inner} }}")
        if lines:
            self._load(lines, name, old)
        return outer, lifetime

    def _load(self, lines, name, old):
        try:
            kernel.nft(self.router.node.namespace, "\n".join(lines))
        except kernel.KernelError:
            if old is None:
                raise
            # The old mapping had ended by itself.
            kernel.nft(self.router.node.namespace, "\n".join(lines[1:]))

    def _free(self, operation, wanted):
        taken = {port for (kind, _, _), port in self.mappings.items() if kind == operation}
        while wanted in taken or wanted < 1_024:
            wanted = 1_024 + (wanted - 1_023) % 64_512
        return wanted
