"""Runs the laboratory; see `run`."""

import argparse
import concurrent.futures
import dataclasses
import json
import os
import signal
import sys
import threading
import time

import cells
import check
import faults
import kernel
import rooms
from members import make_key
from stage import Interrupted, Programs, Stage

# Cells at the same time: a call costs little of a processor, starting it costs more.
JOBS = 4 * (os.cpu_count() or 1)

# What Tools/test runs without --full: each rung, each reason for it, and the worst faults.
REPRESENTATIVE = [
    "O x PR", "FC x S", "AR x S", "PR x PR", "PRx x PRx", "PR+pm x S", "S x S", "S+pm x S",
    "F6 x F6", "PR x X", "X x X", "same LAN and same port", "two homes of one carrier",
    "double NAT x PR", "PR x S without birthday",
    "LAN by IPv4 only", "LAN by IPv6 only",
    "LAN with a stranger's addresses",
    "both have the same inner address", "both have containers", "IPv6 only x IPv4 only",
    "PRx x PRx 40 ms away", "PR x FC with jitter and reordering", "S x S without a relay", "O x XX",
]
# Likewise of the rooms of three.
REPRESENTATIVE_ROOMS = [
    "O hosts S and S", "FC hosts S and S", "PR+pm hosts PR and S without a relay",
    "PR hosts S and S",
]


def arguments():
    parser = argparse.ArgumentParser(
        prog="Tools/netlab/run", description="Calls through every kind of router, in network "
        "namespaces, with the rung of each pair and the time to reach it; needs root.")
    parser.add_argument("--full", action="store_true",
                        help="every cell in both orders, and every fault at its full length")
    parser.add_argument("--only", metavar="NAME",
                        help="the cells and faults of this name, or with these kinds: PR,S")
    parser.add_argument("--cells", action="store_true", help="only the cells")
    parser.add_argument("--rooms", action="store_true",
                        help="only the rooms of three, where the host forwards")
    parser.add_argument("--faults", action="store_true", help="only the faults")
    parser.add_argument("--checks", action="store_true",
                        help="only the checks of the laboratory itself")
    parser.add_argument("--list", action="store_true", help="print the names and end")
    parser.add_argument("--json", metavar="FILE", help="the results for programs, too")
    parser.add_argument("--jobs", type=int, default=JOBS, metavar="N",
                        help=f"cells at the same time ({JOBS})")
    parser.add_argument("--programs", metavar="FOLDER", help=argparse.SUPPRESS)
    parser.add_argument("--logs", metavar="FOLDER", help=argparse.SUPPRESS)
    return parser.parse_args()


def chosen(options):
    """What is to be run: (function, thing) pairs."""
    everything = cells.all_cells(both_orders=True) + cells.other_cells()
    tests = faults.all_faults(options.full or options.only is not None)
    checks = check.all_checks()
    threes = rooms.all_rooms()
    if options.only:
        wanted = {part.strip() for part in options.only.split(",")}

        def fits(thing):
            return thing.name in wanted or wanted == set(thing.name.split(" x "))

        everything = [cell for cell in everything if fits(cell)]
        tests = [fault for fault in tests if fits(fault)]
        threes = [room for room in threes if fits(room)]
        checks = [entry for entry in checks if fits(entry)]
        if not everything and not tests and not checks and not threes:
            sys.exit(f"Tools/netlab/run: there is no {options.only}; --list names all")
    elif not options.full:
        everything = [cell for cell in everything if cell.name in REPRESENTATIVE]
        threes = [room for room in threes if room.name in REPRESENTATIVE_ROOMS]
    if options.cells or options.faults or options.checks or options.rooms:
        everything = everything if options.cells else []
        tests = tests if options.faults else []
        threes = threes if options.rooms else []
        checks = checks if options.checks else []
    # The long ones first, so that nothing waits for them at the end.
    work = [(faults.run, fault) for fault in tests] + [(cells.run, cell) for cell in everything]
    work += [(rooms.run, room) for room in threes]
    work += [(check.run, entry) for entry in checks]
    return sorted(work, key=lambda pair: -length(pair[1]))


def length(thing):
    """About how long it takes, in seconds."""
    if isinstance(thing, cells.Cell):
        return thing.expectation.within
    return thing.seconds + getattr(thing, "action_seconds", 0)


def show(result):
    """One line about a result, and what is wrong with it."""
    numbers = [
        ("voice", result.first_voice, "s"), ("settled", result.final, "s"),
        ("longest gap", None if result.longest_gap is None else 1_000 * result.longest_gap, "ms")]
    parts = [f"{name} {value:.2f} {unit}" if unit == "s" else f"{name} {value:.0f} {unit}"
             for name, value, unit in numbers if value is not None]
    rungs = ""
    if result.host_rung or result.guest_rung:
        rungs = f"{result.host_rung or '-'}/{result.guest_rung or '-'}"
    print(f"{'ok   ' if result.is_right else 'WRONG'} {result.name:36} {rungs:15} "
          f"{', '.join(parts + result.notes)}", flush=True)
    for problem in result.problems:
        print(f"        {problem}", flush=True)
    if result.problems:
        print(f"        expected: {result.expected}; said: {result.why or 'nothing'}", flush=True)


def table(results):
    """The table of NAT against NAT: rung, seconds until it was reached, ! where it is wrong."""
    found = {result.name: result for result in results}
    names = [f"{left} x {right}" for left in cells.TABLE for right in cells.TABLE]
    if not any(name in found for name in names):
        return
    print("\nhost \\ guest: D direct, R relay, T TCP; seconds until it was reached; ! is wrong")
    print(" " * 7 + "".join(f"{kind:>9}" for kind in cells.TABLE))
    for left in cells.TABLE:
        row = ""
        for right in cells.TABLE:
            result = found.get(f"{left} x {right}")
            text = ""
            if result:
                time_text = "" if result.final is None else f" {result.final:.1f}"
                text = f"{result.rung}{time_text}{'' if result.is_right else '!'}"
            row += f"{text:>9}"
        if row.strip():
            print(f"{left:7}{row}")


def interrupt(stage):
    def handler(*_):
        stage.is_stopped = True
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, handler)


def one(stage, work):
    function, thing = work
    stage.check()
    return function(stage, thing)


def run_all(stage, work, jobs):
    results = []
    with concurrent.futures.ThreadPoolExecutor(jobs) as pool:
        futures = [pool.submit(one, stage, entry) for entry in work]
        for future in concurrent.futures.as_completed(futures):
            try:
                result = future.result()
                stage.check()
                results.append(result)
                show(result)
            except Interrupted:
                pass
    return results


def main():
    options = arguments()
    work = chosen(options)
    if options.list:
        print("\n".join(thing.name for _, thing in work))
        return 0
    stage = Stage(Programs(options.programs), options.logs)
    interrupt(stage)
    left = kernel.remove_leftovers()
    if left:
        print(f"removed {left} namespaces that were left behind")
    begin = time.monotonic()
    try:
        os.makedirs(options.logs, exist_ok=True)
        stage.key = make_key(stage.programs, options.logs)
        results = run_all(stage, work, options.jobs)
    finally:
        kernel.remove(kernel.of_process(os.getpid()))
    if stage.is_stopped:
        print("netlab: interrupted", file=sys.stderr)
        return 130
    table(results)
    if options.json:
        with open(options.json, "w") as file:
            json.dump([{**dataclasses.asdict(result), "right": result.is_right}
                       for result in results], file, indent=1)
    wrong = [result.name for result in results if not result.is_right]
    seconds = time.monotonic() - begin
    print(f"\n{len(results) - len(wrong)} of {len(results)} are as expected, {seconds:.0f} s")
    if wrong:
        print("wrong: " + "; ".join(wrong))
    return 1 if wrong else 0


if __name__ == "__main__":
    threading.current_thread().name = "netlab"
    sys.exit(main())
