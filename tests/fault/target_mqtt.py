"""target_mqtt.py - an MQTT broker that fails: refuses connections, hangs up in the middle, acknowledges nothing."""
import socket
import struct
import threading
import time

from hub import HOST
from speech import mqtt
from target import Target

CONNECT, CONNACK, PUBLISH, PUBACK, PINGREQ, PINGRESP = 1, 2, 3, 4, 12, 13
UNAVAILABLE = 3


def packet(stream):
    """The next one: kind, flags, body; ends with EOFError."""
    head = stream.read(1)
    length, shift = 0, 0
    while head:
        byte = stream.read(1)
        if not byte:
            break
        length |= (byte[0] & 127) << shift
        shift += 7
        if byte[0] < 128:
            body = stream.read(length)
            if len(body) == length:
                return head[0] >> 4, head[0] & 15, body
            break
    raise EOFError


class Broker(Target):
    kind = "mqtt"

    def __init__(self, context, hub, name):
        super().__init__(context, hub, name)
        self.socket = socket.create_server(("127.0.0.1", 0))
        threading.Thread(target=self.listen, daemon=True).start()

    def endpoint(self):
        return {"url": f"mqtt://{HOST}:{self.socket.getsockname()[1]}"}

    def close(self):
        super().close()
        self.socket.close()

    def listen(self):
        while True:
            try:
                connection, _ = self.socket.accept()
            except OSError:
                return
            threading.Thread(target=self.serve, args=(connection,), daemon=True).start()

    def serve(self, connection):
        try:
            with connection, connection.makefile("rb") as stream:
                self.converse(connection, stream)
        except (OSError, EOFError):
            pass  # the other side was killed

    def roll(self, low, high):
        """A number of messages after which something goes wrong; none at all when it is calm."""
        with self.guard:
            return None if self.is_calm else self.chance.randint(low, high)

    def converse(self, connection, stream):
        """It refuses now and then; it hangs up after some messages, the last of which were not acknowledged."""
        left, unanswered = self.roll(0, 1500), self.roll(0, 30)
        while True:
            kind, flags, body = packet(stream)
            if kind == CONNECT:
                refused = left is not None and left < 200
                connection.sendall(mqtt(CONNACK, bytes([0, UNAVAILABLE if refused else 0])))
                if refused:
                    return
            elif kind == PINGREQ:
                connection.sendall(mqtt(PINGRESP))
            elif kind == PUBLISH:
                number = self.take(flags, body)
                if left is None or self.is_calm:
                    connection.sendall(mqtt(PUBACK, number))
                    continue
                left -= 1
                if left > unanswered:
                    connection.sendall(mqtt(PUBACK, number))
                elif left <= 0:
                    time.sleep(0.2)
                    return

    def take(self, flags, body):
        """One message; its packet id."""
        size = struct.unpack(">H", body[:2])[0]
        assert flags >> 1 & 3 == 1, "not at QoS 1"
        self.arrive(body[size + 4:])
        return body[size + 2:size + 4]
