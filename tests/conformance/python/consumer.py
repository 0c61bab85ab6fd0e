"""consumer.py - reading the stream with azure-eventhub."""
import datetime
import time

from azure.eventhub import CheckpointStore
from azure.eventhub.exceptions import AuthenticationError, ConnectError, EventHubError

from check import check, equal, failure, until
from hub import (
    Reader, body, collect, consumer, ends, entity, env, fields, host, identity, round_trip, send, token)

TEN = [f"m{n}".encode() for n in range(10)]


def ten(device_id):
    """Ten messages of one device, alone in their partition for the case's time."""
    device = identity(device_id)
    return device, round_trip(device_id, lambda: send(device, TEN))


def read_on(events, position, inclusive=False):
    """The bodies behind a position up to the last of `events`."""
    last = events[-1].sequence_number
    read = collect(lambda some: any(event.sequence_number >= last for event in some),
                   partition_id=events[0].partition, starting_position=position,
                   starting_position_inclusive=inclusive)
    return [body(event) for event in read if event.sequence_number >= events[0].sequence_number]


def refusal(client, partition="0", **options):
    reader = Reader(client, partition_id=partition, **options)
    try:
        return until("the receiver is refused", lambda: reader.errors and reader.errors[0])
    finally:
        reader.stop()


def attached(reader, device):
    """Sends marks until the reader has seen one: its link is attached from then on."""
    def marked():
        if reader.errors:
            raise reader.errors[0]
        send(device, [b"mark"])
        time.sleep(0.5)
        return b"mark" in reader.bodies()

    until("the reader sees a mark", marked)


@check("the hub describes itself and its partitions")
def _():
    _, events = ten("py-con-props")
    with consumer() as client:
        about = client.get_eventhub_properties()
        equal(about["eventhub_name"], entity, "the name")
        equal(about["partition_ids"], ["0", "1", "2", "3"], "the partitions")
        info = client.get_partition_properties(events[0].partition)
    equal(info["beginning_sequence_number"], 0, "the first number")
    equal(info["last_enqueued_sequence_number"], events[-1].sequence_number, "the last number")
    equal(info["last_enqueued_offset"], events[-1].offset, "the last offset")
    equal(info["last_enqueued_time_utc"], events[-1].enqueued_time, "the last time")
    equal(info["is_empty"], False, "emptiness")


@check("every position starts where it says")
def _():
    _, events = ten("py-con-positions")
    fifth = events[4]
    equal(read_on(events, "-1"), TEN, "from the beginning")
    for position in (fifth.offset, fifth.sequence_number):
        equal(read_on(events, position), TEN[5:], f"behind {position!r}")
        equal(read_on(events, position, True), TEN[4:], f"with {position!r}")
    before = fifth.enqueued_time - datetime.timedelta(milliseconds=1)
    behind = [body(event) for event in events if event.enqueued_time > before]
    equal(read_on(events, before), behind, "behind a time")


@check("latest gives only what comes after the attach")
def _():
    device, events = ten("py-con-latest")
    reader = Reader(partition_id=events[0].partition, starting_position="@latest")
    attached(reader, device)
    reader.stop()
    equal(set(reader.bodies()), {b"mark"}, "what was read")


@check("the last enqueued event travels with each event when asked for")
def _():
    _, events = ten("py-con-metric")
    read = collect(lambda some: len(some) >= 10, partition_id=events[0].partition,
                   starting_position=events[0].sequence_number, starting_position_inclusive=True,
                   track_last_enqueued_event_properties=True)
    last = read[-1].last
    equal(last["sequence_number"], events[-1].sequence_number, "the number")
    equal(last["offset"], events[-1].offset, "the offset")
    equal(last["enqueued_time"], events[-1].enqueued_time, "the time")
    assert last["retrieval_time"] >= last["enqueued_time"]


@check("an unknown group and an unknown event hub are refused with their reason")
def _():
    text = repr(refusal(consumer("nobody")))
    assert "not-found" in text or "could not be found" in text, text
    with consumer(string=env["HUB_EVENTS"].replace(f"EntityPath={entity}", "EntityPath=elsewhere")) as client:
        error = failure(client.get_partition_ids)
    assert isinstance(error, EventHubError), repr(error)


@check("a bad position is refused")
def _():
    for position in ("nonsense", 10 ** 9):
        error = refusal(consumer(), starting_position=position)
        assert isinstance(error, EventHubError), repr(error)


@check("a wrong key and an expired token are refused, a fresh token opens")
def _():
    known = fields(env["HUB_EVENTS"])
    policy, key = known["SharedAccessKeyName"], known["SharedAccessKey"]
    audience = f"sb://{host}/{entity}"

    def with_token(seconds):
        return (f"Endpoint=sb://{host}/;SharedAccessSignature={token(audience, key, seconds, policy)};"
                f"EntityPath={entity}")

    for string in (env["HUB_EVENTS"].replace(key, "A" * 43 + "="), with_token(-3600)):
        with consumer(string=string) as client:
            error = failure(client.get_partition_ids)
        assert isinstance(error, (AuthenticationError, ConnectError)), repr(error)
    with consumer(string=with_token(3600)) as client:
        equal(len(client.get_partition_ids()), 4, "the number of partitions")


@check("a higher owner level takes the partition from a lower one and from none")
def _():
    device, events = ten("py-con-owner")
    partition = events[0].partition

    def reader(**options):
        return Reader(partition_id=partition, starting_position="@latest", **options)

    plain = reader()
    attached(plain, device)
    low = reader(owner_level=1)
    until("the reader without a level is cut off", lambda: plain.errors)
    attached(low, device)
    high = reader(owner_level=2)
    until("the lower level is cut off", lambda: low.errors)
    assert "stolen" in str(low.errors[0]) or "higher epoch" in str(low.errors[0]), low.errors[0]
    refusal(consumer(), partition, owner_level=1)
    attached(high, device)
    for one in (plain, low, high):
        one.stop()


class Memory(CheckpointStore):
    """Ownerships and checkpoints that the readers of one process share."""

    def __init__(self):
        self.ownerships, self.checkpoints, self.etags = {}, {}, 0

    def list_ownership(self, fully_qualified_namespace, eventhub_name, consumer_group, **_):
        return [dict(one) for one in self.ownerships.values()]

    def claim_ownership(self, ownership_list, **_):
        won = []
        for claim in ownership_list:
            held = self.ownerships.get(claim["partition_id"], {})
            if held.get("etag") == claim.get("etag"):
                self.etags += 1
                now = datetime.datetime.now(datetime.timezone.utc).timestamp()
                one = {**claim, "etag": str(self.etags), "last_modified_time": now}
                self.ownerships[claim["partition_id"]] = one
                won.append(dict(one))
        return won

    def update_checkpoint(self, checkpoint, **_):
        self.checkpoints[checkpoint["partition_id"]] = dict(checkpoint)

    def list_checkpoints(self, fully_qualified_namespace, eventhub_name, consumer_group, **_):
        return [dict(one) for one in self.checkpoints.values()]


@check("readers share the partitions and go on from their checkpoints")
def _():
    store, start = Memory(), ends()
    devices = [identity(f"py-con-share-{n}") for n in range(8)]

    def processor():
        client = consumer(checkpoint_store=store, load_balancing_interval=0.5,
                          partition_ownership_expiration_interval=5)
        return Reader(client, lambda context, events: context.update_checkpoint(events[-1]),
                      starting_position=start)

    def pour(texts):
        for device in devices:
            send(device, texts)

    one = processor()
    until("one reader owns all", lambda: len(one.owned) == 4)
    two = processor()
    until("two readers own two each", lambda: (len(one.owned), len(two.owned)) == (2, 2))
    pour(TEN)
    until("both have read all", lambda: len(one.events) + len(two.events) >= 80)
    one.stop()
    two.stop()
    pour([b"later"])
    three = processor()
    until("the third has read the rest", lambda: len(three.events) >= 8)
    three.stop()
    equal(three.bodies(), [b"later"] * 8, "what the third read")
