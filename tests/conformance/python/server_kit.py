"""server_kit.py - a server of a case's own, which it may kill."""
import contextlib
import json
import os
import shutil
import signal
import subprocess
import tempfile

from azure.iot.hub import IoTHubRegistryManager

AZIMUTH, HOST, ADDRESS = (os.environ.get(name, "") for name in ("AZIMUTH", "HUB_SPARE_HOST", "HUB_SPARE_ADDRESS"))


class Server:
    """`azimuth serve` on its standard ports at an address where nobody else is."""

    def __init__(self, data):
        self.data = data
        self.start()
        with open(self.ready["ca"], encoding="ascii") as pem:
            self.ca = pem.read()

    def start(self):
        self.process = subprocess.Popen(
            [AZIMUTH, "serve", "--data", self.data, "--hostname", HOST, "--bind", ADDRESS, "--console",
             f"{ADDRESS}:8443"], stdout=subprocess.PIPE)
        self.ready = json.loads(self.process.stdout.readline())

    def kill(self):
        self.process.send_signal(signal.SIGKILL)
        self.process.wait()

    def string(self, *words):
        call = [AZIMUTH, "connection-string", "--data", self.data, *words]
        return subprocess.run(call, check=True, capture_output=True, text=True).stdout.strip()


@contextlib.contextmanager
def server_and_service(device_id):
    """A server with a device, and who may do everything there."""
    data = tempfile.mkdtemp()
    server = Server(data)
    try:
        os.environ["REQUESTS_CA_BUNDLE"] = server.ready["ca"]
        service = IoTHubRegistryManager.from_connection_string(server.string("--policy", "iothubowner"))
        service.create_device_with_sas(device_id, "", "", "enabled")
        yield server, service
    finally:
        server.kill()
        shutil.rmtree(data, ignore_errors=True)
