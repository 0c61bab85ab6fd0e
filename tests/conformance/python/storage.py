"""storage.py - storage endpoints of routes: blobs in Azurite over outages, listed with azure-storage-blob and
read with fastavro or line by line; files in a folder over kill -9 at random moments."""
import base64
import collections
import glob
import http.client
import io
import json
import os
import random
import re
import socket
import threading
import time

import fastavro

from check import check, equal, until
from own_server import own_server
from azurite import Azurite

os.environ["AZIMUTH_CAPTURE_SECOND_US"] = "20000"  # a minute is 1.2 s


def endpoint(name, **members):
    return {"name": name, "batchFrequencyInSeconds": 60, "skipEmptyBlobs": True, **members}


def in_container(azurite, name, **members):
    return endpoint(name, connectionString=azurite.string, containerName=name, **members)


def apply(server, *endpoints):
    """Every message of a device goes to each of them."""
    path = f"{server.data}/routing.json"
    with open(path, "w", encoding="ascii") as out:
        json.dump({
            "endpoints": {"storageContainers": endpoints},
            "routes": [{"name": e["name"], "source": "DeviceMessages", "endpointNames": [e["name"]]} for e in endpoints],
            "enrichments": [{"key": "hub", "value": "$iothubname", "endpointNames": [e["name"] for e in endpoints]}],
        }, out)
    server.cli("hub", "routing", "apply", "-f", path)


def send(server, first, last):
    for n in range(first, last + 1):
        server.cli("device", "send-d2c-message", "-d", "d1", "--da", json.dumps({"n": n}), "-p",
                   "$.ct=application/json;$.ce=utf-8;level=hot")


class Socket(http.client.HTTPConnection):
    """The server's own socket, whose owner may do everything."""
    def __init__(self, server):
        super().__init__("localhost")
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.connect(os.path.join(server.data, "azimuth.sock"))


def health(server, name):
    connection = Socket(server)
    connection.request("GET", "/admin/v1/routingEndpointsHealth")
    answer = json.loads(connection.getresponse().read())
    connection.close()
    return next(e for e in answer["value"] if e["endpointId"] == name)


def read(name, data):
    """Messages of a blob: what it is begins with its first bytes."""
    if not data.startswith(b"Obj\1"):
        return [json.loads(line) for line in data.decode().splitlines()]
    reader = fastavro.reader(io.BytesIO(data))
    equal(reader.writer_schema["name"], "Microsoft.Azure.Devices.Message", name)
    return [{**record, "Body": json.loads(record["Body"])} for record in reader]


def blobs(container):
    return {blob.name: container.download_blob(blob.name).readall() for blob in container.list_blobs()}


def all_once(look, numbers):
    """Waits until they are there, and looks that each is there once."""
    def messages():
        return [message for name, data in look().items() for message in read(name, data)]

    until(f"{len(numbers)} messages are in files", lambda: len(messages()) >= len(numbers))
    seen = collections.Counter(message["Body"]["n"] for message in messages())
    equal({n: seen[n] for n in numbers}, {n: 1 for n in numbers}, "in how many files messages are")
    return messages()


@check("blobs in Azurite have every message once: Avro, deflated Avro and JSON, enriched, over an outage")
def _():
    with own_server() as server:
        azurite = Azurite()
        names = ("avro", "deflate", "lines")
        for name in names:
            azurite.container(name).create_container()
        server.cli("hub", "device-identity", "create", "-d", "d1")
        apply(server, in_container(azurite, "avro"), in_container(azurite, "deflate", encoding="AvroDeflate"),
              in_container(azurite, "lines", encoding="JSON",
                           fileNameFormat="{YYYY}-{MM}-{DD}/{HH}{mm}/{iothub}/{partition}.json"))
        send(server, 1, 5)
        for name in names:
            messages = all_once(lambda name=name: blobs(azurite.container(name)), range(1, 6))
            equal(messages[0]["Properties"], {"level": "hot", "hub": server.hub_name()}, "properties")
            system = messages[0]["SystemProperties"]
            equal((system["connectionDeviceId"], system["contentType"]), ("d1", "application/json"), "system properties")
            assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{7}Z", messages[0]["EnqueuedTimeUtc"])
        for name in blobs(azurite.container("avro")):
            assert re.fullmatch(server.hub_name() + r"/\d/\d{4}/\d\d/\d\d/\d\d/\d\d(-\d+)?", name), name
        for name in blobs(azurite.container("lines")):
            assert re.fullmatch(r"\d{4}-\d\d-\d\d/\d{4}/" + server.hub_name() + r"/\d(-\d+)?\.json", name), name
        until("all are well", lambda: all(health(server, name)["healthStatus"] == "healthy" for name in names))
        azurite.kill()
        send(server, 6, 8)
        until("the outage is said", lambda: "no answer" in health(server, "avro").get("lastKnownError", ""))
        azurite = Azurite(azurite.port)
        until("the container is missed", lambda: "'avro' is not there" in health(server, "avro").get("lastKnownError", ""))
        equal(health(server, "avro")["healthStatus"], "unhealthy", "health")
        for name in names:
            azurite.container(name).create_container()
        for name in names:
            all_once(lambda name=name: blobs(azurite.container(name)), range(6, 9))
        until("all are well", lambda: all(health(server, name)["healthStatus"] == "healthy" for name in names))
        apply(server, endpoint("avro", connectionString=azurite.string_with(base64.b64encode(b"wrong").decode()),
                               containerName="avro"))
        send(server, 9, 9)
        until("the key is said to be wrong",
              lambda: "does not let us write" in health(server, "avro").get("lastKnownError", ""))
        apply(server, in_container(azurite, "avro"))
        all_once(lambda: blobs(azurite.container("avro")), range(6, 10))
        azurite.kill()


def files(server):
    found = {}
    for name in glob.glob(f"{server.data}/storage/cold/**/*", recursive=True):
        if os.path.isfile(name):
            with open(name, "rb") as file:
                found[name] = file.read()
    return found


@check("every message that was acknowledged is in one file of the folder, whenever the server was killed")
def _():
    with own_server() as server:
        server.cli("hub", "device-identity", "create", "-d", "d1")
        apply(server, endpoint("cold", folder="cold", encoding="JSON"))
        acknowledged, n = [], 0
        for _ in range(4):
            n += 1
            send(server, n, n)
            acknowledged.append(n)
            killer = threading.Timer(random.uniform(0.2, 2), server.kill)
            killer.start()
            while killer.is_alive():
                n += 1
                try:
                    send(server, n, n)
                    acknowledged.append(n)
                except Exception:  # it was killed meanwhile: nobody knows
                    time.sleep(0.05)
            killer.join()
            server.start()
        all_once(lambda: files(server), acknowledged)
