"""plain_kit.py - a device made of nothing but Eclipse Paho's MQTT client and IoT Hub's topics."""
import json
import ssl
import threading

import paho.mqtt.client as mqtt

from check import until
from hub import env, host, token

API = "?api-version=2021-04-12"


class PlainDevice:
    """One connection of a device or module; `got` holds what came, as (topic, payload).

    Its first token is good for so many seconds; when it is cut it comes back with another."""

    def __init__(self, who, key=None, websockets=False, certificate=None, at=host, ca_file=env["HUB_CA"], seconds=3600):
        self.got, self.connected, self._acknowledged, self._granted = [], threading.Event(), set(), {}
        self._topic, self._requests = f"devices/{who.replace('/', '/modules/')}/", 0
        self._client = mqtt.Client(client_id=who, clean_session=False,
                                   transport="websockets" if websockets else "tcp")
        self._sign_in = lambda lasting: self._client.username_pw_set(
            f"{at}/{who}/{API}", key and token(f"{at}/devices/{who.replace('/', '/modules/')}", key, lasting))
        self._sign_in(seconds)
        self._client.tls_set_context(self._context(ca_file, certificate))
        if websockets:
            self._client.ws_set_options(path="/$iothub/websocket")
        self._client.reconnect_delay_set(1, 2)
        self._client.on_connect = lambda *_: self._status(_[3])
        self._client.on_disconnect = lambda *_: self._cut()
        self._client.on_publish = lambda _, __, number: self._acknowledged.add(number)
        self._client.on_subscribe = lambda _, __, number, granted: self._granted.update({number: granted})
        self._client.on_message = lambda _, __, message: self.got.append((message.topic, message.payload))
        self._client.connect(at, 443 if websockets else 8883)
        self._client.loop_start()
        until("it is connected", self.connected.is_set)

    @staticmethod
    def _context(ca_file, certificate):
        context = ssl.create_default_context(cafile=ca_file)
        if certificate:
            context.load_cert_chain(f"{certificate}.chain.pem", f"{certificate}.key")
        return context

    def _status(self, status):
        if status == 0:
            self.connected.set()

    def _cut(self):
        self.connected.clear()
        self._sign_in(3600)

    def publish(self, topic, payload):
        """Returns when the hub has acknowledged."""
        number = self._client.publish(topic, payload, qos=1).mid
        until("it is acknowledged", lambda: number in self._acknowledged)

    def send(self, payload, properties=""):
        self.publish(f"{self._topic}messages/events/{properties}", payload)

    def subscribe(self, filter_):
        _, number = self._client.subscribe(filter_, qos=1)
        until("it is granted", lambda: number in self._granted)
        assert self._granted[number][0] < 2, f"{filter_} is refused"

    def bound(self):
        """Subscribes to messages for the device."""
        self.subscribe(f"{self._topic}messages/devicebound/#")

    def request(self, path, payload=b""):
        """Asks for or reports to the twin: the status, and the answer's body."""
        self._requests += 1
        start = "$iothub/twin/res/"
        self.publish(f"$iothub/twin/{path}/?$rid={self._requests}", payload)
        topic, body = until("the twin answers", lambda: next(
            (one for one in self.got if one[0].startswith(start) and f"$rid={self._requests}" in one[0]), None))
        return int(topic[len(start):].split("/")[0]), json.loads(body) if body else None

    def echo(self):
        """Answers every method from now on with 207 and what it got."""
        self.subscribe("$iothub/methods/POST/#")
        self._client.message_callback_add("$iothub/methods/POST/#", self._answer)

    def _answer(self, client, _, message):
        number = message.topic.split("$rid=")[1]
        client.publish(f"$iothub/methods/res/207/?$rid={number}",
                       json.dumps({"got": json.loads(message.payload)}), qos=1)

    def close(self):
        self._client.disconnect()
        self._client.loop_stop()
