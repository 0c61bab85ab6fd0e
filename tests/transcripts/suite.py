#!/usr/bin/env python3
"""suite.py [--long] [WORDS]: plays every transcript, or those with these words in file and title; sums up."""
import concurrent.futures
import contextlib
import pathlib
import sys
import time

import hub
import transcript
from pattern import Mismatch

AT_ONCE = 4  # they mostly wait; the hub has room for five readers of a partition
FOLDER = pathlib.Path(__file__).resolve().parent


def play(server, one):
    """Whether a transcript passed or failed, and what is to be said of it."""
    start = time.monotonic()
    try:
        with hub.Hub() if one.alone() else contextlib.nullcontext(server) as there:
            transcript.Player(there, one).play()
    except Mismatch as mismatch:
        return "failed", (f"not ok {one.name()}\n    {one.file}.txt:{mismatch.line.number}: {mismatch.line.text}\n"
                          f"    came:   {mismatch.came}\n    wanted: {mismatch.wanted}")
    return "passed", f"ok {one.name()} # {round(1000 * (time.monotonic() - start))} ms"


def main():
    words = " ".join(word for word in sys.argv[1:] if word != "--long")
    all_of_them = [one for path in sorted(FOLDER.glob("*.txt")) for one in transcript.read(path)]
    chosen = [one for one in all_of_them if words in one.name()]
    ends = {"passed": 0, "failed": 0}
    with hub.Hub() as server, concurrent.futures.ThreadPoolExecutor(AT_ONCE) as pool:
        for end, said in pool.map(lambda one: play(server, one), chosen):
            ends[end] += 1
            print(said, flush=True)
    print(f"\n{ends['passed']} passed, {ends['failed']} failed")
    return 1 if ends["failed"] or not ends["passed"] else 0


if __name__ == "__main__":
    sys.exit(main())
