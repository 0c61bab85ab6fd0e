"""hub.py - the hub under test as the cases see it: identities, devices, consumers.

The environment says where it is (set by ../suite.py): HUB_HOST, HUB_OWNER and the other policies'
connection strings, HUB_EVENTS, HUB_CA."""
import base64
import hashlib
import hmac
import logging
import os
import threading
import time
import urllib.parse

from azure.eventhub import EventHubConsumerClient
from azure.iot.device import IoTHubDeviceClient
from azure.iot.hub import IoTHubRegistryManager

from check import WAIT_S, until

env = os.environ
host = env["HUB_HOST"]
with open(env["HUB_CA"], encoding="ascii") as pem:
    ca = pem.read()
registry = IoTHubRegistryManager.from_connection_string(env["HUB_OWNER"])
logging.getLogger("azure").setLevel(logging.CRITICAL)  # refusals are what many cases are about


def fields(connection_string):
    return dict(part.split("=", 1) for part in connection_string.split(";") if part)


entity = fields(env["HUB_EVENTS"])["EntityPath"]


def identity(device_id, status="enabled"):
    """Creates an identity with keys of the hub's making and returns what the hub says of it."""
    return registry.create_device_with_sas(device_id, "", "", status)


def device_string(device_id, key):
    return f"HostName={host};DeviceId={device_id};SharedAccessKey={key}"


def string_of(device):
    return device_string(device.device_id, device.authentication.symmetric_key.primary_key)


def token(resource, key, seconds, policy=None):
    """A token that `seconds` from now expires; without a policy it is signed with a device's key."""
    sr, se = urllib.parse.quote(resource, safe=""), int(time.time()) + seconds
    digest = hmac.new(base64.b64decode(key), f"{sr}\n{se}".encode(), hashlib.sha256).digest()
    sig = urllib.parse.quote(base64.b64encode(digest), safe="")
    name = f"&skn={policy}" if policy else ""
    return f"SharedAccessSignature sr={sr}&sig={sig}&se={se}{name}"


def device_client(connection_string, **options):
    return IoTHubDeviceClient.create_from_connection_string(
        connection_string, server_verification_cert=ca, connection_retry=False, **options)


def send(device, messages):
    client = device_client(string_of(device))
    client.connect()
    try:
        for message in messages:
            client.send_message(message)
    finally:
        client.shutdown()


def consumer(group="$Default", string=None, **options):
    return EventHubConsumerClient.from_connection_string(
        string or env["HUB_EVENTS"], group, connection_verify=env["HUB_CA"], retry_total=0, **options)


class Reader:
    """Reads in a thread of its own: what came, which errors, which partitions it has.

    The client looks at one partition after the other and waits 0.2 s where nothing comes, for each
    call of ours: hence batches. While events come faster than that it goes on collecting."""

    def __init__(self, client=None, on_batch=None, **options):
        self.events, self.errors, self.owned = [], [], set()
        self._on_batch = on_batch
        self._client = client or consumer()
        self._thread = threading.Thread(target=self._run, args=(options,), daemon=True)
        self._thread.start()

    def _run(self, options):
        try:
            with self._client:
                self._client.receive_batch(
                    self._batch, on_error=lambda _, error: self.errors.append(error),
                    on_partition_initialize=lambda context: self.owned.add(context.partition_id),
                    on_partition_close=lambda context, _: self.owned.discard(context.partition_id),
                    **options)
        except Exception as error:  # shown to the case
            self.errors.append(error)

    def _batch(self, context, events):
        for event in events:
            event.partition = context.partition_id
            event.last = context.last_enqueued_event_properties
        if events and self._on_batch:
            self._on_batch(context, events)
        self.events.extend(events)

    def bodies(self):
        return [body(event) for event in self.events]

    def stop(self):
        self._client.close()
        self._thread.join(WAIT_S)


def body(event):
    return b"".join(event.body)


def source(event):
    return event.system_properties[b"iothub-connection-device-id"].decode()


def ends():
    """Where each partition ends now: the number of its last event."""
    with consumer() as client:
        return {p: client.get_partition_properties(p)["last_enqueued_sequence_number"]
                for p in client.get_partition_ids()}


def collect(enough, seconds=WAIT_S, client=None, **options):
    """Reads events until `enough(events)` says so."""
    reader = Reader(client, **options)

    def done():
        if reader.errors:
            raise reader.errors[0]
        return enough(list(reader.events))

    try:
        until("enough events are read", done, seconds)
    finally:
        reader.stop()
    return reader.events


def round_trip(device_ids, act):
    """Acts, and returns the events that the devices sent: read from the partitions that grew."""
    wanted = {device_ids} if isinstance(device_ids, str) else set(device_ids)
    start = ends()
    act()
    events = []
    for partition, last in ends().items():
        if last > start[partition]:
            events += collect(lambda some: some and some[-1].sequence_number >= last,
                              partition_id=partition, starting_position=start[partition])
    return [event for event in events if source(event) in wanted]
