"""peer.py KIND - what parsers that are not ours make of the same inputs, in the same lines (parsed.h): h11, and
the codec of qpid-proton."""
import math
import struct
import sys

import cproton
import h11

# ---- HTTP


def headers_of(request):
    return "".join(f",{name.decode('latin-1')}={value.hex()}" for name, value in request.headers)


def answer(connection):
    """A whole request is answered, so that nothing is switched to; is there another?"""
    connection.send(h11.Response(status_code=404, headers=[("content-length", "0")]))
    connection.send(h11.EndOfMessage())
    if connection.our_state is not h11.DONE or connection.their_state is not h11.DONE:
        return False
    connection.start_next_cycle()
    return True


def read_requests(connection, words):
    """How it ends."""
    body = b""

    def put_body():
        if body:
            words.append("body=" + body.hex())

    while True:
        try:
            event = connection.next_event()
        except h11.RemoteProtocolError as error:
            put_body()
            return f"refused # {error.error_status_hint} {error}".replace("\n", " ")
        if isinstance(event, h11.Request):
            words.append(f"{event.method.decode('latin-1')},{event.target.hex()}{headers_of(event)}")
        elif isinstance(event, h11.Data):
            body += event.data
        elif isinstance(event, h11.EndOfMessage):
            put_body()
            words.append("end")
            body = b""
            if not answer(connection):
                return "closed"
        else:
            put_body()
            return "more"


def http1(data):
    connection = h11.Connection(h11.SERVER, max_incomplete_event_size=1 << 20)
    if data:  # nothing would be the end of the connection
        connection.receive_data(data)
    words = []
    words.append(read_requests(connection, words))
    return " ".join(words)


# ---- AMQP


def float_of(value, letter, layout, width):
    if math.isnan(value):
        return "nan"
    return letter + struct.pack(layout, value).hex().rjust(width, "0")


def plain(name, get):
    return lambda data: f"{name}{get(data)}"


def text_of(name, get):
    return lambda data: name + bytes(get(data)).hex()


def decimal_of(get, width):
    return lambda data: "decimal" + get(data).to_bytes(width, "big").hex()


def inside_of(data, name, skip=0):
    words = []
    cproton.pn_data_enter(data)
    while cproton.pn_data_next(data):
        words.append(value_of(data) if skip == 0 else None)
        skip = max(0, skip - 1)
    cproton.pn_data_exit(data)
    return f"{name}[{','.join(word for word in words if word is not None)}]"


def array_of(data):
    return inside_of(data, "array", 1 if cproton.pn_data_is_array_described(data) else 0)


WORDS = {
    cproton.PN_NULL: lambda data: "null",
    cproton.PN_BOOL: lambda data: "true" if cproton.pn_data_get_bool(data) else "false",
    cproton.PN_UBYTE: plain("ubyte", cproton.pn_data_get_ubyte),
    cproton.PN_USHORT: plain("ushort", cproton.pn_data_get_ushort),
    cproton.PN_UINT: plain("uint", cproton.pn_data_get_uint),
    cproton.PN_ULONG: plain("ulong", cproton.pn_data_get_ulong),
    cproton.PN_CHAR: plain("char", cproton.pn_data_get_char),
    cproton.PN_BYTE: plain("byte", cproton.pn_data_get_byte),
    cproton.PN_SHORT: plain("short", cproton.pn_data_get_short),
    cproton.PN_INT: plain("int", cproton.pn_data_get_int),
    cproton.PN_LONG: plain("long", cproton.pn_data_get_long),
    cproton.PN_TIMESTAMP: plain("time", cproton.pn_data_get_timestamp),
    cproton.PN_FLOAT: lambda data: float_of(cproton.pn_data_get_float(data), "f", ">f", 8),
    cproton.PN_DOUBLE: lambda data: float_of(cproton.pn_data_get_double(data), "d", ">d", 16),
    cproton.PN_DECIMAL32: decimal_of(cproton.pn_data_get_decimal32, 4),
    cproton.PN_DECIMAL64: decimal_of(cproton.pn_data_get_decimal64, 8),
    cproton.PN_DECIMAL128: text_of("decimal", cproton.pn_data_get_decimal128),
    cproton.PN_UUID: text_of("uuid", cproton.pn_data_get_uuid),
    cproton.PN_BINARY: text_of("binary", cproton.pn_data_get_binary),
    cproton.PN_STRING: text_of("string", cproton.pn_data_get_string),
    cproton.PN_SYMBOL: text_of("symbol", cproton.pn_data_get_symbol),
    cproton.PN_LIST: lambda data: inside_of(data, "list"),
    cproton.PN_MAP: lambda data: inside_of(data, "map"),
    cproton.PN_ARRAY: array_of,
    cproton.PN_DESCRIBED: lambda data: inside_of(data, "described"),
}


def value_of(data):
    return WORDS[cproton.pn_data_type(data)](data)


def amqp_value(encoded):
    data = cproton.pn_data(16)
    try:
        used = cproton.pn_data_decode(data, encoded) if encoded else cproton.PN_UNDERFLOW
        if used < 0:
            return f"refused # {used}"
        cproton.pn_data_rewind(data)
        cproton.pn_data_next(data)
        return f"{value_of(data)} rest={len(encoded) - used} more"
    finally:
        cproton.pn_data_free(data)


# ---- inputs: each behind its length, 4 bytes, big-endian

KINDS = {"http1": http1, "amqp-value": amqp_value}


def main():
    parse = KINDS[sys.argv[1]]
    while head := sys.stdin.buffer.read(4):
        data = sys.stdin.buffer.read(int.from_bytes(head, "big"))
        print(parse(data), flush=True)


main()
