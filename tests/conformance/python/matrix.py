"""matrix.py - every capability over every transport of azure-iot-device: one case each, named
`TRANSPORT: CAPABILITY`. What a transport of the SDK does not have is said so, with its reason."""
import http.client
import json
import ssl
import time
import urllib.parse

from azure.iot.device import IoTHubDeviceClient, Message, MethodResponse
from azure.iot.hub.models import Twin, TwinProperties

from c2d_kit import receiver, send
from check import check, equal, not_offered, until
from hub import body, ca, device_client, env, identity, registry, round_trip, string_of
from matrix_call import call
from modules_kit import module_client, module_identity
from own_server import own_server
from x509_kit import authority, client_with, issue, thumbprint

TRANSPORTS = {"MQTT": {}, "MQTT-WS": {"websockets": True}}
NO_TRANSPORT = "azure/iot/device/iothub/pipeline has no stages but MQTT's (and HTTPS for uploads and edge modules)"
NO_SETTLING = "azure/iot/device/common/mqtt_transport.py leaves PUBACK to Paho; IoTHubDeviceClient has no method that settles"
CAPABILITIES = {}


def capability(name):
    """Registers a cell: a function of the transport's name and of the client's options for it."""
    return lambda run: CAPABILITIES.setdefault(name, run)


def id_for(what, transport):
    return f"matrix-py-{what}-{transport.lower()}"


def connected(device_id, options):
    client = device_client(string_of(identity(device_id)), **options)
    client.connect()
    return client


@capability("telemetry")
def _(transport, options):
    device_id = id_for("telemetry", transport)
    client = connected(device_id, options)
    message = Message('{"t":21.5}', message_id="m 1", content_encoding="utf-8", content_type="application/json")
    message.custom_properties["kind"] = "a&b=c"
    [event] = round_trip(device_id, lambda: client.send_message(message))
    equal((body(event), event.properties, event.message_id, event.content_type),
          (b'{"t":21.5}', {b"kind": b"a&b=c"}, "m 1", "application/json"))
    client.shutdown()


@capability("C2D complete")
def _(transport, options):
    device_id = id_for("c2d", transport)
    client, got = receiver(identity(device_id), **options)
    send(device_id, "do", {"p": "v"})
    until("it is there", lambda: got)
    equal((got[0].data, got[0].custom_properties["p"]), (b"do", "v"))
    until("the queue is empty", lambda: registry.get_device(device_id).cloud_to_device_message_count == 0)
    client.shutdown()


def desired(**values):
    return Twin(properties=TwinProperties(desired=values))


@capability("twin get")
def _(transport, options):
    device_id = id_for("twin-get", transport)
    client = connected(device_id, options)
    registry.update_twin(device_id, desired(level={"low": 1}))
    equal(client.get_twin()["desired"], {"level": {"low": 1}, "$version": 2})
    client.shutdown()


@capability("twin reported")
def _(transport, options):
    device_id = id_for("twin-reported", transport)
    client = connected(device_id, options)
    client.patch_twin_reported_properties({"state": {"a": 1, "b": "two"}})
    client.patch_twin_reported_properties({"state": {"a": None}})
    equal(registry.get_twin(device_id).properties.reported["state"], {"b": "two"})
    client.shutdown()


@capability("twin desired")
def _(transport, options):
    device_id = id_for("twin-desired", transport)
    client, heard = connected(device_id, options), []
    client.on_twin_desired_properties_patch_received = heard.append
    registry.update_twin(device_id, desired(n=1))
    until("the patch comes", lambda: heard)
    equal(heard[0], {"n": 1, "$version": 2})
    client.shutdown()


def answers(client):
    def on_request(request):
        client.send_method_response(
            MethodResponse.create_from_method_request(request, 207, {"got": request.payload}))

    client.on_method_request_received = on_request


@capability("methods")
def _(transport, options):
    device_id = id_for("methods", transport)
    client = connected(device_id, options)
    answers(client)
    call(device_id)
    client.shutdown()


def put_blob(storage, content):
    """What a storage client does with what the hub said."""
    path = "/".join(urllib.parse.quote(storage[part]) for part in ("containerName", "blobName"))
    connection = http.client.HTTPSConnection(storage["hostName"], timeout=60,
                                             context=ssl.create_default_context(cafile=env["HUB_CA"]))
    connection.request("PUT", f"/{path}{storage['sasToken']}", content, {"x-ms-blob-type": "BlockBlob"})
    return connection.getresponse().status


@capability("file upload")
def _(transport, options):
    device_id = id_for("upload", transport)
    client = connected(device_id, options)
    storage = client.get_storage_info_for_blob("logs/today.txt")
    status = put_blob(storage, b"azimuth" * 10000)
    equal(status, 201, "the upload")
    client.notify_blob_upload_status(storage["correlationId"], True, status, "done")
    client.shutdown()


@capability("modules")
def _(transport, options):
    device_id = id_for("modules", transport)
    identity(device_id)
    client = module_client(module_identity(device_id, "worker"), **options)
    client.connect()
    [event] = round_trip(device_id, lambda: client.send_message_to_output(Message("x"), "out"))
    equal(event.system_properties[b"iothub-connection-module-id"], b"worker", "the module")
    client.patch_twin_reported_properties({"n": 1})
    equal(registry.get_module_twin(device_id, "worker").properties.reported["n"], 1)
    answers(client)
    call(device_id, "worker")
    client.shutdown()


def sends_with(certificate, device_id, options):
    client = client_with(certificate, device_id, **options)
    client.connect()
    [event] = round_trip(device_id, lambda: client.send_message("{}"))
    equal(json.loads(event.system_properties[b"iothub-connection-auth-method"])["type"], "x509")
    client.shutdown()


@capability("X.509 thumbprint")
def _(transport, options):
    device_id = id_for("thumbprint", transport)
    issue(device_id, device_id)
    registry.create_device_with_x509(device_id, thumbprint(device_id, "sha1"), thumbprint(device_id, "sha1"), "enabled")
    sends_with(device_id, device_id, options)


@capability("X.509 CA")
def _(transport, options):
    device_id = id_for("authority", transport)
    registry.create_device_with_certificate_authority(device_id, "enabled")
    with authority(device_id):
        sends_with(device_id, device_id, options)


@capability("SAS renewal")
def _(transport, options):
    device_id = id_for("renewal", transport)
    client = IoTHubDeviceClient.create_from_connection_string(
        string_of(identity(device_id)), server_verification_cert=ca, sastoken_ttl=123, **options)  # renews after 3 s
    client.connect()
    time.sleep(5)
    until("the client is connected", lambda: client.connected)
    [event] = round_trip(device_id, lambda: client.send_message("later"))
    equal(body(event), b"later")
    client.shutdown()


@capability("restart")
def _(_, options):
    with own_server() as server:
        server.cli("hub", "device-identity", "create", "-d", "survivor")
        client = IoTHubDeviceClient.create_from_connection_string(
            server.string("-d", "survivor"), server_verification_cert=server.ca, connection_retry_interval=1, **options)
        client.connect()
        answers(client)
        server.kill()
        until("the device sees it", lambda: not client.connected)
        server.start()
        until("it is back", lambda: client.connected, 60)
        client.send_message("after")
        answer = json.loads(server.cli("hub", "invoke-device-method", "-d", "survivor", "--mn", "echo", "--mp", "[1]",
                                       "-o", "json"))
        equal(answer["payload"], {"got": [1]}, "the answer")
        client.shutdown()


def register_cells():
    for name, run in CAPABILITIES.items():
        for transport, options in TRANSPORTS.items():
            check(f"{transport}: {name}")(lambda run=run, t=transport, o=options: run(t, o))
        for transport in ("AMQP", "AMQP-WS", "HTTPS"):
            not_offered(f"{transport}: {name}", NO_TRANSPORT)
    for transport in TRANSPORTS:
        for name in ("C2D reject", "C2D abandon"):
            not_offered(f"{transport}: {name}", NO_SETTLING)
    for transport in ("AMQP", "AMQP-WS", "HTTPS"):
        for name in ("C2D reject", "C2D abandon"):
            not_offered(f"{transport}: {name}", NO_TRANSPORT)


register_cells()
