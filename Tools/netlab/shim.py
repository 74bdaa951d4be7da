"""A line with delay, jitter, reordering and loss: usage: shim.py DELAY_MS JITTER_MS REORDER LOSS

Runs inside a namespace with the interfaces `left` and `right` and carries frames between them. A
frame waits DELAY_MS and up to JITTER_MS more, but never overtakes, except for the fraction REORDER
of them, which wait no jitter. The fraction LOSS is dropped. This is in user space because not all
kernels have netem.
"""

import heapq
import random
import select
import socket
import sys
import time

ETH_P_ALL = 3
SOL_PACKET = 263
PACKET_ADD_MEMBERSHIP = 1
PACKET_VNET_HDR = 15
PACKET_IGNORE_OUTGOING = 23
PACKET_MR_PROMISC = 1
# Frames come with their offloads (checksum, segmentation) described in front, and go as they came.
LARGEST_FRAME = 65_550
# What waits at most in one direction; a real line would drop as well.
LONGEST_QUEUE = 10_000


def opened(interface):
    end = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(ETH_P_ALL))
    end.setsockopt(SOL_PACKET, PACKET_VNET_HDR, 1)
    end.setsockopt(SOL_PACKET, PACKET_IGNORE_OUTGOING, 1)
    end.bind((interface, ETH_P_ALL))
    index = socket.if_nametoindex(interface)
    membership = index.to_bytes(4, sys.byteorder) + PACKET_MR_PROMISC.to_bytes(2, sys.byteorder)
    end.setsockopt(SOL_PACKET, PACKET_ADD_MEMBERSHIP, membership + bytes(10))
    end.setblocking(False)
    return end


class Direction:
    """Frames under way from one end to the other."""

    def __init__(self, source, target, delay, jitter, reorder, loss):
        self.source, self.target = source, target
        self.delay, self.jitter, self.reorder, self.loss = delay, jitter, reorder, loss
        self.waiting = []
        self.count = 0
        self.latest = 0.0

    def receive(self, now):
        while True:
            try:
                frame = self.source.recv(LARGEST_FRAME)
            except (BlockingIOError, OSError):
                return
            if random.random() < self.loss or len(self.waiting) >= LONGEST_QUEUE:
                continue
            due = now + self.delay
            if random.random() >= self.reorder:
                due = max(due + random.random() * self.jitter, self.latest)
                self.latest = due
            self.count += 1
            heapq.heappush(self.waiting, (due, self.count, frame))

    def send(self, now):
        """Sends what is due; returns when the next is."""
        while self.waiting and self.waiting[0][0] <= now:
            try:
                self.target.send(heapq.heappop(self.waiting)[2])
            except OSError:
                pass  # The other end is down: the frame is lost, as on a real line.
        return self.waiting[0][0] if self.waiting else None


def main():
    delay, jitter, reorder, loss = (float(argument) for argument in sys.argv[1:])
    left, right = opened("left"), opened("right")
    ways = [Direction(*ends, delay / 1_000, jitter / 1_000, reorder, loss)
            for ends in ((left, right), (right, left))]
    print("ready", flush=True)
    while True:
        now = time.monotonic()
        next_times = [due for due in (way.send(now) for way in ways) if due is not None]
        wait = max(0.0, min(next_times) - time.monotonic()) if next_times else None
        select.select([left, right], [], [], wait)
        now = time.monotonic()
        for way in ways:
            way.receive(now)


main()
