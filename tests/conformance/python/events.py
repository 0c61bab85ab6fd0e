"""events.py - what happens to twins, identities and connections, read with azure-eventhub from a server that was
asked to put it on the stream, also after it was killed; caused with azure-iot-hub and azure-iot-device."""
import json

from azure.eventhub import EventHubConsumerClient
from azure.iot.device import IoTHubDeviceClient
from azure.iot.hub.models import AuthenticationMechanism, ExportImportDevice, Twin, TwinProperties

from check import check, equal, until
from hub import Reader, body, source
from own_server import server_and_service


def operations(reader, device_id, of="iothub-message-source", which=None):
    """(opType, body) of the events about a device."""
    return [(event.properties[b"opType"].decode(), json.loads(body(event))) for event in list(reader.events)
            if source(event) == device_id and which in (None, event.system_properties[of.encode()].decode())]


def once(events):
    """The events without those that came again: the stream has each at least once."""
    fresh = []
    for operation, change in events:
        if not fresh or change["version"] > fresh[-1][1]["version"]:
            fresh.append((operation, change))
    return fresh


def reader_of(server):
    client = EventHubConsumerClient.from_connection_string(
        server.string("--event-hub"), "$Default", connection_verify=server.ready["ca"])
    return Reader(client, starting_position="-1")


@check("every change that was answered has its event after kill -9, in order")
def _():
    with server_and_service("killed", "--events", "all") as (server, service):
        for n in range(30):
            service.update_twin("killed", Twin(tags={"n": n}))
        service.create_device_with_sas("late", "", "", "enabled")
        service.bulk_create_or_update_devices([ExportImportDevice(
            id="bulk", import_mode="create", status="enabled", tags={"b": 1},
            authentication=AuthenticationMechanism(type="certificateAuthority"))])
        server.kill()
        server.start()
        service.update_twin("killed", Twin(properties=TwinProperties(desired={"after": 1})))
        reader = reader_of(server)
        until("the last one came", lambda: [b for _, b in operations(reader, "killed") if "properties" in b and "version" in b
                                            and b["properties"]["desired"].get("after")])
        told = once(operations(reader, "killed", which="twinChangeEvents"))
        equal([change["version"] for _, change in told], list(range(3, 34)), "the versions")
        until("the device that was made came", lambda: operations(reader, "late"))
        equal(operations(reader, "late")[0][0], "createDeviceIdentity", "what is told of it")
        until("the twin that a bulk made came", lambda: len(once(operations(reader, "bulk"))) == 2)
        (made, fresh), (written, twin) = once(operations(reader, "bulk"))
        equal((made, fresh["version"], written, twin["version"], twin["tags"]["b"]),
              ("createDeviceIdentity", 2, "replaceTwin", 3, 1), "what is told of a bulk's device")
        reader.stop()


@check("who was connected when the server was killed is told to have left, with a number that rises")
def _():
    with server_and_service("cut", "--events", "DeviceConnectionStateEvents") as (server, _):
        client = IoTHubDeviceClient.create_from_connection_string(
            server.string("-d", "cut"), server_verification_cert=server.ca, connection_retry=False)
        client.connect()
        first = reader_of(server)
        until("it is told to be there", lambda: len(operations(first, "cut")) == 1)
        first.stop()
        server.kill()
        server.start()
        reader = reader_of(server)
        until("it is told to have left", lambda: len(operations(reader, "cut")) == 2)
        events = operations(reader, "cut")
        equal([op for op, _ in events], ["deviceConnected", "deviceDisconnected"], "what is told")
        assert events[0][1]["sequenceNumber"] < events[1][1]["sequenceNumber"]
        reader.stop()
        client.shutdown()
