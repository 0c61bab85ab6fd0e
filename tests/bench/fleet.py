"""fleet.py - a million devices: created in bulks, listed, found by what their twins say, out to a file and in."""
import collections
import http.client
import json
import pathlib
import re
import socket
import threading
import time

from servers import BULK_MAX, HUB, Azimuth

DEVICES, QUICK_DEVICES = 1000000, 20000
CONNECTIONS = 4
FLOORS = 1000      # the tag has so many values
PROBES = 50        # of each query
QUERIES = {
    "found_ms": "SELECT * FROM devices WHERE tags.floor = 7",
    "nothing_ms": "SELECT * FROM devices WHERE tags.floor = -1",
    "range_ms": "SELECT * FROM devices WHERE tags.floor >= 10 AND tags.floor < 900",
    "both_ms": "SELECT * FROM devices WHERE tags.floor > 500 AND tags.building = 'b7' AND tags.room = 12",
    "reported_ms": "SELECT * FROM devices WHERE properties.reported.battery = 7 AND properties.reported.firmware = '1.0.3'",
    "ranges_ms": "SELECT * FROM devices WHERE tags.floor > 990 AND properties.reported.battery < 2",
    "prefixed_ms": "SELECT * FROM devices WHERE STARTSWITH(properties.reported.firmware, '1.0.3') AND tags.room = 12"
                   " AND tags.building = 'b7'",
    "in_ms": "SELECT * FROM devices WHERE tags.room IN [1,2,3] AND tags.building IN ['b1','b2']",
    "or_ms": "SELECT * FROM devices WHERE (tags.room = 1 AND tags.building = 'b1') OR (tags.room = 2 AND tags.building = 'b2')",
    "not_ms": "SELECT * FROM devices WHERE NOT tags.building = 'b7' AND tags.room = 12",
    "enabled_ms": "SELECT * FROM devices WHERE status = 'enabled' AND tags.building = 'b7' AND tags.room = 12",
    "edge_ms": "SELECT * FROM devices WHERE capabilities.iotEdge = true AND tags.room = 12",
    "connected_ms": "SELECT * FROM devices WHERE connectionState = 'Connected'",
    "disconnected_ms": "SELECT * FROM devices WHERE connectionState = 'Disconnected' AND tags.building = 'b7'",
    "active_ms": "SELECT * FROM devices WHERE lastActivityTime > '2026-01-01'",
    "reported_nothing_ms": "SELECT * FROM devices WHERE properties.reported.battery > 100",
    "all_ms": "SELECT * FROM devices",
    "prefix_ms": "SELECT deviceId FROM devices WHERE STARTSWITH(deviceId, 'dev00012')",
}


class Client:
    """A connection to the administrator's socket."""

    def __init__(self, server):
        self.http = http.client.HTTPConnection(HUB)
        self.http.sock = socket.socket(socket.AF_UNIX)
        self.http.sock.connect(f"{server.ready['data']}/azimuth.sock")

    def ask(self, method, path, body=None, **headers):
        self.http.request(method, f"{path}{'&' if '?' in path else '?'}api-version=2021-04-12",
                          body and json.dumps(body), {"Content-Type": "application/json", **headers})
        answer = self.http.getresponse()
        text = answer.read()
        if answer.status != 200:
            raise RuntimeError(f"{method} {path}: {answer.status} {text[:300]}")
        return json.loads(text), answer.headers

    def page(self, query, size=100, token=None):
        headers = {"x-ms-max-item-count": str(size)}
        if token:
            headers["x-ms-continuation"] = token
        rows, head = self.ask("POST", "/devices/query", {"query": query}, **headers)
        return rows, head.get("x-ms-continuation")


def device(number):
    return {"id": f"dev{number:07d}", "importMode": "create", "status": "enabled",
            "authentication": {"type": "certificateAuthority"},
            "tags": {"floor": number % FLOORS, "building": f"b{number % 13}", "room": number % 97},
            "properties": {"reported": {"firmware": f"1.0.{number % 31}", "battery": number % 101}}}


def create(server, first, end, twins):
    """So many a second."""
    def work(worker):
        client = Client(server)
        for at in range(first + worker * BULK_MAX, end, CONNECTIONS * BULK_MAX):
            devices = [device(n) for n in range(at, min(at + BULK_MAX, end))]
            if not twins:
                for entry in devices:
                    del entry["tags"], entry["properties"]
            client.ask("POST", "/devices", devices)
    began = time.monotonic()
    threads = [threading.Thread(target=work, args=(worker,)) for worker in range(CONNECTIONS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return (end - first) / (time.monotonic() - began)


def resident_mib(server):
    status = pathlib.Path(f"/proc/{server.pid}/status").read_text(encoding="ascii")
    return int(re.search(r"VmRSS:\s+(\d+) kB", status)[1]) / 1024


def milliseconds(client, query):
    """The median of a first page."""
    times = []
    for _ in range(PROBES):
        began = time.monotonic()
        client.page(query)
        times.append((time.monotonic() - began) * 1e3)
    return sorted(times)[PROBES // 2]


def walk(client, query):
    """All pages; devices a second."""
    count, token, began = 0, None, time.monotonic()
    while True:
        rows, token = client.page(query, 1000, token)
        count += len(rows)
        if not token:
            return count, count / (time.monotonic() - began)


def peak_mib(server):
    status = pathlib.Path(f"/proc/{server.pid}/status").read_text(encoding="ascii")
    return int(re.search(r"VmHWM:\s+(\d+) kB", status)[1]) / 1024


def move(client, kind, count):
    """Runs a job with the hub's own container; identities a second."""
    uri = client.ask("POST", "/admin/v1/container/uri")[0]["uri"]
    began = time.monotonic()
    job, _ = client.ask("POST", "/jobs/create", {"type": kind, "inputBlobContainerUri": uri, "outputBlobContainerUri": uri})
    while job["status"] in ("enqueued", "running"):
        time.sleep(0.2)
        job, _ = client.ask("GET", f"/jobs/{job['jobId']}")
    if job["status"] != "completed":
        raise RuntimeError(f"the {kind} is {job['status']}: {job['failureReason']}")
    return count / (time.monotonic() - began)


class Steps(dict):
    """What was measured, said as it comes: a million devices take minutes."""

    def __setitem__(self, key, value):
        super().__setitem__(key, value)
        print(f"   {key:28} {value:10.1f}", flush=True)


def job(book, name, options):
    """A job over all devices writes twins and is cancelled half-way."""
    count = options.devices or (QUICK_DEVICES if options.quick else DEVICES)
    with Azimuth() as server:
        result = Steps()
        create(server, 0, count, twins=True)
        cancel_a_job(server, Client(server), result, count)
        result["resident_peak_mib"] = peak_mib(server)
        book.add(name, server.name, {"round": 0, "devices": count, **result})


def list_rows(client, result, statistics):
    """FROM devices.jobs has a row for each device that the job had, and no other: what was done stays done."""
    by_status, token, began = collections.Counter(), None, time.monotonic()
    seen = set()
    while True:
        rows, token = client.page("SELECT * FROM devices.jobs WHERE devices.jobs.jobId = 'all'", 1000, token)
        by_status.update(row["status"] for row in rows)
        seen.update(row["deviceId"] for row in rows)
        if not token:
            break
    listed = sum(by_status.values())
    result["listed_per_s"] = listed / (time.monotonic() - began)
    if len(seen) != listed or by_status["completed"] != statistics["succeededCount"] or set(by_status) - {"completed", "canceled"}:
        raise RuntimeError(f"{by_status} of {len(seen)} devices are listed, the job says {statistics}")
    print(f"   listed: {dict(by_status)}", flush=True)


def cancel_a_job(server, client, result, count):
    asked = {"jobId": "all", "type": "scheduleUpdateTwin", "queryCondition": "*", "maxExecutionTimeInSeconds": 3600,
           "updateTwin": {"etag": "*", "properties": {"desired": {"by": "job"}}}}
    client.ask("PUT", "/jobs/v2/all", asked)
    began, done = time.monotonic(), 0
    while done < count // 2:
        time.sleep(0.05)
        done = client.ask("GET", "/jobs/v2/all")[0]["deviceJobStatistics"]["succeededCount"]
    result["job_per_s"] = done / (time.monotonic() - began)
    began = time.monotonic()
    client.ask("POST", "/jobs/v2/all/cancel")
    result["cancel_ms"] = (time.monotonic() - began) * 1e3
    while (state := client.ask("GET", "/jobs/v2/all")[0])["status"] != "cancelled":
        time.sleep(0.005)
    result["cancelled_ms"] = (time.monotonic() - began) * 1e3
    done = state["deviceJobStatistics"]["succeededCount"]
    result["resident_mib"] = resident_mib(server)
    list_rows(client, result, state["deviceJobStatistics"])
    written = client.page("SELECT COUNT() AS n FROM devices WHERE properties.desired.by = 'job'")[0][0]["n"]
    if written != done or done >= count:
        raise RuntimeError(f"the job says {done} of {count}, and {written} twins were written")


def scan(client, result):
    """No index has it, and no twin is so: how long a page looks, and that it ends."""
    began = time.monotonic()
    rows, token = client.page("SELECT * FROM devices WHERE properties.desired.$version > 1000")
    result["look_ms"] = (time.monotonic() - began) * 1e3
    if rows:
        raise RuntimeError(f"{rows[0]['deviceId']} was found")
    return token


def query(book, name, options):
    """A million identities with tags in bulks of 100, queries, a file of all; how much is resident."""
    count = options.devices or (QUICK_DEVICES if options.quick else DEVICES)
    tagged = count - count // 10
    with Azimuth() as server:
        result = Steps()
        result["resident_empty_mib"] = resident_mib(server)
        result["creates_per_s"] = create(server, tagged, count, twins=False)
        result["creates_with_tags_per_s"] = create(server, 0, tagged, twins=True)
        result["resident_created_mib"] = resident_mib(server)
        client = Client(server)
        client.ask("GET", "/devices?top=1000")
        for key, text in QUERIES.items():
            result[key] = milliseconds(client, text)
        scan(client, result)
        began = time.monotonic()
        rows, _ = client.page("SELECT COUNT() AS n FROM devices WHERE tags.building = 'b7'")
        result["count_ms"] = (time.monotonic() - began) * 1e3
        if rows[0]["n"] != len(range(7, tagged, 13)):
            raise RuntimeError(f"{rows} were counted")
        found, result["walked_per_s"] = walk(client, "SELECT deviceId FROM devices")
        if found != count:
            raise RuntimeError(f"{found} devices of {count} were found")
        result["resident_mib"] = resident_mib(server)
        result["exported_per_s"] = move(client, "export", count)
        result["resident_exported_mib"] = resident_mib(server)
        result["imported_per_s"] = move(client, "import", count)
        result["resident_peak_mib"] = peak_mib(server)
        book.add(name, server.name, {"round": 0, "devices": count, **result})
