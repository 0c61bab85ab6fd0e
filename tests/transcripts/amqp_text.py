"""amqp_text.py - AMQP as transcripts write it: performatives, sections, values.

    attach name="x" handle=0 role=sender source=(address="a") properties=('k'="v")

A field has the type that the standard gives it; where it gives none, and in messages, a value says its
own: "string", symbol:word, ulong:7, uuid:..., int:200, binary:"text", hex:00ff, null. In what is expected
`any` stands for anything but null, and what is not named may be anything.
"""
import json
import re

from amqp_types import NULL, shown
from pattern import UNKNOWN, Mismatch

TERMINUS = "durable=uint expiry-policy=symbol timeout=uint dynamic=bool dynamic-node-properties=fields"
COMPOSITES = {  # name: (descriptor, fields with their types)
    "open": (0x10, "container-id=string hostname=string max-frame-size=uint channel-max=ushort idle-time-out=uint "
                   "outgoing-locales=symbols incoming-locales=symbols offered-capabilities=symbols "
                   "desired-capabilities=symbols properties=fields"),
    "begin": (0x11, "remote-channel=ushort next-outgoing-id=uint incoming-window=uint outgoing-window=uint "
                    "handle-max=uint offered-capabilities=symbols desired-capabilities=symbols properties=fields"),
    "attach": (0x12, "name=string handle=uint role=bool snd-settle-mode=ubyte rcv-settle-mode=ubyte source=source "
                     "target=target unsettled=map incomplete-unsettled=bool initial-delivery-count=uint "
                     "max-message-size=ulong offered-capabilities=symbols desired-capabilities=symbols "
                     "properties=fields"),
    "flow": (0x13, "next-incoming-id=uint incoming-window=uint next-outgoing-id=uint outgoing-window=uint "
                   "handle=uint delivery-count=uint link-credit=uint available=uint drain=bool echo=bool "
                   "properties=fields"),
    "transfer": (0x14, "handle=uint delivery-id=uint delivery-tag=binary message-format=uint settled=bool more=bool "
                       "rcv-settle-mode=ubyte state=* resume=bool aborted=bool batchable=bool"),
    "disposition": (0x15, "role=bool first=uint last=uint settled=bool state=* batchable=bool"),
    "detach": (0x16, "handle=uint closed=bool error=error"),
    "end": (0x17, "error=error"),
    "close": (0x18, "error=error"),
    "error": (0x1d, "condition=symbol description=string info=fields"),
    "received": (0x23, "section-number=uint section-offset=ulong"),
    "accepted": (0x24, ""),
    "rejected": (0x25, "error=error"),
    "released": (0x26, ""),
    "modified": (0x27, "delivery-failed=bool undeliverable-here=bool message-annotations=fields"),
    "source": (0x28, f"address=* {TERMINUS} distribution-mode=symbol filter=map default-outcome=* "
                     "outcomes=symbols capabilities=symbols"),
    "target": (0x29, f"address=* {TERMINUS} capabilities=symbols"),
    "sasl-mechanisms": (0x40, "sasl-server-mechanisms=symbols"),
    "sasl-init": (0x41, "mechanism=symbol initial-response=binary hostname=string"),
    "sasl-outcome": (0x44, "code=ubyte additional-data=binary"),
    "header": (0x70, "durable=bool priority=ubyte ttl=uint first-acquirer=bool delivery-count=uint"),
    "properties": (0x73, "message-id=* user-id=binary to=* subject=string reply-to=* correlation-id=* "
                         "content-type=symbol content-encoding=symbol absolute-expiry-time=timestamp "
                         "creation-time=timestamp group-id=string group-sequence=uint reply-to-group-id=string"),
}
COMPOSITES = {name: (code, [field.split("=") for field in fields.split()])
              for name, (code, fields) in COMPOSITES.items()}
BY_CODE = {code: name for name, (code, _) in COMPOSITES.items()}
MAPS = {"delivery-annotations": (0x71, "symbol"), "message-annotations": (0x72, "symbol"),
        "application-properties": (0x74, "string")}
WORDS = {"sender": ("bool", False), "receiver": ("bool", True), "true": ("bool", True), "false": ("bool", False),
         "unsettled": ("ubyte", 0), "settled": ("ubyte", 1), "mixed": ("ubyte", 2), "first": ("ubyte", 0),
         "second": ("ubyte", 1), "null": NULL, "any": ("any", None)}
INTEGERS = ("ubyte", "ushort", "uint", "ulong", "byte", "short", "int", "long", "timestamp")


class Text:
    """Reads values from a line."""

    def __init__(self, line):
        self.line, self.at = line.strip(), 0

    def skip(self):
        while self.line[self.at:self.at + 1] == " ":
            self.at += 1

    def peek(self):
        self.skip()
        return self.line[self.at:self.at + 1]

    def quoted(self):
        value, self.at = json.JSONDecoder().raw_decode(self.line, self.at)
        return value

    def word(self, stop=r"\s()\[\]"):
        self.skip()
        found = re.compile(rf"[^{stop}]*").match(self.line, self.at)
        self.at = found.end()
        return found[0]

    def pairs(self, read):
        """name=VALUE ... up to the end, or to a closing parenthesis; `read` reads a value by its name."""
        pairs = []
        while self.peek() not in ("", ")"):
            name = self.quoted() if self.peek() == '"' else self.word(r"\s()=")
            if self.peek() != "=":
                raise ValueError(f"'=' is missing after '{name}' in '{self.line}'")
            self.at += 1
            pairs.append((name, read(name)))
        return pairs

    def inside(self, read):
        self.at += 1
        pairs = self.pairs(read)
        self.at += 1
        return pairs

    def value(self, kind="string"):
        first = self.peek()
        if first == "(":
            if kind in COMPOSITES:
                return self.composite(kind)
            return "map", [(("symbol" if kind == "fields" else "string", name), value)
                           for name, value in self.inside(lambda _: self.value())]
        if first == "[":
            self.at += 1
            items = []
            while self.peek() != "]":
                items.append(self.word())
            self.at += 1
            return "symbols", items
        if first == '"':
            return (kind if kind in ("symbol", "binary") else "string"), self._text(kind, self.quoted())
        return self._bare(kind)

    def _bare(self, kind):
        word = self.word(r'\s()\[\]"')
        name, colon, rest = word.partition(":")
        if name in ("binary", "symbol", "string", "uuid", "hex") and colon and not word.startswith("{"):
            text = self.quoted() if not rest and self.peek() == '"' else rest
            if name == "hex":
                return ("hex", text) if "{" in text else ("binary", bytes.fromhex(text))
            return name, self._text(name, text)
        if name in INTEGERS and colon:
            return name, rest if "{" in rest else int(rest)
        if word in COMPOSITES and word not in ("error", "header"):
            return self.composite(word)
        if word in WORDS and not (kind in INTEGERS and WORDS[word][0] not in (kind, "null", "any")):
            return WORDS[word]
        if kind in INTEGERS:
            return kind, word if "{" in word else int(word)
        return ("string" if kind == "*" else kind), self._text(kind, word)

    @staticmethod
    def _text(kind, text):
        return text.encode() if kind == "binary" and not UNKNOWN.search(text) else text

    def composite(self, name):
        fields = dict(COMPOSITES[name][1])
        given = self.inside(lambda field: self.value(fields[field])) if self.peek() == "(" else []
        return "composite", (name, dict(given))


def performative(line):
    """[CHANNEL] NAME FIELDS: the channel, and a composite."""
    text = Text(line)
    word = text.word()
    channel, name = (int(word), text.word()) if word.isdigit() else (0, word)
    fields = dict(COMPOSITES[name][1])
    return channel, ("composite", (name, dict(text.pairs(lambda field: text.value(fields[field])))))


def plain(value):
    """From how transcripts write it to what can be encoded."""
    kind, v = value
    if kind == "composite":
        name, given = v
        code, fields = COMPOSITES[name]
        values = [plain(given.get(field, NULL)) for field, _ in fields]
        while values and values[-1] == NULL:
            values.pop()
        return "described", (code, ("list", values))
    if kind == "map":
        return kind, [(name, plain(item)) for name, item in v]
    return value


def fields_of(described):
    """The fields of a composite that came, by name."""
    code, (_, values) = described[1]
    name = BY_CODE[code]
    return name, {field: value for (field, _), value in zip(COMPOSITES[name][1], values)}


def match(wanted, came, names, what):
    """Compares a value of a transcript with one that came."""
    kind, v = wanted
    if kind == "any":
        if came == NULL:
            raise Mismatch(f"no {what}", f"{what}=any")
    elif kind == "composite":
        match_composite(wanted, came, names, what)
    elif kind == "map":
        match_map(v, came, names, what)
    elif kind == "symbols":
        have = [item[1] for item in came[1]] if came[0] == "array" else [came[1]]
        if v != have:
            raise Mismatch(f"{what}={have}", f"{what}={v}")
    elif kind == "hex" and came[0] == "binary":
        names.match(v, came[1].hex(), f"{what}=")
    elif kind != came[0]:
        raise Mismatch(f"{what}={shown(came)}", f"{what} of type {kind}")
    elif isinstance(v, str):
        names.match(v, came[1].decode() if kind == "binary" else str(came[1]), f"{what}=")
    elif v != came[1]:
        raise Mismatch(f"{what}={shown(came)}", f"{what}={shown(wanted)}")


def match_composite(wanted, came, names, what):
    name, fields = wanted[1]
    if came[0] != "described" or BY_CODE.get(came[1][0]) != name:
        raise Mismatch(f"{what}={shown(came)}", f"{what} {name}")
    have = fields_of(came)[1]
    for field, value in fields.items():
        match(value, have.get(field, NULL), names, f"{what}.{field}" if what else field)


def match_map(wanted, came, names, what):
    have = {name: value for name, value in came[1]} if came[0] == "map" else {}
    for name, value in wanted:
        if value == NULL and name not in have:
            continue
        if name not in have:
            raise Mismatch(f"{what} {shown(came)}", f"{what} with {name[0]} '{name[1]}'")
        match(value, have[name], names, f"{what}.{name[1]}")
