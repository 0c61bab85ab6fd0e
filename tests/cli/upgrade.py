"""upgrade.py - data directories of every earlier store, as the first N migrations make them, with rows for each that moves
data and a log of format 1, are brought up to date; one that is newer is refused by both numbers and left as it is."""
import base64
import concurrent.futures
import json
import pathlib
import shutil
import sqlite3
import subprocess
import tempfile
import time

import log_file
from backup import Elsewhere, numbers
from hub import AZIMUTH, ROOT, SECONDS_MAX, Group, check, environment, eventually

group = Group()
MIGRATIONS = sorted((ROOT / "src" / "store" / "migrations").glob("[0-9]*.sql"))
KEY = base64.b64encode(bytes(range(32))).decode()
NOW_US = int(time.time()) * 1_000_000
SAVED = {"name": "Hall 7: cold", "condition": "tags.hall = 7", "columns": ["tags.hall"], "updatedTime": "2026-11-01T12:00:00Z"}


MODULES = ["camera", "meter", "valve"]
LOGGED = [json.dumps({"n": n}) for n in range(4)]  # two in a segment, two in the journal alone
CAPTURED_FROM, CAPTURED_UNTIL = 1, 3  # a file that an earlier program began to make
CAPTURE = {"enabled": True, "encoding": "Avro", "intervalInSeconds": 900, "destination": {
    "name": "Azimuth.Folder", "properties": {"folder": "archive"}}}


def make(data, count):
    """A directory with a store of that version, filled as the programs before it did, and a log of that time."""
    data.mkdir(parents=True, mode=0o700)
    with sqlite3.connect(data / "store.db") as store:
        store.execute("PRAGMA journal_mode=WAL")
        store.execute("CREATE TABLE schema_migration (number BIGINT PRIMARY KEY, name TEXT NOT NULL, applied_us BIGINT NOT NULL)")
        for number, path in enumerate(MIGRATIONS[:count], 1):
            store.executescript(path.read_text(encoding="utf-8"))
            store.execute("INSERT INTO schema_migration VALUES (?, ?, ?)", (number, path.stem[5:], NOW_US))
            if number in FILL:
                FILL[number](store)
        store.commit()
    store.close()
    log_file.write(data, "press", LOGGED, 2, NOW_US)


# ---- what the programs of each version left in it, for each migration that moves something


def fill_first(store):
    """Identities, a consumer group; a saved query, which was a setting until 25."""
    for module in ("", *MODULES):
        store.execute("INSERT INTO identity (device_id, module_id, generation_id, etag, enabled, iot_edge, auth_type, primary_key, "
                      "secondary_key, status_updated_us) VALUES ('press', ?, '638000000000000000', 7, 1, 0, 'sas', ?, ?, ?)",
                      (module, KEY, KEY, NOW_US))
    store.execute("UPDATE identity_count SET number = 1 WHERE name = 'devices'")
    store.execute("INSERT INTO consumer_group VALUES (0, 'dashboard', 'Dashboard', ?)", (NOW_US,))
    store.executemany("INSERT INTO setting VALUES (?, ?)", [(f"savedQuery:{SAVED['name']}", json.dumps(SAVED)),
                                                            ("savedQueryNot", "a setting whose name begins alike")])


def put_twin(store, module, tags, reported, **more):
    stamps = f"[{NOW_US},1,[{','.join([f'[{NOW_US},1]'] * len(reported))}]]" if reported else f"[{NOW_US},0]"
    row = {"device_id": "press", "module_id": module, "version": 3, "etag": 2, "desired_version": 1, "reported_version": 2,
           "tags": json.dumps(tags), "desired": "{}", "desired_stamps": f"[{NOW_US},0]", "reported": json.dumps(reported),
           "reported_stamps": stamps} | more
    store.execute(f"INSERT INTO twin ({','.join(row)}) VALUES ({','.join('?' * len(row))})", list(row.values()))


def fill_twins(store):
    """Before there was an index: 6 puts one row there for each of them."""
    put_twin(store, "", {"line": "A"}, {"mode": "cold"})
    put_twin(store, "camera", {"lens": "wide"}, {})


def fill_indexed(store):
    """The index had tags and desired properties, of which these have none; 16 notes whether the other half is missing."""
    put_twin(store, "meter", {}, {"unit": "bar"}, indexed=1)
    put_twin(store, "valve", {}, {}, indexed=1)
    store.execute("INSERT INTO twin_gone VALUES ('press', 'sold', '638000000000000000', 0, '{}', '{}')")
    store.execute("INSERT INTO twin_prop VALUES (1, x'', 'press', 'sold')")


def fill_event(store):
    """On its way into the log; since 18 an event has destinations, and those of before went to the stream."""
    annotations, count = log_file.pairs("press")
    store.execute("INSERT INTO event (device_id, id, shard, source, pair_count, pairs, sections) VALUES ('press', 5, 0, 1, ?, ?, ?)",
                  (count, annotations, log_file.sections(json.dumps({"n": "event"}))))


def fill_capture(store):
    """A file that was named and not finished; 22 moves where it begins and ends."""
    store.execute("INSERT INTO capture VALUES (0, ?)", (json.dumps(CAPTURE),))
    store.execute("INSERT INTO capture_partition VALUES (0, 0, ?, ?, 'begun.avro', ?)", (CAPTURED_FROM, CAPTURED_UNTIL, NOW_US))


FILL = {1: fill_first, 4: fill_twins, 6: fill_indexed, 12: fill_event, 19: fill_capture}


# ---- whether the server of this program has it


def found(hub, where, what="devices"):
    rows = hub.must("hub", "query", "-q", f"SELECT * FROM {what} WHERE {where}").json()
    return [(item["deviceId"], item.get("moduleId", "")) for item in rows]


def look_at_identities(hub):
    device = hub.must("hub", "device-identity", "show", "-d", "press").json()
    check(device["authentication"]["symmetricKey"]["primaryKey"] == KEY, "the device has another key")
    modules = hub.must("hub", "module-identity", "list", "-d", "press").json()
    check([item["moduleId"] for item in modules] == MODULES, f"{modules}")
    groups = [item["name"] for item in hub.must("hub", "consumer-group", "list").json()]
    check("Dashboard" in groups, f"{groups}")
    saved = hub.must("hub", "saved-query", "list").json()
    check(saved == [SAVED], f"{saved}")


def look_at_twins(hub, count):
    rows = [(4, "devices", "tags.line = 'A'", ""), (4, "devices", "properties.reported.mode = 'cold'", ""),
            (4, "devices.modules", "tags.lens = 'wide'", "camera"), (6, "devices.modules", "properties.reported.unit = 'bar'", "meter")]
    for since, what, where, module in rows:
        there = found(hub, where, what)
        check(there == ([("press", module)] if count >= since else []), f"{where}: {there}")


def look_at_log(hub, count):
    was = list(range(len(LOGGED))) + (["event"] if count >= 12 else [])
    there = numbers(hub, "press", len(was))
    check(sorted(there, key=str) == sorted(was, key=str), f"of the log there is {there}")
    check([n for n in there if n != "event"] == list(range(len(LOGGED))), f"the log's order: {there}")


def look_at_capture(hub, count):
    def state():
        captures = json.loads(hub.ask("GET", "/admin/v1/captures", socket_path=True)[1])
        return [(item["files"], item["events"]) for capture in captures for item in capture["partitions"][:1]]

    wanted = [(1, CAPTURED_UNTIL - CAPTURED_FROM)] if count >= 19 else []
    eventually(state, lambda files_and_events: files_and_events == wanted)
    for n, body in enumerate(LOGGED if wanted else []):
        there = body.encode() in (hub.data / "capture" / "archive" / "begun.avro").read_bytes()
        check(there == (CAPTURED_FROM <= n < CAPTURED_UNTIL), f"{body} in what is captured: {there}")


def look_at_index(data):
    """Of a server that has stopped, for its store is its own: twins of before wait for their rows no more, and of one that has
    gone there are none."""
    with sqlite3.connect(data / "store.db") as store:
        left = [store.execute(question).fetchone()[0] for question in (
            "SELECT COUNT(*) FROM twin WHERE indexed <> 3", "SELECT COUNT(*) FROM twin_prop WHERE path_id < 4",
            "SELECT COUNT(*) FROM twin_gone")]
    store.close()
    check(not any(left), f"twins without rows, rows in their place, rows of what has gone: {left}")


def look(data, count):
    """The server of this program on it: all is there, can be used, and is there after the next start."""
    with Elsewhere(data) as hub:
        look_at_identities(hub)
        look_at_twins(hub, count)
        look_at_log(hub, count)
        look_at_capture(hub, count)
        hub.must("hub", "device-twin", "update", "-d", "press", "--tags", '{"hall":7}')
        check(found(hub, "tags.hall = 7") == [("press", "")], "a tag that was written since")
        if count >= 4:
            eventually(hub.log, lambda said: "twin.indexed" in said)
        look_at_twins(hub, count)
        hub.must("device", "send-d2c-message", "-d", "press", "--data", json.dumps({"n": 9}))
        hub.stop()
        look_at_index(data)
        hub.start()
        check(hub.must("hub", "device-twin", "show", "-d", "press").json()["tags"]["hall"] == 7, "the twin after a restart")
        look_at_twins(hub, count)


@group.case
def a_store_of_every_earlier_version_is_brought_up_to_date():
    with tempfile.TemporaryDirectory(prefix="azm-upgrade-") as place:
        def upgrade(count):
            data = pathlib.Path(place) / f"v{count}"
            make(data, count)
            look(data, count)

        with concurrent.futures.ThreadPoolExecutor(4) as pool:
            tries = {count: pool.submit(upgrade, count) for count in range(1, len(MIGRATIONS) + 1)}
        for count, outcome in tries.items():
            try:
                outcome.result()
            except Exception as why:
                raise type(why)(f"from version {count} ({MIGRATIONS[count - 1].stem}): {why}") from why
    return f"{len(tries)} versions"


@group.case
def a_log_of_the_first_format_is_read_and_goes_on_beside_other_streams():
    with tempfile.TemporaryDirectory(prefix="azm-upgrade-") as place:
        data = pathlib.Path(place) / "data"
        make(data, 1)
        with Elsewhere(data) as hub:
            check(f"in_journal={len(LOGGED)}" in hub.log(), hub.log())
            look_at_log(hub, 1)
            hub.must("eventhub", "create", "-n", "orders")
            check((data / "log.meta").read_text(encoding="ascii").startswith("azimuth-log 2\n"), "it has no second stream")
            hub.must("device", "send-d2c-message", "-d", "press", "--data", json.dumps({"n": 9}))
            hub.stop()
            hub.start()
            there = numbers(hub, "press", len(LOGGED) + 1)
            check(sorted(there) == [*range(len(LOGGED)), 9], f"of the log there is {there}")


@group.case
def a_newer_store_is_refused_and_left_as_it_is():
    with tempfile.TemporaryDirectory(prefix="azm-upgrade-") as place:
        data = pathlib.Path(place) / "data"
        make(data, len(MIGRATIONS))
        with sqlite3.connect(data / "store.db") as store:
            store.execute("INSERT INTO schema_migration VALUES (9000, 'from_the_future', ?)", (NOW_US,))
        store.close()
        done = subprocess.run([AZIMUTH, "serve", "--data", data, "--mqtt-port", "0", "--amqp-port", "0", "--https-port", "0",
                               "--console", "off"], capture_output=True, text=True, timeout=SECONDS_MAX, env=environment(), check=False)
        check(done.returncode == 1 and "9000" in done.stderr and str(len(MIGRATIONS)) in done.stderr, done.stderr)
        with sqlite3.connect(data / "store.db") as store:
            check(store.execute("SELECT COUNT(*) FROM identity").fetchone() == (1 + len(MODULES),), "the store was changed")
        store.close()
        shutil.rmtree(data)
