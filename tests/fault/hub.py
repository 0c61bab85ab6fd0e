"""hub.py - the server under fault, the devices that storm it, and how a case is told and judged."""
import http.client
import json
import os
import pathlib
import random
import re
import select
import shutil
import signal
import socket
import subprocess
import sys
import time

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
sys.path.append(str(ROOT / "tests"))
from ports import TRIES_MAX, free_port  # noqa: E402 (which is not in a package)

KINDS = ("mqtt", "amqp", "https", "plain-mqtt", "plain-amqp")
BUILD = ROOT / "build" / os.environ.get("AZM_PRESET", "release")
WORK = BUILD / "chaos"
AZIMUTH = BUILD / "azimuth"
STORM = BUILD / "tests" / "fault" / "storm"
SHIM = BUILD / "tests" / "fault" / "shim.so"
STORED = BUILD / "tests" / "promise" / "stored"
CONFORMANCE = ROOT / "build" / "conformance"  # what its clients brought
HOST = "localhost"
PARTITIONS = 4
BULK_MAX = 100  # identities in one request
SLOW = 4 if "san" in BUILD.name else 1  # what sanitizers cost
WAIT_SECONDS = 60 * SLOW  # the longest that something may take to come: on a busy machine everything takes ten times as long
READY_SECONDS = 2 * WAIT_SECONDS  # a second, if nobody else wants the machine
STOP_SECONDS = WAIT_SECONDS  # a drain takes at most 10
SANITIZED = re.compile(r"(ERROR: \w+Sanitizer|runtime error:|Assertion .* failed).*")


class Failed(Exception):
    """What a case found wrong, in a sentence."""


class Skipped(Exception):
    """Why a case cannot be tried here."""


def check(good, sentence):
    if not good:
        raise Failed(sentence)


def wait_for(what, condition, seconds=WAIT_SECONDS):
    """Polls until the condition holds; its value."""
    end = time.monotonic() + seconds
    while True:
        value = condition()
        if value:
            return value
        check(time.monotonic() < end, f"{what}: not within {seconds} s")
        time.sleep(0.01)


def preloaded(**files):
    """The environment of a program that has the shim before its libraries; its parts' files by name."""
    return {"LD_PRELOAD": str(SHIM), "ASAN_OPTIONS": "verify_asan_link_order=0:" + os.environ.get("ASAN_OPTIONS", ""),
            **{name: str(path) for name, path in files.items()}}


class Hub:
    """A directory with a server on it, which is started, killed and started again on the same ports."""

    def __init__(self, name, *options, data=None, environment=None, ports=None, wrapper=(), stderr=None):
        self.work = WORK / name
        self.data = data or self.work / "data"
        shutil.rmtree(self.work, ignore_errors=True)
        self.work.mkdir(parents=True)
        self.options, self.wrapper, self.environment = list(options), list(wrapper), environment or {}
        self.ports, self.tries = ports, 1 if ports else TRIES_MAX  # to find free ones
        if not ports:
            self.choose_ports()
        self.process, self.said, self.stderr = None, self.work / "server.txt", stderr  # the last: instead of that file

    def command(self):
        ports = [word for kind, port in self.ports.items() for word in (f"--{kind}-port", port)]
        return [*self.wrapper, AZIMUTH, "serve", "--debuggable", "--data", self.data, "--bind", "127.0.0.1", "--hostname",
                HOST, "--partitions", PARTITIONS, "--console", "127.0.0.1:0", *ports, *self.options]

    def choose_ports(self):
        self.ports = {kind: free_port() for kind in KINDS}

    def launch(self):
        """Starts the process; whether it becomes ready is another question."""
        with open(self.said, "a", encoding="utf-8") as said:
            self.process = subprocess.Popen([str(word) for word in self.command()], stdin=subprocess.DEVNULL,
                                            stdout=subprocess.PIPE, stderr=self.stderr or said,
                                            env={**os.environ, **self.environment})
        return self

    def start(self):
        while not (line := self.launch().first_line()):
            check(self.tries > 1 and "is held by another" in self.last_words(), f"the server did not start: {self.last_words()}")
            self.process.wait()
            self.tries -= 1
            self.choose_ports()
        self.tries = 1  # from now on it has these
        self.ready = json.loads(line)
        return self

    def first_line(self):
        """None where it ends without one."""
        line, end = b"", time.monotonic() + READY_SECONDS
        while b"\n" not in line:
            left = end - time.monotonic()
            check(left > 0, f"the server was not ready within {READY_SECONDS} s")
            if select.select([self.process.stdout], [], [], left)[0]:
                piece = os.read(self.process.stdout.fileno(), 4096)
                if not piece:
                    return None
                line += piece
        return line.split(b"\n")[0]

    def refused(self, seconds=READY_SECONDS):
        """Starts a server that must say no: its exit status, and what it said."""
        self.said.write_text("")
        self.launch()
        status = self.wait(seconds)
        return status, self.last_words()

    def wait(self, seconds):
        try:
            status = self.process.wait(seconds)
        except subprocess.TimeoutExpired as late:
            raise Failed(f"the server did not end within {seconds} s") from late
        self.process.stdout.close()
        return status

    def signal(self, number):
        self.process.send_signal(number)

    def kill(self):
        self.signal(signal.SIGKILL)
        check(self.wait(WAIT_SECONDS) == -signal.SIGKILL, f"the server ended by itself: {self.last_words()}")

    def stop(self, wanted=0):
        self.signal(signal.SIGTERM)
        status = self.wait(STOP_SECONDS)
        check(status == wanted, f"exit status {status} after SIGTERM: {self.last_words()}")

    def alive(self):
        return self.process is not None and self.process.poll() is None

    def wait_settled(self):
        """Until it has the RSA key that its first start leaves to the background: a second of processor time."""
        wait_for("the server has its RSA key", (self.data / "server-rsa.pem").exists)

    def last_words(self):
        lines = self.said.read_text(errors="replace").splitlines()
        return lines[-1] if lines else "nothing"

    def complaint(self):
        """What a sanitizer or an assertion has said."""
        found = SANITIZED.search(self.said.read_text(errors="replace")) if self.said.exists() else None
        return found and found.group(0)

    # ---- questions, as administrator

    def ask(self, method, path, body=None, if_match=None, seconds=WAIT_SECONDS):
        connection = http.client.HTTPConnection(HOST)
        connection.sock = socket.socket(socket.AF_UNIX)
        try:
            connection.sock.settimeout(seconds)
            connection.sock.connect(os.path.relpath(self.data / "azimuth.sock"))
            text = None if body is None else json.dumps(body)
            headers = {"Content-Type": "application/json"} | ({"If-Match": if_match} if if_match else {})
            connection.request(method, path, text, headers)
            answer = connection.getresponse()
            return answer.status, answer.read().decode()
        finally:
            connection.close()

    def unready(self):
        """None when the server says that it is ready, else its reason."""
        status, text = self.ask("GET", "/readyz")
        return None if status == 200 else json.loads(text)["reason"]

    def put_device(self, name):
        return self.ask("PUT", f"/devices/{name}?api-version=2021-04-12", {"deviceId": name})

    def create(self, names):
        names = list(names)
        for at in range(0, len(names), BULK_MAX):
            bulk = [{"id": name, "importMode": "create", "status": "enabled",
                     "authentication": {"type": "sas"}} for name in names[at:at + BULK_MAX]]
            status, text = self.ask("POST", "/devices?api-version=2021-04-12", bulk)
            check(status == 200, f"devices were not created: {status} {text[:300]}")

    def policy_key(self, name):
        status, text = self.ask("GET", f"/admin/v1/policies/{name}")
        check(status == 200, f"no policy '{name}': {status} {text[:300]}")
        return json.loads(text)["primaryKey"]

    def metric(self, name):
        value = self.metric_if_any(name)
        check(value is not None, f"there is no metric {name}")
        return value

    def metric_if_any(self, name):
        _, text = self.ask("GET", "/metrics")
        found = re.search(rf"^{re.escape(name)}(?:{{[^}}]*}})? ([0-9.e+-]+)$", text, re.MULTILINE)
        return float(found.group(1)) if found else None


class Storm:
    """Devices that send at full speed and keep a ledger."""

    def __init__(self, hub, devices, seed, plain=True, tls=True, window=32, padding=200, rate=None, environment=None):
        hub.create(f"storm-{i:04}" for i in range(devices))
        command = [STORM, "--host", HOST, "--key", hub.policy_key("device"), "--devices", devices,
                   "--seed", seed, "--window", window, "--padding", padding]
        command += ["--rate", rate] if rate else []
        command += ["--port", hub.ports["plain-mqtt"]] if plain else []
        command += ["--tls-port", hub.ports["mqtt"], "--ca", hub.data / "ca.pem"] if tls else []
        self.hub, self.devices, self.ledger = hub, devices, hub.work / "ledger.csv"
        self.process = subprocess.Popen([str(word) for word in command], stdin=subprocess.PIPE,
                                        stdout=subprocess.PIPE, env={**os.environ, **(environment or {})})

    def __enter__(self):
        return self

    def __exit__(self, *_):
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait()
        self.process.stdin.close()
        self.process.stdout.close()

    def _say(self, *words, seconds=2 * WAIT_SECONDS):
        self.process.stdin.write((" ".join(map(str, words)) + "\n").encode())
        self.process.stdin.flush()
        check(select.select([self.process.stdout], [], [], seconds)[0],
              f"the devices did not {words[0]} within {seconds} s")
        line = self.process.stdout.readline()
        check(line, "the devices ended unexpectedly")
        counts = json.loads(line)
        check(counts["faults"] == 0, "the server broke a rule of MQTT (see the log)")
        return counts

    def status(self):
        return self._say("status")

    def mark(self):
        return self._say("mark")

    def check_nothing_acked(self, why):
        """While all devices try again, and again, nothing that they send from now on is acknowledged."""
        tries = self.mark()["connects"] + 3 * self.devices
        wait_for("devices that try again", lambda: self.status()["connects"] >= tries)
        fresh = self.status()["fresh"]
        check(fresh == 0, f"{fresh} messages were acknowledged {why}")

    def wait_acked(self, more, seconds=2 * WAIT_SECONDS):
        """Until so many messages more have been acknowledged."""
        goal = self.status()["acked"] + more
        wait_for(f"{more} acknowledgements", lambda: self.status()["acked"] >= goal, seconds)

    def save(self):
        return self._say("save", self.ledger)

    def finish(self, seconds=4 * WAIT_SECONDS):
        """All that was sent is acknowledged in the end."""
        counts = self._say("finish", self.ledger, seconds=seconds)
        check(self.process.wait(WAIT_SECONDS) == 0, "the devices did not end well")
        return counts


def judge(hub, ledger, copy=True, among_others=False):
    """The five promises, over the directory of a server that is gone; what was found. `among_others`: also devices
    sent that have no account in the ledger."""
    data = hub.data
    if copy:
        data = hub.work / "copy"
        shutil.rmtree(data, ignore_errors=True)
        shutil.copytree(hub.data, data, ignore=shutil.ignore_patterns("*.sock"))
    others = ["among-others"] if among_others else []
    run = subprocess.run([str(word) for word in (STORED, data, PARTITIONS, ledger, *others)], capture_output=True,
                         text=True, check=False)
    if copy:
        shutil.rmtree(data)
    check(run.returncode in (0, 1) and run.stdout, f"the log cannot be read: {run.stderr.strip()}")
    found = json.loads(run.stdout)
    check(found["wrong"] == 0, f"{run.stdout.strip()} {run.stderr.strip()[:600]}")
    return found


class Group:
    """The cases of one file, run one after the other; each prints its line."""

    def __init__(self):
        self.cases = []

    def case(self, function):
        self.cases.append(function)
        return function

    def run(self, seed, long, minutes):
        failed = 0
        for number, function in enumerate(self.cases):
            name = function.__name__.replace("_", " ")
            # Short, for there is a limit to the length of a socket's path.
            context = Context(f"{pathlib.Path(sys.argv[0]).stem}{number}", random.Random(f"{seed} {name}"), long, minutes)
            began = time.monotonic()
            try:
                with context:
                    note = function(context) or ""
                print(f"ok {name} # {time.monotonic() - began:.1f} s {note}".rstrip(), flush=True)
            except Skipped as why:
                print(f"skipped: {name}: {why}", flush=True)
            except Exception as why:  # whatever went wrong, the others are tried
                failed += 1
                kind = "" if isinstance(why, Failed) else f"{type(why).__name__}: "
                print(f"not ok {name} # {kind}{why}", flush=True)
        return failed


class Context:
    """What a case works with; at its end no process is left and every server is asked for complaints."""

    def __init__(self, name, chance, long, minutes):
        self.name, self.chance, self.long, self.minutes, self.hubs = name, chance, long, minutes, []

    def hub(self, *options, **more):
        hub = Hub(f"{self.name}{'abcdefgh'[len(self.hubs)]}", *options, **more)
        self.hubs.append(hub)
        return hub

    def __enter__(self):
        return self

    def __exit__(self, kind, *_):
        for hub in self.hubs:
            if hub.alive():
                hub.process.kill()
                hub.process.wait()
        complaints = [complaint for complaint in (hub.complaint() for hub in self.hubs) if complaint]
        if kind is None:
            for hub in self.hubs:
                shutil.rmtree(hub.data, ignore_errors=True)
            check(not complaints, " ".join(map(str, complaints)))
        return False


def main(group):
    """python3 FILE SEED [--long] [--minutes=N]"""
    minutes = [float(word.partition("=")[2]) for word in sys.argv if word.startswith("--minutes=")]
    sys.exit(1 if group.run(sys.argv[1], "--long" in sys.argv, minutes[0] if minutes else 0) else 0)
