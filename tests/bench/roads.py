"""roads.py - telemetry by HTTPS and by AMQP, beside who does least for it and who promises as much."""
import json
import subprocess

from measure import PLAIN, TLS, generate, wait_quiet
from peers import Nginx, Proton, Rabbit
from servers import BUILD, GENERATOR_CPU, MANY_PARTITIONS, MASTER_KEY, Azimuth, Mosquitto, stop_all, wait_settled

EVENTS, QUICK_EVENTS = 2_000_000, 300_000
EVERYTHING = 1 << 40
BATCH = 16  # messages, as many as a device on MQTT has in flight


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


# ---- one run by each protocol

def login(server):
    return getattr(server, "login", ("device", MASTER_KEY))


def mqtt(devices, window):
    def run(server, options):
        wait_quiet(options.patience)
        return generate(server, f"{TLS} -c {devices} --qos 1 --window {window} --duration {options.seconds}")
    return run


def amqp(connections, window, *words, port="amqps"):
    def run(server, options):
        return generator("amqp_load", [*words, "send", getattr(server, port), server.pid, connections, window,
                                       options.seconds, *login(server)], options)
    return run


def https(how, devices, *words):
    def run(server, options):
        return generator("https_bench", [how, server.wss, server.pid, MASTER_KEY, devices, options.seconds, *words],
                         options)
    return run


# ---- beside others, and beside azimuth's own MQTT

def azimuths(devices):
    """As it comes, and with many partitions."""
    return [Azimuth(devices=devices), Azimuth(f"azimuth-{MANY_PARTITIONS}", devices=devices, partitions=MANY_PARTITIONS)]


def beside(peers, devices, run, own=lambda devices: [Azimuth(devices=devices)]):
    def case(book, name, options):
        in_turn(book, name, options, [*(peer() for peer in peers), *own(devices)],
                lambda server: run(server, options))
    return case


def ways(devices, **runs):
    """Into one server in turn; each way is a server of its own in the results."""
    def case(book, name, options):
        with Azimuth(devices=devices) as server:
            wait_settled(server)
            for number in range(options.rounds):
                for way, run in runs.items():
                    book.add(name, f"azimuth-{way}", {"round": number, **run(server, options)})
    return case


one_in_flight = ways(1000, mqtt=mqtt(1000, 1), amqp=amqp(1000, 1), shared=amqp(1, 1, "-d", 1000),
                     ws=amqp(1000, 1, "-w", port="wss"))
many_in_flight = ways(100, mqtt=mqtt(100, 16), amqp=amqp(100, 16), shared=amqp(1, 16, "-d", 100),
                      ws=amqp(100, 16, "-w", port="wss"), batch=amqp(100, 1, "-b", BATCH))
https_batch = ways(100, single=https("kept", 100), batch=https("batch", 100, BATCH))


# ---- out

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
    in_turn(book, name, options, [Mosquitto(), *azimuths(1000)], run)

