"""amqp.py - a connection that speaks AMQP 1.0 as a transcript says.

    > header 0 1 0 0
    > open container-id="x" hostname="{host}"
    > 1 begin next-outgoing-id=0 incoming-window=100 outgoing-window=100       on channel 1
    > 1 transfer handle=0 delivery-id=0 delivery-tag=hex:00 message-format=0
        properties message-id=ulong:0                                          sections, as they follow
        message-annotations operation="GET"                                    (keys are symbols)
        application-properties k="v"                                           (keys are strings)
        data {"a":1}
        message                                                                a data section with a message
            data one of a batch
        amqp-value "x"

Channels and handles are always those of this end: what the peer calls them is translated.
What a line expects is the next frame of that kind, on that channel and handle: AMQP lets frames of
different links overtake each other. A disposition is the one that speaks of delivery `first`. `nothing`
expects silence, `empty` a frame without a body. Frames that nobody asked for fail a transcript, but not
flows and dispositions.
"""
import time

import amqp_text as text
import amqp_types as types
import stream
from pattern import Mismatch, body

SECTIONS = {0x70: "header", 0x71: "delivery-annotations", 0x72: "message-annotations", 0x73: "properties",
            0x74: "application-properties", 0x75: "data", 0x77: "amqp-value", 0x78: "footer"}
ENDS = ("detach", "end", "close")


def described(code, value):
    return types.encode(("described", (code, value)))


def section(line, deeper):
    name, _, rest = line.partition(" ")
    rest = rest.strip()
    if name == "data":
        return described(0x75, ("binary", body(rest).encode()))
    if name == "message":
        return described(0x75, ("binary", message(deeper)))
    if name == "amqp-value":
        return described(0x77, text.plain(text.Text(rest).value()))
    if name in text.MAPS:
        return described(text.MAPS[name][0], text.plain(section_map(name, rest)))
    reader = text.Text(rest)
    fields = dict(text.COMPOSITES[name][1])
    return types.encode(text.plain(("composite", (name, dict(reader.pairs(lambda f: reader.value(fields[f])))))))


def section_map(name, rest):
    reader = text.Text(rest)
    return "map", [((text.MAPS[name][1], key), value) for key, value in reader.pairs(lambda _: reader.value())]


def message(lines):
    """Encodes sections; `lines` are pairs of indentation and text."""
    out, at = b"", 0
    while at < len(lines):
        end = at + 1
        while end < len(lines) and lines[end][0] > lines[at][0]:
            end += 1
        out += section(lines[at][1], lines[at + 1:end])
        at = end
    return out


def sections(data):
    """The sections of a message that came: pairs of name and value."""
    cursor, found = types.Cursor(data), []
    while cursor.at < len(data):
        code, value = cursor.value()[1]
        found.append((SECTIONS[code], value))
    return found


class Frame:
    def __init__(self, channel, value, payload):
        self.channel, self.value, self.payload = channel, value, payload
        self.name, self.fields = text.fields_of(value)

    def __str__(self):
        said = " ".join(f"{name}={types.shown(value)}" for name, value in self.fields.items() if value != types.NULL)
        inside = "".join(f"\n        {name} {types.shown(value)}" for name, value in self._sections())
        return f"{self.channel} {self.name} {said}{inside}"

    def _sections(self):
        return sections(self.payload) if self.name == "transfer" else []

    def handle(self):
        return self.fields.get("handle", types.NULL)[1]

    def covers(self, delivery):
        """A disposition speaks of a range of deliveries."""
        first = self.fields["first"][1]
        last = self.fields.get("last", types.NULL)[1]
        return first <= delivery <= (first if last is None else last)

    def true(self, field):
        return self.fields.get(field, types.NULL)[1] is True


class Speaker:
    def __init__(self, bytes_, names):
        self.stream, self.names, self.waiting = bytes_, names, []
        self.links, self.channels, self.handles = {}, {}, {}  # name to handle; theirs to ours, twice
        self.frame_max = 65536

    # ---- what is sent

    def send(self, lines):
        for line, deeper in grouped(lines):
            words = line.split()
            if words[0] == "header":
                self.stream.send(b"AMQP" + bytes(map(int, words[1:])))
            elif words[0] == "empty":
                self.stream.send(b"\x00\x00\x00\x08\x02\x00\x00\x00")
            else:
                channel, value = text.performative(line)
                kind = line.startswith("sasl")
                name, fields = value[1]
                if name == "attach":
                    self.links[channel, fields["name"][1]] = fields["handle"][1]
                self._frames(channel, kind, value, message(deeper))

    def _frames(self, channel, kind, value, payload):
        """A frame; a transfer that is longer than the peer's frames may be becomes several."""
        room = self.frame_max - 512
        while True:
            rest, payload = payload[room:], payload[:room]
            if rest:
                value[1][1]["more"] = ("bool", True)
            elif value[1][1].get("more") == ("bool", True):
                value[1][1]["more"] = ("bool", False)
            data = types.encode(text.plain(value)) + payload
            self.stream.send((len(data) + 8).to_bytes(4, "big") + bytes([2, kind]) + channel.to_bytes(2, "big") + data)
            if not rest:
                return
            payload = rest

    # ---- what is expected

    def expect(self, lines):
        for line, deeper in grouped(lines):
            try:
                self._one(line, deeper, time.monotonic() + stream.WAIT_S)
            except stream.Closed:
                if line != "closed":
                    raise Mismatch("the end of the connection", line) from None

    def _one(self, line, deeper, end):
        words = line.split()
        if words[0] == "header":
            self.stream.need(8, end)
            came = self.stream.take(8)
            self.names.match(line, "header " + " ".join(map(str, came[4:])))
        elif line == "nothing":
            if left := self.left(time.monotonic() + 0.3):
                raise Mismatch(left, line)
        elif line == "closed":
            while True:
                self._read(end)
        elif line == "empty":
            while not self._read(end):
                pass
        else:
            channel, wanted = text.performative(line)
            frame = self._await(channel, wanted[1], end, line)
            for field, value in wanted[1][1].items():
                if field != "first":
                    text.match(value, frame.fields.get(field, types.NULL), self.names, field)
            self._match_sections(deeper, frame)

    def _await(self, channel, wanted, end, line):
        name, fields = wanted
        handle, first = (fields.get(field, types.NULL)[1] for field in ("handle", "first"))
        while True:
            for frame in self.waiting:
                if frame.name == name and frame.channel == channel and (
                        handle is None or frame.handle() == handle) and (first is None or frame.covers(first)):
                    if first is None or not frame.covers(first + 1):
                        self.waiting.remove(frame)
                    return frame
                if frame.name in ENDS:
                    raise Mismatch(frame, line)
            try:
                self._read(end)
            except Mismatch:
                raise Mismatch("; ".join(map(str, self.waiting)) or "nothing", line) from None

    def _read(self, end):
        """Reads a frame, or all frames of a delivery, into those that wait; true for an empty frame."""
        self.stream.need(4, end)
        size = int.from_bytes(self.stream.held[:4], "big")
        self.stream.need(size, end)
        data = self.stream.take(size)
        if size == 8:
            return True
        cursor = types.Cursor(data[4 * data[4]:])
        value = cursor.value()
        frame = Frame(int.from_bytes(data[6:8], "big"), value, cursor.data[cursor.at:])
        self._translate(frame)
        for before in self.waiting:
            if frame.name == before.name == "transfer" and before.true("more") and \
                    (before.channel, before.handle()) == (frame.channel, frame.handle()):
                before.payload += frame.payload
                before.fields["more"] = frame.fields.get("more", types.NULL)
                frame = None
                break
        if frame:
            self.waiting.append(frame)
        if any(waiting.true("more") for waiting in self.waiting if waiting.name == "transfer"):
            self._read(end)
        return False

    def _translate(self, frame):
        theirs = frame.channel
        if frame.name == "open":
            self.frame_max = frame.fields.get("max-frame-size", types.NULL)[1] or self.frame_max
        if frame.name == "begin":
            self.channels[theirs] = frame.fields.get("remote-channel", types.NULL)[1]
        frame.channel = self.channels.get(theirs, theirs)
        if frame.name == "attach":
            link = frame.channel, frame.fields["name"][1]
            self.handles[frame.channel, frame.handle()] = self.links.get(link, frame.handle())
        if (frame.channel, frame.handle()) in self.handles:
            frame.fields["handle"] = ("uint", self.handles[frame.channel, frame.handle()])

    def _match_sections(self, wanted, frame):
        came = sections(frame.payload)
        for _, line in wanted:
            name, _, rest = line.partition(" ")
            have = [value for other, value in came if other == name]
            if not have and name not in ("data", "amqp-value"):
                have = [("map" if name in text.MAPS else "list", [])]
            if len(have) != 1:
                raise Mismatch(f"{len(have)} sections {name} in {frame}", line)
            if name == "data":
                self.names.match_body(rest.strip(), have[0][1])
            elif name == "amqp-value":
                text.match(text.Text(rest).value(), have[0], self.names, name)
            elif name in text.MAPS:
                text.match_map(section_map(name, rest)[1], have[0], self.names, name)
            else:
                reader = text.Text(rest)
                fields = dict(text.COMPOSITES[name][1])
                values = dict(zip((field for field, _ in text.COMPOSITES[name][1]), have[0][1]))
                for field, value in reader.pairs(lambda f: reader.value(fields[f])):
                    text.match(value, values.get(field, types.NULL), self.names, f"{name}.{field}")

    def left(self, end):
        try:
            while True:
                self._read(end)
        except (Mismatch, stream.Closed):
            pass
        return next((str(frame) for frame in self.waiting if frame.name not in ("flow", "disposition")), None)


def grouped(lines):
    """Lines that are not indented, each with the indented ones below it."""
    groups = []
    for line in lines:
        depth = len(line) - len(line.lstrip())
        if depth and groups:
            groups[-1][1].append((depth, line.strip()))
        elif line.strip():
            groups.append((line, []))
    return groups
