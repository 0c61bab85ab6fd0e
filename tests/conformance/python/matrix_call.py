"""matrix_call.py - the call that every device of a matrix answers."""
from azure.iot.hub.models import CloudToDeviceMethod

from check import equal
from hub import registry


def call(*who):
    method = CloudToDeviceMethod(method_name="echo", payload=[1, "ü"], response_timeout_in_seconds=60)
    invoke = registry.invoke_device_module_method if len(who) > 1 else registry.invoke_device_method
    answer = invoke(*who, method)
    equal((answer.status, answer.payload), (207, {"got": [1, "ü"]}), "the answer")
