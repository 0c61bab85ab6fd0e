"""growth.py - the case `growth`: cost of a message and memory as connections, identities, partitions and loops grow.

Each point is a line of the results with `axis`, `x` and `loops`; plot.py draws them. Two loops share both CPUs with
the generator, and are drawn apart for that reason."""
import resource

from measure import TLS, generate, wait_quiet
from servers import Azimuth, wait_settled

CONNECTIONS = (10, 100, 1000, 10_000, 19_000)
PARTITIONS = (1, 4, 16, 32)
IDENTITIES, QUICK_IDENTITIES = (1000, 10_000, 100_000, 1_000_000), (1000, 10_000, 100_000)
SPARE_DESCRIPTORS = 300


def resident(server):
    with open(f"/proc/{server.pid}/status", encoding="ascii") as f:
        return next(int(line.split()[1]) * 1024 for line in f if line.startswith("VmRSS"))


def point(book, name, options, axis, x, loops=1, connections=1000, devices=None, partitions=None):
    wait_quiet(options.patience)
    arguments = ("--workers", loops) if loops > 1 else ()
    with Azimuth("azimuth-growth", devices=devices or connections, partitions=partitions, pinned=loops == 1,
                 arguments=arguments) as server:
        wait_settled(server)
        created = resident(server)
        result = generate(server, f"{TLS} -c {connections} --qos 1 --window 1 --parallel 256 --duration {options.seconds}")
        book.add(name, server.name, {"axis": axis, "x": x, "loops": loops, "resident_created": created,
                                     "resident": resident(server), **result})
    print(f"  {axis} {x}, loops {loops}: {result['cpu_s_per_million']:.1f} CPU-s/M, "
          f"{result['rss_after_kb'] / 1024:.0f} MiB", flush=True)


def growth(book, name, options):
    limit = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    for loops in (1, 2):
        for count in CONNECTIONS:
            if count + SPARE_DESCRIPTORS <= limit:
                point(book, name, options, "connections", count, loops, connections=count)
    for count in PARTITIONS:
        point(book, name, options, "partitions", count, partitions=count)
    for count in QUICK_IDENTITIES if options.quick else IDENTITIES:
        point(book, name, options, "identities", count, connections=100, devices=count)
