"""backup.py - a data directory copied while its server runs and devices send, checked, damaged, put back."""
import contextlib
import fcntl
import hashlib
import json
import pathlib
import shutil
import subprocess
import tempfile
import threading
import time

from hub import AZIMUTH, WAIT_SECONDS, Group, Hub, azimuth, check, environment, stand_in

group = Group()


class Elsewhere(Hub):
    """A server on a directory that is there."""

    def __init__(self, data):
        super().__init__()
        self.stop()
        shutil.rmtree(self.data / "streams", ignore_errors=True)
        self.said = open(f"{data}/said.txt", "w+", encoding="utf-8")
        self.command[self.command.index(str(self.data))] = str(data)
        shutil.rmtree(self.data)
        self.data = pathlib.Path(data)
        self.start()


def scratch():
    return tempfile.TemporaryDirectory(prefix="azm-backup-")


def send(hub, device, count, first=0):
    for number in range(first, first + count):
        hub.must("device", "send-d2c-message", "-d", device, "--data", json.dumps({"n": number}))


def numbers(hub, device, count):
    done = hub.must("hub", "monitor-events", "-d", device, "--from", "beginning", "--count", count, "--timeout", "60", "-o",
                    "jsonl")
    found = [json.loads(line)["event"]["payload"] for line in done.out.splitlines()]
    return [item["n"] if isinstance(item, dict) else json.loads(item)["n"] for item in found]


@group.case
def a_backup_of_a_running_server_becomes_a_server_that_knows_all_that_was():
    with scratch() as place, Hub() as hub:
        hub.must("hub", "device-identity", "create", "-d", "press")
        hub.must("hub", "device-twin", "update", "-d", "press", "--tags", '{"hall":7}')
        hub.must("eventhub", "create", "-n", "orders")
        send(hub, "press", 3)
        key = hub.must("connection-string", "--device-id", "press").out
        done = hub.must("backup", "create", "--to", f"{place}/monday").json()
        check(done["status"] == "created" and done["files"] > 5, str(done))
        check(not (hub.data / "store-snapshot.db").exists(), "the store's copy was left behind")
        send(hub, "press", 1, 3)
        check(azimuth("backup", "verify", "--from", f"{place}/monday").json()["status"] == "good", "it does not verify")
        restored = azimuth("backup", "restore", "--from", f"{place}/monday", "--data", f"{place}/data")
        check(restored.status == 0 and restored.json()["status"] == "restored", str(restored))
        with Elsewhere(f"{place}/data") as again:
            check(again.must("hub", "device-twin", "show", "-d", "press").json()["tags"] == {"hall": 7}, "the twin")
            check(again.must("connection-string", "--device-id", "press").out == key, "the device's key, or the host")
            check([item["name"] for item in again.must("eventhub", "list").json()] == ["orders"], "the event hub")
            check(numbers(again, "press", 3) == [0, 1, 2], "the events")
            send(again, "press", 1, 9)
            check(numbers(again, "press", 4) == [0, 1, 2, 9], "it takes no new ones")


@group.case
def what_is_acknowledged_before_it_begins_is_in_it_whatever_comes_meanwhile():
    with scratch() as place, Hub() as hub:
        hub.must("hub", "device-identity", "create", "-d", "press")
        hub.must("hub", "device-identity", "create", "-d", "busy")
        send(hub, "press", 2)
        command = [str(word) for word in (AZIMUTH, "device", "simulate", "-d", "busy", "--message-interval", "0", "--msg-count",
                                          "4000", "--data", "{}")]
        noise = subprocess.Popen([*command, "--data", str(hub.data)], stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                                 stderr=subprocess.DEVNULL, cwd="/", env=environment())
        stop = threading.Event()

        def change():
            number = 0
            while not stop.is_set():
                number += 1
                hub.must("hub", "device-twin", "update", "-d", "busy", "--tags", json.dumps({"n": number}))

        thread = threading.Thread(target=change)
        thread.start()
        try:
            for day in ("monday", "tuesday", "wednesday"):
                hub.must("backup", "create", "--to", f"{place}/{day}")
        finally:
            stop.set()
            thread.join()
            noise.kill()
            noise.wait()
        for day in ("monday", "wednesday"):
            check(azimuth("backup", "restore", "--from", f"{place}/{day}", "--data", f"{place}/data-{day}").status == 0, day)
            with Elsewhere(f"{place}/data-{day}") as again:
                check(numbers(again, "press", 2) == [0, 1], f"{day}: the events")
                again.must("hub", "device-twin", "show", "-d", "busy")


def growing_log(segment):
    """What a server answers whose log has grown by the time that its store's copy is there."""
    def answer(asked):
        if asked.startswith("GET"):
            return json.dumps({"hostname": "localhost", "hubName": "localhost"})
        (segment.parents[3] / "store-snapshot.db").write_text("a place behind 'later'")
        segment.write_text(segment.read_text() + ", later")
        return "{}"

    return answer


@contextlib.contextmanager
def no_server_but_its_answers(data):
    """A directory as of a server that runs, with one segment, which grows while the store is copied."""
    segment = data / "streams" / "0" / "0" / f"{0:020}.log"
    segment.parent.mkdir(parents=True)
    segment.write_text("before")
    (data / "log.meta").write_text("azimuth-log 1\n")
    (data / "journal").write_bytes(bytes(4096))
    with open(data / "lock", "w", encoding="utf-8") as lock, stand_in(data, growing_log(segment)):
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


@group.case
def the_log_is_copied_after_the_store_so_that_no_place_is_beyond_its_end():
    with scratch() as place:
        data, backup = pathlib.Path(place) / "data", pathlib.Path(place) / "b"
        with no_server_but_its_answers(data):
            done = azimuth("backup", "create", "--data", data, "--to", backup)
        check(done.status == 0, str(done))
        check((backup / "store.db").read_text() == "a place behind 'later'", "the store's copy")
        check((backup / "streams/0/0" / f"{0:020}.log").read_text() == "before, later", "the log is older than the store")


@group.case
def a_server_that_does_not_run_is_backed_up_just_the_same():
    with scratch() as place:
        hub = Hub()
        try:
            hub.must("hub", "device-identity", "create", "-d", "press")
            send(hub, "press", 1)
            hub.process.kill()
            hub.process.wait()
            hub.process.stdout.close()
            done = azimuth("backup", "create", "--data", hub.data, "--to", f"{place}/b")
            check(done.status == 0, str(done))
        finally:
            hub.said.close()
            shutil.rmtree(hub.data)
        check(azimuth("backup", "restore", "--from", f"{place}/b", "--data", f"{place}/data").status == 0, "restore")
        with Elsewhere(f"{place}/data") as again:
            check(numbers(again, "press", 1) == [0], "the events")


def refused(restored, hub):
    """A directory in which all is but the store, which comes last: no server takes it for a hub."""
    missing = {path.name for path in hub.data.iterdir()} - {path.name for path in restored.iterdir()}
    check("store.db" in missing and not missing & {"log.meta", "journal", "ca.pem"}, f"{missing} are missing")
    check(not (restored / "restoring").exists(), "what is damaged was left")
    done = azimuth(*(str(restored) if word == str(hub.data) else word for word in hub.command[1:]))
    check(done.status == 1 and "store.db is missing" in done.error, str(done))


@group.case
def damage_is_found_and_nothing_is_overwritten():
    with scratch() as place, Hub() as hub:
        backup = pathlib.Path(place) / "b"
        hub.must("backup", "create", "--to", backup)
        check(hub.run("backup", "create", "--to", backup).status == 6, "it wrote over a backup")
        check(azimuth("backup", "restore", "--from", backup, "--data", hub.data).status == 6, "it wrote over a server's data")
        store = backup / "store.db"
        whole = store.read_bytes()
        store.write_bytes(whole[:5000] + bytes([whole[5000] ^ 1]) + whole[5001:])
        done = azimuth("backup", "verify", "--from", backup)
        check(done.status == 1 and "store.db" in done.error and "SHA-256" in done.error, str(done))
        check(azimuth("backup", "restore", "--from", backup, "--data", f"{place}/x").status == 1, "it restored what is damaged")
        store.write_bytes(whole)
        refused(pathlib.Path(place) / "x", hub)
        (backup / "ca.pem").rename(backup / "gone")
        check(azimuth("backup", "verify", "--from", backup).status == 3, "a missing file")
        (backup / "gone").rename(backup / "ca.pem")
        manifest = backup / "MANIFEST.json"
        text = manifest.read_text(encoding="utf-8")
        manifest.write_text(text.replace('"path":"ca.pem"', '"path":"../ca.pem"'), encoding="utf-8")
        check(azimuth("backup", "verify", "--from", backup).status == 1, "a path that leads outside")
        manifest.write_text(text.replace('"version":1', '"version":2'), encoding="utf-8")
        done = azimuth("backup", "verify", "--from", backup)
        check(done.status == 1 and "version 2" in done.error, str(done))
        for damaged in (text.replace('"version":1', '"version":0'), text[: text.index("[")] + "[]}"):
            manifest.write_text(damaged, encoding="utf-8")
            done = azimuth("backup", "verify", "--from", backup)
            check(done.status == 1 and "is damaged" in done.error, str(done))
        manifest.unlink()
        done = azimuth("backup", "verify", "--from", backup)
        check(done.status == 3 and "not finished" in done.error, str(done))
        check(hashlib.sha256(whole).hexdigest() in text, "the manifest's digest is not SHA-256")


@group.case
def a_lock_that_cannot_be_opened_is_named():
    """As that of a service's directory, by who may not look into it."""
    with scratch() as place:
        (pathlib.Path(place) / "data" / "lock").mkdir(parents=True)
        done = azimuth("backup", "create", "--data", f"{place}/data", "--to", f"{place}/b")
        check(done.status == 1 and "data/lock" in done.error and "no data directory" not in done.error, str(done))


@group.case
def a_backup_in_the_data_directory_is_refused_and_nothing_is_left_of_it():
    with scratch() as place, Hub() as hub:
        way = pathlib.Path(place) / "way"
        way.symlink_to(hub.data)
        for to in (hub.data / "inside", way / "inside"):
            done = hub.run("backup", "create", "--to", to)
            check(done.status == 2 and f"--to {to}: it lies in the data directory" in done.error, str(done))
        check(not (hub.data / "inside").exists(), "a directory is left")
        beside = pathlib.Path(f"{hub.data}-beside")  # whose name begins alike
        hub.must("backup", "create", "--to", beside)
        shutil.rmtree(beside)


@group.case
def secrets_in_a_backup_are_for_their_owner_alone():
    with scratch() as place, Hub() as hub:
        hub.must("backup", "create", "--to", f"{place}/b")
        for path in (pathlib.Path(place) / "b").rglob("*"):
            check(path.stat().st_mode & 0o077 == 0, f"{path.name} is open to others: {path.stat().st_mode:o}")
        check((pathlib.Path(place) / "b").stat().st_mode & 0o077 == 0, "the directory is open to others")


def told(hub):
    status, text = hub.ask("GET", "/admin/v1/backup", socket_path=True)
    check(status == 200, f"{status} {text}")
    return json.loads(text)


def await_end(hub):
    end = time.monotonic() + WAIT_SECONDS
    while (now := told(hub))["running"]:
        check(time.monotonic() < end, f"the backup does not end: {now}")
        time.sleep(0.05)
    return now


def await_last(hub):
    end = time.monotonic() + WAIT_SECONDS
    while told(hub)["last"] is None:
        check(time.monotonic() < end, "the server does not know of the backup")
        time.sleep(0.05)


@group.case
def the_server_makes_a_backup_where_it_was_told_to():
    with scratch() as place, Hub("--backup-dir", place, "--disk-reserve", "0") as hub:
        check(told(hub) == {"directory": str(pathlib.Path(place).resolve()), "running": None, "last": None, "error": None}, str(told(hub)))
        hub.must("hub", "device-identity", "create", "-d", "press")
        send(hub, "press", 2)
        status, text = hub.ask("POST", "/admin/v1/backup", socket_path=True)
        check(status == 202, f"{status} {text}")
        now = await_end(hub)
        check(now["error"] is None and now["last"]["files"] > 5, str(now))
        made = pathlib.Path(now["last"]["path"])
        check(made.parent == pathlib.Path(place).resolve(), str(made))
        check(azimuth("backup", "verify", "--from", made).json()["files"] == now["last"]["files"], "it does not verify")
        check(not (made / "last-backup.json").exists() and not (hub.data / "store-snapshot.db").exists(), "what is not to be there")
        for path in made.rglob("*"):
            check(path.stat().st_mode & 0o077 == 0, f"{path.name} is open to others: {path.stat().st_mode:o}")
        check(azimuth("backup", "restore", "--from", made, "--data", f"{place}/data").status == 0, "restore")
        with Elsewhere(f"{place}/data") as again:
            check(numbers(again, "press", 2) == [0, 1], "the events")


@group.case
def who_has_no_directory_makes_none_and_says_why():
    with scratch() as place, Hub("--backup-dir", place) as hub:
        pathlib.Path(place).rmdir()
        check(hub.ask("POST", "/admin/v1/backup", socket_path=True)[0] == 202, "it is not begun")
        now = await_end(hub)
        pathlib.Path(place).mkdir()
        check(now["last"] is None and place in now["error"], str(now))
    with scratch() as place, Hub() as hub:
        status, text = hub.ask("POST", "/admin/v1/backup", socket_path=True)
        check(status == 400 and "--backup-dir" in text, f"{status} {text}")
        hub.must("backup", "create", "--to", f"{place}/b")
        await_last(hub)
        check(told(hub)["last"]["path"] == str(pathlib.Path(place).resolve() / "b"), str(told(hub)))
        inside = hub.data / "backups"
        inside.mkdir()
        hub.stop()
        for words, why in ((("--backup-dir", inside), "data directory"), (("--backup-dir", f"{place}/none"), "no such directory"),
                           (("--backup-dir", place, "--ephemeral"), "keeps nothing")):
            where = () if "--ephemeral" in words else ("--data", hub.data)
            done = azimuth("serve", *where, "--console", "off", "--mqtt-port", 0, "--amqp-port", 0, "--https-port", 0, *words)
            check(done.status != 0 and why in done.error, str(done))
        hub.start()


def says_no(done):
    return done.status == 6 and "another backup is under way" in done.error


@group.case
def two_at_once_are_one_and_a_clear_no():
    with scratch() as place, Hub("--backup-dir", place, "--disk-reserve", "0") as hub:
        check(hub.ask("POST", "/admin/v1/backup", socket_path=True)[0] == 202, "it is not begun")
        done = hub.run("backup", "create", "--to", f"{place}/1")
        check(done.status == 0 or says_no(done), str(done))
        check(await_end(hub)["error"] is None, str(told(hub)))
        with open(hub.data / "backup.lock", "a", encoding="utf-8") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            status, text = hub.ask("POST", "/admin/v1/backup", socket_path=True)
            check(status == 409 and "another backup is under way" in text, f"{status} {text}")
            check(told(hub)["running"] is None, str(told(hub)))
            done = hub.run("backup", "create", "--to", f"{place}/2")
            check(says_no(done) and not pathlib.Path(f"{place}/2").exists(), str(done))
            hub.stop()
            done = azimuth("backup", "create", "--data", hub.data, "--to", f"{place}/3")
            check(says_no(done), str(done))
        hub.start()
        hub.must("backup", "create", "--to", f"{place}/4")
        check(azimuth("backup", "verify", "--from", f"{place}/4").status == 0, "it does not verify")
        check(not (hub.data / "store-snapshot.db").exists(), "the store's copy was left behind")
