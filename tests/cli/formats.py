"""formats.py - what is printed: -o, --query, a terminal, NO_COLOR, stdout and stderr."""
import json
import pathlib
import re
import signal
import tempfile

import capture_file
from hub import Group, Hub, Skipped, asked, at_keyboard, azimuth, check, on_terminal

group = Group()
LIST = ("hub", "device-identity", "list")


def with_devices():
    hub = Hub()
    for name in ("d1", "d2"):
        hub.must("hub", "device-identity", "create", "-d", name)
    return hub


@group.case
def debug_shows_what_is_asked_and_no_secret():
    with Hub() as hub:
        plain = hub.must("hub", "device-identity", "create", "-d", "d1")
        done = azimuth("hub", "device-identity", "show", "-d", "d1", "--debug", *hub.remote())
        check(done.json() == plain.json(), "something else is on stdout")
        key = plain.json()["authentication"]["symmetricKey"]["primaryKey"]
        for line in (rf"> GET https://localhost:{hub.ready['https']}/devices/d1\?api-version=", r"> Authorization: \*\*\*\n", r"< 200 after \d+ ms\n",
                     r"< x-ms-request-id: ", r'< \{"deviceId":"d1".*"primaryKey":"\*\*\*"'):
            check(re.search(line, done.error), f"{line}: {done.error}")
        exported = hub.must("hub", "device-identity", "export", "-f", hub.data / "fleet.txt", "--include-keys", "--debug")
        refused = hub.run("hub", "device-identity", "show", "-d", "nobody", "--debug")
        check(refused.status == 3 and "< 404 after" in refused.error, str(refused))
        for secret in (key, "sig=", hub.login().split("SharedAccessKey=")[1]):
            check(secret not in done.error + exported.error + refused.error, f"a secret is shown: {exported.error}")


@group.case
def every_format_has_the_same_values():
    with with_devices() as hub:
        rows = hub.must(*LIST).json()
        check([row["deviceId"] for row in rows] == ["d1", "d2"], "without -o it is not JSON of both")
        check(hub.must(*LIST, "-o", "json").json() == rows, "-o json is another list")
        lines = hub.must(*LIST, "-o", "jsonl").out.splitlines()
        check([json.loads(line) for line in lines] == rows, "-o jsonl is another list")
        picked = ("--query", "[].[deviceId, status]", "-o")
        check(hub.must(*LIST, *picked, "tsv").out == "d1\tenabled\nd2\tenabled\n", "-o tsv is another list")
        table = hub.must(*LIST, "-o", "table").out.splitlines()
        check(table[0].split()[:2] == ["id", "status"], f"the table begins with {table[0]}")
        check([line.split()[0] for line in table[1:]] == ["d1", "d2"], f"the table is {table}")
        yaml = hub.must(*LIST, "--query", "[].{id: deviceId, on: status}", "-o", "yaml").out
        check(yaml == "- id: d1\n  \"on\": enabled\n- id: d2\n  \"on\": enabled\n", f"the YAML is {yaml}")


@group.case
def yaml_is_read_as_the_same_value():
    try:
        import yaml
    except ImportError as why:
        raise Skipped("python3-yaml is not installed") from why
    with with_devices() as hub:
        said = hub.must(*LIST, "-o", "yaml").out
        check(yaml.load(said, Loader=yaml.BaseLoader)[0]["deviceId"] == "d1", said)


@group.case
def a_terminal_gets_a_table_and_a_pipe_gets_json():
    with with_devices() as hub:
        status, said = on_terminal(*LIST, "--data", hub.data)
        check(status == 0 and said.splitlines()[0].startswith("id "), said)
        status, said = on_terminal(*LIST, "--data", hub.data, "-o", "json")
        check(status == 0 and said.startswith("["), said)


@group.case
def colours_are_for_terminals_that_want_them():
    with Hub() as hub:
        coloured = on_terminal("doctor", "--data", hub.data)[1]
        check("\033[" in coloured, "the doctor has no colours on a terminal")
        check("\033[" not in on_terminal("doctor", "--data", hub.data, NO_COLOR="1")[1], "NO_COLOR is ignored")
        check("\033[" in on_terminal("doctor", "--data", hub.data, NO_COLOR="", CLICOLOR="1")[1], "an empty NO_COLOR counts")
        check("\033[" not in on_terminal("doctor", "--data", hub.data, CLICOLOR="0")[1], "CLICOLOR=0 is ignored")
        check("\033[" not in hub.run("doctor", "-o", "table").out, "a pipe gets colours")
        for words in (LIST, ("hub", "consumer-group", "list")):
            check("\033[" not in on_terminal(*words, "--data", hub.data, NO_COLOR="1")[1], "a table has colours")


@group.case
def values_go_to_stdout_and_remarks_to_stderr():
    with Hub() as hub:
        made = hub.must("hub", "device-identity", "create", "-d", "d1")
        check(made.json()["deviceId"] == "d1" and made.error == "", str(made))
        sent = hub.must("device", "simulate", "-d", "d1", "--messages", 3)
        check(sent.json(), str(sent))
        quiet = hub.must("hub", "monitor-events", "--from", "beginning", "--count", 3, "--timeout", 60, "-o",
                         "jsonl", "--quiet")
        check(len(quiet.out.splitlines()) == 3 and quiet.error == "", str(quiet))
        missing = hub.run("hub", "device-identity", "show", "-d", "nobody")
        check(missing.out == "", str(missing))


@group.case
def what_is_wrong_is_said_once_and_in_numbers_that_help():
    with with_devices() as hub, tempfile.NamedTemporaryFile() as large:
        large.truncate(300_000)
        wrong = (
            (("device", "send-d2c-message", "-d", "d1", "--data-file-path", large.name), "more than 256 KiB"),
            (("twin", "diff", "nobody"), "there is no device 'nobody' on localhost"))
        for words, text in wrong:
            said = hub.run(*words)
            check(said.status and text in said.error, str(said))
    said = azimuth("dps", "compute-device-key", "--rid", "r", "--key", "zz!")
    check(said.error == "azimuth: --symmetric-key: not base64 of 16 to 64 bytes\n", str(said))


@group.case
def monitor_events_ends_in_the_middle_of_what_came():
    with with_devices() as hub:
        hub.must("device", "simulate", "-d", "d1", "--messages", 400, "--rate", "max", "--quiet")
        said = hub.must("hub", "monitor-events", "--from", "beginning", "--count", 3, "--timeout", 60, "--quiet", "-o",
                        "jsonl")
        check(len(said.out.splitlines()) == 3, f"{len(said.out.splitlines())} events are shown")


@group.case
def monitor_events_shows_what_routes_took_away_if_asked():
    with with_devices() as hub:
        hub.must("eventhub", "create", "-n", "orders", "-p", 1)
        hub.must("hub", "message-endpoint", "create", "eventhub", "--en", "to-orders", "--entity-path", "orders")
        hub.must("hub", "message-route", "create", "--rn", "hot", "-t", "DeviceMessages", "--en", "to-orders", "-c",
                 "level = 'hot'")
        for properties in ("level=hot", "level=cold"):
            hub.must("device", "send-d2c-message", "-d", "d1", "--da", properties, "--props", properties)
        hub.must("hub", "message-route", "fallback", "set", "-e", "false")
        hub.must("device", "send-d2c-message", "-d", "d1", "--da", "nobody's")
        words = ("hub", "monitor-events", "--from", "beginning", "--timeout", 60, "--quiet", "-o", "jsonl")
        events = [json.loads(line)["event"] for line in hub.must(*words, "--count", 3, "--all").out.splitlines()]
        check({event["payload"]: event["endpoints"] for event in events}
              == {"level=hot": ["to-orders"], "level=cold": ["events"], "nobody's": []}, str(events))
        [only] = [json.loads(line)["event"] for line in hub.must(*words, "--count", 1).out.splitlines()]
        check(only["payload"] == "level=cold" and "endpoints" not in only, str(only))


@group.case
def events_are_of_a_module_an_interface_and_of_the_type_that_is_named():
    with with_devices() as hub:
        hub.must("hub", "module-identity", "create", "-d", "d1", "-m", "m1")
        send = ("device", "send-d2c-message", "-d", "d1", "--da")
        hub.must(*send, "41")
        hub.must(*send, "42", "-m", "m1")
        words = ("hub", "monitor-events", "--from", "beginning", "--timeout", 60, "--quiet", "-o", "jsonl", "--count")
        for options, payloads in (((2,), ["41", "42"]), ((1, "-m", "m*"), ["42"]), ((1, "--module-id", "m1", "--ct", "application/json"), [42])):
            events = [json.loads(line)["event"] for line in hub.must(*words, *options).out.splitlines()]
            check([event["payload"] for event in events] == payloads, f"{options}: {events}")
        done = hub.run("hub", "monitor-events", "--from", "beginning", "--count", 1, "--timeout", 1, "--quiet", "-i", "dtmi:example:Oven;1")
        check(done.status == 5 and done.out == "", str(done))


@group.case
def the_devices_are_counted():
    with with_devices() as hub:
        hub.must("hub", "device-identity", "update", "-d", "d2", "--status", "disabled")
        numbers = hub.must("hub", "show-stats").json()
        check(numbers == {"totalDeviceCount": 2, "enabledDeviceCount": 1, "disabledDeviceCount": 1}, str(numbers))


@group.case
def what_is_used_of_quotas_is_shown():
    with Hub("--throttle", "quota=9/d") as hub:
        for device in ("d1", "d2"):
            hub.must("hub", "device-identity", "create", "-d", device)
        hub.must("device", "send-d2c-message", "-d", "d1", "--msg-count", 3)
        shown = hub.must("hub", "show-quota-metrics").json()
        check(shown == [{"name": "TotalMessages", "currentValue": 3, "maxValue": 9},
                        {"name": "TotalDeviceCount", "currentValue": 2, "maxValue": 1000000}], str(shown))
    with with_devices() as hub:
        shown = hub.must("hub", "show-quota-metrics", "--query", "[].name", "-o", "tsv")
        check(shown.out == "TotalDeviceCount\n", str(shown))


@group.case
def what_cannot_be_had_back_is_asked_about_on_a_terminal_only():
    with with_devices() as hub:
        where = ("--data", hub.data)
        hub.must("eventhub", "create", "-n", "orders")
        hub.must("hub", "capture", "create", "--folder", "archive")
        endpoint = ("hub", "message-endpoint", "create", "webhook", "--endpoint-uri", "https://localhost:1/", "--en")
        hub.must(*endpoint, "hook")
        for words, question in (
                (("eventhub", "delete", "-n", "orders"), "deletes event hub 'orders' and all its events"),
                (("hub", "message-endpoint", "delete"), "deletes all endpoints"),
                (("hub", "message-endpoint", "delete", "--en", "hook"), "deletes endpoint hook"),
                (("hub", "message-route", "delete"), "deletes all routes"),
                (("hub", "message-route", "delete", "-t", "DeviceMessages"), "deletes all routes of the source DeviceMessages"),
                (("hub", "message-route", "delete", "--rn", "way"), "deletes route way"),
                (("user", "delete", "ann"), "deletes user ann and ends all sessions of that name"),
                (("dps", "enrollment", "delete", "--enrollment-id", "one"), "deletes enrollment 'one' with its keys"),
                (("dps", "enrollment-group", "delete", "--group-id", "all"), "deletes enrollment group 'all' with its keys"),
                (("hub", "capture", "delete"), "ends the capture of the built-in event hub"),
                # Before anything is fetched: nobody is at that port.
                (("hub", "state", "migrate", "--ol", hub.login(), "--https-port", 1, "--replace"), "deletes what is on localhost first"),
                (("device", "c2d-message", "delete", "-d", "d1", "-s", 7), "drops message 7 of device d1"),
                (("hub", "device-identity", "delete", "-d", "d1"), "deletes device d1 with its keys and its twin"),
                (("hub", "module-identity", "delete", "-d", "d1", "-m", "m1"), "deletes module m1 of device d1 with its keys and its twin"),
                (("device", "c2d-message", "purge", "-d", "d1"), "drops all messages that wait for device d1")):
            for answer in ("", "n", "yes, but not that"):
                done = asked(answer, *words, *where)
                check(done.status == 1 and f"This {question}. Go on? [y/N] " in done.error, str(done))
        check(len(hub.must("eventhub", "list").json()) == 1, "the event hub is gone")
        check(asked("y", "eventhub", "delete", "-n", "orders", *where).status == 0, "y is no yes")
        check(hub.must("eventhub", "list").json() == [], "the event hub is still there")
        for words in (("hub", "message-endpoint", "delete", "--yes"), ("hub", "capture", "delete", "-y")):
            done = asked("n", *words, *where)
            check(done.status == 0 and "Go on?" not in done.error, str(done))
        hub.must(*endpoint, "hook")
        done = hub.must("hub", "message-endpoint", "delete", "--en", "hook")
        check(done.error == "", str(done))


@group.case
def ctrl_c_at_a_question_ends_it_and_the_terminal_is_as_before():
    with Hub() as hub:
        hub.must("eventhub", "create", "-n", "orders")
        create = ("user", "create", "-n", "maria", "--role", "reader")
        for words, question, keys, shown in ((("eventhub", "delete", "-n", "orders"), "[y/N] ", b"\x03", True),
                                             (create, "Password: ", b"\x03", False), (create, "Password: ", b"secr\x03", False),
                                             (create, "Password: ", b"secr\x04\x03", False)):
            ended = at_keyboard(keys, question, *words, "--data", hub.data)
            check(ended == (-signal.SIGINT, shown, True), f"{words}: status, shown while asked, shown afterwards: {ended}")
        check(len(hub.must("eventhub", "list").json()) == 1, "the event hub is gone")
        check(hub.must("user", "list").json() == [], "the user was made")


@group.case
def programs_read_how_far_it_is():
    with tempfile.TemporaryDirectory(prefix="azm-progress-") as place, with_devices() as hub:
        place = pathlib.Path(place)
        file = place / "file.bin"
        file.write_bytes(bytes(3 << 20))
        avro = capture_file.write(place / "events.avro", [capture_file.event(1, 1_750_000_000, "d1", "x")])
        hub.must("eventhub", "create", "-n", "orders")
        seed = place / "hub.yaml"
        seed.write_text("devices: [d1, d2, d3]\n", encoding="utf-8")
        for words, steps in (
                (("apply", "-f", seed), {"devices": "devices"}),
                (("hub", "job", "create", "--job-id", "j1", "--jt", "scheduleUpdateTwin", "-q", "*", "--patch",
                  '{"tags": {"a": 1}}', "--wait", "--interval", 1), {"job": "devices"}),
                (("hub", "device-identity", "export", "--file", place / "fleet.txt"), {"job": "percent", "download": "bytes"}),
                (("hub", "device-identity", "import", "--file", place / "fleet.txt"), {"upload": "bytes", "job": "percent"}),
                (("hub", "state", "export", "-f", place / "state.json"), {"export": "devices"}),
                (("hub", "state", "import", "-f", place / "state.json"), {"import": "devices"}),
                (("device", "upload-file", "-d", "d1", "--fp", file), {"upload": "bytes"}),
                (("hub", "replay", "--source", avro, "-n", "orders", "--speed", "max"), {"replay": "events"}),
                (("backup", "create", "--to", place / "backup"), {"copying": "bytes", "checking": "bytes"})):
            lines = [json.loads(line) for line in hub.must(*words, "--progress", "json").error.splitlines()]
            check({line["step"]: line["unit"] for line in lines} == steps, f"{words}: {lines}")
            ends = [line for line in lines if line.get("ended")]
            check([line["step"] for line in ends] == list(steps), f"{words}: {lines}")
            check(all(line["done"] == line.get("total", line["done"]) for line in ends), f"{words}: {lines}")
        verify = azimuth("backup", "verify", "--from", place / "backup", "--progress", "json")
        check(json.loads(verify.error.splitlines()[-1])["ended"], str(verify))
        seed.write_text("devices: [d1, {deviceId: d2, status: maybe}]\n", encoding="utf-8")
        stopped = hub.run("apply", "-f", seed, "--progress", "json")
        check(stopped.status == 1 and '"ended"' not in stopped.error, f"what went wrong has ended: {stopped}")
        check(azimuth("backup", "verify", "--from", place / "backup", "--progress", "json", "--quiet").error == "", "--quiet")
        check(azimuth("backup", "verify", "--from", place / "backup", "--progress", "xml").status == 2, "--progress xml")
        check("copying" in on_terminal("backup", "create", "--to", place / "again", "--data", hub.data)[1], "no bar")
