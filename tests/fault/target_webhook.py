"""target_webhook.py - webhooks that fail: https servers that answer Event Grid's and CloudEvents' requests badly."""
import base64
import http.server
import json
import socket
import ssl
import struct
import threading
import time

from hub import HOST
from target import Target, certificate


class Webhook(Target):
    """An https server that answers 503 and 429, breaks off before, during and after, and takes half of a batch."""

    kind = "webhooks"
    schema = "EventGridSchema"
    ways = ("unavailable", "throttles", "hangs", "breaks", "forgets to answer", "takes half", "wants fewer")

    def __init__(self, context, hub, name):
        super().__init__(context, hub, name)
        pair = certificate(hub, name)
        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), type("Handler", (Handler,), {"hook": self}))
        trust = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        trust.load_cert_chain(*pair)
        self.server.socket = trust.wrap_socket(self.server.socket, server_side=True)
        self.server.handle_error = lambda *_: None  # the other side was killed
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def endpoint(self):
        return {"endpointUri": f"https://{HOST}:{self.server.server_address[1]}/x", "schema": self.schema,
                "maxEventsPerBatch": 20}

    def close(self):
        super().close()
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
