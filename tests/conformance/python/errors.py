"""errors.py - what Python's SDKs make of errors: azure-iot-hub has one class of error with the status, the header and
the body; azure-iot-device has classes of its own. What stands in the answers is in ../node/errors_http.js."""
import base64

from azure.iot.device.exceptions import ClientError, CredentialError
from azure.iot.device.iothub.sync_clients import IoTHubModuleClient
from azure.iot.hub import DigitalTwinClient, IoTHubConfigurationManager, IoTHubRegistryManager
from azure.iot.hub.models import CloudToDeviceMethod, Configuration, ConfigurationContent, QuerySpecification, Twin
from azure.core.exceptions import HttpResponseError
from msrest.exceptions import HttpOperationError

from check import check, equal, failure
from hub import ca, device_client, device_string, env, host, identity, registry, string_of

KEY = base64.b64encode(bytes(32)).decode()
ID = "err-py"
configurations = IoTHubConfigurationManager.from_connection_string(env["HUB_OWNER"])
digital_twins = DigitalTwinClient.from_connection_string(env["HUB_OWNER"])
reader = IoTHubRegistryManager.from_connection_string(env["HUB_REGISTRY_READ"])
bad_keys = IoTHubRegistryManager.from_connection_string(
    ";".join(f"SharedAccessKey={KEY}" if part.startswith("SharedAccessKey=") else part
             for part in env["HUB_OWNER"].split(";")))
CONTENT = ConfigurationContent(device_content={"properties.desired.x": 1})


def method(**more):
    return registry.invoke_device_method(ID, CloudToDeviceMethod(method_name="m", **more))


# What is asked, status, name of the error.
SERVICES = [
    ("a device that is not there", lambda: registry.get_device("err-nobody"), 404, "DeviceNotFound"),
    ("its twin", lambda: registry.get_twin("err-nobody"), 404, "DeviceNotFound"),
    ("its modules", lambda: registry.get_modules("err-nobody"), 404, "DeviceNotFound"),
    ("a module that is not there", lambda: registry.get_module(ID, "none"), 404, "ModuleNotFound"),
    ("the twin of one", lambda: registry.get_module_twin(ID, "none"), 404, "DeviceNotFound"),
    ("a configuration that is not there", lambda: configurations.get_configuration("err-none"), 404, "ConfigurationNotFound"),
    ("a device that is there", lambda: registry.create_device_with_sas(ID, "", "", "enabled"), 409, "DeviceAlreadyExists"),
    ("a module that is there", lambda: registry.create_module_with_sas(ID, "m", None, "", ""), 409,
     "ModuleAlreadyExistsOnDevice"),
    ("an id with a space", lambda: registry.create_device_with_sas("a b", "", "", "enabled"), 400, "ArgumentInvalid"),
    ("another etag", lambda: registry.update_twin(ID, Twin(tags={"a": 1}), "AAAAAAAAAAk="), 412, "PreconditionFailed"),
    ("another etag of a device", lambda: registry.delete_device(ID, "AAAA"), 412, "PreconditionFailed"),
    ("a twin with a dot in a key", lambda: registry.update_twin(ID, Twin(tags={"a.b": 1})), 400, "ArgumentInvalid"),
    ("a query that does not parse", lambda: registry.query_iot_hub(QuerySpecification(query="SELEC")), 400, "ArgumentInvalid"),
    ("a configuration of nothing", lambda: configurations.create_configuration(
        Configuration(id="err-py-c", content=ConfigurationContent())), 400, "InvalidConfigurationContent"),
    ("a condition that does not parse", lambda: configurations.create_configuration(
        Configuration(id="err-py-c", content=CONTENT, target_condition="tags.a =")), 400,
     "InvalidConfigurationTargetCondition"),
    ("a method of a device that is not connected", method, 404, "DeviceNotOnline"),
    ("a method that waits longer to connect than to answer",
     lambda: method(response_timeout_in_seconds=5, connect_timeout_in_seconds=6), 400, "ArgumentInvalid"),
    ("a right that the policy lacks", lambda: reader.get_twin(ID), 401, "IotHubUnauthorizedAccess"),
    ("another key", lambda: bad_keys.get_device(ID), 401, "IotHubUnauthorizedAccess"),
]


def setup():
    identity(ID)
    registry.create_module_with_sas(ID, "m", None, "", "")
    identity("err-py-off", "disabled")


check("the devices are there")(setup)

for what, call, status, name in SERVICES:
    def run(call=call, status=status, name=name):
        error = failure(call)
        assert isinstance(error, (HttpOperationError, HttpResponseError)), repr(error)
        equal((error.response.status_code, error.response.headers["iothub-errorcode"]), (status, name), "the error")

    check(f"azure-iot-hub: {what}")(run)


@check("azure-iot-hub: a digital twin that is not there")
def _():
    error = failure(digital_twins.get_digital_twin, "err-nobody")
    equal(error.response.status_code, 404, "the status")


# Who connects, the class of the error.
def refused(string, client=device_client):
    one = client(string)
    error = failure(one.connect)
    one.shutdown()
    return error


for what, string in [
    ("another key", device_string(ID, KEY)),
    ("a device that is not there", device_string("err-nobody", KEY)),
]:
    @check(f"azure-iot-device: {what} is a CredentialError")
    def _(string=string):
        equal(type(refused(string)), CredentialError, "the error")


@check("azure-iot-device: a disabled device, and a module that is not there, are a CredentialError")
def _():
    equal(type(refused(string_of(registry.get_device("err-py-off")))), CredentialError, "the error")
    string = f"HostName={host};DeviceId={ID};ModuleId=none;SharedAccessKey={KEY}"
    equal(type(refused(string, lambda text: IoTHubModuleClient.create_from_connection_string(
        text, server_verification_cert=ca, connection_retry=False))), CredentialError, "the error")


@check("azure-iot-device: a twin that breaks a rule is a ClientError with the status")
def _():
    client = device_client(string_of(registry.get_device(ID)))
    client.connect()
    for patch in ({"a.b": 1}, {"a": 4503599627370496}, {"a": "x" * 4097}):
        error = failure(client.patch_twin_reported_properties, patch)
        equal(type(error), ClientError, "the error")
        assert "400" in str(error.__cause__), f"its cause is {error.__cause__!r}"
    client.patch_twin_reported_properties({"a": 1})
    client.shutdown()


@check("azure-iot-device: a message over 256 KB is a ValueError before it is sent")
def _():
    client = device_client(string_of(registry.get_device(ID)))
    client.connect()
    equal(type(failure(client.send_message, "x" * (256 * 1024 + 1))), ValueError, "the error")
    client.shutdown()


@check("azure-iot-device: an upload whose blob has no name")
def _():
    client = device_client(string_of(registry.get_device(ID)))
    client.connect()
    error = failure(client.get_storage_info_for_blob, "")
    equal(type(error), ClientError, "the error")
    client.shutdown()
