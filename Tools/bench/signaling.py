"""What vc-signal costs: memory of 100,000 rooms, CPU of a join, and memory under joins and leaves.

Usage: signaling.py VC-SIGNAL FOLDER JOINS SECONDS

The server is a real process on loopback with a signing key and a relay that answers. This program is
all hosts and all joiners, which have 5,000 addresses of 127.0.0.0/8 between them, because the server
limits what one address may do. A join is everything that the server has to do with it: HELLO, two
bodies of the joiner, two of the host, the second with a ticket that is signed, and the question for
relays. CPU is that of all threads of the process (schedstat), in waves of 64 joins, so that no queue
runs over. Rows of JSON on standard output.
"""

import os
import socket
import struct
import subprocess
import sys
import threading
import time

from processes import *

ROOMS = 100_000
ROOMS_PER_ADDRESS = 20
ADDRESSES = ROOMS // ROOMS_PER_ADDRESS
WAVE = 64
IP_PKTINFO = 8
HELLO, CLAIM, KEEPALIVE, RELEASE, POST, REPLY, RELAYS = range(1, 8)
COOKIE, LEASE, KEPT, TO_HOST, TO_JOINER, NOTICE, SOME_RELAYS = range(0x81, 0x88)


def header(kind, transaction):
    return struct.pack(">BBBQ", 0xC0, kind, 1, transaction)


def token(room):
    return room.to_bytes(32, "big")


class Relay(threading.Thread):
    """Answers BIND, so that the server has a relay to tell of."""

    def __init__(self):
        super().__init__(daemon=True)
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.bind(("127.0.0.1", 0))
        self.port = self.socket.getsockname()[1]

    def run(self):
        while True:
            question, source = self.socket.recvfrom(2048)
            self.socket.sendto(
                b"\xC1\x81\x01" + question[3:11] + bytes(16 + 18 + 2 + 1), source)


class Crowd:
    """Hosts and joiners behind one socket: each sends from an address of its own."""

    def __init__(self, server):
        self.server = server
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 8 << 20)
        self.socket.bind(("0.0.0.0", 0))
        self.socket.settimeout(5)
        self.cookies = {}

    def send(self, address, message):
        info = struct.pack("=I4s4s", 0, (0x7F010001 + address).to_bytes(4, "big"), bytes(4))
        self.socket.sendmsg(
            [message], [(socket.IPPROTO_IP, IP_PKTINFO, info)], 0, ("127.0.0.1", self.server))

    def answers(self, count, kind):
        """So many answers, all of one kind: (transaction, what follows the header)."""
        found = []
        while len(found) < count:
            message = self.socket.recv(2048)
            if message[1] == kind:
                found.append((int.from_bytes(message[3:11], "big"), message[11:]))
            elif message[1] == NOTICE:
                sys.exit(f"bench: the server refused something: {message.hex()}")
        return found

    def greet(self, addresses):
        for start in range(0, len(addresses), WAVE):
            wave = addresses[start:start + WAVE]
            for address in wave:
                self.send(address, header(HELLO, address) + bytes(37))
            for address, rest in self.answers(len(wave), COOKIE):
                self.cookies[address] = rest[:16]

    def claim(self, rooms):
        """Opens rooms: room -> nameplate."""
        plates = {}
        for start in range(0, len(rooms), WAVE):
            wave = rooms[start:start + WAVE]
            for room in wave:
                address = room // ROOMS_PER_ADDRESS % ADDRESSES
                self.send(
                    address,
                    header(CLAIM, room) + self.cookies[address] + room.to_bytes(16, "big")
                    + token(room) + bytes(4 + 16))
            for room, rest in self.answers(len(wave), LEASE):
                status, plate = struct.unpack(">BI", rest[:5])
                if status != 0:
                    sys.exit(f"bench: claim refused, status {status}")
                plates[room] = plate
        return plates

    def lease_message(self, kind, room):
        address = room // ROOMS_PER_ADDRESS % ADDRESSES
        self.send(address, header(kind, room) + self.cookies[address] + token(room))

    def join(self, joins, plates):
        """One wave of joins, (number, room) each, at once."""
        rooms = dict(joins)
        here = {number: (number * 37 + 11) % ADDRESSES for number, _ in joins}
        for number, _ in joins:
            self.send(here[number], header(HELLO, number) + bytes(37))
        cookies = {number: rest[:16] for number, rest in self.answers(len(joins), COOKIE)}
        for size, grant in ((97, bytes(5)), (420, b"\x02" + bytes(4 + 83))):
            for number, room in joins:
                self.send(
                    here[number],
                    header(POST, number) + cookies[number]
                    + struct.pack(">IQ", plates[room], number) + b"\x01" * 32
                    + struct.pack(">Q", number) + bytes(size))
            for room, rest in self.answers(len(joins), TO_HOST):
                number = int.from_bytes(rest[12:20], "big")
                address = rooms[number] // ROOMS_PER_ADDRESS % ADDRESSES
                self.send(
                    address,
                    header(REPLY, room) + self.cookies[address] + token(rooms[number])
                    + rest[:4] + grant + bytes(2 * size))
            for _, rest in self.answers(len(joins), TO_JOINER):
                if (rest[8] == 131) != (len(grant) > 5):
                    sys.exit("bench: a joiner has no ticket")
        for number, room in joins:
            self.send(
                here[number],
                (header(RELAYS, number) + cookies[number]
                 + struct.pack(">I", plates[room])).ljust(192, b"\0"))
        for _, rest in self.answers(len(joins), SOME_RELAYS):
            if rest[0] != 1:
                sys.exit("bench: the server knows no relay")


class Server:
    def __init__(self, program, folder):
        relay = Relay()
        relay.start()
        self.port = free_port()
        self.process = subprocess.Popen(
            [program, "--listen", f"127.0.0.1:{self.port}", "--relay", f"127.0.0.1:{relay.port}",
             "--key", f"{folder}/signal.key"],
            text=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        for line in self.process.stdout:
            if "listening on UDP" in line:
                break
        for line in self.process.stderr:
            if "relay answers" in line:
                break

    def nanoseconds(self):
        total = 0
        for thread in os.listdir(f"/proc/{self.process.pid}/task"):
            with open(f"/proc/{self.process.pid}/task/{thread}/schedstat") as file:
                total += int(file.read().split()[0])
        return total

    def resident(self):
        """MiB. From `status`, because a process with secrets shows nobody its maps."""
        with open(f"/proc/{self.process.pid}/status") as file:
            for line in file:
                if line.startswith("VmRSS:"):
                    return int(line.split()[1]) / 1024

    def end(self):
        self.process.kill()
        self.process.wait()


def rooms_and_joins(program, folder, joins):
    server = Server(program, folder)
    crowd = Crowd(server.port)
    empty = server.resident()
    crowd.greet(list(range(ADDRESSES)))
    plates = crowd.claim(list(range(ROOMS)))
    if len(plates) != ROOMS:
        sys.exit("bench: not every room was opened")
    full = server.resident()
    row("vc-signal: resident with 100,000 rooms", [full], "MiB", limit=100,
        note=f"{empty:.1f} MiB without; {(full - empty) * 2**20 / ROOMS:.0f} bytes a room")
    # The rooms of the last addresses: their leases are young, and stay for all of this.
    costs, number = [], 0
    while number < joins:
        wave = [(number + index, ROOMS - 1 - (number + index) * 7 % 50_000)
                for index in range(WAVE)]
        before = server.nanoseconds()
        crowd.join(wave, plates)
        costs.append((server.nanoseconds() - before) / WAVE / 1000)
        number += WAVE
    row("vc-signal: CPU of a join, whole mailbox exchange", costs, "us", limit=200,
        note=f"{number} joins; a ticket is signed in each")
    server.end()


def joins_and_leaves(program, folder, seconds):
    """1,000 rooms, each second 64 joins and 8 rooms that close while others open."""
    server = Server(program, folder)
    crowd = Crowd(server.port)
    crowd.greet(list(range(ADDRESSES)))
    rooms = list(range(1_000))
    plates = crowd.claim(rooms)
    next_room, number, marks = len(rooms), 0, []
    warm = 35
    start = time.monotonic()
    while (now := time.monotonic() - start) < warm + seconds:
        if number // WAVE % 60 == 59:
            crowd.greet(list(range(ADDRESSES)))
        for room in rooms:
            crowd.lease_message(KEEPALIVE, room)
        crowd.answers(len(rooms), KEPT)
        crowd.join(
            [(number + index, rooms[(number + index) % len(rooms)]) for index in range(WAVE)],
            plates)
        number += WAVE
        for room in rooms[:8]:
            crowd.lease_message(RELEASE, room)
        crowd.answers(8, KEPT)
        fresh = list(range(next_room, next_room + 8))
        next_room += 8
        plates.update(crowd.claim(fresh))
        rooms = rooms[8:] + fresh
        if now > warm:
            marks.append(server.resident())
        time.sleep(max(0, 1 - (time.monotonic() - start - now)))
    row("vc-signal: memory gained under joins and leaves", [marks[-1] - marks[0]], "MiB", limit=1,
        note=f"{len(marks)} s, {number} joins; {marks[-1]:.1f} MiB at the end")
    server.end()


def main():
    program, folder = sys.argv[1], sys.argv[2]
    rooms_and_joins(program, folder, int(sys.argv[3]))
    joins_and_leaves(program, folder, int(sys.argv[4]))


main()
