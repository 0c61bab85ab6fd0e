"""redirect.py - from the hub's host name to its stream, as Microsoft's samples and tools in Python find it: a
receiver under messages/events, and the redirect that ends it."""
import re
import time
import urllib.parse
from collections import namedtuple

import uamqp
from azure.eventhub._pyamqp import ReceiveClient
from azure.eventhub._pyamqp.authentication import _CBSAuth
from azure.eventhub._pyamqp.error import AMQPLinkRedirect
from uamqp import authentication, errors

import c2d_kit  # noqa: F401 - the C stack is told the hub's CA
from check import WAIT_S, check, equal, failure, until
from hub import consumer, entity, env, fields, host, identity, round_trip, send, token, Reader

SERVICE = fields(env["HUB_SERVICE"])
POLICY, KEY = SERVICE["SharedAccessKeyName"], SERVICE["SharedAccessKey"]
READER = "/messages/events/ConsumerGroups/$Default/Partitions/"


def address(path):
    """Login and place in one, as the samples have it."""
    user = urllib.parse.quote_plus(f"{POLICY}@sas.root.{host.split('.')[0]}")
    password = urllib.parse.quote_plus(token(host, KEY, 3600, POLICY))
    return f"amqps://{user}:{password}@{host}{path}"


def source_of(uri, selector):
    source = uamqp.address.Source(uri)
    source.set_filter(selector)
    return source


def redirection(source):
    client = uamqp.ReceiveClient(source)
    try:
        error = failure(client.receive_message_batch, max_batch_size=1)
    finally:
        client.close()
    assert isinstance(error, errors.LinkRedirect), repr(error)
    return error


@check("iot_hub_connection_string_receive_async.py of azure-eventhub finds the stream")
def _():
    redirect = redirection(uamqp.address.Source(address(READER + "0")))
    name = re.search(r":\d+\/.*/ConsumerGroups", str(redirect.address)).group(0).split("/")[1]
    equal(name, entity, "the name")
    device = identity("py-redirect")
    string = (f"Endpoint=sb://{redirect.hostname.decode()}/;SharedAccessKeyName={POLICY};"
              f"SharedAccessKey={KEY};EntityPath={name}")
    reader = Reader(consumer(string=string), starting_position="-1")
    try:
        send(device, ["found"])
        until("the event is read", lambda: b"found" in reader.bodies())
        equal(reader.errors, [], "errors")
    finally:
        reader.stop()


@check("the sample of \"Communicate with your IoT hub by using the AMQP Protocol\" reads where the redirect leads")
def _():
    device = identity("py-redirect-amqp")
    event = round_trip("py-redirect-amqp", lambda: send(device, ["elsewhere"]))[0]
    selector = f"amqp.annotation.x-opt-sequence-number >= '{event.sequence_number}'".encode()
    redirect = redirection(source_of(address(READER + event.partition), selector))
    auth = authentication.SASTokenAuth.from_shared_access_key(redirect.address.decode(), POLICY, KEY)
    client = uamqp.ReceiveClient(source_of(redirect.address, selector), auth=auth)
    try:
        messages, end = [], time.monotonic() + WAIT_S
        while not messages and time.monotonic() < end:
            messages = client.receive_message_batch(max_batch_size=1, timeout=1000)
    finally:
        client.close()
    equal(b"".join(messages[0].get_data()), b"elsewhere", "the body")


@check("`az iot hub monitor-events` (azext_iot/monitor/builders/hub_target_builder.py) finds the stream with a token at $cbs")
def _():
    access = namedtuple("AccessToken", ("token", "expires_on"))
    source = f"amqps://{host}/messages/events/$management"
    auth = _CBSAuth(uri=source, audience=host, token_type=b"servicebus.windows.net:sastoken", expires_in=360,
                    get_token=lambda: access(token(host, KEY, 360, POLICY), time.time() + 360))
    client = ReceiveClient(hostname=host, source=source, auth=auth, timeout=30000, prefetch=1,
                           connection_verify=env["HUB_CA"])
    try:
        client.open()
        error = failure(client.receive_message_batch, max_batch_size=1, timeout=1000 * WAIT_S)
    finally:
        client.close()
    assert isinstance(error, AMQPLinkRedirect), repr(error)
    equal(error.info[b"hostname"], host.encode(), "the host")
    assert error.info[b"address"].endswith(f":5671/{entity}/$management".encode()), error.info
