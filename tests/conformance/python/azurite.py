"""azurite.py - Azurite as a storage account that is not the hub's, in memory, with azure-storage-blob."""
import atexit
import functools
import os
import pathlib
import re
import subprocess

ACCOUNT = "devstoreaccount1"
KEY = "Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/K1SZFPTOtr/KBHBeksoGMGw=="


class Azurite:
    def __init__(self, port="0", modules=None):
        modules = pathlib.Path(modules or os.environ["NODE_PATH"])
        self.process = subprocess.Popen(
            [next(modules.glob("node-linux-*/bin/node")), modules / "azurite/dist/src/blob/main.js", "--blobPort", port, "--inMemoryPersistence",
             "--skipApiVersionCheck", "--disableTelemetry", "--silent"], stdout=subprocess.PIPE, text=True)
        atexit.register(self.process.kill)
        line = next(line for line in self.process.stdout if re.search(r"://[^:]+:[1-9]", line))
        self.port = re.search(r"://[^:]+:(\d+)", line)[1]
        self.string = self.string_with(KEY)

    @functools.cached_property
    def service(self):
        from azure.storage.blob import BlobServiceClient  # here, for who starts Azurite need not have it
        return BlobServiceClient.from_connection_string(self.string)

    def string_with(self, key):
        return (f"DefaultEndpointsProtocol=http;AccountName={ACCOUNT};AccountKey={key};"
                f"BlobEndpoint=http://127.0.0.1:{self.port}/{ACCOUNT}")

    def container(self, name):
        return self.service.get_container_client(name)

    def kill(self):
        self.process.kill()
        self.process.wait()
