"""speech.py - what clients say, as bytes: MQTT packets, AMQP frames, HTTP requests, tokens. Whoever wants bad ones
damages good ones."""
import base64
import hashlib
import hmac
import struct
import time
import urllib.parse

TOKEN_SECONDS = 3600
API = "api-version=2021-04-12"


def token(resource, key, policy=""):
    """A shared access signature; without a policy it is signed with a device's key."""
    sr, se = urllib.parse.quote(resource, safe=""), int(time.time()) + TOKEN_SECONDS
    digest = hmac.new(base64.b64decode(key), f"{sr}\n{se}".encode(), hashlib.sha256).digest()
    signature = urllib.parse.quote(base64.b64encode(digest), safe="")
    return f"SharedAccessSignature sr={sr}&sig={signature}&se={se}" + (f"&skn={policy}" if policy else "")


# ---- MQTT 3.1.1

def mqtt(kind, body=b"", flags=0, length=None):
    """A packet; `length`: what it says of its length, where that is not true."""
    left, head = len(body) if length is None else length, bytearray([kind << 4 | flags])
    while True:
        head.append(left % 128 | (128 if left > 127 else 0))
        left //= 128
        if left == 0:
            return bytes(head) + body


def mqtt_text(text):
    text = text if isinstance(text, bytes) else text.encode()
    return struct.pack(">H", len(text)) + text


def connect(client, user, password, will=None, keep_alive=60):
    """`will`: topic and payload."""
    flags, parts = 0xC2 | (0x04 if will else 0), [mqtt_text(client), *map(mqtt_text, will or ()), mqtt_text(user),
                                                  mqtt_text(password)]
    return mqtt(1, b"\0\4MQTT\4" + bytes([flags]) + struct.pack(">H", keep_alive) + b"".join(parts))


def publish(topic, payload, packet_id=1, qos=1):
    identifier = struct.pack(">H", packet_id) if qos else b""
    return mqtt(3, mqtt_text(topic) + identifier + payload, qos << 1)


def subscribe(topic, packet_id):
    return mqtt(8, struct.pack(">H", packet_id) + mqtt_text(topic) + b"\1", 2)


PING, LEAVE = mqtt(12), mqtt(14)


# ---- AMQP 1.0: values

NULL, TRUE, FALSE = b"\x40", b"\x41", b"\x42"


def uint(value):
    return b"\x70" + struct.pack(">I", value)


def ubyte(value):
    return bytes([0x50, value])


def ushort(value):
    return b"\x60" + struct.pack(">H", value)


def symbol(text):
    return b"\xb3" + struct.pack(">I", len(text)) + text.encode()


def string(text):
    text = text if isinstance(text, bytes) else text.encode()
    return b"\xb1" + struct.pack(">I", len(text)) + text


def binary(data):
    return b"\xb0" + struct.pack(">I", len(data)) + data


def compound(code, items):
    body = b"".join(items)
    return bytes([code]) + struct.pack(">II", len(body) + 4, len(items)) + body


def items(*values):
    return compound(0xd0, values)


def table(pairs):
    return compound(0xd1, [half for pair in pairs.items() for half in (string(pair[0]), pair[1])])


def described(code, value):
    return b"\0\x53" + bytes([code]) + value


# ---- AMQP 1.0: frames

SASL_HEADER, AMQP_HEADER = b"AMQP\3\1\0\0", b"AMQP\0\1\0\0"


def frame(code, *fields, payload=b"", channel=0, kind=0, size=None):
    """A frame with a performative; `size`: what it says of its size, where that is not true."""
    body = described(code, items(*fields)) + payload
    return struct.pack(">IBBH", 8 + len(body) if size is None else size, 2, kind, channel) + body


def sasl_init(mechanism="ANONYMOUS", response=b""):
    return frame(0x41, symbol(mechanism), binary(response), kind=1)


def amqp_open(host, container="peer"):
    return frame(0x10, string(container), string(host), uint(65536), ushort(1023), uint(120000))


def begin(channel=0):
    return frame(0x11, NULL, uint(0), uint(5000), uint(5000), uint(1023), channel=channel)


def attach(name, handle, address, receiver, channel=0):
    """The peer is what `receiver` says."""
    there, here = items(string(address)), items(string("here"))
    source, target = (there, here) if receiver else (here, there)
    count = NULL if receiver else uint(0)
    return frame(0x12, string(name), uint(handle), TRUE if receiver else FALSE, ubyte(2), ubyte(0),
                 described(0x28, source), described(0x29, target), NULL, NULL, count, channel=channel)


def flow(handle, credit, channel=0, echo=False):
    return frame(0x13, uint(0), uint(5000), uint(0), uint(5000), uint(handle), uint(0), uint(credit), NULL, FALSE,
                 TRUE if echo else FALSE, channel=channel)


def transfer(handle, number, payload, channel=0, more=False):
    return frame(0x14, uint(handle), uint(number), binary(struct.pack(">I", number)), uint(0), TRUE,
                 TRUE if more else FALSE, payload=payload, channel=channel)


def detach(handle):
    return frame(0x16, uint(handle), TRUE)


AMQP_END, AMQP_CLOSE = frame(0x17), frame(0x18)


def put_token(audience, sas):
    """The message that goes to $cbs."""
    properties = described(0x73, items(string("1"), NULL, string("$cbs"), NULL, string("here")))
    wishes = described(0x74, table({"operation": string("put-token"), "name": string(audience),
                                    "type": string("servicebus.windows.net:sastoken")}))
    return properties + wishes + described(0x77, string(sas))


def consumer(host, path, sas, credit):
    """All that a reader of a partition says until events come."""
    return [SASL_HEADER, sasl_init(), AMQP_HEADER, amqp_open(host), begin(),
            attach("to-cbs", 0, "$cbs", receiver=False), attach("from-cbs", 1, "$cbs", receiver=True), flow(1, 10),
            transfer(0, 0, put_token(f"sb://{host}/{path}", sas)),
            attach("reader", 2, path, receiver=True), flow(2, credit)]


# ---- HTTP/1.1

def request(method, path, *headers, body=b"", host="localhost"):
    lines = [f"{method} {path} HTTP/1.1", f"Host: {host}", *headers]
    return "\r\n".join([*lines, "", ""]).encode("latin-1") + body


# ---- WebSocket

def upgrade(protocol, path="/$iothub/websocket"):
    """What turns a connection to the HTTPS port into one that speaks MQTT ("mqtt") or AMQP ("AMQPWSB10")."""
    return request("GET", path, "Connection: Upgrade", "Upgrade: websocket", "Sec-WebSocket-Version: 13",
                   "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==", f"Sec-WebSocket-Protocol: {protocol}")


def ws_frame(payload):
    """A binary message in one frame, masked with zeros."""
    return b"\x82\xfe" + struct.pack(">H", len(payload)) + bytes(4) + payload
