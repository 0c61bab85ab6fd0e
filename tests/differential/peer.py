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


def name_of(text):
    return (text or "").encode("utf-8", "surrogateescape").hex()


class Frames:
    """A server's side of a connection, fed byte by byte so that what is seen has the order of the frames."""

    def __init__(self):
        self.words, self.sessions, self.closed = [], [], False
        self.collector, self.connection, self.transport = cproton.pn_collector(), cproton.pn_connection(), cproton.pn_transport()
        cproton.pn_transport_set_server(self.transport)
        cproton.pn_transport_set_max_frame(self.transport, 65536)
        cproton.pn_connection_collect(self.connection, self.collector)
        cproton.pn_transport_bind(self.transport, self.connection)
        self.answers = {
            cproton.PN_CONNECTION_REMOTE_OPEN: self.on_open,
            cproton.PN_SESSION_REMOTE_OPEN: self.on_begin,
            cproton.PN_LINK_REMOTE_OPEN: self.on_attach,
            cproton.PN_DELIVERY: self.on_transfer,
            cproton.PN_LINK_REMOTE_CLOSE: lambda event: cproton.pn_link_close(cproton.pn_event_link(event)),
            cproton.PN_LINK_REMOTE_DETACH: lambda event: cproton.pn_link_detach(cproton.pn_event_link(event)),
            cproton.PN_SESSION_REMOTE_CLOSE: lambda event: cproton.pn_session_close(cproton.pn_event_session(event)),
            cproton.PN_CONNECTION_REMOTE_CLOSE: self.on_close,
        }

    def on_open(self, _):
        self.words.append("open=" + name_of(cproton.pn_connection_remote_container(self.connection)))
        cproton.pn_connection_open(self.connection)

    def on_begin(self, event):
        self.sessions.append(cproton.pn_event_session(event))
        self.words.append("begin")
        cproton.pn_session_open(self.sessions[-1])

    def on_attach(self, event):
        link = cproton.pn_event_link(event)
        number = self.sessions.index(cproton.pn_link_session(link))
        self.words.append(f"attach={number},{name_of(cproton.pn_link_name(link))}")
        cproton.pn_link_open(link)
        cproton.pn_link_flow(link, 100)

    def on_transfer(self, event):
        delivery = cproton.pn_event_delivery(event)
        if not cproton.pn_delivery_readable(delivery) or cproton.pn_delivery_partial(delivery):
            return
        link = cproton.pn_event_link(event)
        _, payload = cproton.pn_link_recv(link, cproton.pn_delivery_pending(delivery))
        self.words.append(f"delivery={name_of(cproton.pn_link_name(link))},{(payload or b'').hex()}")
        cproton.pn_delivery_settle(delivery)

    def on_close(self, _):
        self.closed = True

    def feed(self, byte):
        """False: the transport takes no more."""
        taken = cproton.pn_transport_push(self.transport, byte)
        while event := cproton.pn_collector_peek(self.collector):
            self.answers.get(cproton.pn_event_type(event), lambda _: None)(event)
            cproton.pn_collector_pop(self.collector)
        waiting = cproton.pn_transport_pending(self.transport)
        if waiting > 0:
            cproton.pn_transport_pop(self.transport, waiting)
        return taken == 1 and not self.closed

    def end(self):
        condition = cproton.pn_condition_get_name(cproton.pn_transport_condition(self.transport))
        if self.closed:
            return "closed"
        if condition or cproton.pn_transport_capacity(self.transport) < 0:
            return f"refused # {condition}"
        return "more"

    def free(self):
        cproton.pn_transport_unbind(self.transport)
        cproton.pn_transport_free(self.transport)
        cproton.pn_connection_free(self.connection)
        cproton.pn_collector_free(self.collector)


def amqp_frames(data):
    frames = Frames()
    for byte in data:
        if not frames.feed(bytes([byte])):
            break
    line = " ".join([*frames.words, frames.end()])
    frames.free()
    return line


# ---- inputs: each behind its length, 4 bytes, big-endian

KINDS = {"http1": http1, "amqp-value": amqp_value, "amqp-frames": amqp_frames}


def main():
    parse = KINDS[sys.argv[1]]
    while head := sys.stdin.buffer.read(4):
        data = sys.stdin.buffer.read(int.from_bytes(head, "big"))
        print(parse(data), flush=True)


main()
