"""plain_matrix.py - every capability as Eclipse Paho's MQTT client can have it, over TCP and WebSocket:
one case each, named `TRANSPORT: CAPABILITY`."""
import json

from azure.iot.hub.models import Twin, TwinProperties

from c2d_kit import send
from check import check, equal, not_offered, until
from hub import body, identity, registry, round_trip
from matrix_call import call
from modules_kit import module_identity
from own_server import HOST, own_server
from plain_kit import PlainDevice
from x509_kit import authority, folder, issue, thumbprint

TRANSPORTS = {"MQTT": False, "MQTT-WS": True}
CAPABILITIES = {}
GRACE_S = 300  # that long behind its end a token is good, then the hub cuts


def capability(name):
    """Registers a cell: a function of the transport's name and whether it is WebSocket."""
    return lambda run: CAPABILITIES.setdefault(name, run)


def id_for(what, transport):
    return f"matrix-plain-{what}-{transport.lower()}"


def key_of(made):
    return made.authentication.symmetric_key.primary_key


def connected(device_id, websockets):
    return PlainDevice(device_id, key_of(identity(device_id)), websockets)


@capability("telemetry")
def _(transport, websockets):
    device_id = id_for("telemetry", transport)
    device = connected(device_id, websockets)
    properties = "%24.mid=m%201&%24.ct=application%2Fjson&%24.ce=utf-8&kind=a%26b%3Dc"
    [event] = round_trip(device_id, lambda: device.send('{"t":21.5}', properties))
    equal((body(event), event.properties, event.message_id, event.content_type),
          (b'{"t":21.5}', {b"kind": b"a&b=c"}, "m 1", "application/json"))
    device.close()


@capability("C2D complete")
def _(transport, websockets):
    device_id = id_for("c2d", transport)
    device = connected(device_id, websockets)
    device.bound()
    send(device_id, "do", {"p": "v"})
    until("it is there", lambda: device.got)
    topic, payload = device.got[0]
    assert payload == b"do" and "p=v" in topic, topic
    until("the queue is empty", lambda: registry.get_device(device_id).cloud_to_device_message_count == 0)
    device.close()


def desired(**values):
    return Twin(properties=TwinProperties(desired=values))


@capability("twin get")
def _(transport, websockets):
    device_id = id_for("twin-get", transport)
    device = connected(device_id, websockets)
    registry.update_twin(device_id, desired(level={"low": 1}))
    device.subscribe("$iothub/twin/res/#")
    status, twin = device.request("GET")
    equal((status, twin["desired"]), (200, {"level": {"low": 1}, "$version": 2}))
    device.close()


@capability("twin reported")
def _(transport, websockets):
    device_id = id_for("twin-reported", transport)
    device = connected(device_id, websockets)
    device.subscribe("$iothub/twin/res/#")
    for patch in ({"state": {"a": 1, "b": "two"}}, {"state": {"a": None}}):
        equal(device.request("PATCH/properties/reported", json.dumps(patch))[0], 204)
    equal(registry.get_twin(device_id).properties.reported["state"], {"b": "two"})
    device.close()


@capability("twin desired")
def _(transport, websockets):
    device_id = id_for("twin-desired", transport)
    device = connected(device_id, websockets)
    device.subscribe("$iothub/twin/PATCH/properties/desired/#")
    registry.update_twin(device_id, desired(n=1))
    until("the patch comes", lambda: device.got)
    equal((device.got[0][0], json.loads(device.got[0][1])),
          ("$iothub/twin/PATCH/properties/desired/?$version=2", {"n": 1, "$version": 2}))
    device.close()


@capability("methods")
def _(transport, websockets):
    device_id = id_for("methods", transport)
    device = connected(device_id, websockets)
    device.echo()
    call(device_id)
    device.close()


@capability("modules")
def _(transport, websockets):
    device_id = id_for("modules", transport)
    identity(device_id)
    module = PlainDevice(f"{device_id}/worker", key_of(module_identity(device_id, "worker")), websockets)
    [event] = round_trip(device_id, lambda: module.send("x", "%24.on=out"))
    equal(event.system_properties[b"iothub-connection-module-id"], b"worker", "the module")
    module.subscribe("$iothub/twin/res/#")
    equal(module.request("PATCH/properties/reported", '{"n":1}')[0], 204)
    equal(registry.get_module_twin(device_id, "worker").properties.reported["n"], 1)
    module.echo()
    call(device_id, "worker")
    module.close()


def sends_with(certificate, device_id, websockets):
    device = PlainDevice(device_id, None, websockets, certificate=str(folder / certificate))
    [event] = round_trip(device_id, lambda: device.send("{}"))
    equal(json.loads(event.system_properties[b"iothub-connection-auth-method"])["type"], "x509")
    device.close()


@capability("X.509 thumbprint")
def _(transport, websockets):
    device_id = id_for("thumbprint", transport)
    issue(device_id, device_id)
    digest = thumbprint(device_id, "sha1")
    registry.create_device_with_x509(device_id, digest, digest, "enabled")
    sends_with(device_id, device_id, websockets)


@capability("X.509 CA")
def _(transport, websockets):
    device_id = id_for("authority", transport)
    registry.create_device_with_certificate_authority(device_id, "enabled")
    with authority(device_id):
        sends_with(device_id, device_id, websockets)


@capability("SAS renewal")
def _(transport, websockets):
    device_id = id_for("renewal", transport)
    device = PlainDevice(device_id, key_of(identity(device_id)), websockets, seconds=3 - GRACE_S)
    device.echo()
    until("the hub cuts it", lambda: not device.connected.is_set())
    until("it is back with another token", device.connected.is_set)
    [event] = round_trip(device_id, lambda: device.send("later"))
    equal(body(event), b"later")
    call(device_id)
    device.close()


@capability("restart")
def _(_, websockets):
    with own_server() as server:
        made = json.loads(server.cli("hub", "device-identity", "create", "-d", "survivor", "-o", "json"))
        device = PlainDevice("survivor", made["authentication"]["symmetricKey"]["primaryKey"], websockets, at=HOST,
                             ca_file=server.ready["ca"])
        device.echo()
        server.kill()
        until("the device sees it", lambda: not device.connected.is_set())
        server.start()
        until("it is back", device.connected.is_set, 60)
        device.send("after")
        answer = json.loads(server.cli("hub", "invoke-device-method", "-d", "survivor", "--mn", "echo", "--mp", "[1]",
                                       "-o", "json"))
        equal(answer["payload"], {"got": [1]}, "the answer")
        device.close()


MQTT_ONLY = "paho-mqtt speaks MQTT over TCP and WebSocket: `transport` of paho.mqtt.client.Client"
NOT_OFFERED = {
    "C2D reject": "MQTT 3.1.1, 3.4: PUBACK says that a message is taken and nothing else",
    "C2D abandon": "MQTT 3.1.1, 3.4: PUBACK says that a message is taken and nothing else",
    "file upload": "IoT Hub has no topic for it: \"Upload files with IoT Hub\" asks over HTTPS",
}

for _name, _run in CAPABILITIES.items():
    for _transport, _websockets in TRANSPORTS.items():
        check(f"{_transport}: {_name}")(lambda run=_run, t=_transport, w=_websockets: run(t, w))
for _name in [*CAPABILITIES, *NOT_OFFERED]:
    for _transport in ("AMQP", "AMQP-WS", "HTTPS"):
        not_offered(f"{_transport}: {_name}", MQTT_ONLY)
for _name, _why in NOT_OFFERED.items():
    for _transport in TRANSPORTS:
        not_offered(f"{_transport}: {_name}", _why)
