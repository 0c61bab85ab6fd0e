"""restart.py - a server of its own that is killed: what its devices subscribed to is still there, and
what was answered.

azure-iot-device subscribes once for each feature and client, and never again when it reconnects."""
from azure.iot.device import IoTHubDeviceClient, MethodResponse
from azure.iot.hub.models import CloudToDeviceMethod, Twin, TwinProperties

from check import check, equal, until
from own_server import server_and_service


def device_that_echoes(server, device_id):
    client = IoTHubDeviceClient.create_from_connection_string(
        server.string("-d", device_id), server_verification_cert=server.ca, connection_retry_interval=1)

    def on_request(request):
        client.send_method_response(MethodResponse.create_from_method_request(request, 200, request.payload))

    client.connect()
    client.on_method_request_received = on_request
    return client


def kill_and_start(server, client):
    server.kill()
    until("the device sees it", lambda: not client.connected)
    server.start()
    until("it is back", lambda: client.connected, 60)


@check("a subscription to methods outlives kill -9 of the server")
def _():
    with server_and_service("killed") as (server, service):
        client = device_that_echoes(server, "killed")

        def call(payload):
            method = CloudToDeviceMethod(method_name="m", payload=payload, response_timeout_in_seconds=60)
            return service.invoke_device_method("killed", method).payload

        equal(call(1), 1, "the answer")
        kill_and_start(server, client)
        equal(call(2), 2, "the answer after the restart")
        client.shutdown()


@check("twins and the subscription to them outlive kill -9 of the server")
def _():
    with server_and_service("killed-twin") as (server, service):
        client = IoTHubDeviceClient.create_from_connection_string(
            server.string("-d", "killed-twin"), server_verification_cert=server.ca, connection_retry_interval=1)
        client.connect()
        heard = []
        client.on_twin_desired_properties_patch_received = heard.append
        client.patch_twin_reported_properties({"before": 1})
        service.update_twin("killed-twin", Twin(tags={"t": 1}, properties=TwinProperties(desired={"d": 1})))
        until("it came", lambda: [patch for patch in heard if patch.get("d") == 1])
        kill_and_start(server, client)
        twin = service.get_twin("killed-twin")
        equal((twin.tags, twin.properties.desired["d"], twin.properties.reported["before"]), ({"t": 1}, 1, 1),
              "what there is after the restart")
        service.update_twin("killed-twin", Twin(properties=TwinProperties(desired={"d": 2})))
        until("it came", lambda: [patch for patch in heard if patch.get("d") == 2])
        client.patch_twin_reported_properties({"after": 1})
        equal(client.get_twin()["reported"], {"before": 1, "after": 1, "$version": 3}, "reported")
        client.shutdown()
