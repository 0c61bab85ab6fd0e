#!/usr/bin/env python3
"""compatibility.py: writes docs/compatibility.md from build/conformance/results.json, the results of a
whole `./dev conformance`."""
import json
import pathlib
import sys

HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parent.parent
RESULTS = ROOT / "build" / "conformance" / "results.json"
PAGE = ROOT / "docs" / "compatibility.md"

TRANSPORTS = ("MQTT", "MQTT-WS", "AMQP", "AMQP-WS", "HTTPS")
CAPABILITIES = (
    "telemetry", "C2D complete", "C2D reject", "C2D abandon", "twin get", "twin reported", "twin desired", "methods",
    "file upload", "modules", "X.509 thumbprint", "X.509 CA", "SAS renewal", "restart")
CLIENTS = {
    "node matrix": "Node, `azure-iot-device`",
    "python matrix": "Python, `azure-iot-device`",
    "plain matrix": "any MQTT client, here Eclipse Paho",
}
WORST_FIRST = ("not ok", "skipped", "not offered", "ok")
WORDS = {"ok": "passed", "not ok": "failed", "skipped": "skipped", "not offered": "-"}

HEAD = """# Compatibility

What unmodified clients do against azimuth, one test for each cell. `-`: that client does not offer it
over that transport. Made by `tests/conformance/compatibility.py` from the results of
`./dev conformance`; the versions of the clients are in the lock files beside it.
"""
RESTART = "restart: the server is killed and started again, and the client goes on without being told."


def cells(cases, group):
    """{capability: {transport: state}} of one group, the worst of all runs."""
    found = {}
    for case in cases:
        if case["group"] != group or case["name"].count(": ") < 2:
            continue
        _, transport, capability = case["name"].split(": ", 2)
        row = found.setdefault(capability, {})
        row[transport] = min(case["state"], row.get(transport, "ok"), key=WORST_FIRST.index)
    return dict(sorted(found.items(), key=lambda row: CAPABILITIES.index(row[0])))


def matrices(cases):
    """[(client, cells)] of the clients that ran."""
    return [(client, rows) for group, client in CLIENTS.items() if (rows := cells(cases, group))]


def print_matrices(cases):
    for client, rows in matrices(cases):
        print(f"\n{client.replace('`', '')}\n{'':18}" + "".join(f"{transport:>10}" for transport in TRANSPORTS))
        for capability, row in rows.items():
            print(f"{capability:18}" + "".join(f"{WORDS.get(row.get(t), ''):>10}" for t in TRANSPORTS))


def page(cases):
    lines = [HEAD]
    for client, rows in matrices(cases):
        lines += [f"## {client}\n", "| | " + " | ".join(TRANSPORTS) + " |", "|---" * (len(TRANSPORTS) + 1) + "|"]
        for capability, row in rows.items():
            lines.append(f"| {capability} | " + " | ".join(WORDS.get(row.get(t), "") for t in TRANSPORTS) + " |")
        lines.append("")
    return "\n".join([*lines, RESTART, ""])


def main():
    cases = json.loads(RESULTS.read_text())
    missing = [group for group in CLIENTS if not cells(cases, group)]
    if missing:
        sys.exit(f"compatibility.py: {RESULTS} has no {', '.join(missing)}; run ./dev conformance")
    PAGE.write_text(page(cases))
    print(f"{PAGE.relative_to(ROOT)} is written")


if __name__ == "__main__":
    main()
