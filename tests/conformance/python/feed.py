"""feed.py - the messages of ../node/feed.js, read with azure-eventhub on both of its transports."""
import base64
import json

from check import check, equal
from hub import body, collect, consumer, env, source

with open(env["HUB_FEED"], encoding="utf-8") as file:
    PLANS = json.load(file)


def read(**options):
    ids = {plan["deviceId"] for plan in PLANS}
    events = collect(lambda some: sum(source(event) in ids for event in some) >= len(PLANS),
                     client=consumer(**options), starting_position="-1")
    return [event for event in events if source(event) in ids]


def bytes_or_none(value):
    return value.encode() if isinstance(value, str) else value and bytes(value)


def compare(event, plan):
    what = f"{plan['deviceId']} {plan['properties']['n']}: "
    raw, stamps = event.raw_amqp_message.properties, event.system_properties
    equal(body(event), base64.b64decode(plan["body"]), what + "the body")
    properties = {name.decode(): value.decode() for name, value in event.properties.items()}
    equal(properties, plan["properties"], what + "the properties")
    equal(stamps[b"iothub-connection-auth-generation-id"].decode(), plan["generationId"], what + "generation")
    for name, field in (("message_id", "messageId"), ("correlation_id", "correlationId"),
                        ("user_id", "userId"), ("content_type", "contentType"),
                        ("content_encoding", "contentEncoding")):
        wanted = plan.get(field)
        equal(bytes_or_none(raw and getattr(raw, name)), wanted and wanted.encode(), what + name)
    equal(raw and raw.absolute_expiry_time, plan.get("expiry"), what + "the expiry")


def compare_all(events):
    for device_id in sorted({plan["deviceId"] for plan in PLANS}):
        mine = [event for event in events if source(event) == device_id]
        plans = [plan for plan in PLANS if plan["deviceId"] == device_id]
        equal(len(mine), len(plans), f"the number of {device_id}'s events")
        for event, plan in zip(mine, plans):
            compare(event, plan)


@check("the feed arrives message for message")
def _():
    compare_all(read())


@check("the feed arrives message for message through Microsoft's C stack (uamqp)")
def _():
    compare_all(read(uamqp_transport=True))
