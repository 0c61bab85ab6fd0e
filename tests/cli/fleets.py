"""fleets.py - many devices at once: files of identities, hubs' states, children of an edge device, who may connect at once."""
import contextlib
import json
import pathlib
import re
import select
import signal
import socket
import subprocess
import tempfile

from hub import AZIMUTH, ROOT, WAIT_SECONDS, Group, Hub, azimuth, check, environment, stand_in

group = Group()
IDENTITY = ("hub", "device-identity")


def exported(hub, name):
    """The lines of an export, by device and module."""
    path = pathlib.Path(hub.data) / name
    hub.must(*IDENTITY, "export", "--file", path, "--include-keys", "--quiet")
    check(path.stat().st_mode & 0o777 == 0o600, f"with keys in it {name} is open to others")
    lines = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines() if line]
    return {(line["id"], line.get("moduleId")): line for line in lines}


def without(value, *names):
    if isinstance(value, dict):
        return {key: without(part, *names) for key, part in value.items() if key not in names}
    return value


@group.case
def an_edge_device_has_more_children_than_a_page():
    with Hub() as hub, tempfile.TemporaryDirectory() as place:
        edge = hub.must(*IDENTITY, "create", "-d", "edge", "--edge-enabled", "true").json()
        lines = [{"id": f"c{n}", "importMode": "create", "deviceScope": edge["deviceScope"],
                  "parentScopes": [edge["deviceScope"]]} for n in range(101)]
        path = pathlib.Path(place) / "devices.txt"
        path.write_text("\n".join(map(json.dumps, lines)), encoding="utf-8")
        hub.must(*IDENTITY, "import", "--file", path)
        children = hub.must(*IDENTITY, "children", "list", "-d", "edge").json()
        check(len(children) == 101, f"{len(children)} children are listed")
        hub.must(*IDENTITY, "children", "remove", "-d", "edge", "--remove-all")
        check(hub.must(*IDENTITY, "children", "list", "-d", "edge").json() == [], "some are left")


@group.case
def what_is_exported_is_imported_elsewhere_and_exported_again():
    with Hub() as one, Hub() as other:
        for name in ("d1", "d2"):
            one.must(*IDENTITY, "create", "-d", name)
        one.must("hub", "device-twin", "update", "-d", "d1", "--tags", '{"room": 7}', "--desired", '{"a": {"b": [1, "x"]}}')
        one.must("hub", "module-identity", "create", "-d", "d1", "-m", "m1")
        before = exported(one, "fleet.txt")
        check(set(before) == {("d1", None), ("d2", None), ("d1", "m1")}, f"{set(before)} are exported")
        other.must(*IDENTITY, "import", "--file", pathlib.Path(one.data) / "fleet.txt")
        after = exported(other, "fleet.txt")
        changing = ("eTag", "twinETag", "$metadata", "$version", "$lastUpdated")
        check(without({str(k): v for k, v in before.items()}, *changing) ==
              without({str(k): v for k, v in after.items()}, *changing), f"{before} became {after}")


@group.case
def configurations_go_along_in_a_file_of_their_own():
    content = '{"deviceContent": {"properties.desired.x": 1}}'
    with Hub() as one, Hub() as other:
        one.must("hub", "configuration", "create", "-c", "c1", "--content", content, "--target-condition", "tags.a = 1")
        fleet = pathlib.Path(one.data) / "fleet.txt"
        one.must(*IDENTITY, "export", "--file", fleet, "--include-configurations")
        line = json.loads((fleet.parent / "configurations.txt").read_text(encoding="utf-8"))
        check((line["id"], line["targetCondition"]) == ("c1", "tags.a = 1"), str(line))
        named = fleet.parent / "rollouts.txt"
        one.must(*IDENTITY, "export", "--file", fleet, "--configurations-file", named)
        check("c1" in named.read_text(encoding="utf-8"), "the named file lacks it")
        other.must(*IDENTITY, "import", "--file", fleet)
        check(other.must("hub", "configuration", "list").json() == [], "it came without being asked for")
        other.must(*IDENTITY, "import", "--file", fleet, "--include-configurations")
        got = other.must("hub", "configuration", "show", "-c", "c1").json()
        check(got["content"] == json.loads(content), str(got))
        named.unlink()
        done = other.run(*IDENTITY, "import", "--file", fleet, "--configurations-file", named)
        check(done.status == 2 and "rollouts.txt" in done.error, str(done))


@group.case
def an_empty_hub_has_an_empty_file():
    with Hub() as hub:
        path = pathlib.Path(hub.data) / "fleet.txt"
        path.write_text("of yesterday", encoding="utf-8")
        hub.must(*IDENTITY, "export", "--file", path, "--include-keys")
        check(path.read_text(encoding="utf-8").strip() == "", path.read_text(encoding="utf-8"))


@group.case
def a_bad_line_is_told_of_and_the_others_are_done():
    with Hub() as hub:
        path = pathlib.Path(hub.data) / "devices.txt"
        path.write_text('{"id": "d1"}\nnonsense\n{"id": "d2", "tags": {"a.b": 1}}\n{"id": "d3"}\n', encoding="utf-8")
        done = hub.run(*IDENTITY, "import", "--file", path, "-o", "json")
        check(done.status == 1 and "2 lines" in done.error, str(done))
        check([error["line"] for error in done.json()["errors"]] == [2, 3], str(done))
        listed = hub.must(*IDENTITY, "list").json()
        check([device["deviceId"] for device in listed] == ["d1", "d2", "d3"], str(listed))


KEYS = ("MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY=", "ZmVkY2JhOTg3NjU0MzIxMGZlZGNiYTk4NzY1NDMyMTA=")


@group.case
def a_csv_file_makes_devices():
    with Hub() as hub:
        path = pathlib.Path(hub.data) / "devices.CSV"
        path.write_text("\ufeffdeviceId;status;primaryKey;secondaryKey;edge;tags.line;tags.place.hall;desired.interval\r\n"
                        f"press-1;disabled;{KEYS[0]};{KEYS[1]};;4;B;30\r\n\r\nedge-1;;;;true;;;\r\n", encoding="utf-8")
        job = hub.must(*IDENTITY, "import", "--file", path, "-o", "json").json()
        check(job["status"] == "completed" and job["errors"] == [], str(job))
        press = hub.must(*IDENTITY, "show", "-d", "press-1").json()
        check((press["status"], press["authentication"]["symmetricKey"]["primaryKey"]) == ("disabled", KEYS[0]), str(press))
        twin = hub.must("hub", "device-twin", "show", "-d", "press-1").json()
        check((twin["tags"], twin["properties"]["desired"]["interval"]) == ({"line": 4, "place": {"hall": "B"}}, 30), str(twin))
        edge = hub.must(*IDENTITY, "show", "-d", "edge-1").json()
        check(edge["capabilities"]["iotEdge"] and edge["authentication"]["symmetricKey"]["primaryKey"], str(edge))
        hub.must(*IDENTITY, "import", "--file", path)  # what has no keys in the file keeps those it has
        again = hub.must(*IDENTITY, "show", "-d", "edge-1").json()
        check(again["authentication"] == edge["authentication"], f"{edge} became {again}")


@group.case
def a_csv_file_is_taken_whole_or_not_at_all():
    with Hub() as hub:
        path = pathlib.Path(hub.data) / "devices.csv"
        for content, said in (
                (b"deviceId,status\nd1,enabled\nd 2,enabled\nd3,maybe\n",
                 (f"{path}:3: 'd 2' is no device id", f"{path}:4: status is enabled or disabled, not 'maybe'",
                  f"2 lines of {path} cannot be: nothing was imported")),
                (b"deviceId,color\nd1,red\n", (f"{path}:1: nothing is known of a column 'color'",)),
                ("deviceId\nö\n".encode("latin-1"), (f"{path}:2: it is not in UTF-8",)),
                ("deviceId\nd1\n".encode("utf-16"), (f"{path}: it is in UTF-16",)),
                (b"", (f"{path} is empty",)), (b"deviceId\n", ("there are no devices below its first line",))):
            path.write_bytes(content)
            done = hub.run(*IDENTITY, "import", "--file", path)
            check(done.status == 2 and done.out == "" and all(words in done.error for words in said), str(done))
        check(hub.must(*IDENTITY, "list").json() == [], "something was made")
        path.write_text("deviceId,importMode,statusReason\nd1,,\nd2,,\"two\nlines\"\nnobody,delete,\nd3,,\n")
        done = hub.run(*IDENTITY, "import", "--file", path, "-o", "json")
        check(done.status == 1 and [error["line"] for error in done.json()["errors"]] == [5], str(done))
        check(f"{path}:5: nobody: " in done.error and f"1 line of {path} could not be done, and all others were" in done.error, str(done))
        check([device["deviceId"] for device in hub.must(*IDENTITY, "list").json()] == ["d1", "d2", "d3"], "another list")
        wide = path.with_name("wide.txt")
        wide.write_text('{"id":"d9"}\n', encoding="utf-16")
        done = hub.run(*IDENTITY, "import", "--file", wide)
        check(done.status == 2 and "it is in UTF-16" in done.error, str(done))


@group.case
def what_is_told_is_why_an_import_did_not_begin_and_not_what_became_of_its_file():
    answers = {"GET /admin/v1/hub": '{"hostname":"h","hubName":"h","addresses":["127.0.0.1"]}',
               "POST /admin/v1/container/uri": '{"uri":"https://h/azimuth-uploads?sig=1"}'}
    with tempfile.TemporaryDirectory(prefix="azm-cli-") as data:
        path = pathlib.Path(data) / "devices.csv"
        path.write_text("deviceId\nd1\n")
        with stand_in(data, lambda what: answers.get(what.partition("?")[0], "this is no job")):  # and DELETE is not known there
            done = azimuth(*IDENTITY, "import", "--file", path, "--data", data)
    check(done.status == 1 and "piece of the file" not in done.error and "the job" in done.error, str(done))


@group.case
def ten_thousand_devices_of_a_csv_file_come_with_progress():
    with Hub() as hub:
        path = pathlib.Path(hub.data) / "devices.csv"
        path.write_text("deviceId,tags.n\n" + "".join(f"d{n},{n}\n" for n in range(10000)))
        done = hub.must(*IDENTITY, "import", "--file", path, "--progress", "json")
        steps = [json.loads(line) for line in done.error.splitlines()]
        check([step["step"] for step in steps if step.get("ended")] == ["upload", "job"], done.error[-300:])
        check(hub.must("hub", "device-twin", "show", "-d", "d9999").json()["tags"] == {"n": 9999}, "no d9999")


def device_count(hub):
    return hub.must("hub", "show-stats", "--query", "totalDeviceCount").json()


def import_jobs(hub):
    """How they are: jobs of imports and exports."""
    return [job["status"] for job in json.loads(hub.ask("GET", "/jobs?api-version=2021-04-12", socket_path=True)[1])]


@group.case
def an_import_that_is_interrupted_is_ended_at_the_hub():
    with Hub() as hub:
        path = pathlib.Path(hub.data) / "devices.csv"
        path.write_text("deviceId,tags.a\n" + "".join(f"d{n},{n}\n" for n in range(100000)))
        words = [str(word) for word in (AZIMUTH, *IDENTITY, "import", "--file", path, "--data", hub.data, "--progress", "json")]
        with subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environment()) as process:
            for line in process.stderr:
                if '"step":"job"' in line and '"done":0' not in line:
                    break
            process.send_signal(signal.SIGINT)
            _, error = process.communicate(timeout=WAIT_SECONDS)
        check(process.returncode == 1 and "azimuth: interrupted: the job was cancelled" in error, f"{process.returncode} {error}")
        count, jobs = device_count(hub), import_jobs(hub)
        check(0 < count < 100000 and jobs == ["cancelled"], f"{count} devices, {jobs}")
        hub.stop()
        hub.start()  # which goes on with jobs that are under way
        check((device_count(hub), import_jobs(hub)) == (count, jobs), f"it goes on: {device_count(hub)} of {count} devices, {import_jobs(hub)}")


@group.case
def a_state_whose_twin_is_refused_is_not_done():
    with Hub() as hub:
        hub.must(*IDENTITY, "create", "-d", "d1")
        path = pathlib.Path(hub.data) / "state.json"
        hub.must("hub", "state", "export", "-f", path)
        state = json.loads(path.read_text(encoding="utf-8"))
        device = state["devices"]["d1"] if "devices" in state else state["d1"]
        device["twin"]["tags"] = {"a.b": 1}
        path.write_text(json.dumps(state), encoding="utf-8")
        done = hub.run("hub", "state", "import", "-f", path, "--replace")
        check(done.status == 1 and "d1" in done.error, str(done))


@group.case
def configurations_go_with_the_state():
    content = {"deviceContent": {"properties.desired.a": {"x": 1}}}
    with Hub() as hub:
        path = pathlib.Path(hub.data) / "state.json"
        hub.must("hub", "configuration", "create", "-c", "conf", "--content", json.dumps({"content": content}),
                 "--target-condition", "tags.a=1", "--priority", 3)
        hub.must("hub", "state", "export", "-f", path)
        state = json.loads(path.read_text(encoding="utf-8"))
        check(state["configurations"]["admConfigurations"]["conf"]["priority"] == 3, str(state))
        check(state["devices"] == {} and state["configurations"]["edgeDeployments"] == {}, str(state))
        hub.must("hub", "configuration", "delete", "-c", "conf")
        done = hub.must("hub", "state", "import", "-f", path, "-o", "json")
        check(done.json() == {"devices": 0, "configurations": 1}, str(done))
        state["configurations"]["admConfigurations"]["conf"]["priority"] = 4
        path.write_text(json.dumps(state), encoding="utf-8")
        hub.must("hub", "state", "import", "-f", path, "--aspects", "configurations")  # it is there: an update
        shown = hub.must("hub", "configuration", "show", "-c", "conf").json()
        check(shown["priority"] == 4 and shown["content"]["deviceContent"] == content["deviceContent"], str(shown))
        hub.must("hub", "state", "import", "-f", path, "--replace")
        state["configurations"]["admConfigurations"]["conf"]["targetCondition"] = "nonsense ="
        path.write_text(json.dumps(state), encoding="utf-8")
        done = hub.run("hub", "state", "import", "-f", path)
        check(done.status == 1 and "configuration conf" in done.error, str(done))


CONNACK = b"\x20\x02\x00\x00"


@contextlib.contextmanager
def simulated(count, listener):
    login = "HostName=127.0.0.1;SharedAccessKeyName=iothubowner;SharedAccessKey=AAAA"
    words = ("device", "simulate", "--existing", "--plain", "--login", login, "--mqtt-port", listener.getsockname()[1],
             "--count", count, "--quiet")
    with subprocess.Popen([str(word) for word in (AZIMUTH, *words)], stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                          stderr=subprocess.DEVNULL, cwd="/", env=environment()) as process:
        try:
            yield
        finally:
            process.kill()


def comes(listener, seconds):
    return bool(select.select([listener], [], [], seconds)[0])


@group.case
def the_65th_device_connects_when_one_of_64_is_let_in():
    """All of them dial in one turn of the loop, before the first CONNECT: who is not there by the 64th is not on the way."""
    most = int(re.search(r"FLEET_CONNECTING_MAX = (\d+)", (ROOT / "cli/fleet.h").read_text(encoding="utf-8"))[1])
    with contextlib.ExitStack() as stack:
        listener = stack.enter_context(socket.create_server(("127.0.0.1", 0), backlog=2 * most))
        stack.enter_context(simulated(most + 2, listener))
        listener.settimeout(WAIT_SECONDS)
        inside = [stack.enter_context(listener.accept()[0]) for _ in range(most)]
        for one in inside:
            one.settimeout(WAIT_SECONDS)
            check(one.recv(1) == b"\x10", "no CONNECT")
        check(not comes(listener, 0), f"more than {most} connect at once")
        inside[0].sendall(CONNACK)
        check(comes(listener, WAIT_SECONDS), "the next one does not come")
        stack.enter_context(listener.accept()[0])
        check(not comes(listener, 0), "one more came")
