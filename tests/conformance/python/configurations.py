"""configurations.py - automatic configurations and deployments of IoT Edge with azure-iot-hub, and a server that is
killed while one is on its way to many devices."""
import os
import time

from azure.iot.hub import IoTHubConfigurationManager, IoTHubRegistryManager
from azure.iot.hub.models import (Configuration, ConfigurationContent, ConfigurationMetrics,
                                  ConfigurationQueriesTestInput, ExportImportDevice, QuerySpecification, Twin)
from msrest.exceptions import HttpOperationError

from check import check, equal, failure, until
from hub import device_client, env, identity, string_of
from own_server import server_and_service

RUN = f"{os.getpid()}{int(time.time()) % 100000}"
manager = IoTHubConfigurationManager.from_connection_string(env["HUB_SERVICE"])
service = IoTHubRegistryManager.from_connection_string(env["HUB_OWNER"])

MANIFEST = {
    "$edgeAgent": {"properties.desired": {"schemaVersion": "1.1", "modules": {"filter": {"type": "docker"}}}},
    "$edgeHub": {"properties.desired": {"schemaVersion": "1.1", "routes": {"up": "FROM /* INTO $upstream"}}},
    "filter": {"properties.desired": {"limit": 25}},
}


def configuration(name, condition, priority=0, metrics=None, **desired):
    content = ConfigurationContent(device_content={f"properties.desired.{path}": value for path, value in desired.items()})
    return Configuration(id=f"{name}-{RUN}", schema_version="2.0", content=content, target_condition=condition,
                         priority=priority, metrics=ConfigurationMetrics(queries=metrics or {}))


def counts(configuration_id, configurations=manager):
    results = configurations.get_configuration(configuration_id).system_metrics.results
    return results["targetedCount"], results["appliedCount"]


@check("a configuration reaches a device, and its update, too")
def _():
    device = identity(f"py-conf-{RUN}")
    service.update_twin(device.device_id, Twin(tags={"line": RUN}))
    client = device_client(string_of(device))
    client.connect()
    heard = []
    client.on_twin_desired_properties_patch_received = heard.append
    client.get_twin()
    made = manager.create_configuration(configuration(
        "py-first", f"tags.line = '{RUN}'", 3, {"all": f"SELECT deviceId FROM devices WHERE tags.line = '{RUN}'"}, speed=9))
    equal((made.id, made.priority, made.etag), (f"py-first-{RUN}", 3, "MQ=="), "what was made")
    until("the patch arrives", lambda: [patch for patch in heard if patch.get("speed") == 9])
    until("it is counted", lambda: counts(made.id) == (1, 1))
    equal(manager.get_configuration(made.id).metrics.results, {"all": 1}, "the metric")
    made.target_condition = "tags.line = 'nobody'"
    changed = manager.update_configuration(made, made.etag)
    equal(changed.etag, "Mg==", "the new etag")
    until("it is taken away", lambda: [patch for patch in heard if "speed" in patch and patch["speed"] is None])
    equal(failure(manager.update_configuration, made, made.etag).response.status_code, 412, "an old etag")
    assert any(one.id == made.id for one in manager.get_configurations(max_count=20))
    manager.delete_configuration(made.id)
    error = failure(manager.get_configuration, made.id)
    assert isinstance(error, HttpOperationError)
    equal(error.response.status_code, 404, "a deleted one")
    client.shutdown()


@check("conditions and metrics are tested")
def _():
    result = manager.test_configuration_queries(ConfigurationQueriesTestInput(
        target_condition="tags.a =", custom_metric_queries={"good": "SELECT * FROM devices", "bad": "SELECT"}))
    assert result.target_condition_error, "the condition is fine"
    equal(list(result.custom_metric_query_errors), ["bad"], "queries that are wrong")


@check("a manifest is applied on an edge device")
def _():
    device = service.create_device_with_sas(f"py-edge-{RUN}", "", "", "enabled", iot_edge=True)
    manager.apply_configuration_on_edge_device(device.device_id, ConfigurationContent(modules_content=MANIFEST))
    twin = service.get_module_twin(device.device_id, "filter")
    equal(twin.properties.desired["limit"], 25, "the module's desired property")
    agent = service.get_module_twin(device.device_id, "$edgeAgent")
    equal(agent.properties.desired["modules"], {"filter": {"type": "docker"}}, "what the agent is told")


@check("kill -9 while a configuration is on its way: every device gets it once")
def _():
    devices = 1000
    with server_and_service("first") as (server, registry):
        for at in range(0, devices, 100):
            registry.bulk_create_or_update_devices([
                ExportImportDevice(id=f"many-{n:05}", import_mode="create", status="enabled")
                for n in range(at, at + 100)])
        everything = IoTHubConfigurationManager.from_connection_string(server.string("--policy", "iothubowner"))
        made = everything.create_configuration(configuration("py-many", "STARTSWITH(deviceId, 'many-')", wave=1))
        until("it is under way", lambda: counts(made.id, everything)[0] > 0)
        before = counts(made.id, everything)
        server.kill()
        server.start()
        until(f"all have it (killed at {before})", lambda: counts(made.id, everything) == (devices, devices), 60)
        query = "SELECT COUNT() AS n FROM devices WHERE properties.desired.wave = 1 AND properties.desired.$version = 2"

        def written_once():
            rows = registry.query_iot_hub(QuerySpecification(query=query)).items
            return rows[0].additional_properties["n"] == devices

        until("the twins are written", written_once)
