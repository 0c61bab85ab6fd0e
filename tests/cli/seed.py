"""seed.py - --seed FILE: devices that are there before anybody asks."""
import base64
import contextlib
import hashlib
import hmac
import json
import pathlib
import re
import subprocess
import tempfile
import time
import urllib.parse

from hub import WAIT_SECONDS, Group, Hub, azimuth, check, stand_in

group = Group()
KEYS = ("MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY=", "ZmVkY2JhOTg3NjU0MzIxMGZlZGNiYTk4NzY1NDMyMTA=")
SEED = f"""\
devices:
  - sensor-1
  - deviceId: sensor-2
    status: disabled
    statusReason: on loan
    authentication:
      symmetricKey:
        primaryKey: {KEYS[0]}
        secondaryKey: {KEYS[1]}
    tags: {{site: north, floor: 3}}
    properties: {{desired: {{period: 10}}}}
"""


class File:
    def __init__(self, text):
        self.path = pathlib.Path(tempfile.mkdtemp(prefix="azm-seed-")) / "seed.yaml"
        self.path.write_text(text)

    def __enter__(self):
        return self.path

    def __exit__(self, *_):
        self.path.unlink()
        self.path.parent.rmdir()


@group.case
def devices_are_there_when_the_server_is_ready():
    with File(SEED) as seed, Hub("--seed", seed) as hub:
        rows = {row["deviceId"]: row for row in hub.must("hub", "device-identity", "list").json()}
        check(sorted(rows) == ["sensor-1", "sensor-2"], str(rows))
        lent = rows["sensor-2"]
        check((lent["status"], lent["statusReason"]) == ("disabled", "on loan"), str(lent))
        check(lent["authentication"]["symmetricKey"]["primaryKey"] == KEYS[0], str(lent))
        twin = hub.must("hub", "device-twin", "show", "-d", "sensor-2").json()
        check((twin["tags"], twin["properties"]["desired"]["period"]) == ({"site": "north", "floor": 3}, 10), str(twin))
        hub.must("diff", "-f", seed)
        hub.must("device", "send-d2c-message", "-d", "sensor-1", "--da", "hello")


@group.case
def what_is_there_stays_as_it_is():
    with File("devices: [a, b]\n") as seed, Hub("--seed", seed) as hub:
        before = hub.must("hub", "device-identity", "show", "-d", "a").json()
        hub.must("hub", "device-twin", "update", "-d", "a", "--tags", '{"mine": 1}')
        hub.stop()
        seed.write_text("devices: [{deviceId: a, status: disabled, tags: {site: north}}, {deviceId: b, tags: {site: north}}, c]\n")
        hub.start()
        check(hub.must("hub", "device-identity", "show", "-d", "a").json()["etag"] == before["etag"], "a was changed")
        check(len(hub.must("hub", "device-identity", "list").json()) == 3, "c was not made")
        tags = [hub.must("hub", "device-twin", "show", "-d", name).json()["tags"] for name in "ab"]
        check(tags == [{"mine": 1}, {"site": "north"}], str(tags))


@group.case
def resource_logs_go_where_the_seed_says():
    setting = "  - {name: audit, properties: {file: {sizeInBytes: 4096}, logs: [{category: Connections, enabled: true}]}}\n"
    with File(f"devices: [a]\ndiagnosticSettings:\n{setting}") as seed, Hub("--seed", seed) as hub:
        shown = hub.must("monitor", "diagnostic-settings", "show", "-n", "audit").json()["properties"]
        check(shown["file"] == {"sizeInBytes": 4096}, str(shown))
        hub.must("device", "send-d2c-message", "-d", "a", "--da", "hello")
        log, end = hub.data / "diagnostics" / "audit.jsonl", time.monotonic() + WAIT_SECONDS
        while time.monotonic() < end and not (log.exists() and re.search("deviceDisconnect.*\n", log.read_text())):
            time.sleep(0.1)
        names = [json.loads(line)["operationName"] for line in log.read_text().splitlines()]
        check(names[:2] == ["deviceConnect", "deviceDisconnect"], str(names))


def register(hub, key):
    """Status of a device that registers as r1 with that key."""
    resource, end = urllib.parse.quote(f"{hub.ready['idScope']}/registrations/r1", safe=""), int(time.time()) + 600
    signed = hmac.digest(base64.b64decode(key), f"{resource}\n{end}".encode(), hashlib.sha256)
    token = f"SharedAccessSignature sr={resource}&sig={urllib.parse.quote(base64.b64encode(signed), safe='')}&se={end}&skn=registration"
    return hub.ask("PUT", f"/{hub.ready['idScope']}/registrations/r1/register?api-version=2019-03-31", (("Authorization", token),),
                   f"https://localhost:{hub.ready['https']}", body='{"registrationId":"r1"}')[0]


@group.case
def provisioning_has_resource_logs_of_its_own():
    logs = "[{category: DeviceOperations, enabled: true}, {category: ServiceOperations, enabled: true}]"
    with File(f"diagnosticSettings:\n  - {{name: dps, properties: {{file: {{}}, logs: {logs}}}}}\n") as seed, Hub("--seed", seed) as hub:
        enrollment = ("dps", "enrollment")
        hub.must(*enrollment, "create", "--eid", "r1", "--at", "symmetricKey", "--pk", KEYS[0], "--sk", KEYS[1])
        check(hub.run(*enrollment, "show", "--eid", "nobody").status == 3, "there is an enrollment 'nobody'")
        hub.must(*enrollment, "list")
        check((register(hub, KEYS[0]), register(hub, base64.b64encode(bytes(32)))) == (202, 401), "another answer")
        log, end, wanted = hub.data / "diagnostics" / "dps.jsonl", time.monotonic() + WAIT_SECONDS, [
            ("Upsert", "Success", "", "r1", "IndividualEnrollment", "Http"), ("Get", "ClientError", "404", "nobody", "IndividualEnrollment", "Http"),
            ("Query", "Success", "", None, "IndividualEnrollment", "Http"), ("AttestationAttempt", "Success", "", "r1", "Registration", "Http"),
            ("AttestationAttempt", "ClientError", "401", "r1", "Registration", "Http")]
        found = []
        while time.monotonic() < end and len(found) < len(wanted):
            time.sleep(0.1)
            lines = log.read_text().splitlines(keepends=True) if log.exists() else []
            records = [json.loads(line) for line in lines if line.endswith("\n")]
            found = [(r["operationName"], r["resultType"], r["resultSignature"],
                      *(json.loads(r["properties"])[name] for name in ("id", "type", "protocol"))) for r in records]
        check(sorted(map(str, found)) == sorted(map(str, wanted)), str(found))
        check(records[-1]["callerIpAddress"].endswith("XXX") and "PROVISIONINGSERVICES" in records[-1]["resourceId"], str(records[-1]))
        check(records[0]["operationVersion"] and KEYS[0] not in log.read_text(), str(records[0]))
        hub.must("dps", "enrollment-group", "create", "--gid", "line-a")
        hub.must("dps", "enrollment-group", "revoke", "--gid", "line-a")  # not in Azure's words, and logged all the same


@group.case
def many_devices_take_little_time():
    text = "devices:\n" + "".join(f"  - d{i}\n" for i in range(10000))
    with File(text) as seed, Hub("--seed", seed) as hub:
        check(hub.must("hub", "device-identity", "show", "-d", "d9999").json()["deviceId"] == "d9999", "no d9999")
    with File(text + "  - d10000\n") as seed:
        done = azimuth("serve", "--ephemeral", "--seed", seed)
        check(done.status == 2 and ":10002: more than 10000 devices" in done.error, str(done))


@group.case
def a_bad_seed_starts_nothing():
    done = azimuth("serve", "--ephemeral", "--seed", "/nonexistent/seed.yaml")
    check(done.status == 2 and "--seed /nonexistent/seed.yaml: there is no such file" in done.error, str(done))
    rows = (("devices:\n  - deviceId: a\n    tags: {x: }\n", 2, "seed.yaml:3: x: a value was expected"),
            ("enrollments: [{deviceId: r}]\n", 2, "seed.yaml:1: registrationId is missing"),
            ("enrollmentGroups: [{enrollmentGroupId: g, attestation: {type: tpm}}]\n", 1, "seed.yaml:1: enrollment group 'g': "),
            ("devices:\n  - deviceId: a\n    key: x\n", 2, "seed.yaml:3: key: there is no such setting"),
            ("twins: []\n", 2, "seed.yaml:1: twins: tags and properties are said with each device"),
            ("eventHubs: [null]\n", 2, "seed.yaml:1: name is missing"), ("consumerGroups:\n  - ~\n", 2, "seed.yaml:2: a name was expected"),
            ("devices:\n  - deviceId: a\n    status: maybe\n", 1, "seed.yaml:2: device 'a': status must be"))
    for text, status, words in rows:
        with File(text) as seed:
            done = azimuth("serve", "--ephemeral", "--mqtt-port", 0, "--amqp-port", 0, "--https-port", 0, "--console",
                           "off", "--seed", seed)
            check(done.status == status and words in done.error and done.out == "", str(done))


@group.case
def event_hubs_groups_a_capture_and_routes_are_there_when_the_server_is_ready():
    text = """\
eventHubs:
  - name: alarms
    partitionCount: 2
    consumerGroups: [readers]
consumerGroups: [dashboard]
capture: {enabled: true, destination: {name: Azimuth.Folder}}
routing:
  endpoints:
    eventHubs: [{name: to-alarms, endpointUri: sb://localhost/, entityPath: alarms}]
  routes: [{name: all, source: DeviceMessages, endpointNames: [to-alarms]}]
"""
    with File(text) as seed, Hub("--seed", seed) as hub:
        [made] = hub.must("eventhub", "list").json()
        check(made["name"] == "alarms" and made["properties"]["partitionCount"] == 2, str(made))
        groups = [row["name"] for row in hub.must("hub", "consumer-group", "list", "--event-hub-name", "alarms").json()]
        check("readers" in groups, str(groups))
        groups = [row["name"] for row in hub.must("hub", "consumer-group", "list").json()]
        check("dashboard" in groups, str(groups))
        check(len(hub.must("hub", "capture", "list").json()) == 1, "no capture")
        check(hub.must("hub", "message-endpoint", "show", "--en", "to-alarms").json()["entityPath"] == "alarms", "no endpoint")


CONFIGURED = """\
devices: [{deviceId: a, tags: {site: north}}]
configurations:
  - id: fast
    targetCondition: tags.site = 'north'
    priority: 10
    labels: {floor: 3}
    content: {deviceContent: {properties.desired.period: 1}}
    metrics: {queries: {all: SELECT deviceId FROM devices}}
    schemaVersion: 2.0
"""


@group.case
def configurations_are_there_when_the_server_is_ready():
    with File(CONFIGURED) as seed, Hub("--seed", seed) as hub:
        made = hub.must("hub", "configuration", "show", "-c", "fast").json()
        check((made["priority"], made["labels"], made["schemaVersion"]) == (10, {"floor": "3"}, "2.0"), str(made))
        end = time.monotonic() + WAIT_SECONDS
        while "period" not in hub.must("hub", "device-twin", "show", "-d", "a").json()["properties"]["desired"]:
            check(time.monotonic() < end, "it is not applied")
            time.sleep(0.1)
        check(rows(hub.run("diff", "-f", seed)) == [], "a seed is something else")
        hub.must("hub", "configuration", "update", "-c", "fast", "--pri", 5)
        hub.stop()
        hub.start()
        check(hub.must("hub", "configuration", "show", "-c", "fast").json()["priority"] == 5, "what is there was changed")
        check(rows(hub.run("diff", "-f", seed), 1) == [("changed", "configuration", "fast", "priority")], "another difference")
        check(rows(hub.run("apply", "-f", seed)) == [("changed", "configuration", "fast", "priority")], "another change")
        check(rows(hub.run("apply", "-f", seed)) == [], "a second time something changes")
        seed.write_text(seed.read_text().replace("period: 1", "period: 2"))
        check(rows(hub.run("diff", "-f", seed), 1)[0][:3] == ("changed", "configuration", "fast"), "no difference")
        done = hub.run("apply", "-f", seed)
        check(done.status == 6 and "seed.yaml:3: configuration 'fast' has another content, which is fixed" in done.error, str(done))
        hub.must("hub", "configuration", "delete", "-c", "fast")
        check(rows(hub.run("apply", "-f", seed)) == [("added", "configuration", "fast", None)], "not added")
    for text, status, words in (("configurations: [{content: {}}]\n", 2, "seed.yaml:1: id is missing"),
                                ("configurations:\n  - {id: a, content: {}, colour: red}\n", 2, "seed.yaml:2: colour: there is no such setting"),
                                ("configurations:\n  - {id: a}\n  - {id: a}\n", 2, "seed.yaml:3: configuration 'a' is there already on line 2"),
                                ("configurations: [{id: a, content: {}}]\n", 1, "seed.yaml:1: configuration 'a': ")):
        with File(text) as seed:
            done = azimuth("serve", "--ephemeral", "--mqtt-port", 0, "--amqp-port", 0, "--https-port", 0, "--console", "off", "--seed", seed)
            check(done.status == status and words in done.error, str(done))


WHOLE = """\
devices:
  - a
  - {deviceId: b, statusReason: 48, authentication: {symmetricKey: {primaryKey: %s, secondaryKey: %s}}}
eventHubs:
  - name: orders
    capture:
      destination:
        blobContainer: kept
        connectionString: BlobEndpoint=http://127.0.0.1:1/kept;AccountName=kept;AccountKey=%s
  - name: alarms
    partitionCount: 2
    retentionTimeInHours: 48
    retentionSizeInBytes: 0
    consumerGroups: [readers]
    capture: {enabled: true, encoding: avro, destination: {name: Azimuth.Folder, folder: x}}
consumerGroups: [dashboard]
capture: {enabled: true, destination: {name: Azimuth.Folder}}
diagnosticSettings:
  - {name: audit, properties: {file: {}, logs: [{category: Connections, enabled: true}]}}
routing:
  endpoints:
    eventHubs: [{name: to-alarms, entityPath: alarms}]
  routes: [{name: all, source: DeviceMessages, condition: true, endpointNames: [to-alarms]}]
""" % (*KEYS, KEYS[0])
THINGS = [("device", "a"), ("device", "b"), ("eventHub", "orders"), ("capture", "orders"), ("eventHub", "alarms"), ("consumerGroup", "readers"),
          ("capture", "alarms"), ("consumerGroup", "dashboard"), ("capture", "azimuth"), ("diagnosticSetting", "audit")]


def rows(done, status=0):
    check(done.status == status, str(done))
    return [(row["change"], row["what"], row["name"], row.get("member")) for row in done.json()]


@group.case
def a_file_is_applied_once_and_changes_nothing_the_second_time():
    with File(WHOLE) as file, Hub() as hub:
        differs = rows(hub.run("diff", "-f", file), 1)
        check(differs[:len(THINGS)] == [("added", *thing, None) for thing in THINGS], str(differs))
        check(("added", "route", "all", None) in differs[len(THINGS):], str(differs))
        check(rows(hub.run("apply", "-f", file, "--dry-run")) == differs, "--dry-run says something else")
        check(hub.must("hub", "device-identity", "list").json() == [], "--dry-run made something")
        check(rows(hub.run("apply", "-f", file)) == differs, "apply says something else")
        made = hub.must("hub", "device-identity", "show", "-d", "b").json()
        check((made["statusReason"], made["authentication"]["symmetricKey"]["secondaryKey"]) == ("48", KEYS[1]), str(made))
        for again in (hub.run("apply", "-f", file), hub.run("diff", "-f", file)):
            check(rows(again) == [], str(again))
        check(rows(azimuth("diff", "-f", file, *hub.remote())) == [], "from elsewhere")
        done = azimuth("apply", "-f", "-", "--data", hub.data, given=file.read_text() + "twins: []\n")
        check(done.status == 2 and "standard input:24: twins: tags and properties are said with each device" in done.error, str(done))
        check(rows(azimuth("apply", "-f", "-", "--data", hub.data, given="devices: [a, piped]")) == [("added", "device", "piped", None)], "-")
        with Hub("--seed", file) as other:  # what a seed has made is as the same file says
            check(rows(other.run("diff", "-f", file)) == [], "a seed is something else")


@group.case
def what_differs_from_a_file_is_changed_and_what_it_does_not_name_stays():
    with File(WHOLE) as file, Hub() as hub:
        hub.must("apply", "-f", file)
        hub.must("hub", "device-identity", "create", "-d", "mine")
        by_key = "authentication: {symmetricKey: {primaryKey: %s, secondaryKey: %s}}" % KEYS
        hub.must("hub", "device-identity", "update", "-d", "a", "--status", "disabled")
        hub.must("hub", "capture", "create", "--event-hub-name", "alarms", "--folder", "x", "--capture-interval", 90)
        for old, new in (("  - a\n", "  - {deviceId: a, status: enabled, capabilities: {iotEdge: true}}\n"), ("Hours: 48", "Hours: 24"),
                         (by_key, f"status: Enabled, authentication: {{x509Thumbprint: {{primaryThumbprint: {'A' * 40}}}}}"),
                         ("folder: x", "folder: y"), ("file: {}", "file: {sizeInBytes: 4096}"), ("condition: true", "condition: \"a = 'b'\"")):
            file.write_text(file.read_text().replace(old, new))
        changes = rows(hub.run("apply", "-f", file))
        check(changes == [("changed", "device", "a", "status"),
                          ("changed", "device", "b", "authentication.x509Thumbprint.primaryThumbprint"), ("changed", "eventHub", "alarms", "retentionTimeInHours"),
                          ("changed", "capture", "alarms", "destination.properties.folder"),
                          ("changed", "diagnosticSetting", "audit", "file"), ("changed", "route", "all", None)], str(changes))
        check(rows(hub.run("diff", "-f", file)) == [], "a second time something changes")
        shown = hub.must("hub", "device-identity", "show", "-d", "a").json()
        captured = hub.must("hub", "capture", "show", "--event-hub-name", "alarms").json()["captureDescription"]
        check(captured["intervalInSeconds"] == 90, f"what the file does not name of a capture has changed: {captured}")
        proof = hub.must("hub", "device-identity", "show", "-d", "b").json()["authentication"]
        check(proof["type"] == "selfSigned" and proof["symmetricKey"]["primaryKey"] is None, str(proof))
        check(shown["status"] == "enabled" and shown["capabilities"]["iotEdge"], str(shown))
        check(len(hub.must("hub", "device-identity", "list").json()) == 3, "what the file does not name is gone")
        file.write_text(file.read_text().replace("Count: 2", "Count: 3"))
        done = hub.run("diff", "-f", file)
        check(rows(done, 1) == [("changed", "eventHub", "alarms", "partitionCount")], str(done))
        check(f"1 thing is not as {file} says: 'azimuth apply -f {file}' makes it so" in done.error, str(done))
        file.write_text(file.read_text().replace("  - {deviceId: a,", "  - new\n  - {deviceId: a,"))
        done = hub.run("apply", "-f", file)
        check(rows(done, 6) == [("added", "device", "new", None)], "what was done before the error is not shown")
        check("seed.yaml:11: event hub 'alarms' has 2 partitions" in done.error, str(done))


def certificate(name):
    """The base64 of a new certificate of that name."""
    with tempfile.TemporaryDirectory(prefix="azm-seed-") as work:
        subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-keyout", f"{work}/key", "-out",
                        f"{work}/der", "-outform", "DER", "-days", "2", "-subj", f"/CN={name}"], check=True, capture_output=True)
        return base64.b64encode(pathlib.Path(f"{work}/der").read_bytes()).decode()


PROVISIONED = """\
devices:
  - a
  - {deviceId: b, tags: {site: north, floor: 3, at: {hall: "3", lines: [1, 2]}, none: {}}, properties: {desired: {period: 10}}}
enrollments:
  - plain
  - registrationId: keyed
    deviceId: d-48
    provisioningStatus: disabled
    attestation: {type: symmetricKey, symmetricKey: {primaryKey: %s, secondaryKey: %s}}
    initialTwin: {tags: {name: 5}, properties: {desired: {period: 10}}}
  - {registrationId: signed, attestation: {type: x509, x509: {clientCertificates: {primary: {certificate: %s}}}}}
enrollmentGroups:
  - enrollmentGroupId: line
    attestation: {type: symmetricKey, symmetricKey: {primaryKey: %s, secondaryKey: %s}}
    reprovisionPolicy: {updateHubAssignment: true, migrateDeviceData: false}
    allocationPolicy: hashed
"""


@group.case
def tags_and_enrollments_are_applied_and_what_the_file_does_not_name_stays():
    one = certificate("signed")
    text = PROVISIONED % (*KEYS, one, *KEYS)
    with File(text) as file, Hub() as hub:
        made = [("added", what, name, None) for what, name in (("device", "a"), ("device", "b"), ("enrollment", "plain"), ("enrollment", "keyed"),
                                                               ("enrollment", "signed"), ("enrollmentGroup", "line"))]
        check(rows(hub.run("diff", "-f", file), 1) == made, "diff")
        check(rows(hub.run("apply", "-f", file, "--dry-run")) == made and hub.must("dps", "enrollment", "list").json() == [], "--dry-run")
        check(rows(hub.run("apply", "-f", file)) == made, "apply says something else")
        for verb in ("apply", "diff"):
            check(rows(hub.run(verb, "-f", file)) == [], f"{verb}: a second time something changes")
        tags = hub.must("hub", "device-twin", "show", "-d", "b").json()["tags"]
        check((tags["floor"], tags["at"]) == (3, {"hall": "3", "lines": [1, 2]}), str(tags))
        keyed = hub.must("dps", "enrollment", "show", "--eid", "keyed", "--show-keys").json()
        check((keyed["attestation"]["symmetricKey"]["primaryKey"], keyed["initialTwin"]["tags"]) == (KEYS[0], {"name": 5}), str(keyed))
        hub.must("hub", "device-twin", "update", "-d", "b", "--tags", '{"mine": 1}', "--desired", '{"period": 20}')
        done = hub.run("diff", "-f", file)
        check(rows(done, 1) == [("changed", "device", "b", "properties.desired.period")], str(done))
        hub.must("dps", "enrollment", "create", "--eid", "mine")
        hub.must("dps", "enrollment", "update", "--eid", "signed", "--ps", "disabled")
        for old, new in (("site: north", "site: south"), ("provisioningStatus: disabled", "provisioningStatus: Enabled"), (one, certificate("signed")),
                         ("migrateDeviceData: false", "migrateDeviceData: true"), ("  - a\n", "  - {deviceId: a, status: disabled, tags: {site: east}}\n")):
            file.write_text(file.read_text().replace(old, new))
        changed = [("changed", "device", "a", "status"), ("changed", "device", "b", "tags.site"), ("changed", "enrollment", "keyed", "provisioningStatus"),
                   ("changed", "enrollment", "signed", "attestation.x509.clientCertificates.primary.info.sha256Thumbprint"),
                   ("changed", "enrollmentGroup", "line", "reprovisionPolicy.migrateDeviceData")]
        for done in (hub.run("diff", "-f", file), hub.run("apply", "-f", file)):
            check(rows(done, done.status) == changed, str(done))
        check(rows(hub.run("diff", "-f", file)) == [], "a second time something changes")
        twin = [hub.must("hub", "device-twin", "show", "-d", name).json()["tags"] for name in "ab"]
        check((twin[0], twin[1]["mine"], twin[1]["site"]) == ({"site": "east"}, 1, "south"), str(twin))
        signed, group_ = (hub.must("dps", kind, "show", "--eid", name, "--show-keys").json() for kind, name in (("enrollment", "signed"), ("enrollment-group", "line")))
        check(signed["provisioningStatus"] == "disabled", "what the file does not name of an enrollment has changed")
        check(group_["attestation"]["symmetricKey"]["secondaryKey"] == KEYS[1], str(group_))
        check(len(hub.must("dps", "enrollment", "list").json()) == 4, "what the file does not name is gone")
        file.write_text("enrollments:\n  - {registrationId: signed, attestation: {type: symmetricKey, symmetricKey: {primaryKey: %s}}}\n" % KEYS[1])
        check(rows(hub.run("apply", "-f", file)) == [("changed", "enrollment", "signed", "attestation.type")], "another proof")
        check(rows(hub.run("diff", "-f", file)) == [], "another proof, a second time")
    with File(text) as file, Hub("--seed", file) as hub:
        check(rows(hub.run("diff", "-f", file)) == [], "a seed is something else")


@group.case
def a_bad_file_is_not_applied():
    devices = "devices:\n" + "".join(f"  - d{i}\n" for i in range(10001))
    with Hub() as hub:
        for text, status, words in (
                ("devices:\n  - a\n  - {deviceId: b, tags: {x: }}\n", 2, "seed.yaml:3: x: a tag has a value"),
                ("devices:\n  - a\n  - {deviceId: b, tags: 1}\n", 2, "seed.yaml:3: tags: names and values were expected"),
                ("devices: [a]\nenrollments: [r, r]\n", 2, "seed.yaml:2: this enrollment is there already"),
                ("devices: [a]\nenrollments:\n  - {registrationId: r, attestation: {kind: x}}\n", 2, "seed.yaml:3: kind: there is no such setting of an enrollment"),
                ("devices: [a]\nenrollments:\n  - {registrationId: r, attestation: {type: x509, x509: {clientCertificates: {primary: {certificate: x}}}}}\n",
                 2, "seed.yaml:3: "),
                ("devices: [a]\nenrollmentGroups: [{enrollmentGroupId: g, deviceId: x}]\n", 2, "seed.yaml:2: deviceId: there is no such setting of an enrollment group"),
                ("devices: [a]\nenrollmentGroups: [{enrollmentGroupId: g, attestation: {type: tpm}}]\n", 1, "seed.yaml:2: localhost refused enrollment group 'g'"),
                ("twins: []\n", 2, "seed.yaml:1: twins: tags and properties are said with each device"),
                ("devices:\n  - {deviceId: a, key: x}\n", 2, "seed.yaml:2: key: there is no such setting"),
                ("devices:\n  - {deviceId: a, authentication: {kind: x}}\n", 2, "seed.yaml:2: kind: there is no such setting"),
                ("devices:\n  - {deviceId: a, status: maybe}\n", 1, "seed.yaml:2: localhost refused device 'a'"),
                ("devices: [null]\n", 2, "seed.yaml:1: it has no name"), ("devices: [{deviceId: }]\n", 2, "seed.yaml:1: it has no name"),
                ("devices: [a, a]\n", 2, "seed.yaml:1: this device is there already"),
                ("eventHubs: [{name: a, partitions: 2}]\n", 2, "seed.yaml:1: partitions: there is no such setting"),
                ("routing: {routes: [{name: a}]}\n", 1, "seed.yaml:1: localhost refused routing"),
                ("- a\n", 2, "seed.yaml:1: the file is no map of sections"),
                ("a: [\n", 2, "seed.yaml:")):
            with File(text) as file:
                done = hub.run("apply", "-f", file)
                check(done.status == status and words in done.error, str(done))
        with File(devices) as file:
            done = hub.run("apply", "-f", file, "--dry-run", "--quiet")
            check(done.status == 2 and ":10002: there are more than 10000 devices" in done.error, str(done)[-300:])
    for size, status, words in ((8 << 20, 3, "no server runs"), ((8 << 20) + 1, 1, "standard input: more than 8 MiB")):
        done = azimuth("apply", "-f", "-", given="devices: [a]\n#".ljust(size))
        check(done.status == status and words in done.error, str(done)[-300:])
    missing = azimuth("apply", "-f", "/nonexistent")
    check(missing.status == 2 and "/nonexistent: there is no such file" in missing.error, str(missing))


@contextlib.contextmanager
def stranger(answers):
    """Something on a hub's socket that answers a method and path as `answers` has it, and all else with a page."""
    with tempfile.TemporaryDirectory(prefix="azm-stranger-") as data, \
            stand_in(data, lambda asked: answers.get(asked, "<html>")):
        yield data


@group.case
def an_answer_that_is_no_json_changes_nothing_quietly():
    routing = {"GET /admin/v1/hub": "{}", "GET /admin/v1/routing": '{"etag":"e"}'}
    may = {**routing, "PUT /admin/v1/routing?dryRun=true": '{"diff":[{"change":"added","what":"route","name":"r"}]}'}
    for answers, text, words in (
            ({}, "devices: [a]\n", ""), (routing, "devices: [a]\n", "seed.yaml:1: "),
            (routing, "eventHubs: [a]\n", "/admin/v1/event-hubs with nothing"),
            (routing, "routing: {routes: []}\n", "seed.yaml:1: "), (may, "routing: {routes: []}\n", "answered routing with nothing"),
            ({"GET /admin/v1/hub": "{}"}, "routing: {routes: []}\n", "/admin/v1/routing with nothing")):
        with stranger(answers) as data, File(text) as file:
            for verb in ("apply",) if answers is may else ("apply", "diff"):
                done = azimuth(verb, "-f", file, "--data", data)
                check(done.status == 1 and words in done.error, f"{answers}: {done}")
