"""pnp.py - IoT Plug and Play: devices that announce a model through azure-iot-device, services through
the DigitalTwinClient of azure-iot-hub."""
from azure.iot.device import Message, MethodResponse
from azure.iot.hub import DigitalTwinClient, IoTHubRegistryManager
from msrest.exceptions import HttpOperationError

from check import check, equal, failure, until
from hub import device_client, env, identity, round_trip, string_of

MODEL = "dtmi:com:example:TemperatureController;1"
digital = DigitalTwinClient.from_connection_string(env["HUB_SERVICE"])
service = IoTHubRegistryManager.from_connection_string(env["HUB_SERVICE"])


def announce(device):
    client = device_client(string_of(device), product_info=MODEL)
    client.connect()
    return client


@check("the model is kept in the twin and stands with telemetry")
def _():
    device = identity("py-pnp-model")

    def send():
        client = announce(device)
        client.send_message(Message("{}"))
        client.shutdown()

    event, = round_trip("py-pnp-model", send)
    equal(event.system_properties[b"dt-dataschema"].decode(), MODEL, "dt-dataschema")
    equal(service.get_twin("py-pnp-model").additional_properties["modelId"], MODEL, "modelId")


@check("a digital twin is read and updated")
def _():
    client = announce(identity("py-pnp-twin"))
    heard = []
    client.on_twin_desired_properties_patch_received = heard.append
    client.patch_twin_reported_properties({"serialNumber": "s1", "thermostat1": {"__t": "c", "maxTemp": 25.5}})
    digital.update_digital_twin("py-pnp-twin", [{"op": "add", "path": "/thermostat1/target", "value": 21}])
    until("the patch came", lambda: heard)
    equal(heard[0], {"thermostat1": {"__t": "c", "target": 21}, "$version": 2}, "the patch")
    shown = digital.get_digital_twin("py-pnp-twin")
    equal(shown["$metadata"]["$model"], MODEL, "$model")
    equal(shown["serialNumber"], "s1", "a property of the device")
    equal(shown["thermostat1"]["maxTemp"], 25.5, "a property of the component")
    equal(shown["thermostat1"]["$metadata"]["target"]["desiredValue"], 21, "what is desired")
    client.shutdown()


@check("an update for another version is refused")
def _():
    identity("py-pnp-etag")
    patch = [{"op": "add", "path": "/a", "value": 1}]
    digital.update_digital_twin("py-pnp-etag", patch, '"AAAAAAAAAAE="')
    error = failure(digital.update_digital_twin, "py-pnp-etag", patch, '"AAAAAAAAAAE="')
    assert isinstance(error, HttpOperationError) and error.response.status_code == 412, error


@check("commands of the device and of a component are answered")
def _():
    client = announce(identity("py-pnp-command"))

    def answer(request):
        client.send_method_response(MethodResponse.create_from_method_request(
            request, 200, {"name": request.name, "got": request.payload}))

    client.on_method_request_received = answer
    equal(digital.invoke_command("py-pnp-command", "reboot", 5, 60, 60), {"name": "reboot", "got": 5}, "the device's")
    equal(digital.invoke_component_command("py-pnp-command", "thermostat1", "report", {"since": "now"}, 60, 60),
          {"name": "thermostat1*report", "got": {"since": "now"}}, "the component's")
    client.shutdown()
