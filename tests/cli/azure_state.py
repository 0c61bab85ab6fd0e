"""azure_state.py - a hub of Azure, as `az iot hub state export` writes it, comes here: identities with their keys, twins,
modules, configurations, routes; and a hub of ours goes the same way. azure-state.json is written by hand."""
import json
import pathlib
import subprocess
import tempfile

from hub import ROOT, Group, Hub, check

group = Group()
STATE = ROOT / "tests" / "cli" / "azure-state.json"
KEY = "MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY="
LINES = """\
{"id":"m1","moduleId":"filter","importMode":"createOrUpdate","status":"enabled","authentication":{"symmetricKey":{}}}
{"id":"m1","eTag":"MQ==","status":"enabled","authentication":{"symmetricKey":{"primaryKey":"%s","secondaryKey":"%s"}},"tags":{"a":1}}
{"id":"m2","status":"disabled"}
""" % (KEY, KEY)


def with_certificate(folder):
    """The state with a CA that can be one."""
    subprocess.run([ROOT / "tests" / "conformance" / "issue", folder, "root", "A root", "self", "ca"], check=True, capture_output=True)
    state = json.loads(STATE.read_text())
    for resource in state["arm"]["resources"]:
        if resource["type"].endswith("/certificates"):
            resource["properties"]["certificate"] = (pathlib.Path(folder) / "root.pem").read_text()
    path = pathlib.Path(folder) / "state.json"
    path.write_text(json.dumps(state))
    return path


@group.case
def a_state_of_azure_comes_here_whole_and_twice():
    with tempfile.TemporaryDirectory(prefix="azm-state-") as folder, Hub() as hub:
        path = with_certificate(folder)
        before = hub.must("import", "azure-state", path, "--dry-run").json()
        check(before == {"devices": 2, "modules": 1, "configurations": 1, "endpoints": 2, "routes": 2, "enrichments": 1,
                         "consumerGroups": 1, "certificates": 1, "leftOut": 4}, str(before))
        check(hub.must("hub", "device-identity", "list").json() == [], "a dry run makes devices")
        for _ in range(2):
            done = hub.must("import", "azure-state", path)
            check(done.json() == before | {"endpoints": 1, "routes": 1, "leftOut": 6}, str(done))
            for word in ("left out: endpoint by-identity: ", "left out: route lost: ", "left out: ipFilterRules: "):
                check(word in done.error, f"'{word}' is missing: {done.error}")
        pump = hub.must("hub", "device-identity", "show", "-d", "pump-1").json()
        check(pump["authentication"]["symmetricKey"]["primaryKey"] == KEY, str(pump))
        twin = hub.must("hub", "device-twin", "show", "-d", "pump-1").json()
        check(twin["tags"] == {"site": "north"} and twin["properties"]["desired"]["rate"] == 5, str(twin))
        check(twin["properties"]["reported"]["rate"] == 4, str(twin))
        module = hub.must("hub", "module-twin", "show", "-d", "pump-1", "-m", "filter").json()
        check(module["properties"]["desired"]["mesh"] == 2, str(module))
        camera = hub.must("hub", "device-identity", "show", "-d", "camera").json()
        check((camera["status"], camera["authentication"]["type"]) == ("disabled", "selfSigned"), str(camera))
        check([one["id"] for one in hub.must("hub", "configuration", "list").json()] == ["chiller"], "configurations")
        check([one["name"] for one in hub.must("hub", "message-route", "list").json()] == ["hot"], "routes")
        check(hub.must("hub", "message-route", "fallback", "show").json()["isEnabled"] is False, "fallback")
        check(hub.must("hub", "certificate", "show", "-n", "root").json()["properties"]["isVerified"], "certificate")
        check("dashboard" in hub.must("hub", "consumer-group", "list").out, "consumer groups")
        hub.must("device", "send-d2c-message", "-d", "pump-1", "--da", "hello", "--timeout", 60)


@group.case
def what_we_write_comes_back_and_moves_to_another_hub():
    with tempfile.TemporaryDirectory(prefix="azm-state-") as folder, Hub() as hub, Hub() as other:
        hub.must("import", "azure-state", with_certificate(folder))
        written = pathlib.Path(folder) / "ours.json"
        hub.must("hub", "state", "export", "-f", written)
        ours = json.loads(written.read_text())
        check(list(ours) == ["configurations", "devices", "arm"], str(list(ours)))
        check("a2V5" not in json.dumps(ours["arm"]), "the key of an endpoint is in the file")
        done = other.must("import", "azure-state", written)
        # The endpoint's key is masked, and so it and what hangs on it stay out.
        check(done.json()["devices"] == 2 and done.json()["leftOut"] >= 1, str(done))
        other.must("hub", "device-identity", "delete", "-d", "pump-1")
        # The destination is the server of --data; the ports are the origin's.
        other.must("hub", "state", "migrate", "--ol", hub.login(), "--ca", hub.ca, *hub.ports(), "--admin-url", hub.admin_url())
        check(other.must("hub", "device-identity", "show", "-d", "pump-1").json()["authentication"]["symmetricKey"]["primaryKey"] == KEY,
              "the key")


@group.case
def lines_of_a_job_are_read_too():
    with tempfile.TemporaryDirectory(prefix="azm-state-") as folder, Hub() as hub:
        path = pathlib.Path(folder) / "devices.txt"
        path.write_text(LINES)
        done = hub.must("import", "azure-state", path)
        check(done.json()["devices"] == 2 and done.json()["modules"] == 1, str(done))
        rows = {row["deviceId"]: row for row in hub.must("hub", "device-identity", "list").json()}
        check(rows["m1"]["authentication"]["symmetricKey"]["primaryKey"] == KEY and rows["m2"]["status"] == "disabled", str(rows))
        check(len(hub.must("hub", "module-identity", "list", "-d", "m1").json()) == 1, "the module")
        path.write_text('{"id":')
        check(hub.run("import", "azure-state", path).status == 2, "half a line")
