"""provisioning.py - every attestation over both transports of azure-iot-device's ProvisioningDeviceClient: the
device registers, connects to the hub that it is told of over the same transport with the same credential, sends,
and sees its initial twin. One case each, named `TRANSPORT: ATTESTATION`; all are under way at once, for the client
waits two seconds before it asks how far it is."""
import base64
import concurrent.futures
import hashlib
import hmac
import json
import subprocess

from azure.iot.device import X509, IoTHubDeviceClient, ProvisioningDeviceClient

from check import check, equal, not_offered
from hub import ca, env, host
from x509_kit import folder, issue

TRANSPORTS = {"MQTT": False, "MQTT-WS": True}  # websockets
TWIN = ("--tags", '{"site":"north"}', "--props", '{"interval":7}')
pool = concurrent.futures.ThreadPoolExecutor(8)


def azimuth(*words):
    call = [env["AZIMUTH"], "dps", *words, "--data", env["HUB_DATA"], "-o", "json"]
    said = subprocess.run(call, check=True, capture_output=True, text=True).stdout
    return json.loads(said) if said.strip() else None


def primary_key(enrollment):
    return enrollment["attestation"]["symmetricKey"]["primaryKey"]


# The four attestations: each enrolls, and gives how the clients are made.


def individual_key(device_id):
    return {"symmetric_key": primary_key(azimuth("enrollment", "create", "--eid", device_id, *TWIN))}


def group_key(device_id):
    key = primary_key(azimuth("enrollment-group", "create", "--gid", f"{device_id}-line", *TWIN))
    digest = hmac.new(base64.b64decode(key), device_id.encode(), hashlib.sha256).digest()
    return {"symmetric_key": base64.b64encode(digest).decode()}


def certificate(device_id):
    return {"x509": X509(str(folder / f"{device_id}.chain.pem"), str(folder / f"{device_id}.key"))}


def individual_certificate(device_id):
    issue(device_id, device_id)
    azimuth("enrollment", "create", "--eid", device_id, "--at", "x509", "--cp", str(folder / f"{device_id}.pem"), *TWIN)
    return certificate(device_id)


issue("python-root", "Python Provisioning Root", "self", "ca")
azimuth("certificate", "create", "-n", "python-provisioning", "-p", str(folder / "python-root.pem"), "--verified")


def group_certificate(device_id):
    line = f"{device_id}-line"
    issue(line, f"Line of {device_id}", "python-root", "ca")
    issue(device_id, device_id, line)
    azimuth("enrollment-group", "create", "--gid", line, "--cp", str(folder / f"{line}.pem"), *TWIN)
    return certificate(device_id)


ATTESTATIONS = {
    "symmetric": individual_key,
    "symmetric, group": group_key,
    "X.509": individual_certificate,
    "X.509 group by CA": group_certificate,
}


def maker(client, credential):
    """`create_from_symmetric_key` or `create_from_x509_certificate` of a class."""
    return getattr(client, "create_from_" + ("symmetric_key" if "symmetric_key" in credential else "x509_certificate"))


def run(transport, attestation):
    device_id = f"python-{transport}-{list(ATTESTATIONS).index(attestation)}".lower()
    credential = ATTESTATIONS[attestation](device_id)
    options = {**credential, "server_verification_cert": ca, "websockets": TRANSPORTS[transport]}
    result = maker(ProvisioningDeviceClient, credential)(
        provisioning_host=host, registration_id=device_id, id_scope=env["HUB_ID_SCOPE"], **options).register()
    state = result.registration_state
    equal((result.status, state.device_id, state.assigned_hub, state.sub_status),
          ("assigned", device_id, host, "initialAssignment"))

    device = maker(IoTHubDeviceClient, credential)(
        hostname=state.assigned_hub, device_id=state.device_id, connection_retry=False, **options)
    device.connect()
    device.send_message('{"n":1}')
    equal(device.get_twin()["desired"]["interval"], 7)
    device.shutdown()


for _transport in TRANSPORTS:
    for _attestation in ATTESTATIONS:
        check(f"{_transport}: {_attestation}")(pool.submit(run, _transport, _attestation).result)
for _transport in ("AMQP", "AMQP-WS", "HTTPS"):
    for _attestation in ATTESTATIONS:
        not_offered(f"{_transport}: {_attestation}", "azure/iot/device/provisioning/pipeline has no stages but MQTT's")
