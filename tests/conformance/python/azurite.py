"""azurite.py - a storage account that is not the hub's, in memory."""
import atexit
import os
import pathlib
import re
import subprocess

from azure.storage.blob import ContainerClient

ACCOUNT = "devstoreaccount1"
KEY = "Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/K1SZFPTOtr/KBHBeksoGMGw=="


class Azurite:
    """A storage account that is not the hub's, in memory."""
    def __init__(self, port="0"):
        modules = pathlib.Path(os.environ["NODE_PATH"])
        self.process = subprocess.Popen(
            [next(modules.glob("node-linux-*/bin/node")), modules / "azurite/dist/src/blob/main.js", "--blobPort", port, "--inMemoryPersistence",
             "--skipApiVersionCheck", "--disableTelemetry", "--silent"], stdout=subprocess.PIPE, text=True)
        atexit.register(self.process.kill)
        line = next(line for line in self.process.stdout if re.search(r"://[^:]+:[1-9]", line))
        self.port = re.search(r"://[^:]+:(\d+)", line)[1]
        self.string = (f"DefaultEndpointsProtocol=http;AccountName={ACCOUNT};AccountKey={KEY};"
                       f"BlobEndpoint=http://127.0.0.1:{self.port}/{ACCOUNT}")
        self.container = ContainerClient.from_connection_string(self.string, "events")

    def kill(self):
        self.process.kill()
        self.process.wait()
