"""kind_mqtt.py - packets of MQTT 3.1.1 to a server and to a client, against mqtt-packet."""
import re

from kind import Kind, Other, Strict

CONNECT, CONNACK, PUBLISH, PUBACK, PUBREC, PUBREL, PUBCOMP = range(1, 8)
SUBSCRIBE, SUBACK, UNSUBSCRIBE, UNSUBACK, PINGREQ, PINGRESP, DISCONNECT = range(8, 15)

# A piece is [first byte, body, bytes that the length takes, what it says too much].


def packet(kind, body=b"", flags=0):
    return [kind << 4 | flags, body, 1, 0]


def number(value):
    return value.to_bytes(2, "big")


def field(data):
    return number(len(data)) + data


def text(chance, plain=False):
    words = ["a", "devices/d/messages/events/", "$iothub/twin/PATCH/properties/reported/?$rid=1", "%24.on=1", "x" * 130]
    odd = ["\ufeff", "ä€😀", "\u0001", "\uffff", "\U0010ffff", " "]
    if not plain and chance.random() < 0.1:
        return b""
    return "".join(chance.choices(words + odd, k=chance.randrange(1, 4))).encode()


def topic_filter(chance):
    return "/".join(chance.choices(["a", "+", "ä", "", "$x"], k=chance.randrange(1, 5)) + chance.choice([["#"], ["b"]]))


def connect(chance):
    flags, tail = chance.choice([0, 2]), field(text(chance))
    if chance.random() < 0.5:
        flags |= 4 | chance.randrange(3) << 3 | chance.choice([0, 0x20])
        tail += field(text(chance, plain=True)) + field(chance.randbytes(chance.randrange(20)))
    if chance.random() < 0.7:
        flags |= 0x80
        tail += field(text(chance))
        if chance.random() < 0.7:
            flags |= 0x40
            tail += field(chance.randbytes(chance.randrange(40)))
    return packet(CONNECT, field(b"MQTT") + bytes([4, flags]) + number(chance.randrange(65536)) + tail)


def publish(chance):
    qos = chance.randrange(3)
    flags = qos << 1 | (chance.choice([0, 8]) if qos else 0) | chance.randrange(2)
    packet_id = number(chance.randrange(1, 65536)) if qos else b""
    payload = chance.randbytes(chance.choice([0, 1, 50, 200, 2000]))
    return packet(PUBLISH, field(text(chance, plain=True)) + packet_id + payload, flags)


def filters(chance, with_qos):
    body = number(chance.randrange(1, 65536))
    for _ in range(chance.randrange(1, 4)):
        body += field(topic_filter(chance).encode()) + (bytes([chance.randrange(3)]) if with_qos else b"")
    return packet(SUBSCRIBE if with_qos else UNSUBSCRIBE, body, 2)


def acknowledgement(chance, kinds):
    kind = chance.choice(kinds)
    return packet(kind, number(chance.randrange(1, 65536)), 2 if kind == PUBREL else 0)


def both(chance):
    return chance.choice([publish, lambda c: acknowledgement(c, [PUBACK, PUBREC, PUBREL, PUBCOMP])])(chance)


def to_server(chance):
    more = [both, both, lambda c: filters(c, True), lambda c: filters(c, False), lambda c: packet(PINGREQ)]
    pieces = [connect(chance)] + [chance.choice(more)(chance) for _ in range(chance.randrange(6))]
    return pieces + [packet(DISCONNECT)] * chance.randrange(2)


def suback(chance):
    return packet(SUBACK, number(chance.randrange(1, 65536)) + bytes(chance.choices([0, 1, 2, 0x80], k=3)))


def to_client(chance):
    more = [both, both, suback, lambda c: acknowledgement(c, [UNSUBACK]), lambda c: packet(PINGRESP)]
    return [packet(CONNACK, bytes([chance.randrange(2), 0]))] + \
        [chance.choice(more)(chance) for _ in range(chance.randrange(6))]


def length_of(value, width):
    shortest = max(1, (value.bit_length() + 6) // 7)
    count = max(shortest, width)
    return bytes(value >> 7 * i & 0x7f | (0x80 if i < count - 1 else 0) for i in range(count))


def encode(pieces):
    return b"".join(bytes([first]) + length_of(max(0, len(body) + more), width) + body
                    for first, body, width, more in pieces)


def spoil_body(chance, body):
    body = bytearray(body)
    at = chance.randrange(len(body) + 1)
    what = chance.randrange(5)
    if what == 0:
        return bytes(body[:at])
    if what == 1:
        body[at:at] = chance.choice([b"\0", b"+", b"#", b"/", b"\xff", b"\xed\xa0\x80", b"\xc0\x80", b"\xf4\x90\x80\x80"])
    elif what == 2:
        body += chance.randbytes(chance.randrange(1, 4))
    elif body:
        at = min(at, len(body) - 1)
        body[at] = chance.choice([0, 1, 0xff, body[at] ^ 1 << chance.randrange(8)])
    return bytes(body)


def spoil(chance, pieces):
    piece = chance.choice(pieces)
    what = chance.randrange(8)
    if what == 0:
        piece[0] ^= 1 << chance.randrange(8)
    elif what == 1:
        piece[2] = chance.randrange(2, 6)
    elif what == 2:
        piece[3] = chance.choice([-1, 1, 2, 1000])
    elif what == 3:
        pieces.insert(chance.randrange(len(pieces) + 1), list(piece))
    elif what == 4:
        pieces.remove(piece)
    else:
        piece[1] = spoil_body(chance, piece[1])
    return pieces


def has_bytes(pattern):
    return lambda data: re.search(pattern, data, re.DOTALL) is not None


def cut_packet_id(_, ours, theirs):
    """It is -1 to the other."""
    more = theirs.words[len(ours.words):]
    return (ours.end == "refused" and "ends inside a field" in ours.reason and ours.begins(theirs) and bool(more)
            and "packet=-1" in more[0])


def qos_3_to_come(_, ours, theirs):
    return ours.end == "more" and ours.words == theirs.words and "QoS bits" in theirs.reason


# Sentences of "MQTT Version 3.1.1", OASIS Standard.
DIFFERENCES = (
    Strict(r"MQTT-1\.5\.3-1", "1.5.3-1: if a Server or Client receives a Control Packet containing ill-formed UTF-8 it MUST "
           "close the Network Connection", has_bytes(rb"[\x80-\xff]")),
    Strict(r"MQTT-1\.5\.3-2", "1.5.3-2: a UTF-8 encoded string MUST NOT include an encoding of the null character U+0000"),
    Strict(r"MQTT-2\.3\.1-1", "2.3.1-1: SUBSCRIBE, UNSUBSCRIBE, and PUBLISH (where QoS > 0) MUST contain a non-zero Packet "
           "Identifier", has_bytes(rb"\0\0")),
    Strict(r"^2\.2\.1: packet type", "table 2.1: each packet has its direction, or is forbidden; a parser without a role "
           "cannot know"),
    Strict(r"MQTT-3\.1\.0-1|MQTT-3\.2\.0-1|MQTT-3\.1\.0-2|MQTT-3\.14\.4-2", "3.1.0-1, 3.1.0-2, 3.2.0-1, 3.14.4-2: what comes "
           "first, once, or last; a parser without a connection cannot know"),
    Strict(r"MQTT-3\.1\.2-1\b", "3.1.2-1: if the protocol name is incorrect the Server MAY disconnect the Client"),
    Strict(r"MQTT-3\.1\.2-22", "3.1.2-22: if the User Name Flag is set to 0, the Password Flag MUST be set to 0"),
    Strict(r"MQTT-3\.1\.2-14", "3.1.2-14: the value of Will QoS can be 0, 1, or 2. It MUST NOT be 3"),
    Strict(r"MQTT-3\.2\.2-4", "3.2.2-4: a CONNACK with a non-zero return code MUST set Session Present to 0"),
    Strict(r"^3\.2\.2\.3: CONNACK with return code", "table 3.1: 6-255 are reserved for future use"),
    Strict(r"MQTT-3\.3\.1-2", "3.3.1-2: the DUP flag MUST be set to 0 for all QoS 0 messages"),
    Strict(r"MQTT-3\.3\.2-2", "3.3.2-2: the Topic Name in the PUBLISH Packet MUST NOT contain wildcard characters",
           has_bytes(rb"[+#]")),
    Strict(r"MQTT-4\.7\.3-1", "4.7.3-1: all Topic Names and Topic Filters MUST be at least one character long",
           has_bytes(rb"\0\0")),
    Strict(r"MQTT-4\.7\.1-[23]", "4.7.1-2, 4.7.1-3: a wildcard occupies an entire level, '#' the last",
           has_bytes(rb"[+#]")),
    Strict(r"MQTT-3\.8\.3-3|MQTT-3\.10\.3-2", "3.8.3-3, 3.10.3-2: at least one Topic Filter"),
    Strict(r"^2\.2\.3: \w+ with remaining length", "2.2.3 and the section of the packet: the lengths that it can have; known "
           "before the body is here"),
    Strict(r"^2\.2\.3: \d+ bytes behind", "2.2.3: Remaining Length is the number of bytes of the variable header and the "
           "payload, and these are as long as their fields"),
    Other("cut packet id", "2.2.3, 3.3.2.2: the packet identifier is two bytes of the packet", cut_packet_id),
    Other("QoS 3", "3.3.1-4: it MUST close the Network Connection; here when the packet is whole", qos_3_to_come),
    Strict(r"of \d+ bytes, at most", "1.5.3, 4.8: how much a Server takes is its own matter; IoT Hub's limit is ours"),
)


def kind(role, make):
    return Kind(f"mqtt-{role}", ("node", "peer.js"), "mqtt", 2, make, spoil, encode, DIFFERENCES)


KINDS = (kind("server", to_server), kind("client", to_client))
