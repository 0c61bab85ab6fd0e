"""fanout.py - telemetry to webhooks, four alone and four beside a fifth that takes batches and never answers."""
import http.server
import json
import multiprocessing
import os
import pathlib
import ssl
import subprocess
import time

from measure import PLAIN, generate, wait_quiet
from servers import AZIMUTH, GENERATOR_CPU, ROOT, WORK, Azimuth

ISSUE = ROOT / "tests" / "conformance" / "issue"
HOOKS = 4
DEVICES = 200
MESSAGES, QUICK_MESSAGES = 60_000, 10_000
PATIENCE_S = 300
STALLED = "stalled"
EVENT = b'"specversion"'  # once in each CloudEvent


class Hook(http.server.BaseHTTPRequestHandler):
    """Allows itself to be called, and counts events by the number that is its path."""

    protocol_version = "HTTP/1.1"
    counts = None

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
        self._answer()


def listen(folder, counts, port):
    os.sched_setaffinity(0, {GENERATOR_CPU})
    Hook.counts = counts
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Hook)
    server.daemon_threads = True
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(folder / "hook.chain.pem", folder / "hook.key")
    server.socket = context.wrap_socket(server.socket, server_side=True)
    port.value = server.server_address[1]
    server.serve_forever()


class Hooks:
    """All of them in a process of their own, on the generator's CPU."""

    def __init__(self, folder):
        self.counts, port = multiprocessing.Array("Q", HOOKS), multiprocessing.Value("i", 0)
        self.process = multiprocessing.Process(target=listen, args=(folder, self.counts, port), daemon=True)
        self.process.start()
        while port.value == 0:
            time.sleep(0.01)
        self.port = port.value

    def document(self, with_stalled):
        names = [str(n) for n in range(HOOKS)] + [STALLED] * with_stalled
        return {"endpoints": {"webhooks": [{"name": f"hook-{name}", "schema": "CloudEventSchemaV1_0",
                                            "endpointUri": f"https://localhost:{self.port}/{name}"} for name in names]},
                "routes": [{"name": f"to-{name}", "source": "DeviceMessages", "endpointNames": [f"hook-{name}"]}
                           for name in names]}

    def wait_for(self, count):
        end = time.monotonic() + PATIENCE_S
        while min(self.counts) < count:
            if time.monotonic() > end:
                raise RuntimeError(f"webhooks have {list(self.counts)} of {count} events")
            time.sleep(0.005)


def certificates():
    folder = pathlib.Path(WORK) / "hooks"
    folder.mkdir(exist_ok=True)
    for words in (("root", "Bench Root", "self", "ca"), ("hook", "localhost", "root", "server")):
        subprocess.run([ISSUE, folder, *words], check=True)
    return folder


def run(folder, with_stalled, messages):
    """Events a second that each of the four got: from the first message sent to the last one received."""
    hooks = Hooks(folder)
    try:
        with Azimuth("azimuth-fanout", devices=DEVICES, arguments=("--outgoing-ca", folder / "root.pem")) as server:
            document = folder / "routing.json"
            document.write_text(json.dumps(hooks.document(with_stalled)))
            subprocess.run([AZIMUTH, "hub", "routing", "apply", "-f", document, "--data", server.ready["data"]], check=True,
                           stdout=subprocess.DEVNULL)
            began = time.monotonic()
            generate(server, f"{PLAIN} -c {DEVICES} --qos 1 --window 4 --warmup 0 --messages {messages}")
            hooks.wait_for(messages)
            return {"per_s": messages / (time.monotonic() - began), "messages": messages}
    finally:
        hooks.process.kill()
        hooks.process.join()


def fanout(book, name, options):
    folder, messages = certificates(), QUICK_MESSAGES if options.quick else MESSAGES
    for number in range(1 if options.quick else options.rounds):
        alone, beside = {}, {}
        for with_stalled, result in ((False, alone), (True, beside)):
            wait_quiet(options.patience)
            result.update(run(folder, with_stalled, messages))
            book.add(name, f"azimuth-{'beside' if with_stalled else 'alone'}", {"round": number, **result})
        book.add(name, "azimuth", {"round": number, "lost_percent": 100 * (1 - beside["per_s"] / alone["per_s"])})
