"""device.py - devices through azure-iot-device."""
import datetime
import json
import time

from azure.iot.device import IoTHubDeviceClient, Message
from azure.iot.device.exceptions import ClientError, CredentialError

from check import check, equal, failure, until
from hub import (
    body, ca, device_client, device_string, host, identity, registry, round_trip, send, source,
    string_of, token)

KEY_OF_NOBODY = "A" * 43 + "="


@check("a message arrives with its body and every property")
def _():
    device = identity("py-dev-all")
    message = Message(json.dumps({"temperature": 21.5}), message_id="m 1/2",
                      content_encoding="utf-8", content_type="application/json")
    message.correlation_id, message.user_id = "c=3", "user@4"
    message.expiry_time_utc = datetime.datetime(2033, 5, 18, 3, 33, 20, 500000, datetime.timezone.utc)
    message.custom_properties.update({"a b": "c&d=e/f%+", "empty": "", "unicode": "Zürich ☃"})
    [event] = round_trip("py-dev-all", lambda: send(device, [message]))
    raw = event.raw_amqp_message.properties
    equal(json.loads(body(event)), {"temperature": 21.5}, "the body")
    equal(event.message_id, "m 1/2", "message id")
    equal(event.correlation_id, "c=3", "correlation id")
    equal(bytes(raw.user_id), b"user@4", "user id")
    equal(event.content_type, "application/json", "content type")
    equal(event.system_properties[b"content-encoding"], b"utf-8", "content encoding")
    equal(raw.absolute_expiry_time, 2000000000500, "expiry")
    equal(event.properties, {b"a b": b"c&d=e/f%+", b"empty": b"", b"unicode": "Zürich ☃".encode()},
          "the properties")


@check("the hub stamps who sent, how it signed in, and when")
def _():
    device = identity("py-dev-stamps")
    [event] = round_trip("py-dev-stamps", lambda: send(device, ["{}"]))
    stamps = event.system_properties
    method = json.loads(stamps[b"iothub-connection-auth-method"])
    equal(stamps[b"iothub-connection-device-id"], b"py-dev-stamps", "the device")
    equal((method["scope"], method["type"]), ("device", "sas"), "the method")
    equal(stamps[b"iothub-connection-auth-generation-id"].decode(), device.generation_id, "generation")
    equal(stamps[b"iothub-message-source"], b"Telemetry", "the source")
    now = datetime.datetime.now(datetime.timezone.utc)
    assert abs(now - event.enqueued_time) < datetime.timedelta(minutes=1)
    assert abs(now.timestamp() - stamps[b"iothub-enqueuedtime"] / 1000) < 60


@check("two hundred messages of three devices keep each device's order")
def _():
    devices = [identity(f"py-dev-order-{n}") for n in range(3)]
    sent = [str(n).encode() for n in range(200)]
    ids = [device.device_id for device in devices]

    def all_send():
        clients = [device_client(string_of(device)) for device in devices]
        for client in clients:
            client.connect()
        for text in sent:
            for client in clients:
                client.send_message(Message(text))
        for client in clients:
            client.shutdown()

    events = round_trip(ids, all_send)
    for device_id in ids:
        mine = [event for event in events if source(event) == device_id]
        equal([body(event) for event in mine], sent, device_id)
        equal(len({event.partition for event in mine}), 1, "the number of partitions")
    for partition in {event.partition for event in events}:
        numbers = [event.sequence_number for event in events if event.partition == partition]
        equal(numbers, list(range(numbers[0], numbers[0] + len(numbers))), "the numbers")


@check("a wrong key, an unknown and a disabled device are refused alike")
def _():
    identity("py-dev-wrong")
    disabled = identity("py-dev-disabled", "disabled")
    for string in (device_string("py-dev-wrong", KEY_OF_NOBODY),
                   device_string("py-dev-unknown", KEY_OF_NOBODY), string_of(disabled)):
        client = device_client(string)
        error = failure(client.connect)
        assert isinstance(error, CredentialError), repr(error)
        client.shutdown()


@check("a token made elsewhere signs in, one for another device does not")
def _():
    device = identity("py-dev-token")
    key = device.authentication.symmetric_key.primary_key

    def connect(resource):
        client = IoTHubDeviceClient.create_from_sastoken(
            token(resource, key, 3600), server_verification_cert=ca, connection_retry=False)
        try:
            client.connect()
        finally:
            client.shutdown()

    connect(f"{host}/devices/py-dev-token")
    error = failure(connect, f"{host}/devices/py-dev-other")
    assert isinstance(error, CredentialError), repr(error)


@check("a certificate that the device does not know is refused by the device")
def _():
    device = identity("py-dev-ca")
    client = IoTHubDeviceClient.create_from_connection_string(string_of(device), connection_retry=False)
    assert isinstance(failure(client.connect), ClientError)
    client.shutdown()


@check("a second connection of a device ends the first")
def _():
    device = identity("py-dev-twice")
    first, second = (device_client(string_of(device)) for _ in range(2))
    first.connect()
    second.connect()
    until("the first connection is closed", lambda: not first.connected)
    assert second.connected
    for client in (first, second):
        client.shutdown()


@check("deleting a device ends its connection")
def _():
    device = identity("py-dev-deleted")
    client = device_client(string_of(device))
    client.connect()
    registry.delete_device("py-dev-deleted")
    until("the connection is closed", lambda: not client.connected)
    client.shutdown()


@check("a token is renewed by a new connection and nothing is lost")
def _():
    device = identity("py-dev-renewal")
    sent = [str(n).encode() for n in range(40)]

    def all_send():
        client = IoTHubDeviceClient.create_from_connection_string(
            string_of(device), server_verification_cert=ca, sastoken_ttl=123)  # renews after 3 s
        client.connect()
        for text in sent:
            client.send_message(Message(text))
            until("the client is connected", lambda: client.connected)
            time.sleep(0.15)
        client.shutdown()

    events = round_trip("py-dev-renewal", all_send)
    equal(list(dict.fromkeys(body(event) for event in events)), sent, "the bodies")
