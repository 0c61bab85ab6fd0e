"""back_end.py DEVICE - sets a desired property and calls a method, by Azure's SDK for services: docs/tutorials/twin-and-method.md.

Reads what `azimuth env` sets. This SDK speaks HTTP by `requests`, which takes the CA from REQUESTS_CA_BUNDLE."""
import os
import sys

from azure.iot.hub import IoTHubRegistryManager
from azure.iot.hub.models import CloudToDeviceMethod, Twin, TwinProperties

device = sys.argv[1]
hub = IoTHubRegistryManager(os.environ["IOTHUB_CONNECTION_STRING"])

twin = hub.get_twin(device)
twin = hub.update_twin(device, Twin(properties=TwinProperties(desired={"interval": 20})), twin.etag)
print("desired:", twin.properties.desired["interval"])

answer = hub.invoke_device_method(device, CloudToDeviceMethod(method_name="reboot", payload={"in": 5}))
print("the device says:", answer.status, answer.payload)
