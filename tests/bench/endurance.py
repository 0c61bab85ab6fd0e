"""endurance.py - the cases for bad days: M13 a storm of reconnects, M12 a kill at full load, M5 ten minutes with
gigabytes stored."""
import concurrent.futures
import json
import pathlib
import resource
import shlex
import shutil
import signal
import statistics
import subprocess

from measure import GENERATOR, PLAIN, TLS, NotNow, cpu_seconds, generate, wait_quiet
from servers import BUILD, GENERATOR_CPU, MANY_PARTITIONS, SERVER_CPU, WORK, Azimuth, wait_settled

GIB = 1 << 30
STORM, QUICK_STORM = 10_000, 2_000   # devices that come at once
STORM_ELSEWHERE = 0.8                # of them by the CPU that is not the hub's
STEADY, STEADY_RATE = 1000, 5000     # devices that stay, messages a second of all of them
KILL_SIZE = 16384                    # of a message
KILL_BYTES, QUICK_KILL_BYTES = 4 * GIB, GIB
MINUTES, LONG_RATE, LONG_SIZE = 10, 10_000, 768
ENDS = 3  # minutes at either end, of which the median counts: in a single one others had the disk


# ---- M13

def preferred():
    """Whether this session has more of a processor than the kernel's own threads, without which no sync ends."""
    try:
        return int(pathlib.Path("/proc/self/autogroup").read_text(encoding="ascii").rsplit(" ", 1)[1]) < 0
    except OSError:
        return False


def storm(book, name, options):
    """All at once, full handshakes, while others send as ever."""
    if preferred():
        raise NotNow("cannot be measured: this session is preferred (/proc/self/autogroup), and the busy core would starve "
                     "the kernel's threads that sync the log, and p99 be that of the syncs")
    if options.urgent:
        raise NotNow("cannot be measured: real-time priority lets a busy core starve the log, and Linux halts who has "
                     "nothing left for the rest: not with --urgent")
    count = QUICK_STORM if options.quick else STORM
    limit, wanted = resource.getrlimit(resource.RLIMIT_NOFILE)[1], count + STEADY + 500
    if limit < wanted:
        raise NotNow(f"cannot be measured: {count} connections need a limit of {wanted} open files; here it is {limit}")
    for number in range(options.turns):
        wait_quiet(options.patience)
        with Azimuth(devices=STEADY + count) as server:
            wait_settled(server)
            book.add(name, server.name, {"round": number, "devices": count, **one_storm(server, count)})


def one_storm(server, count):
    steady = Steady(server)
    cpu = cpu_seconds(server.pid)
    try:
        came = comers(server, count)
    finally:
        cpu = cpu_seconds(server.pid) - cpu
        others = steady.stop()
    for part in came:
        if part["exit"]:
            raise RuntimeError(f"{part['up']} of {part['conns']} came back: {part['first_error']}")
    return {"connect_s": max(part["connect_s"] for part in came), "server_cpu_s": cpu, "others_sent": others["sent"],
            "ack_us": others["ack_us"]}


def comers(server, count):
    """A client's part of a handshake takes twice the CPU of the hub's: they have what the steady ones leave of the
    generator's CPU, and what the hub leaves of its own, where they never run beside it."""
    many = int(count * STORM_ELSEWHERE)
    parts = ((STEADY, many, GENERATOR_CPU, ("nice", "-n", "10")),
             (STEADY + many, count - many, SERVER_CPU, ("chrt", "--idle", "0")))
    with concurrent.futures.ThreadPoolExecutor() as pool:
        return list(pool.map(lambda part: come(server, *part), parts))


def come(server, base, count, cpu, manner):
    return generate(server, f"--mode idle {TLS} -c {count} --index-base {base} --parallel {count} --conn-timeout 120 "
                            "--hold 0.1", cpu, manner)


class Steady:
    """Devices that send at a fixed rate until they are stopped."""

    def __init__(self, server):
        words = shlex.split(f"{TLS} -c {STEADY} --qos 1 --window 64 --rate {STEADY_RATE} --warmup 0 --duration 600"
                            .format(tls=server.tls))
        command = [GENERATOR, "--pin", GENERATOR_CPU, *words, *server.extra]
        self.process = subprocess.Popen([str(word) for word in command], stdout=subprocess.PIPE,
                                        stderr=subprocess.PIPE, text=True)
        for line in self.process.stderr:
            if "sent" in line:  # it says so each second from when all are there
                break

    def stop(self):
        self.process.send_signal(signal.SIGTERM)
        return json.loads(self.process.communicate(timeout=60)[0])


# ---- M12

def stored_bytes(folder):
    return sum(f.stat().st_blocks * 512 for f in pathlib.Path(folder).rglob("*") if f.is_file())


def kill(book, name, options):
    """A kill without warning at full load; what the next start takes, beside one after an orderly end."""
    count = (QUICK_KILL_BYTES if options.quick else KILL_BYTES) // KILL_SIZE
    acked = WORK / "acked.csv"
    for number in range(options.turns):
        with Azimuth("azimuth-kill", devices=500) as server:
            wait_settled(server)
            words = shlex.split(f"{PLAIN} -c 500 --qos 1 --window 16 --size {KILL_SIZE} --warmup 0 --messages {count} "
                                f"--acked-log {acked}".format(plain=server.plain))
            command = [GENERATOR, "--quiet", "--pin", GENERATOR_CPU, *words, *server.extra]
            load = subprocess.Popen([str(word) for word in command], stdout=subprocess.PIPE, text=True)
            wait_for_bytes(server, count * KILL_SIZE * 0.9, load)
            server.stop(signal.SIGKILL)
            load.communicate(timeout=120)
        book.add(name, server.name, {"round": number, **recovered(server.data, acked)})


def wait_for_bytes(server, wanted, load):
    while load.poll() is None and stored_bytes(server.data) < wanted:
        try:
            load.wait(0.05)
        except subprocess.TimeoutExpired:
            pass


def recovered(data, acked):
    """The first start after the kill is measured; then every record is read back."""
    gib = stored_bytes(data) / GIB
    with Azimuth("azimuth-again", data=data) as server:
        after_kill_ms = server.start_ms
    with Azimuth("azimuth-again", data=data) as server:
        clean_ms = server.start_ms
    check = subprocess.run([BUILD / "tests" / "promise" / "stored", data, "4", acked], stdout=subprocess.PIPE, text=True,
                           check=False)
    return {"gib": gib, "start_ms": after_kill_ms, "clean_ms": clean_ms,
            "s_per_10_gib": max(after_kill_ms - clean_ms, 0) / 1e3 / gib * 10, **json.loads(check.stdout)}


# ---- M5

def long_run(book, name, options):
    """Minute after minute at the same rate, until gigabytes are stored: how late the latest are."""
    if not options.long:
        raise NotNow(f"takes twice {MINUTES} minutes: --long")
    for title, partitions in (("azimuth", None), (f"azimuth-{MANY_PARTITIONS}", MANY_PARTITIONS)):
        with Azimuth(title, devices=1000, partitions=partitions) as server:
            wait_settled(server)
            minute_after_minute(book, name, server, options.seconds if options.quick else 60)
        shutil.rmtree(server.data)


def minute_after_minute(book, name, server, seconds):
    late = []
    for number in range(MINUTES):
        result = generate(server, f"{TLS} -c 1000 --qos 1 --window 64 --rate {LONG_RATE} --size {LONG_SIZE} "
                                  f"--duration {seconds}")
        late.append(result["ack_us"]["p999"])
        book.add(name, f"{server.name}-minute", {"round": number, "gib": stored_bytes(server.data) / GIB, **result})
    first, last = statistics.median(late[:ENDS]), statistics.median(late[-ENDS:])
    book.add(name, server.name, {"gib": stored_bytes(server.data) / GIB, "last_to_first": last / first,
                                 "worst_to_first": max(late) / first, "median_p999_us": statistics.median(late)})
