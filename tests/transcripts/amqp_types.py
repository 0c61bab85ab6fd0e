"""amqp_types.py - AMQP 1.0 values (OASIS standard, part 1): a value is a pair of its type and what it is."""
import struct
import uuid

FIXED = {  # type: (code, struct format)
    "ubyte": (0x50, "B"), "ushort": (0x60, "H"), "uint": (0x70, "I"), "ulong": (0x80, "Q"), "byte": (0x51, "b"),
    "short": (0x61, "h"), "int": (0x71, "i"), "long": (0x81, "q"), "float": (0x72, "f"), "double": (0x82, "d"),
    "timestamp": (0x83, "q"),
}
SMALL = {"uint": (0x52, "B"), "ulong": (0x53, "B"), "int": (0x54, "b"), "long": (0x55, "b")}
VARIABLE = {"binary": 0xa0, "string": 0xa1, "symbol": 0xa3}
NULL = ("null", None)


def _sized(code, data):
    if len(data) < 256:
        return bytes([code, len(data)]) + data
    return bytes([code + 0x10]) + struct.pack(">I", len(data)) + data


def _compound(code, count, data):
    if len(data) < 255 and count < 256:
        return bytes([code, len(data) + 1, count]) + data
    return bytes([code + 0x10]) + struct.pack(">II", len(data) + 4, count) + data


def encode(value):
    kind, v = value
    if kind == "null":
        return b"\x40"
    if kind == "bool":
        return b"\x41" if v else b"\x42"
    if kind in ("uint", "ulong") and v == 0:
        return {"uint": b"\x43", "ulong": b"\x44"}[kind]
    if kind in SMALL and (0 if kind[0] == "u" else -128) <= v < (256 if kind[0] == "u" else 128):
        return struct.pack(">B" + SMALL[kind][1], SMALL[kind][0], v)
    if kind in FIXED:
        return struct.pack(">B" + FIXED[kind][1], FIXED[kind][0], v)
    if kind == "uuid":
        return b"\x98" + uuid.UUID(v).bytes
    if kind in VARIABLE:
        return _sized(VARIABLE[kind], v if kind == "binary" else v.encode())
    if kind == "list":
        return _compound(0xc0, len(v), b"".join(map(encode, v))) if v else b"\x45"
    if kind == "map":
        return _compound(0xc1, 2 * len(v), b"".join(encode(item) for pair in v for item in pair))
    if kind == "symbols":  # an array
        items = b"".join(bytes([len(item)]) + item.encode() for item in v)
        return _compound(0xe0, len(v), b"\xa3" + items)
    if kind == "described":
        return b"\x00" + encode(("ulong", v[0])) + encode(v[1])
    raise ValueError(f"no such type: {kind}")


CODES = {code: (kind, form) for kind, (code, form) in list(FIXED.items()) + list(SMALL.items())}
EMPTY = {0x40: NULL, 0x41: ("bool", True), 0x42: ("bool", False), 0x43: ("uint", 0), 0x44: ("ulong", 0),
         0x45: ("list", [])}


class Cursor:
    def __init__(self, data):
        self.data, self.at = data, 0

    def take(self, count):
        if self.at + count > len(self.data):
            raise ValueError("an AMQP value is cut off")
        self.at += count
        return self.data[self.at - count:self.at]

    def number(self, form):
        return struct.unpack(">" + form, self.take(struct.calcsize(form)))[0]

    def value(self, code=None):
        code = self.number("B") if code is None else code
        if code == 0:
            return "described", (self.value()[1], self.value())
        if code in EMPTY:
            return EMPTY[code]
        if code in CODES:
            return CODES[code][0], self.number(CODES[code][1])
        if code == 0x56:
            return "bool", bool(self.number("B"))
        if code == 0x98:
            return "uuid", str(uuid.UUID(bytes=self.take(16)))
        wide = "I" if code & 0x10 else "B"
        kind = {0xa0: "binary", 0xa1: "string", 0xa3: "symbol", 0xc0: "list", 0xc1: "map",
                0xe0: "array"}.get(code & ~0x10)
        if kind is None:
            raise ValueError(f"no AMQP type has the code {code:#x}")
        if code < 0xc0:
            data = self.take(self.number(wide))
            return kind, data if kind == "binary" else data.decode()
        self.number(wide)
        count = self.number(wide)
        if kind == "array":
            item = self.number("B")
            return kind, [self.value(item) for _ in range(count)]
        items = [self.value() for _ in range(count)]
        return kind, items if kind == "list" else list(zip(items[::2], items[1::2]))


def shown(value):
    """A value as transcripts write it."""
    kind, v = value
    if kind == "string":
        return f'"{v}"'
    if kind == "binary":
        return f"hex:{v.hex()}" if len(v) == 16 or not v.isascii() else f'binary:"{v.decode()}"'
    if kind == "symbol":
        return f"symbol:{v}"
    if kind in ("null", "bool"):
        return str(v).lower() if kind == "bool" else kind
    if kind == "map":
        return "(" + " ".join(f"{name[1]}={shown(item)}" for name, item in v) + ")"
    if kind in ("list", "array"):
        return "[" + " ".join(map(shown, v)) + "]"
    if kind == "described":
        return f"{v[0]:#x}{shown(v[1])}" if isinstance(v[0], int) else f"{v[0]}{shown(v[1])}"
    return f"{kind}:{v}"
