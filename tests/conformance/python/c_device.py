"""c_device.py - a device as the SDK for C is one, on the stack that it is made of (uamqp): its token put to $cbs,
links with client-version and channel-correlation-id, twin, methods, messages."""
import json
import threading
import time
import uuid

import uamqp
from azure.iot.hub.models import CloudToDeviceMethod
from uamqp import authentication, errors, types
from uamqp.message import MessageProperties

from c2d_kit import send
from check import check, equal, failure, until
from hub import body, env, fields, host, identity, registry, round_trip, token

VERSION = "iothubclient/1.15.0 (native; Linux; x86_64)"
SECONDS = 60


def symbol(text):
    return types.AMQPSymbol(text)


def properties_of(**more):
    named = {"client-version": VERSION, **{key.replace("_", "-"): value for key, value in more.items()}}
    return {symbol(f"com.microsoft:{key}"): value for key, value in named.items()}


class Device:
    """One connection; links are made as they are needed."""

    def __init__(self, name, key, signed_for=None, policy=None):
        self.name, self.path = name, f"{host}/devices/{name}"
        resource = host if policy else f"{host}/devices/{signed_for or name}"
        auth = authentication.SASTokenAuth(
            resource, f"amqps://{resource}", token(resource, key, 3600, policy), expires_at=time.time() + 3600,
            verify=env["HUB_CA"], timeout=SECONDS, retry_policy=authentication.TokenRetryPolicy(retries=0))
        self.connection = uamqp.Connection(host, auth)
        self.links = []

    def __enter__(self):
        return self

    def __exit__(self, *_):
        for link in self.links:
            link.close()
        self.connection.destroy()

    def _open(self, link):
        link.open(connection=self.connection)
        self.links.append(link)
        end = time.monotonic() + SECONDS
        while not link.client_ready():
            assert time.monotonic() < end, "the link is not attached"
            time.sleep(0.01)
        return link

    def sender(self, path, **more):
        client = uamqp.SendClient(f"amqps://{self.path}/{path}", link_properties=properties_of(**more),
                                  error_policy=errors.ErrorPolicy(max_retries=0), auth=self.connection.auth)
        client.sender_type = self._named
        return self._open(client)

    def _named(self, *arguments, **keywords):
        """Links are called so by iothubtransport_amqp_messenger.c."""
        keywords["name"] = f"link-snd-{self.name}-{uuid.uuid4()}"
        return uamqp.sender.MessageSender(*arguments, **keywords)

    def receiver(self, path, **more):
        return self._open(uamqp.ReceiveClient(
            f"amqps://{self.path}/{path}", link_properties=properties_of(**more), prefetch=100, timeout=SECONDS * 1000,
            error_policy=errors.ErrorPolicy(max_retries=0), auth=self.connection.auth))


def made(name):
    return name, identity(name).authentication.symmetric_key.primary_key


def say(sender, message):
    sender.queue_message(message)
    states = sender.send_all_messages(close_on_done=False)
    equal([state.name for state in states], ["SendComplete"], "what became of the message")


def hear(receiver):
    end = time.monotonic() + SECONDS
    while time.monotonic() < end:
        messages = receiver.receive_message_batch(max_batch_size=1, timeout=500)
        if messages:
            return messages[0]
    raise AssertionError("no message came")


def content(message):
    return b"".join(message.get_data())


@check("telemetry of the C stack has its properties")
def _():
    name, key = made("py-c-telemetry")

    def act():
        with Device(name, key) as device:
            say(device.sender("messages/events"), uamqp.Message(
                b"warm", properties=MessageProperties(message_id="m-1", content_type="text/plain"),
                application_properties={"room": "north"}))

    event, = round_trip(name, act)
    equal(body(event), b"warm", "the body")
    equal(event.properties[b"room"], b"north", "a property")
    equal(event.system_properties[b"iothub-connection-device-id"], name.encode(), "the device")
    equal(event.content_type, "text/plain", "the content type")


class Twin:
    def __init__(self, device):
        pair = {"channel_correlation_id": f"twin:{uuid.uuid4()}", "api_version": "2020-09-30"}
        self.requests, self.answers = device.sender("twin", **pair), device.receiver("twin", **pair)

    def ask(self, operation, resource=None, text=b" "):
        number = str(uuid.uuid4())
        annotations = {symbol("operation"): operation, **({symbol("resource"): resource} if resource else {})}
        say(self.requests, uamqp.Message(text, annotations=annotations,
                                         properties=MessageProperties(correlation_id=number)))
        answer = hear(self.answers)
        got = answer.properties.correlation_id
        equal(got.decode() if isinstance(got, bytes) else got, number, "the correlation id")
        status = answer.annotations[b"status"]
        assert 200 <= status < 300, status
        return answer


@check("the C stack gets its twin, reports, and is told of desired properties")
def _():
    name, key = made("py-c-twin")
    with Device(name, key) as device:
        twin = Twin(device)
        equal(json.loads(content(twin.ask("GET"))),
              {"desired": {"$version": 1}, "reported": {"$version": 1}}, "the twin")
        twin.ask("PUT", "/notifications/twin/properties/desired")
        equal(twin.ask("PATCH", "/properties/reported", b'{"a":1}').annotations[b"version"], 2, "the version")
        registry.update_twin(name, {"properties": {"desired": {"t": 20}}}, "*")
        told = hear(twin.answers)
        equal(json.loads(content(told)), {"t": 20, "$version": 2}, "what is desired")
        equal(told.annotations[b"resource"], b"/properties/desired", "the resource")
        assert told.properties is None or told.properties.correlation_id is None, "it is no request's"
    equal(registry.get_twin(name).properties.reported["a"], 1, "what was reported")


@check("the C stack answers a method")
def _():
    name, key = made("py-c-method")
    answers = []
    with Device(name, key) as device:
        pair = {"channel_correlation_id": name, "api_version": "2020-09-30"}
        responses, requests = (device.sender("methods/devicebound", **pair),
                               device.receiver("methods/devicebound", **pair))
        call = CloudToDeviceMethod(method_name="turn", payload={"to": 3}, response_timeout_in_seconds=SECONDS)
        caller = threading.Thread(target=lambda: answers.append(registry.invoke_device_method(name, call)), daemon=True)
        caller.start()
        request = hear(requests)
        assert isinstance(request.properties.correlation_id, uuid.UUID), request.properties.correlation_id
        equal(request.application_properties[b"IoThub-methodname"], b"turn", "the method")
        equal(json.loads(content(request)), {"to": 3}, "the payload")
        say(responses, uamqp.Message(b'{"at":3}', application_properties={"IoThub-status": 201},
                                     properties=MessageProperties(correlation_id=request.properties.correlation_id)))
        caller.join(SECONDS)
    equal([(answer.status, answer.payload) for answer in answers], [(201, {"at": 3})], "the answer")


@check("a message to a device reaches the C stack once")
def _():
    name, key = made("py-c-message")
    send(name, "hello")
    with Device(name, key) as device:
        message = hear(device.receiver("messages/devicebound"))
        equal(content(message), b"hello", "the body")
        equal(message.properties.to, f"/devices/{name}/messages/deviceBound".encode(), "where it goes")
    until("it is completed", lambda: registry.get_device(name).cloud_to_device_message_count == 0)


@check("the C stack has a device with a percent sign in its id, by a policy's token, too")
def _():
    identity("py-c-100A")
    name, key = made("py-c-100%41")
    policy = fields(env["HUB_DEVICE"])

    def act():
        for opened in (Device(name, key), Device(name, policy["SharedAccessKey"], policy=policy["SharedAccessKeyName"])):
            with opened as device:
                say(device.sender("messages/events"), uamqp.Message(b"here"))

    equal([body(event) for event in round_trip(name, act)], [b"here", b"here"], "what came")


@check("the C stack is refused with a wrong key, and links of another device")
def _():
    (name, key), (other, _other) = made("py-c-one"), made("py-c-other")
    for device in (Device(name, "A" * 43 + "="), Device(other, key, signed_for=name)):
        with device:
            error = failure(device.sender, "messages/events")
            assert isinstance(error, (errors.AMQPError, errors.AuthenticationException)), repr(error)
