"""kind_http1.py - requests of HTTP/1.1, several on a connection, against h11."""
import re

from kind import Kind, Other, Strict

METHODS = ["GET", "PUT", "POST", "DELETE", "PATCH", "HEAD", "OPTIONS"]
TARGETS = ["/", "/devices/d?api-version=2021-04-12", "/a%20b/%c3%a4?q=1&r", "*", "http://hub/devices/d?x", "/$iothub/websocket",
           "/~a/b;c=d,e/(f)/!'*@:", "/a?b?c/d"]
HEADERS = ["Accept: */*", "Authorization: SharedAccessSignature sr=h&sig=%2b&se=1", "User-Agent: \u00e4\u00ff", "X-Empty:",
           "Connection: keep-alive", "Connection: close", "Connection: Upgrade", "Upgrade: websocket", "If-Match: \"*\"",
           "x-ms-client: a, b,\tc", "Cookie: a=b; c=\"d\"", "Expect: 100-continue"]

OPAQUE = ("Accept", "User-Agent", "If-Match", "Cookie", "Connection: close", "Connection: keep-alive")

# A piece is a line with its end, a chunk, or a body: as bytes.


def line(text, end=b"\r\n"):
    return text.encode("latin-1") + end


def body_of(chance):
    return chance.randbytes(chance.choice([0, 1, 10, 300, 3000]))


def chunked(chance, data):
    pieces = []
    while data:
        size = chance.randrange(1, len(data) + 1)
        pieces += [line(chance.choice(["%x", "%X", "0%x"]) % size), data[:size], b"\r\n"]
        data = data[size:]
    trailers = [line("X-Trailer: t")] * chance.choice([0, 0, 1])
    return [*pieces, line("0"), *trailers, b"\r\n"]


def request(chance, last):
    version = "1.1" if chance.random() < 0.9 or not last else "1.0"
    lines = [f"{chance.choice(METHODS)} {chance.choice(TARGETS)} HTTP/{version}"]
    headers = ["Host: hub", *chance.sample(HEADERS[:-1] if version == "1.0" else HEADERS, chance.randrange(5))]
    if not last:
        headers = [header for header in headers if header != "Connection: close"]
    data, how = body_of(chance), chance.choice(["none", "length", "chunked" if version == "1.1" else "length"])
    if how != "none":
        headers.append(f"Content-Length: {len(data)}" if how == "length" else
                       chance.choice(["Transfer-Encoding: chunked", "transfer-encoding: Chunked"]))
    chance.shuffle(headers)
    blanks = chance.choice(["", "", " \t"])
    pieces = [line(text + (blanks if number and text.startswith(OPAQUE) else ""))
              for number, text in enumerate(lines + headers)] + [b"\r\n"]
    return pieces + {"none": [], "length": [data], "chunked": chunked(chance, data)}[how]


def make(chance):
    count = chance.randrange(1, 4)
    return [piece for number in range(count) for piece in request(chance, number == count - 1)]


def spoil_line(chance, piece):
    at = chance.randrange(len(piece) + 1)
    piece = bytearray(piece)
    what = chance.randrange(4)
    if what == 0:
        piece[at:at] = chance.choice([b" ", b"\t", b"\0", b"\r", b"\n", b":", b"\x7f", b"\xff", b"\x0b", b"\r\n", b"-", b",", b"\""])
    elif what == 1 and piece:
        del piece[min(at, len(piece) - 1)]
    elif what == 2 and piece:
        piece[min(at, len(piece) - 1)] ^= 1 << chance.randrange(8)
    else:
        piece = bytearray(bytes(piece).replace(b"\r\n", chance.choice([b"\n", b"\r", b"\r\r\n", b" \r\n", b";x=y\r\n", b"\r\n "])))
    return bytes(piece)


SPOILT = [b"Content-Length: 5\r\n", b"Content-Length: +5\r\n", b"Content-Length: 5, 5\r\n", b"Content-Length:\r\n",
          b"Content-Length: 18446744073709551617\r\n", b"Transfer-Encoding: chunked\r\n", b"Transfer-Encoding: gzip, chunked\r\n",
          b"Transfer-Encoding: chunked, identity\r\n", b"Host: other\r\n", b" folded\r\n", b": empty\r\n", b"\r\n", b"X : y\r\n",
          b"Expect: 200-ok\r\n", b"GET / HTTP/2.0\r\n", b"0x5\r\n", b"-1\r\n", b"5 \r\n", b"fffffffffffffffff\r\n",
          b"BREW / HTTP/1.1\r\n", b"CONNECT hub:443 HTTP/1.1\r\n", b"GET / HTTP/1.1\r\n", b"Upgrade: h2c\r\n", b"NoColon\r\n"]


def spoil(chance, pieces):
    at, what = chance.randrange(len(pieces)), chance.randrange(6)
    if what == 0:
        pieces.insert(at, chance.choice(SPOILT))
    elif what == 1:
        pieces[at] = chance.choice(SPOILT)
    elif what == 2:
        pieces.insert(chance.randrange(len(pieces) + 1), pieces[at])
    elif what == 3:
        del pieces[at]
    else:
        pieces[at] = spoil_line(chance, pieces[at])
    return pieces


def has(pattern):
    return lambda data: re.search(pattern, data, re.DOTALL | re.MULTILINE | re.IGNORECASE) is not None


def empty_line_first(data, ours, theirs):
    return (theirs.end == "refused" and theirs.begins(ours) and "request line" in theirs.reason
            and b"\r" in data)


# Sentences of RFC 9110 (HTTP) and RFC 9112 (HTTP/1.1).
DIFFERENCES = (
    Other("empty line first", "9112 2.2: a server SHOULD ignore at least one empty line received prior to the request-line; h11 takes "
          "none", empty_line_first),
    Strict(r"folded or ends without CR LF", "9112 2.2: a recipient MAY recognize a single LF as a line terminator; 5.2: a server that "
           "receives an obs-fold MUST reject it or replace it; 5.1: no whitespace is allowed between name and colon",
           has(rb"(^|[^\r])\n|\n[ \t:]|\r\r|^[ \t:]|\r[^\n]|\A[ \t:\n]"
               rb"|content-length:.*\r\n\r\n.+[ \t:\n]")),  # the next request begins right behind a body
    Strict(r"the method is unknown", "9110 9.1: additional methods have been specified, and a server need not know them: 501 when "
           "the request line is whole, and 400 as soon as it cannot be one"),
    Strict(r"Expected LF after (CR|chunk)|Expected CRLF|Missing expected", "9112 2.2: a bare CR is invalid, or to be replaced; known before the "
           "head is whole", has(rb"\r([^\n]|\Z)|[^\r]\Z")),
    Strict(r"start char in url|characters? in url|in url ", "9112 3.2, 9110 4.1: what a target consists of; known before the head is "
           "whole", has(rb"^[A-Z-]+ +[^\r\n]*")),
    Strict(r"Expected HTTP/", "9112 2.3, 3: a request line ends with a version of HTTP; known before the head is whole"),
    Strict(r"^505 ", "9110 15.6.6: 505 indicates that the server does not support the major version; known before the line is whole"),
    Strict(r"Invalid header token", "9110 5.1: a field name is a token; known before the head is whole",
           has(rb"\n[!#$%&'*+\-.^_`|~0-9A-Za-z]*[^!#$%&'*+\-.^_`|~0-9A-Za-z:\n]")),
    Strict(r"chunk extensions", "9112 7.1.1: a server ought to limit the total length of chunk extensions; none is known here",
           has(rb"^[0-9a-f]+[ \t]*;")),
    Strict(r"Invalid header value char", "9110 5.5: field values containing CR, LF, NUL are invalid, and so are those with other control "
           "characters", has(rb":[^\n]*[\x00-\x08\x0b-\x1f\x7f]")),
    Strict(r"^417 ", "9110 10.1.1: a server that receives an expectation other than 100-continue MAY respond with 417", has(rb"expect")),
    Strict(r"Content-Length overflow", "9110 8.6: a recipient MUST anticipate large numerals and prevent integer overflow",
           has(rb"content-length:[ \t]*\d{19}")),
    Strict(r"Invalid character in Content-Length|Empty Content-Length", "9110 8.6: Content-Length = 1*DIGIT, and a list of the same numbers is "
           "rejected or replaced; llhttp takes no tab behind them", has(rb"content-length:([^\r\n]*[^\d\r\n]|\r)")),
    Strict(r"Duplicate Content-Length", "9110 8.6: a recipient MUST reject the message as invalid or replace the duplicated values",
           has(rb"content-length.*content-length|transfer-encoding.*content-length")),  # in trailers, which may not have it (6.5.1)
    Strict(r"Content-Length can't be present", "9112 6.1: a server MAY reject a request that contains both Content-Length and "
           "Transfer-Encoding", has(rb"content-length.*transfer-encoding|transfer-encoding.*content-length")),
    Strict(r"Transfer-Encoding|transfer coding", "9112 6.1: a coding that is not understood is refused, and so is one in HTTP/1.0, whose framing is "
           "faulty; llhttp takes no blank behind it", has(rb"transfer-encoding")),
    Strict(r"Chunk size overflow", "9112 7.1: recipients MUST anticipate large numerals and prevent integer overflow", has(rb"^[0-9a-f]{16}")),
    Strict(r"Invalid character in chunk size", "9112 7.1: chunk-size = 1*HEXDIG; h11 forgives blanks", has(rb"^[0-9a-f]*[^0-9a-f\r\n]")),
    Strict(r"Expected LF after headers", "9112 2.2: a bare CR is invalid, or to be replaced", has(rb"\r([^\n]|\Z)")),
    Strict(r"more than one Authorization", "9110 5.3: a field that is no list comes once", has(rb"authorization.*authorization")),
    Strict(r"^413 ", "9110 15.5.14: the content is larger than the server is willing to process"),
    Other("preface of HTTP/2", "9113 3.4: PRI begins the preface, and is refused (505) when all of that is here",
          lambda data, ours, theirs: ours.end == "more" and ours.begins(theirs) and has(rb"PRI \* HTTP/2\.0\r\n")(data)),
    Strict(r"^431 ", "9110 5.4: a server that receives fields larger than it wishes to process MUST respond with a 4xx status"),
    Strict(r"^501 ", "9110 9.1: a method that is recognized but not implemented", has(rb"CONNECT ")),
)
ALWAYS = (
    Other("keep-alive of HTTP/1.0", "9112 9.3: with HTTP/1.0 and keep-alive the recipient either closes or persists; h11 closes",
          lambda data, ours, theirs: theirs.end == "closed" and theirs.begins(ours)
          and has(rb"HTTP/1\.0\r\n.*keep-alive")(data)),
)
HEAD_END = b": x\r\nHost: hub\r\n\r\n"
ENDINGS = (b"\r\n\r\n", b"\n\r\n", b"\n", HEAD_END, b"TTP/1.1\r\nX" + HEAD_END, b"P/1.1\r\nX" + HEAD_END,
           b" / HTTP/1.1\r\nX" + HEAD_END, b"\n0\r\n\r\n", b"\r\n0\r\n\r\n")
KINDS = (Kind("http1", ("/usr/bin/python3", "peer.py"), "http1", 2, make, spoil, b"".join, DIFFERENCES, ALWAYS, endings=ENDINGS),)
