"""methods.py - direct methods: devices and modules through azure-iot-device, callers through azure-iot-hub."""
import threading
import time

from azure.iot.device import MethodResponse
from azure.iot.hub.models import CloudToDeviceMethod
from msrest.exceptions import HttpOperationError

from check import check, equal, failure, until
from hub import device_client, identity, registry, string_of
from modules_kit import module_client, module_identity


def ask(device_id, name, payload=None, module_id=None, response=30, connect=0):
    method = CloudToDeviceMethod(method_name=name, payload=payload, response_timeout_in_seconds=response,
                                 connect_timeout_in_seconds=connect)
    if module_id:
        return registry.invoke_device_module_method(device_id, module_id, method)
    return registry.invoke_device_method(device_id, method)


def answering(client, reply):
    """The client answers every method with reply(request) -> (status, payload)."""

    def on_request(request):
        status, payload = reply(request)
        client.send_method_response(MethodResponse.create_from_method_request(request, status, payload))

    client.connect()
    client.on_method_request_received = on_request
    return client


def echo(request):
    return 200, {"name": request.name, "payload": request.payload}


def status(error):
    assert isinstance(error, HttpOperationError), repr(error)
    return error.response.status_code


@check("a device answers with a status and JSON of its own")
def _():
    client = answering(device_client(string_of(identity("py-met-echo"))), echo)
    for payload in ({"a": [1, 2.5, "ü"], "b": None}, "text", 42, True, [], {}, ""):
        answer = ask("py-met-echo", "echo", payload)
        equal((answer.status, answer.payload), (200, {"name": "echo", "payload": payload}), "the answer")
    client.shutdown()


@check("a status may be any number")
def _():
    client = answering(device_client(string_of(identity("py-met-status"))), lambda r: (int(r.payload), None))
    for number in (0, 200, 404, -7, 123456):
        answer = ask("py-met-status", "m", str(number))
        equal((answer.status, answer.payload), (number, None), "the answer")
    client.shutdown()


@check("names with odd characters arrive as they were given")
def _():
    client = answering(device_client(string_of(identity("py-met-names"))), echo)
    for name in ("component*command", "with space", "quo'te", "$dollar", "Ünï", "a=b&c", "n" * 256):
        equal(ask("py-met-names", name).payload["name"], name, "the name")
    for name in ("a/b", "a+", "#", "a?b", "n" * 257):
        equal(status(failure(ask, "py-met-names", name)), 400, "the answer")
    client.shutdown()


@check("a module answers for itself")
def _():
    identity("py-met-module")
    client = answering(module_client(module_identity("py-met-module", "m1")), echo)
    answer = ask("py-met-module", "ping", 1, module_id="m1")
    equal((answer.status, answer.payload["name"]), (200, "ping"), "the answer")
    client.shutdown()

    def gone():  # the hub reads of it a moment after shutdown() has returned
        return status(failure(ask, "py-met-module", "ping", module_id="m1", response=5)) == 404

    until("it is gone", gone)


@check("who is not there, and who does not answer in time")
def _():
    unknown = failure(ask, "py-met-nobody", "x")
    equal((status(unknown), unknown.response.headers["iothub-errorcode"]), (404, "DeviceNotFound"), "unknown")
    device = identity("py-met-absent")
    absent = failure(ask, "py-met-absent", "x")
    equal((status(absent), absent.response.headers["iothub-errorcode"]), (404, "DeviceNotOnline"), "absent")
    client = device_client(string_of(device))
    client.connect()
    client.on_method_request_received = lambda request: None
    until("it is subscribed", lambda: status(failure(ask, "py-met-absent", "x", response=5)) == 504)
    client.shutdown()


@check("a call waits for its device to connect")
def _():
    device, answers = identity("py-met-wait"), []
    calling = threading.Thread(target=lambda: answers.append(ask("py-met-wait", "m", 5, response=60, connect=60)))
    calling.start()
    time.sleep(0.5)
    client = answering(device_client(string_of(device)), echo)
    calling.join(90)
    equal(answers[0].payload["payload"], 5, "the answer")
    client.shutdown()


@check("a client that comes back does not subscribe again, and is called all the same")
def _():
    client = answering(device_client(string_of(identity("py-met-again"))), echo)
    equal(ask("py-met-again", "first").status, 200, "the answer")
    client.disconnect()
    until("it is gone", lambda: status(failure(ask, "py-met-again", "x", response=5)) == 404)
    client.connect()  # azure-iot-device subscribes once for each feature and client
    equal(ask("py-met-again", "second").payload["name"], "second", "the answer")
    client.shutdown()
