"""mqtt_matrix.py - who may connect as whom over MQTT, and which topics are whose."""
import re
import socket

from people import HOST, ROOT

VERSION = "/?api-version=2021-04-12"


def text(value):
    data = value.encode()
    return len(data).to_bytes(2, "big") + data


def packet(first, body):
    size, head = len(body), b""
    while True:
        size, low = divmod(size, 128)
        head += bytes([low | (0x80 if size else 0)])
        if not size:
            return bytes([first]) + head + body


class Client:
    """One connection; what it is told is `("CONNACK", code)` or `("closed", None)`."""

    def __init__(self, server, claim, password, certificate):
        self.socket = server.tls(server.ready["mqtt"], certificate)
        self.held, self.sent = b"", 0
        user, client_id = claim
        flags = 0x82 | (0x40 if password else 0)
        body = text("MQTT") + bytes([4, flags, 0, 60]) + text(client_id) + text(user)
        self.socket.sendall(packet(0x10, body + (text(password) if password else b"")))

    def read(self):
        """A packet: its first byte and its body; (0, b"") at the end."""
        try:
            while True:
                size, shift, at = 0, 0, 1
                while at < len(self.held):
                    size |= (self.held[at] & 127) << shift
                    shift, at = shift + 7, at + 1
                    if not self.held[at - 1] & 128:
                        if len(self.held) >= at + size:
                            taken, self.held = self.held[:at + size], self.held[at + size:]
                            return taken[0], taken[at:]
                        break
                piece = self.socket.recv(4096)
                if not piece:
                    return 0, b""
                self.held += piece
        except (ConnectionError, socket.timeout):
            return 0, b""

    def connack(self):
        kind, body = self.read()
        return body[1] if kind == 0x20 else None

    def subscribe(self, topic):
        self.sent += 1
        self.socket.sendall(packet(0x82, self.sent.to_bytes(2, "big") + text(topic) + b"\1"))
        while True:
            kind, body = self.read()
            if kind in (0, 0x90):
                return "closed" if kind == 0 else "no" if body[2] == 0x80 else "ok"

    def publish(self, topic):
        """QoS 1: acknowledged, or the end."""
        self.sent += 1
        self.socket.sendall(packet(0x32, text(topic) + self.sent.to_bytes(2, "big") + b"{}"))
        while True:
            kind, _ = self.read()
            if kind in (0, 0x40):
                return "ok" if kind else "closed"

    def close(self):
        self.socket.close()


def as_identity(who, chain=""):
    device, _, module = who.partition("/")
    user = f"{HOST}/{device}" + (f"/{module}" if module else "") + VERSION
    return user + (f"&auth-chain={chain}" if chain else ""), who


def as_registration(server, name):
    return f"{server.scope}/registrations/{name}/api-version=2019-03-31", name


def shown(server):
    """What is shown: a password and a certificate."""
    policy = server.by_policy
    resource = f"{HOST}/devices/d1"
    return {
        "none": (None, None), "junk": ("x", None),
        "late": (server.of("d1", life_s=-600), None), "forge": (server.of("d1", key=server.policies["device"]), None),
        "host": (server.of("d1", host="other.example"), None),
        "d1": (server.of("d1"), None), "d2": (server.of("d2"), None), "d1/m1": (server.of("d1/m1"), None),
        "off": (server.of("off"), None), "l1": (server.of("l1"), None),
        "owner": (policy("iothubowner"), None), "dev": (policy("device"), None),
        "dev-d1": (policy("device", resource), None), "serv": (policy("service"), None),
        "regRW": (policy("registryReadWrite"), None), "dps": (policy("provisioningserviceowner"), None),
        "e1hub": (server.of("e1/$edgeHub"), None), "e2hub": (server.of("e2/$edgeHub"), None),
        "x1": (None, "x1"), "x2": (None, "x2"),
        "r1": (server.registering("r1"), None), "r2": (server.registering("r2"), None),
    }


class Connect:
    """CONNECT as somebody, with what somebody shows: the code of the CONNACK."""

    TABLE, TITLE = "mqtt_connect.txt", "CONNECT-AS"

    @staticmethod
    def observe(server):
        claims = {who: as_identity(who) for who in ("d1", "d1/m1", "d1/m9", "off", "x1", "l1", "e1/$edgeHub", "nobody")}
        claims["l1 through e1"] = as_identity("l1", "l1;e1")
        claims["l1 through e2"] = as_identity("l1", "l1;e2")
        claims["d1 through e1"] = as_identity("d1", "d1;e1")
        claims["registration r1"] = as_registration(server, "r1")
        claims["registration nobody"] = as_registration(server, "nobody")
        claims["d1 of another hub"] = ("other.example/d1" + VERSION, "d1")
        claims["d1 by the client id of d2"] = (f"{HOST}/d1{VERSION}", "d2")
        columns, found = shown(server), {name: [] for name in claims}
        for password, certificate in columns.values():
            for name, claim in claims.items():
                client = Client(server, claim, password, certificate)
                code = client.connack()
                found[name].append("-" if code == 5 else "end" if code is None else str(code))
                client.close()
        return list(columns), found


class Topics:
    """What an identity may subscribe to and publish to. Names begin with the kind in the sources."""

    TABLE, TITLE = "mqtt_topics.txt", "TOPIC"
    ROWS = """
        SESSION_C2D subscribe devices/{d}/messages/devicebound/#
        SESSION_INPUTS subscribe devices/d1/modules/m1/inputs/#
        SESSION_INPUTS subscribe devices/d1/modules/m1/#
        SESSION_METHODS subscribe $iothub/methods/POST/#
        SESSION_TWIN_RESPONSES subscribe $iothub/twin/res/#
        SESSION_DESIRED subscribe $iothub/twin/PATCH/properties/desired/#
        none subscribe devices/d2/messages/devicebound/#
        none subscribe devices/+/messages/devicebound/#
        none subscribe devices/#
        none subscribe $iothub/#
        none subscribe #
        none subscribe +/+/messages/events/#
        none subscribe $dps/registrations/res/#
        TOPIC_EVENTS publish devices/{d}/messages/events/
        TOPIC_EVENTS publish devices/d1/modules/m1/messages/events/
        TOPIC_TWIN_GET publish $iothub/twin/GET/?$rid=1
        TOPIC_TWIN_REPORTED publish $iothub/twin/PATCH/properties/reported/?$rid=2
        TOPIC_METHOD_RESPONSE publish $iothub/methods/res/200/?$rid=3
        TOPIC_NONE publish devices/d2/messages/events/
        TOPIC_NONE publish devices/d2/modules/m1/messages/events/
        TOPIC_NONE publish devices/{d}/messages/devicebound/
        TOPIC_NONE publish $iothub/twin/res/200/?$rid=1
        TOPIC_NONE publish $iothub/methods/POST/reboot/?$rid=1
        TOPIC_NONE publish $iothub/twin/PATCH/properties/desired/?$version=9
        TOPIC_NONE publish anything
        TOPIC_NONE publish $dps/registrations/PUT/iotdps-register/?$rid=4
    """

    @classmethod
    def rows(cls):
        rows = [line.strip() for line in cls.ROWS.strip().splitlines()]
        named = {row.split()[0] for row in rows}
        for path, start in (("src/front/device_mqtt/topic.h", "TOPIC_"), ("src/hub/session/session.h", "SESSION_")):
            source = (ROOT / path).read_text(encoding="utf-8")
            kinds = set(re.findall(rf"(?m)^    ({start}\w+)(?:,| = 1 << \d)", source[:source.index("enum session_cause")]
                                   if start == "SESSION_" else source))
            if missing := kinds - named:
                raise SystemExit(f"{path}: {sorted(missing)} have no row in mqtt_matrix.py")
        return rows

    @classmethod
    def observe(cls, server):
        columns = {
            "d1": (as_identity("d1"), server.of("d1"), None),
            "m1": (as_identity("d1/m1"), server.of("d1/m1"), None),
            "x1": (as_identity("x1"), None, "x1"),
            "d1dev": (as_identity("d1"), server.by_policy("device"), None),
            "d1own": (as_identity("d1"), server.by_policy("iothubowner"), None),
            "l1via": (as_identity("l1", "l1;e1"), server.of("e1/$edgeHub"), None),
            "e1hub": (as_identity("e1/$edgeHub"), server.of("e1/$edgeHub"), None),
            "r1": (as_registration(server, "r1"), server.registering("r1"), None),
        }
        found = {row: [] for row in cls.rows()}
        for claim, password, certificate in columns.values():
            client = None
            for row, cells in found.items():
                _, verb, topic = row.split(None, 2)
                if client is None:
                    client = Client(server, claim, password, certificate)
                    if client.connack() != 0:
                        raise SystemExit(f"{claim} is not let in")
                cells.append(getattr(client, verb)(topic.replace("{d}", claim[1].split("/")[0])))
                if cells[-1] == "closed":
                    client.close()
                    client = None
            if client:
                client.close()
        return list(columns), found
