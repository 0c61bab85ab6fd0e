"""replay.py - `azimuth hub replay`: files of our Capture (in snappy), and files that fastavro wrote as Azure's are, into event hubs;
read back with azure-eventhub. And as devices into another hub."""
import datetime
import os
import pathlib
import tempfile

import fastavro
from azure.eventhub import EventHubConsumerClient
from azure.storage.blob import ContainerSasPermissions, generate_container_sas

from azurite import ACCOUNT, KEY, Azurite
from check import check, equal, until
from hub import collect
from own_server import own_server

os.environ["AZIMUTH_CAPTURE_SECOND_US"] = "20000"  # a minute is 1.2 s
START = datetime.datetime(2024, 2, 29, 23, 59, 50)


def schema(null_too):
    """Azure's; older files have no null among the types of Properties."""
    types = ["long", "double", "string", "bytes"]
    return {"type": "record", "name": "EventData", "namespace": "Microsoft.ServiceBus.Messaging", "fields": [
        {"name": "SequenceNumber", "type": "long"}, {"name": "Offset", "type": "string"},
        {"name": "EnqueuedTimeUtc", "type": "string"},
        {"name": "SystemProperties", "type": {"type": "map", "values": types}},
        {"name": "Properties", "type": {"type": "map", "values": types + (["null"] if null_too else [])}},
        {"name": "Body", "type": ["null", "bytes"]}]}


def record(n, device):
    when = START + datetime.timedelta(seconds=n)
    return {"SequenceNumber": n, "Offset": str(n * 100), "EnqueuedTimeUtc": when.strftime("%-m/%-d/%Y %-I:%M:%S %p"),
            "SystemProperties": {"iothub-connection-device-id": device, "iothub-message-source": "Telemetry",
                                 "iothub-enqueuedtime": when.isoformat() + ".2500000Z", "message-id": f"m{n}",
                                 "content-type": "application/json", "content-encoding": "utf-8",
                                 "x-opt-partition-key": "other"},
            "Properties": {"line": "north", "n": n, "ratio": 0.5, "raw": b"\x00\xff"}, "Body": b'{"n":%d}' % n}


def write(path, records, codec, null_too):
    path.parent.mkdir(parents=True, exist_ok=True)
    with open(path, "wb") as out:
        fastavro.writer(out, schema(null_too), records, codec=codec, sync_interval=700)


def read(server, name, count):
    """Events of an event hub, of each partition in their order."""
    string = server.string("--event-hub")
    string = ";".join(part for part in string.split(";") if not part.startswith("EntityPath")) + f";EntityPath={name}"
    client = EventHubConsumerClient.from_connection_string(string, "$Default", connection_verify=server.ready["ca"], retry_total=0)
    events = collect(lambda events: len(events) >= count, client=client, starting_position="-1")
    equal(len(events), count, f"the events of {name}")
    return events


def plain(value):
    return value.decode() if isinstance(value, bytes) else value


def properties(event):
    return {plain(key): value for key, value in event.properties.items()}


@check("files of Azure's form, with and without deflate, of the old and the new schema, reach azure-eventhub as they were")
def _():
    with own_server() as server, tempfile.TemporaryDirectory() as folder:
        for number, codec in enumerate(("null", "deflate")):
            write(pathlib.Path(folder) / f"ns/hub/{number}/2024/02/29/23/59/50.avro",
                  [record(n, f"d{n % 5}") for n in range(number, 90, 2)], codec, null_too=number > 0)
        server.cli("eventhub", "create", "-n", "staging", "-p", "4")
        server.cli("hub", "replay", "--source", folder, "-n", "staging", "--speed", "max")
        events = read(server, "staging", 90)
        seen = {}
        for event in events:
            mine = properties(event)
            device = plain(event.system_properties[b"iothub-connection-device-id"])
            n = mine["n"]
            equal(event.body_as_json(), {"n": n}, "the body")
            equal((plain(mine["line"]), mine["ratio"], mine["raw"]), ("north", 0.5, b"\x00\xff"), "the properties")
            equal(mine["azimuth-replay-sequence-number"], n, "the sequence number that it had")
            when = (START + datetime.timedelta(seconds=n)).isoformat()
            assert plain(mine["azimuth-replay-enqueued-time"]).startswith(when), mine
            equal((plain(event.partition_key), plain(event.message_id), plain(event.content_type)),
                  (device, f"m{n}", "application/json"), "the key, the id and the content type")
            assert n > seen.get(device, -1), f"{device} is out of order"
            seen[device] = n
        equal(sorted(seen), [f"d{n}" for n in range(5)], "the devices")


@check("files are read in the container where they lie")
def _():
    with own_server() as server, tempfile.TemporaryDirectory() as folder:
        azurite = Azurite()
        events = azurite.container("events")
        events.create_container()
        for number in range(2):
            path = pathlib.Path(folder) / f"{number}.avro"
            write(path, [record(n, "d1") for n in range(number, 3000, 2)], "deflate", null_too=True)
            events.upload_blob(f"ns/hub & more/{number}/2024.avro", path.read_bytes())
        events.upload_blob("else.txt", b"no events")
        sas = generate_container_sas(ACCOUNT, "events", account_key=KEY, permission=ContainerSasPermissions(read=True, list=True),
                                     expiry=datetime.datetime.now(datetime.timezone.utc) + datetime.timedelta(hours=1))
        server.cli("eventhub", "create", "-n", "staging", "-p", "2")
        server.cli("hub", "replay", "--source", f"{events.url}?{sas}", "-n", "staging", "--speed", "max")
        equal([event.body_as_json()["n"] for event in read(server, "staging", 3000)], list(range(3000)), "the events")
        azurite.kill()


@check("what our Capture wrote is replayed into another event hub, not into its own, and as devices into another server")
def _():
    with own_server() as server:
        server.cli("hub", "capture", "create", "--folder", "archive", "--capture-interval", "60", "--encoding", "AvroSnappy")
        server.cli("hub", "device-identity", "create", "-d", "d1")
        for n in range(5):
            server.cli("device", "send-d2c-message", "-d", "d1", "--da", f"hello {n}", "--props", "$.ct=text/plain;a=b")
        files = pathlib.Path(server.data) / "capture/archive"
        until("the files are there", lambda: files.exists() and any(files.rglob("*.avro")) and '"matched": 5' in server.cli(
            "hub", "replay", "--source", str(files), "--dry-run", "-o", "json"))
        server.cli("eventhub", "create", "-n", "again", "-p", "2")
        server.cli("hub", "replay", "--source", str(files), "-n", "again", "--speed", "max", "--time-shift", "now")
        events = read(server, "again", 5)
        equal([event.body_as_str() for event in events], [f"hello {n}" for n in range(5)], "the bodies")
        equal(plain(properties(events[0])["a"]), "b", "a property")
        stamp = events[0].system_properties[b"iothub-enqueuedtime"]
        assert abs(stamp / 1000 - datetime.datetime.now().timestamp()) < 60, f"{stamp} was not shifted"
        for words in (("--as-devices",), ("--source-event-hub", "again", "-n", "again")):
            source = () if "--source-event-hub" in words else ("--source", str(files))
            try:
                server.cli("hub", "replay", *source, *words, "--speed", "max")
                raise AssertionError("a loop is not refused")
            except Exception as error:
                equal(getattr(error, "returncode", None), 6, f"the status of a loop: {error!r}")
