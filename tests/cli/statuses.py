"""statuses.py - how each verb ends: 0 done, 1 failed, 2 usage, 3 not found, 4 refused, 5 timed out,
6 conflict. Scripts rely on it."""
import concurrent.futures
import contextlib
import json
import pathlib
import re
import signal
import socket
import subprocess
import tempfile
import threading
import time

import capture_file
from hub import AZIMUTH, BUILD, ROOT, WAIT_SECONDS, Group, Hub, azimuth, check, environment

group = Group()
DONE, FAILED, USAGE, NOT_FOUND, REFUSED, TIMED_OUT, CONFLICT = range(7)

FOLDER = tempfile.TemporaryDirectory(prefix="azm-ca-")
ROOT_PEM = pathlib.Path(FOLDER.name) / "root.pem"
IDENTITY = ("hub", "device-identity")
MODULE = ("hub", "module-identity")
OF_MODULE = ("-d", "{d}", "-m", "m1")
CERTIFICATE = ("hub", "certificate")
ROUTE, ENRICHMENT = ("hub", "message-route"), ("hub", "message-enrichment")
ENDPOINT = ("hub", "message-endpoint")
BUS = "Endpoint=sb://localhost:1/;SharedAccessKeyName=send;SharedAccessKey=a2V5;EntityPath=jobs"
ROUTING = pathlib.Path(FOLDER.name) / "routing.json"
ROUTING.write_text("{}")
CAPTURED = capture_file.write(pathlib.Path(FOLDER.name) / "events.avro", [capture_file.event(1, 1_750_000_000, "d1", "x")])
# What verbs read, also where nothing has written it before.
FLEET, STATE = (pathlib.Path(FOLDER.name) / name for name in ("fleet.txt", "state.json"))
FLEET.write_text("")
FLEET.with_name("configurations.txt").write_text("")
HUB_FILE = FLEET.with_name("hub.yaml")
HUB_FILE.write_text("devices: [applied]\n")
STATE.write_text('{"devices":{"d1":{"identity":{"deviceId":"d1"}}}}')
JOB = ("hub", "job")
SETTINGS = ("monitor", "diagnostic-settings")
LOGS = '[{"category":"Connections","enabled":true}]'
ROLLOUT = ("hub", "configuration")
DEPLOYMENT = ("edge", "deployment")
MANIFEST = '{"modulesContent":{"$edgeAgent":{"properties.desired":{"schemaVersion":"1.1"}}}}'
METRICS = '{"queries":{"m":"SELECT deviceId FROM devices"}}'
SOON = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(time.time() + 3600))
ENROLLMENT = ("dps", "enrollment")
LINE = ("dps", "enrollment-group")
LINKED = ("dps", "linked-hub")
DPS_CERTIFICATE = ("dps", "certificate")
ACCOUNT = "AccountEndpoint=https://localhost:1/;AccountKey=c29tZWJvZHkgZWxzZSdzIGtleSBvZiAzMiBieXRlcy4=;"
OTHER_HUB = "HostName=other.test;SharedAccessKeyName=iothubowner;SharedAccessKey=c29tZWJvZHkgZWxzZSdzIGtleSBvZiAzMiBieXRlcy4="
ENDPOINTS = (("cosmosdb-container", "c1"), ("eventhub", "e1"), ("kafka", "k1"), ("mqtt", "b1"), ("servicebus-queue", "q1"),
             ("servicebus-topic", "t1"), ("storage-container", "s1"), ("webhook", "w1"))
# Every verb that talks to a hub, in a form that works there; {d} is a device of the case.
CONNECTING = {
    "connection-string": ("connection-string", "-d", "{d}"),
    "env": ("env",),
    "apply": ("apply", "-f", HUB_FILE),
    "diff": ("diff", "-f", HUB_FILE),
    "device simulate": ("device", "simulate", "-d", "{d}", "--messages", 1, "--timeout", 20),
    "device send-d2c-message": ("device", "send-d2c-message", "-d", "{d}", "--da", "hello", "--timeout", 20),
    "device upload-file": ("device", "upload-file", "-d", "{d}", "--fp", ROUTING, "--ct", "application/json"),
    "hub device-identity export": (*IDENTITY, "export", "--file", FLEET, "--include-configurations"),
    "hub device-identity import": (*IDENTITY, "import", "--file", FLEET, "--include-configurations"),
    "hub state export": ("hub", "state", "export", "-f", STATE, "--replace"),
    "hub state import": ("hub", "state", "import", "-f", STATE),
    "import azure-state": ("import", "azure-state", STATE),
    "wait": ("wait", "-d", "{d}", "--disconnected", "--timeout", 60),
    "assert twin": ("assert", "twin", "connectionState == 'Disconnected'", "-d", "{d}"),
    "hub connection-string show": ("hub", "connection-string", "show"),
    "hub device-identity connection-string show": (*IDENTITY, "connection-string", "show", "-d", "{d}"),
    "hub device-twin list": ("hub", "device-twin", "list", "--top", 1),
    "hub device-identity show": (*IDENTITY, "show", "-d", "{d}"),
    "hub device-identity list": (*IDENTITY, "list"),
    "hub device-identity update": (*IDENTITY, "update", "-d", "{d}", "--status", "enabled"),
    "hub device-identity renew-key": (*IDENTITY, "renew-key", "-d", "{d}", "--key-type", "secondary"),
    "hub device-identity delete": (*IDENTITY, "delete", "-d", "{d}"),
    "hub device-identity create": (*IDENTITY, "create", "-d", "{d}", "--ee", "true"),
    "edge set-modules": ("edge", "set-modules", "-d", "{d}", "-k", MANIFEST),
    "edge devices create": ("edge", "devices", "create", "--device", "id=edge-top", "--device", "id=edge-low", "parent=edge-top"),
    "hub module-identity create": (*MODULE, "create", *OF_MODULE),
    "hub module-identity connection-string show": (*MODULE, "connection-string", "show", *OF_MODULE),
    "edge export-modules": ("edge", "export-modules", "-d", "{d}"),
    "hub module-identity show": (*MODULE, "show", *OF_MODULE),
    "hub module-identity list": (*MODULE, "list", "-d", "{d}"),
    "hub module-identity update": (*MODULE, "update", *OF_MODULE),
    "hub module-identity renew-key": (*MODULE, "renew-key", *OF_MODULE, "--key-type", "secondary"),
    "hub device-twin show": ("hub", "device-twin", "show", "-d", "{d}"),
    "hub device-twin update": ("hub", "device-twin", "update", "-d", "{d}", "--tags", '{"a":1}'),
    "hub device-twin replace": ("hub", "device-twin", "replace", "-d", "{d}", "--json", '{"tags":{"a":2}}'),
    "hub device-twin history": ("hub", "device-twin", "history", "-d", "{d}"),
    "hub device-twin undo": ("hub", "device-twin", "undo", "-d", "{d}", "--to-version", 3),
    "hub digital-twin show": ("hub", "digital-twin", "show", "-d", "{d}"),
    "hub digital-twin update": ("hub", "digital-twin", "update", "-d", "{d}", "--json-patch",
                                '[{"op":"add","path":"/a","value":1}]'),
    "hub module-twin show": ("hub", "module-twin", "show", *OF_MODULE),
    "hub module-twin update": ("hub", "module-twin", "update", *OF_MODULE, "--tags", '{"a":1}'),
    "hub module-twin replace": ("hub", "module-twin", "replace", *OF_MODULE, "--json", '{"tags":{"a":2}}'),
    "hub module-twin history": ("hub", "module-twin", "history", *OF_MODULE),
    "hub module-twin undo": ("hub", "module-twin", "undo", *OF_MODULE, "--to-version", 3),
    "hub module-identity delete": (*MODULE, "delete", *OF_MODULE),
    "hub job create": (*JOB, "create", "--job-id", "j1", "--jt", "scheduleUpdateTwin", "-q", "*", "--start-time",
                       SOON, "--twin-patch", '{"tags":{"a":3}}'),
    "hub job show": (*JOB, "show", "--job-id", "j1"),
    "hub job list": (*JOB, "list"),
    "hub job cancel": (*JOB, "cancel", "--job-id", "j1"),
    "hub configuration create": (*ROLLOUT, "create", "-c", "c1", "-m", METRICS, "-k",
                                 '{"deviceContent":{"properties.desired.a":1}}'),
    "hub configuration show": (*ROLLOUT, "show", "-c", "c1"),
    "hub configuration list": (*ROLLOUT, "list"),
    "hub configuration update": (*ROLLOUT, "update", "-c", "c1", "--pri", 5),
    "hub configuration show-metric": (*ROLLOUT, "show-metric", "-c", "c1", "-m", "m"),
    "hub configuration delete": (*ROLLOUT, "delete", "-c", "c1"),
    "edge deployment create": (*DEPLOYMENT, "create", "-d", "e1", "-k", MANIFEST),
    "edge deployment show": (*DEPLOYMENT, "show", "-d", "e1"),
    "edge deployment list": (*DEPLOYMENT, "list"),
    "edge deployment update": (*DEPLOYMENT, "update", "-d", "e1", "--lab", '{"a":"b"}'),
    "edge deployment show-metric": (*DEPLOYMENT, "show-metric", "-d", "e1", "-m", "appliedCount", "--mt", "system"),
    "edge deployment delete": (*DEPLOYMENT, "delete", "-d", "e1"),
    "device c2d-message send": ("device", "c2d-message", "send", "-d", "{d}", "--da", "hello"),
    "device c2d-message list": ("device", "c2d-message", "list", "-d", "{d}"),
    "device c2d-message delete": ("device", "c2d-message", "delete", "-d", "{d}", "-s", 1),
    "device c2d-message purge": ("device", "c2d-message", "purge", "-d", "{d}"),
    "device c2d-message receive": ("device", "c2d-message", "receive", "-d", "{d}"),
    "hub generate-sas-token": ("hub", "generate-sas-token", "-d", "{d}"),
    "hub consumer-group create": ("hub", "consumer-group", "create", "-n", "readers"),
    "hub consumer-group list": ("hub", "consumer-group", "list"),
    "hub consumer-group delete": ("hub", "consumer-group", "delete", "-n", "readers"),
    "hub saved-query create": ("hub", "saved-query", "create", "-n", "Line 4", "-q", "tags.line = '4'", "--columns", "tags.line"),
    "hub saved-query list": ("hub", "saved-query", "list"),
    "hub saved-query delete": ("hub", "saved-query", "delete", "-n", "Line 4"),
    "hub message-route create": (*ROUTE, "create", "--rn", "r1", "-t", "DeviceMessages", "--en", "events"),
    "hub message-route list": (*ROUTE, "list"),
    "hub message-route show": (*ROUTE, "show", "--rn", "r1"),
    "hub message-route update": (*ROUTE, "update", "--rn", "r1", "-c", "a = 'b'"),
    "hub message-route test": (*ROUTE, "test", "--rn", "r1", "--ap", '{"a":"b"}'),
    "hub message-route delete": (*ROUTE, "delete", "--rn", "r1"),
    "hub message-route fallback show": (*ROUTE, "fallback", "show"),
    "hub message-route fallback set": (*ROUTE, "fallback", "set", "-e", "true"),
    "hub message-enrichment create": (*ENRICHMENT, "create", "-k", "k1", "-v", "$iothubname", "-e", "events"),
    "hub message-enrichment list": (*ENRICHMENT, "list"),
    "hub message-enrichment update": (*ENRICHMENT, "update", "-k", "k1", "-v", "text"),
    "hub message-enrichment delete": (*ENRICHMENT, "delete", "-k", "k1"),
    "hub message-endpoint create cosmosdb-container": (*ENDPOINT, "create", "cosmosdb-container", "--en", "c1", "-c", ACCOUNT,
                                                       "--db", "plant", "--container", "telemetry"),
    "hub message-endpoint create kafka": (*ENDPOINT, "create", "kafka", "--en", "k1", "--bootstrap-servers", "localhost:1",
                                          "--topic", "telemetry"),
    "hub message-endpoint update cosmosdb-container": (*ENDPOINT, "update", "cosmosdb-container", "--en", "c1", "--db", "other"),
    "hub message-endpoint update kafka": (*ENDPOINT, "update", "kafka", "--en", "k1", "--topic", "other"),
    "hub message-endpoint create eventhub": (*ENDPOINT, "create", "eventhub", "--en", "e1", "--entity-path", "orders"),
    "hub message-endpoint create mqtt": (*ENDPOINT, "create", "mqtt", "--en", "b1", "--url", "mqtt://localhost:1"),
    "hub message-endpoint create storage-container": (*ENDPOINT, "create", "storage-container", "--en", "s1", "--folder", "cold",
                                                      "--batch-frequency", "60", "--chunk-size", "10"),
    "hub message-endpoint create webhook": (*ENDPOINT, "create", "webhook", "--en", "w1", "--endpoint-uri", "https://localhost:1/"),
    "hub message-endpoint update eventhub": (*ENDPOINT, "update", "eventhub", "--en", "e1", "--entity-path", "orders2"),
    "hub message-endpoint update mqtt": (*ENDPOINT, "update", "mqtt", "--en", "b1", "--envelope", "true"),
    "hub message-endpoint create servicebus-queue": (*ENDPOINT, "create", "servicebus-queue", "--en", "q1", "-c", BUS),
    "hub message-endpoint create servicebus-topic": (*ENDPOINT, "create", "servicebus-topic", "--en", "t1", "-c", BUS),
    "hub message-endpoint update servicebus-queue": (*ENDPOINT, "update", "servicebus-queue", "--en", "q1", "-c", BUS),
    "hub message-endpoint update servicebus-topic": (*ENDPOINT, "update", "servicebus-topic", "--en", "t1", "-c", BUS),
    "hub message-endpoint update storage-container": (*ENDPOINT, "update", "storage-container", "--en", "s1", "--ff",
                                                      "{iothub}/{partition}/{YYYY}/{MM}/{DD}/{HH}/{mm}.avro"),
    "hub message-endpoint update webhook": (*ENDPOINT, "update", "webhook", "--en", "w1", "--max-events-per-batch", "7"),
    "hub message-endpoint list": ("hub", "message-endpoint", "list"),
    "hub message-endpoint show": ("hub", "message-endpoint", "show", "--en", "events"),
    "hub routing show": ("hub", "routing", "show"),
    "hub routing apply": ("hub", "routing", "apply", "-f", ROUTING),
    "hub capture create": ("hub", "capture", "create", "--folder", "archive"),
    "hub capture list": ("hub", "capture", "list"),
    "hub capture show": ("hub", "capture", "show"),
    "hub capture delete": ("hub", "capture", "delete"),
    "monitor diagnostic-settings create": (*SETTINGS, "create", "-n", "s1", "--file", "true", "--logs", LOGS),
    "monitor diagnostic-settings update": (*SETTINGS, "update", "-n", "s1", "--file-size", 65536),
    "monitor diagnostic-settings show": (*SETTINGS, "show", "-n", "s1"),
    "monitor diagnostic-settings list": (*SETTINGS, "list"),
    "monitor diagnostic-settings categories list": (*SETTINGS, "categories", "list"),
    "monitor diagnostic-settings delete": (*SETTINGS, "delete", "-n", "s1"),
    "eventhub create": ("eventhub", "create", "-n", "orders", "-p", 2),
    "eventhub update": ("eventhub", "update", "-n", "orders", "--retention-time-in-hours", 2),
    "eventhub show": ("eventhub", "show", "-n", "orders"),
    "eventhub list": ("eventhub", "list"),
    "hub replay": ("hub", "replay", "--source", CAPTURED, "-n", "orders"),
    "eventhub delete": ("eventhub", "delete", "-n", "orders"),
    "hub certificate create": (*CERTIFICATE, "create", "-n", "root", "-p", ROOT_PEM),
    "hub certificate list": (*CERTIFICATE, "list"),
    "hub certificate show": (*CERTIFICATE, "show", "-n", "root"),
    "hub certificate generate-verification-code": (*CERTIFICATE, "generate-verification-code", "-n", "root"),
    "hub certificate verify": (*CERTIFICATE, "verify", "-n", "root", "-p", ROOT_PEM),
    "hub certificate delete": (*CERTIFICATE, "delete", "-n", "root"),
    "hub show-stats": ("hub", "show-stats"),
    "hub query": ("hub", "query", "-q", "SELECT * FROM devices"),
    "dps linked-hub create": (*LINKED, "create", "--cs", OTHER_HUB, "--aw", 2),
    "dps linked-hub list": (*LINKED, "list"),
    "dps linked-hub show": (*LINKED, "show", "--lh", "other.test"),
    "dps linked-hub update": (*LINKED, "update", "--lh", "other.test", "--aap", "false"),
    "dps linked-hub delete": (*LINKED, "delete", "--lh", "other.test"),
    "dps certificate create": (*DPS_CERTIFICATE, "create", "-n", "root", "-p", ROOT_PEM),
    "dps certificate list": (*DPS_CERTIFICATE, "list"),
    "dps certificate show": (*DPS_CERTIFICATE, "show", "-n", "root"),
    "dps certificate generate-verification-code": (*DPS_CERTIFICATE, "generate-verification-code", "-n", "root"),
    "dps certificate verify": (*DPS_CERTIFICATE, "verify", "-n", "root", "-p", ROOT_PEM),
    "dps certificate delete": (*DPS_CERTIFICATE, "delete", "-n", "root"),
    "dps attempt list": ("dps", "attempt", "list"),
    "dps enrollment create": (*ENROLLMENT, "create", "--eid", "e1", "--tags", '{"a":1}'),
    "dps enrollment show": (*ENROLLMENT, "show", "--eid", "e1", "--show-keys"),
    "dps enrollment list": (*ENROLLMENT, "list"),
    "dps enrollment update": (*ENROLLMENT, "update", "--eid", "e1", "--ps", "disabled"),
    "dps enrollment delete": (*ENROLLMENT, "delete", "--eid", "e1"),
    "dps enrollment-group create": (*LINE, "create", "--gid", "g1", "--cp", ROOT_PEM),
    "dps enrollment-group show": (*LINE, "show", "--gid", "g1"),
    "dps enrollment-group list": (*LINE, "list"),
    "dps enrollment-group update": (*LINE, "update", "--gid", "g1", "--rp", "never"),
    "dps enrollment-group registration list": (*LINE, "registration", "list", "--gid", "g1"),
    "dps enrollment-group revoke": (*LINE, "revoke", "--gid", "g1", "--disable-devices"),
    "dps registration list": ("dps", "registration", "list", "--gid", "g1"),
    "dps enrollment-group delete": (*LINE, "delete", "--gid", "g1"),
    "hub monitor-events": ("hub", "monitor-events", "--from", "beginning", "--count", 1, "--timeout", 20,
                           "--quiet"),
    "doctor": ("doctor",),
    "health": ("health",),
    "why": ("why", "{d}"),
    "devices": ("devices", "--flapping"),
    "route explain": ("route", "explain", "--device", "{d}", "--last"),
    "twin diff": ("twin", "diff", "{d}"),
}
# These wait for a device or its answer, or need an edge device, so nothing is there to end them with 0 in passing.
WAITING = {
    "backup create": ("backup", "create", "--to", pathlib.Path(FOLDER.name) / "backup"),
    "backup verify": ("backup", "verify", "--from", pathlib.Path(FOLDER.name) / "backup"),
    "backup restore": ("backup", "restore", "--from", pathlib.Path(FOLDER.name) / "backup"),
    "dps connection-string": ("dps", "connection-string"),  # told on the machine of the hub only
    "dps connection-string show": ("dps", "connection-string", "show"),  # likewise
    "hub device-identity parent show": (*IDENTITY, "parent", "show", "-d", "{d}"),
    "hub device-identity parent set": (*IDENTITY, "parent", "set", "-d", "{d}", "--pd", "edge"),
    "hub device-identity children list": (*IDENTITY, "children", "list", "-d", "{d}"),
    "hub device-identity children add": (*IDENTITY, "children", "add", "-d", "{d}", "--cl", "d2"),
    "hub device-identity children remove": (*IDENTITY, "children", "remove", "-d", "{d}", "--cl", "d2"),
    "hub invoke-device-method": ("hub", "invoke-device-method", "-d", "{d}", "--mn", "reboot"),
    "hub digital-twin invoke-command": ("hub", "digital-twin", "invoke-command", "-d", "{d}", "--cn", "reboot"),
    "hub invoke-module-method": ("hub", "invoke-module-method", *OF_MODULE, "--mn", "reboot"),
    **{f"device c2d-message {way}": ("device", "c2d-message", way, "-d", "{d}", "-e", "00112233-4455-6677-8899-aabbccddeeff")
       for way in ("complete", "abandon", "reject")},
    "hub monitor-feedback": ("hub", "monitor-feedback", "--timeout", 20),
    "hub state migrate": ("hub", "state", "migrate", "--ol", OTHER_HUB),
    "hub message-endpoint delete": ("hub", "message-endpoint", "delete", "--en", "nowhere"),
    **{f"dps registration {verb}": ("dps", "registration", verb, "--rid", "nobody") for verb in ("show", "delete")},
    **{f"dps {kind} registration {verb}": ("dps", kind, "registration", verb, "--rid", "nobody")
       for kind in ("enrollment", "enrollment-group") for verb in ("show", "delete")},
}
LOCAL = {f"completion {shell}": ("completion", shell) for shell in ("bash", "zsh", "fish")}
LOCAL["dps compute-device-key"] = ("dps", "compute-device-key", "--rid", "sn-007-888-abc-mac-a1-b2-c3-d4-e5-f6", "--key",
                                   "8isrFI1sGsIlvvFSSFRiMfCNzv21fjbE/+ah/lSh3lF8e2YG1Te7w1KpZhJFFXJrqYKi9yegxkqIChbqOS9Egw==")
LOCAL |= {  # in a home of their own
    "profile set": ("profile", "set", "lab", "--login", OTHER_HUB),
    "profile show": ("profile", "show", "lab"),
    "profile list": ("profile", "list"),
    "profile use": ("profile", "use", "lab"),
    "profile delete": ("profile", "delete", "lab"),
    "config check": ("config", "check"),
    "config show": ("config", "show"),
}
SOCKET = {  # asks the server of --data and no other
    "console link": ("console", "link"),
    "hub show-quota-metrics": ("hub", "show-quota-metrics"),
    "hub policy create": ("hub", "policy", "create", "-n", "panel", "--permissions", "RegistryRead", "ServiceConnect"),
    "hub policy list": ("hub", "policy", "list"),
    "hub policy show": ("hub", "policy", "show", "-n", "service"),
    "hub policy update": ("hub", "policy", "update", "-n", "panel", "--permissions", "RegistryRead"),
    "hub policy delete": ("hub", "policy", "delete", "-n", "panel"),
    "hub policy renew-key": ("hub", "policy", "renew-key", "-n", "service", "--rk", "secondary"),
    "user create": ("user", "create", "maria", "--role", "reader", "--password-stdin"),
    "user list": ("user", "list"),
    "user show": ("user", "show", "maria"),
    "user update": ("user", "update", "maria", "--role", "operator", "--disable"),
    "user set-password": ("user", "set-password", "-n", "MARIA", "--password-stdin"),
    "session list": ("session", "list"),
    "session end": ("session", "end", "1"),
    "user delete": ("user", "delete", "maria"),
}
PASSWORD = "a horse that is correct\n"
LOCAL["dps enrollment-group compute-device-key"] = ("dps", "enrollment-group", *LOCAL["dps compute-device-key"][1:])
ALONE = {"hub generate-sas-token", "hub connection-string show"}  # with a login they ask nobody
BAD_KEY = "c29tZWJvZHkgZWxzZSdzIGtleSBvZiAzMiBieXRlcy4="
SENTENCE = re.compile(r"^(azimuth|azm): \S.*\S\n\Z")


def issue(*words):
    """Makes a certificate in FOLDER."""
    subprocess.run([ROOT / "tests" / "conformance" / "issue", FOLDER.name, *words], check=True, capture_output=True)


issue("root", "A root", "self", "ca")


def try_all(run, device="d1"):
    """Every verb once, each with what the ones before have left."""
    for name in CONNECTING:
        words = words_of(name, device)
        if name == "doctor":  # judges the machine too
            continue
        if name.endswith(" certificate verify"):
            issue("proof", code, "root")
            words[-1] = ROOT_PEM.with_name("proof.pem")
        done = run(*words)
        check(done.status == DONE, str(done))
        if name.endswith(" certificate generate-verification-code"):
            code = done.json()["properties"]["verificationCode"]


def words_of(name, device="d1"):
    return [device if word == "{d}" else word for word in CONNECTING[name]]


def expect(done, status, *words):
    """The status, and an error that is one sentence with these words."""
    check(done.status == status, f"not {status}: {done}")
    if status != DONE:
        check(SENTENCE.match(done.error), f"not one sentence: {done}")
    for word in words:
        check(word in done.error, f"'{word}' is missing: {done}")


def expect_all(status, jobs, *words):
    """Side by side: some wait for their time to run out."""
    with concurrent.futures.ThreadPoolExecutor(len(jobs)) as pool:
        for done in [pool.submit(azimuth, *job) for job in jobs]:
            expect(done.result(), status, *words)


@group.case
def every_verb_of_the_help_is_in_this_table():
    listed = re.findall(r"^  (\S+(?: [a-z0-9-]+)*)  ", azimuth("--help").out, re.MULTILINE)
    known = {*CONNECTING, *WAITING, *LOCAL, *SOCKET, "docs", "serve", "dev"}
    check(set(listed) == known, f"the help lists {sorted(set(listed) ^ known)}")


@group.case
def status_0_when_it_is_done():
    with Hub() as hub:
        hub.must(*IDENTITY, "create", "-d", "d1")
        try_all(hub.run)
    for words in LOCAL.values():
        expect(azimuth(*words, HOME=FOLDER.name), DONE)


@group.case
def each_verb_takes_an_id_of_odd_characters():
    odd = "9-:.+%_#*?!(),=@;$'"  # all that Azure takes beside letters
    with Hub() as hub:
        hub.must(*IDENTITY, "create", "-d", odd)
        try_all(hub.run, odd)


@group.case
def who_may_ask_the_socket_alone():
    with Hub() as hub:
        secret = hub.must("console", "link").out.strip().partition("=")[2]
        check(hub.ask("POST", "/admin/v1/session", body=json.dumps({"token": secret}), url=hub.admin_url())[0] == 200, "nobody is let in")
        for words in SOCKET.values():
            expect(hub.run(*words, given=PASSWORD), DONE)
            expect(azimuth(*words, *hub.remote()), REFUSED, "--data")
            expect(azimuth(*words), NOT_FOUND, "no server runs on ./azimuth-data")
        expect(hub.run("hub", "policy", "show", "-n", "none"), NOT_FOUND, "none")
        expect(hub.run("hub", "policy", "renew-key", "-n", "none", "--rk", "primary"), NOT_FOUND, "none")
        expect(hub.run("hub", "policy", "renew-key", "-n", "service", "--rk", "third"), USAGE)
        panel = ("hub", "policy", "create", "-n", "panel", "--permissions")
        expect(hub.run(*panel, "RegistryRead", "Fly"), FAILED, "there is no right 'Fly': rights are RegistryRead,")
        expect(hub.run(*panel, "RegistryRead"), DONE)
        expect(hub.run(*panel, "RegistryRead"), CONFLICT, "policy 'panel' exists already")
        expect(hub.run(*panel[:4], "none"), USAGE, "--permissions")
        expect(hub.run(*panel[:4], "a b", *panel[5:], "RegistryRead"), FAILED, "1 to 64 characters")
        expect(hub.run("hub", "policy", "update", "-n", "none", *panel[5:], "RegistryRead"), NOT_FOUND, "none")
        expect(hub.run("hub", "policy", "delete", "-n", "none"), NOT_FOUND, "none")
        expect(hub.run("hub", "policy", "delete", "-n", "service"), FAILED, "cannot be deleted: ")
        expect(hub.run("session", "end", "1"), NOT_FOUND, "session '1'")
        expect(hub.run("session", "end"), USAGE, "--number")
        expect(hub.run("user", "show", "maria"), NOT_FOUND, "maria")
        maria = ("user", "create", "maria", "--password-stdin", "--role")
        expect(hub.run(*maria, "king", given=PASSWORD), FAILED, "role")
        expect(hub.run(*maria, "reader", given="short\n"), FAILED, "10 to 256")
        expect(hub.run(*maria, "reader"), USAGE, "no password was given")
        expect(hub.run(*maria, "reader", given="a" * 1024 + "\n"), FAILED, "10 to 256")
        expect(hub.run(*maria, "reader", given="a" * 1025 + "\n"), USAGE, "too long")
        alone = azimuth("--wait", AZIMUTH, *maria[:3], "--role", "reader", "--data", hub.data, program="setsid")
        expect(alone, USAGE, "--password-stdin")  # there is no terminal to ask on
        expect(hub.run(*maria, "reader", given=PASSWORD), DONE)
        expect(hub.run(*maria, "reader", given=PASSWORD), CONFLICT, "maria")
        expect(hub.run("user", "update", "maria"), USAGE, "--role")
        check(PASSWORD.strip() not in hub.log() and "what=create user=maria" in hub.log(), hub.log())
    with Hub("--console", "off") as hub:
        expect(hub.run(*SOCKET["console link"]), NOT_FOUND, "there is no console")


@group.case
def the_documentation_is_at_a_server_or_among_the_files_of_the_package():
    pages = pathlib.Path("/usr/share/doc/azimuth/html/index.html")
    with Hub() as hub:
        check(hub.must("docs").out == f"{hub.admin_url()}/console/docs/index.html\n", "another place")
        where = hub.must("docs", "c131").out.strip()
        check(where == f"{hub.admin_url()}/console/docs/reference/why.html#c131", where)
        check('<tr id="c131">' in hub.ask("GET", "/console/docs/reference/why.html", url=hub.admin_url())[1], "the page has no such row")
        expect(hub.run("docs", "C13"), USAGE, "'C13' is no cause")
    if pages.exists():
        check(azimuth("docs").out == f"file://{pages}\n", "the package's pages are not named")
    else:
        expect(azimuth("docs"), NOT_FOUND, "no server with a console runs here", "azimuth dev")


@group.case
def status_0_from_elsewhere_with_a_login():
    with Hub() as hub:
        hub.must(*IDENTITY, "create", "-d", "d1")
        remote = hub.remote()
        enroller = (*remote[2:], "--login", hub.login("provisioningserviceowner"))
        def enrolls(words):
            return words[0] == "dps" and "revoke" not in words and ("enrollment" in words[1] or "registration" in words[1])
        try_all(lambda *words: azimuth(*words, *(enroller if enrolls(words) else remote)))


@group.case
def status_0_for_help_on_every_level():
    for words in ([], ["hub"], ["hub", "device-identity"], *([*name.split()] for name in (*CONNECTING, *WAITING, *LOCAL)),
                  ["serve"], ["dev"]):
        done = azimuth(*words, "--help")
        check(done.status == DONE and done.out.startswith("usage: azimuth"), str(done))


@group.case
def status_1_when_nobody_answers():
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        port = closed.getsockname()[1]
        login = f"HostName=localhost;SharedAccessKeyName=iothubowner;SharedAccessKey={BAD_KEY}"
        where = ("--login", login, "--https-port", port, "--mqtt-port", port, "--amqp-port", port, "--admin-url",
                 f"https://localhost:{port}")
        asks = set(CONNECTING) - ALONE - {"doctor"}
        expect_all(FAILED, [(*words_of(name), *where) for name in asks])
        check(azimuth("doctor", *where).status == FAILED, "the doctor finds nothing wrong")


@group.case
def status_2_for_wrong_usage():
    for name in (*CONNECTING, *WAITING, *LOCAL, "serve", "dev"):
        expect(azimuth(*name.split(), "--no-such-option"), USAGE, "--no-such-option", "--help")
    for words in (["hub", "device-identity", "create"], ["hub", "device-identity", "show"],
                  ["hub", "device-identity", "delete"], ["hub", "consumer-group", "create"],
                  ["hub", "device-identity", "list", "-o", "xml"],
                  ["hub", "device-identity", "list", "--top", "0"], ["env", "--format", "xml"],
                  ["hub", "monitor-events", "--count", "x"], ["connection-string", "--digital-twins"],
                  ["connection-string", "--device-id", ""], ["connection-string", "--policy", ""], ["connection-string", "-d", "d1", "-m", ""],
                  ["connection-string", "--event-hub-name", ""], ["hub", "connection-string", "show", "--policy-name", ""],
                  ["dps", "connection-string", "--policy-name", ""],
                  ["hub", "device-identity", "list", "--query", "[?"], ["env", "--login", "nonsense"]):
        expect(azimuth(*words), USAGE)
    check(azimuth("no", "such", "verb").status == USAGE, "an unknown verb is fine")
    for words, said in ((("nothing",), "no verb 'nothing'; 'azimuth --help' lists"), (("hub", "nothing", "-d", "x"), "no verb 'hub nothing'; 'azimuth hub --help' lists"),
                        (("hub", "device-identity", "shw", "--data", "x"), "'azimuth hub device-identity --help' lists")):
        expect(azimuth(*words), USAGE, said)
    for group in ("hub", "dps enrollment", "profile"):
        done = azimuth(*group.split(), "--data", "x")
        check(done.status == USAGE and done.out == "" and done.error.startswith(
            f"azimuth: '--data' stands before a verb\nusage: azimuth {group} VERB"), str(done))
    for words, said in ((("dps", "enrollment", "create", "--eid", "x", "--at", "none"), "--attestation-type none: symmetricKey, x509 or tpm"),
                        (("dps", "enrollment", "create", "--eid", "x", "--ee", "perhaps"), "--edge-enabled is true or false"),
                        ((*IDENTITY, "import"), "either --file or --input-blob-container-uri"),
                        (("hub", "monitor-events", "--count", 0), "--count 0: a number of 1 or more")):
        with Hub() if "dps" in words else contextlib.nullcontext() as hub:
            expect(azimuth(*words, *(("--data", hub.data) if hub else ())), USAGE, said)
    check(azimuth().status == USAGE, "no verb is fine")


# Options that are numbers, and the most each may be; asked where no server is.
MOST = (("device c2d-message receive", "--lock-timeout", 300), ("eventhub create", "--partition-count", 256),
        ("eventhub create", "--retention-time-in-hours", 878400), ("hub configuration list", "--top", 1000),
        ("hub device-identity list", "--top", 1000), ("hub job list", "--top", 1000),
        ("hub job create", "--ttl", 2**31 - 1), ("hub job create", "--poll-duration", 30 * 86400),
        ("hub invoke-device-method", "--method-response-timeout", 3600), ("hub invoke-device-method", "--method-connect-timeout", 300),
        ("monitor diagnostic-settings create", "--file-size", 1 << 30), ("wait", "--timeout", 24 * 3600),
        ("hub capture create", "--capture-interval", 900), ("hub capture create", "--capture-size-limit", 524288000),
        ("hub message-endpoint create storage-container", "--batch-frequency", 720),
        ("hub message-endpoint create storage-container", "--chunk-size", 500),
        ("hub message-endpoint create webhook", "--max-events-per-batch", 5000),
        ("hub message-endpoint create webhook", "--preferred-batch-size-in-kilobytes", 1024),
        ("dps linked-hub create", "--allocation-weight", 1000), ("dps linked-hub create", "--latency-ms", 60000),
        ("hub digital-twin invoke-command", "--response-timeout", 3600), ("device c2d-message send", "--timeout", 3600))
# Likewise, and the least.
LEAST = (("device c2d-message receive", "--lock-timeout", 5), ("hub capture create", "--capture-interval", 60),
         ("hub capture create", "--capture-size-limit", 10485760), ("hub invoke-device-method", "--method-response-timeout", 5),
         ("hub invoke-module-method", "--method-response-timeout", 5), ("hub digital-twin invoke-command", "--response-timeout", 5),
         ("hub message-endpoint create storage-container", "--batch-frequency", 60),
         ("hub message-endpoint create storage-container", "--chunk-size", 10),
         ("hub message-endpoint create webhook", "--max-events-per-batch", 1), ("dps linked-hub create", "--allocation-weight", 1))
METHODS = (*JOB, "create", "--job-id", "j2", "--jt", "scheduleDeviceMethod", "-q", "*", "--mn", "reboot")


@group.case
def status_2_for_a_number_that_is_one_too_many():
    verbs = CONNECTING | WAITING
    jobs = [(*("d1" if word == "{d}" else word for word in verbs[verb]), option) for verb, option, _ in MOST]
    expect_all(NOT_FOUND, [(*job, most) for job, (_, _, most) in zip(jobs, MOST)], "no server runs")
    for job, (_, option, most) in zip(jobs, MOST):
        expect(azimuth(*job, most + 1), USAGE, f"{option} {most + 1}: a ", "was expected")


@group.case
def status_2_for_a_number_that_is_one_too_few():
    verbs = CONNECTING | WAITING
    for verb, option, least in LEAST:
        words = ["d1" if word == "{d}" else word for word in verbs[verb]]
        expect(azimuth(*words, option, least), NOT_FOUND, "no server runs")
        expect(azimuth(*words, option, least - 1), USAGE, f"{option} {least - 1}: a ", "was expected")


@group.case
def status_2_for_a_job_that_the_hub_would_refuse():
    for words, said in ((("--mrt", 4), "--method-response-timeout 4: a duration of 5 to 3600 s"),
                        (("--mrt", "61m"), "--method-response-timeout 61m: a duration of 5 to 3600 s"),
                        (("--mct", "301s"), "--method-connect-timeout 301s: a duration of 0 to 300 s"),
                        (("--mct", "2m", "--mrt", "1m"), "--method-connect-timeout 2m is longer than --method-response-timeout 1m"),
                        (("--mrt", "5500ms"), "--method-response-timeout 5500ms: whole seconds"),
                        (("--start-time", "tomorrow"), "--start-time tomorrow: a time such as"),
                        (("--start-time", "2999-01-01T00:00:00Z"), "at most 7 days ahead"),
                        (("--ttl", "soon"), "--ttl soon: a duration of 0 s or more"), (("--poll-interval", 0), "--poll-interval 0: a duration")):
        expect(azimuth(*METHODS, *words), USAGE, said)
    with Hub() as hub:
        for times in (("--mrt", 5), ("--mct", 60), ("--mct", "5m"), ("--mct", 5, "--mrt", 5)):
            hub.must(*METHODS[:4], f"j{times[1]}-{len(times)}", *METHODS[5:], *times, "--start-time", SOON)


# Options that say how long; asked where no server is.
DURATIONS = (("device simulate", "--timeout"), ("device simulate", "--duration"), ("device simulate", "--msg-interval"),
             ("device send-d2c-message", "--timeout"), ("device c2d-message send", "--timeout"), ("wait", "--timeout"),
             ("hub monitor-events", "--timeout"), ("hub monitor-feedback", "--timeout"), ("hub job create", "--ttl"),
             ("hub job create", "--poll-interval"), ("hub job create", "--poll-duration"), ("hub capture create", "--capture-interval"),
             ("hub generate-sas-token", "--duration"), ("hub replay", "--give-up-after"),
             ("hub invoke-device-method", "--method-response-timeout"), ("hub invoke-device-method", "--method-connect-timeout"),
             ("hub digital-twin invoke-command", "--response-timeout"), ("hub digital-twin invoke-command", "--connect-timeout"),
             ("hub message-endpoint create storage-container", "--batch-frequency"), ("device c2d-message receive", "--lock-timeout"))


@group.case
def durations_are_the_same_wherever_a_command_takes_one():
    verbs = CONNECTING | WAITING
    told = re.compile(r"^  --([a-z-]+)[^\n]* DURATION\b", re.M)
    listed = {(verb, f"--{option}") for verb in verbs for option in told.findall(azimuth(*verb.split(), "--help").out)}
    check(set(DURATIONS) <= listed, f"the help says something else of {set(DURATIONS) - listed}")
    for verb, option in DURATIONS:
        words = ["d1" if word == "{d}" else word for word in verbs[verb]]
        expect_all(NOT_FOUND, [(*words, option, value) for value in ("60", "60s", "1m", "1M", "2min", "60000ms", "1.5m")], "no server runs")
        for value in ("soon", "-5s", "5 s", "5x", "", "1h30m", "1e3"):
            expect(azimuth(*words, f"{option}={value}"), USAGE, f"{option} {value}: a duration of ", "30s, 5m or plain seconds")


@group.case
def examples_of_the_help_are_commands_as_they_are_typed():
    known = {*CONNECTING, *WAITING, *LOCAL, *SOCKET, "docs", "serve", "dev", "simulate", "query", "monitor-events"}
    for name in sorted({*CONNECTING, *WAITING, *LOCAL, *SOCKET, "docs"} - {"health"}):
        text = azimuth(*name.split(), "--help").out
        silent = re.findall(r"^  --[^\n]*\S(?: +\n|\n +\n)", text, re.M)
        check(not silent, f"{name}: nothing is said of {silent}")
        for example in re.findall(r"^    ((?:azimuth |[a-z-]+ .*-).*(?:\\\n.*)*)", text, re.M):
            check(example.startswith(("azimuth ", "az iot ", "eval ", "source <(", "press-1,")), f"{name}: '{example}'")
            if not example.startswith("azimuth "):
                continue
            words = re.split(r"\s+", example.replace("\\\n", " "))[1:]
            verb = max((v for v in known if words[:len(v.split())] == v.split()), key=len, default=None)
            check(verb, f"{name}: no verb in '{example}'")
            told = azimuth(*verb.split(), "--help").out
            for option in re.findall(r"(?<=\s)--?[a-z][a-z-]*(?=[\s=]|$)", re.sub(r"'[^']*'|\"[^\"]*\"", "''", example)):
                check(re.search(rf"(?:^  |, ){option}\b", told, re.M), f"{name}: '{verb}' has no {option}: '{example}'")


FILE_OPTION = re.compile(r"^  --([a-z-]+)(?:, --?[a-z-]+)* FILE\b", re.M)


@group.case
def status_2_for_a_file_that_is_not_there():
    found = 0
    for name in (*CONNECTING, *WAITING, *LOCAL, *SOCKET, "serve", "dev"):
        for option in FILE_OPTION.findall(azimuth(*name.split(), "--help").out):
            pair = [word for one in ("tls-cert", "tls-key") for word in (f"--{one}", "/nonexistent/file") if option.startswith("tls-")]
            expect(azimuth(*name.split(), *(pair or (f"--{option}", "/nonexistent/file"))), USAGE,
                   f"--{'tls-cert' if pair else option} /nonexistent/file: there is no such file")
            found += 1
            if name not in ("serve", "dev"):
                expect(azimuth(*name.split(), f"--{option}", "/usr"), USAGE, f"--{option} /usr: it is a folder")
    check(found > 100, f"only {found} options are files")


@group.case
def status_2_for_certificates_that_are_none():
    login = ("--login", OTHER_HUB)
    expect(azimuth("hub", "show-stats", *login, "--ca", "/etc/hostname"), USAGE, "--ca: /etc/hostname: there is no certificate in it")
    for variable in ("AZIMUTH_CA",):
        expect(azimuth("hub", "show-stats", *login, **{variable: "/nonexistent/ca.pem"}), USAGE,
               f"{variable}: /nonexistent/ca.pem: there is no such file")
    with tempfile.TemporaryDirectory(prefix="azm-home-") as home:
        path = pathlib.Path(home) / ".config" / "azimuth" / "config.yaml"
        path.parent.mkdir(parents=True)
        path.write_text(f"profiles:\n  lab: {{connection-string: '{OTHER_HUB}', ca: /nonexistent/ca.pem}}\n")
        expect(azimuth("hub", "show-stats", "--profile", "lab", HOME=home), USAGE, str(path), "/nonexistent/ca.pem: there is no such file")


@group.case
def status_3_when_it_is_not_there():
    asks = set(CONNECTING) - {"doctor"}
    expect_all(NOT_FOUND, [words_of(name) for name in asks], "no server runs on ./azimuth-data", "serve --data")
    # As in az, --data is the message of the verbs that send one.
    expect_all(NOT_FOUND, [(*words_of(name), "--data", "/nonexistent") for name in asks if not name.startswith("device ")],
               "no server runs on /nonexistent", "serve --data")
    with Hub() as hub:
        for name in ("connection-string", "hub device-identity show", "hub device-identity update",
                     "hub device-identity renew-key", "hub device-identity delete", "hub generate-sas-token"):
            expect(hub.run(*words_of(name, "nobody")), NOT_FOUND, "nobody")
        # MQTT says no more than that it is refused; the sentence says how to find out.
        expect(hub.run(*words_of("device send-d2c-message", "nobody")), REFUSED, "device-identity show -d nobody")
        expect(hub.run(*words_of("device send-d2c-message", "nobody")), REFUSED, "azimuth why nobody")
        expect(hub.run(*words_of("hub consumer-group delete")), NOT_FOUND, "readers")
        expect(hub.run(*words_of("hub saved-query delete")), NOT_FOUND, "Line 4")
        for verb in ("show", "update", "delete", "test"):
            expect(hub.run(*words_of(f"hub message-route {verb}")), NOT_FOUND, "r1")
        for verb in ("update", "delete"):
            expect(hub.run(*words_of(f"hub message-enrichment {verb}")), NOT_FOUND, "k1")
        for verb in ("show", "delete"):
            expect(hub.run("hub", "message-endpoint", verb, "--en", "nowhere"), NOT_FOUND, "nowhere")
        for kind, name in ENDPOINTS:
            expect(hub.run(*words_of(f"hub message-endpoint update {kind}")), NOT_FOUND, name)
        for verb in ("show", "update", "delete"):
            expect(hub.run(*words_of(f"eventhub {verb}")), NOT_FOUND, "orders")
        expect(hub.run("hub", "consumer-group", "list", "--event-hub-name", "orders"), NOT_FOUND, "no event hub 'orders'")
        expect(hub.run(*words_of("hub replay")), NOT_FOUND, "orders")
        for kind in ("enrollment", "enrollment-group"):
            for verb in ("show", "update", "delete"):
                expect(hub.run(*words_of(f"dps {kind} {verb}")), NOT_FOUND, "1")
            expect(hub.run(*WAITING[f"dps {kind} registration show"]), NOT_FOUND, "nobody")
        for verb in ("show", "generate-verification-code", "verify", "delete"):
            expect(hub.run(*words_of(f"hub certificate {verb}")), NOT_FOUND, "root")
        for verb in ("show", "update", "delete"):
            expect(hub.run(*words_of(f"dps linked-hub {verb}")), NOT_FOUND, "other.test")
        expect(hub.run("connection-string", "--policy", "nothing"), NOT_FOUND, "nothing")
        for verb in ("show", "delete"):
            expect(hub.run(*words_of(f"hub capture {verb}")), NOT_FOUND, "capture of 'azimuth'")
        expect(hub.run(*words_of("hub module-identity create", "nobody")), NOT_FOUND, "there is no device 'nobody'")
        expect(hub.run("twin", "diff", "nobody"), NOT_FOUND, "there is no device 'nobody'")
        expect(hub.run("hub", "consumer-group", "create", "-n", "a", "--event-hub-name", "orders"), NOT_FOUND, "no event hub 'orders'")
        for verb in ("wait", "assert twin", "hub device-identity connection-string show", "hub device-twin show", "hub device-twin update", "hub device-twin history", "hub device-twin undo", "hub digital-twin show", "hub digital-twin update",
                     "hub digital-twin invoke-command", "hub invoke-device-method"):
            words = [*(CONNECTING | WAITING)[verb]]
            expect(hub.run(*("nobody" if word == "{d}" else word for word in words)), NOT_FOUND, "nobody")
        expect(hub.run("hub", "monitor-events", "--cg", "nobody", "--count", 1, "--quiet"), NOT_FOUND, "nobody")


@group.case
def hierarchies_of_edge_devices():
    with Hub() as hub:
        for name, *more in (("edge", "--ee", "true"), ("low", "--ee", "true"), ("leaf",), ("other",)):
            hub.must(*IDENTITY, "create", "-d", name, *more)
        expect(hub.run(*IDENTITY, "parent", "show", "-d", "leaf"), NOT_FOUND, "leaf")
        expect(hub.run(*IDENTITY, "parent", "set", "-d", "leaf", "--pd", "other"), USAGE, "edge-enabled")
        hub.must(*IDENTITY, "parent", "set", "-d", "low", "--pd", "edge")
        hub.must(*IDENTITY, "children", "add", "-d", "low", "--cl", "leaf, other")
        expect(hub.run(*IDENTITY, "children", "add", "-d", "edge", "--cl", "leaf"), CONFLICT, "--force")
        check(hub.run(*IDENTITY, "parent", "show", "-d", "leaf").json()["deviceId"] == "low", "the leaf's parent")
        check(hub.run(*IDENTITY, "parent", "show", "-d", "low").json()["deviceId"] == "edge", "the edge device's parent")
        listed = hub.run(*IDENTITY, "children", "list", "-d", "low").json()
        check(sorted(child["deviceId"] for child in listed) == ["leaf", "other"], str(listed))
        hub.must(*IDENTITY, "children", "remove", "-d", "low", "--cl", "leaf")
        expect(hub.run(*IDENTITY, "children", "remove", "-d", "low", "--cl", "leaf"), NOT_FOUND, "leaf")
        hub.must(*IDENTITY, "children", "remove", "-d", "low", "--remove-all")
        check(hub.run(*IDENTITY, "children", "list", "-d", "low").json() == [], "nobody is left")


@group.case
def hierarchies_of_edge_devices_are_made_at_once():
    create = ("edge", "devices", "create")
    place = pathlib.Path(FOLDER.name)
    manifest, config = place / "top.json", place / "edges.yaml"
    manifest.write_text(MANIFEST)
    config.write_text("""\
configVersion: "1.0"
iotHub: {authenticationMethod: symmetricKey}
edgeDevices:
  - deviceId: plant
    edgeAgent: agent:1
    deployment: top.json
    children:
      - deviceId: line
        children: [{deviceId: cell}]
""")
    with Hub() as hub:
        def parent(child):
            return hub.must(*IDENTITY, "parent", "show", "-d", child).json()["deviceId"]
        made = hub.must(*create, "--device", "id=low", "parent=mid", "--device", "id=mid", "parent=top", "--device", "id=top",
                        f"deployment={manifest}").json()
        check([(row["deviceId"], row.get("parent"), row["capabilities"]["iotEdge"]) for row in made]
              == [("low", "mid", True), ("mid", "top", True), ("top", None, True)], str(made))
        check((parent("low"), parent("mid")) == ("mid", "top"), "another parent")
        modules = hub.must("edge", "export-modules", "-d", "top").json()["modulesContent"]
        check(modules["$edgeAgent"]["properties.desired"]["schemaVersion"] == "1.1", str(modules))
        done = hub.must(*create, "--cfg", config)
        piped = f"edgeDevices: [{{deviceId: piped, deployment: {manifest}}}]"
        check(azimuth(*create, "--cfg", "-", "--data", hub.data, given=piped).json()[0]["deviceId"] == "piped", "standard input")
        check("edges.yaml:5: edgeAgent is left out" in done.error and len(done.json()) == 3, str(done))
        check((parent("line"), parent("cell")) == ("plant", "line"), "another parent")
        hub.must(*create, "--device", "id=cell-2", "parent=line")
        check(parent("cell-2") == "line", "a parent that is there already")
        hub.must(*IDENTITY, "create", "-d", "leaf")
        for words, status, said in ((("--device", "id=new", "--device", "id=top"), CONFLICT, "'top' exists already"),
                                    (("--device", "id=new", "--device", "id=new2", "parent=leaf"), USAGE, "'leaf' is no edge device"),
                                    (("--device", "id=new", "--device", "id=new2", "parent=nobody"), NOT_FOUND, "nobody"),
                                    (("--device", "id=new", "parent=new2", "--device", "id=new2", "parent=new"), USAGE, "below itself"),
                                    (("--device", "id=new", "--device", "id=new"), USAGE, "twice"),
                                    (("--device", "parent=top"), USAGE, "no id"), (("--device", "id=new", "colour=red"), USAGE, "colour"),
                                    ((), USAGE, "--config-file"), (("--cfg", place / "nowhere"), USAGE, "no such file")):
            expect(hub.run(*create, *words), status, said)
        check("new" not in [row["deviceId"] for row in hub.must(*IDENTITY, "list").json()], "something was made")
        config.write_text("iotHub: {authenticationMethod: x509Certificate}\nedgeDevices: []\n")
        expect(hub.run(*create, "--cfg", config), USAGE, "--output-path")
        config.write_text("iotHub: {authenticationMethod: tpm}\nedgeDevices: []\n")
        expect(hub.run(*create, "--cfg", config), USAGE, "edges.yaml:1", "symmetricKey or x509Certificate")
    for count, status in ((1000, NOT_FOUND), (1001, USAGE)):
        config.write_text("edgeDevices:\n" + "".join(f"  - deviceId: e{n}\n" for n in range(count)))
        expect(azimuth(*create, "--cfg", config), status)


@group.case
def status_4_when_the_key_is_not_right():
    with Hub("--disable-login-limits") as hub:  # more failures than an address has before it is barred
        hub.must(*IDENTITY, "create", "-d", "d1")
        login = f"HostName=localhost;SharedAccessKeyName=iothubowner;SharedAccessKey={BAD_KEY}"
        where = (*hub.remote()[2:], "--login", login)
        asks = set(CONNECTING) - ALONE - {"doctor", "health"}  # which is public
        expect_all(REFUSED, [(*words_of(name), *where) for name in asks])
        device = f"HostName=localhost;DeviceId=d1;SharedAccessKey={BAD_KEY}"
        expect(azimuth("device", "send-d2c-message", "-d", "d1", "--da", "x", *hub.remote()[2:], "--login", device),
               REFUSED)
        reader = hub.login("service")
        expect(azimuth(*IDENTITY, "list", *hub.remote()[2:], "--login", reader), REFUSED, "service")


@group.case
def an_undo_leads_back():
    with Hub() as hub:
        hub.must(*IDENTITY, "create", "-d", "d1")
        for interval in (5, 6):
            hub.must("hub", "device-twin", "update", "-d", "d1", "--desired", json.dumps({"interval": interval}))
        history = hub.must("hub", "device-twin", "history", "-d", "d1").json()
        check([h["version"] for h in history] == [4, 3, 2], str(history))
        check(history[0]["by"] == "azimuth.sock" and history[0]["patch"] == {"properties": {"desired": {"interval": 6}}},
              str(history))
        undo = ("hub", "device-twin", "undo", "-d", "d1", "--to-version")
        check(hub.must(*undo, 3).json()["properties"]["desired"]["interval"] == 5, "not as it was")
        check(hub.must(*undo, 3).json()["version"] == 5, "written although it is as it was")
        check("interval" not in hub.must(*undo, 2).json()["properties"]["desired"], "not as it was at first")
        expect(hub.run(*undo, 1), NOT_FOUND, "version 1")


@group.case
def status_5_when_the_time_is_over():
    with Hub() as hub:
        expect(hub.run("hub", "monitor-events", "--count", 1, "--timeout", 1, "--quiet"), TIMED_OUT)
        hub.must(*IDENTITY, "create", "-d", "d1")
        expect(hub.run("wait", "-d", "d1", "--connected", "--timeout", 0), TIMED_OUT, "connectionState == 'Connected'")
        hub.must("wait", "-d", "d1", "--twin", "properties.desired", "--timeout", 0)
        hub.must("wait", "--device", "d1", "--disconnected", "--timeout", "1m")
        hub.must("assert", "twin", "deviceId == 'd1'", "--device", "d1")
        check(hub.must("why", "--registration-id", "d1", "-o", "json").out == hub.must("why", "d1", "-o", "json").out, "another answer")
        expect(hub.run("assert", "twin", "tags.a", "-d", "d1"), FAILED, "tags.a")
        hub.process.send_signal(signal.SIGSTOP)
        try:
            for words in (("wait", "-d", "d1", "--connected"), ("why", "--refused", "--watch")):
                done = hub.run(*words, "--timeout", 1)
                expect(done, TIMED_OUT, "did not answer in time")
                check(int(re.search(r"after (\d+) milliseconds", done.error)[1]) < 50_000, f"longer than was asked for: {done}")
        finally:
            hub.process.send_signal(signal.SIGCONT)
    with socket.socket() as silent:  # accepts and says nothing
        silent.bind(("127.0.0.1", 0))
        silent.listen(512)
        port = silent.getsockname()[1]
        login = f"HostName=localhost;SharedAccessKeyName=iothubowner;SharedAccessKey={BAD_KEY}"
        where = ("--login", login, "--https-port", port, "--mqtt-port", port, "--amqp-port", port, "--admin-url",
                 f"https://localhost:{port}")
        asks = set(CONNECTING) - ALONE - {"doctor", "hub monitor-events"}
        expect_all(TIMED_OUT, [(*words_of(name), *where) for name in asks])


@group.case
def messages_are_waited_for():
    with Hub() as hub, concurrent.futures.ThreadPoolExecutor(1) as pool:
        for device in ("d1", "d*"):
            hub.must(*IDENTITY, "create", "-d", device)
        hub.must("device", "send-d2c-message", "-d", "d1", "--mc", 3)
        hub.must("wait", "-d", "d1", "--messages", 3, "--from", "beginning", "--timeout", "60s")
        for seconds in (1, 10, 60):  # of which connecting is a part, which a busy machine may need all of
            done = hub.run("wait", "-d", "d1", "--messages", 4, "--from", "1h", "--timeout", seconds)
            if " 3 of 4 " in done.error:
                break
        expect(done, TIMED_OUT, f"within {seconds} s came 3 of 4 messages of 'd1': is it sending?")
        expect(hub.run("wait", "-d", "d*", "--messages", 1, "--from", "beginning", "--timeout", "1s"), TIMED_OUT, "0 of 1")
        expect(hub.run("wait", "-d", "d1", "-m", "m1", "--messages", 1, "--timeout", 1), NOT_FOUND, "m1")
        expect(hub.run("wait", "-d", "nobody", "--messages", 1), NOT_FOUND, "nobody")
        hub.must("hub", "message-endpoint", "create", "storage-container", "--en", "cold", "--folder", "cold")
        hub.must("hub", "message-route", "create", "--rn", "all", "-t", "DeviceMessages", "--en", "cold")
        waits = pool.submit(hub.run, "wait", "--device", "d1", "--messages", 2, "--timeout", "60s")
        end = time.monotonic() + 50
        while not waits.done() and time.monotonic() < end:  # the first ones may come before it has begun
            hub.must("device", "send-d2c-message", "-d", "d1", "--da", "routed away")
        expect(waits.result(), DONE)
        expect(azimuth("wait", "-d", "d1", "--messages", 2, *hub.remote(), "--from", "beginning"), DONE)
    expect(azimuth("wait", "-d", "d1", "--messages", 0), USAGE, "--messages 0: a number of 1 or more")
    expect(azimuth("wait", "-d", "d1", "--messages", 1, "--connected"), USAGE, "--messages says what for")
    expect(azimuth("wait", "-d", "d1", "--connected", "--from", "1m"), USAGE, "--from goes with --messages")
    expect(azimuth("wait", "--messages", 1), NOT_FOUND)


@contextlib.contextmanager
def held_back(port):
    """A way to the port on which nothing passes until `go`: who comes is told of by `came`."""
    came, go = threading.Event(), threading.Event()

    def carry(source, sink):
        with contextlib.suppress(OSError):
            while piece := source.recv(65536):
                sink.sendall(piece)
            sink.shutdown(socket.SHUT_WR)

    def serve():
        with contextlib.suppress(OSError), listener.accept()[0] as near:
            came.set()
            go.wait(WAIT_SECONDS)
            with socket.create_connection(("localhost", port)) as far:
                back = threading.Thread(target=carry, args=(far, near))
                back.start()
                carry(near, far)
                back.join()

    with socket.create_server(("127.0.0.1", 0)) as listener:
        thread = threading.Thread(target=serve)
        thread.start()
        try:
            yield listener.getsockname()[1], came, go
        finally:
            go.set()
            with contextlib.suppress(OSError):
                listener.shutdown(socket.SHUT_RDWR)  # nobody came
            thread.join()


@group.case
def a_message_that_comes_before_the_listener_does_is_waited_for():
    with Hub() as hub, concurrent.futures.ThreadPoolExecutor(1) as pool:
        hub.must(*IDENTITY, "create", "-d", "d1")
        hub.must("device", "send-d2c-message", "-d", "d1", "--da", "before the command")
        with held_back(hub.ready["amqp"]) as (port, came, go):
            where = ("--login", hub.login(), "--ca", hub.ca, "--https-port", hub.ready["https"], "--amqp-port", port)
            waits = pool.submit(azimuth, "wait", "-d", "d1", "--messages", 2, "--timeout", "60s", *where)
            check(came.wait(WAIT_SECONDS), "it does not ask for the port")
            hub.must("device", "send-d2c-message", "-d", "d1", "--mc", 2)
            go.set()
            expect(waits.result(), DONE)
        for words in ((), ("--from", "latest")):
            expect(hub.run("wait", "-d", "d1", "--messages", 1, "--timeout", "1s", *words), TIMED_OUT, "0 of 1")


@group.case
def a_hub_that_takes_no_message_is_not_asked_without_end():
    def hang_up(listener):
        with contextlib.suppress(OSError):  # until it is closed
            while True:
                with listener.accept()[0] as line:
                    line.recv(4096)
                    line.sendall(b"\x20\x02\x00\x00")  # CONNACK 0
                    line.recv(4096)

    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen(8)
        threading.Thread(target=hang_up, args=(listener,), daemon=True).start()
        where = ("--plain", "--mqtt-port", listener.getsockname()[1], "--login", OTHER_HUB.replace("other.test", "127.0.0.1"))
        simulate = ("device", "simulate", "--existing", *where, "-d")
        expect(azimuth(*simulate, "d1", "--messages", 1, "--timeout", 2, "--quiet"), TIMED_OUT)
        expect(azimuth(*simulate, "a+b", "--messages", 1, "--quiet"), FAILED, "percent-encoded")
        expect(azimuth("device", "send-d2c-message", *where, "-d", "a#b", "--quiet"), FAILED, "percent-encoded")
        listener.shutdown(socket.SHUT_RDWR)


@group.case
def status_6_when_somebody_was_faster():
    with Hub() as hub:
        hub.must(*IDENTITY, "create", "-d", "d1")
        expect(hub.run(*words_of("hub device-identity create")), CONFLICT, "d1")
        for name in ("hub device-identity update", "hub device-identity renew-key", "hub device-identity delete"):
            expect(hub.run(*words_of(name), "--etag", "AAAAAAAAAAA="), CONFLICT, "etag")
        for kind in ("enrollment", "enrollment-group"):
            hub.must(*words_of(f"dps {kind} create"))
            expect(hub.run(*words_of(f"dps {kind} create")), CONFLICT, "1")
            for verb in ("update", "delete"):
                expect(hub.run(*words_of(f"dps {kind} {verb}"), "--etag", "AAAAAAAAAAA="), CONFLICT, "etag")
        hub.must(*words_of("dps linked-hub create"))
        expect(hub.run(*words_of("dps linked-hub create")), CONFLICT, "other.test")
        for verb in ("update", "delete"):
            expect(hub.run(*words_of(f"dps linked-hub {verb}"), "--etag", "AAAAAAAAAAA="), CONFLICT, "etag")
        for kind, name in (("message-route", "r1"), ("message-enrichment", "k1")):
            hub.must(*words_of(f"hub {kind} create"))
            expect(hub.run(*words_of(f"hub {kind} create")), CONFLICT, name)
        for kind, name in ENDPOINTS:
            hub.must(*words_of(f"hub message-endpoint create {kind}"))
            expect(hub.run(*words_of(f"hub message-endpoint create {kind}")), CONFLICT, name)
        expect(hub.run(*words_of("hub routing apply"), "--etag", "AAAAAAAAAAA="), CONFLICT, "etag")
        hub.must(*words_of("hub certificate create"))
        for verb in ("create", "generate-verification-code", "verify", "delete"):
            expect(hub.run(*words_of(f"hub certificate {verb}"), "--etag", "AAAAAAAAAAA="), CONFLICT, "etag")


@group.case
def what_is_full_is_no_question_of_rights():
    routes = [{"name": f"r{n}", "source": "DeviceMessages", "endpointNames": ["events"], "isEnabled": True} for n in range(1001)]
    many = pathlib.Path(FOLDER.name) / "many.json"
    many.write_text(json.dumps({"properties": {"routing": {"routes": routes}}}))
    hosts = " ".join(f"h{n}.test" for n in range(51))
    with Hub() as hub:
        for done, said in ((hub.run("hub", "routing", "apply", "-f", many), "there may be 1000 routes"),
                           (hub.run(*ENROLLMENT, "create", "--eid", "many", "--iot-hubs", hosts), "50")):
            expect(done, FAILED, said)
            check("rights" not in done.error, str(done))


@group.case
def a_diagnostic_setting_has_16_kib():
    setting = '{"properties":{"file":{},"logs":[{"category":"Connections","enabled":true}]}}'
    with Hub() as hub:
        for size, status in ((16 << 10, 200), ((16 << 10) + 1, 413)):
            answer = hub.ask("PUT", "/admin/v1/diagnostic-settings/s1", socket_path=True, body=setting.ljust(size))
            check(answer[0] == status, str(answer))


@group.case
def endpoints_that_are_in_use_are_not_deleted():
    delete = ("hub", "message-endpoint", "delete", "--en", "GONE")
    with Hub() as hub:
        hub.must("hub", "message-endpoint", "create", "webhook", "--en", "gone", "--endpoint-uri", "https://localhost:1/")
        hub.must("hub", "message-route", "create", "--rn", "r1", "-t", "DeviceMessages", "--en", "gone")
        hub.must("hub", "message-enrichment", "create", "-k", "k1", "-v", "v", "-e", "gone")
        expect(hub.run(*delete), CONFLICT, "route 'r1' leads to endpoint 'gone'")
        hub.must("hub", "message-route", "delete", "--rn", "r1")
        expect(hub.run(*delete), CONFLICT, "enrichment 'k1' leads to endpoint 'gone'")
        hub.must(*delete, "--force")


@group.case
def a_file_may_be_a_pipe():
    document, most = '{"properties":{"routing":{}}}', 16 << 20
    with Hub() as hub:
        apply = f"{AZIMUTH} hub routing apply --data {hub.data} --dry-run -f"
        for command, given, status, said in ((f"{apply} <(echo '{document}')", "", DONE, ""), (f"{apply} -", document, DONE, ""),
                                             (f"{apply} -", "{", FAILED, "JSON"), (f"{apply} /nonexistent", "", USAGE, "no such file"),
                                             (f"{apply} -", document.ljust(most), FAILED, ""),
                                             (f"{apply} -", document + " " * (most - len(document) + 1), FAILED, "more than 16 MiB")):
            done = subprocess.run(["bash", "-c", command], input=given, capture_output=True, text=True, timeout=60,
                                  env=environment(), check=False)
            right = done.returncode == status and said in done.stderr and ("more than" in done.stderr) == ("more than" in said)
            check(right, f"{command}: {done.returncode} {done.stderr[:300]}")
        lines = "".join(f'{{"id":"pipe-{n:04}","importMode":"create"}}\n' for n in range(2000))  # more than a pipe holds
        done = subprocess.run([AZIMUTH, "hub", "device-identity", "import", "--file", "/dev/stdin", "--data", hub.data], input=lines,
                              capture_output=True, text=True, timeout=60, env=environment(), check=False)
        check(done.returncode == DONE, done.stderr[:300])
        check("2000" in azimuth("hub", "show-stats", "--data", hub.data).out, "devices are missing")


@group.case
def serve_ends_with_0_1_or_2():
    with Hub() as hub:  # 0: when it is told to stop
        same = azimuth("serve", "--data", hub.data)
        expect(same, FAILED, "another azimuth runs on")
    expect(azimuth("serve", "--partitions", 0), USAGE, "--partitions")
    expect(azimuth("dev", "--partitions", 0), USAGE, "--partitions")


@group.case
def a_file_that_is_uploaded_is_there():
    with Hub() as hub:
        hub.must(*IDENTITY, "create", "-d", "d1")
        picture = pathlib.Path(FOLDER.name) / "a picture.bin"
        picture.write_bytes(bytes(range(256)) * 1000)
        hub.must("device", "upload-file", "-d", "d1", "--fp", picture)
        kept = [path for path in (hub.data / "blobs").rglob("*") if path.is_file() and picture.read_bytes() in path.read_bytes()]
        check(len(kept) == 1, f"{kept}")
        expect(hub.run("device", "upload-file", "-d", "nobody", "--fp", picture), NOT_FOUND, "nobody")


@group.case
def the_short_name_is_the_same_program():
    short = azimuth("--help", program=BUILD / "azm")
    check(short.status == DONE and short.out.startswith("usage: azm VERB"), str(short))
    version = azimuth("--version", program=BUILD / "azm")
    check(version.status == DONE and version.out == azimuth("--version").out, str(version))
    expect(azimuth("env", "--data", "/nonexistent", program=BUILD / "azm"), NOT_FOUND, "'azm serve --data")
