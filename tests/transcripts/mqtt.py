"""mqtt.py - MQTT 3.1.1 packets (OASIS standard, sections 2 and 3) and how transcripts write them.

    CONNECT id="d" user="..." password="..." keepalive=240 clean=0 [will="topic" will-body="..." will-qos=1]
    SUBSCRIBE 2 "filter":1 "filter":0          packet identifier, then filters with the wished QoS
    PUBLISH 1 id=3 [dup] [retain] "topic" BODY
    CONNACK 0 session=0 · SUBACK 2 1 0 · PUBACK 3 · UNSUBSCRIBE 4 "filter" · UNSUBACK 4
    PINGREQ · PINGRESP · DISCONNECT · closed
"""
import re
import time

import stream
from pattern import Mismatch, body

KINDS = ("", "CONNECT", "CONNACK", "PUBLISH", "PUBACK", "PUBREC", "PUBREL", "PUBCOMP", "SUBSCRIBE", "SUBACK",
         "UNSUBSCRIBE", "UNSUBACK", "PINGREQ", "PINGRESP", "DISCONNECT", "")
PUBLISH = re.compile(r'PUBLISH (\d)((?: [^" ]+)*) "([^"]*)"(?: (.*))?', re.DOTALL)
FILTER = re.compile(r'"([^"]*)"(?::(\d))?')
BOUND = "/devicebound/"
OPTION = re.compile(r'([\w-]+)=(?:"([^"]*)"|(\S+))')


def text(value):
    data = value.encode()
    return len(data).to_bytes(2, "big") + data


def packet(kind, flags, rest):
    size, head = len(rest), bytes([KINDS.index(kind) << 4 | flags])
    while size > 127:
        head, size = head + bytes([size & 127 | 128]), size >> 7
    return head + bytes([size]) + rest


def connect(options):
    o = {name: quoted or bare for name, quoted, bare in OPTION.findall(options)}
    flags = 2 * int(o.get("clean", 0))
    payload = text(o["id"])
    if "will" in o:
        flags |= 4 | int(o.get("will-qos", 0)) << 3 | int(o.get("will-retain", 0)) << 5
        payload += text(o["will"]) + text(o["will-body"])
    if "user" in o:
        flags |= 0x80
        payload += text(o["user"])
    if "password" in o:
        flags |= 0x40
        payload += text(o["password"])
    level = int(o.get("level", 4))
    return packet("CONNECT", 0, text("MQTT") + bytes([level, flags]) + int(o["keepalive"]).to_bytes(2, "big") + payload)


def publish(line):
    qos, options, topic, payload = PUBLISH.fullmatch(line).groups()
    options = options.split()
    flags = int(qos) << 1 | 8 * ("dup" in options) | ("retain" in options)
    number = [int(word[3:]).to_bytes(2, "big") for word in options if word.startswith("id=")]
    return packet("PUBLISH", flags, text(topic) + b"".join(number) + body(payload or "").encode())


def written(line):
    """The bytes of a packet that a transcript has."""
    kind, _, rest = line.partition(" ")
    if kind == "CONNECT":
        return connect(rest)
    if kind == "PUBLISH":
        return publish(line)
    if kind in ("SUBSCRIBE", "UNSUBSCRIBE"):
        filters = b"".join(text(name) + (bytes([int(qos)]) if qos else b"") for name, qos in FILTER.findall(rest))
        return packet(kind, 2, int(rest.split()[0]).to_bytes(2, "big") + filters)
    if kind == "PUBACK":
        return packet(kind, 0, int(rest).to_bytes(2, "big"))
    return packet(kind, 0, b"")


def read(kind, flags, data):
    """A packet from the server as a transcript writes it, without a PUBLISH's body."""
    name = KINDS[kind]
    if name == "CONNACK":
        return f"CONNACK {data[1]} session={data[0]}", b""
    if name == "PUBLISH":
        size = int.from_bytes(data[:2], "big") + 2
        topic, qos, number = data[2:size].decode(), flags >> 1 & 3, ""
        if qos:
            number, size = f" id={int.from_bytes(data[size:size + 2], 'big')}", size + 2
        marks = " dup" * (flags >> 3 & 1) + " retain" * (flags & 1)
        return f'PUBLISH {qos}{number}{marks} "{topic}"', data[size:]
    if name in ("SUBACK", "PUBACK", "UNSUBACK"):
        codes = "".join(f" {code:#x}" if code > 2 else f" {code}" for code in data[2:])
        return f"{name} {int.from_bytes(data[:2], 'big')}{codes}", b""
    return name, b""


class Speaker:
    """One end of a connection: sends what a transcript says and compares what comes."""

    def __init__(self, bytes_, names):
        self.stream, self.names = bytes_, names

    def send(self, lines):
        for line in lines:
            if line:
                self.stream.send(written(line))

    def expect(self, lines):
        for line in lines:
            self._one(line)

    def _one(self, line):
        try:
            came, payload = self._next(time.monotonic() + stream.WAIT_S)
        except stream.Closed:
            came, payload = "closed", b""
        except Mismatch as nothing:
            raise Mismatch(nothing.came, line) from None
        head, wanted = line, ""
        if found := PUBLISH.fullmatch(line):
            wanted = found[4] or ""
            head = line[:found.start(4) - 1] if found[4] else line
        if BOUND in head and BOUND in came:
            self._match_bags(head, came)
        else:
            self.names.match(head, came)
        self.names.match_body(self.names.fill(wanted), payload)

    def _match_bags(self, wanted, came):
        """Topics whose last part is a bag of properties, which have no order."""
        (start, bag), (came_start, came_bag) = wanted.split(BOUND), came.split(BOUND)
        self.names.match(start, came_start)
        items, have = ({item.partition("=")[0]: item for item in one.rstrip('"').split("&")}
                       for one in (bag, came_bag))
        if sorted(items) != sorted(have):
            raise Mismatch(came, wanted)
        for name, item in items.items():
            self.names.match(item, have[name])

    def _next(self, end):
        s = self.stream
        s.need(2, end)
        size = shift = 0
        for at in range(1, 5):
            s.need(at + 1, end)
            size |= (s.held[at] & 127) << shift
            shift += 7
            if s.held[at] < 128:
                break
        s.need(1 + at + size, end)
        head = s.take(1 + at)[0]
        return read(head >> 4, head & 15, s.take(size))

    def left(self, end):
        """What nobody asked for."""
        try:
            came, payload = self._next(end)
            return f"{came} {payload.decode(errors='backslashreplace')}"
        except (Mismatch, stream.Closed):
            return None
