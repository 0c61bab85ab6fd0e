#!/usr/bin/env python3
"""suite.py [--long] [--write] [http|amqp|mqtt...]: asks, compares with the tables, sums up.

--write puts what was found into the tables, so that a new row need not be typed: read what git says
has changed before you believe it."""
import pathlib
import sys
import time

sys.path.append(str(pathlib.Path(__file__).resolve().parent.parent / "transcripts"))

import amqp_matrix  # noqa: E402
import http_matrix  # noqa: E402
import mqtt_matrix  # noqa: E402
from people import Server  # noqa: E402
from table import Table  # noqa: E402

MATRICES = {"http": http_matrix, "amqp": amqp_matrix.Links, "mqtt_connect": mqtt_matrix.Connect,
            "mqtt_topics": mqtt_matrix.Topics}


def judge(matrix, server, write):
    began = time.monotonic()
    columns, found = matrix.observe(server)
    table = Table(matrix.TABLE)
    if write:
        table.write(columns, found, matrix.TITLE)
        table = Table(matrix.TABLE)
    wrong = table.judge(columns, found)
    for sentence in wrong:
        print(f"not ok {sentence}")
    cells = len(columns) * len(found)
    print(f"{'not ok' if wrong else 'ok'} {matrix.TABLE} # {len(found)} rows, {cells} cells, "
          f"{time.monotonic() - began:.1f} s", flush=True)
    return cells - len(wrong), len(wrong)


def main():
    names = [word for word in sys.argv[1:] if not word.startswith("--")] or MATRICES
    passed = failed = 0
    with Server() as server:
        for name in names:
            good, bad = judge(MATRICES[name], server, "--write" in sys.argv)
            passed, failed = passed + max(good, 0), failed + bad
    print(f"\n{passed} passed, {failed} failed")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
