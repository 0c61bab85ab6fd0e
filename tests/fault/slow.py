"""slow.py - peers that say nothing, or a byte now and then: all are closed in time, everybody else is served."""
import contextlib
import re
import resource
import selectors
import ssl
import time

import speech
from hub import SLOW, Group, check, main
from peer import PORTS, caller_says, consumer_says, device_says, dial, dial_raw, tell, under_attack

group = Group()
DEADLINE_SECONDS = 30  # conn.h, mqtt.h, amqp.h, http1.h: handshake, CONNECT, open, head and body
LATE_SECONDS = 60 * SLOW
SILENT = 200  # connections to each port
LONG_SILENT = 10000  # with --long, to one port after the other, as far as descriptors go
DESCRIPTORS_KEPT = 500  # for everything else
FIRST_RECORD_MAX = 4 << 10  # bytes of a connection that has not said the first record of its handshake
DRIPS = 20  # of each kind
DRIP_SECONDS = 2
KEEP_ALIVE_S = 15  # of a device that then drips: closed after one and a half


def wait_for_ends(connections, seconds, drip=lambda: None):
    """How many are still open after that time."""
    with selectors.DefaultSelector() as selector:
        for connection in connections:
            connection.setblocking(False)
            selector.register(connection, selectors.EVENT_READ)
        left, end = len(connections), time.monotonic() + seconds
        while left and time.monotonic() < end:
            for key, _ in selector.select(0.5):
                if is_over(key.fileobj):
                    selector.unregister(key.fileobj)
                    left -= 1
            drip()
        return left


def is_over(connection):
    with contextlib.suppress(BlockingIOError, ssl.SSLWantReadError):
        try:
            return connection.recv(4096) == b""
        except (ConnectionError, ssl.SSLError):
            return True
    return False


def say_nothing(attack, kinds, count):
    """Connections to each of the ports; half of them say the first byte of something. All are closed in time."""
    connections = []
    for kind in kinds:
        first = device_says(attack.hub)[0][:1] if kind.startswith("plain") else b"\x16"
        for number in range(count):
            connection = dial_raw(attack.hub, kind)
            if number % 2:
                tell(connection, first)
            connections.append(connection)
    attack.look()
    left = wait_for_ends(connections, DEADLINE_SECONDS + LATE_SECONDS)
    for connection in connections:
        connection.close()
    check(left == 0, f"{left} of {len(connections)} silent connections are still open")
    return len(connections)


@group.case
def silent_connections_are_closed_in_time(context):
    with under_attack(context) as attack:
        if not context.long:
            return f"{say_nothing(attack, PORTS, SILENT)} connections"
        hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
        count = min(LONG_SILENT, hard - DESCRIPTORS_KEPT)
        attack.growth_max += count * FIRST_RECORD_MAX
        for kind in PORTS:
            say_nothing(attack, [kind], count)
        return f"{count} connections to each of {len(PORTS)} ports"


class Drip:
    """Says what it has to say byte by byte, and so takes forever."""

    def __init__(self, what, connection, at_once, slowly):
        self.what, self.connection, self.rest = what, connection, slowly
        for packet in at_once:
            tell(connection, packet)
        self.due = time.monotonic() + DRIP_SECONDS

    def go_on(self):
        if time.monotonic() < self.due or not self.rest:
            return
        self.due += DRIP_SECONDS
        with contextlib.suppress(OSError):
            self.connection.send(self.rest[:1])
        self.rest = self.rest[1:]


def hello_of_tls(hub):
    incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
    client = ssl.create_default_context(cafile=hub.data / "ca.pem").wrap_bio(incoming, outgoing)
    with contextlib.suppress(ssl.SSLWantReadError):
        client.do_handshake()
    return outgoing.read()


def dripping(attack):
    """Every kind of slowness: port, what is said at once, what is said slowly."""
    hub = attack.hub
    device, hasty = device_says(hub), device_says(hub, keep_alive=KEEP_ALIVE_S)
    consumer, caller = consumer_says(hub), caller_says(hub)
    hello, headers = hello_of_tls(hub), b"GET / HTTP/1.1\r\nHost: localhost\r\n" + b"X: y\r\n" * 100
    put = re.sub(rb"Content-Length: .*", b"Content-Length: 5000\r\n\r\n", caller[1], flags=re.DOTALL)
    return [
        *(("raw " + kind, kind, [], hello) for kind in ("mqtt", "amqp", "https")),  # the handshake
        *(("CONNECT " + kind, kind, [], device[0]) for kind in ("mqtt", "plain-mqtt")),
        *(("PUBLISH " + kind, kind, hasty[:1], hasty[2]) for kind in ("mqtt", "plain-mqtt")),
        *(("header " + kind, kind, [], consumer[0]) for kind in ("amqp", "plain-amqp")),
        *(("SASL " + kind, kind, consumer[:1], consumer[1]) for kind in ("amqp", "plain-amqp")),
        *(("open " + kind, kind, consumer[:3], consumer[3]) for kind in ("amqp", "plain-amqp")),
        ("request line", "https", [], caller[0]), ("headers", "https", [headers[:40]], headers[40:]),
        ("body", "https", [put], bytes(5000)),
        ("WebSocket CONNECT", "https", [speech.upgrade("mqtt")], speech.ws_frame(device[0])),
        ("WebSocket header", "https", [speech.upgrade("AMQPWSB10")], speech.ws_frame(consumer[0])),
    ]


@group.case
def slow_connections_are_closed_in_time(context):
    """A byte every two seconds: of TLS handshakes, CONNECT, AMQP's header, SASL and open, HTTP's head and body,
    and through WebSocket."""
    with under_attack(context) as attack:
        drips = []
        for what, kind, at_once, slowly in dripping(attack):
            for _ in range(DRIPS):
                dialler = dial_raw if what.startswith("raw") else dial
                drips.append(Drip(what, dialler(attack.hub, kind), at_once, slowly))

        def go_on():
            for drip in drips:
                drip.go_on()
        left = wait_for_ends([drip.connection for drip in drips], DEADLINE_SECONDS + LATE_SECONDS, go_on)
        still = sorted({drip.what for drip in drips if not is_over(drip.connection)})
        for drip in drips:
            drip.connection.close()
        check(left == 0, f"{left} of {len(drips)} slow connections are still open: {still}")
    return f"{len(drips)} connections"


if __name__ == "__main__":
    main(group)
