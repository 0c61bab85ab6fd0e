"""fanout.py - telemetry to webhooks, four alone and four beside a fifth that takes batches and never answers.

Both servers live through all of it. A round is short runs in turn, alone, beside, beside, alone, of which the quickest
of each counts: what disturbs a run makes it only slower. A run's time is from the first event that came to the last.
"""
import contextlib
import http.server
import json
import multiprocessing
import os
import pathlib
import ssl
import subprocess
import time

from measure import PLAIN, cpu_seconds, generate, wait_quiet
from servers import AZIMUTH, GENERATOR_CPU, ROOT, WORK, Azimuth

ISSUE = ROOT / "tests" / "conformance" / "issue"
HOOKS = 4
DEVICES = 200
MESSAGES = 6_000  # of a run
TURNS = 4         # of a round
WARM_UP = 2_000
PATIENCE_S = 300
STALLED = "stalled"
EVENT = b'"specversion"'  # once in each CloudEvent


class Hook(http.server.BaseHTTPRequestHandler):
    """Allows itself to be called, and counts events by the number that is its path."""

    protocol_version = "HTTP/1.1"
    counts = times = None  # of each hook; when the first event came, and the last

    def log_message(self, *_):
        pass

    def _answer(self):
        self.send_response(200)
        self.send_header("WebHook-Allowed-Origin", self.headers.get("WebHook-Request-Origin", "*"))
        self.send_header("Content-Length", "0")
        self.end_headers()

    def do_OPTIONS(self):
        self._answer()

    def do_POST(self):
        body = self.rfile.read(int(self.headers["Content-Length"]))
        name = self.path.strip("/")
        if name == STALLED:
            time.sleep(PATIENCE_S)
            return
        with self.counts.get_lock():
            self.counts[int(name)] += body.count(EVENT)
            self.times[1] = time.monotonic()
            self.times[0] = self.times[0] or self.times[1]
        self._answer()


def listen(folder, counts, times, port):
    os.sched_setaffinity(0, {GENERATOR_CPU})
    Hook.counts, Hook.times = counts, times
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Hook)
    server.daemon_threads = True
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(folder / "hook.chain.pem", folder / "hook.key")
    server.socket = context.wrap_socket(server.socket, server_side=True)
    port.value = server.server_address[1]
    server.serve_forever()


class Hooks:
    """Each in a process of its own, so that none waits for another's turn, on the generator's CPU."""

    def __init__(self, folder, with_stalled):
        self.counts, self.times = multiprocessing.Array("Q", HOOKS), multiprocessing.Array("d", 2)
        self.names = [str(n) for n in range(HOOKS)] + [STALLED] * with_stalled
        ports = [multiprocessing.Value("i", 0) for _ in self.names]
        self.processes = [multiprocessing.Process(target=listen, args=(folder, self.counts, self.times, port), daemon=True)
                          for port in ports]
        for process in self.processes:
            process.start()
        while not all(port.value for port in ports):
            time.sleep(0.01)
        self.ports = [port.value for port in ports]

    def document(self):
        return {"endpoints": {"webhooks": [{"name": f"hook-{name}", "schema": "CloudEventSchemaV1_0",
                                            "endpointUri": f"https://localhost:{port}/{name}"}
                                           for name, port in zip(self.names, self.ports)]},
                "routes": [{"name": f"to-{name}", "source": "DeviceMessages", "endpointNames": [f"hook-{name}"]}
                           for name in self.names]}

    def begin(self):
        self.counts[:], self.times[:] = [0] * HOOKS, [0, 0]

    def wait_for(self, count):
        """Seconds from the first event to the last."""
        end = time.monotonic() + PATIENCE_S
        while min(self.counts) < count:
            if time.monotonic() > end:
                raise RuntimeError(f"webhooks have {list(self.counts)} of {count} events")
            time.sleep(0.005)
        return self.times[1] - self.times[0]

    def __enter__(self):
        return self

    def __exit__(self, *_):
        for process in self.processes:
            process.kill()
            process.join()


def certificates():
    folder = pathlib.Path(WORK) / "hooks"
    folder.mkdir(exist_ok=True)
    for words in (("root", "Bench Root", "self", "ca"), ("hook", "localhost", "root", "server")):
        subprocess.run([ISSUE, folder, *words], check=True)
    return folder


class Fan:
    """A server and its webhooks."""

    def __init__(self, folder, with_stalled, stack):
        self.hooks = stack.enter_context(Hooks(folder, with_stalled))
        name = "azimuth-beside" if with_stalled else "azimuth-alone"
        self.server = stack.enter_context(Azimuth(name, devices=DEVICES, arguments=("--outgoing-ca", folder / "root.pem")))
        document = folder / "routing.json"
        document.write_text(json.dumps(self.hooks.document()))
        subprocess.run([AZIMUTH, "hub", "routing", "apply", "-f", document, "--data", self.server.ready["data"]], check=True,
                       stdout=subprocess.DEVNULL)
        self.runs = []

    def run(self, messages):
        before = cpu_seconds(self.server.pid)
        self.hooks.begin()
        generate(self.server, f"{PLAIN} -c {DEVICES} --qos 1 --window 4 --warmup 0 --messages {messages}")
        seconds = self.hooks.wait_for(messages)
        self.runs.append({"per_s": messages / seconds, "cpu_us": (cpu_seconds(self.server.pid) - before) / messages * 1e6})

    def take(self):
        """The best of the runs since it was called last."""
        runs, self.runs = self.runs, []
        return {"per_s": max(run["per_s"] for run in runs), "cpu_us": min(run["cpu_us"] for run in runs),
                "messages": MESSAGES, "of": len(runs)}


def fanout(book, name, options):
    with contextlib.ExitStack() as stack:
        folder = certificates()
        alone, beside = (Fan(folder, with_stalled, stack) for with_stalled in (False, True))
        for fan in (alone, beside):
            fan.run(WARM_UP)
            fan.take()
        for number in range(options.rounds):
            wait_quiet(options.patience)
            for fan in TURNS * (alone, beside, beside, alone):
                fan.run(MESSAGES)
            a, b = alone.take(), beside.take()
            for server, result in (("azimuth-alone", a), ("azimuth-beside", b)):
                book.add(name, server, {"round": number, **result})
            book.add(name, "azimuth", {"round": number, "time_ratio": a["per_s"] / b["per_s"],
                                       "cpu_ratio": b["cpu_us"] / a["cpu_us"]})
