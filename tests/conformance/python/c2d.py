"""c2d.py - messages to devices: azure-iot-hub sends (uamqp), azure-iot-device gets."""
import json
import time

from azure.iot.device import IoTHubDeviceClient
from azure.iot.hub import IoTHubHttpRuntimeManager, IoTHubRegistryManager

from c2d_kit import receiver, send
from check import check, equal, failure, until
from hub import device_client, env, identity, registry, string_of
from own_server import own_server


@check("a message arrives with all that its sender said")
def _():
    device = identity("py-c2d-all")
    client, got = receiver(device)
    send("py-c2d-all", '{"n":1}', {
        "messageId": "mid 1/2", "correlationId": "cid=3", "contentType": "application/json",
        "contentEncoding": "utf-8", "expiryTimeUtc": int(time.time() + 600) * 1000,
        "plain": "value", "signs": "a&b=c/d?e%f+g#h;i", "iothub-ack": "none"})
    until("it is there", lambda: got)
    message = got[0]
    equal(message.data, b'{"n":1}')
    equal(message.message_id, "mid 1/2")
    equal(message.correlation_id, "cid=3")
    equal(message.content_type, "application/json")
    equal(message.content_encoding, "utf-8")
    equal(message.custom_properties["plain"], "value")
    equal(message.custom_properties["signs"], "a&b=c/d?e%f+g#h;i")
    client.shutdown()


@check("messages sent while the device was away arrive first, in order")
def _():
    device = identity("py-c2d-order")
    manager = IoTHubRegistryManager.from_connection_string(env["HUB_SERVICE"])
    sent = [str(n) for n in range(20)]
    for text in sent[:10]:
        manager.send_c2d_message("py-c2d-order", text, {})
    equal(registry.get_device("py-c2d-order").cloud_to_device_message_count, 10, "the count")
    # The SDK hands messages to on_message_received on four threads, in any order; here they come as they came.
    client = device_client(string_of(device))
    client.connect()
    got = [client.receive_message(timeout=60) for _ in range(10)]
    for text in sent[10:]:
        manager.send_c2d_message("py-c2d-order", text, {})
    got += [client.receive_message(timeout=60) for _ in range(10)]
    equal([message and message.data.decode() for message in got], sent)
    until("none is left", lambda: registry.get_device("py-c2d-order").cloud_to_device_message_count == 0)
    client.shutdown()


@check("a device that connects again gets messages though it does not subscribe again")
def _():
    device = identity("py-c2d-again")
    client, got = receiver(device)
    client.disconnect()
    send("py-c2d-again", "while it was away")
    client.connect()
    until("it is there", lambda: got)
    equal(got[0].data, b"while it was away")
    client.shutdown()


@check("an unknown device and a full queue are refused")
def _():
    assert failure(send, "py-c2d-nobody", "x")
    identity("py-c2d-full")
    manager = IoTHubRegistryManager.from_connection_string(env["HUB_SERVICE"])
    for n in range(50):
        manager.send_c2d_message("py-c2d-full", str(n), {})
    assert failure(send, "py-c2d-full", "too many")
    equal(registry.get_device("py-c2d-full").cloud_to_device_message_count, 50, "the count")


def feedback(runtime):
    """The next batch of feedback over HTTPS and the ETag that it comes with; None: there is none."""
    response = runtime.protocol.cloud_to_device_messages.receive_feedback_notification(raw=True).response
    return (json.loads(response.text), response.headers["ETag"]) if response.status_code == 200 else None


@check("feedback is received over HTTPS, abandoned and completed")
def _():
    runtime = IoTHubHttpRuntimeManager.from_connection_string(env["HUB_SERVICE"])
    device = identity("py-c2d-feedback")
    client, got = receiver(device)
    send("py-c2d-feedback", "x", {"messageId": "told", "iothub-ack": "full"})
    until("it is there", lambda: got)
    records, etag = until("its feedback is there", lambda: feedback(runtime))
    equal([(one["originalMessageId"], one["statusCode"], one["deviceId"]) for one in records],
          [("told", "Success", "py-c2d-feedback")])
    assert feedback(runtime) is None, "what is locked goes to nobody else"
    runtime.abandon_feedback_notification(etag.strip('"'))
    again, other = until("it comes again", lambda: feedback(runtime))
    equal(again, records)
    assert other != etag, other
    equal(failure(runtime.complete_feedback_notification, etag.strip('"')).response.status_code, 412)
    runtime.complete_feedback_notification(other.strip('"'))
    assert feedback(runtime) is None, "it is gone"
    client.shutdown()


@check("after kill -9 of the hub a device gets messages without subscribing again")
def _():
    with own_server() as hub:
        hub.cli("hub", "device-identity", "create", "-d", "killed")
        client = IoTHubDeviceClient.create_from_connection_string(
            hub.string("-d", "killed"), server_verification_cert=hub.ca, connection_retry_interval=1)
        got = []
        client.on_message_received = got.append
        client.connect()
        hub.kill()
        until("the device has noticed", lambda: not client.connected)
        hub.start()
        hub.cli("device", "c2d-message", "send", "-d", "killed", "--data", "after the kill", "--ack", "full")
        until("it is there", lambda: got)
        equal(got[0].data, b"after the kill")
        record = json.loads(hub.cli("hub", "monitor-feedback", "--timeout", "60", "-o", "jsonl", "-w",
                                    got[0].message_id))
        equal((record["deviceId"], record["statusCode"]), ("killed", "Success"))
        hub.cli("device", "c2d-message", "send", "-d", "killed", "--data", "x")
        hub.cli("device", "c2d-message", "purge", "-d", "killed")
        client.shutdown()
