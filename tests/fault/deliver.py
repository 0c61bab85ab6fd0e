"""deliver.py - the server is killed while the endpoints of its routes fail in every way: what was acknowledged to
a device arrives at each of them, first arrivals in the device's order.

A kind of endpoint is a class (target.py) in TARGETS, all of them endpoints of one server. Its other side fails
at random until calm(): what is played here misbehaves, programs that keep what they have are killed, and to those
that do not the way is cut."""
import collections
import concurrent.futures
import contextlib
import select
import socket
import time

from chaos import may_mount
from hub import SLOW, Failed, Group, Skipped, Storm, check, free_port, judge, main
from target_cosmos import Cosmos
from target_event_hub import EventHub, FarEventHub
from target_kafka import Kafka
from target_mqtt import Broker
from target_queue import Queue, Topic
from target_storage import Container, Folder
from target_webhook import CloudWebhook, Webhook

group = Group()
DEVICES = 12
RATE = 48  # messages a second, of all devices: a busy machine takes a third of a second for a document of Cosmos DB
ALIVE_SECONDS = (0.3 * SLOW, 1.5 * SLOW)
ARRIVE_SECONDS = 300 * SLOW  # without anything new: a failing target is tried again after a minute at the latest

TARGETS = {"grid": Webhook, "cloud": CloudWebhook, "broker": Broker, "orders": EventHub, "far": FarEventHub, "kafka": Kafka,
           "queue": Queue, "topic": Topic, "cosmos": Cosmos, "folder": Folder, "container": Container}


def make(context, hub, targets):
    """One of each kind, but for those whose other side cannot be had."""
    for name, kind in TARGETS.items():
        try:
            targets.append(kind(context, hub, name))
        except Skipped as why:
            print(f"skipped: endpoints of the kind {kind.kind}: {why}", flush=True)


def route(hub, targets):
    """All that devices send goes to each of them, and to the built-in stream."""
    endpoints = collections.defaultdict(list)
    for target in targets:
        endpoints[target.kind].append({"name": target.name, **target.endpoint()})
    routes = [{"name": name, "source": "DeviceMessages", "condition": "true", "endpointNames": [name], "isEnabled": True}
              for name in ("events", *(target.name for target in targets))]
    status, text = hub.ask("PUT", "/admin/v1/routing", {"endpoints": endpoints, "routes": routes}, "*")
    check(status == 200, f"the routing was refused: {status} {text[:300]}")


def acked_of(ledger):
    lines = (line.split(",") for line in ledger.read_text().splitlines())
    return {int(index): int(acked) for _, index, _, acked, *_ in lines}


def calm(targets):
    with concurrent.futures.ThreadPoolExecutor(len(targets)) as pool:
        for done in [pool.submit(target.calm) for target in targets]:
            done.result()


def wait_all(target, acked):
    """However long it takes, as long as something arrives: some targets are slow, and each gets all of a long storm."""
    end, lacked = time.monotonic() + ARRIVE_SECONDS, None
    while (lacks := target.lacks(acked)) and not target.wrong:
        if lacks != lacked:
            end, lacked = time.monotonic() + ARRIVE_SECONDS, lacks
        check(time.monotonic() < end, f"{lacks} acknowledged messages do not arrive at {target.name}: nothing did for {ARRIVE_SECONDS} s")
        time.sleep(0.05)


def storm_and_kill(context, hub, kills):
    """The ledger."""
    with Storm(hub, DEVICES, seed=context.chance.randrange(1 << 31), rate=RATE) as storm:
        for _ in range(kills):
            storm.wait_acked(1)
            time.sleep(context.chance.uniform(*ALIVE_SECONDS))
            hub.kill()
            hub.start()
        storm.wait_acked(100)
        storm.finish()
    return storm.ledger


@group.case
def what_was_acknowledged_arrives_at_every_kind_of_endpoint_that_fails(context):
    hub = context.hub("--workers", 2, "--log-level", "warn")
    hub.options += ["--outgoing-ca", hub.data / "ca.pem"]
    hub.start()
    targets = []
    try:
        make(context, hub, targets)
        hub.kill()  # some want their own environment
        hub.start()
        route(hub, targets)
        for target in targets:
            target.begin_to_fail()
        kills = 30 if context.long else 5
        ledger = storm_and_kill(context, hub, kills)
        acked = acked_of(ledger)
        calm(targets)
        hub.kill()  # pauses begin anew
        hub.start()
        for target in targets:
            wait_all(target, acked)
        wrong = [target.wrong for target in targets if target.wrong]
        if wrong:
            raise Failed("; ".join(wrong))
        hub.kill()
        stored = judge(hub, ledger)["records"]
        for target in targets:
            target.judge(ledger, stored)
    finally:
        for target in targets:
            with contextlib.suppress(Failed):
                target.close()
    again = ", ".join(f"{target.name} {target.again}" for target in targets)
    return f"{kills} kills, {sum(acked.values())} messages to each; again: {again}"


@group.case
def names_that_change_are_followed(context):
    """A webhook's host, by libcurl, and a broker's, by ourselves: both move from one address of this machine to another."""
    words = may_mount()
    if not words:
        raise Skipped("this process may not have a file of hosts of its own")
    names, ports = ("hook.test", "broker.test"), (free_port(), free_port())
    hub = context.hub()
    hosts = hub.work / "hosts"
    hub.wrapper = (*words, "sh", "-c", f"mount --bind {hosts} /etc/hosts && exec \"$@\"", "sh")

    def move(address):
        hosts.write_text("127.0.0.1 localhost\n" + "".join(f"{address} {name}\n" for name in names))
        return [socket.create_server((address, port)) for port in ports]

    def comes(listener, name, address):
        check(select.select([listener], [], [], 60 * SLOW)[0], f"nobody came to {name} at {address}")
        listener.accept()[0].close()

    before = move("127.0.0.2")
    hub.start()
    endpoints = {"webhooks": [{"name": "hook", "endpointUri": f"https://{names[0]}:{ports[0]}/"}],
                 "mqtt": [{"name": "broker", "url": f"mqtts://{names[1]}:{ports[1]}"}]}
    status, text = hub.ask("PUT", "/admin/v1/routing", {"endpoints": endpoints}, "*")
    check(status == 200, f"the routing was refused: {status} {text[:300]}")
    for address, listeners in (("127.0.0.2", before), ("127.0.0.3", None)):
        listeners = listeners or move(address)
        for name, listener in zip(names, listeners):
            comes(listener, name, address)
        for listener in listeners:
            listener.close()


if __name__ == "__main__":
    main(group)
