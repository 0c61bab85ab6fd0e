#!/usr/bin/env python3
"""compatibility.py [--differences]: writes docs/reference/compatibility.md from build/conformance/results.json, the
results of a whole `./dev conformance`, and from docs/reference/differences.toml; with --differences only the latter's part.

Each client of devices has a table: capabilities and transports, one case of a "... matrix" group for each cell.
The SDKs of services have one together: for each cell the cases of a group with a word in their names. A cell
without a case is missing, which is a failure like any other."""
import itertools
import json
import pathlib
import sys
import tomllib

HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parent.parent
RESULTS = ROOT / "build" / "conformance" / "results.json"
PAGE = ROOT / "docs" / "reference" / "compatibility.md"
DIFFERENCES = ROOT / "docs" / "reference" / "differences.toml"
DIFFERENCES_HEAD = "## Differences from Azure"

TRANSPORTS = ("MQTT", "MQTT-WS", "AMQP", "AMQP-WS", "HTTPS")
CAPABILITIES = (
    "telemetry", "C2D complete", "C2D reject", "C2D abandon", "twin get", "twin reported", "twin desired", "methods",
    "file upload", "modules", "X.509 thumbprint", "X.509 CA", "SAS renewal", "restart")
CLIENTS = {
    "node matrix": "Node, `azure-iot-device`",
    "python matrix": "Python, `azure-iot-device`",
    "java matrix": "Java, `iot-device-client`",
    "plain matrix": "any MQTT client, here Eclipse Paho",
    "node provisioning matrix": "Provisioning: Node, `azure-iot-provisioning-device`",
    "python provisioning matrix": "Provisioning: Python, `azure-iot-device`",
    "java provisioning matrix": "Provisioning: Java, `provisioning-device-client`",
}
ATTESTATIONS = ("symmetric", "symmetric, group", "X.509", "X.509 group by CA")
ROWS = {
    "node provisioning matrix": (*ATTESTATIONS, "TPM"),
    "python provisioning matrix": ATTESTATIONS,
    "java provisioning matrix": (*ATTESTATIONS, "TPM"),
}  # of others: CAPABILITIES
SERVICES = {
    "Node, `azure-iothub`": "node",
    "Python, `azure-iot-hub`": "python",
    "Java, `iot-service-client`": "java",
}
# {row: (group without the client's name, word in its cases' names)}; Java's are all in "java service".
SERVICE_ROWS = {
    "registry": ("registry", ""),
    "many identities in one call": ("registry", "hundred"),
    "modules": ("modules", ""),
    "twins": ("twins", ""),
    "methods": ("methods", ""),
    "C2D": ("c2d", ""),
    "feedback": ("c2d", "feedback"),
    "file notifications": ("upload", "a service is told"),
    "query": ("queries", ""),
    "jobs": ("jobs", ""),
    "import and export": ("transfer", ""),
    "configurations": ("configurations", ""),
    "digital twins": ("pnp", ""),
}
NO_RECEIVER = "azure/iot/hub/iothub_amqp_client.py sends messages to devices and receives nothing"
SERVICE_NOT_OFFERED = {
    ("python", "file notifications"): NO_RECEIVER,
    ("java", "many identities in one call"): "com/microsoft/azure/sdk/iot/service/registry/RegistryClient.java adds, "
                                            "updates and removes one at a time",
}
WORST_FIRST = ("not ok", "skipped", "not offered", "ok")
WORDS = {"ok": "passed", "not ok": "failed", "skipped": "skipped", "not offered": "-", None: "missing"}

HEAD = """# Compatibility

What unmodified clients do against azimuth, one test for each cell, and below the tables [what differs from
Azure](#differences-from-azure). `-`: that client does not offer it over that transport; the number leads to
where the client says so. Made by `tests/conformance/compatibility.py` from the results of `./dev conformance`; the
versions of the clients are in the lock files beside it.
"""
MEANINGS = """What the words mean:

* C2D: a message to the device, which settles it so; the sender hears of it.
* file upload: the client asks where to put a file, and says that it is there; a service is told.
* SAS renewal: the first token ends while the client is connected. Over AMQP the client puts another on
  the live connection, over MQTT it comes back with another: before the end, or when the hub cuts.
* restart: the server is killed and started again, and the client goes on without being told.
* Provisioning: the device registers, connects over the same transport, sends, and sees its initial twin.
* TPM: a device has a TPM in software (swtpm). The client for Python has no such attestation.
"""

SERVICES_HEAD = """## Services

The SDKs for programs beside the hub. A cell has passed when all cases of it have that the suite asks of
that SDK.
"""


class Matrix:
    """What one client does: {(capability, transport): case}, the worst of all runs."""

    def __init__(self, cases, group):
        self.rows, self.cells = ROWS.get(group, CAPABILITIES), {}
        for case in cases:
            if case["group"] == group and case["name"].count(": ") >= 2:
                _, transport, capability = case["name"].split(": ", 2)
                known = self.cells.get((capability, transport), case)
                self.cells[capability, transport] = min(known, case, key=lambda one: WORST_FIRST.index(one["state"]))

    def state(self, capability, transport):
        return self.cells.get((capability, transport), {"state": None})["state"]

    def missing(self):
        return [f"{t}: {c}" for c in self.rows for t in TRANSPORTS if self.state(c, t) is None]

    def reasons(self):
        """Why cells are not offered, each once, in the order of the table."""
        return list(dict.fromkeys(self.cells[c, t]["detail"] for c in self.rows for t in TRANSPORTS
                                  if self.state(c, t) == "not offered"))

    def cell(self, capability, transport, reasons=()):
        word = WORDS[self.state(capability, transport)]
        why = self.cells.get((capability, transport), {}).get("detail")
        return f"- {reasons.index(why) + 1}" if word == "-" and why in reasons else word


class Services:
    """What the SDKs of services do: {(row, client): state}."""

    def __init__(self, cases):
        self.cells = {(row, client): self._state(cases, row, client) for row in SERVICE_ROWS for client in SERVICES.values()}

    @staticmethod
    def _state(cases, row, client):
        if (client, row) in SERVICE_NOT_OFFERED:
            return "not offered"
        group, word = ("service", f": {row}") if client == "java" else SERVICE_ROWS[row]
        mine = [case for case in cases if case["group"] == f"{client} {group}"]
        states = [case["state"] for case in mine if word in case["name"] or case["state"] == "skipped"]
        return min(states, key=WORST_FIRST.index) if states else None

    def missing(self):
        return [f"{client}: {row}" for (row, client), state in self.cells.items() if state is None]

    def page(self):
        reasons = list(dict.fromkeys(SERVICE_NOT_OFFERED.values()))
        yield "| | " + " | ".join(SERVICES) + " |"
        yield "|---" * (len(SERVICES) + 1) + "|"
        for row in SERVICE_ROWS:
            words = [f"- {reasons.index(SERVICE_NOT_OFFERED[client, row]) + 1}" if (client, row) in SERVICE_NOT_OFFERED
                     else WORDS[self.cells[row, client]] for client in SERVICES.values()]
            yield f"| {row} | " + " | ".join(words) + " |"
        yield ""
        yield from (f"{number}. {why}" for number, why in enumerate(reasons, 1))
        yield ""


def matrices(cases):
    """[(client, matrix)] of the clients that ran."""
    all_of_them = [(client, Matrix(cases, group)) for group, client in CLIENTS.items()]
    return [(client, matrix) for client, matrix in all_of_them if matrix.cells]


def missing(cases):
    """The cells of clients that ran of which no case says anything."""
    return [f"{client}: {cell}" for client, matrix in matrices(cases) for cell in matrix.missing()]


def print_services(cases):
    services = Services(cases)
    print(f"\n{'services':28}" + "".join(f"{client:>12}" for client in SERVICES.values()))
    for row in SERVICE_ROWS:
        print(f"{row:28}" + "".join(f"{WORDS[services.cells[row, client]]:>12}" for client in SERVICES.values()))


def print_matrices(cases):
    for client, matrix in matrices(cases):
        print(f"\n{client.replace('`', '')}\n{'':18}" + "".join(f"{transport:>10}" for transport in TRANSPORTS))
        for capability in matrix.rows:
            print(f"{capability:18}" + "".join(f"{matrix.cell(capability, t):>10}" for t in TRANSPORTS))


def differences():
    """The part of the page that differences.toml makes. A test that is not there is an error."""
    rows = tomllib.loads(DIFFERENCES.read_text(encoding="utf-8"))["difference"]
    lines = [DIFFERENCES_HEAD, "", "What is not among them is meant to be as in Azure; where it is not, that is a bug.", "",
             "| | Azure | azimuth | because | shown by |", "|---|---|---|---|---|"]
    for row in rows:
        file, _, words = row["test"].partition(": ")
        if not words or words not in (ROOT / file).read_text(encoding="utf-8"):
            sys.exit(f"compatibility.py: {DIFFERENCES.name}: there is no '{words}' in {file}")
        lines.append(f"| {row['area']} | {row['azure']} | {row['here']} | {row['why']} | [{pathlib.Path(file).name}](../../{file}) |")
    return "\n".join(lines) + "\n"


def page(cases):
    lines = [HEAD]
    for client, matrix in matrices(cases):
        reasons = matrix.reasons()
        lines += [f"## {client}\n", "| | " + " | ".join(TRANSPORTS) + " |", "|---" * (len(TRANSPORTS) + 1) + "|"]
        lines += [f"| {c} | " + " | ".join(matrix.cell(c, t, reasons) for t in TRANSPORTS) + " |" for c in matrix.rows]
        lines += ["", *(f"{number}. {why}" for number, why in enumerate(reasons, 1)), ""]
    return "\n".join([*lines, MEANINGS, SERVICES_HEAD, *Services(cases).page(), differences()])


def stale(cases):
    """The first line of the page that is another than what these results of a whole run, all of them good, make of it."""
    made, kept = page(cases).splitlines(), PAGE.read_text(encoding="utf-8").splitlines()
    return next((now or was for now, was in itertools.zip_longest(made, kept) if now != was), None)


def main():
    if sys.argv[1:] == ["--differences"]:
        PAGE.write_text(PAGE.read_text(encoding="utf-8").partition(DIFFERENCES_HEAD)[0] + differences(), encoding="utf-8")
        return
    cases = json.loads(RESULTS.read_text())
    absent = [group for group in CLIENTS if not Matrix(cases, group).cells]
    absent += missing(cases) + Services(cases).missing()
    if absent:
        sys.exit(f"compatibility.py: {RESULTS} has no {', '.join(absent)}; run ./dev conformance")
    PAGE.write_text(page(cases), encoding="utf-8")
    print(f"{PAGE.relative_to(ROOT)} is written")


if __name__ == "__main__":
    main()
