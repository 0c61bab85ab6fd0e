#!/usr/bin/env python3
"""suite.py [--long] [WORDS]: the files, then the machine; or the cases with these words in their names."""
import sys

import containers
import edge
import files
import guide
import image
import installed
import leaving
import service
from judge import Skipped
from machine import Machine


ALONE = (files, image, containers)
# On one machine each, every case after those before it.
MACHINES = {"machine": (installed, service, edge, leaving), "guide": (guide,)}


def on_machine(name, parts):
    """Its cases once it runs. Where none can, all of them are skipped."""
    try:
        with Machine(name) as machine:
            for part in parts:
                getattr(part, "arrive", lambda _: None)(machine)
            machine.boot()
            for part in parts:
                part.cases.run("", machine)
    except Skipped as why:
        parts[0].cases.counts["skipped"] += sum(len(part.cases.cases) for part in parts)
        print(f"skipped: {name}: {why}")
    except Exception as why:  # one that cannot be put away
        parts[0].cases.counts["not ok"] += 1
        print(f"not ok {name} # {type(why).__name__}: {why}")


def has(parts, words):
    return any(words in case.__name__.replace("_", " ") for part in parts for case in part.cases.cases)


def main():
    words = " ".join(word for word in sys.argv[1:] if word != "--long")
    for part in ALONE:
        part.cases.run(words)
    for name, parts in MACHINES.items():
        if has(parts, words):
            on_machine(name, parts)
    every = (*ALONE, *(part for parts in MACHINES.values() for part in parts))
    total = {kind: sum(part.cases.counts[kind] for part in every) for kind in ("ok", "not ok", "skipped")}
    print(f"\n{total['ok']} passed, {total['not ok']} failed" + (f", {total['skipped']} skipped" if total["skipped"] else ""))
    return 1 if total["not ok"] else 0


if __name__ == "__main__":
    sys.exit(main())
