"""kind_amqp.py - values of AMQP 1.0's type system, against the codec of qpid-proton.

Proton believes what a value says of its size and count; `Walk` knows the rules, so that what we refuse has to be
wrong."""
from kind import Kind, Other, Strict

WIDTHS = {0x4: 0, 0x5: 1, 0x6: 2, 0x7: 4, 0x8: 8, 0x9: 16}
FIXED = [0x40, 0x41, 0x42, 0x43, 0x44, 0x45, 0x50, 0x51, 0x52, 0x53, 0x54, 0x55, 0x56, 0x60, 0x61, 0x70, 0x71, 0x72, 0x73, 0x74,
         0x80, 0x81, 0x82, 0x83, 0x84, 0x94, 0x98]
VARIABLE = [0xa0, 0xa1, 0xa3, 0xb0, 0xb1, 0xb3]
COMPOUND = [0xc0, 0xc1, 0xd0, 0xd1]
ARRAYS = [0xe0, 0xf0]
KNOWN = {*FIXED, *VARIABLE, *COMPOUND, *ARRAYS}
DESCRIBED, BOOLEAN = 0x00, 0x56
SIMPLE = {*FIXED, *VARIABLE} - {0x45, BOOLEAN}  # of descriptors of an array's elements
DEPTH_MAX, WIDTHLESS_MAX = 32, 255  # base/amqp.h

# A piece is a value: [constructor, bytes] of a fixed one, [constructor, bytes or values, wrong size, wrong count] else;
# described: [0, descriptor, value]; array: [constructor, (constructor of elements, descriptor or none, bodies), ...].


def body_of(chance, constructor):
    if constructor == BOOLEAN:
        return bytes([chance.randrange(2)])
    if constructor == 0x73:
        return chance.choice(b"a\xe4").to_bytes(4, "big")
    return chance.choice([bytes, chance.randbytes, lambda n: b"\xff" * n])(WIDTHS[constructor >> 4])


def text_of(chance):
    return "".join(chance.choices(["a", "ä", "iothub-connection-device-id", "x" * 60], k=chance.randrange(6))).encode()


def array(chance, depth):
    element = chance.choice([c for c in FIXED if c >> 4 != 4] + VARIABLE + [0xd0, 0xd1] * (depth < 3))
    descriptor = [0x53, b"\x75"] if chance.random() < 0.1 else None
    if element in VARIABLE:
        bodies = [sized(element, text_of(chance)[:255], 0) for _ in range(chance.randrange(4))]
    elif element in COMPOUND:
        bodies = [compound_body([element, [value(chance, depth + 1) for _ in range(2)], 0, 0]) for _ in range(2)]
    else:
        bodies = [body_of(chance, element) for _ in range(chance.randrange(4))]
    return [chance.choice(ARRAYS), (element, descriptor, bodies), 0, 0]


def value(chance, depth=0):
    what = chance.random()
    if depth < 4 and what < (0.9 if depth == 0 else 0.3):
        kind = chance.choice(["list", "map", "array", "described"])
        if kind == "array":
            return array(chance, depth)
        if kind == "described":
            return [DESCRIBED, chance.choice([[0x53, b"\x70"], [0xa3, b"amqp:x:list", 0]]), value(chance, depth + 1)]
        count = chance.choice([0, 2, 4, 6] if kind == "map" else [0, 1, 3, 7])
        return [chance.choice([0xc1, 0xd1] if kind == "map" else [0xc0, 0xd0]),
                [value(chance, depth + 1) for _ in range(count)], 0, 0]
    if what < 0.6:
        return [chance.choice(VARIABLE), text_of(chance), 0]
    constructor = chance.choice(FIXED)
    return [constructor, body_of(chance, constructor)]


def clamp(number, width):
    return max(0, min(number, 256 ** width - 1)).to_bytes(width, "big")


def sized(constructor, body, wrong):
    width = 4 if constructor & 0x10 else 1
    return clamp(len(body) + wrong, width) + body


def compound_body(piece):
    constructor, inside, wrong_size, wrong_count = piece
    width = 4 if constructor & 0x10 else 1
    if isinstance(inside, tuple):
        element, descriptor, bodies = inside
        described = b"" if descriptor is None else b"\0" + encode(descriptor)
        count, body = len(bodies), described + bytes([element]) + b"".join(bodies)
    else:
        count, body = len(inside), b"".join(map(encode, inside))
    if width == 1 and max(len(body) + 1, count) > 255:  # the long form then
        return None
    return sized(constructor, clamp(count + wrong_count, width) + body, wrong_size)


def encode(piece):
    constructor = piece[0]
    if constructor == DESCRIBED and len(piece) == 3:
        return b"\0" + encode(piece[1]) + encode(piece[2])
    if len(piece) == 2:
        return bytes([constructor]) + piece[1]
    if len(piece) == 3:
        if len(piece[1]) > 255:
            constructor |= 0x10
        return bytes([constructor]) + sized(constructor, piece[1], piece[2])
    body = compound_body(piece)
    if body is None:
        constructor |= 0x10
        body = compound_body([constructor, *piece[1:]])
    return bytes([constructor]) + body


def all_of(piece):
    """Every value in it."""
    yield piece
    inside = piece[1:] if piece[0] == DESCRIBED else piece[1] if len(piece) == 4 and isinstance(piece[1], list) else []
    for each in inside:
        yield from all_of(each)


def spoil(chance, piece):
    one = chance.choice(list(all_of(piece)))
    what = chance.randrange(5)
    if what == 0 and len(one) >= 3 and one[0] != DESCRIBED:
        one[2] = chance.choice([-1, 1, 2, -2, 100, 1 << 31])
    elif what == 1 and len(one) == 4:
        one[3] = chance.choice([-1, 1, 2, 100, 1 << 31])
    elif what == 2 and one[0] != DESCRIBED:
        one[0] = chance.randrange(1, 256)
    elif what == 3 and one[0] == BOOLEAN and len(one) == 2:
        one[1] = bytes([chance.randrange(256)])
    elif what == 4 and len(one) in (2, 3) and one[0] != DESCRIBED:
        one[1] = one[1][:-1] if chance.random() < 0.5 else one[1] + b"\0"
    return piece


class Broken(Exception):
    """A rule of part 1."""


class Walk:
    """Reads a value and raises Broken where a rule is; notes what is unusual of it."""

    def __init__(self, data):
        self.notes = set()
        self.rest = self.value(data, 1)

    def value(self, data, depth):
        if depth > DEPTH_MAX:
            raise Broken("deep")
        constructor, rest = take(data, 1)
        if constructor[0] == DESCRIBED:
            return self.described(rest, depth)
        return self.body(constructor[0], rest, depth)

    def described(self, data, depth):
        if data[:1] not in (b"\x44", b"\x53", b"\x80", b"\xa3", b"\xb3"):
            self.notes.add("descriptor")
        rest = self.value(data, depth + 1)
        if rest[:1] == b"\0":
            self.notes.add("described twice")
        return self.value(rest, depth + 1)

    def body(self, constructor, data, depth):
        if constructor not in KNOWN:
            raise Broken("constructor")
        if constructor >> 4 in WIDTHS:
            body, rest = take(data, WIDTHS[constructor >> 4])
            if constructor == BOOLEAN and body[0] > 1:
                raise Broken("boolean")
            return rest
        width = 4 if constructor & 0x10 else 1
        size, rest = take(data, width)
        body, rest = take(rest, int.from_bytes(size, "big"))
        if constructor in COMPOUND + ARRAYS:
            self.inside(constructor, body, width, depth)
        return rest

    def inside(self, constructor, body, width, depth):
        count, body = take(body, width)
        count = int.from_bytes(count, "big")
        element = None
        if constructor in ARRAYS:
            element, body = self.element(body, count, depth)
        elif constructor & 0xf == 1 and count % 2:
            raise Broken("a key without a value")
        if count > len(body) and (element is None or element >> 4 != 4):
            raise Broken("count")
        for _ in range(count):
            body = self.value(body, depth + 1) if element is None else self.body(element, body, depth + 1)
        if body:
            raise Broken("size")

    def element(self, body, count, depth):
        """The constructor of an array's elements."""
        element, body = take(body, 1)
        if element[0] == DESCRIBED:
            if body[:1] and body[0] not in SIMPLE:
                raise Broken("a descriptor of elements that is no simple value")
            body = self.value(body, depth + 1)
            element, body = take(body, 1)
        if element[0] not in KNOWN or element[0] >> 4 == 4 and count > WIDTHLESS_MAX:
            raise Broken("element")
        return element[0], body


def take(data, count):
    if len(data) < count:
        raise Broken("ends inside a value")
    return data[:count], data[count:]


def breaks_a_rule(data):
    try:
        return not Walk(data)
    except Broken:
        return True


def is_unusual(note):
    def when(data, ours, _):
        return ours.end == "more" and not breaks_a_rule(data) and note in Walk(data).notes
    return when


# Sentences of "OASIS AMQP 1.0", part 1.
ALWAYS = (
    Other("descriptor", "1.5: descriptor values other than symbolic (symbol) or numeric (ulong) are, while not syntactically invalid, "
          "reserved; the codec of proton does not take all of them", is_unusual("descriptor")),
    Other("described twice", "1.3: a described type annotates any AMQP type; the codec of proton puts what follows a value that is "
          "described twice inside it", is_unusual("described twice")),
)
DIFFERENCES = (
    Strict(r"no value", "1.6: what a value's size, count, constructor and octets are; how deep values nest is limited here (32), and "
           "how many elements without octets an array has (255); 1.5: descriptors but symbols and ulongs are reserved", breaks_a_rule),
)

KINDS = (Kind("amqp-value", ("/usr/bin/python3", "peer.py"), "amqp_message", 0, value, spoil, encode, DIFFERENCES, ALWAYS),)
