#!/usr/bin/env python3
"""suite.py [--long] [WORDS]: one hub under a throttle, devices over each transport, and what it says of them."""
import http.client
import json
import pathlib
import re
import ssl
import subprocess
import sys
import tempfile
import time

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
sys.path.insert(0, str(ROOT / "tests" / "cli"))
from hub import WAIT_SECONDS, Group, Hub, Skipped, check  # noqa: E402

TOOLS = ROOT / "build" / "tools"
RULES = ROOT / "packaging" / "prometheus"
DASHBOARD = ROOT / "packaging" / "grafana" / "azimuth.json"
INGRESS = "azimuth_d2c_telemetry_ingress"
AZURE = ROOT / "tests" / "observe" / "azure_metrics.txt"
METRICS = ROOT / "docs" / "reference" / "metrics.md"
OURS = {"d2c.telemetry.ingress.allProtocol": {"t"}, "d2c.telemetry.ingress.success": {"t"}, "d2c.telemetry.ingress.sendThrottle": {"t"}}
ENDPOINTS = {f"azimuth_routing_{name}" for name in (  # of endpoints, once there are some
    "deliveries_total", "lag_seconds", "delivery_latency_milliseconds_total", "delivered_bytes_total")}
group = Group()


def promtool(*words, text=None):
    """Of Debian's package, unpacked and not installed: it would start a server."""
    program = TOOLS / "usr/bin/promtool"
    if not program.exists():
        TOOLS.mkdir(parents=True, exist_ok=True)
        fetched = subprocess.run(["apt-get", "download", "-qq", "prometheus"], cwd=TOOLS, capture_output=True, text=True, check=False)
        if fetched.returncode:
            raise Skipped(f"promtool cannot be had: {fetched.stderr.strip()[-200:]}")
        subprocess.run(["dpkg-deb", "-x", next(TOOLS.glob("prometheus_*.deb")), TOOLS], check=True)
    return subprocess.run([program, *map(str, words)], input=text, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False)


def series(hub):
    """{"name{labels}": value}, and the text."""
    text = hub.ask("GET", "/metrics", socket_path=True)[1]
    pairs = (line.rsplit(" ", 1) for line in text.splitlines() if not line.startswith("#"))
    return {name: int(value) for name, value in pairs}, text


def ingress(found, t):
    return {fate: found[f'{INGRESS}_{fate}_total{{t="{t}"}}'] for fate in ("allProtocol", "success", "sendThrottle", "refused")}


def azure_metrics():
    """{Azure's name: (ours, kind, dimensions)} of those that Azure has not given up."""
    rows = [line.split() for line in AZURE.read_text().splitlines() if not line.startswith("#")]
    return {name: (series_of(name, kind), kind, set(dimensions)) for name, kind, *dimensions in rows if kind != "gone"}


def series_of(name, kind):
    """As the documentation says that a name is made."""
    unit = {"bytes": "" if "bytes" in name.lower() else "_bytes", "latency": "_milliseconds"}.get(kind, "")
    return "azimuth_" + name.replace(".", "_") + unit + ("" if kind == "state" else "_total")


def dimensions_of(labels):
    return set(re.findall(r'(\w+)="', labels))


def check_sum(counts):
    check(counts["allProtocol"] == counts["success"] + counts["sendThrottle"] + counts["refused"], f"some have no outcome: {counts}")


def post(hub, body, device="d1", **headers):
    """A message over HTTPS, as a device."""
    token = hub.must("hub", "generate-sas-token", "-d", device, "--query", "sas", "-o", "tsv").out.strip()
    line = http.client.HTTPSConnection("localhost", hub.ready["https"], timeout=WAIT_SECONDS,
                                       context=ssl.create_default_context(cafile=hub.ca))
    line.request("POST", f"/devices/{device}/messages/events?api-version=2021-04-12", body=body,
                 headers={"Authorization": token} | headers)
    answer = line.getresponse()
    answer.read()
    line.close()
    return answer.status


def send(hub, *more):
    return hub.run("device", "send-d2c-message", "-d", "d1", "--da", "hello", "--timeout", 60, *more)


@group.case
def every_message_has_one_outcome_over_mqtt_and_https():
    with Hub("--throttle", "telemetry=6/d") as hub:
        hub.must("hub", "device-identity", "create", "-d", "d1")
        for _ in range(2):
            check(send(hub, "-p", "$.ct=text/plain;$.mid=m1").status == 0, "MQTT")
        check(post(hub, b"hello", **{"iothub-messageid": "m2"}) == 204, "HTTPS")
        check(post(hub, b"x" * 300_000) in (400, 413), "a message over 256 KiB is taken")
        check([post(hub, b"hello") for _ in range(5)][-1] == 429, "nothing is throttled")
        found, _ = series(hub)
        mqtt, https = ingress(found, "mqtt"), ingress(found, "https")
        check_sum(mqtt)
        check_sum(https)
        check(mqtt["success"] == 2 and https["sendThrottle"] >= 1 and https["refused"] <= 1, f"{mqtt} {https}")
        check(mqtt["success"] + https["success"] == found[f"{INGRESS}_total"], "the sum of all transports")
        properties = {key: value for key, value in found.items() if key.startswith("azimuth_d2c_telemetry_property_total") and value}
        check(properties == {'azimuth_d2c_telemetry_property_total{t="mqtt",property="ct"}': 2,
                             'azimuth_d2c_telemetry_property_total{t="mqtt",property="mid"}': 2,
                             'azimuth_d2c_telemetry_property_total{t="https",property="mid"}': 1}, str(properties))


@group.case
def messages_that_are_refused_are_in_the_resource_logs():
    with Hub("--throttle", "telemetry=2/d") as hub:
        hub.must("hub", "device-identity", "create", "-d", "d1")
        hub.must("monitor", "diagnostic-settings", "create", "-n", "s1", "--file", "true", "--logs",
                 '[{"category":"DeviceTelemetry"}]')
        check(429 in [post(hub, b"hello") for _ in range(6)], "nothing is throttled")
        log, end = hub.data / "diagnostics" / "s1.jsonl", time.monotonic() + WAIT_SECONDS
        while not (log.exists() and log.read_text().endswith("\n")) and time.monotonic() < end:
            time.sleep(0.1)
        record = json.loads(log.read_text().splitlines()[0])
        check((record["operationName"], record["level"], record["resultType"][:3]) == ("ingress", "Error", "429"), str(record))
        inner = json.loads(record["properties"])
        times = inner.pop("EventProcessedUtcTime"), inner.pop("partitionId")
        check(inner == {"deviceId": "d1", "protocol": "Http", "batching": "0", "messages": 1, "messageSizeInBytes": None,
                        "EventEnqueuedUtcTime": None} and all(isinstance(one, str) for one in times), str(record))


@group.case
def routes_say_what_became_of_messages_in_azures_words():
    with Hub() as hub:
        hub.must("hub", "device-identity", "create", "-d", "d1")
        hub.must("monitor", "diagnostic-settings", "create", "-n", "s1", "--file", "true", "--logs", '[{"category":"Routes"}]')
        hub.must("hub", "message-route", "create", "--rn", "r1", "-t", "DeviceMessages", "--en", "events", "-c", "$body.a = 1 AND b = 1")
        hub.must("hub", "message-route", "fallback", "set", "--enabled", "false")
        check([post(hub, b"hello") for _ in range(3)] == [204] * 3, "HTTPS")
        log, end = hub.data / "diagnostics" / "s1.jsonl", time.monotonic() + WAIT_SECONDS
        read = lambda: [json.loads(line) for line in log.read_text().splitlines(True) if line.endswith("\n")] if log.exists() else []  # noqa: E731
        while len(read()) < 3 and time.monotonic() < end:
            time.sleep(0.1)
        records = read()
        said = sorted((record["operationName"], record["level"], record["resultType"]) for record in records)
        check(said == [("orphanedMessage", "Information", ""), ("routeEvaluationError", "Error", "400103"),
                       ("undefinedRouteEvaluation", "Information", "")], str(said))
        for record in records:
            inner = json.loads(record["properties"])
            check(list(inner) == ["deviceId", "endpointName", "messageId", "details", "routeName", "statusCode"], str(inner))
            check(inner["deviceId"] == "d1" and inner["statusCode"] == ("400" if record["level"] == "Error" else None), str(inner))
        found, _ = series(hub)
        check(found["azimuth_d2c_telemetry_egress_orphaned_total"] == 3, "what is noted once is counted each time")


@group.case
def twins_methods_queries_and_jobs_count_as_in_azure():
    with Hub() as hub:
        hub.must("hub", "device-identity", "create", "-d", "d1")
        hub.must("hub", "device-twin", "show", "-d", "d1")
        hub.must("hub", "device-twin", "update", "-d", "d1", "--tags", '{"a":1}')
        hub.run("hub", "device-twin", "show", "-d", "nobody")
        hub.must("hub", "query", "-q", "SELECT * FROM devices")
        hub.run("hub", "query", "-q", "SELECT nonsense")
        hub.run("hub", "invoke-device-method", "-d", "d1", "--mn", "reboot")
        found, _ = series(hub)
        expected = {"c2d_twin_read_failure": 1, "c2d_twin_update_failure": 0, "twinQueries_success": 1, "twinQueries_failure": 1,
                    "c2d_methods_success": 0, "c2d_methods_failure": 1, "d2c_twin_read_success": 0}
        for name, value in expected.items():
            check(found[f"azimuth_{name}_total"] == value, f"{name}: {found[f'azimuth_{name}_total']}, not {value}")
        # An update with an etag of what was shown reads first.
        check(found["azimuth_c2d_twin_read_success_total"] >= 1 and found["azimuth_c2d_twin_update_success_total"] == 1, "twins")
        check(found["azimuth_c2d_twin_read_size_bytes_total"] > 100 and found["azimuth_twinQueries_resultSize_bytes_total"] > 100,
              "sizes")


@group.case
def devices_and_calls_about_jobs_are_counted():
    with Hub() as hub:
        total = lambda: series(hub)[0]["azimuth_totalDeviceCount"]  # noqa: E731
        for name in ("d1", "d2", "d1"):
            hub.run("hub", "device-identity", "create", "-d", name)
        hub.must("hub", "module-identity", "create", "-d", "d1", "-m", "m1")
        check(total() == 2, f"{total()} devices, not 2")
        hub.must("hub", "device-identity", "delete", "-d", "d2")
        hub.stop()
        hub.start()
        check(total() == 1, f"{total()} devices after a restart, not 1")
        job = ("hub", "job", "create", "--jt")
        hub.must(*job, "scheduleUpdateTwin", "--job-id", "j1", "-q", "*", "--twin-patch", '{"tags":{"a":3}}')
        hub.run(*job, "scheduleUpdateTwin", "--job-id", "j1", "-q", "*", "--twin-patch", '{"tags":{"a":3}}')
        hub.must("hub", "job", "show", "--job-id", "j1")
        hub.must("hub", "job", "list")
        found, _ = series(hub)
        counts = {key: value for key, value in found.items() if key.startswith("azimuth_jobs_calls_total") and value}
        expected = {('createTwinUpdateJob', 'success'): 1, ('createTwinUpdateJob', 'failure'): 1, ('listJobs', 'success'): 1,
                    ('queryJobs', 'success'): 1}
        for (op, result), value in expected.items():
            check(counts.get(f'azimuth_jobs_calls_total{{op="{op}",result="{result}"}}', 0) >= value, f"{op} {result}: {counts}")


@group.case
def what_an_endpoint_took_has_bytes_and_a_latency():
    with Hub() as hub:
        hub.must("hub", "device-identity", "create", "-d", "d1")
        hub.must("eventhub", "create", "-n", "orders", "-p", 1)
        hub.must("hub", "message-endpoint", "create", "eventhub", "--en", "e1", "--entity-path", "orders")
        hub.must("hub", "message-route", "create", "--rn", "r1", "-t", "DeviceMessages", "--en", "e1")
        check(send(hub).status == 0, "MQTT")
        end = time.monotonic() + WAIT_SECONDS
        taken = 'azimuth_routing_deliveries_total{endpoint="e1",result="success"}'
        while series(hub)[0].get(taken, 0) == 0 and time.monotonic() < end:
            time.sleep(0.1)
        found, _ = series(hub)
        check(found.get(taken) == 1, f"nothing was delivered: {found.get(taken)}")
        check(found['azimuth_routing_delivered_bytes_total{endpoint="e1"}'] > 5, "bytes")
        check(0 <= found['azimuth_routing_delivery_latency_milliseconds_total{endpoint="e1"}'] < 30000, "latency")


@group.case
def every_metric_of_azure_is_there_with_its_dimensions():
    with Hub() as hub:
        _, text = series(hub)
    azure = azure_metrics()
    types = dict(re.findall(r"^# TYPE (\S+) (\w+)$", text, flags=re.MULTILINE))
    for name, (ours, kind, dimensions) in azure.items():
        check(types.get(ours) == ("gauge" if kind == "state" else "counter"), f"{name}: {ours} is {types.get(ours, 'not there')}")
        for labels in re.findall(rf"^{ours}(\{{.*\}})? \d+$", text, flags=re.MULTILINE):
            # What no route took went to no endpoint.
            expected = (dimensions | OURS.get(name, set())) - ({"EndpointType", "EndpointName"} if '"orphaned"' in labels else set())
            check(dimensions_of(labels) == expected, f"{name}: {labels} instead of {sorted(expected)}")
    page = METRICS.read_text()
    missing = [ours for ours, _, _ in azure.values() if ours not in page]
    check(not missing, f"{METRICS.name} does not have {missing}")
    return f"{len(azure)} metrics"


@group.case
def what_happens_is_counted_under_azures_names():
    with Hub() as hub:
        hub.must("hub", "device-identity", "create", "-d", "d1")
        hub.must("eventhub", "create", "-n", "orders", "-p", 1)
        hub.must("hub", "message-endpoint", "create", "eventhub", "--en", "e1", "--entity-path", "orders")
        hub.must("hub", "message-route", "create", "--rn", "r1", "-t", "DeviceMessages", "--en", "e1", "-c", "kind = 'order'")
        check(send(hub, "-p", "kind=order").status == 0 and send(hub).status == 0, "MQTT")
        for verb in ("complete", "reject", "abandon"):
            hub.must("device", "c2d-message", "send", "-d", "d1", "--data", "hello")
            hub.must("device", "c2d-message", verb, "-d", "d1", "-e",
                     hub.must("device", "c2d-message", "receive", "-d", "d1").json()["etag"])
        hub.must("hub", "configuration", "create", "-c", "c1", "--content", '{"deviceContent":{"properties.desired.a":1}}', "--tc", "*")
        hub.must("hub", "configuration", "show", "-c", "c1")
        job = ("hub", "job", "create", "--job-id", "j1", "--jt", "scheduleUpdateTwin", "-q", "*", "--twin-patch", '{"tags":{"a":3}}')
        hub.must(*job)
        hub.run(*job)
        end = time.monotonic() + WAIT_SECONDS
        while series(hub)[0]["azimuth_d2c_telemetry_egress_success_total"] < 2 and time.monotonic() < end:
            time.sleep(0.1)
        found, _ = series(hub)
    source = 'RoutingSource="Device Messages"'
    arrived = f'azimuth_RoutingDeliveries_total{{Result="success",FailureReasonCategory="null",{source},EndpointType='
    exactly = {"azimuth_d2c_telemetry_egress_success_total": 2, "azimuth_d2c_endpoints_egress_builtIn_events_total": 1,
               "azimuth_d2c_endpoints_egress_eventHubs_total": 1, "azimuth_d2c_endpoints_egress_storage_total": 0,
               f'{arrived}"builtin",EndpointName="events"}}': 1, f'{arrived}"eventHubs",EndpointName="e1"}}': 1,
               "azimuth_c2d_commands_egress_complete_success_total": 1, "azimuth_c2d_commands_egress_reject_success_total": 1,
               "azimuth_c2d_commands_egress_abandon_success_total": 1, "azimuth_C2DMessagesExpired_total": 0,
               "azimuth_jobs_createTwinUpdateJob_success_total": 1, "azimuth_jobs_createTwinUpdateJob_failure_total": 1,
               "azimuth_connectedDeviceCount": 0, "azimuth_totalDeviceCount": 1,
               "azimuth_deviceDataUsage_bytes_total": found["azimuth_deviceDataUsageV2_bytes_total"],
               "azimuth_dailyMessageQuotaUsed": found["azimuth_daily_message_quota_used"]}
    for name, value in exactly.items():
        check(found.get(name) == value, f"{name} is {found.get(name)}, not {value}")
    # Two messages of the device, three to it.
    least = {"azimuth_configurations_total": 2, "azimuth_deviceDataUsage_bytes_total": 5 * len("hello"),
             f'azimuth_RoutingDataSizeInBytesDelivered_total{{{source},EndpointType="eventHubs",EndpointName="e1"}}': 5,
             f'azimuth_RoutingDataSizeInBytesDelivered_total{{{source},EndpointType="builtin",EndpointName="events"}}': 5}
    for name, value in least.items():
        check(found.get(name, 0) >= value, f"{name} is {found.get(name)}, below {value}")
    check(0 <= found["azimuth_d2c_endpoints_latency_builtIn_events_milliseconds_total"] < 30000, "latency")


@group.case
def every_series_that_the_documentation_the_alerts_and_the_dashboard_name_is_there():
    with Hub() as hub:
        found, text = series(hub)
    known = {name.split("{")[0] for name in found} | ENDPOINTS
    for file in (METRICS, RULES / "azimuth-alerts.yaml", RULES / "azimuth-alerts-test.yaml", DASHBOARD):
        named = set(re.findall(r"azimuth_[a-zA-Z0-9_]+[a-zA-Z0-9]", file.read_text()))
        check(named <= known, f"{file.name} names {sorted(named - known)}")
    said = promtool("check", "metrics", text=text)
    wrong = [line for line in said.stdout.splitlines() if "camelCase" not in line and "base unit" not in line]
    check(not wrong, "; ".join(wrong))
    return f"{len(known)} names"


@group.case
def alerts_fire_when_they_should_and_not_otherwise():
    for words in (("check", "rules", RULES / "azimuth-alerts.yaml"), ("test", "rules", RULES / "azimuth-alerts-test.yaml"),
                  ("check", "config", "--syntax-only", RULES / "prometheus.yaml")):
        said = promtool(*words)
        check(said.returncode == 0, said.stdout)
    named = re.findall(r"- alert: (\S+)", (RULES / "azimuth-alerts.yaml").read_text())
    tested = re.findall(r"alertname: (\S+)\n +exp_alerts:", (RULES / "azimuth-alerts-test.yaml").read_text())
    check(set(named) == set(tested), f"not seen to fire: {sorted(set(named) ^ set(tested))}")
    return f"{len(named)} alerts"


# What somebody may spoil in one rule, beside what can be done to all of them at once.
SPOILT = {"AzimuthManyRefused": ((r"> 0", "> 3"), (r"> 0", ">= 0"), (r"\[5m\]", "[15m]"), (r", cause\)", ")"), (r"instance, ", ""),
                                 (r"refusal_alerts_total", "refusals_total"), (r"increase\((.*)\[5m\]\)", r"\1"),
                                 (r"severity: warning", "severity: info"))}


def with_each_question(text, changed):
    """The rules, where each asks something else."""
    return re.sub(r"expr: *\|?(.*?)(?=\n +(?:for|labels):)", lambda found: f"expr: {changed(' '.join(found[1].split()))}", text, flags=re.DOTALL)


@group.case
def the_test_of_the_alerts_fails_with_any_rule_that_is_broken():
    text = (RULES / "azimuth-alerts.yaml").read_text()
    named = re.findall(r"- alert: (\S+)", text)
    spoilt = [(named, "none ever fires", with_each_question(text, lambda asked: f"({asked}) and on() vector(0) > 1")),
              (named, "each always fires", with_each_question(text, lambda asked: f"({asked}) or vector(1)"))]
    for name, changes in SPOILT.items():
        rule = re.search(rf"- alert: {name}\n.*?(?=\n +- alert: |\Z)", text, re.DOTALL)[0]
        for old, new in changes:
            check(re.search(old, rule), f"{name} has no '{old}'")
            spoilt.append(([name], f"'{old}' is '{new}'", text.replace(rule, re.sub(old, new, rule, count=1))))
    with tempfile.TemporaryDirectory(prefix="azm-alerts-") as folder:
        tests = [pathlib.Path(folder) / str(number) / "azimuth-alerts-test.yaml" for number, _ in enumerate(spoilt)]
        for test, (_, _, rules) in zip(tests, spoilt):
            test.parent.mkdir()
            test.symlink_to(RULES / test.name)
            test.with_name("azimuth-alerts.yaml").write_text(rules)
        good = promtool("check", "rules", *(test.with_name("azimuth-alerts.yaml") for test in tests))
        check(good.returncode == 0, f"these are no rules: {good.stdout[-2000:]}")
        results = re.split(r"^Unit Testing: +", promtool("test", "rules", *tests).stdout, flags=re.MULTILINE)[1:]
        check(len(results) == len(tests), f"{len(results)} results of {len(tests)}: {results}")
        for result, (names, what, _) in zip(results, spoilt):
            failed = re.findall(r"alertname: ?(\w+)", result)
            check(set(names) <= set(failed), f"{what}, and nobody notices {sorted(set(names) - set(failed))}: {result}")
    return f"{len(spoilt)} mistakes"


@group.case
def the_dashboard_asks_what_prometheus_understands():
    dashboard = json.loads(DASHBOARD.read_text())
    panels = [panel for panel in dashboard["panels"] if panel["type"] != "row"]
    asked = [target["expr"] for panel in panels for target in panel["targets"]]
    rules = {"groups": [{"name": "dashboard", "rules": [
        {"record": f"panel_{n}", "expr": expr.replace("$__rate_interval", "5m").replace("$instance", ".*")}
        for n, expr in enumerate(asked)]}]}
    file = ROOT / "build" / "tools" / "dashboard.yaml"
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(json.dumps(rules))
    said = promtool("check", "rules", file)
    check(said.returncode == 0, said.stdout)
    ids = [panel["id"] for panel in dashboard["panels"]]
    check(len(ids) == len(set(ids)), "two panels have one id")
    for panel in panels:
        check(panel["datasource"]["uid"] == "${datasource}", f"'{panel['title']}' has a data source of its own")
        place = panel["gridPos"]
        check(place["x"] + place["w"] <= 24, f"'{panel['title']}' is too wide")
    return f"{len(panels)} panels, {len(asked)} questions"


def main():
    counts = group.run(" ".join(word for word in sys.argv[1:] if word != "--long"))
    print(f"\n{counts['ok']} passed, {counts['not ok']} failed" + (f", {counts['skipped']} skipped" if counts["skipped"] else ""))
    return 1 if counts["not ok"] else 0


if __name__ == "__main__":
    sys.exit(main())
