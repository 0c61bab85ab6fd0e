"""peers.py - peers that send rubbish, half of something, or nothing at all; the others are served meanwhile."""
import contextlib
import selectors
import socket
import ssl
import time

from hub import SLOW, Group, Storm, check, judge, main

group = Group()
DEADLINE_SECONDS = 30  # conn.h, mqtt.h, amqp.h, http1.h: handshake, CONNECT, open, head
SILENT = 200  # connections to each port; with --long a thousand
RUBBISH = 200
MQTT_HELLO = bytes.fromhex("101000044d5154540402003c000464657631")
AMQP_HELLO = bytes.fromhex("414d515003010000")
HTTP_HELLO = b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n"
HELLOS = {"mqtt": MQTT_HELLO, "plain-mqtt": MQTT_HELLO, "amqp": AMQP_HELLO, "plain-amqp": AMQP_HELLO,
          "https": HTTP_HELLO}


def dial(hub, kind):
    connection = socket.create_connection(("127.0.0.1", hub.ports[kind]), 10)
    if kind.startswith("plain"):
        return connection
    trust = ssl.create_default_context(cafile=hub.data / "ca.pem")
    return trust.wrap_socket(connection, server_hostname="localhost")


def is_served(hub, storm):
    check(hub.alive(), f"the server ended: {hub.last_words()}")
    check(hub.unready() is None, f"/readyz says: {hub.unready()}")
    storm.wait_acked(100)


def survives(context, attack):
    hub = context.hub("--log-level", "warn").start()
    with Storm(hub, 20, seed=context.chance.randrange(1 << 31), rate=2000) as storm:
        storm.wait_acked(100)
        before = storm.status()
        for kind, hello in HELLOS.items():
            attack(hub, kind, hello)
            is_served(hub, storm)
        after = storm.status()
        check(after["losses"] == before["losses"], "devices lost their connections meanwhile")
        storm.finish()
    hub.stop()
    judge(hub, storm.ledger, copy=False)


@group.case
def random_bytes_harm_nobody(context):
    def attack(hub, kind, _):
        for number in range(RUBBISH):
            dialler = dial if number % 10 == 0 else lambda hub, kind: socket.create_connection(
                ("127.0.0.1", hub.ports[kind]), 10)
            with contextlib.suppress(OSError), contextlib.closing(dialler(hub, kind)) as connection:
                connection.sendall(context.chance.randbytes(context.chance.randrange(1, 3000)))
    survives(context, attack)


@group.case
def half_a_greeting_harms_nobody(context):
    def attack(hub, kind, hello):
        for end in range(len(hello) + 1):
            with contextlib.suppress(OSError), contextlib.closing(dial(hub, kind)) as connection:
                connection.sendall(hello[:end])
    survives(context, attack)


def closed_in_time(connections, began):
    with selectors.DefaultSelector() as selector:
        for connection in connections:
            connection.setblocking(False)
            selector.register(connection, selectors.EVENT_READ)
        left = len(connections)
        end = began + DEADLINE_SECONDS + 10 * SLOW
        while left and time.monotonic() < end:
            for key, _ in selector.select(1):
                with contextlib.suppress(BlockingIOError):
                    try:
                        over = key.fileobj.recv(4096) == b""
                    except ConnectionError:
                        over = True
                    if over:
                        selector.unregister(key.fileobj)
                        left -= 1
        return left


@group.case
def silent_connections_are_closed_in_time(context):
    """Half of them say the first byte of something; everybody else is served all the while."""
    hub = context.hub("--log-level", "warn").start()
    with Storm(hub, 20, seed=context.chance.randrange(1 << 31), rate=500) as storm:
        connections = []
        for kind in HELLOS:
            for number in range(1000 if context.long else SILENT):
                connection = socket.create_connection(("127.0.0.1", hub.ports[kind]), 10)
                if number % 2:
                    connection.send(HELLOS[kind][:1] if kind.startswith("plain") else b"\x16")
                connections.append(connection)
        began = time.monotonic()
        is_served(hub, storm)
        left = closed_in_time(connections, began)
        for connection in connections:
            connection.close()
        check(left == 0, f"{left} of {len(connections)} silent connections are still open")
        is_served(hub, storm)
        storm.finish()
    hub.stop()
    judge(hub, storm.ledger, copy=False)


if __name__ == "__main__":
    main(group)
