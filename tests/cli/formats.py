"""formats.py - what is printed: -o, --query, a terminal, NO_COLOR, stdout and stderr."""
import json

from hub import Group, Hub, Skipped, check, on_terminal

group = Group()
LIST = ("hub", "device-identity", "list")


def with_devices():
    hub = Hub()
    for name in ("d1", "d2"):
        hub.must("hub", "device-identity", "create", "-d", name)
    return hub


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
        check("\033[" in on_terminal("doctor", "--data", hub.data, NO_COLOR="")[1], "an empty NO_COLOR counts")
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
