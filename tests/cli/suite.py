#!/usr/bin/env python3
"""suite.py [--long] [WORDS]: runs the groups, or the cases with these words in their names; sums up."""
import sys

import backup
import completion
import console
import fleets
import formats
import login
import pages
import reload
import replays
import seed
import statuses
import upgrade


def main():
    words = " ".join(word for word in sys.argv[1:] if word != "--long")
    total = {"ok": 0, "not ok": 0, "skipped": 0}
    for module in (statuses, formats, fleets, login, console, seed, reload, replays, backup, upgrade,
                   completion, pages):
        for kind, count in module.group.run(words).items():
            total[kind] += count
    print(f"\n{total['ok']} passed, {total['not ok']} failed" +
          (f", {total['skipped']} skipped" if total["skipped"] else ""))
    return 1 if total["not ok"] else 0


if __name__ == "__main__":
    sys.exit(main())
