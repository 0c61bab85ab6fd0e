"""device.py - one message, sent by Azure's SDK for Python: docs/tutorials/first-message.md.

Reads what `azimuth env` sets: the connection string, and where the certificate of the hub's CA is."""
import json
import os
import pathlib

from azure.iot.device import IoTHubDeviceClient

client = IoTHubDeviceClient.create_from_connection_string(
    os.environ["IOTHUB_DEVICE_CONNECTION_STRING"],
    server_verification_cert=pathlib.Path(os.environ["AZIMUTH_CA"]).read_text())
client.connect()
client.send_message(json.dumps({"temperature": 22.5, "from": "python"}))
print("acknowledged: the message is on disk")
client.shutdown()
