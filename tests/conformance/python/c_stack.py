"""c_stack.py - a bare receiver of uamqp, Microsoft's AMQP stack in C under Python: an independent
client that signs in with MSSBCBS and settles what it gets."""
import json
import time

import uamqp
from uamqp import authentication, errors

from check import WAIT_S, check, equal, failure
from hub import entity, env, fields, host, identity, round_trip, send

KEYS = fields(env["HUB_EVENTS"])


def receiver(partition, selector, key=KEYS["SharedAccessKey"], group="$Default"):
    address = f"amqps://{host}/{entity}/ConsumerGroups/{group}/Partitions/{partition}"
    auth = authentication.SASTokenAuth.from_shared_access_key(
        f"sb://{host}/{entity}", KEYS["SharedAccessKeyName"], key, verify=env["HUB_CA"], timeout=WAIT_S,
        retry_policy=authentication.TokenRetryPolicy(retries=0))
    source = uamqp.address.Source(address)
    source.set_filter(selector)
    return uamqp.ReceiveClient(source, auth=auth, prefetch=50, timeout=1000 * WAIT_S,
                               error_policy=errors.ErrorPolicy(max_retries=0))


@check("a receiver of the C stack reads a device's messages and settles them")
def _():
    device = identity("py-c-read")
    texts = [b"one", b"two", b"three"]
    events = round_trip("py-c-read", lambda: send(device, texts))
    selector = f"amqp.annotation.x-opt-sequence-number >= '{events[0].sequence_number}'".encode()
    client = receiver(events[0].partition, selector)
    try:
        messages, end = [], time.monotonic() + WAIT_S
        while len(messages) < 3 and time.monotonic() < end:  # what has come when it looks is a batch
            messages += client.receive_message_batch(max_batch_size=3 - len(messages), timeout=1000)
    finally:
        client.close()
    equal([b"".join(message.get_data()) for message in messages], texts, "the bodies")
    for message, event in zip(messages, events):
        equal(message.annotations[b"x-opt-sequence-number"], event.sequence_number, "the number")
        equal(message.annotations[b"iothub-connection-device-id"], b"py-c-read", "the device")
        json.loads(message.annotations[b"iothub-connection-auth-method"])


@check("the C stack is refused with a wrong key and from an unknown group")
def _():
    for client in (receiver(0, b"amqp.annotation.x-opt-offset > '-1'", key="A" * 43 + "="),
                   receiver(0, b"amqp.annotation.x-opt-offset > '-1'", group="nobody")):
        error = failure(client.receive_message_batch, timeout=1000 * WAIT_S)
        assert isinstance(error, (errors.AMQPError, errors.AuthenticationException,
                                  errors.LinkDetach)), repr(error)
        client.close()
