"""upgrade.py - data directories of every earlier store, as the first N migrations make them, are brought up to date; one
that is newer is refused by both numbers and left as it is."""
import base64
import concurrent.futures
import json
import pathlib
import shutil
import sqlite3
import subprocess
import tempfile
import time

from backup import Elsewhere
from hub import AZIMUTH, ROOT, SECONDS_MAX, Group, check, environment

group = Group()
MIGRATIONS = sorted((ROOT / "src" / "store" / "migrations").glob("[0-9]*.sql"))
KEY = base64.b64encode(bytes(range(32))).decode()
NOW_US = int(time.time()) * 1_000_000
SAVED = {"name": "Hall 7: cold", "condition": "tags.hall = 7", "columns": ["tags.hall"], "updatedTime": "2026-11-01T12:00:00Z"}


def make(data, count):
    """A directory with a store of that version; a device, a module, a consumer group and a saved query in it, all of version 1."""
    data.mkdir(parents=True, mode=0o700)
    with sqlite3.connect(data / "store.db") as store:
        store.execute("PRAGMA journal_mode=WAL")
        store.execute("CREATE TABLE schema_migration (number BIGINT PRIMARY KEY, name TEXT NOT NULL, applied_us BIGINT NOT NULL)")
        for number, path in enumerate(MIGRATIONS[:count], 1):
            store.executescript(path.read_text(encoding="utf-8"))
            store.execute("INSERT INTO schema_migration VALUES (?, ?, ?)", (number, path.stem[5:], NOW_US))
            if number == 1:
                fill(store)
        store.commit()
    store.close()


def fill(store):
    for module in ("", "camera"):
        store.execute("INSERT INTO identity (device_id, module_id, generation_id, etag, enabled, iot_edge, auth_type, primary_key, "
                      "secondary_key, status_updated_us) VALUES ('press', ?, '638000000000000000', 7, 1, 0, 'sas', ?, ?, ?)",
                      (module, KEY, KEY, NOW_US))
    store.execute("UPDATE identity_count SET number = 1 WHERE name = 'devices'")
    store.execute("INSERT INTO consumer_group VALUES (0, 'dashboard', 'Dashboard', ?)", (NOW_US,))
    store.executemany("INSERT INTO setting VALUES (?, ?)", [(f"savedQuery:{SAVED['name']}", json.dumps(SAVED)),
                                                            ("savedQueryNot", "a setting whose name begins alike")])


def look(data):
    """The server of this program on it: all is there, can be used, and is there after the next start."""
    with Elsewhere(data) as hub:
        device = hub.must("hub", "device-identity", "show", "-d", "press").json()
        check(device["authentication"]["symmetricKey"]["primaryKey"] == KEY, "the device has another key")
        modules = hub.must("hub", "module-identity", "list", "-d", "press").json()
        check([item["moduleId"] for item in modules] == ["camera"], f"{modules}")
        groups = [item["name"] for item in hub.must("hub", "consumer-group", "list").json()]
        check("Dashboard" in groups, f"{groups}")
        hub.must("hub", "device-twin", "update", "-d", "press", "--tags", '{"hall":7}')
        found = hub.must("hub", "query", "-q", "SELECT deviceId FROM devices WHERE tags.hall = 7").json()
        check([item["deviceId"] for item in found] == ["press"], f"{found}")
        saved = hub.must("hub", "saved-query", "list").json()
        check(saved == [SAVED], f"{saved}")
        hub.must("device", "send-d2c-message", "-d", "press", "--data", json.dumps({"n": 1}))
        hub.stop()
        hub.start()
        check(hub.must("hub", "device-twin", "show", "-d", "press").json()["tags"] == {"hall": 7}, "the twin after a restart")


@group.case
def a_store_of_every_earlier_version_is_brought_up_to_date():
    with tempfile.TemporaryDirectory(prefix="azm-upgrade-") as place:
        def upgrade(count):
            data = pathlib.Path(place) / f"v{count}"
            make(data, count)
            look(data)

        with concurrent.futures.ThreadPoolExecutor(4) as pool:
            tries = {count: pool.submit(upgrade, count) for count in range(1, len(MIGRATIONS) + 1)}
        for count, outcome in tries.items():
            try:
                outcome.result()
            except Exception as why:
                raise type(why)(f"from version {count} ({MIGRATIONS[count - 1].stem}): {why}") from why
    return f"{len(tries)} versions"


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
            check(store.execute("SELECT COUNT(*) FROM identity").fetchone() == (2,), "the store was changed")
        store.close()
        shutil.rmtree(data)
