"""azurite.py - Azurite as a storage account that is not the hub's, in memory, with azure-storage-blob."""
import atexit
import functools
import os
import pathlib
import re
import subprocess
import sys

sys.path.append(str(pathlib.Path(__file__).resolve().parents[2]))
from ports import TRIES_MAX, free_port  # noqa: E402 (which is not in a package)

ACCOUNT = "devstoreaccount1"
KEY = "Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/K1SZFPTOtr/KBHBeksoGMGw=="


class Azurite:
    """At `port`, where one was before; else at a port that is free also while it is killed and comes back."""

    def __init__(self, port=None, modules=None):
        self.modules = pathlib.Path(modules or os.environ["NODE_PATH"])
        tries = iter([port] if port else [free_port() for _ in range(TRIES_MAX)])
        self.port = next(one for one in tries if self._listens(one))
        self.string = self.string_with(KEY)

    def _listens(self, port):
        """False where it ends first."""
        self.process = subprocess.Popen(
            [next(self.modules.glob("node-linux-*/bin/node")), self.modules / "azurite/dist/src/blob/main.js", "--blobPort", str(port),
             "--inMemoryPersistence", "--skipApiVersionCheck", "--disableTelemetry", "--silent"], stdout=subprocess.PIPE, text=True)
        atexit.register(self.process.kill)
        return any(re.search(r"://[^:]+:[1-9]", line) for line in self.process.stdout)

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
