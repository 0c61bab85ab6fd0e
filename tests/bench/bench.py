#!/usr/bin/env python3
"""Measures azimuth beside Debian's mosquitto, in turn, and prints how far every goal is.

usage: ./dev bench [--quick | --thorough] [--urgent] [--long] [--rounds N] [--seconds N] [CASE...]

Without cases all are run, in minutes each. --thorough takes more and longer runs, for the tables; --quick takes
shorter and fewer, and less of everything: it tells the order of magnitude.
--urgent is for a machine that others use too: servers and generator run at real-time priority, and nobody
waits for quiet. --long takes the cases of ten minutes too.
The rows with a must count as passed, failed or skipped; the others are only printed. Every run is
added as a line of JSON to tests/bench/results/; tests/bench/report.py makes docs/benchmarks.md of it.
"""
import argparse
import os
import subprocess
import sys
import time

from cases import CASES
from goals import GOALS
from measure import ATTEMPTS, Book, NotNow
from report import table
from servers import WORK, forget_data

URGENT_PRIORITY = 5


def parse():
    parser = argparse.ArgumentParser(usage=__doc__)
    extent = parser.add_mutually_exclusive_group()
    extent.add_argument("--quick", action="store_true")
    extent.add_argument("--thorough", action="store_true")
    parser.add_argument("--urgent", action="store_true")
    parser.add_argument("--long", action="store_true")
    parser.add_argument("--rounds", type=int)
    parser.add_argument("--seconds", type=int, help="that one run lasts")
    parser.add_argument("--devices", type=int, help="of the cases query and job")
    parser.add_argument("cases", nargs="*", metavar="CASE")
    options = parser.parse_args()
    unknown = set(options.cases) - set(CASES)
    if unknown:
        parser.error(f"there is no case {', '.join(sorted(unknown))}; there are {', '.join(CASES)}")
    options.turns = options.rounds or (1 if options.quick else 3)  # where there is no peer to take turns with
    usual = 2 if options.quick else 5 if options.thorough else 3
    options.rounds, options.seconds = options.rounds or usual, options.seconds or usual
    # seconds to wait for a quiet machine before a run
    options.patience = 0 if options.urgent else 4 if options.quick else 60
    options.attempts = 1 if options.urgent else ATTEMPTS
    return options


def check_machine():
    if os.cpu_count() < 2:
        sys.exit("bench: one CPU for the server and one for the generator are needed")
    WORK.mkdir(parents=True, exist_ok=True)
    kind = subprocess.run(["stat", "-f", "-c", "%T", WORK], capture_output=True, text=True, check=True)
    if kind.stdout.strip() in ("tmpfs", "ramfs"):
        sys.exit(f"bench: {WORK} is in memory; durable means a disk")


def musts(name):
    return sum(goal.must is not None for goal in GOALS if goal.case == name)


def measure(book, name, case, options):
    """One case, and what became of its musts: passed, failed, skipped."""
    try:
        case(book, name, options)
    except NotNow as why:
        print(f"skipped: {name}: {why}")
        return 0, 0, musts(name)
    except (RuntimeError, OSError, subprocess.SubprocessError) as error:
        print(f"  {name} could not be measured: {error}")
        return 0, musts(name), 0
    finally:
        forget_data()
    rows, passed, failed = table(book.lines, name)
    print("\n".join(rows), flush=True)
    return passed, failed, 0


def main():
    options = parse()
    check_machine()
    if options.urgent:
        os.sched_setscheduler(0, os.SCHED_FIFO, os.sched_param(URGENT_PRIORITY))  # children inherit it
    book = Book(options)
    wanted = [name for name in CASES if not options.cases or name in options.cases]
    passed = failed = skipped = 0
    for number, name in enumerate(wanted, 1):
        began = time.monotonic()
        print(f"\n{name}: {CASES[name].__doc__ or ''}".rstrip(": "), flush=True)
        good, bad, left_out = measure(book, name, CASES[name], options)
        passed, failed, skipped = passed + good, failed + bad, skipped + left_out
        print(f"  {number} of {len(wanted)}, {time.monotonic() - began:.0f} s", flush=True)
    print(f"\nresults: {book.path}\n\n{passed} passed, {failed} failed" + (f", {skipped} skipped" if skipped else ""))
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
