"""own_server.py - a server of the cases' own, which they may kill: `azimuth serve` on its standard ports at
an address where nobody else is."""
import contextlib
import json
import os
import shutil
import signal
import subprocess
import tempfile

from azure.iot.hub import IoTHubRegistryManager

from check import skip

AZIMUTH, HOST, ADDRESS = (os.environ.get(name, "") for name in ("AZIMUTH", "HUB_SPARE_HOST", "HUB_SPARE_ADDRESS"))


class OwnServer:
    def __init__(self, *words):
        if not HOST:
            skip("one server has the standard ports of this machine")
        self.words = words
        self.data = tempfile.mkdtemp(prefix="azimuth-own-")
        self.start()
        with open(self.ready["ca"], encoding="ascii") as pem:
            self.ca = pem.read()

    def start(self):
        self.process = subprocess.Popen(
            [AZIMUTH, "serve", "--data", self.data, "--hostname", HOST, "--bind", ADDRESS, "--console",
             f"{ADDRESS}:8443", *self.words], stdout=subprocess.PIPE)
        self.ready = json.loads(self.process.stdout.readline())

    def kill(self):
        self.process.send_signal(signal.SIGKILL)
        self.process.wait()

    def cli(self, *words):
        """What `azimuth WORDS` prints."""
        return subprocess.run([AZIMUTH, *words], check=True, stdin=subprocess.DEVNULL, capture_output=True, text=True,
                              env={**os.environ, "AZIMUTH_DATA": self.data}).stdout.strip()

    def bodies(self, device_id):
        """The bodies of all events of a device, as the command line counts and reads them."""
        counted = self.cli("hub", "replay", "--source-event-hub", self.hub_name(), "-n", "nowhere", "-d", device_id, "--dry-run", "-o", "json")
        lines = self.cli("hub", "monitor-events", "--from", "beginning", "-d", device_id, "--count", str(json.loads(counted)["matched"]),
                         "--timeout", "60", "-o", "jsonl")
        return [str(json.loads(line)["event"]["payload"]) for line in lines.splitlines()]

    def hub_name(self):
        return self.string("--event-hub").split("EntityPath=")[1].split(";")[0]

    def string(self, *words):
        return self.cli("connection-string", *words)


@contextlib.contextmanager
def own_server(*words):
    """A server that is gone afterwards; `words` are more options of `azimuth serve`."""
    server = OwnServer(*words)
    try:
        yield server
    finally:
        server.kill()
        shutil.rmtree(server.data, ignore_errors=True)


@contextlib.contextmanager
def server_and_service(device_id, *words):
    """A server with a device, and who may do everything there."""
    with own_server(*words) as server:
        os.environ["REQUESTS_CA_BUNDLE"] = server.ready["ca"]
        service = IoTHubRegistryManager.from_connection_string(server.string("--policy", "iothubowner"))
        service.create_device_with_sas(device_id, "", "", "enabled")
        yield server, service
