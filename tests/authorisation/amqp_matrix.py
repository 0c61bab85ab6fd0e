"""amqp_matrix.py - every kind of link address, attached in both directions with every login and token."""
import re

import amqp_text
import amqp_types
from amqp_types import NULL, encode
from people import HOST, ROOT

# The letters of the cells; "-" is a link that may not be.
LETTERS = {"open": "open", "amqp:unauthorized-access": "-", "amqp:not-found": "404", "amqp:link:redirect": "redir",
           "amqp:not-allowed": "never"}


class Gone(Exception):
    """The peer has closed the connection."""


class Client:
    """A connection with one session on channel 0."""

    def __init__(self, server, mechanism, response=b"", certificate=None):
        self.socket, self.held = server.tls(server.ready["amqp"], certificate), b""
        self.links = self.requests = 0
        self.welcome = False
        self.socket.sendall(b"AMQP\x03\x01\x00\x00")
        self._take(8)
        self.await_("sasl-mechanisms")
        said = f'sasl-init mechanism={mechanism} hostname="{HOST}"' + (f" initial-response=hex:{response.hex()}" if response else "")
        self.say(said, kind=1)
        if self.await_("sasl-outcome")["code"][1] != 0:
            return
        self.socket.sendall(b"AMQP\x00\x01\x00\x00")
        self._take(8)
        self.say(f'open container-id="c" hostname="{HOST}" max-frame-size=65536')
        self.say("begin next-outgoing-id=0 incoming-window=100 outgoing-window=100")
        self.await_("begin")
        self.welcome = True

    # ---- frames

    def _take(self, count):
        while len(self.held) < count:
            try:
                piece = self.socket.recv(65536)
            except ConnectionError:
                piece = b""
            if not piece:
                raise Gone
            self.held += piece
        taken, self.held = self.held[:count], self.held[count:]
        return taken

    def say(self, line, payload=b"", kind=0):
        _, value = amqp_text.performative(line)
        data = encode(amqp_text.plain(value)) + payload
        self.socket.sendall((len(data) + 8).to_bytes(4, "big") + bytes([2, kind, 0, 0]) + data)

    def frame(self):
        size = int.from_bytes(self._take(4), "big")
        data = self._take(size - 4)
        if size == 8:
            return self.frame()
        cursor = amqp_types.Cursor(data[4 * data[0] - 4:])
        value = cursor.value()
        name, fields = amqp_text.fields_of(value)
        return name, fields, cursor.data[cursor.at:]

    def await_(self, *names):
        while True:
            name, fields, payload = self.frame()
            if name in names:
                return fields | {"name of frame": name, "payload": payload}
            if name in ("close", "end"):
                raise Gone(condition(fields))

    # ---- links

    def attach(self, address, sends, chain=None):
        """How a link to that address ends up: "open" or a condition."""
        handle = self.links
        self.links += 1
        role, source, target = ("sender", "here", address) if sends else ("receiver", address, "here")
        more = " initial-delivery-count=0" if sends else ""
        more += f' properties=(com.microsoft:auth-chain="{chain}")' if chain else ""
        self.say(f'attach name="l{handle}" handle={handle} role={role} source=(address="{source}") '
                 f'target=(address="{target}"){more}')
        answer = self.await_("attach", "detach")
        if answer["name of frame"] == "attach" and NULL not in (answer.get("source", NULL), answer.get("target", NULL)):
            self.say(f"detach handle={handle} closed=true")
            self.await_("detach")
            return "open"
        end = answer if answer["name of frame"] == "detach" else self.await_("detach")
        self.say(f"detach handle={handle} closed=true")
        return condition(end)

    def request(self, address, body, **asked):
        """A request to a node that answers: the status of its answer."""
        for role, source, target in (("sender", "here", address), ("receiver", address, "here")):
            more = "initial-delivery-count=0" if role == "sender" else ""
            self.say(f'attach name="l{self.links}" handle={self.links} role={role} source=(address="{source}") '
                     f'target=(address="{target}") {more}')
            self.links += 1
            self.await_("attach")
        self.say(f"flow next-incoming-id=0 incoming-window=100 next-outgoing-id=0 outgoing-window=100 "
                 f"handle={self.links - 1} delivery-count=0 link-credit=10")
        message = encode(("described", (0x73, ("list", [("string", "1"), NULL, NULL, NULL, ("string", "here")]))))
        message += encode(("described", (0x74, ("map", [(("string", k), ("string", v)) for k, v in asked.items()]))))
        message += encode(("described", (0x77, ("string", body))))
        self.say(f"transfer handle={self.links - 2} delivery-id={self.requests} delivery-tag=hex:00 message-format=0 "
                 "settled=true", message)
        self.requests += 1
        cursor = amqp_types.Cursor(self.await_("transfer")["payload"])
        status = None
        while cursor.at < len(cursor.data):
            code, value = cursor.value()[1]
            if code == 0x74:
                status = dict((name[1], item[1]) for name, item in value[1])["status-code"]
        for handle in (self.links - 2, self.links - 1):
            self.say(f"detach handle={handle} closed=true")
            self.await_("detach")
        return "-" if status == 401 else str(status)

    def put_token(self, token, resource):
        return self.request("$cbs", token, operation="put-token", type="servicebus.windows.net:sastoken", name=resource)

    def read(self, kind, hub):
        more = {"partition": "0"} if kind == "partition" else {}
        return self.request("$management", "", operation="READ", type=f"com.microsoft:{kind}", name=hub, **more)

    def close(self):
        self.socket.close()


def condition(fields):
    error = fields.get("error", NULL)
    if error == NULL:
        return "closed"
    kind, value = error
    value = value[1] if kind == "described" else value
    if kind == "composite":
        return value[1]["condition"][1]
    return (value[1] if isinstance(value, tuple) else value)[0][1]


ROWS = """
    ADDRESS_UNKNOWN nowhere
    ADDRESS_CBS $cbs
    ADDRESS_MANAGEMENT $management
    ADDRESS_MANAGEMENT {hub}/$management
    ADDRESS_MANAGEMENT messages/events/$management
    ADDRESS_STREAM {hub}
    ADDRESS_STREAM messages/events
    ADDRESS_STREAM orders
    ADDRESS_PARTITION {hub}/ConsumerGroups/$Default/Partitions/0
    ADDRESS_PARTITION messages/events/ConsumerGroups/$Default/Partitions/0
    ADDRESS_PARTITION orders/ConsumerGroups/$Default/Partitions/0
    ADDRESS_SEND_PARTITION orders/Partitions/0
    ADDRESS_SEND_PARTITION {hub}/Partitions/0
    ADDRESS_PUBLISHER orders/Publishers/p
    ADDRESS_SERVICE_SEND /messages/devicebound
    ADDRESS_SERVICE_FEEDBACK /messages/serviceBound/feedback
    ADDRESS_SERVICE_FILES /messages/serviceBound/filenotifications
    ADDRESS_REGISTRATION {scope}/registrations/{r}
    ADDRESS_DEVICE_EVENTS devices/{d}/messages/events
    ADDRESS_DEVICE_EVENTS devices/d1/modules/m1/messages/events
    ADDRESS_DEVICE_BOUND devices/{d}/messages/devicebound
    ADDRESS_DEVICE_METHODS devices/{d}/methods/devicebound
    ADDRESS_DEVICE_TWIN devices/{d}/twin
    ADDRESS_DEVICE_EVENTS devices/off/messages/events
    ADDRESS_DEVICE_EVENTS devices/nobody/messages/events
    ADDRESS_DEVICE_EVENTS devices/l1/messages/events
    ADDRESS_DEVICE_EVENTS devices/l1/messages/events through e1
    ADDRESS_DEVICE_EVENTS devices/l1/messages/events through e2
"""


class Links:
    TABLE, TITLE = "amqp.txt", "LINK"

    @staticmethod
    def rows():
        rows = [line.strip() for line in ROWS.strip().splitlines()]
        source = (ROOT / "src/front/amqp/address.h").read_text(encoding="utf-8")
        kinds = set(re.findall(r"(?m)^    (ADDRESS_\w+),", source))
        if missing := kinds - {row.split()[0] for row in rows}:
            raise SystemExit(f"address.h: {sorted(missing)} have no row in amqp_matrix.py")
        links = [f"{row} {way}" for row in rows for way in ("send", "receive")]
        return links + [f"ADDRESS_MANAGEMENT READ {kind} {name}" for kind in ("eventhub", "partition")
                        for name in ("{hub}", "messages/events", "orders", "nowhere")]

    @staticmethod
    def columns(server):
        """How each logs in: mechanism, response, certificate, token, what the token is named after."""
        policy = server.by_policy
        cbs = lambda token, resource=HOST: ("ANONYMOUS", b"", None, token, resource)
        plain = lambda user, secret: ("PLAIN", b"\0" + user.encode() + b"\0" + secret.encode(), None, None, None)
        own = f"{HOST}/devices/"
        return {
            "none": cbs(None), "junk": cbs("x"), "forge": cbs(policy("service", key=server.policies["device"])),
            "late": cbs(policy("iothubowner", life_s=-600)), "host": cbs(policy("iothubowner", "other.example")),
            "narrow": cbs(policy("iothubowner", f"{HOST}/devices/d2")),
            "stream": cbs(policy("service", f"{HOST}/messages/events")),
            "orders": cbs(policy("service", f"{HOST}/orders")),
            "owner": cbs(policy("iothubowner")), "serv": cbs(policy("service")), "dev": cbs(policy("device")),
            "regR": cbs(policy("registryRead")), "regRW": cbs(policy("registryReadWrite")),
            "dps": cbs(policy("provisioningserviceowner")),
            "self": cbs(server.of("d1"), own + "d1"), "selfL": cbs(server.of("d1", life_s=-600), own + "d1"),
            "selfF": cbs(server.of("d1", key=server.policies["device"]), own + "d1"),
            "d2": cbs(server.of("d2"), own + "d2"), "mod": cbs(server.of("d1/m1"), own + "d1/modules/m1"),
            "off": cbs(server.of("off"), own + "off"),
            "e1hub": cbs(server.of("e1/$edgeHub"), own + "e1/modules/$edgeHub"),
            "e2hub": cbs(server.of("e2/$edgeHub"), own + "e2/modules/$edgeHub"),
            "x509": ("EXTERNAL", b"", "x1", None, None), "x509b": ("EXTERNAL", b"", "x2", None, None),
            "reg": plain(f"{server.scope}/registrations/r1", server.registering("r1")),
            "reg2": plain(f"{server.scope}/registrations/r1", server.registering("r2")),
            "keyS": plain("service", server.policies["service"]), "keyD": plain("device", server.policies["device"]),
            "keyF": plain("service", server.policies["device"]),
            "sasS": plain(f"service@sas.root.{HOST}", policy("service")),
            "sasD": plain(f"d1@sas.{HOST}", server.of("d1")), "sasF": plain(f"d1@sas.{HOST}", server.of("d2")),
        }

    @classmethod
    def observe(cls, server):
        hub = server.admin("GET", "/admin/v1/hub")["hubName"]
        found, columns = {row: [] for row in cls.rows()}, cls.columns(server)
        found["login"] = []
        for name, (mechanism, response, certificate, token, resource) in columns.items():
            client = None
            for row, cells in found.items():
                if row == "login":
                    cells.append(status)
                    continue
                try:
                    if client is None:
                        client, status = Client(server, mechanism, response, certificate), "ok"
                        if client.welcome and token:
                            status = client.put_token(token, resource)
                        elif not client.welcome:
                            status = "-"
                    if not client.welcome:
                        cells.append("-")
                        continue
                    if " READ " in row:
                        _, _, kind, stream = row.split()
                        cells.append(client.read(kind, stream.format(hub=hub)))
                        continue
                    _, address, *through, way = row.split()
                    address = address.format(hub=hub, scope=server.scope, r="r1",
                                             d={"x509": "x1", "x509b": "x1"}.get(name, "d1"))
                    chain = f"l1;{through[1]}" if through else None
                    answer = client.attach(address, way == "send", chain)
                    cells.append(LETTERS.get(answer, answer))
                except Gone as end:
                    cells.append(f"end:{end}" if str(end) else "end")
                    client.close()
                    client = None
            if client:
                client.close()
        return list(columns), found
