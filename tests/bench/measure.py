"""measure.py - runs of the generator, taken in turn on several servers, and where results are kept."""
import datetime
import json
import os
import pathlib
import platform
import re
import shlex
import subprocess
import time

from servers import BUILD, GENERATOR_CPU, ROOT

RESULTS = pathlib.Path(__file__).resolve().parent / "results"
GENERATOR = BUILD / "tests" / "bench" / "mqttload"
ATTEMPTS = 3           # of a run that others disturbed
OTHER_CORES_MAX = 0.2  # what others may take during a run

# The same for every server: what both choose anyway, so that no default decides.
OVER_TLS = "--tls --tls-version 1.3 --ciphers TLS_AES_128_GCM_SHA256 --groups X25519"
TLS = f"--port {{tls}} {OVER_TLS}"
WSS = f"--port {{wss}} --ws {OVER_TLS}"
PLAIN = "--port {plain}"


def busy_ticks():
    with open("/proc/stat", encoding="ascii") as f:
        ticks = [int(word) for word in f.readline().split()[1:9]]
    return ticks[0] + ticks[1] + ticks[2] + ticks[5] + ticks[6]


def cpu_seconds(pid):
    """Of all threads that a process has or had: its clock by the kernel's number for it."""
    return time.clock_gettime(~pid << 3 | 2)


def wait_quiet(seconds):
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        before = busy_ticks()
        time.sleep(0.5)
        if busy_ticks() - before < 12:  # ticks of 10 ms: a quarter of a core
            return


def processor():
    with open("/proc/cpuinfo", encoding="utf-8") as f:
        models = re.findall(r"^model name\s*: (.*)$", f.read(), re.M)
    return f"{os.cpu_count()} x {models[0].strip() if models else platform.machine()}"


def kernel():
    """Its numbers; what a distributor or host appends says nothing about speed."""
    return re.match(r"\d+\.\d+", platform.release()).group()


def commit():
    def git(*words):
        return subprocess.run(["git", "-C", ROOT, *words], check=True, capture_output=True, text=True).stdout
    return git("rev-parse", "--short=10", "HEAD").strip() + ("+" if git("status", "--porcelain", "src") else "")


class NotNow(Exception):
    """A case that runs only when it is asked for more plainly, or not in this session."""


class Book:
    """The results of one session: a line of JSON for each run, in a file for commit and processor."""

    def __init__(self, options):
        RESULTS.mkdir(exist_ok=True)
        self.head = {"commit": commit(), "processor": processor(), "kernel": kernel(),
                     "when": datetime.datetime.now(datetime.timezone.utc).isoformat(timespec="seconds"),
                     "quick": options.quick, "urgent": options.urgent}
        name = re.sub(r"[^a-z0-9]+", "-", self.head["processor"].lower()).strip("-")
        self.path = RESULTS / f"{self.head['commit'].rstrip('+')}-{name}.jsonl"
        self.lines = []

    def add(self, case, server, result):
        line = {**self.head, "case": case, "server": server, **result}
        self.lines.append(line)
        with open(self.path, "a", encoding="utf-8") as f:
            f.write(json.dumps(line) + "\n")


def generate(server, arguments, cpu=GENERATOR_CPU, manner=()):
    """One run of the generator, pinned to a CPU; what it says, its status as `exit`.  `manner` is a command that runs it,
    so that it gives way to others there."""
    words = shlex.split(arguments.format(plain=server.plain, tls=server.tls, wss=server.wss))
    command = [*manner, GENERATOR, "--quiet", "--pin", str(cpu), "--server-pid", str(server.pid), *words, *server.extra]
    run = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=False)
    try:
        return {**json.loads(run.stdout), "exit": run.returncode}
    except ValueError:
        raise RuntimeError(f"the generator said nothing on {server.name}, status {run.returncode}: "
                           f"{shlex.join(map(str, command))}") from None


def generate_undisturbed(server, arguments, options):
    for attempt in range(options.attempts):
        wait_quiet(options.patience)
        result = {**generate(server, arguments), "attempt": attempt}
        if result.get("other_cores", 0) <= OTHER_CORES_MAX:
            break
    return result


def interleave(book, case, servers, arguments, options):
    """A B A B ...: one run on each server in turn, `rounds` times."""
    for number in range(options.rounds):
        for server in servers:
            result = generate_undisturbed(server, arguments, options)
            book.add(case, server.name, {"round": number, **result})
            if result["exit"]:
                print(f"  {case} on {server.name}: {result['first_error'] or 'lost messages'}", flush=True)
