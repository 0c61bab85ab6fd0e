"""http_matrix.py - every route of the tables in the sources, asked with every credential."""
import collections
import http.client
import re
import socket
import ssl
import urllib.parse

from people import HOST, ROLES, ROOT

TABLE, TITLE = "http.txt", "ROUTE"
ROUTE = re.compile(r'\{\s*"([A-Z]+)",\s*((?:BLOB_PREFIX\s*)?"(?:[^"\\]|\\.)*")')
START = re.compile(r"\bstruct route (?:\w+)\[\]\s*=\s*\{")

# What stands for the parameters of a path. What is deleted is not there.
SAMPLES = {"configuration": "nobody", "job": "nobody", "command": "c", "component": "k", "name": "nobody",
           "hub": "nobody", "eventHub": "nobody", "setting": "nobody", "lock": "00000000-0000-0000-0000-000000000000",
           "correlation": "nobody", "file": "f", "page": "nobody", "tab": "nobody", "operation": "4.nobody.0", "container": "nobody", "blob": "b",
           "number": "0", "sequence": "0"}
# Bodies that are no JSON are refused of whoever is let in, so nothing is changed; these want another one.
BODIES = {"PUT /{scope}/registrations/{id}/register": '{{"registrationId":"{id}"}}',
          "POST /{scope}/registrations/{id}": '{{"registrationId":"{id}"}}'}
HUB = "/devices/{id}/modules/{module}/"
BEHALF = '{{"targetDeviceId":"l1","authChain":"l1;e1"}}'
BODIES |= {f"POST {HUB}{verb}": BEHALF for verb in (
    "devicesAndModulesInTargetDeviceScope", "getDeviceAndModuleOnBehalfOf", "getModulesOnTargetDevice")}
BODIES |= {f"POST {HUB}{verb}": '{{"targetModuleId":"m2","moduleId":"m2","authChain":"l1;e1"}}' for verb in (
    "getModuleOnBehalfOf", "deleteModuleOnBehalfOf")}
BODIES[f"PUT {HUB}putModuleOnBehalfOf"] = \
    '{{"authChain":"l1;e1","module":{{"deviceId":"l1","moduleId":"m2","authentication":{{"type":"none"}}}}}}'
QUERIES = {f"GET {HUB}deviceAndModuleInDeviceScope": "&targetDeviceId=l1"}

Who = collections.namedtuple("Who", "id module authorization certificate place query user", defaults=[None, None, "own", None, None])


def blob_prefix():
    text = (ROOT / "src/front/blob/blob.h").read_text(encoding="utf-8")
    return re.search(r'#define BLOB_PREFIX\s+"([^"]*)"', text)[1]


def routes():
    """METHOD PATH of every route table there is below src/front; each table found must have some."""
    found = []
    prefix = blob_prefix()
    for path in sorted((ROOT / "src").rglob("*.c")):
        text = path.read_text(encoding="utf-8")
        if path.name.endswith("_test.c"):
            continue
        for start in START.finditer(text):
            body = text[start.end():text.index("\n};", start.end())]
            here = [f"{method} " + "".join(re.findall(r'"([^"]*)"', name.replace("BLOB_PREFIX", f'"{prefix}"')))
                    for method, name in ROUTE.findall(body)]
            if len(here) != len(re.findall(r"(?m)^    \{", body)):
                raise SystemExit(f"{path}: a route table with lines that this test does not read")
            found += here
    if len(found) != len(set(found)):
        raise SystemExit("a route stands in two tables")
    return found


def people(server):
    """Name of the column, who asks. `place`: the listener; "own" is the one where the route is served."""
    owner, other = server.by_policy, "SharedAccessSignature sr=x&sig=y"
    columns = {
        "none": Who("d1", "m1", None), "junk": Who("d1", "m1", other),
        "forge": Who("d1", "m1", owner("iothubowner", key=server.policies["service"])),
        "late": Who("d1", "m1", owner("iothubowner", life_s=-600)),
        "host": Who("d1", "m1", owner("iothubowner", "other.example")),
        "narrow": Who("d1", "m1", owner("iothubowner", f"{HOST}/devices/d2")),
        "skn": Who("d1", "m1", token_of_nobody(server)),
        "owner": Who("d1", "m1", owner("iothubowner")), "serv": Who("d1", "m1", owner("service")),
        "dev": Who("d1", "m1", owner("device")), "regR": Who("d1", "m1", owner("registryRead")),
        "regRW": Who("d1", "m1", owner("registryReadWrite")),
        "dps": Who("d1", "m1", owner("provisioningserviceowner")),
        "self": Who("d1", "m1", server.of("d1")), "selfL": Who("d1", "m1", server.of("d1", life_s=-600)),
        "selfF": Who("d1", "m1", server.of("d1", key=server.policies["device"])),
        "d2": Who("d1", "m1", server.of("d2")), "off": Who("off", "m1", server.of("off")),
        "mod": Who("d1", "m1", server.of("d1/m1")),
        "edge": Who("e1", "$edgeHub", server.of("e1/$edgeHub")),
        "edge2": Who("e1", "$edgeHub", server.of("e2/$edgeHub")),
        "x509": Who("x1", "m1", None, "x1"), "x509b": Who("x1", "m1", None, "x2"),
        "reg": Who("r1", "m1", server.registering("r1")), "reg2": Who("r1", "m1", server.registering("r2")),
        "metr": Who("d1", "m1", f"Bearer {server.metrics_token()}"),
        "away": Who("d1", "m1", owner("iothubowner"), None, "away"), "sock": Who("d1", "m1", None, None, "socket"),
        **{role[:4]: Who("d1", "m1", None, None, "console", None, role) for role in ROLES},
    }
    return columns


def token_of_nobody(server):
    return server.by_policy("iothubowner").replace("skn=iothubowner", "skn=nobody")


class Line:
    """A connection that is kept as long as the server keeps it."""

    def __init__(self, server, who, port):
        self.server, self.who, self.port, self.http, self.session = server, who, port, None, None

    def _open(self):
        self.http = http.client.HTTPConnection(HOST)
        if self.port:
            self.http.sock = self.server.tls(self.port, self.who.certificate)
        else:
            self.http.sock = socket.socket(socket.AF_UNIX)
            self.http.sock.connect(str(self.server.data / "azimuth.sock"))

    def ask(self, method, path, body):
        headers = {"Content-Type": "application/json"}
        if self.who.authorization:
            headers["Authorization"] = self.who.authorization
        if method == "DELETE":
            headers["If-Match"] = '"another"'
        if self.who.user:
            self.session = self.session or self.server.session(self.who.user)
            headers |= self.session
        idle = self._is_open()
        if not idle:
            self._open()
        answer = self._answer(idle, method, path, body, headers)
        answer.read()
        if (method, path.split("?")[0]) == ("DELETE", "/admin/v1/session"):
            self.session = None
        return answer.status

    def _is_open(self):
        """The server closes one that nobody has used for long: then there is its end to be read."""
        if self.http is None or self.http.sock is None:
            return False
        sock = self.http.sock
        patience = sock.gettimeout()
        sock.settimeout(0)
        try:
            sock.recv(1)
        except (BlockingIOError, ssl.SSLWantReadError):
            sock.settimeout(patience)
            return True
        except (ssl.SSLError, ConnectionError):
            pass
        self.http.close()
        return False

    def _answer(self, idle, method, path, body, headers):
        """What the server may have done is not asked for again: an idle connection may have been closed just now."""
        try:
            self.http.request(method, path, body=body, headers=headers)
            return self.http.getresponse()
        except (http.client.RemoteDisconnected, ConnectionError):
            if not idle or method != "GET":
                raise
            self.http.close()
            self._open()
            return self._answer(False, method, path, body, headers)

    def close(self):
        if self.http:
            self.http.close()


def path_of(server, route, who):
    method, path = route.split(" ", 1)
    values = SAMPLES | {"id": who.id, "module": who.module, "scope": server.scope}
    path = re.sub(r"\{(\w+)\}", lambda name: urllib.parse.quote(values[name[1]], safe=""), path)
    body = BODIES.get(route, "{{").format(id=who.id) if method in ("PUT", "POST", "PATCH") else None
    query = QUERIES.get(route, "") + (who.query or "")
    return method, f"{path}?api-version=2021-04-12{query}", body


def lines_of(server, who):
    """The lines for routes of the HTTPS port and for those of the console."""
    if who.place == "socket":
        line = Line(server, who, None)
        return {False: line, True: line}
    if who.place == "console":
        line = Line(server, who, server.console)
        return {False: line, True: line}
    away = who.place == "away"
    return {of_console: Line(server, who, server.console if of_console != away else server.ready["https"])
            for of_console in (False, True)}


def observe(server):
    found = {route: [] for route in routes()}
    columns = people(server)
    uri = urllib.parse.urlsplit(server.admin("POST", "/admin/v1/container/uri")["uri"])
    SAMPLES["container"] = uri.path.removeprefix(blob_prefix())
    columns["uri"] = columns["none"]._replace(query="&" + uri.query)
    for who in columns.values():
        lines = lines_of(server, who)
        for route, cells in found.items():
            status = lines["/admin/" in route or "/console/" in route].ask(*path_of(server, route, who))
            cells.append("-" if status == 401 else str(status))
        for line in lines.values():
            line.close()
    return list(columns), found
