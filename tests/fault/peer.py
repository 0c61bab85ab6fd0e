"""peer.py - hostile peers: connections to each port, what they say and hear, and a hub that has to bear with them."""
import contextlib
import pathlib
import select
import socket
import ssl
import struct
import time

import speech
from hub import SLOW, WAIT_SECONDS, Storm, check, judge, wait_for

MIB = 1 << 20
PORTS = ("mqtt", "plain-mqtt", "amqp", "plain-amqp", "https")
GROWTH_MAX = 128 * MIB  # of the server's memory under attack; 64 of them may be the log's newest records
STRANGER, STRANGERS = "stranger", 5  # the devices that attack: also stranger-0, ...
STREAM = "azimuth"  # the hub's name, since its host name has no dot


# ---- connections

def dial_raw(hub, kind, receive_buffer=None):
    """A TCP connection to a port, whatever is spoken there."""
    connection = socket.socket()
    if receive_buffer:
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    connection.settimeout(WAIT_SECONDS)
    connection.connect(("127.0.0.1", hub.ports[kind]))
    return connection


def dial(hub, kind, receive_buffer=None):
    """With TLS where the port has it."""
    connection = dial_raw(hub, kind, receive_buffer)
    return connection if kind.startswith("plain") else trust(hub).wrap_socket(connection, server_hostname="localhost")


def trust(hub):
    return ssl.create_default_context(cafile=hub.data / "ca.pem")


def dial_admin(hub):
    """Over the socket that makes everybody administrator."""
    connection = socket.socket(socket.AF_UNIX)
    connection.settimeout(WAIT_SECONDS)
    connection.connect(str(pathlib.Path(hub.data, "azimuth.sock").relative_to(pathlib.Path.cwd())))
    return connection


def hear(connection, seconds=WAIT_SECONDS):
    """All that comes until the other side ends the connection; None when it does not."""
    heard, end = b"", time.monotonic() + seconds
    with contextlib.suppress(ConnectionError, ssl.SSLError):
        while True:
            connection.settimeout(max(end - time.monotonic(), 0.001))
            try:
                piece = connection.recv(65536)
            except TimeoutError:
                return None
            if not piece:
                break
            heard += piece
    return heard


def tell(connection, data):
    """Says it, unless the other side has had enough."""
    with contextlib.suppress(OSError):
        connection.sendall(data)


def leave(connection, rudely=False):
    if rudely:
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    connection.close()


def converse(connection, data, seconds=WAIT_SECONDS):
    """Says it over a plain connection, says no more, and hears what comes until the end."""
    tell(connection, data)
    with contextlib.suppress(OSError):
        connection.shutdown(socket.SHUT_WR)
    heard = hear(connection, seconds)
    connection.close()
    check(heard is not None, f"a connection was still open {seconds} s after its client had left")
    return heard


def await_answer(connection, seconds=0.1):
    """What comes within a moment, if anything does."""
    ready = isinstance(connection, ssl.SSLSocket) and connection.pending()
    with contextlib.suppress(OSError):
        if ready or select.select([connection], [], [], seconds)[0]:
            return connection.recv(65536)
    return b""


def is_over(connection):
    """The other side has ended it: seen without reading."""
    poll = select.poll()
    poll.register(connection, select.POLLHUP | select.POLLERR | select.POLLRDHUP)
    return bool(poll.poll(0))


def collect(connection, word, seconds=WAIT_SECONDS):
    """What comes until the word comes, the other side ends it, or the time is over."""
    heard, end = b"", time.monotonic() + seconds
    while word not in heard and time.monotonic() < end:
        piece = await_answer(connection)
        if not piece and is_over(connection):
            break
        heard += piece
    return heard


# ---- conversations, packet by packet

def device_says(hub, name=STRANGER, keep_alive=60):
    """What a device says from greeting to goodbye."""
    sas = speech.token(f"localhost/devices/{name}", hub.policy_key("device"), "device")
    topic = f"devices/{name}/messages/events/"
    return [speech.connect(name, f"localhost/{name}/?api-version=2021-04-12", sas, (topic, b"gone"), keep_alive),
            speech.subscribe(f"devices/{name}/messages/devicebound/#", 1),
            speech.publish(f"{topic}a=1&%24.mid=7", b"twenty degrees", 2), speech.PING,
            speech.publish(topic, b"and falling", qos=0), speech.LEAVE]


def consumer_says(hub, credit=1000, partition=0, stays=False):
    """What a consumer says from greeting to goodbye, or without goodbye."""
    path = f"{STREAM}/ConsumerGroups/$Default/Partitions/{partition}"
    sas = speech.token(f"sb://localhost/{STREAM}", hub.policy_key("service"), "service")
    leaves = [] if stays else [speech.detach(2), speech.AMQP_END, speech.AMQP_CLOSE]
    return speech.consumer("localhost", path, sas, credit) + leaves


def caller_says(hub):
    """What a caller of the HTTP API says."""
    sas = speech.token("localhost", hub.policy_key("iothubowner"), "iothubowner")
    body = b'{"deviceId":"stranger"}'
    return [speech.request("GET", f"/devices/{STRANGER}?{speech.API}", f"Authorization: {sas}"),
            speech.request("PUT", f"/devices/{STRANGER}?{speech.API}", f"Authorization: {sas}",
                           "Content-Type: application/json", f"Content-Length: {len(body)}", body=body),
            speech.request("GET", "/healthz", "Connection: close")]


def says(hub, kind):
    return {"mqtt": device_says, "amqp": consumer_says, "https": caller_says}[kind.removeprefix("plain-")](hub)


# ---- the hub that bears it

def memory(hub):
    """Bytes resident."""
    for line in pathlib.Path(f"/proc/{hub.process.pid}/status").read_text().splitlines():
        if line.startswith("VmRSS:"):
            return int(line.split()[1]) * 1024
    return 0


class Attack:
    """A hub under attack, and devices that are served meanwhile. `losses`: they may lose their connections, but no
    message."""

    def __init__(self, context, hub, storm, losses):
        self.losses, self.chance, self.long, self.hub, self.storm = context, context.chance, context.long, hub, storm
        self.connections, self.before, self.rest = self.open_now(), storm.status(), memory(hub)
        self.most, self.growth_max = self.rest, GROWTH_MAX

    def open_now(self):
        return self.hub.metric("azimuth_connections")

    def look(self):
        """The hub lives, its devices are served, its memory is what it was."""
        check(self.hub.alive(), f"the server ended: {self.hub.last_words()}")
        wait_for("/readyz that says ready", lambda: self.hub.unready() is None, WAIT_SECONDS if self.losses else 0)
        self.storm.wait_acked(20)
        self.most = max(self.most, memory(self.hub))
        check(SLOW > 1 or self.most < self.rest + self.growth_max,
              f"the server's memory grew from {self.rest // MIB} to {self.most // MIB} MiB")

    def over(self):
        """All that attacked has gone, and nothing is left of it."""
        self.look()
        wait_for("attackers' connections that are gone", lambda: self.open_now() <= self.connections)
        losses = self.storm.status()["losses"] - self.before["losses"]
        check(losses == 0 or self.losses, f"{losses} devices lost their connections meanwhile")


@contextlib.contextmanager
def under_attack(context, *options, rate=500, devices=20, wrapper=(), losses=False):
    """A hub with devices, for the body to attack; afterwards the five promises are looked at."""
    hub = context.hub("--log-level", "warn", *options, wrapper=wrapper).start()
    hub.create([STRANGER, *(f"{STRANGER}-{number}" for number in range(STRANGERS))])
    with Storm(hub, devices, seed=context.chance.randrange(1 << 31), rate=rate) as storm:
        wait_for("all devices", lambda: storm.status()["connected"] == devices, 2 * WAIT_SECONDS)
        attack = Attack(context, hub, storm, losses)
        yield attack
        attack.over()
        storm.finish()
    hub.stop()
    judge(hub, storm.ledger, copy=False, among_others=True)
