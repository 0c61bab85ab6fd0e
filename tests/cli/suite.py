#!/usr/bin/env python3
"""suite.py [--long] [WORDS]: runs the groups, or the cases with these words in their names; sums up."""
import concurrent.futures
import functools
import sys

import azure_state
import backup
import completion
import console
import edges
import devices
import doctors
import fleets
import formats
import from_az
import login
import pages
import policies
import reload
import replays
import seed
import statuses
import stories
import tutorials
import upgrade


SIDE_BY_SIDE = 3  # groups: most of their time is waiting
GROUPS = {module.__name__: module.group for module in (
    pages, tutorials, statuses, azure_state, upgrade, replays, backup, formats, fleets, edges, devices, doctors, login, policies, console, seed, reload, completion, stories, from_az)}


def run(words, name):
    return GROUPS[name].run(words)


def main():
    words = " ".join(word for word in sys.argv[1:] if word != "--long")
    total = {"ok": 0, "not ok": 0, "skipped": 0}
    with concurrent.futures.ProcessPoolExecutor(SIDE_BY_SIDE) as pool:
        for counts in pool.map(functools.partial(run, words), GROUPS):
            for kind, count in counts.items():
                total[kind] += count
    print(f"\n{total['ok']} passed, {total['not ok']} failed" +
          (f", {total['skipped']} skipped" if total["skipped"] else ""))
    return 1 if total["not ok"] else 0


if __name__ == "__main__":
    sys.exit(main())
