"""target_storage.py - files: in a folder of the server, and in a container of Azurite, to which the way is cut. Each
message is in one of them."""
import base64
import email.utils
import hashlib
import hmac
import http.client
import json
import re
import sys
import time
import xml.etree.ElementTree

from hub import check
from relay import Relay
from target import Target, client, starter, unpacked

sys.path.append(str(starter("python")))
from azurite import ACCOUNT, KEY, Azurite  # noqa: E402 (which is not in a package)

API = "2021-12-02"
LOOK_SECONDS = 0.3
MINUTE = {"AZIMUTH_CAPTURE_SECOND_US": "20000"}  # of the server: it has 1.2 s


def in_order(name):
    """Files of a partition as they were made: IOTHUB/PARTITION/YYYY/MM/DD/HH/mm, mm-1, ..."""
    minute, _, again = name.partition("-")
    return [int(part) for part in minute.split("/")[-6:]] + [int(again or 0)]


class Files(Target):
    kind = "storageContainers"

    def __init__(self, context, hub, name):
        super().__init__(context, hub, name)
        hub.environment.update(MINUTE)
        self.looked = 0

    def settings(self):
        return {"encoding": "JSON", "batchFrequencyInSeconds": 60, "skipEmptyBlobs": True}

    def files(self):
        """By name, what is in them."""
        raise NotImplementedError

    def look(self):
        found = self.files()
        self.next.clear()
        self.arrived = self.again = 0
        for name in sorted(found, key=in_order):
            for line in found[name].splitlines():
                self.arrive(unpacked(json.loads(line)["Body"]))

    def lacks(self, acked):
        if time.monotonic() - self.looked > LOOK_SECONDS:
            self.look()
            self.looked = time.monotonic()
        return super().lacks(acked)

    def judge(self, ledger, stored):
        self.look()
        check(self.wrong is None, self.wrong)
        check(self.arrived == stored, f"{self.name}: of {stored} messages {self.arrived} are in files")
        self.again = 0  # devices sent some again, the server stored none twice


class Folder(Files):
    def endpoint(self):
        return {**self.settings(), "folder": self.name}

    def files(self):
        top = self.hub.data / "storage" / self.name
        return {re.sub("^/", "", str(path.relative_to(top))): path.read_bytes() for path in top.rglob("*") if path.is_file()}


class Container(Files):
    def __init__(self, context, hub, name):
        super().__init__(context, hub, name)
        self.azurite = Azurite(modules=client("node") / "node_modules")
        self.relay = Relay(int(self.azurite.port), self.chance)

    def endpoint(self):
        self.create()
        return {**self.settings(), "containerName": self.name,
                "connectionString": f"DefaultEndpointsProtocol=http;AccountName={ACCOUNT};AccountKey={KEY};"
                                    f"BlobEndpoint=http://127.0.0.1:{self.relay.port}/{ACCOUNT}"}

    def ask(self, method, path, headers):
        connection = http.client.HTTPConnection("127.0.0.1", int(self.azurite.port))
        connection.request(method, f"/{ACCOUNT}/{path}", headers={"x-ms-version": API, **headers})
        answer = connection.getresponse()
        text = answer.read()
        connection.close()
        check(answer.status in (200, 201), f"{method} {path}: {answer.status} {text[:300]}")
        return text

    def create(self):
        """A container that everybody may read ("Authorize with Shared Key")."""
        headers = {"x-ms-blob-public-access": "container", "x-ms-date": email.utils.formatdate(usegmt=True), "x-ms-version": API}
        said = "".join(f"{name}:{headers[name]}\n" for name in sorted(headers))
        text = "PUT" + "\n" * 12 + said + f"/{ACCOUNT}/{ACCOUNT}/{self.name}\nrestype:container"
        signature = base64.b64encode(hmac.new(base64.b64decode(KEY), text.encode(), hashlib.sha256).digest()).decode()
        self.ask("PUT", f"{self.name}?restype=container", {**headers, "Authorization": f"SharedKey {ACCOUNT}:{signature}"})

    def files(self):
        listed = self.ask("GET", f"{self.name}?restype=container&comp=list", {})
        names = [name.text for name in xml.etree.ElementTree.fromstring(listed).iter("Name")]
        return {name: self.ask("GET", f"{self.name}/{name}", {}) for name in names}

    def calm(self):
        super().calm()
        self.relay.is_calm = True

    def close(self):
        super().close()
        self.relay.close()
        self.azurite.kill()
