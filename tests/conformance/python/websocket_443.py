"""websocket_443.py - devices and consumers that have nothing but port 443: azure-iot-device with
websockets=True, and azure-eventhub with TransportType.AmqpOverWebsocket."""
from azure.eventhub import TransportType
from azure.eventhub.exceptions import AuthenticationError, ConnectError
from azure.iot.device import Message
from azure.iot.device.exceptions import CredentialError

from check import check, equal, failure, until
from hub import (
    body, collect, consumer, device_client, device_string, ends, env, fields, identity, registry,
    source, string_of)

KEY_OF_NOBODY = "A" * 43 + "="


def ws_consumer(**options):
    return consumer(transport_type=TransportType.AmqpOverWebsocket, **options)


def ws_send(device, messages):
    client = device_client(string_of(device), websockets=True)
    client.connect()
    try:
        for message in messages:
            client.send_message(message)
    finally:
        client.shutdown()


def ws_round_trip(device_id, act):
    """Acts, and reads what the device sent over WebSocket."""
    start = ends()
    act()
    events = []
    for partition, last in ends().items():
        if last > start[partition]:
            events += collect(lambda some: some and some[-1].sequence_number >= last, client=ws_consumer(),
                              partition_id=partition, starting_position=start[partition])
    return [event for event in events if source(event) == device_id]


@check("a message arrives with body and properties, read on the other side the same way")
def _():
    device = identity("py-ws-one")
    message = Message(bytes(range(256)), message_id="m 1/2", content_type="application/octet-stream")
    message.custom_properties["a b"] = "Zürich ☃"
    [event] = ws_round_trip("py-ws-one", lambda: ws_send(device, [message]))
    equal(body(event), bytes(range(256)), "the body")
    equal(event.message_id, "m 1/2", "message id")
    equal(event.properties, {b"a b": "Zürich ☃".encode()}, "the properties")


@check("messages of all sizes around the borders of frames arrive in order")
def _():
    device = identity("py-ws-sizes")
    sizes = [1, 125, 126, 4096, 65535, 65536, 200000] + list(range(1, 100))
    events = ws_round_trip("py-ws-sizes", lambda: ws_send(device, [Message(b"x" * size) for size in sizes]))
    equal([len(body(event)) for event in events], sizes, "the sizes")


@check("a wrong key is refused in MQTT's own words")
def _():
    identity("py-ws-wrong")
    client = device_client(device_string("py-ws-wrong", KEY_OF_NOBODY), websockets=True)
    error = failure(client.connect)
    assert isinstance(error, CredentialError), repr(error)
    client.shutdown()


@check("deleting a device ends its connection")
def _():
    device = identity("py-ws-deleted")
    client = device_client(string_of(device), websockets=True)
    client.connect()
    registry.delete_device("py-ws-deleted")
    until("the connection is closed", lambda: not client.connected)
    client.shutdown()


@check("the hub describes itself to a consumer")
def _():
    with ws_consumer() as client:
        equal(sorted(client.get_partition_ids()), ["0", "1", "2", "3"], "the partitions")
        equal(client.get_eventhub_properties()["eventhub_name"], fields(env["HUB_EVENTS"])["EntityPath"], "the name")


@check("a consumer with a wrong key is unauthorized")
def _():
    key = fields(env["HUB_EVENTS"])["SharedAccessKey"]
    with ws_consumer(string=env["HUB_EVENTS"].replace(key, KEY_OF_NOBODY)) as client:
        error = failure(client.get_partition_ids)
        assert isinstance(error, (AuthenticationError, ConnectError)), repr(error)
