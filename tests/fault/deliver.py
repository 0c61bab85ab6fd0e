"""deliver.py - the server is killed while the endpoints of its routes fail in every way: what was acknowledged to
a device arrives at each of them, first arrivals in the device's order.

A kind of endpoint is a class (target.py) in TARGETS. Its other side misbehaves at random until calm()."""
import collections
import time

from hub import SLOW, Failed, Group, Storm, check, main, wait_for
from target_event_hub import EventHub, FarEventHub
from target_mqtt import Broker
from target_webhook import CloudWebhook, Webhook

group = Group()
DEVICES = 12
RATE = 400  # messages a second, of all devices
ALIVE_SECONDS = (0.3 * SLOW, 1.5 * SLOW)
ARRIVE_SECONDS = 150 * SLOW  # a failing target is tried again after a minute at the latest

TARGETS = {"grid": Webhook, "cloud": CloudWebhook, "broker": Broker, "orders": EventHub, "far": FarEventHub}


def route(hub, targets):
    """All that devices send goes to each of them."""
    endpoints = collections.defaultdict(list)
    for target in targets:
        endpoints[target.kind].append({"name": target.name, **target.endpoint()})
    routes = [{"name": target.name, "source": "DeviceMessages", "condition": "true", "endpointNames": [target.name],
               "isEnabled": True} for target in targets]
    status, text = hub.ask("PUT", "/admin/v1/routing", {"endpoints": endpoints, "routes": routes}, "*")
    check(status == 200, f"the routing was refused: {status} {text[:300]}")


def acked_of(ledger):
    lines = (line.split(",") for line in ledger.read_text().splitlines())
    return {int(index): int(acked) for _, index, _, acked, *_ in lines}


def storm_and_kill(context, kills, names, workers):
    chance = context.chance
    hub = context.hub("--workers", workers, "--log-level", "warn")
    hub.options += ["--outgoing-ca", hub.data / "ca.pem"]
    hub.start()
    targets = [TARGETS[name](context, hub, name) for name in names]
    try:
        route(hub, targets)
        with Storm(hub, DEVICES, seed=chance.randrange(1 << 31), rate=RATE) as storm:
            for _ in range(kills):
                storm.wait_acked(1)
                time.sleep(chance.uniform(*ALIVE_SECONDS))
                hub.kill()
                hub.start()
            storm.wait_acked(100)
            storm.finish()
        acked = acked_of(storm.ledger)
        for target in targets:
            target.calm()
        for target in targets:
            wait_for(f"all that was acknowledged arrives at {target.name}", lambda t=target: not t.lacks(acked) or t.wrong,
                     ARRIVE_SECONDS)
        wrong = [target.wrong for target in targets if target.wrong]
        if wrong:
            raise Failed("; ".join(wrong))
        hub.kill()
        for target in targets:
            target.judge(storm.ledger)
    finally:
        for target in targets:
            target.close()
    again = sum(target.again for target in targets)
    return f"{kills} kills, {sum(acked.values())} messages to each, {again} of {sum(t.arrived for t in targets)} again"


@group.case
def what_was_acknowledged_arrives_at_webhooks_that_fail(context):
    return storm_and_kill(context, 30 if context.long else 5, ("grid", "cloud"), workers=2)


@group.case
def what_was_acknowledged_arrives_at_a_broker_that_fails_and_an_event_hub(context):
    return storm_and_kill(context, 30 if context.long else 5, ("broker", "orders"), workers=2)


@group.case
def what_was_acknowledged_arrives_at_another_server_that_is_killed_too(context):
    return storm_and_kill(context, 30 if context.long else 5, ("far",), workers=2)


if __name__ == "__main__":
    main(group)
