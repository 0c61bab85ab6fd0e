"""kind_ws.py - frames of WebSocket to a server, to a client, and to a server that takes text, against ws."""
from kind import Kind, Other, Strict

CONTINUATION, TEXT, BINARY, CLOSE, PING, PONG = 0, 1, 2, 8, 9, 10
FIN, MASK = 0x80, 0x80

# A piece is {first, payload, key, width, more}: its first byte, the bytes that its length takes at least, and what
# the length says too much.


def frame(opcode, payload, key, fin=True):
    return {"first": opcode | (FIN if fin else 0), "payload": payload, "key": key, "width": 0, "more": 0}


def content(chance, text):
    if text:
        return "".join(chance.choices(["{}", "ä", "😀", "x" * 100, "\0"], k=chance.randrange(4))).encode()
    long = chance.random() < 0.05
    return chance.randbytes(chance.choice([5000, 65535, 65536] if long else [0, 1, 5, 125, 126, 127, 300]))


def cut(chance, data):
    borders = sorted(chance.randrange(len(data) + 1) for _ in range(chance.choice([0, 0, 1, 2])))
    return [data[start:end] for start, end in zip([0, *borders], [*borders, len(data)])]


def control(chance, key):
    return frame(chance.choice([PING, PONG]), chance.randbytes(chance.choice([0, 1, 125])), key())


def message(chance, key, text):
    parts = cut(chance, content(chance, text))
    pieces = []
    for number, part in enumerate(parts):
        opcode = CONTINUATION if number else TEXT if text else BINARY
        pieces.append(frame(opcode, part, key(), fin=number == len(parts) - 1))
        if chance.random() < 0.2:
            pieces.append(control(chance, key))
    return pieces


def close(chance, key):
    code = chance.choice([1000, 1001, 1003, 1007, 1011, 1014, 3000, 4999])
    body = code.to_bytes(2, "big") + "gut ä".encode()[:chance.choice([0, 4, 6])]
    return frame(CLOSE, chance.choice([b"", body]), key())


def maker(from_client, text):
    def make(chance):
        def key():
            return chance.choice([chance.randbytes(4), bytes(4)]) if from_client else None
        pieces = []
        for _ in range(chance.randrange(1, 4)):
            pieces += message(chance, key, text)
        return pieces + [close(chance, key)] * chance.randrange(2)
    return make


def head(piece):
    length = max(0, len(piece["payload"]) + piece["more"])
    width = max(piece["width"], 0 if length < 126 else 2 if length < 65536 else 8)
    mask = MASK if piece["key"] is not None else 0
    short = {0: length, 2: 126, 8: 127}[width]
    return bytes([piece["first"], mask | short]) + (length.to_bytes(width, "big") if width else b"")


def masked(data, key):
    keys = (key * (len(data) // 4 + 1))[:len(data)]
    return (int.from_bytes(data, "big") ^ int.from_bytes(keys, "big")).to_bytes(len(data), "big")


def encode(pieces):
    return b"".join(head(piece) + (piece["key"] or b"") + masked(piece["payload"], piece["key"] or bytes(4))
                    for piece in pieces)


def spoil(chance, pieces):
    piece = chance.choice(pieces)
    what = chance.randrange(8)
    if what == 0:
        piece["first"] ^= 1 << chance.randrange(8)
    elif what == 1:
        piece["first"] = piece["first"] & 0xf0 | chance.randrange(16)
    elif what == 2:
        piece["key"] = None if piece["key"] is not None else chance.randbytes(4)
    elif what == 3:
        piece["width"] = chance.choice([2, 8])
    elif what == 4:
        piece["more"] = chance.choice([-1, 1, 200, 1 << 20, 5 << 20, (1 << 63) - 200, 1 << 53])
    elif what == 5:
        piece["payload"] = chance.choice([b"", b"\3", b"\3\xec", b"\3\xe7", b"\xff\xff", b"\3\xe8\xff", bytes(126), b"\xed\xa0\x80"])
    elif what == 6:
        pieces.insert(chance.randrange(len(pieces) + 1), dict(piece))
    else:
        pieces.remove(piece)
    return pieces


def split(data):
    """(head is whole, bytes of payload that are here, bytes that it has) of the last frame that begins."""
    at, last = 0, (True, 0, 0)
    while at < len(data):
        rest = data[at:]
        if len(rest) < 2:
            return False, 0, 0
        width = {126: 2, 127: 8}.get(rest[1] & 0x7f, 0)
        size = 2 + width + (4 if rest[1] & MASK else 0)
        if len(rest) < size:
            return len(rest) >= 2, 0, 1
        length = int.from_bytes(rest[2:2 + width], "big") if width else rest[1] & 0x7f
        last = True, min(length, len(rest) - size), length
        at += size + length
    return last


def waits_for_payload(data, ours, theirs):
    whole, here, length = split(data)
    return ours.end == "more" and theirs.end == "refused" and whole and here == 0 and length > 0


def pieces_of_a_message(_, ours, theirs):
    """The same but for the stream, of which ws has only whole messages."""
    return (ours.end == theirs.end and ours.words[1:] == theirs.words[1:] and ours.words[0].startswith(theirs.words[0]))


def both_refuse(reason, codes):
    def when(_, ours, theirs):
        return (ours.end == theirs.end == "refused" and reason in ours.reason
                and (ours.words[-1], theirs.words[-1]) == codes and ours.words[0].startswith(theirs.words[0]))
    return when


def strict(reason, because):
    """What ws has seen may be more, or, of unfinished messages, less."""
    def when(_, ours, theirs):
        mine, others = ours.words[0], theirs.words[0]
        return (ours.end == "refused" and reason in ours.reason
                and (mine.startswith(others) or others.startswith(mine)))
    return Other(reason, because, when)


# Sentences of RFC 6455.
DIFFERENCES = (
    Other("pieces", "5.4: fragmentation is for messages that an endpoint sends without buffering them; what is in binary frames "
          "is a stream here, handed out as it comes", pieces_of_a_message),
    Other("first byte", "5.2 does not say when a frame is judged: here when the first byte of its payload has come",
          waits_for_payload),
    strict("shortest form", "5.2: the minimal number of bytes MUST be used to encode the length; of 8 bytes the most "
           "significant bit MUST be 0"),
    strict("send binary frames", "7.4.1: 1003 indicates that an endpoint has received a type of data it cannot accept; known "
           "from the first frame of a message on"),
    strict("send text frames", "7.4.1: likewise"),
    strict("text is not UTF-8", "8.1: an endpoint that finds that a byte stream is not UTF-8 MUST fail the connection; found "
           "here when it shows, not at the end of the message"),
    strict("too long", "10.4: implementations that have limitations regarding the frame size or total message size MUST protect "
           "themselves against exceeding them"),
)

KINDS = tuple(Kind(name, ("node", "peer.js"), "ws", 2, maker(from_client, text), spoil, encode, DIFFERENCES)
              for name, from_client, text in (("ws-server", True, False), ("ws-client", False, False), ("ws-text", True, True)))
