"""roads.py - telemetry by HTTPS and by AMQP, beside who does least for it and who promises as much."""
import json
import subprocess

from measure import PLAIN, TLS, generate, wait_quiet
from peers import Nginx, Proton, Rabbit
from servers import BUILD, GENERATOR_CPU, MASTER_KEY, Azimuth, Mosquitto, stop_all, wait_settled

EVENTS, QUICK_EVENTS = 2_000_000, 300_000
EVERYTHING = 1 << 40


def command(name, words):
    words = ["taskset", "-c", GENERATOR_CPU, BUILD / "tests" / "bench" / name, *words]
    return [str(word) for word in words]


def generator(name, words, options):
    """One run of a generator that prints a line of JSON, pinned to its CPU."""
    wait_quiet(options.patience)
    run = subprocess.run(command(name, words), stdout=subprocess.PIPE, text=True, check=True)
    return json.loads(run.stdout)


def in_turn(book, name, options, servers, run):
    """A B A B ...: what `run` says of each server."""
    try:
        for server in servers:
            wait_settled(server)
        for number in range(options.rounds):
            for server in servers:
                book.add(name, server.name, {"round": number, **run(server)})
    finally:
        stop_all(servers)


# ---- HTTPS

def https(how, devices):
    def case(book, name, options):
        in_turn(book, name, options, [Nginx(), Azimuth(devices=devices)],
                lambda server: generator("https_bench", [how, server.wss, server.pid, MASTER_KEY, devices,
                                                         options.seconds], options))
    return case


# ---- AMQP

def login(server):
    return getattr(server, "login", ("device", MASTER_KEY))


def amqp_send(connections, window, peers):
    def case(book, name, options):
        servers = [*(peer() for peer in peers), Azimuth(devices=connections)]
        in_turn(book, name, options, servers,
                lambda server: generator("amqp_load", ["send", server.amqps, server.pid, connections, window,
                                                       options.seconds, *login(server)], options))
    return case


def reading(server):
    return server.stream() if isinstance(server, Azimuth) else server.login


def fill(server, count, options):
    """Events to read: over MQTT, where a server has it."""
    if server.plain:
        generate(server, f"{PLAIN} -c 100 --qos 1 --window 16 --warmup 0 --messages {count}")
        return
    filled = 0
    while filled < count:
        filled += generator("amqp_load", ["send", server.amqps, server.pid, 100, 16, options.seconds,
                                          *login(server)], options)["done"]


def amqp_read(book, name, options):
    """A log that was filled before, read by one connection."""
    count = QUICK_EVENTS if options.quick else EVENTS
    for number in range(options.turns):
        for peer in (Proton, Rabbit, lambda: Azimuth(devices=100)):
            with peer() as server:
                wait_settled(server)
                fill(server, count, options)
                wait_settled(server)
                book.add(name, server.name, {"round": number, **generator(
                    "amqp_load", ["read", server.amqps, server.pid, count, *reading(server)], options)})


# ---- from devices to a reader

def through_azimuth(server, arguments):
    """The reader is a process of its own on the generator's CPU; it must have got what was acknowledged."""
    reader = subprocess.Popen(command("amqp_load", ["read", server.amqps, server.pid, EVERYTHING, *server.stream()]),
                              stdout=subprocess.PIPE, text=True)
    try:
        result = generate(server, arguments)
    finally:
        reader.terminate()
        said = reader.communicate(timeout=30)[0]
    read = json.loads(said)["done"]
    if read < result["acked"]:
        raise RuntimeError(f"the reader got {read} of {result['acked']} messages")
    return {**result, "read": read}


def through(book, name, options):
    """The whole path: 1000 devices on MQTT, and one that gets every message."""
    arguments = f"{TLS} -c 1000 --qos 1 --window 1 --duration {options.seconds}"
    def run(server):
        wait_quiet(options.patience)
        if isinstance(server, Azimuth):
            return through_azimuth(server, arguments)
        return generate(server, f"{arguments} -s 1")
    in_turn(book, name, options, [Mosquitto(), Azimuth(devices=1000)], run)
