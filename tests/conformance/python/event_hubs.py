"""event_hubs.py - event hubs that a user made: producers of azure-eventhub, at once and async, and a
sender of uamqp; the same keys lie in the same partitions."""
import asyncio
import http.client
import json
import os
import socket

import uamqp
from azure.eventhub import EventData, EventHubProducerClient
from azure.eventhub.aio import EventHubProducerClient as AsyncProducerClient
from azure.eventhub.exceptions import ConnectError, EventHubError
from uamqp import authentication

from check import check, equal, failure
from hub import body, collect, consumer, env, fields, host

# Keys and what Event Hubs' hash says of them.
HASHES = {"a": -16220, "7": -15263, "131": 30562, "abc": -14161, "device-1": 26788, "dev-000001": 4256,
          "contoso-device-1": -16538, "temperature-sensor-0042": 19978,
          "this is a key longer than twelve bytes": 21294, "é": -24812, "x" * 128: 21896}
PARTITIONS = 16


class Socket(http.client.HTTPConnection):
    """The server's own socket."""

    def connect(self):
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.connect(os.path.join(env["HUB_DATA"], "azimuth.sock"))


def make(name, partitions=4):
    connection = Socket("localhost")
    connection.request("PUT", f"/admin/v1/event-hubs/{name}", json.dumps({"properties": {"partitionCount": partitions}}))
    answer = connection.getresponse()
    equal(answer.status, 200, answer.read())
    return name


def string(name):
    parts = fields(env["HUB_EVENTS"]) | {"EntityPath": name}
    return ";".join(f"{key}={value}" for key, value in parts.items())


def producer(name, kind=EventHubProducerClient):
    return kind.from_connection_string(string(name), connection_verify=env["HUB_CA"], retry_total=0)


def events_of(name, count):
    return collect(lambda events: len(events) >= count, client=consumer(string=string(name)), starting_position="-1")


def expect_hashes(events):
    equal(len(events), len(HASHES), "the events")
    for event in events:
        key = body(event).decode()
        equal(event.partition, str(abs(HASHES[key]) % PARTITIONS), f"the partition of {key}")
        equal(event.partition_key, key.encode(), "the key")


@check("batches arrive whole, with properties")
def _():
    name = make("py-batches")
    with producer(name) as client:
        equal(client.get_eventhub_properties()["partition_ids"], ["0", "1", "2", "3"], "the partitions")
        batch = client.create_batch(partition_id="2")
        equal(batch.max_size_in_bytes, 1048576, "the limit")
        for n in range(300):
            event = EventData(f"e{n}")
            event.properties = {"n": n, "site": "north"}
            batch.add(event)
        client.send_batch(batch)
    events = events_of(name, 300)
    equal([body(event) for event in events], [f"e{n}".encode() for n in range(300)], "the bodies")
    equal({event.partition for event in events}, {"2"}, "the partitions")
    equal(events[7].properties, {b"n": 7, b"site": b"north"}, "the properties")


@check("keys go where the hash of Event Hubs says")
def _():
    name = make("py-keys", PARTITIONS)
    with producer(name) as client:
        for key in HASHES:
            client.send_batch([EventData(key)], partition_key=key)
    expect_hashes(events_of(name, len(HASHES)))


@check("an async producer sends side by side")
def _():
    name = make("py-async", PARTITIONS)

    async def run():
        async with producer(name, AsyncProducerClient) as client:
            await asyncio.gather(*(client.send_batch([EventData(key)], partition_key=key) for key in HASHES))

    asyncio.run(run())
    expect_hashes(events_of(name, len(HASHES)))


@check("a buffered producer sends everything")
def _():
    name = make("py-buffered")
    failed = []
    client = EventHubProducerClient.from_connection_string(
        string(name), connection_verify=env["HUB_CA"], retry_total=0, buffered_mode=True, max_wait_time=0.2,
        on_success=lambda events, partition: None, on_error=lambda *words: failed.append(words))
    with client:
        for n in range(300):
            client.send_event(EventData(f"e{n}"), **({"partition_key": f"k{n % 5}"} if n % 3 else {}))
        client.flush()
    equal(failed, [], "the errors")
    equal({body(event) for event in events_of(name, 300)}, {f"e{n}".encode() for n in range(300)}, "the bodies")


@check("what cannot be sent is refused")
def _():
    with producer(make("py-refused")) as client:
        error = failure(client.send_batch, [EventData("x")], partition_id="4")
        assert isinstance(error, (ConnectError, EventHubError)), repr(error)
    with producer("py-missing") as client:
        error = failure(client.send_batch, [EventData("x")])
        assert isinstance(error, (ConnectError, EventHubError)), repr(error)


@check("a sender of the C stack sends single messages, with and without key")
def _():
    name = make("py-c-stack", PARTITIONS)
    keys = fields(env["HUB_EVENTS"])
    auth = authentication.SASTokenAuth.from_shared_access_key(
        f"sb://{host}/{name}", keys["SharedAccessKeyName"], keys["SharedAccessKey"], verify=env["HUB_CA"], timeout=60)
    client = uamqp.SendClient(f"amqps://{host}/{name}", auth=auth)
    for key in HASHES:
        message = uamqp.Message(key.encode())
        message.annotations = {uamqp.types.AMQPSymbol("x-opt-partition-key"): key}
        client.queue_message(message)
    results = client.send_all_messages()
    equal(set(results), {uamqp.constants.MessageState.SendComplete}, "what became of them")
    expect_hashes(events_of(name, len(HASHES)))
