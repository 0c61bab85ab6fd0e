"""capture.py - Event Hubs Capture: files in a folder over kill -9, and blobs in Azurite over an outage, listed
with azure-storage-blob and read with fastavro."""
import collections
import contextlib
import glob
import io
import os
import socket
import time

import fastavro

from azurite import Azurite
from check import check, equal, until
from own_server import own_server

os.environ["AZIMUTH_CAPTURE_SECOND_US"] = "20000"  # a minute is 1.2 s


def send(server, count):
    for n in range(count):
        server.cli("device", "send-d2c-message", "-d", "d1", "--da", f"hello {n}")


def records(files):
    """How often each event is there, by partition and sequence number, and the newest record of all."""
    seen, last = collections.Counter(), None
    for name, stream in files:
        for record in fastavro.reader(stream):
            seen[(name.split("/")[-7], record["SequenceNumber"])] += 1
            last = record
    return seen, last


def in_folder(server):
    with contextlib.ExitStack() as stack:
        names = glob.glob(f"{server.data}/capture/archive/**/*.avro", recursive=True)
        return records([(name, stack.enter_context(open(name, "rb"))) for name in names])


def in_container(container):
    return records([(blob.name, io.BytesIO(container.download_blob(blob.name).readall()))
                    for blob in container.list_blobs()])


def all_once(look, count):
    until(f"{count} events are in files", lambda: len(look()[0]) >= count)
    seen, last = look()
    equal((len(seen), set(seen.values())), (count, {1}), "events, and in how many files each is")
    return last


@check("every event is in one file of the folder, whenever the server was killed")
def _():
    with own_server() as server:
        server.cli("hub", "capture", "create", "--folder", "archive", "--capture-interval", "60")
        server.cli("hub", "device-identity", "create", "-d", "d1")
        for life in range(4):
            send(server, 5)
            time.sleep(0.4 * life)
            server.kill()
            server.start()
        last = all_once(lambda: in_folder(server), 20)
        equal(last["SystemProperties"]["iothub-connection-device-id"], "d1", "the device")
        equal(last["Body"][:6], b"hello ", "the body")


@check("blobs in Azurite are whole, an outage and a container that was deleted are said and made up for")
def _():
    with own_server() as server:
        azurite = Azurite()
        azurite.container("events").create_container()
        server.cli("hub", "device-identity", "create", "-d", "d1")
        server.cli("hub", "capture", "create", "--cs", azurite.string, "--blob-container", "events",
                   "--capture-interval", "60", "--skip-empty-archives", "--encoding", "AvroDeflate")
        send(server, 5)
        all_once(lambda: in_container(azurite.container("events")), 5)
        azurite.kill()
        send(server, 5)
        until("the outage is said", lambda: "no answer" in server.cli("hub", "capture", "show", "-o", "json"))
        azurite = Azurite(azurite.port)
        until("the container is missed", lambda: "'events' is not there" in server.cli("hub", "capture", "show", "-o", "json"))
        azurite.container("events").create_container()
        all_once(lambda: in_container(azurite.container("events")), 5)
        until("all is well", lambda: '"lastError": ""' in server.cli("hub", "capture", "show", "-o", "json"))
        azurite.kill()


@check("a container that takes connections and says nothing holds up no other")
def _():
    with own_server() as server, socket.create_server(("127.0.0.1", 0), backlog=64) as silent:
        string = f"DefaultEndpointsProtocol=http;AccountName=a;AccountKey=a2V5;BlobEndpoint=http://127.0.0.1:{silent.getsockname()[1]}/a"
        server.cli("eventhub", "create", "-n", "silent", "-p", "2")
        server.cli("hub", "capture", "create", "-n", "silent", "--cs", string, "--blob-container", "events",
                   "--capture-interval", "60")  # of windows without events, too
        silent.accept()
        azurite = Azurite()
        azurite.container("events").create_container()
        server.cli("hub", "device-identity", "create", "-d", "d1")
        server.cli("hub", "capture", "create", "--cs", azurite.string, "--blob-container", "events",
                   "--capture-interval", "60", "--skip-empty-archives")
        send(server, 3)
        all_once(lambda: in_container(azurite.container("events")), 3)
        azurite.kill()
