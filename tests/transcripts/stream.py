"""stream.py - bytes over TLS, and inside WebSocket frames over that."""
import os
import socket
import ssl
import time

from pattern import Mismatch

WAIT_S = 60  # the longest that something may take to come


class Closed(Exception):
    """The peer has closed."""


class Tls:
    """A connection to 127.0.0.1, to what calls itself `name`; certificates are verified."""

    def __init__(self, port, name, ca, certificate=None):
        context = ssl.create_default_context(cafile=ca)
        if certificate:
            context.load_cert_chain(certificate)
        plain = socket.create_connection(("127.0.0.1", port), timeout=WAIT_S)
        plain.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.socket = context.wrap_socket(plain, server_hostname=name)
        self.held = b""

    def send(self, data):
        try:
            self.socket.sendall(data)
        except OSError as error:
            raise Mismatch(f"the connection ended: {error}", "to be able to send") from None

    def more(self, end):
        """Waits until `end` for bytes that have not been seen yet and adds them to those held."""
        left = end - time.monotonic()
        if left <= 0:
            raise Mismatch("nothing", "something")
        self.socket.settimeout(left)
        try:
            data = self.socket.recv(65536)
        except TimeoutError:
            raise Mismatch("nothing", "something") from None
        except OSError:
            data = b""
        if not data:
            raise Closed
        self.held += data

    def take(self, count):
        taken, self.held = self.held[:count], self.held[count:]
        return taken

    def need(self, count, end):
        while len(self.held) < count:
            self.more(end)

    def close(self):
        self.socket.close()


class WebSocket:
    """RFC 6455 as a client over `below`; frames that are sent are masked and hold `piece` bytes at most."""

    def __init__(self, below, piece=65536):
        self.below, self.piece, self.held = below, piece, b""
        self.said_bye = False

    def send(self, data):
        for at in range(0, len(data), self.piece):
            self._frame(2, data[at:at + self.piece])

    def pong(self):
        """One that nobody asked for: how .NET keeps a connection alive."""
        self._frame(10, b"")

    def bye(self, end):
        """The closing handshake, begun here."""
        self._frame(8, (1000).to_bytes(2, "big"))
        try:
            while True:
                self.more(end)
        except Closed:
            if not self.said_bye:
                raise Mismatch("the end of the connection", "a Close frame before it") from None

    def _frame(self, opcode, data):
        size, mask = len(data), os.urandom(4)
        if size < 126:
            head = bytes([0x80 | opcode, 0x80 | size])
        elif size < 65536:
            head = bytes([0x80 | opcode, 0x80 | 126]) + size.to_bytes(2, "big")
        else:
            head = bytes([0x80 | opcode, 0x80 | 127]) + size.to_bytes(8, "big")
        self.below.send(head + mask + bytes(byte ^ mask[i % 4] for i, byte in enumerate(data)))

    def more(self, end):
        self.below.need(2, end)
        first, size = self.below.held[:2]
        if size & 0x80:
            raise Mismatch("a masked frame", "frames of a server, which are not masked")
        wide = {126: 2, 127: 8}.get(size, 0)
        self.below.need(2 + wide, end)
        if wide:
            size = int.from_bytes(self.below.held[2:2 + wide], "big")
        self.below.need(2 + wide + size, end)
        self.below.take(2 + wide)
        data, opcode = self.below.take(size), first & 15
        if opcode == 8:
            self.said_bye = True
            raise Closed
        if opcode == 9:
            self._frame(10, data)
        elif opcode == 1:
            raise Mismatch("a text frame", "binary frames")
        elif opcode in (0, 2):
            self.held += data

    take, need = Tls.take, Tls.need

    def close(self):
        self.below.close()
