"""What can be seen on the wire: packets at an interface, and whether words are readable in them."""

import socket
import struct

ETH_P_ALL = 3
SO_RCVBUFFORCE = 33
BUFFER = 64 * 1024 * 1024
IPPROTO_TCP, IPPROTO_UDP = 6, 17


class Capture:
    """Collects all packets at an interface until it is read."""

    def __init__(self, node, interface):
        self._socket = node.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(ETH_P_ALL))
        self._socket.setsockopt(socket.SOL_SOCKET, SO_RCVBUFFORCE, BUFFER)
        self._socket.bind((interface, ETH_P_ALL))
        self._socket.setblocking(False)
        self.frames = []

    def drain(self):
        while True:
            try:
                self.frames.append(self._socket.recv(65_535))
            except BlockingIOError:
                return self.frames

    def close(self):
        self.drain()
        self._socket.close()

    def payloads(self):
        """What UDP and TCP carried: (protocol, source, target, bytes), in order."""
        self.drain()
        found = []
        for frame in self.frames:
            parsed = payload(frame)
            if parsed and parsed[3]:
                found.append(parsed)
        return found


def payload(frame):
    """(protocol, source, target, bytes) of an Ethernet frame; None when it is neither."""
    kind = int.from_bytes(frame[12:14], "big")
    if kind == 0x0800 and len(frame) >= 34:
        length, protocol = 4 * (frame[14] & 15), frame[23]
        source, target = frame[26:30], frame[30:34]
        packet = frame[14 + length:14 + int.from_bytes(frame[16:18], "big")]
    elif kind == 0x86DD and len(frame) >= 54:
        protocol, source, target = frame[20], frame[22:38], frame[38:54]
        packet = frame[54:54 + int.from_bytes(frame[18:20], "big")]
    else:
        return None
    if protocol == IPPROTO_UDP and len(packet) >= 8:
        ports, data = packet[:4], packet[8:]
    elif protocol == IPPROTO_TCP and len(packet) >= 20:
        ports, data = packet[:4], packet[4 * (packet[12] >> 4):]
    else:
        return None
    source_port, target_port = struct.unpack("!HH", ports)
    return protocol, (source, source_port), (target, target_port), data


def readable(payloads, secrets):
    """Which of the secrets stand readable in what was carried: names to lists of bytes, any of
    which gives it away. Case does not hide a word."""
    streams = {}
    for protocol, source, target, data in payloads:
        # A word may stand across two segments of a stream, not across two datagrams.
        key = (source, target) if protocol == IPPROTO_TCP else object()
        streams.setdefault(key, bytearray()).extend(data)
    texts = [bytes(stream).lower() for stream in streams.values()]
    return sorted(name for name, forms in secrets.items()
                  if any(form.lower() in text for form in forms for text in texts))
