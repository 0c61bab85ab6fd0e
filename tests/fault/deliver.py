"""deliver.py - the server is killed while the endpoints of its routes fail in every way: what was acknowledged to
a device arrives at each of them, first arrivals in the device's order.

A kind of endpoint is a class (Target) in TARGETS. Its other side misbehaves at random until calm()."""
import base64
import collections
import http.server
import json
import socket
import ssl
import struct
import subprocess
import threading
import time

from hub import HOST, ROOT, SLOW, Failed, Group, Storm, check, main, wait_for

group = Group()
DEVICES = 12
RATE = 400  # messages a second, of all devices
ALIVE_SECONDS = (0.3 * SLOW, 1.5 * SLOW)
ARRIVE_SECONDS = 150 * SLOW  # a failing target is tried again after a minute at the latest


class Target:
    """One endpoint and what arrived there."""

    kind = None  # the list of routing.endpoints that it stands in

    def __init__(self, hub, name, chance):
        self.hub, self.name, self.chance, self.is_calm = hub, name, chance, False
        self.guard, self.next, self.arrived, self.again = threading.Lock(), collections.Counter(), 0, 0
        self.wrong = None

    def endpoint(self):
        """As the routing document has it, but for its name."""
        raise NotImplementedError

    def calm(self):
        """It takes everything from now on."""
        self.is_calm = True

    def close(self):
        pass

    def arrive(self, body):
        """One message, as the storm made it: "<device> <number> <length> <padding>"."""
        device, number = map(int, body.split(b" ", 2)[:2])
        with self.guard:
            self.arrived += 1
            self.again += number < self.next[device]
            if number > self.next[device]:
                self.wrong = f"{self.name}: message {number} of device {device} came before {self.next[device]}"
            self.next[device] = max(self.next[device], number + 1)

    def lacks(self, acked):
        """How many acknowledged messages did not arrive; `acked`: by device."""
        with self.guard:
            return sum(max(count - self.next[device], 0) for device, count in acked.items())


class Webhook(Target):
    """An https server that answers 503 and 429, breaks off before, during and after, and takes half of a batch."""

    kind = "webhooks"
    schema = "EventGridSchema"
    ways = ("unavailable", "throttles", "hangs", "breaks", "forgets to answer", "takes half", "wants fewer")

    def __init__(self, hub, name, chance):
        super().__init__(hub, name, chance)
        for file in ("hub.pem", "hub.root"):
            (hub.work / file).write_bytes((hub.data / "ca.pem").read_bytes())
        (hub.work / "hub.key").write_bytes((hub.data / "ca.key").read_bytes())
        subprocess.run([ROOT / "tests" / "conformance" / "issue", hub.work, name, HOST, "hub", "server"], check=True,
                       capture_output=True)
        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), type("Handler", (Handler,), {"hook": self}))
        trust = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        trust.load_cert_chain(hub.work / f"{name}.pem", hub.work / f"{name}.key")
        self.server.socket = trust.wrap_socket(self.server.socket, server_side=True)
        self.server.handle_error = lambda *_: None  # the other side was killed
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def endpoint(self):
        return {"endpointUri": f"https://{HOST}:{self.server.server_address[1]}/x", "schema": self.schema,
                "maxEventsPerBatch": 20}

    def close(self):
        self.server.shutdown()
        self.server.server_close()

    def way(self):
        with self.guard:
            well = self.is_calm or self.chance.random() < 0.6
            return "takes" if well else self.chance.choice(self.ways)

    def take(self, events):
        for event in events:
            self.arrive(base64.b64decode(event["data"]["body"]))


class CloudWebhook(Webhook):
    schema = "CloudEventSchemaV1_0"


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    hook = None

    def log_message(self, *_):
        pass

    def answer(self, status, body=b"", **headers):
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name.replace("_", "-"), value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def break_off(self):
        self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.connection.close()
        self.close_connection = True

    def do_OPTIONS(self):
        if self.hook.way() != "takes":
            return self.answer(503)
        return self.answer(200, WebHook_Allowed_Origin="*")

    def do_POST(self):
        way = self.hook.way()
        if way == "breaks":
            return self.break_off()
        events = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        if self.headers.get("aeg-event-type") == "SubscriptionValidation":
            return self.greet(way, events[0]["data"]["validationCode"])
        return self.misbehave(way, events) if way != "takes" else self.take(events)

    def greet(self, way, code):
        if way != "takes":
            return self.answer(503)
        return self.answer(200, json.dumps({"validationResponse": code}).encode())

    def take(self, events):
        self.hook.take(events)
        self.answer(200)

    def misbehave(self, way, events):
        if way == "unavailable":
            return self.answer(503)
        if way == "throttles":
            return self.answer(429, Retry_After="1")
        if way == "wants fewer":
            return self.answer(413) if len(events) > 1 else self.take(events)
        if way == "hangs":
            time.sleep(1)
            return self.break_off()
        self.hook.take(events[:len(events) // 2] if way == "takes half" else events)
        return self.answer(500) if way == "takes half" else self.break_off()


TARGETS = {"grid": Webhook, "cloud": CloudWebhook}


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
    targets = [TARGETS[name](hub, name, chance) for name in names]
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
    finally:
        for target in targets:
            target.close()
    again = sum(target.again for target in targets)
    return f"{kills} kills, {sum(acked.values())} messages to each, {again} of {sum(t.arrived for t in targets)} again"


@group.case
def what_was_acknowledged_arrives_at_webhooks_that_fail(context):
    return storm_and_kill(context, 30 if context.long else 5, ("grid", "cloud"), workers=2)


if __name__ == "__main__":
    main(group)
