"""short_tokens.py - a server that wants short tokens of its devices: the SDK's usual hour is refused, and devices
that renew every few seconds send on and lose nothing. Both transports are under way at once.

azure-iot-device renews 120 seconds before a token ends, whatever its lifetime: tokens of 124 seconds are renewed
after 4."""
import concurrent.futures
import time

from azure.iot.device import IoTHubDeviceClient

from check import check, equal, failure
from own_server import own_server

TRANSPORTS = {"MQTT": False, "MQTT-WS": True}  # websockets
LIFETIME, SECONDS = 124, 14
TOKENS = 3  # that it has by then, at least
PAUSE_S = 0.2


def client_of(server, device_id, websockets, **options):
    server.cli("hub", "device-identity", "create", "-d", device_id)
    return IoTHubDeviceClient.create_from_connection_string(
        server.string("-d", device_id), server_verification_cert=server.ca, websockets=websockets, **options)


def is_refused(server, name, websockets):
    client = client_of(server, f"long-{name}".lower(), websockets, connection_retry=False)
    error = failure(client.connect)
    client.shutdown()
    return type(error).__name__


def expiry(client):
    return client._mqtt_pipeline._nucleus.pipeline_configuration.sastoken.expiry_time


def loses_nothing(server, name, websockets):
    device_id = f"short-{name}".lower()
    client = client_of(server, device_id, websockets, sastoken_ttl=LIFETIME)
    client.connect()
    expiries, sent, end = set(), 0, time.monotonic() + SECONDS
    while time.monotonic() < end or (len(expiries) < TOKENS and time.monotonic() < end + 60):
        client.send_message(f"n{sent}")
        sent += 1
        expiries.add(expiry(client))
        time.sleep(PAUSE_S)
    client.shutdown()
    return len(expiries), sorted(set(server.bodies(device_id))), sorted(f"n{n}" for n in range(sent))


def run_all():
    with own_server("--device-token-lifetime", "75s") as server, \
            concurrent.futures.ThreadPoolExecutor(2 * len(TRANSPORTS)) as pool:  # and a minute for clocks
        running = {(what, name): pool.submit(what, server, name, websockets)
                   for name, websockets in TRANSPORTS.items() for what in (is_refused, loses_nothing)}
        concurrent.futures.wait(running.values())
        return running


ran = concurrent.futures.ThreadPoolExecutor(1).submit(run_all)

for _name in TRANSPORTS:
    @check(f"a token of an hour is refused over {_name}")
    def _(name=_name):
        equal(ran.result()[is_refused, name].result(), "CredentialError")

    @check(f"a device over {_name} renews short tokens and loses nothing")
    def _(name=_name):
        tokens, came, sent = ran.result()[loses_nothing, name].result()
        equal(came, sent, "what came")
        assert tokens >= TOKENS, f"it renewed {tokens - 1} times"
