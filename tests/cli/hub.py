"""hub.py - servers on free ports for the cases, the command line as a user runs it, and who judges."""
import contextlib
import dataclasses
import http.client
import http.server
import json
import os
import pathlib
import pty
import select
import shutil
import signal
import socket
import socketserver
import ssl
import subprocess
import tempfile
import termios
import threading
import time

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
BUILD = ROOT / "build" / os.environ.get("AZM_PRESET", "release")
AZIMUTH = BUILD / "azimuth"
SECONDS_MAX = 180  # of a command, and of a server's start; of its end and of an answer, a third
WAIT_SECONDS = SECONDS_MAX / 3
# What would lead a command to another hub, or change what it prints.
FOREIGN = ("AZIMUTH_", "IOTHUB_", "EVENTHUB_", "NODE_EXTRA_CA_CERTS", "NO_COLOR", "HOME")


class Failed(Exception):
    """What a case found wrong, in a sentence."""


class Skipped(Exception):
    """Why a case cannot be tried here."""


def check(good, sentence):
    if not good:
        raise Failed(sentence)


def eventually(say, good):
    """What `say` says at last: what happened is noted behind the answer."""
    end = time.monotonic() + WAIT_SECONDS
    while not good(said := say()):
        check(time.monotonic() < end, f"still {said}")
        time.sleep(0.05)
    return said


@dataclasses.dataclass
class Done:
    """How a command ended."""
    words: list
    status: int
    out: str
    error: str

    def __str__(self):
        return f"'azimuth {' '.join(map(str, self.words))}': status {self.status}, '{self.out}', '{self.error}'"

    def json(self):
        return json.loads(self.out)


HOME = tempfile.TemporaryDirectory(prefix="azm-home-")  # somebody without a profile


def environment(**more):
    kept = {name: value for name, value in os.environ.items() if not name.startswith(FOREIGN)}
    return kept | {"HOME": HOME.name} | more


def azimuth(*words, program=AZIMUTH, cwd="/", given="", **variables):
    """Runs a command from a folder where no server is, so that only what is said counts; `given` is its stdin."""
    run = subprocess.run([str(word) for word in (program, *words)], input=given, cwd=cwd,
                         capture_output=True, text=True, timeout=SECONDS_MAX, env=environment(**variables),
                         check=False)
    return Done(list(words), run.returncode, run.stdout, run.stderr)


def on_terminal(*words, **variables):
    """What a command prints when its output is a terminal."""
    ours, theirs = pty.openpty()
    with subprocess.Popen([str(word) for word in (AZIMUTH, *words)], stdin=subprocess.DEVNULL, stdout=theirs,
                          stderr=theirs, cwd="/", env=environment(TERM="xterm", **variables)) as process:
        os.close(theirs)
        said = b""
        with contextlib.suppress(OSError):  # the end of a terminal
            while piece := os.read(ours, 4096):
                said += piece
    os.close(ours)
    return process.returncode, said.decode().replace("\r\n", "\n")


def asked(answer, *words):
    """Status and text of a command that has a terminal on which somebody answers its question."""
    ours, theirs = pty.openpty()
    os.write(ours, f"{answer}\n".encode())
    with subprocess.Popen([str(word) for word in (AZIMUTH, *words)], stdin=theirs, stdout=subprocess.PIPE,
                          stderr=theirs, text=True, cwd="/", env=environment()) as process:
        out, _ = process.communicate(timeout=SECONDS_MAX)
    os.close(theirs)
    error = b""
    with contextlib.suppress(OSError):  # the end of a terminal
        while piece := os.read(ours, 4096):
            error += piece
    os.close(ours)
    return Done(list(words), process.returncode, out, error.decode())


def at_keyboard(keys, prompt, *words, **variables):
    """Keys on a terminal of its own when the command has asked: wait status, whether typing was shown then, and afterwards."""
    child, ours = pty.fork()
    if child == 0:
        signal.signal(signal.SIGINT, signal.SIG_DFL)  # whoever runs the tests may ignore it
        os.chdir("/")
        os.execve(AZIMUTH, [str(word) for word in (AZIMUTH, *words)], environment(**variables))
    said, end = b"", time.monotonic() + SECONDS_MAX

    def hear(what):
        check(select.select([ours], [], [], max(end - time.monotonic(), 0))[0], f"no {what}, but {said}")
        return os.read(ours, 4096)

    try:
        while prompt.encode() not in said:
            said += hear("question")
        asked_with = shows_keys(ours)
        os.write(ours, keys)
        with contextlib.suppress(OSError):  # the end of a terminal
            while hear("end"):
                pass
        status, child = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), None
        return status, asked_with, shows_keys(ours)
    finally:
        if child is not None:
            os.kill(child, signal.SIGKILL)
            os.waitpid(child, 0)
        os.close(ours)


def shows_keys(terminal):
    return bool(termios.tcgetattr(terminal)[3] & termios.ECHO)


class Hub:
    """`azimuth VERB` on free ports with a directory of its own."""

    def __init__(self, *options, verb="serve"):
        self.data = pathlib.Path(tempfile.mkdtemp(prefix="azm-cli-"))
        ports = ["--mqtt-port", 0, "--amqp-port", 0, "--https-port", 0]
        console = [] if "--console" in options else ["--console", "127.0.0.1:0"]
        self.said = open(self.data / "said.txt", "w+", encoding="utf-8")
        self.command = [str(word) for word in (AZIMUTH, verb, "--data", self.data, *ports, *console, *options)]
        self.start()

    def start(self):
        self.process = subprocess.Popen(self.command, stdin=subprocess.DEVNULL, cwd="/", stdout=subprocess.PIPE,
                                        stderr=self.said, env=environment())
        self.ready = json.loads(self._line())
        self.ca = self.ready["ca"]

    def stop(self):
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
        status = self.process.wait(WAIT_SECONDS)
        self.process.stdout.close()
        check(status == 0, f"the server ended with {status}")

    def _line(self):
        line, end = b"", time.monotonic() + SECONDS_MAX
        while not line.endswith(b"\n"):
            left = end - time.monotonic()
            if left <= 0 or not select.select([self.process.stdout], [], [], left)[0]:
                raise Failed(f"the server is not ready: {self.log()}")
            piece = os.read(self.process.stdout.fileno(), 1)
            if not piece:
                raise Failed(f"the server did not start: {self.log()}")
            line += piece
        return line

    def __enter__(self):
        return self

    def __exit__(self, *_):
        try:
            self.stop()
        finally:
            self.said.close()
            shutil.rmtree(self.data, ignore_errors=True)

    def log(self):
        return (self.data / "said.txt").read_text(encoding="utf-8")

    def run(self, *words, **variables):
        return azimuth(*words, "--data", self.data, **variables)

    def must(self, *words, **variables):
        done = self.run(*words, **variables)
        check(done.status == 0, str(done))
        return done

    def about(self):
        return json.loads(self.ask("GET", "/admin/v1/hub", socket_path=True)[1])

    def admin_url(self):
        return self.about()["admin"]

    def login(self, policy="iothubowner"):
        return self.must("connection-string", "--policy", policy).out.strip()

    def ports(self):
        return [word for name in ("https", "mqtt", "amqp") for word in (f"--{name}-port", self.ready[name])]

    def remote(self):
        """The options of somebody who has nothing but a connection string and the certificate."""
        return ["--login", self.login(), "--ca", self.ca, *self.ports(), "--admin-url", self.admin_url()]

    def token(self):
        return self.must("hub", "generate-sas-token", "--query", "sas", "-o", "tsv").out.strip()

    def ask(self, method, path, headers=(), url=None, socket_path=False, body=None):
        """A request over the socket or to a URL: status and body."""
        if socket_path:
            connection = http.client.HTTPConnection("localhost")
            connection.sock = socket.socket(socket.AF_UNIX)
            connection.sock.connect(str(self.data / "azimuth.sock"))
        elif url.startswith("https"):
            context = ssl.create_default_context(cafile=self.ca)
            connection = http.client.HTTPSConnection(url.split("//")[1], context=context, timeout=WAIT_SECONDS)
        else:
            connection = http.client.HTTPConnection(url.split("//")[1], timeout=WAIT_SECONDS)
        with contextlib.closing(connection):
            with contextlib.suppress(BrokenPipeError):  # who is refused for its head may not be let say the rest: the answer is there
                connection.request(method, path, body=body, headers=dict(headers))
            answer = connection.getresponse()
            return answer.status, answer.read().decode()


@contextlib.contextmanager
def stand_in(data, answer):
    """Who answers on the socket of a data directory in a server's place: what `answer` has for "GET /admin/v1/hub"."""
    class Handler(http.server.BaseHTTPRequestHandler):
        def say(self):
            self.rfile.read(int(self.headers.get("Content-Length", 0)))
            body = answer(f"{self.command} {self.path}").encode()
            self.send_response(200)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        do_GET = do_PUT = do_POST = say

        def log_message(self, *_):
            pass

    with socketserver.ThreadingUnixStreamServer(f"{data}/azimuth.sock", Handler) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.02,))
        thread.start()
        try:
            yield
        finally:
            server.shutdown()
            thread.join()


class Group:
    """The cases of one file; each prints its line."""

    def __init__(self):
        self.cases = []

    def case(self, function):
        self.cases.append(function)
        return function

    def run(self, words):
        counts = {"ok": 0, "not ok": 0, "skipped": 0}
        for function in self.cases:
            name = function.__name__.replace("_", " ")
            if words not in name:
                continue
            began = time.monotonic()
            try:
                note = function() or ""
                kind, line = "ok", f"ok {name} # {time.monotonic() - began:.1f} s {note}".rstrip()
            except Skipped as why:
                kind, line = "skipped", f"skipped: {name}: {why}"
            except Exception as why:  # whatever went wrong, the others are tried
                prefix = "" if isinstance(why, Failed) else f"{type(why).__name__}: "
                kind, line = "not ok", f"not ok {name} # {prefix}{why}"
            counts[kind] += 1
            print(line, flush=True)
        return counts
