"""people.py - a server, identities on it, and what each of them may show to be let in."""
import base64
import contextlib
import hashlib
import hmac
import http.client
import json
import os
import pathlib
import select
import signal
import socket
import ssl
import subprocess
import tempfile
import time
import urllib.parse

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
AZIMUTH = ROOT / "build" / os.environ.get("AZM_PRESET", "release") / "azimuth"
API = "api-version=2021-04-12"
HOST = "localhost"
POLICIES = ("iothubowner", "service", "device", "registryRead", "registryReadWrite", "provisioningserviceowner")
LIFE_S = 3600
WAIT_S = 60  # the longest that something may take to come; a server, three times that
ROLES = ("reader", "operator", "administrator")  # of users who are called so
PASSWORD = "a horse that is correct"


def key_of(name):
    """Each identity has a key of its own, made of its name."""
    return base64.b64encode(hashlib.sha256(name.encode()).digest()).decode()


def token(resource, key, policy=None, life_s=LIFE_S):
    end, quoted = int(time.time()) + life_s, urllib.parse.quote(resource, safe="")
    code = hmac.new(base64.b64decode(key), f"{quoted}\n{end}".encode(), hashlib.sha256).digest()
    text = f"SharedAccessSignature sr={quoted}&sig={urllib.parse.quote(base64.b64encode(code), safe='')}&se={end}"
    return text + (f"&skn={policy}" if policy else "")


class Server:
    """`azimuth serve` that keeps nothing, with the identities that the tables name.

    d1 and d2 are devices, d1/m1 a module, off a disabled device; x1 and x2 have certificates; e1 and e2
    are edge devices with an $edgeHub, l1 is below e1; r1 and r2 have enrollments; each role has a user. Nobody is `nobody`."""

    def __init__(self, *options, limits=False, data=None):
        self.said = tempfile.NamedTemporaryFile("w+")
        place = ["--data", data] if data else ["--ephemeral"]
        command = [AZIMUTH, "serve", *place, "--console", "127.0.0.1:0", "--hostname", HOST, *options]
        command += [] if limits else ["--disable-login-limits"]
        for name in ("mqtt", "amqp", "https"):
            command += [f"--{name}-port", "0"]
        kept = {name: value for name, value in os.environ.items() if not name.startswith("AZIMUTH_")}
        self.process = subprocess.Popen([str(word) for word in command], stdin=subprocess.DEVNULL, cwd="/",
                                        stdout=subprocess.PIPE, stderr=self.said, env=kept)
        said = select.select([self.process.stdout], [], [], 3 * WAIT_S)[0] and self.process.stdout.readline()
        if not said:
            self.process.kill()
            raise SystemExit(f"the server did not start: {self.log()}")
        self.ready = json.loads(said)
        self.data = pathlib.Path(self.ready["data"])
        self.scope = self.ready["idScope"]
        self.scratch = tempfile.TemporaryDirectory(prefix="azm-authorisation-")
        about = self.admin("GET", "/admin/v1/hub")
        self.console = int(about["admin"].rsplit(":", 1)[1])
        self.policies = {name: self.admin("GET", f"/admin/v1/policies/{name}")["primaryKey"] for name in POLICIES}
        self.certificates = {name: self._certificate(name) for name in ("x1", "x2")}
        self._populate()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.send_signal(signal.SIGTERM)
        status = self.process.wait(WAIT_S)
        self.process.stdout.close()
        self.scratch.cleanup()
        if status:
            raise SystemExit(f"the server ended with {status}: {self.log()[-2000:]}")

    # ---- what is there

    def log(self):
        return pathlib.Path(self.said.name).read_text(encoding="utf-8")

    def text(self, path):
        """What GET says over the server's own socket."""
        connection = http.client.HTTPConnection(HOST)
        connection.sock = socket.socket(socket.AF_UNIX)
        connection.sock.connect(str(self.data / "azimuth.sock"))
        with contextlib.closing(connection):
            connection.request("GET", path)
            return connection.getresponse().read().decode()

    def admin(self, method, path, document=None, match=None):
        """A request over the server's own socket."""
        connection = http.client.HTTPConnection(HOST)
        connection.sock = socket.socket(socket.AF_UNIX)
        connection.sock.connect(str(self.data / "azimuth.sock"))
        with contextlib.closing(connection):
            headers = {"Content-Type": "application/json"} | ({"If-Match": match} if match else {})
            connection.request(method, path, body=document and json.dumps(document), headers=headers)
            answer = connection.getresponse()
            text = answer.read().decode()
        if answer.status >= 300:
            raise SystemExit(f"{method} {path}: {answer.status} {text}")
        return json.loads(text) if text else None

    def _certificate(self, name):
        """A self-signed certificate with its key in one file, and its thumbprint."""
        path = pathlib.Path(self.scratch.name) / f"{name}.pem"
        made = subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt",
                               "ec_paramgen_curve:prime256v1", "-nodes", "-subj", f"/CN={name}", "-days", "2",
                               "-keyout", "-"], check=True, capture_output=True, text=True).stdout
        path.write_text(made, encoding="ascii")
        der = ssl.PEM_cert_to_DER_cert(made[made.index("-----BEGIN CERTIFICATE"):])
        return path, hashlib.sha1(der).hexdigest().upper()

    @staticmethod
    def _keys(name):
        return {"primaryKey": key_of(name), "secondaryKey": key_of(name)}

    def _device(self, device_id, **more):
        if device_id in self.certificates:
            print_ = self.certificates[device_id][1]
            proof = {"type": "selfSigned", "x509Thumbprint": {"primaryThumbprint": print_, "secondaryThumbprint": print_}}
        else:
            proof = {"type": "sas", "symmetricKey": self._keys(device_id)}
        return self.admin("PUT", f"/devices/{device_id}?{API}", {"deviceId": device_id, "authentication": proof, **more})

    def _module(self, device_id, module_id, **more):
        proof = {"type": "sas", "symmetricKey": self._keys(f"{device_id}/{module_id}")}
        self.admin("PUT", f"/devices/{device_id}/modules/{urllib.parse.quote(module_id, safe='')}?{API}",
                   {"deviceId": device_id, "moduleId": module_id, "authentication": proof, **more},
                   "*" if module_id[0] == "$" else None)

    def _populate(self):
        for device_id in ("d1", "d2", "x1", "x2"):
            self._device(device_id)
        self._device("off", status="disabled")
        self._module("d1", "m1")
        edges = {name: self._device(name, capabilities={"iotEdge": True}) for name in ("e1", "e2")}
        for name in edges:
            self._module(name, "$edgeHub", managedBy="iotEdge")
        self._device("l1", deviceScope=edges["e1"]["deviceScope"])
        self.admin("PUT", "/admin/v1/event-hubs/orders", {})
        for role in ROLES:
            self.admin("PUT", f"/admin/v1/users/{role}", {"role": role, "password": PASSWORD})
        for name in ("r1", "r2"):
            self.admin("PUT", f"/enrollments/{name}?api-version=2021-10-01",
                       {"registrationId": name,
                        "attestation": {"type": "symmetricKey", "symmetricKey": self._keys(name)}})
        self._register("r1")

    def _register(self, name):
        """It is assigned to a hub when this returns: who registers has no answer to wait for."""
        path, end = f"/{self.scope}/registrations/{name}", time.monotonic() + WAIT_S
        self._provision("PUT", f"{path}/register", name)
        while self._provision("POST", path, name).get("status") != "assigned":
            if time.monotonic() > end:
                raise SystemExit(f"{name} is not assigned")
            time.sleep(0.05)

    def _provision(self, method, path, name):
        connection = http.client.HTTPConnection(HOST)
        connection.sock = self.tls(self.ready["https"])
        with contextlib.closing(connection):
            connection.request(method, f"{path}?api-version=2021-06-01", json.dumps({"registrationId": name}),
                               {"Authorization": self.registering(name), "Content-Type": "application/json"})
            return json.load(connection.getresponse())

    # ---- what they show

    def by_policy(self, policy, resource=HOST, life_s=LIFE_S, key=None):
        return token(resource, key or self.policies[policy], policy, life_s)

    def of(self, who, life_s=LIFE_S, key=None, host=HOST):
        """The token of a device or a module, "d1" or "d1/m1"."""
        resource = f"{host}/devices/" + who.replace("/", "/modules/")
        return token(resource, key or key_of(who), life_s=life_s)

    def registering(self, name, life_s=LIFE_S):
        return token(f"{self.scope}/registrations/{name}", key_of(name), "registration", life_s)

    def session(self, user):
        """The headers of who has signed in to the console by name."""
        end = time.monotonic() + 3 * WAIT_S
        answer, said = self._sign_in(user)
        while answer.status == 503 and time.monotonic() < end:  # scrypt takes what it takes, on a busy machine longer than one waits
            answer, said = self._sign_in(user)
        if answer.status != 200:
            raise SystemExit(f"{user} does not sign in: {answer.status} {said}")
        return {"Cookie": answer.headers["set-cookie"].split(";")[0], "x-azimuth-csrf": said["csrf"]}

    def _sign_in(self, user):
        connection = http.client.HTTPConnection(HOST)
        connection.sock = self.tls(self.console)
        with contextlib.closing(connection):
            connection.request("POST", "/admin/v1/session", json.dumps({"user": user, "password": PASSWORD}))
            answer = connection.getresponse()
            return answer, json.load(answer)

    def metrics_token(self):
        return (self.data / "metrics.token").read_text(encoding="ascii").strip()

    def tls(self, port, certificate=None):
        context = ssl.create_default_context(cafile=self.ready["ca"])
        if certificate:
            context.load_cert_chain(self.certificates[certificate][0])
        plain = socket.create_connection(("127.0.0.1", port), timeout=WAIT_S)
        plain.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        return context.wrap_socket(plain, server_hostname=HOST)
