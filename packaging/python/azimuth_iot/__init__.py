"""A hub for the length of a test. State is in memory; nothing is left when it stops.

    with start_azimuth(devices=["sensor-1"]) as azimuth:
        device = azimuth.connection_string(device_id="sensor-1")
"""
import json
import os
import pathlib
import random
import select
import socket
import subprocess
import tempfile
import time
import warnings

__all__ = ["Azimuth", "start_azimuth"]
READY_SECONDS_MAX = 60
STOP_SECONDS_MAX = 15
PORTS = {"mqtt": 8883, "amqp": 5671, "https": 443}  # as SDKs dial them
_guards = set()  # of hubs that run; one that nobody refers to any more still may be in use


def _program(binary):
    """As said, AZIMUTH_BINARY, the one in this package, or what PATH has."""
    ours = pathlib.Path(__file__).parent / "bin" / "azimuth"
    return str(binary or os.environ.get("AZIMUTH_BINARY") or (ours if os.access(ours, os.X_OK) else "azimuth"))


def _own_address():
    """Loopback has 16 million addresses: hubs side by side each get theirs, with the ports that SDKs dial."""
    return f"127.{random.randint(1, 254)}.{random.randint(0, 255)}.{random.randint(2, 254)}"


def _may_bind(address, port):
    """May this process bind it: is it free there, and on all addresses, and not below 1024 for others than root?"""
    with socket.socket() as one:
        try:
            one.bind((address, port))
        except OSError:
            return False
        return True


def _warn(azimuth, taken):
    """HTTPS without its port is for everybody but root; the others want a word."""
    for name in taken:
        if name != "https":
            warnings.warn(f"port {PORTS[name]} is taken on all addresses of this machine: the hub has {name.upper()} on "
                          f"{azimuth.ready[name]}, and an SDK that always dials {PORTS[name]} does not reach it", stacklevel=3)


def _guard(pid):
    """Ends the hub when this process is gone, even by SIGKILL: it reads a pipe whose other end closes then. A line
    says that the hub has ended by itself."""
    return subprocess.Popen(["/bin/sh", "-c", 'read -r _ || kill "$1"', "sh", str(pid)], stdin=subprocess.PIPE,
                            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True)


class Azimuth:
    """A hub that runs: hostname, mqtt, amqp, https, console, ca, data, idScope and version of its ready line."""

    def __init__(self, program, words):
        self._program = program
        self._log = tempfile.TemporaryFile("w+")
        self._process = subprocess.Popen([program, *words], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=self._log)
        self._guard = None
        try:
            self._guard = _guard(self._process.pid)
            _guards.add(self._guard)
            self.ready = json.loads(self._first_line())
        except BaseException:
            self._process.kill()
            self.stop()
            raise

    def __getattr__(self, name):
        ready = self.__dict__.get("ready", {})
        if name in ready:
            return ready[name]
        raise AttributeError(name)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.stop()

    @property
    def log(self):
        """What it has logged."""
        if not self._log.closed:
            self._log.seek(0)
            self._said = self._log.read()
        return self._said

    def _first_line(self):
        line, end = b"", time.monotonic() + READY_SECONDS_MAX
        while not line.endswith(b"\n"):
            left = end - time.monotonic()
            if left <= 0 or not select.select([self._process.stdout], [], [], left)[0]:
                raise TimeoutError(f"azimuth is not ready: {self.log}")
            piece = os.read(self._process.stdout.fileno(), 1)
            if not piece:
                raise RuntimeError(f"azimuth ended with {self._process.wait()}: {self.log}")
            line += piece
        return line

    def run(self, *words):
        """Runs a verb of the command line on this hub and returns what it prints."""
        done = subprocess.run([self._program, *map(str, words), "--data", self.data], stdin=subprocess.DEVNULL,
                              capture_output=True, text=True, check=False)
        if done.returncode:
            raise RuntimeError(done.stderr.strip())
        return done.stdout

    def create_device(self, device_id):
        """Makes a device and returns its connection string."""
        self.run("hub", "device-identity", "create", "--device-id", device_id)
        return self.connection_string(device_id=device_id)

    def connection_string(self, **of):
        """Of device_id, module_id, policy, event_hub=True, event_hub_name or dps=True; else the hub's."""
        words = []
        for name, value in of.items():
            if value not in (None, False):
                words += [f"--{name.replace('_', '-')}"] + ([] if value is True else [value])
        return self.run("connection-string", *words).strip()

    def env(self, device_id=None):
        """The variables that Azure's samples read."""
        return json.loads(self.run("env", "--format", "json", *(["--device-id", device_id] if device_id else [])))

    def stop(self):
        """Ends it and waits until it is gone; may be called more than once."""
        self._process.terminate()
        try:
            self._process.wait(STOP_SECONDS_MAX)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        if self._guard in _guards:
            _guards.remove(self._guard)
            self._guard.communicate(b"\n")
        self._process.stdout.close()
        _ = self.log
        self._log.close()


def start_azimuth(binary=None, devices=(), seed=None, ports="standard", options=()):
    """Starts a hub and waits until all its listeners accept. `ports` "free": any, on 127.0.0.1."""
    address = "127.0.0.1" if ports == "free" else _own_address()
    words = ["serve", "--ephemeral", "--bind", address, "--console", f"{address}:0"]
    taken = [name for name, port in PORTS.items() if ports == "free" or not _may_bind(address, port)]
    for name in taken:
        words += [f"--{name}-port", "0"]
    if ports != "free":
        words += ["--hostname", address]
    azimuth = Azimuth(_program(binary), [*words, *(["--seed", str(seed)] if seed else []), *map(str, options)])
    try:
        if ports != "free":
            _warn(azimuth, taken)
        for device in devices:
            azimuth.create_device(device)
    except BaseException:
        azimuth.stop()
        raise
    return azimuth
