#!/usr/bin/env python3
"""suite.py [--long] [WORDS]: the files, then the machine; or the cases with these words in their names."""
import sys

import containers
import files
import image
import installed
from judge import Skipped
from machine import Machine


def main():
    words = " ".join(word for word in sys.argv[1:] if word != "--long")
    files.cases.run(words)
    image.cases.run(words)
    containers.cases.run(words)
    if not words or any(words in case.__name__.replace("_", " ") for case in installed.cases.cases):
        try:
            with Machine("machine") as machine:
                installed.cases.run("", machine)  # each needs the ones before
        except Skipped as why:
            installed.cases.counts["skipped"] += len(installed.cases.cases)
            print(f"skipped: the machine: {why}")
        except Exception as why:  # no machine, or one that cannot be put away
            installed.cases.counts["not ok"] += 1
            print(f"not ok the machine # {type(why).__name__}: {why}")
    total = {kind: sum(part.cases.counts[kind] for part in (files, image, containers, installed)) for kind in ("ok", "not ok", "skipped")}
    print(f"\n{total['ok']} passed, {total['not ok']} failed" + (f", {total['skipped']} skipped" if total["skipped"] else ""))
    return 1 if total["not ok"] else 0


if __name__ == "__main__":
    sys.exit(main())
