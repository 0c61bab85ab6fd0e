"""servers.py - the servers that are measured: azimuth, and Debian's mosquitto."""
import base64
import hashlib
import hmac
import http.client
import json
import os
import pathlib
import pwd
import select
import shutil
import signal
import socket
import subprocess
import time
import urllib.parse

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
BUILD = ROOT / "build" / "release"
WORK = ROOT / "build" / "bench"
AZIMUTH = BUILD / "azimuth"
HUB = "localhost"
MASTER_KEY = base64.b64encode(b"the devices of the benchmark").decode()
BULK_MAX = 100
PARTITIONS = 4  # that a hub has unless it is told otherwise
MANY_PARTITIONS = 32
READY_SECONDS = 120  # a second, if nobody else wants the machine
SERVER_CPU, GENERATOR_CPU = 0, 1

MOSQUITTO = """\
user {user}
allow_anonymous true
persistence false
log_dest none
log_type none
connection_messages false
set_tcp_nodelay true
max_queued_messages 0
max_queued_bytes 0
max_inflight_messages 0
max_connections -1
listener {plain} 127.0.0.1
listener {tls} 127.0.0.1
certfile {cert}
keyfile {key}
listener {wss} 127.0.0.1
protocol websockets
certfile {cert}
keyfile {key}
"""


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


def certificate():
    """Of the kind that azimuth has, with its key, for the peers."""
    cert, key = WORK / "peer.pem", WORK / "peer.key"
    if not cert.exists():
        subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes",
                        "-subj", f"/CN={HUB}", "-days", "365", "-keyout", key, "-out", cert], check=True,
                       capture_output=True)
    return cert, key


class Server:
    """A running server: its name in the results, process and ports, and what its clients must say."""

    extra = ()

    def __init__(self, name):
        self.name, self.process = name, None
        self.plain, self.tls, self.wss, self.amqps = 0, 0, 0, 0

    @property
    def pid(self):
        return self.process.pid

    def _start(self, command, pinned=True, **streams):
        prefix = ["taskset", "-c", str(SERVER_CPU)] if pinned else []
        self.process = subprocess.Popen([*prefix, *map(str, command)], **streams)

    def _wait_for(self, port, seconds=READY_SECONDS):
        end = time.monotonic() + seconds
        while time.monotonic() < end and self.process.poll() is None:
            try:
                socket.create_connection(("127.0.0.1", port), 1).close()
                return
            except OSError:
                time.sleep(0.05)
        raise RuntimeError(f"{self.name} does not answer on port {port}")

    def stop(self, signal_number=signal.SIGTERM):
        self.process.send_signal(signal_number)
        try:
            self.process.wait(30)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        if self.process.stdout:
            self.process.stdout.close()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        if self.process.poll() is None:
            self.stop()


class Mosquitto(Server):
    """In memory, without log, limits or passwords; with a certificate of the kind that azimuth has."""

    def __init__(self, name="mosquitto"):
        super().__init__(name)
        self.plain, self.tls, self.wss = free_port(), free_port(), free_port()
        cert, key = certificate()
        config = WORK / f"{name}.conf"
        config.write_text(MOSQUITTO.format(user=pwd.getpwuid(os.getuid()).pw_name, plain=self.plain,
                                           tls=self.tls, wss=self.wss, cert=cert,
                                           key=key))
        binary = shutil.which("mosquitto") or "/usr/sbin/mosquitto"
        self._start([binary, "-c", config], stderr=subprocess.DEVNULL)
        self._wait_for(self.tls)


class Azimuth(Server):
    """A hub with a directory (a fresh one by default) on a disk, and `devices` identities with SAS keys."""

    extra = ("--azure", HUB, "--sas-key", MASTER_KEY)

    def __init__(self, name="azimuth", devices=0, partitions=None, ephemeral=False, pinned=True, data=None,
                 plain_amqp=False, arguments=()):
        super().__init__(name)
        self.partitions = partitions
        self.data = data or WORK / f"data-{name}"
        if data is None:
            shutil.rmtree(self.data, ignore_errors=True)
        command = [AZIMUTH, "serve", "--bind", "127.0.0.1", "--hostname", HUB, "--mqtt-port", 0,
                   "--amqp-port", 0, "--https-port", 0, "--plain-mqtt-port", 0, "--console", "off",
                   "--log-level", "warn"]
        command += ["--ephemeral"] if ephemeral else ["--data", self.data]
        command += ["--partitions", partitions] if partitions else []
        command += ["--plain-amqp-port", 0] if plain_amqp else []
        command += arguments
        began = time.monotonic()
        self._start(command, pinned, stdout=subprocess.PIPE)
        self.ready = self._wait_ready()
        self.start_ms = (time.monotonic() - began) * 1e3
        self.plain, self.tls, self.wss, self.amqps = (
            self.ready[port] for port in ("plainMqtt", "mqtt", "https", "amqp"))
        self._create(devices)

    def _wait_ready(self):
        said = b""
        while b"\n" not in said:
            if not select.select([self.process.stdout], [], [], READY_SECONDS)[0]:
                raise RuntimeError(f"azimuth was not ready within {READY_SECONDS} s")
            piece = os.read(self.process.stdout.fileno(), 4096)
            if not piece:
                raise RuntimeError(f"azimuth ended with status {self.process.wait()}")
            said += piece
        return json.loads(said.split(b"\n")[0])

    def _create(self, count):
        """Over the administrator's socket, as many at a time as the API takes."""
        admin = http.client.HTTPConnection(HUB)
        admin.sock = socket.socket(socket.AF_UNIX)
        admin.sock.connect(f"{self.ready['data']}/azimuth.sock")
        for first in range(0, count, BULK_MAX):
            devices = [self._device(n) for n in range(first, min(first + BULK_MAX, count))]
            admin.request("POST", "/devices?api-version=2021-04-12", json.dumps(devices),
                          {"Content-Type": "application/json"})
            answer = admin.getresponse()
            text = answer.read()
            if answer.status != 200:
                raise RuntimeError(f"devices were not created: {answer.status} {text[:500]}")
        admin.close()

    def admin(self, method, path, body=None):
        """A request over the administrator's socket; the answer's JSON."""
        admin = http.client.HTTPConnection(HUB)
        admin.sock = socket.socket(socket.AF_UNIX)
        admin.sock.connect(f"{self.ready['data']}/azimuth.sock")
        admin.request(method, path, body and json.dumps(body), {"Content-Type": "application/json"})
        answer = admin.getresponse()
        text = answer.read()
        admin.close()
        if answer.status != 200:
            raise RuntimeError(f"{method} {path} was answered {answer.status} {text[:500]}")
        return json.loads(text)

    def key(self, policy):
        string = subprocess.run([AZIMUTH, "connection-string", "--data", self.ready["data"], "--policy", policy],
                                check=True, capture_output=True, text=True).stdout.strip()
        return string.split("SharedAccessKey=")[1].split(";")[0]

    def stream(self):
        """The way in for a reader over AMQP of all partitions of the built-in stream."""
        name, count = self.admin("GET", "/admin/v1/hub")["hubName"], self.partitions or PARTITIONS
        return ("plain", "service", self.key("service"),
                *(f"{name}/ConsumerGroups/$Default/Partitions/{number}" for number in range(count)))

    def token(self, policy, seconds=3600):
        """A token of that policy for the whole hub."""
        key = self.key(policy)
        expiry = int(time.time()) + seconds
        digest = hmac.new(base64.b64decode(key), f"{HUB}\n{expiry}".encode(), hashlib.sha256).digest()
        sig = urllib.parse.quote(base64.b64encode(digest), safe="")
        return f"SharedAccessSignature sr={HUB}&sig={sig}&se={expiry}&skn={policy}"

    @staticmethod
    def _device(number):
        """Its key follows from the master key as mqttload's --sas-key has it."""
        name = f"dev{number:06d}"
        digest = hmac.new(base64.b64decode(MASTER_KEY), name.encode(), hashlib.sha256).digest()
        key = {"primaryKey": base64.b64encode(digest).decode()}
        return {"id": name, "importMode": "create", "status": "enabled",
                "authentication": {"type": "sas", "symmetricKey": {**key, "secondaryKey": key["primaryKey"]}}}


def wait_settled(server, seconds=15):
    """What a start leaves to the background (an RSA key) must not run into the measurement."""
    def ticks():
        with open(f"/proc/{server.pid}/stat", encoding="ascii") as f:
            return sum(map(int, f.read().rsplit(")", 1)[1].split()[11:13]))
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        before = ticks()
        time.sleep(0.5)
        if ticks() == before:
            return


def forget_data():
    """What the servers of a case stored: gigabytes."""
    for folder in WORK.glob("data-*"):
        shutil.rmtree(folder, ignore_errors=True)


def stop_all(servers):
    for server in servers:
        server.stop()
