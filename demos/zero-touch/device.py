"""device.py CERTIFICATE KEY - registers with its certificate, connects, sends: docs/tutorials/zero-touch.md.

Reads what `azimuth env` sets: where the provisioning service is, the id scope, and the hub's CA."""
import os
import pathlib
import subprocess
import sys

from azure.iot.device import IoTHubDeviceClient, ProvisioningDeviceClient, X509

certificate, key = sys.argv[1:3]
ca = pathlib.Path(os.environ["AZIMUTH_CA"]).read_text()
proof = X509(certificate, key)
subject = subprocess.run(["openssl", "x509", "-noout", "-subject", "-nameopt", "multiline", "-in", certificate], check=True,
                         capture_output=True, text=True).stdout
name = subject.rpartition("=")[2].strip()

told = ProvisioningDeviceClient.create_from_x509_certificate(
    provisioning_host=os.environ["PROVISIONING_HOST"], registration_id=name, id_scope=os.environ["PROVISIONING_IDSCOPE"], x509=proof,
    server_verification_cert=ca).register()
print("registration:", told.status)
where = told.registration_state
print(f"assigned: {where.device_id} at {where.assigned_hub}")

client = IoTHubDeviceClient.create_from_x509_certificate(
    x509=proof, hostname=where.assigned_hub, device_id=where.device_id, server_verification_cert=ca)
client.connect()
client.send_message('{"hello":"from zero"}')
print("desired:", client.get_twin()["desired"])
client.shutdown()
