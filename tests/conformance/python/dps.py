"""dps.py - devices that register through azure-iot-device's ProvisioningDeviceClient, and connect to the hub
that they are assigned to."""
import base64
import hashlib
import hmac
import json
import subprocess

from azure.iot.device import IoTHubDeviceClient, ProvisioningDeviceClient

from check import check, equal, failure
from hub import ca, env, host, registry


def azimuth(*words):
    call = [env["AZIMUTH"], "dps", *words, "--data", env["HUB_DATA"], "-o", "json"]
    return json.loads(subprocess.run(call, check=True, capture_output=True, text=True).stdout)


def register(registration_id, key, websockets=False, payload=None):
    client = ProvisioningDeviceClient.create_from_symmetric_key(
        provisioning_host=host, registration_id=registration_id, id_scope=env["HUB_ID_SCOPE"], symmetric_key=key,
        server_verification_cert=ca, websockets=websockets)
    if payload:
        client.provisioning_payload = payload
    return client.register()


def connect(result, key):
    client = IoTHubDeviceClient.create_from_symmetric_key(
        symmetric_key=key, hostname=result.registration_state.assigned_hub,
        device_id=result.registration_state.device_id, server_verification_cert=ca, connection_retry=False)
    client.connect()
    return client


@check("an enrolled device registers over MQTT, connects to its hub and finds its initial twin")
def _():
    made = azimuth("enrollment", "create", "--eid", "py-first", "-d", "py-device", "--props", '{"interval": 9}')
    key = made["attestation"]["symmetricKey"]["primaryKey"]
    result = register("py-first", key, payload={"modelId": "dtmi:conformance:thing;1"})
    equal(result.status, "assigned")
    equal(result.registration_state.device_id, "py-device")
    equal(result.registration_state.assigned_hub, host)
    client = connect(result, key)
    equal(client.get_twin()["desired"]["interval"], 9)
    client.shutdown()
    equal(registry.get_device("py-device").authentication.symmetric_key.primary_key, key)


@check("a device of a group registers over MQTT over WebSocket with its derived key, and again")
def _():
    made = azimuth("enrollment-group", "create", "--gid", "py-line")
    key = made["attestation"]["symmetricKey"]["primaryKey"]
    digest = hmac.new(base64.b64decode(key), b"py-line-1", hashlib.sha256).digest()
    derived = base64.b64encode(digest).decode()
    first = register("py-line-1", derived, websockets=True)
    equal((first.status, first.registration_state.sub_status), ("assigned", "initialAssignment"))
    second = register("py-line-1", derived)
    equal(second.registration_state.sub_status, "reprovisionedToInitialAssignment")
    connect(second, derived).shutdown()


@check("a wrong key is refused, over both")
def _():
    azimuth("enrollment", "create", "--eid", "py-strict")
    wrong = base64.b64encode(bytes(32)).decode()
    for websockets in (False, True):
        failure(register, "py-strict", wrong, websockets)
