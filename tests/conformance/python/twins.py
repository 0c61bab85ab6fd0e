"""twins.py - device and module twins: devices through azure-iot-device, services through azure-iot-hub."""
import threading

from azure.iot.device.exceptions import ClientError
from azure.iot.hub import IoTHubRegistryManager
from azure.iot.hub.models import Twin, TwinProperties
from msrest.exceptions import HttpOperationError

from check import check, equal, failure, until
from hub import device_client, env, identity, string_of
from modules_kit import module_client, module_identity

service = IoTHubRegistryManager.from_connection_string(env["HUB_SERVICE"])


def content(section):
    return {key: value for key, value in section.items() if not key.startswith("$")}


def desired(**values):
    return Twin(properties=TwinProperties(desired=values))


@check("a device reads its twin and reports")
def _():
    device = identity("py-twin")
    client = device_client(string_of(device))
    client.connect()
    equal(client.get_twin(), {"desired": {"$version": 1}, "reported": {"$version": 1}}, "the twin")
    client.patch_twin_reported_properties({"a": {"b": 1.25, "c": "ü"}, "d": [1, [2]]})
    client.patch_twin_reported_properties({"a": {"c": None}})
    equal(client.get_twin()["reported"], {"a": {"b": 1.25}, "d": [1, [2]], "$version": 3}, "reported")
    equal(content(service.get_twin("py-twin").properties.reported), {"a": {"b": 1.25}, "d": [1, [2]]},
          "what services see")
    client.shutdown()


@check("a report that breaks a rule is an error")
def _():
    client = device_client(string_of(identity("py-twin-rules")))
    client.connect()
    for bad in ({"$a": 1}, {"a b": 1}, {"a": 4503599627370496}):
        assert isinstance(failure(client.patch_twin_reported_properties, bad), ClientError)
    equal(client.get_twin()["reported"], {"$version": 1}, "reported")
    client.shutdown()


@check("a device hears of what services want")
def _():
    client = device_client(string_of(identity("py-twin-desired")))
    client.connect()
    heard = []
    client.on_twin_desired_properties_patch_received = heard.append
    for n in range(10):
        service.update_twin("py-twin-desired", desired(n=n, old=None))
    until("all came", lambda: len(heard) >= 10)
    equal([patch["n"] for patch in heard], list(range(10)), "the patches")
    equal([patch["$version"] for patch in heard], list(range(2, 12)), "the versions")
    equal(client.get_twin()["desired"], {"n": 9, "$version": 11}, "desired")
    client.shutdown()


@check("thirty-two reports at once are all answered")
def _():
    client = device_client(string_of(identity("py-twin-many")))
    client.connect()
    client.get_twin()
    threads = [threading.Thread(target=client.patch_twin_reported_properties, args=({f"k{n}": n},))
               for n in range(32)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    reported = client.get_twin()["reported"]
    equal(reported.pop("$version"), 33, "the version")
    equal(reported, {f"k{n}": n for n in range(32)}, "reported")
    client.shutdown()


@check("a service merges, replaces and names an etag")
def _():
    identity("py-twin-service")
    twin = service.get_twin("py-twin-service")
    equal((twin.etag, twin.version), ("AAAAAAAAAAE=", 2), "the fresh twin")
    twin = service.update_twin("py-twin-service", Twin(tags={"a": 1, "b": {"c": 2}}), twin.etag)
    equal(twin.tags, {"a": 1, "b": {"c": 2}}, "the tags")
    error = failure(service.update_twin, "py-twin-service", Twin(tags={"a": 2}), "AAAAAAAAAAE=")
    assert isinstance(error, HttpOperationError)
    equal(error.response.status_code, 412, "the status")
    twin = service.replace_twin("py-twin-service", Twin(tags={"z": 1}), twin.etag)
    equal((twin.tags, content(twin.properties.desired)), ({"z": 1}, {}), "what was replaced")
    equal(twin.properties.desired["$version"], 2, "the version")


@check("a module has a twin of its own")
def _():
    identity("py-twin-module")
    module = module_identity("py-twin-module", "m")
    client = module_client(module)
    client.connect()
    heard = []
    client.on_twin_desired_properties_patch_received = heard.append
    client.patch_twin_reported_properties({"r": 1})
    service.update_module_twin("py-twin-module", "m", desired(d=1))
    until("it came", lambda: heard)
    equal(content(heard[0]), {"d": 1}, "the patch")
    twin = service.get_module_twin("py-twin-module", "m")
    equal((twin.module_id, content(twin.properties.reported)), ("m", {"r": 1}), "the twin")
    client.shutdown()
