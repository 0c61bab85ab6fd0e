"""replays.py - `hub replay`: filters, pace, resuming, refusals. What SDKs see of it is tests/conformance/python/replay.py."""
import json
import pathlib
import random
import re
import signal
import socket
import subprocess
import sys
import tempfile
import time

import capture_file
from capture_file import event
from hub import AZIMUTH, ROOT, SECONDS_MAX, Group, Hub, azimuth, check, environment, on_terminal

sys.path.append(str(ROOT / "tests" / "fault"))
from relay import Relay  # noqa: E402 (which is not in a package)

group = Group()
FOLDER = tempfile.TemporaryDirectory(prefix="azm-replay-")
START = 1_750_000_000
REPLAY = ("hub", "replay", "-o", "json")


def folder(name, files):
    """A folder of files, each a list of (sequence number, second, device)."""
    path = pathlib.Path(FOLDER.name) / name
    for number, events in enumerate(files):
        below = path / "hub" / str(number)
        below.mkdir(parents=True, exist_ok=True)
        capture_file.write(below / "00.avro", [event(n, START + second, device, json.dumps({"n": n}), line="A")
                                               for n, second, device in events])
    return path


TWO = folder("two", [[(n, n, f"press-{n % 3}") for n in range(0, 20)], [(n, n, "oven-1") for n in range(5)], []])


def shown(hub, *words):
    done = hub.run(*REPLAY, *words)
    check(done.status == 0, str(done))
    return done.json()


def there_are(hub, name):
    """How many events an event hub has."""
    return shown(hub, "--source-event-hub", name, "-n", "nowhere", "--dry-run")["read"]


def events_of(hub, name, count):
    login = hub.run("connection-string", "--event-hub").out.strip()
    login = login[:login.index("EntityPath=")] + f"EntityPath={name}"
    done = azimuth("hub", "monitor-events", "--login", login, "--from", "beginning", "--count", count, "--timeout", 60, "-o",
                   "jsonl", "--properties", "all", "--quiet", *hub.remote()[2:])
    check(done.status == 0, done.error)
    return [json.loads(line)["event"] for line in done.out.splitlines()]


@group.case
def a_dry_run_counts_and_shows_and_needs_no_hub():
    done = azimuth(*REPLAY, "--source", TWO, "-n", "x", "--dry-run")
    check(done.status == 0, str(done))
    told = done.json()
    check((told["read"], told["matched"], len(told["sample"])) == (25, 25, 3), str(told))
    check(told["firstEnqueuedTime"].startswith("2025-06-15T15:06:40"), str(told))
    marks = told["sample"][0]["event"]["properties"]["application"]
    check(marks["azimuth-replay-sequence-number"] == 0 and "azimuth-replay" in marks, str(marks))
    for words, count in ((("-d", "press-1"), 7), (("-d", "press-*,oven-1"), 25), (("-d", "*-1"), 12), (("--from", 3, "--to", 4), 4),
                         (("--from", "2025-06-15T15:06:50Z"), 10), (("--where", "line = 'B'"), 0),
                         (("--where", "$connectionDeviceId = 'oven-1' AND line = 'A'"), 5)):
        told = azimuth(*REPLAY, "--source", TWO, "-n", "x", "--dry-run", *words).json()
        check(told["matched"] == count, f"{words}: {told['matched']}")


@group.case
def a_range_with_nothing_in_it_is_remarked():
    words = (*REPLAY, "--source", TWO, "-n", "x", "--dry-run")
    times = "2025-06-15T15:06:40.0000000Z to 2025-06-15T15:06:59.0000000Z"
    for bounds, said in ((("--to", "2025-06-15T15:06:39Z"), times), (("--from", "2025-06-15T15:07:00Z"), times),
                         (("--from", 20), "0 to 19")):
        done = azimuth(*words, *bounds)
        check(done.status == 0 and done.json()["matched"] == 0 and said in done.error, str(done))
        check(not azimuth(*words, *bounds, "--quiet").error, "--quiet")
    for bounds in (("--to", 0), ("--from", "2025-06-15T15:06:59Z"), ("--from", 0, "-d", "nobody"), ("-d", "nobody")):
        done = azimuth(*words, *bounds)
        check(done.status == 0 and not done.error, f"there is something: {done}")
    with Hub() as hub:
        hub.must("eventhub", "create", "-n", "one", "-p", 1)
        shown(hub, "--source", TWO, "-n", "one", "--speed", "max")
        done = hub.run(*REPLAY, "--source-event-hub", "one", "-n", "x", "--dry-run", "--from", 25)
        check(done.status == 0 and "nothing is in the range" in done.error, str(done))
        check(not hub.run(*REPLAY, "--source-event-hub", "one", "-n", "x", "--dry-run", "--from", 24).error, "there is one")


@group.case
def wrong_usage_is_said():
    for words, said in ((("-n", "x"), "--source"), (("--source", TWO, "--as-devices", "-n", "x"), "--as-devices"),
                        (("--source", TWO, "-n", "x", "--speed", "0"), "--speed"),
                        (("--source", TWO, "-n", "x", "--where", "a = "), "--where"),
                        (("--source", TWO, "-n", "x", "--from", "5", "--to", "10m"), "--from"),
                        (("--source", TWO, "-n", "x", "--to", "-5"), "begin at 0"),
                        (("--source", TWO, "-n", "x", "--from", "-1"), "begin at 0"),
                        (("--source", TWO, "-n", "x", "--create-devices"), "--create-devices"),
                        (("--source", TWO, "-n", "x", "-d", ""), "--device-id"),
                        (("--source", TWO, "-n", "x", "-d", " ,"), "--device-id"),
                        (("--source", TWO, "-n", "x", "--time-shift", "soon"), "--time-shift")):
        done = azimuth(*REPLAY, *words, "--dry-run")
        check(done.status == 2 and said in done.error, str(done))
    done = azimuth(*REPLAY, "--source", "/nonexistent", "--dry-run")
    check(done.status == 3 and "/nonexistent" in done.error, str(done))
    bad = pathlib.Path(FOLDER.name) / "bad.avro"
    bad.write_bytes(b"PK\3\4 this is something else")
    done = azimuth(*REPLAY, "--source", bad, "--dry-run")
    check(done.status == 1 and "bad.avro" in done.error and "Avro" in done.error, str(done))


@group.case
def a_stream_and_files_come_in_order_with_marks_and_not_into_themselves():
    with Hub() as hub:
        for name in ("one", "other"):
            hub.must("eventhub", "create", "-n", name, "-p", 3)
        told = shown(hub, "--source", TWO, "-n", "one", "--speed", "max", "-d", "press-*")
        check((told["replayed"], told["read"], told["complete"]) == (20, 25, True), str(told))
        done = hub.run(*REPLAY, "--source-event-hub", "ONE", "-n", "one", "--speed", "max")
        check(done.status == 6 and "itself" in done.error, str(done))
        told = shown(hub, "--source-event-hub", "one", "-n", "other", "--speed", "max", "--to", 1000)
        check(told["replayed"] == 20, str(told))
        events = events_of(hub, "other", 20)
        for device in ("press-0", "press-1", "press-2"):
            mine = [e["payload"]["n"] for e in events if e["origin"] == device]
            check(mine == sorted(mine) and len(mine) in (6, 7), f"{device}: {mine}")
        check(all(e["annotations"]["x-opt-partition-key"] == e["origin"] for e in events), str(events[0]))
        check(all("azimuth-replay-enqueued-time" in e["properties"]["application"] for e in events), str(events[0]))
        identity = hub.run(*REPLAY, "--source-event-hub", "one", "-n", "one").error.split("'")[1]
        mine = capture_file.write(pathlib.Path(FOLDER.name) / "mine.avro", [event(1, START, "d", "x")], source=identity)
        done = hub.run(*REPLAY, "--source", mine, "-n", "one", "--speed", "max")
        check(done.status == 6, str(done))
        check(shown(hub, "--source", mine, "-n", "one", "--speed", "max", "--force")["replayed"] == 1, "--force")
        check(hub.run(*REPLAY, "--source", TWO, "-n", "nothing").status == 3, "an event hub that is not there")


@group.case
def a_terminal_sees_how_far_it_is_and_a_pipe_does_not():
    with Hub() as hub:
        hub.must("eventhub", "create", "-n", "one")
        words = (*REPLAY, "--data", hub.data, "--source", TWO, "-n", "one", "--speed", 20)
        status, said = on_terminal(*words)
        bars = [int(part) for part in re.findall(r"\r\d+ replayed, \d+/s  \[[# ]+\] (\d+) %", said)]
        check(status == 0 and bars == sorted(bars) and bars, said)
        done = azimuth(*words)
        check(done.status == 0 and "[" not in done.error, done.error)


@group.case
def devices_say_it_themselves():
    with Hub() as hub:
        hub.must("hub", "device-identity", "create", "-d", "oven-1")
        done = hub.run(*REPLAY, "--source", TWO, "--as-devices", "--speed", "max")
        check(done.status == 1 and "--create-devices" in done.error, str(done))
        check((done.json()["replayed"], done.json()["refused"]) == (5, 20), str(done))
        told = shown(hub, "--source", TWO, "--as-devices", "--speed", "max", "--create-devices", "-d", "press-*")
        check((told["replayed"], told["refused"]) == (20, 0), str(told))
        events = events_of(hub, hub.run("connection-string", "--event-hub").out.strip().split("EntityPath=")[1], 25)
        check({e["origin"] for e in events} == {"oven-1", "press-0", "press-1", "press-2"}, str(events[0]))
        check("azimuth-replay" in events[0]["properties"]["application"], str(events[0]))


@group.case
def the_pace_is_kept_and_an_interrupted_replay_goes_on():
    state = pathlib.Path(FOLDER.name) / "state.json"
    pace, count = 10, 600  # a minute's: it is interrupted before
    slow = folder("slow", [[(n, n, "d1") for n in range(count)]])
    with Hub() as hub:
        hub.must("eventhub", "create", "-n", "one")
        words = ("--source", slow, "-n", "one", "--speed", pace, "--resume", state)
        began = time.monotonic()
        with subprocess.Popen([str(word) for word in (AZIMUTH, *REPLAY, "--data", hub.data, *words)], stdout=subprocess.PIPE,
                              stderr=subprocess.PIPE, text=True, env=environment()) as process:
            events_of(hub, "one", 3)
            process.send_signal(signal.SIGINT)
            out, error = process.communicate(timeout=SECONDS_MAX)
        first = json.loads(out)
        check(process.returncode == 1 and "goes on" in error and not first["complete"], error)
        check(3 <= first["replayed"] <= pace * (time.monotonic() - began) + 1, str(first))
        rest = shown(hub, *words[:4], "--speed", "max", "--resume", state)
        check(first["replayed"] + rest["replayed"] == count and rest["run"] == first["run"], f"{first} {rest}")
        check([e["payload"]["n"] for e in events_of(hub, "one", count)] == list(range(count)), "every event once")
        check(shown(hub, *words)["replayed"] == 0, "nothing is left")
        hub.must("eventhub", "create", "-n", "two")
        before = state.read_bytes()
        done = hub.run(*REPLAY, "--source", slow, "-n", "two", "--resume", state)
        check(done.status == 6 and state.read_bytes() == before, str(done))
        check(shown(hub, *words)["replayed"] == 0, "what was refused has changed nothing")
        nowhere = pathlib.Path(FOLDER.name) / "nowhere" / "state.json"
        done = hub.run(*REPLAY, "--source", slow, "-n", "two", "--speed", "max", "--resume", nowhere)
        check(done.status != 0 and str(nowhere) in done.error and "goes on" not in done.error and not done.out, str(done))
        check(shown(hub, "--source-event-hub", "two", "-n", "one", "--dry-run")["matched"] == 0, "it was replayed all the same")


@group.case
def a_replay_goes_on_with_its_own_source_only():
    few, many = folder("few", [[(n, n, "d1") for n in range(4)]]), folder("many", [[(n, n, "d1") for n in range(9)]])
    link = pathlib.Path(FOLDER.name) / "few-too"
    link.symlink_to(few)
    state = pathlib.Path(FOLDER.name) / "source.json"
    with Hub() as hub:
        for name in ("hot", "staging", "archive"):
            hub.must("eventhub", "create", "-n", name, "-p", 1)
        words = ("-n", "archive", "--speed", "max", "--resume", state)
        for source, count in (("hot", 9), ("staging", 4)):
            shown(hub, "--source", many, "-n", source, "--speed", "max", "--to", count - 1)
        for mine, same, other in ((("--source", few), ("--source", link), ("--source", many)),
                                  [("--source-event-hub", name) for name in ("staging", "STAGING", "hot")]):
            check(shown(hub, *mine, *words)["replayed"] == 4, "all of it")
            before = state.read_bytes()
            done = hub.run(*REPLAY, *other, *words)
            check(done.status == 6 and "is of a replay of" in done.error and state.read_bytes() == before, str(done))
            check(hub.run(*REPLAY, *other, *words, "--dry-run").status == 6, "what is only looked at is another source, too")
            check(shown(hub, *same, *words)["replayed"] == 0, "it was replayed again")
            older = json.loads(state.read_text())
            check(older.pop("source"), str(older))
            state.write_text(json.dumps(older))  # of a version that did not say
            check(shown(hub, *same, *words)["replayed"] == 0, "it was replayed again")
            check(json.loads(state.read_text())["source"], "its source is not noted")
            state.unlink()


def in_order(events, devices, count):
    """Each device's came, first arrivals in order."""
    for device in devices:
        due = 0
        for n in (e["payload"]["n"] for e in events if e["origin"] == device):
            check(n <= due, f"{device}: {n} came before {due}")
            due = max(due, n + 1)
        check(due == count, f"{device}: {due} of {count} came")


def replayed(words, relay, cuts):
    """What `azimuth WORDS` tells, whose connections are cut so often."""
    done = azimuth(*words)
    check(done.status == 0, str(done))
    told = done.json()
    check(told["complete"] and told["reconnects"] >= cuts and "was lost" in done.error, f"{relay.cuts} cuts: {done}")
    return f"{told['reconnects']} reconnects"


@group.case
def a_connection_that_is_cut_again_and_again_is_made_anew():
    devices, count = [f"cut-{n}" for n in range(8)], 800
    source = folder("cut", [[(n, n // 200, device) for n in range(count)] for device in devices])
    with Hub() as hub:
        for name in ("one", "two"):
            hub.must("eventhub", "create", "-n", name, "-p", 3)
        relay = Relay(hub.ready["amqp"], random.Random(5), (200_000, 900_000), most=2)
        cut = ["--login", hub.login(), "--ca", hub.ca, "--amqp-port", relay.port, "--https-port", hub.ready["https"]]
        notes = [replayed((*REPLAY, *cut, "--source", source, "-n", "one", "--speed", "max"), relay, 1)]
        in_order(events_of(hub, "one", there_are(hub, "one")), devices, count)
        relay.is_calm, relay.cuts = False, 0
        notes.append(replayed((*REPLAY, *cut, "--source-event-hub", "one", "-n", "two", "--speed", "max"), relay, 1))
        in_order(events_of(hub, "two", there_are(hub, "two")), devices, count)
        relay.is_calm, relay.cuts = False, 0
        notes.append(replayed((*REPLAY, *cut, "--source", source, "--as-devices", "--create-devices", "--speed", "max"), relay, 1))
        own = hub.run("connection-string", "--event-hub").out.strip().split("EntityPath=")[1]
        in_order(events_of(hub, own, there_are(hub, own)), devices, count)
        relay.close()
    return ", ".join(notes)


@group.case
def a_first_connection_that_fails_is_final():
    with Hub() as hub:
        hub.must("eventhub", "create", "-n", "one")
        with socket.socket() as gone:  # held, and nobody listens
            gone.bind(("127.0.0.1", 0))
            done = azimuth(*REPLAY, "--login", hub.login(), "--ca", hub.ca, "--amqp-port", gone.getsockname()[1], "--source", TWO, "-n", "one")
        check(done.status == 1 and "no hub answers" in done.error, str(done))
        check("tries" not in done.error, "it was tried again")


def cut_words(hub, relay):
    return ("--login", hub.login(), "--ca", hub.ca, "--amqp-port", relay.port, "--https-port", hub.ready["https"], "--source", TWO,
            "-n", "one", "--speed", "max")


@group.case
def a_target_that_cuts_before_it_acknowledges_is_waited_for_as_long_as_was_said():
    """A connection lives for the login and the attach, and not for the first event (`bytes_of_life`)."""
    with Hub() as hub:
        hub.must("eventhub", "create", "-n", "one", "-p", 3)
        relay = Relay(hub.ready["amqp"], random.Random(3), (8000, 8000))
        big = folder("big", [[(n, n, "d" * 100 + str(n)) for n in range(200)]])
        words = [*REPLAY, *cut_words(hub, relay)]
        words[words.index(TWO)] = big
        done = azimuth(*words, "--give-up-after", "2s")
        check(done.status == 1 and "in 2 s get any further" in done.error and "was lost" in done.error, str(done))
        check(done.json()["replayed"] < 200, str(done))
        with subprocess.Popen([str(word) for word in (AZIMUTH, *words)], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
                              env=environment()) as process:
            while "was lost" not in process.stderr.readline():
                check(process.poll() is None, "it ended")
            process.send_signal(signal.SIGINT)
            process.communicate(timeout=SECONDS_MAX)
        check(process.returncode == 1, "Ctrl-C ends it while it waits")
        relay.is_calm = True
        check(azimuth(*words).json()["complete"], "then it comes through")
        relay.close()
