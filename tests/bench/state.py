"""state.py - what a hub keeps in its store: the cases `twins`, `c2d` and `registry`, each beside its own SQL in a loop."""
import json
import re
import shutil
import subprocess

import fleet
from measure import wait_quiet
from servers import BUILD, GENERATOR_CPU, HUB, SERVER_CPU, WORK, Azimuth, wait_settled

TWIN_DEVICES, TWIN_WINDOW = 500, 2
C2D_DEVICES, C2D_WINDOW = 500, 64
CREATES_A_SECOND = 10_000  # devices for each second that a run should last


def bench(cpu, name, *words):
    command = ["taskset", "-c", cpu, BUILD / "tests" / "bench" / name, *words]
    run = subprocess.run([str(word) for word in command], stdout=subprocess.PIPE, text=True, check=True)
    return json.loads(run.stdout)


def committed(server):
    """Units, and the transactions that they shared."""
    client = fleet.Client(server)
    client.http.request("GET", "/metrics")
    text = client.http.getresponse().read().decode()
    return [float(re.search(rf"^azimuth_store_{what}_total (\S+)", text, re.M)[1]) for what in ("units", "transactions")]


def floor(kind, data, together, options):
    """The same statements on a copy of the database, by SQLite alone."""
    folder = WORK / "data-floor"
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    for file in data.glob("store.db*"):
        shutil.copy(file, folder)
    wait_quiet(options.patience)
    result = bench(SERVER_CPU, "store_bench", folder / "store.db", kind, together, options.seconds)
    shutil.rmtree(folder)
    return result


def beside_floor(kind, key, make, run):
    """A server and its floor in turn; the rate of the one divided by the other's is `to_floor`."""
    def case(book, name, options):
        for number in range(options.turns):
            wait_quiet(options.patience)
            with make() as server:
                wait_settled(server)
                before = committed(server)
                result = run(server, options)
                units, transactions = (after - then for after, then in zip(committed(server), before))
            together = units / transactions
            own = floor(kind, server.data, together, options)
            book.add(name, server.name, {"round": number, "units_together": together,
                                         "to_floor": result[key] / own["per_s"], **result})
            book.add(name, "floor", {"round": number, **own})
    return case


def report(server, options):
    """Reported properties as fast as they are answered, which is when they are on disk."""
    return bench(GENERATOR_CPU, "twin_bench", server.plain, server.token("device"), TWIN_DEVICES, TWIN_WINDOW,
                 options.seconds)


def send(server, options):
    """Messages as fast as they are accepted, which is when they are on disk, to devices that take them at once."""
    return bench(GENERATOR_CPU, "c2d_bench", server.ready["plainAmqp"], server.plain, HUB, server.token("service"),
                 server.token("device"), C2D_DEVICES, C2D_WINDOW, options.seconds)


def create(server, options):
    """In bulks, on some connections."""
    return {"creates_per_s": fleet.create(server, 0, CREATES_A_SECOND * options.seconds, twins=False)}


twins = beside_floor("twins", "patches_per_s", lambda: Azimuth(devices=TWIN_DEVICES), report)
c2d = beside_floor("c2d", "accepted_per_s", lambda: Azimuth(devices=C2D_DEVICES, plain_amqp=True), send)
registry = beside_floor("registry", "creates_per_s", Azimuth, create)
