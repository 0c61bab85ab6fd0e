#!/usr/bin/env python3
"""suite.py [--long] [WORDS]: runs the cases of the file with that name (tls), or with these words in theirs; sums up."""
import pathlib
import sys
import time
import traceback

TESTS = pathlib.Path(__file__).resolve().parent.parent
sys.path += [str(TESTS / "authorisation"), str(TESTS / "transcripts")]

import logins  # noqa: E402
import process  # noqa: E402
import tls  # noqa: E402
from case import Failed, Skipped  # noqa: E402


def main():
    words = " ".join(word for word in sys.argv[1:] if not word.startswith("--"))
    counts = {"ok": 0, "not ok": 0, "skipped": 0}
    for module in (tls, logins, process):
        for function in module.group.cases:
            name = function.__name__.replace("_", " ")
            if words not in name and words != module.__name__:
                continue
            began = time.monotonic()
            try:
                note = function() or ""
                kind, line = "ok", f"ok {name} # {time.monotonic() - began:.1f} s {note}".rstrip()
            except Skipped as why:
                kind, line = "skipped", f"skipped: {name}: {why}"
            except Failed as why:
                kind, line = "not ok", f"not ok {name} # {why}"
            except Exception:  # whatever went wrong, the others are tried
                kind, line = "not ok", f"not ok {name} # {traceback.format_exc()}"
            counts[kind] += 1
            print(line, flush=True)
    for module in (tls, logins, process):
        module.close()
    print(f"\n{counts['ok']} passed, {counts['not ok']} failed" +
          (f", {counts['skipped']} skipped" if counts["skipped"] else ""))
    return 1 if counts["not ok"] else 0


if __name__ == "__main__":
    sys.exit(main())
