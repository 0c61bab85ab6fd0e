"""readers.py - the ways out over AMQP: `A5` a reader of a log that was filled, `A5-tail` one of what is in memory, `A5-cold` one of
what is only on disk, `M6` one while devices send, `readers` a hundred at different places while they do."""
import json
import os
import pathlib
import subprocess
import time

from measure import PLAIN, TLS, generate, wait_quiet
from peers import Proton, Rabbit
from roads import azimuths, command, generator, in_turn, login
from servers import PARTITIONS, SERVER_CPU, Azimuth, Mosquitto, wait_settled

QUICK_EVENTS, EVENTS, THOROUGH_EVENTS = 300_000, 500_000, 2_000_000  # what a log is filled with, RabbitMQ's in minutes
EVERYTHING = 1 << 40
GIB = 1 << 30
READERS, READERS_EACH = 100, 5  # as many of a partition as a consumer group has
READER_RATE = 100               # events a second of each
TAIL_EVENTS = 80_000            # fewer than the log keeps in memory


def events(options):
    return QUICK_EVENTS if options.quick else THOROUGH_EVENTS if options.thorough else EVENTS


# ---- one reader

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
    count = events(options)
    for number in range(options.turns):
        for peer in (Proton, Rabbit, lambda: Azimuth(devices=100)):
            with peer() as server:
                wait_settled(server)
                fill(server, count, options)
                wait_settled(server)
                book.add(name, server.name, {"round": number, **generator(
                    "amqp_load", ["read", server.amqps, server.pid, count, *reading(server)], options)})


def places(server):
    """For READERS: as many of a partition as may read it in a group, and groups enough."""
    hub, groups = server.admin("GET", "/admin/v1/hub")["hubName"], READERS // PARTITIONS // READERS_EACH
    for group in range(groups):
        server.admin("PUT", f"/admin/v1/consumer-groups/bench{group}")
    return [f"{hub}/ConsumerGroups/bench{number % groups}/Partitions/{number // groups % PARTITIONS}"
            for number in range(READERS)]


def read_tail(server, options):
    """One connection with many links, each of which gets all of its partition."""
    count = TAIL_EVENTS * READERS // PARTITIONS
    return generator("amqp_load", ["read", server.amqps, server.pid, count, "plain", "service", server.key("service"),
                                   *places(server)], options)


def tail_read(book, name, options):
    """A log small enough to be in memory, read by one connection over and over."""
    with Azimuth(devices=100) as server:
        fill(server, TAIL_EVENTS, options)
        wait_settled(server)
        for number in range(options.rounds):
            book.add(name, server.name, {"round": number, **read_tail(server, options)})


# ---- from devices to a reader

def wait_ready(reader):
    if reader.stdout.readline() != "ready\n":
        raise RuntimeError(f"the reader ended with status {reader.wait()}")


def through_azimuth(server, arguments):
    """The reader is a process of its own on the generator's CPU; it gets what is sent from now on, and must have got what was
    acknowledged."""
    reader = subprocess.Popen(command("amqp_load", ["-l", "read", server.amqps, server.pid, EVERYTHING, *server.stream()]),
                              stdout=subprocess.PIPE, text=True)
    wait_ready(reader)
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


# ---- one reader, of what is only on disk

def segments(folder):
    return sorted(pathlib.Path(folder, "streams", "0").rglob("*.log"))


def forget(files):
    """Out of the kernel's memory; what a host below this machine remembers is beyond it."""
    for file in files:
        with open(file, "rb") as f:
            os.fsync(f.fileno())
            os.posix_fadvise(f.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)


def read_by_cat(files):
    began = time.monotonic()
    subprocess.run(["taskset", "-c", str(SERVER_CPU), "cat", *files], stdout=subprocess.DEVNULL, check=True)
    return {"seconds": time.monotonic() - began}


def cold_read(book, name, options):
    """Segments out of the page cache by cat; then, as they are in it, by one connection; and out of it by one."""
    count = events(options)
    with Azimuth(devices=100) as server:
        fill(server, count, options)
    with Azimuth(data=server.data) as server:  # which has nothing of it in memory
        wait_settled(server)
        files = segments(server.data)
        gib = sum(file.stat().st_size for file in files) / GIB
        def read():
            return generator("amqp_load", ["read", server.amqps, server.pid, count, *server.stream()], options)
        turns = (("cat", True, lambda: read_by_cat(files)), ("azimuth-cached", False, read), (server.name, True, read))
        for number in range(options.rounds):
            for reader, cold, run in turns:
                if cold:
                    forget(files)
                result = run()
                book.add(name, reader, {"round": number, "gib": gib, "s_per_gib": result["seconds"] / gib, **result})


# ---- many readers, while devices send

def load_beside(server, arguments, rate, where):
    """What the generator says, and how much the readers took meanwhile: they give way to it on the CPU that they share."""
    words = command("amqp_readers", [server.amqps, rate, "service", server.key("service"), *where])
    readers = subprocess.Popen(["chrt", "--other", "0", "nice", *words], stdout=subprocess.PIPE, text=True)
    wait_ready(readers)
    try:
        result = generate(server, arguments)
    finally:
        readers.terminate()
        said = json.loads(readers.communicate(timeout=30)[0])
    read_per_s = said["done"] / said["seconds"]
    if read_per_s < 0.9 * READERS * rate:
        raise RuntimeError(f"the readers got {read_per_s:.0f} events a second of {READERS * rate}")
    return {**result, "read_per_s": read_per_s}


def many_readers(book, name, options):
    """M2 alone, and beside a hundred readers of what was stored before: at a rate, and as fast as they can."""
    count = events(options)
    arguments = f"{TLS} -c 100 --qos 1 --window 16 --duration {options.seconds}"
    with Azimuth(devices=100) as server:
        fill(server, count, options)
        span = count // PARTITIONS // 4  # all begin in the first quarter
        where = [f"{place}@{number * span // READERS}" for number, place in enumerate(places(server))]
        wait_settled(server)
        for number in range(options.rounds):
            for way, rate in (("alone", None), ("readers", READER_RATE), ("greedy", 0)):
                wait_quiet(options.patience)
                result = generate(server, arguments) if rate is None else load_beside(server, arguments, rate, where)
                book.add(name, f"azimuth-{way}", {"round": number, "us": 1e6 / result["rate"], **result})
