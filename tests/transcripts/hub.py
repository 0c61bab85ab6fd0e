"""hub.py - a server on free ports that keeps nothing, and the command line at its side."""
import base64
import hashlib
import hmac
import json
import os
import pathlib
import re
import shlex
import shutil
import signal
import subprocess
import tempfile
import time
import urllib.parse
import uuid

from pattern import Mismatch

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
AZIMUTH = ROOT / "build" / os.environ.get("AZM_PRESET", "release") / "azimuth"
HOST, GATEWAY = "hub1.example.test", "localhost"
KEY = base64.b64encode(bytes(range(32))).decode()
SECONDS_MAX = 120


def percent(text, safe=""):
    return urllib.parse.quote(text, safe=safe)


def lower_percent(text):
    """As azure-c-shared-utility's URL_Encode does: lower-case digits."""
    return re.sub("%..", lambda code: code[0].lower(), percent(text, "!()*"))


def signed(key, resource, seconds):
    end = str(int(time.time()) + seconds)
    code = hmac.new(base64.b64decode(key), f"{resource}\n{end}".encode(), hashlib.sha256).digest()
    return base64.b64encode(code).decode(), end


def net_guid(tag):
    """The GUID whose bytes in .NET's order are these."""
    return str(uuid.UUID(bytes_le=bytes.fromhex(tag)))


class Hub:
    def __init__(self):
        self.scratch = pathlib.Path(tempfile.mkdtemp(prefix="azm-transcripts-"))
        self.environment = {name: value for name, value in os.environ.items()
                            if not name.startswith(("AZIMUTH_", "IOTHUB_", "EVENTHUB_", "NO_COLOR"))}
        self.environment["HOME"] = str(self.scratch)
        self.said = open(self.scratch / "said.txt", "w", encoding="utf-8")
        ports = [word for name in ("mqtt", "amqp", "https") for word in (f"--{name}-port", "0")]
        self.process = subprocess.Popen(
            [AZIMUTH, "serve", "--ephemeral", "--console", "off", *ports, "--hostname", HOST, "--hostname", GATEWAY],
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=self.said, cwd="/", env=self.environment)
        line = self.process.stdout.readline()
        if not line:
            raise SystemExit(f"the server did not start: {self.log()}")
        self.ready = json.loads(line)
        self.policies = {}

    def log(self):
        return (self.scratch / "said.txt").read_text(encoding="utf-8")

    def stop(self):
        self.process.send_signal(signal.SIGTERM)
        status = self.process.wait(SECONDS_MAX)
        self.process.stdout.close()
        self.said.close()
        log = self.log()
        shutil.rmtree(self.scratch)
        if status:
            raise SystemExit(f"the server ended with {status}: {log}")

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.stop()

    # ---- the command line

    def start(self, words):
        return subprocess.Popen([str(word) for word in (AZIMUTH, *words, "--data", self.ready["data"])], cwd="/",
                                stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
                                env=self.environment)

    def end(self, process, good=True):
        out, error = process.communicate(timeout=SECONDS_MAX)
        if (process.returncode == 0) != good:
            raise Mismatch(f"status {process.returncode}: {out}{error}", "a command that " + ("works" if good else
                                                                                             "fails"))
        return out if good else error

    def run(self, *words):
        return self.end(self.start(words))

    def identity(self, path, thumbprint=None):
        """A device, or a module of one, that has our key or this certificate."""
        device, _, module = path.partition("/")
        kind = ["hub", "module-identity", "create", "-m", module] if module else ["hub", "device-identity", "create"]
        proof = ["--am", "x509_thumbprint", "--ptp", thumbprint, "--stp", thumbprint] if thumbprint else \
                ["--pk", KEY, "--sk", KEY]
        self.run(*kind, "-d", device, *proof)

    def events(self, device, count):
        """The first events of a device."""
        done = self.start(["hub", "monitor-events", "-d", device, "--from", "beginning", "--count", str(count),
                           "--timeout", "60", "--properties", "all", "-o", "jsonl"])
        out, _ = done.communicate(timeout=SECONDS_MAX)
        return [json.loads(line)["event"] for line in out.splitlines()]

    def command(self, line):
        return self.start(shlex.split(line))

    def policy_key(self, name):
        if name not in self.policies:
            text = self.run("connection-string", "--policy", name)
            self.policies[name] = re.search("SharedAccessKey=(.*)", text)[1].strip()
        return self.policies[name]

    def certificate(self, name):
        """A self-signed certificate with its key in one file, and its thumbprint."""
        path = self.scratch / f"{name}.pem"
        subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1",
                        "-nodes", "-subj", f"/CN={name}", "-days", "2", "-keyout", f"{path}.key",
                        "-out", f"{path}.crt"],
                       check=True, capture_output=True)
        path.write_bytes(b"".join(pathlib.Path(f"{path}.{end}").read_bytes() for end in ("key", "crt")))
        text = pathlib.Path(f"{path}.crt").read_text(encoding="ascii")
        data = base64.b64decode("".join(text.splitlines()[1:-1]))
        return path, hashlib.sha1(data).hexdigest().upper()

    # ---- what transcripts call in braces

    def functions(self):
        return {
            # RESOURCE [SECONDS]: a token signed with the identity's key, the resource written as given.
            "sas-c": self.sas_c, "sas": self.sas, "sas-policy": self.sas_policy,
            "url": percent, "url-c": lower_percent, "net-guid": net_guid,
            "repeat": lambda text, count: text * int(count),
            "base64": lambda text: base64.b64encode(text.encode()).decode(),
            "milliseconds": lambda seconds: str((int(time.time()) + int(seconds)) * 1000),
        }

    @staticmethod
    def sas_c(resource, seconds="3600"):
        """azure-c-shared-utility's sastoken.c: lower-case digits, and always a key name, though it is empty."""
        code, end = signed(KEY, resource, int(seconds))
        return f"SharedAccessSignature sr={resource}&sig={lower_percent(code)}&se={end}&skn="

    @staticmethod
    def sas(resource, seconds="3600"):
        code, end = signed(KEY, resource, int(seconds))
        return f"SharedAccessSignature sr={resource}&sig={percent(code)}&se={end}"

    def sas_policy(self, policy, resource, seconds="3600"):
        code, end = signed(self.policy_key(policy), resource, int(seconds))
        return f"SharedAccessSignature sr={resource}&sig={percent(code)}&se={end}&skn={policy}"
