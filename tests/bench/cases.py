"""cases.py - how each row of goals.py comes about."""
import json
import resource
import signal
import subprocess

import endurance
import fanout
import fleet
import growth
import readers
import replay
import roads
import stages
import state
from measure import PLAIN, TLS, WSS, generate, generate_undisturbed, interleave, wait_quiet
from servers import (AZIMUTH, BUILD, GENERATOR_CPU, MASTER_KEY, ROOT, SERVER_CPU, WORK, Azimuth,
                     Mosquitto, stop_all, wait_settled)
from peers import Nginx, Proton, Rabbit

IDLE_CONNECTIONS = 10000
SUBSCRIPTIONS = 5           # of an idle connection
SPARE_DESCRIPTORS = 300     # what server and generator need besides connections
TAIL_FILL_MESSAGES = 6000   # of 16 KiB: more than the log keeps in memory
METHOD_DEVICES, METHOD_RATE = 1000, 1000
PROVISIONING = {"keys": (400, 1000), "certificates": (64, 300)}  # connections at a time, devices for a second
PROVISIONING_ALL = 100_000


def trio(devices):
    servers = [Mosquitto(), *roads.azimuths(devices)]
    for server in servers:
        wait_settled(server)
    return servers


def compare(book, case, options, arguments, devices):
    """The peer, azimuth as it comes, and azimuth with many partitions, in turn."""
    servers = trio(devices)
    try:
        interleave(book, case, servers, arguments, options)
    finally:
        stop_all(servers)


def publish(port, devices, window):
    def case(book, name, options):
        compare(book, name, options,
                f"{port} -c {devices} --qos 1 --window {window} --duration {options.seconds}", devices)
    return case


def open_loop(book, name, options):
    compare(book, name, options,
            f"{TLS} -c 1000 --qos 1 --window 64 --rate 10000 --duration {options.seconds}", 1000)


def noise(book, name, options):
    """The peer against itself: what a ratio is worth on this machine today."""
    servers = [Mosquitto(), Mosquitto("mosquitto-again")]
    try:
        interleave(book, name, servers, f"{TLS} -c 1000 --qos 1 --window 1 --duration {options.seconds}",
                   options)
    finally:
        stop_all(servers)


# ---- connections

def idle_count(options):
    limit = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    wanted = 1000 if options.quick else IDLE_CONNECTIONS
    if limit < wanted + SPARE_DESCRIPTORS:
        print(f"  {wanted} connections need a limit of {wanted + SPARE_DESCRIPTORS} open files for the "
              f"server and for the generator; here it is {limit} (ulimit -Hn), so fewer are opened")
    return min(wanted, limit - SPARE_DESCRIPTORS)


def fill_tail(server):
    """The log's memory for new records is filled first, so that it is not taken for connections."""
    generate(server, f"{PLAIN} -c 50 --qos 1 --window 8 --size 16384 --warmup 0 "
                     f"--messages {TAIL_FILL_MESSAGES}")


def idle(port, message_size=0):
    def case(book, name, options):
        """What the server holds for a device with five subscriptions that has been silent for ten seconds."""
        count = idle_count(options)
        arguments = f"--mode idle {port} -c {count} --subscriptions {SUBSCRIPTIONS} --keepalive 600 --hold 10"
        if message_size:
            arguments += f" --qos 1 --window 1 --size {message_size} --messages {count}"
        for number in range(1 if options.quick else 2):
            for make in (Mosquitto, lambda: Azimuth(devices=count)):
                with make() as server:
                    wait_settled(server)
                    fill_tail(server)
                    book.add(name, server.name, {"round": number, **generate(server, arguments)})
    return case


def connect(extra=""):
    def case(book, name, options):
        servers = [Mosquitto(), Azimuth(devices=16)]
        try:
            for server in servers:
                wait_settled(server)
            interleave(book, name, servers,
                       f"--mode connect {TLS} -c 16 --duration {options.seconds} {extra}", options)
        finally:
            stop_all(servers)
    return case


def first_connect(book, name, options):
    """A server that nobody has talked to yet, and one connection."""
    for number in range(options.rounds):
        for make in (Mosquitto, lambda: Azimuth(devices=1)):
            wait_quiet(options.patience)
            with make() as server:
                wait_settled(server)
                book.add(name, server.name,
                         {"round": number, **generate(server, f"--mode idle {TLS} -c 1 --hold 0.1")})


# ---- direct methods

def methods(book, name, options):
    """Calls over HTTP, begun when they are due, of devices on MQTT that answer at once."""
    with Azimuth(devices=METHOD_DEVICES) as server:
        wait_settled(server)
        command = ["taskset", "-c", str(GENERATOR_CPU), BUILD / "tests" / "bench" / "method_bench",
                   str(server.plain), f"{server.ready['data']}/azimuth.sock", server.token("device"),
                   str(METHOD_DEVICES), str(METHOD_RATE), str(options.seconds)]
        for number in range(options.turns):
            wait_quiet(options.patience)
            run = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True)
            book.add(name, server.name, {"round": number, **json.loads(run.stdout)})


# ---- routing

def routing(book, name, options):
    """Conditions alone, in memory: each message looked at by every route, and the plain way in turn."""
    command = ["taskset", "-c", str(SERVER_CPU), BUILD / "tests" / "bench" / "routing_bench"]
    for number in range(options.turns):
        wait_quiet(options.patience)
        run = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True)
        book.add(name, "azimuth", {"round": number, **json.loads(run.stdout)})


# ---- Capture

# The windows that Azure gives who does not choose; and the smallest there are.
CAPTURE = {"intervalInSeconds": 300, "sizeLimitInBytes": 314572800, "skipEmptyArchives": True,
           "destination": {"name": "Azimuth.Folder"}}
SMALL = {"intervalInSeconds": 60, "sizeLimitInBytes": 10485760}


def capture(way_in, **windows):
    """As fast as it goes, with every message in a file besides, and without, in turn."""
    def case(book, name, options):
        servers = [Azimuth(devices=100), Azimuth("azimuth-capture", devices=100)]
        try:
            path = f"/admin/v1/captures/{servers[1].admin('GET', '/admin/v1/hub')['hubName']}"
            servers[1].admin("PUT", path, {**CAPTURE, **windows})
            for server in servers:
                wait_settled(server)
            arguments = f"{way_in} -c 100 --qos 1 --window 16 --duration {options.seconds}"
            for number in range(options.rounds):
                for server in servers:
                    result = generate_undisturbed(server, arguments, options)
                    parts = servers[1].admin("GET", path)["partitions"]
                    book.add(name, server.name, {"round": number, **result,
                                                 "events_in_files": sum(p["events"] for p in parts)})
        finally:
            stop_all(servers)
    return case


# ---- provisioning

ISSUE = ROOT / "tests" / "conformance" / "issue"


def enroll_lines(server):
    """A group by key, and one by the certificate of a line under a root that is trusted; the folder of the line."""
    folder = WORK / "line"
    folder.mkdir(exist_ok=True)
    for words in (("root", "Bench Root", "self", "ca"), ("line", "Bench Line", "root", "ca")):
        subprocess.run([ISSUE, folder, *words], check=True)
    def dps(*words):
        subprocess.run([AZIMUTH, "dps", *words, "--data", server.ready["data"]], check=True, stdout=subprocess.DEVNULL)
    dps("certificate", "create", "-n", "bench", "-p", folder / "root.pem", "--verified")
    dps("enrollment-group", "create", "--gid", "line", "--cp", folder / "line.pem")
    dps("enrollment-group", "create", "--gid", "keys", "--primary-key", MASTER_KEY, "--secondary-key", MASTER_KEY)
    return folder


def register(server, how, folder, first, count):
    """That many devices, number `first` and on, over HTTPS."""
    command = ["taskset", "-c", str(GENERATOR_CPU), BUILD / "tests" / "bench" / "provisioning_bench", how,
               server.wss, server.ready["idScope"], server.pid, MASTER_KEY if how == "keys" else folder,
               PROVISIONING[how][0], first, count]
    run = subprocess.run([str(word) for word in command], stdout=subprocess.PIPE, text=True, check=True)
    return json.loads(run.stdout)


def provisioning(book, name, options):
    """Devices that register over HTTPS: by key on connections that stay, by certificate on a fresh one each."""
    with Azimuth() as server:
        folder, first = enroll_lines(server), 0
        wait_settled(server)
        for number in range(options.turns):
            for how, (_, rate) in PROVISIONING.items():
                wait_quiet(options.patience)
                result = register(server, how, folder, first, rate * options.seconds)
                first += rate * options.seconds
                book.add(name, f"azimuth-{how}", {"round": number, **result})
    with Azimuth() as server:
        folder, count = enroll_lines(server), PROVISIONING_ALL // (10 if options.quick else 1)
        wait_settled(server)
        for which in ("all", "again"):
            book.add(name, f"azimuth-{which}", register(server, "keys", folder, 0, count))


# ---- what is stored

def saturate(book, name, options):
    """As fast as it goes, then a kill without warning, then every record is read back."""
    acked = WORK / "acked.csv"
    with Azimuth(devices=500) as server:
        result = generate(server, f"{PLAIN} -c 500 --qos 1 --window 16 --duration {options.seconds} "
                                  f"--acked-log {acked}")
        server.stop(signal.SIGKILL)
    check = subprocess.run([BUILD / "tests" / "promise" / "stored", server.data, "4", acked],
                           stdout=subprocess.PIPE, text=True, check=False)
    stored = json.loads(check.stdout)
    if result["closed"] or result["exit"]:
        print(f"  {name}: {result['closed']} connections were closed: {result['first_error']}")
    book.add(name, server.name, {**result, **stored})


# ---- starting

def start(book, name, options):
    """Until the ready line can be read; nothing is pinned."""
    for number in range(5 if options.quick else 15):
        wait_quiet(options.patience)
        with Azimuth("azimuth-ephemeral", ephemeral=True, pinned=False) as server:
            book.add(name, server.name, {"round": number, "start_ms": server.start_ms})
        with Azimuth("azimuth-first", pinned=False) as server:
            book.add(name, server.name, {"round": number, "start_ms": server.start_ms})
        with Azimuth("azimuth-again", pinned=False, data=server.data) as server:
            book.add(name, server.name, {"round": number, "start_ms": server.start_ms})


CASES = {
    "noise": noise,
    "M1": publish(TLS, 1000, 1),
    "M1-ws": publish(WSS, 1000, 1),
    "M1-plain": publish(PLAIN, 1000, 1),
    "M2": publish(TLS, 100, 16),
    "M2-plain": publish(PLAIN, 100, 16),
    "M3": roads.beside((Rabbit,), 1000, roads.mqtt(1000, 1), own=roads.azimuths),
    "M3-16": roads.beside((Rabbit,), 100, roads.mqtt(100, 16), own=roads.azimuths),
    "M4": open_loop,
    "M5": endurance.long_run,
    "M6": readers.through,
    "M7": idle(TLS),
    "M7-used": idle(TLS, 16384),
    "M8": idle(PLAIN),
    "M9": connect(),
    "M9-resumed": connect("--resume"),
    "H1": roads.beside((Nginx,), 100, roads.https("kept", 100)),
    "H1-batch": roads.https_batch,
    "H2": roads.beside((Nginx,), 16, roads.https("fresh", 16)),
    "A1": roads.beside((Proton,), 100, roads.amqp(100, 1)),
    "A1-M1": roads.one_in_flight,
    "A2": roads.beside((Proton, Rabbit), 100, roads.amqp(100, 16)),
    "A2-M2": roads.many_in_flight,
    "A4": roads.beside((Rabbit,), 1, roads.amqp(1, 1)),
    "A5": readers.amqp_read,
    "A5-tail": readers.tail_read,
    "A5-cold": readers.cold_read,
    "readers": readers.many_readers,
    "methods": methods,
    "routing": routing,
    "fanout": fanout.fanout,
    "capture": capture(TLS),
    "capture-small": capture(TLS, **SMALL),
    "capture-plain": capture(PLAIN),
    "twins": state.twins,
    "c2d": state.c2d,
    "registry": state.registry,
    "provisioning": provisioning,
    "replay": replay.case,
    "query": fleet.query,
    "job": fleet.job,
    "M10": first_connect,
    "M11": saturate,
    "M12": endurance.kill,
    "M13": endurance.storm,
    "start": start,
    "growth": growth.growth,
    "stages": stages.stages,
}
