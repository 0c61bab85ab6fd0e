"""roads.py - telemetry by HTTPS and by AMQP, beside who does least for it, who promises as much, and azimuth's own MQTT."""
import json
import subprocess

from measure import TLS, generate, wait_quiet
from servers import BUILD, GENERATOR_CPU, MANY_PARTITIONS, MASTER_KEY, Azimuth, stop_all, wait_settled

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
