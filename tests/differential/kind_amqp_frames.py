"""kind_amqp_frames.py - what a client sends over a connection of AMQP 1.0, frame by frame, against the transport of
qpid-proton: sizes, offsets, types and channels of frames, empty ones, deliveries in several.

What performatives hold is amqp-value's matter and nothing is spoilt inside them: there proton checks by assertion."""
from kind import Kind, Other, Strict
from kind_amqp import Broken, Walk
from kind_amqp import encode as value

HEADER = b"AMQP\x00\x01\x00\x00"
OPEN, BEGIN, ATTACH, FLOW, TRANSFER, DISPOSITION, DETACH, END, CLOSE = range(0x10, 0x19)
FRAME_MAX = 65536
NULL, TRUE, FALSE = [0x40, b""], [0x41, b""], [0x42, b""]


def uint(number):
    return [0x70, number.to_bytes(4, "big")]


def text(words, constructor=0xa1):
    return [constructor, words, 0]


def performative(code, *fields):
    return value([0, [0x53, bytes([code])], [0xc0, list(fields), 0, 0]])


def frame(channel, body=b"", extended=0):
    """[channel, type, words of the head, body, how wrong its size is]"""
    return [channel, 0, 2 + extended, body, 0, extended]


def attach(name, handle):
    """The client sends."""
    source = [0, [0x53, b"\x28"], [0xc0, [text(b"source")], 0, 0]]
    target = [0, [0x53, b"\x29"], [0xc0, [text(b"target")], 0, 0]]
    return performative(ATTACH, text(name), uint(handle), FALSE, [0x50, b"\0"], [0x50, b"\0"], source, target, NULL, NULL, uint(0))


def transfers(chance, channel, handle, number):
    """A delivery, in one frame or several, with empty ones between them."""
    pieces = [chance.randbytes(chance.choice([0, 1, 9, 300])) for _ in range(chance.choice([1, 1, 2, 4]))]
    for i, piece in enumerate(pieces):
        more = TRUE if i + 1 < len(pieces) else FALSE
        first = [uint(number), text(b"%d" % number, 0xa0), uint(0), chance.choice([TRUE, FALSE]), more]
        later = [NULL, NULL, NULL, NULL, more]
        yield frame(channel, performative(TRANSFER, uint(handle), *(first if i == 0 else later)) + b"\0Su\xa0\1x" * (i == 0) + piece)
        if chance.random() < 0.2:
            yield frame(chance.choice([0, channel, 7]))


def make(chance):
    pieces = [HEADER, frame(0, performative(OPEN, text(b"client"), text(b"hub"), uint(FRAME_MAX), [0x60, b"\xff\xff"], NULL))]
    channels = chance.sample([0, 1, 5, 255], chance.choice([1, 1, 2]))
    for channel in channels:
        pieces.append(frame(channel, performative(BEGIN, NULL, uint(0), uint(100), uint(100), uint(255))))
    for channel in channels:
        numbers, handles = 0, chance.sample([0, 1, 9], chance.choice([0, 1, 2]))
        for handle in handles:
            pieces.append(frame(channel, attach(b"link%d-%d" % (channel, handle), handle), chance.choice([0, 0, 0, 1, 200])))
        for _ in range(chance.randrange(4) if handles else 0):
            pieces += transfers(chance, channel, chance.choice(handles), numbers)
            numbers += 1
        pieces += [frame(channel, performative(DETACH, uint(handle), TRUE)) for handle in handles if chance.random() < 0.3]
    pieces += [frame(chance.choice([0, 3])) for _ in range(chance.choice([0, 0, 1, 3]))]
    if chance.random() < 0.4:
        pieces.append(frame(0, performative(CLOSE)))
    return pieces


def spoil(chance, pieces):
    if len(pieces) == 1 or chance.random() < 0.05:
        return [chance.choice([b"AMQP\x00\x01\x00\x01", b"AMQP\x01\x01\x00\x00", b"AMQP\x00\x01\x01\x00", b"HTTP\x00\x01\x00\x00"]), *pieces[1:]]
    one = chance.choice(pieces[1:])
    what = chance.randrange(6)
    if what == 0:
        one[4] = chance.choice([-1, 1, -4, 4, -8, 8, -len(one[3]) - 8, FRAME_MAX, 1 << 30])
    elif what == 1:
        one[2] = chance.choice([0, 1, 3, 40, 255])
    elif what == 2:
        one[1] = chance.choice([1, 2, 0x80, 255])
    elif what == 3:
        one[0] = chance.choice([2, 256, 32767])  # of no session
    elif what == 4:
        pieces.insert(chance.randrange(1, len(pieces) + 1), frame(chance.choice([0, 1, 9, 65535]), extended=chance.choice([0, 1, 253])))
    elif one[3][2:3] != bytes([TRANSFER]):
        one[3] = one[3][:chance.randrange(len(one[3]) + 1)]
    return pieces


def encode(pieces):
    out = bytearray(pieces[0])
    for channel, kind, words, body, wrong, extended in pieces[1:]:
        size = max(0, min(8 + 4 * extended + len(body) + wrong, (1 << 32) - 1))
        out += size.to_bytes(4, "big") + bytes([words, kind]) + channel.to_bytes(2, "big") + b"\xff" * (4 * extended) + body
    return bytes(out)


def heads_of(data):
    """(size, offset of the body, type, the input from there on) as long as there are frames."""
    data = data[len(HEADER):]
    while len(data) >= 8 and (size := int.from_bytes(data[:4], "big")) >= 8:
        yield size, 4 * data[4], data[5], data
        data = data[size:]


def frames_of(data):
    """Bodies of the whole frames of the connection, as 2.3 has them, up to one that is none."""
    for size, offset, kind, rest in heads_of(data):
        if size > len(rest) or not 8 <= offset <= size or kind != 0:
            return
        yield rest[offset:size]


class Texts(Walk):
    """The rules, and that strings are UTF-8."""

    def body(self, constructor, data, depth):
        rest = super().body(constructor, data, depth)
        if constructor in (0xa1, 0xb1):
            width = 4 if constructor == 0xb1 else 1
            try:
                data[width:len(data) - len(rest)].decode()
            except UnicodeDecodeError:
                raise Broken("a string that is not UTF-8") from None
        return rest


def is_no_performative(body):
    """Not a list, or one that breaks the rules of part 1."""
    if body[:2] != b"\0S" or not OPEN <= body[2] <= CLOSE or body[3:4] not in (b"\x45", b"\xc0", b"\xd0"):
        return True
    try:
        Texts(body)
    except Broken:
        return True
    return False


def has_other_type(data):
    return any(kind != 0 for _, _, kind, _ in heads_of(data))


def is_error_of_a_session(_, ours, theirs):
    return "invalid-field" in theirs.reason and theirs.words == ours.words[:len(theirs.words)]


def holds_no_performative(data):
    return any(body and is_no_performative(body) for body in frames_of(data))


# Sentences of "OASIS AMQP 1.0", part 2 unless it says another.
DIFFERENCES = (
    Strict(r"does not parse", "part 1: what a value's size, count, constructor and octets are; the codec of proton believes what a "
           "value says of itself", holds_no_performative),
    Strict(r"header is malformed", "2.3.1: the type says what a frame is of; proton passes over empty ones of any type", has_other_type),
    Strict(r"has a session already", "2.5.1: each endpoint of a session has a channel of its own; proton takes a begin for one that "
           "is in use"),
    Strict(r"has to be an open", "2.4.1: the first frame is an open; proton takes a begin before it"),
    Other("session", "2.8.17: a handle that is not attached ends the session; proton ends the connection", is_error_of_a_session),
)

KINDS = (Kind("amqp-frames", ("/usr/bin/python3", "peer.py"), "amqp", 2, make, spoil, encode, DIFFERENCES, damage=False),)
