"""routing.py - what goes to the stream along routes, and what enrichments add, read with azure-eventhub; sent
and caused with azure-iot-device and azure-iot-hub; also after the server was killed."""
import json

from azure.eventhub import EventHubConsumerClient
from azure.iot.device import IoTHubDeviceClient, Message
from azure.iot.hub.models import Twin, TwinProperties

from check import check, equal, until
from hub import Reader, body, source
from own_server import server_and_service


def message(data, **properties):
    made = Message(json.dumps(data))
    made.content_type, made.content_encoding = "application/json", "utf-8"
    made.custom_properties.update(properties)
    return made


def reader_of(server, group="$Default"):
    client = EventHubConsumerClient.from_connection_string(
        server.string("--event-hub"), group, connection_verify=server.ready["ca"])
    return Reader(client, starting_position="-1")


def device_of(server, name):
    client = IoTHubDeviceClient.create_from_connection_string(
        server.string("-d", name), server_verification_cert=server.ca, connection_retry=False)
    client.connect()
    return client


def send(server, name, *messages):
    client = device_of(server, name)
    for each in messages:
        client.send_message(each)
    client.shutdown()


def route(server, name, condition, source_type="DeviceMessages"):
    server.cli("hub", "message-route", "create", "--rn", name, "-t", source_type, "--en", "events", "-c", condition)


def bodies(reader, name):
    return [json.loads(body(event)) for event in list(reader.events)
            if source(event) == name and event.system_properties[b"iothub-message-source"] == b"Telemetry"]


@check("conditions on properties, bodies and twins choose what the stream gets, also after kill -9")
def _():
    for workers in (1, 3):
        with server_and_service("routed", "--workers", str(workers)) as (server, service):
            service.update_twin("routed", Twin(tags={"site": "north"}))
            send(server, "routed", message({"n": 0}))
            route(server, "hot", "level = 'hot'")
            route(server, "body", "$body.temperature > 50")
            send(server, "routed", message({"n": 1}))  # nobody's: along the fallback route
            server.cli("hub", "message-route", "fallback", "set", "--enabled", "false")
            send(server, "routed", message({"n": 2}), message({"n": 3}, level="hot"), message({"n": 4}, level="cold"),
                 message({"n": 5, "temperature": 51}), message({"n": 6, "temperature": 50}))
            server.kill()
            server.start()
            send(server, "routed", message({"n": 7}), message({"n": 8}, level="hot"))
            reader = reader_of(server)
            until("the last one came", lambda: {"n": 8} in bodies(reader, "routed"))
            equal([each["n"] for each in bodies(reader, "routed")], [0, 1, 3, 5, 8], "what came")
            events = [event for event in list(reader.events) if source(event) == "routed"]
            equal([event.sequence_number for event in events], list(range(5)), "sequence numbers")
            reader.stop()


@check("a consumer sees the enrichments of the stream among the properties")
def _():
    with server_and_service("enriched") as (server, _):
        for key, value in (("hub", "$iothubname"), ("color", "red"), ("site", "$twin.tags.nothing")):
            server.cli("hub", "message-enrichment", "create", "-k", key, "-v", value, "-e", "events")
        send(server, "enriched", message({"n": 1}), message({"n": 2}, own="1", color="blue"))
        reader = reader_of(server)
        until("both came", lambda: len(bodies(reader, "enriched")) == 2)
        equal([{key.decode(): value.decode() for key, value in event.properties.items()} for event in list(reader.events)
               if source(event) == "enriched"],
              [{"hub": server.hub_name(), "color": "red", "site": "$twin.tags.nothing"},
               {"own": "1", "hub": server.hub_name(), "color": "red", "site": "$twin.tags.nothing"}], "their properties")
        reader.stop()


@check("conditions and enrichments see the sender's twin, and its changes while it is connected")
def _():
    with server_and_service("twinned", "--workers", "3") as (server, service):
        client = device_of(server, "twinned")
        client.send_message(message({"n": 0}))
        service.update_twin("twinned", Twin(tags={"site": "north"}))
        route(server, "north", "$twin.tags.site = 'north'")
        server.cli("hub", "message-route", "fallback", "set", "--enabled", "false")
        server.cli("hub", "message-enrichment", "create", "-k", "site", "-v", "$twin.tags.site", "-e", "events")
        server.cli("hub", "message-enrichment", "create", "-k", "fan", "-v", "$twin.properties.reported.fan", "-e", "events")
        client.shutdown()
        client = device_of(server, "twinned")
        client.send_message(message({"n": 1}))  # its first: the twin is there already
        client.patch_twin_reported_properties({"fan": {"on": True}})
        client.send_message(message({"n": 2}))
        service.update_twin("twinned", Twin(tags={"site": "south"}))
        client.send_message(message({"n": 3}))
        service.update_twin("twinned", Twin(tags={"site": "north"}))
        client.send_message(message({"n": 4}))
        client.shutdown()
        reader = reader_of(server)
        until("the last one came", lambda: {"n": 4} in bodies(reader, "twinned"))
        equal([each["n"] for each in bodies(reader, "twinned")], [0, 1, 2, 4], "what came")
        seen = [event.properties for event in list(reader.events) if source(event) == "twinned"]
        equal([each.get(b"site") for each in seen], [None, b"north", b"north", b"north"], "the sites")
        equal(seen[1][b"fan"], b"$twin.properties.reported.fan", "what the twin does not have")
        equal(json.loads(seen[2][b"fan"]), {"on": True}, "an object of the twin")
        reader.stop()


@check("events go along routes of their source, also after kill -9")
def _():
    with server_and_service("eventful") as (server, service):
        service.update_twin("eventful", Twin(tags={"n": 0}))  # before there is a route
        route(server, "sites", "is_defined($body.tags.site)", "TwinChangeEvents")
        route(server, "births", "opType = 'createDeviceIdentity' AND $connectionDeviceId <> 'quiet'", "DeviceLifecycleEvents")
        route(server, "links", "true", "DeviceConnectionStateEvents")
        server.cli("hub", "message-enrichment", "create", "-k", "hub", "-v", "$iothubname", "-e", "events")
        for n in range(10):
            service.update_twin("eventful", Twin(tags={"site": n} if n % 2 else {"n": n}))
        server.kill()
        server.start()
        service.update_twin("eventful", Twin(properties=TwinProperties(desired={"x": 1})))
        for name in ("quiet", "loud"):
            service.create_device_with_sas(name, "", "", "enabled")
        device_of(server, "loud").shutdown()
        service.update_twin("eventful", Twin(tags={"site": "last"}))
        reader = reader_of(server)
        def told(name, which):
            return [json.loads(body(event)) for event in list(reader.events) if source(event) == name
                    and event.system_properties[b"iothub-message-source"].decode() == which]
        until("the last one came", lambda: [each for each in told("eventful", "twinChangeEvents")
                                            if each["tags"]["site"] == "last"])
        sites = [each["tags"]["site"] for each in told("eventful", "twinChangeEvents")]
        equal(list(dict.fromkeys(sites)), [1, 3, 5, 7, 9, "last"], "the changes that came")
        until("the new device came", lambda: told("loud", "deviceLifecycleEvents"))
        until("it came and went", lambda: len(told("loud", "deviceConnectionStateEvents")) == 2)
        equal(told("quiet", "deviceLifecycleEvents"), [], "what is told of the quiet one")
        equal({event.properties[b"hub"].decode() for event in list(reader.events)}, {server.hub_name()}, "what was added")
        reader.stop()


@check("routes lead to event hubs of this server, with enrichments and in order, also after kill -9")
def _():
    with server_and_service("led", "--workers", "3") as (server, _):
        server.cli("eventhub", "create", "-n", "orders", "-p", "4")
        server.cli("hub", "message-endpoint", "create", "eventhub", "--en", "to-orders", "--entity-path", "orders")
        server.cli("hub", "message-route", "create", "--rn", "hot", "-t", "DeviceMessages", "--en", "to-orders", "-c",
                   "level = 'hot'")
        server.cli("hub", "message-enrichment", "create", "-k", "hub", "-v", "$iothubname", "-e", "to-orders")
        send(server, "led", message({"n": 0}), *[message({"n": n}, level="hot") for n in range(1, 40)])
        server.kill()
        server.start()
        send(server, "led", *[message({"n": n}, level="hot") for n in range(40, 60)])
        client = EventHubConsumerClient.from_connection_string(
            server.string("--event-hub-name", "orders"), "$Default", connection_verify=server.ready["ca"])
        reader = Reader(client, starting_position="-1")
        until("the last one came", lambda: {"n": 59} in bodies(reader, "led"))
        numbers = [each["n"] for each in bodies(reader, "led")]
        equal(list(dict.fromkeys(numbers)), list(range(1, 60)), "what came, twice or not")
        for event in list(reader.events):
            equal(event.partition_key, b"led", "the key")
            equal({key.decode(): value.decode() for key, value in event.properties.items()},
                  {"level": "hot", "hub": server.hub_name()}, "their properties")
        reader.stop()
        builtin = reader_of(server)
        until("the cold one is in the stream", lambda: bodies(builtin, "led") == [{"n": 0}])
        builtin.stop()
        server.cli("eventhub", "delete", "-n", "orders")
        send(server, "led", message({"n": 60}, level="hot"))
        def health():
            return json.loads(server.cli("hub", "message-endpoint", "show", "--en", "to-orders", "-o", "json"))
        until("health tells", lambda: health()["healthStatus"] == "unhealthy")
        equal(health()["lastKnownError"], "there is no event hub 'orders' on this server", "the reason")
