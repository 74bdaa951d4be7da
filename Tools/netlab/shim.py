"""A line with delay, jitter, reordering, loss and little room; `shim.py --help` has its options.

Runs inside a namespace with the interfaces `left` and `right` and carries frames between them. A
frame waits the delay and up to the jitter more, but never overtakes, except for the fraction
--reorder of them, which wait no jitter. The fraction --loss is dropped, in bursts of the mean length
--burst (Gilbert's model: what is lost depends on the packet before only). With --rate a frame takes
its time to pass, behind those that came before it, and one for which that would be longer than
--queue is dropped; the rate follows a trace that begins again at its end. The same --seed drops and
delays the same frames of each direction. This is in user space because not all kernels have netem.
"""

import argparse
import heapq
import os
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
# What describes them.
VNET_HEADER = 10
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


class Rate:
    """How many bits a second pass, by a trace."""

    def __init__(self, steps):
        # (seconds, bits a second), from the beginning on.
        self.steps = steps
        self.period = sum(seconds for seconds, _ in steps)
        self.begin = None

    def at(self, now):
        if self.begin is None:
            self.begin = now
        place = (now - self.begin) % self.period
        for seconds, rate in self.steps:
            if place < seconds:
                return rate
            place -= seconds
        return self.steps[-1][1]


class Direction:
    """Frames under way from one end to the other."""

    def __init__(self, source, target, options, seed):
        self.source, self.target = source, target
        self.delay, self.jitter = options.delay / 1_000, options.jitter / 1_000
        self.reorder, self.loss, self.burst = options.reorder, options.loss, options.burst
        self.rate = Rate(options.rate) if options.rate else None
        self.longest_wait = options.queue / 1_000
        self.random = random.Random(seed)
        self.is_losing = False
        self.waiting = []
        self.count = 0
        self.latest = 0.0
        # When the last bit of what came so far has passed.
        self.free = 0.0

    def loses(self):
        """Whether the next frame is lost."""
        chance = 1 - 1 / self.burst if self.is_losing else self.loss / (1 - self.loss) / self.burst
        self.is_losing = self.loss > 0 and self.random.random() < chance
        return self.is_losing

    def passed(self, frame, now):
        """When the frame has passed the narrow place, or None when there is no room for it."""
        if self.rate is None:
            return now
        begin = max(now, self.free)
        if begin - now > self.longest_wait:
            return None
        self.free = begin + 8 * (len(frame) - VNET_HEADER) / self.rate.at(now)
        return self.free

    def receive(self, now):
        while True:
            try:
                frame = self.source.recv(LARGEST_FRAME)
            except (BlockingIOError, OSError):
                return
            if self.loses() or len(self.waiting) >= LONGEST_QUEUE:
                continue
            due = self.passed(frame, now)
            if due is None:
                continue
            due += self.delay
            if self.random.random() >= self.reorder:
                due = max(due + self.random.random() * self.jitter, self.latest)
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


def trace(text):
    """The rates of `SECONDS:KBIT,…` as (seconds, bits a second)."""
    steps = [step.split(":") for step in text.split(",")]
    return [(float(seconds), 1_000 * float(rate)) for seconds, rate in steps]


def parsed(arguments):
    parser = argparse.ArgumentParser(description="a line between `left` and `right`")
    parser.add_argument("--delay", type=float, default=0, metavar="MS")
    parser.add_argument("--jitter", type=float, default=0, metavar="MS")
    parser.add_argument("--reorder", type=float, default=0, metavar="SHARE")
    parser.add_argument("--loss", type=float, default=0, metavar="SHARE")
    parser.add_argument("--burst", type=float, metavar="FRAMES",
                        help="mean number lost in a row; as chance has it without")
    parser.add_argument("--rate", type=trace, metavar="SECONDS:KBIT,…")
    parser.add_argument("--queue", type=float, default=200, metavar="MS")
    parser.add_argument("--seed", default=None)
    options = parser.parse_args(arguments)
    if not 0 <= options.loss < 1:
        parser.error("--loss must be at least 0 and below 1")
    # A loss that does not depend on the one before has bursts of this length.
    options.burst = options.burst or 1 / (1 - options.loss)
    if options.burst < 1 or options.loss / (1 - options.loss) / options.burst > 1:
        parser.error("no such bursts make up this loss")
    return options


def be_prompt():
    """A line does not wait for a processor."""
    try:
        os.sched_setscheduler(0, os.SCHED_FIFO, os.sched_param(1))
    except OSError:
        pass  # Not allowed here: then it is as prompt as everything else.


def main():
    options = parsed(sys.argv[1:])
    be_prompt()
    left, right = opened("left"), opened("right")
    seeds = [None if options.seed is None else f"{options.seed} {way}"
             for way in ("to the right", "to the left")]
    ways = [Direction(*ends, options, seed)
            for ends, seed in zip(((left, right), (right, left)), seeds)]
    print("ready", flush=True)
    while True:
        now = time.monotonic()
        next_times = [due for due in (way.send(now) for way in ways) if due is not None]
        wait = max(0.0, min(next_times) - time.monotonic()) if next_times else None
        select.select([left, right], [], [], wait)
        now = time.monotonic()
        for way in ways:
            way.receive(now)


if __name__ == "__main__":
    main()
