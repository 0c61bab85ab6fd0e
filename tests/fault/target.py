"""target.py - one endpoint of a route, and what arrives there. Another kind of endpoint is another Target."""
import base64
import collections
import select
import subprocess
import threading

from hub import CONFORMANCE, HOST, ROOT, SLOW, Failed, Skipped, check
from ports import TRIES_MAX, free_port

READY_SECONDS = 600 * SLOW  # of a program that is not ours: on a busy machine a JVM takes minutes; one that ends is heard of


class Target:
    """One endpoint and what arrived there."""

    kind = None  # the list of routing.endpoints that it stands in

    def __init__(self, context, hub, name):
        """What takes long is begun here, and waited for in endpoint()."""
        self.hub, self.name, self.chance, self.is_calm = hub, name, context.chance, False
        self.deaths = None if context.long else 1  # of what takes seconds to start
        self.guard, self.next, self.arrived, self.again = threading.Lock(), collections.Counter(), 0, 0
        self.wrong, self.quiet, self.bad_luck, self.unlucky = None, threading.Event(), None, None

    def endpoint(self):
        """As the routing document has it, but for its name."""
        raise NotImplementedError

    def begin_to_fail(self):
        """From now on; until then it need not."""

    def calm(self):
        """It takes everything from now on."""
        self.is_calm = True
        self.no_more_misfortunes()

    def judge(self, ledger, stored):
        """More to look at when the server is gone; `stored`: how many messages its log has."""

    def close(self):
        self.no_more_misfortunes()

    def arrive(self, body):
        """One message, as the storm made it: "<device> <number> <length> <padding>"."""
        device, number, length, padding = body.split(b" ", 3)
        device, number = int(device), int(number)
        with self.guard:
            self.arrived += 1
            self.again += number < self.next[device]
            if len(padding) != int(length):
                self.wrong = f"{self.name}: message {number} of device {device} was cut"
            if number > self.next[device]:
                self.wrong = f"{self.name}: message {number} of device {device} came before {self.next[device]}"
            self.next[device] = max(self.next[device], number + 1)

    def lacks(self, acked):
        """How many acknowledged messages did not arrive; `acked`: by device."""
        with self.guard:
            return sum(max(count - self.next[device], 0) for device, count in acked.items())

    def misfortunes(self, act, seconds, times=None):
        """Acts at random moments, so often or until there are no more."""
        def go_on():
            try:
                for _ in range(times) if times else iter(int, 1):
                    if self.quiet.wait(self.chance.uniform(*seconds)):
                        return
                    act()
            except Exception as why:
                self.unlucky = why

        self.bad_luck = threading.Thread(target=go_on, daemon=True)
        self.bad_luck.start()

    def no_more_misfortunes(self):
        self.quiet.set()
        if self.bad_luck:
            self.bad_luck.join()
        check(self.unlucky is None, f"{self.name}: {self.unlucky}")


class Program:
    """A program that is not ours: it says a line when it is ready, and may be killed and started again."""

    def __init__(self, *words):
        self.words = [str(word) for word in words]
        self.start()

    def start(self):
        self.process = subprocess.Popen(self.words, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)

    def wait_ready(self):
        """What it says."""
        said = select.select([self.process.stdout], [], [], READY_SECONDS)[0] and self.process.stdout.readline()
        check(said != b"", f"{self.words[0]} ended before it was ready")
        check(said, f"{self.words[0]} was not ready within {READY_SECONDS} s")
        return said

    def say(self, line):
        self.process.stdin.write(line.encode() + b"\n")
        self.process.stdin.flush()

    def each_line(self, act):
        """`act` gets each line from now on, on a thread of its own."""
        def read(lines):
            for line in lines:
                act(line.rstrip(b"\n"))

        threading.Thread(target=read, args=(self.process.stdout,), daemon=True).start()

    def kill(self):
        self.process.kill()
        self.process.wait()

    def kill_and_start(self):
        self.kill()
        self.start()
        self.wait_ready()


class ProgramAtPorts(Program):
    """One that is told so many ports, by `words(*ports)`, and has them for its life; it tries others where it does not
    come up at first."""

    def __init__(self, count, words):
        self.count, self.words_at, self.tries = count, words, TRIES_MAX
        self.choose()

    def choose(self):
        self.ports = [free_port() for _ in range(self.count)]
        super().__init__(*self.words_at(*self.ports))

    def wait_ready(self):
        while True:
            try:
                said = super().wait_ready()
                self.tries = 1
                return said
            except Failed:
                if self.tries == 1 or self.process.poll() is None:
                    raise
                self.tries -= 1
                self.choose()


def client(name):
    """Where a client of the conformance suite is; one that cannot be had here is skipped with its reason."""
    reason = CONFORMANCE / f"missing-{name}"
    if reason.exists():
        raise Skipped(reason.read_text().strip())
    return CONFORMANCE / name


def starter(path):
    """A program of the conformance suite."""
    return ROOT / "tests" / "conformance" / path


def node():
    return next((client("node") / "node_modules").glob("node-linux-*/bin/node"))


def certificate(hub, name):
    """One of the server's CA for `localhost`: the files of certificate and key."""
    for file in ("hub.pem", "hub.root"):
        (hub.work / file).write_bytes((hub.data / "ca.pem").read_bytes())
    (hub.work / "hub.key").write_bytes((hub.data / "ca.key").read_bytes())
    subprocess.run([starter("issue"), hub.work, name, HOST, "hub", "server"], check=True, capture_output=True)
    return hub.work / f"{name}.pem", hub.work / f"{name}.key"


def unpacked(text):
    return base64.b64decode(text, validate=True)
