"""replay.py - the case `replay`: capture files into an event hub, and the same files read alone with fastavro."""
import json
import os
import pathlib
import resource
import shutil
import subprocess
import sys
import time
import zlib

from measure import wait_quiet
from servers import AZIMUTH, GENERATOR_CPU, ROOT, WORK, Azimuth

sys.path.insert(0, str(ROOT / "tests" / "cli"))
import capture_file  # noqa: E402

FILES, PARTITIONS, BLOCK_EVENTS = 8, 4, 400
PYTHON = ROOT / "build" / "conformance" / "python" / "bin" / "python3"
READ = """
import fastavro, pathlib, sys, time
began, count = time.monotonic(), 0
for path in sorted(pathlib.Path(sys.argv[1]).rglob("*.avro")):
    with open(path, "rb") as file:
        for _ in fastavro.reader(file):
            count += 1
print(count, time.monotonic() - began)
"""


def block(first):
    """Events of telemetry, as Capture has them: 100 bytes of JSON, what a hub says of them, two properties."""
    out = b""
    for n in range(first, first + BLOCK_EVENTS):
        body = json.dumps({"temperature": 20 + n % 17 / 10, "humidity": n % 100, "line": "north", "counter": n,
                           "note": "abcdefghijklm"})
        out += capture_file.event(n, 1_750_000_000 + n // 100, f"device-{n % 500:05}", body, kind="telemetry", site="north")
    return out


def write(folder, events, codec):
    """Files whose blocks are the same again and again: what is read of them is as long as ever."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    for number in range(FILES):
        plain = block(number * BLOCK_EVENTS)
        packer = zlib.compressobj(wbits=-15)
        packed = plain if codec == "null" else packer.compress(plain) + packer.flush()
        notes = {"avro.codec": codec, "avro.schema": json.dumps(capture_file.SCHEMA)}
        header = capture_file.number(len(notes)) + b"".join(
            capture_file.text(key) + capture_file.text(value) for key, value in notes.items()) + capture_file.number(0)
        one = capture_file.number(BLOCK_EVENTS) + capture_file.text(packed) + capture_file.SYNC
        with open(folder / f"{number}.avro", "wb") as out:
            out.write(b"Obj\x01" + header + capture_file.SYNC)
            for _ in range(events // FILES // BLOCK_EVENTS):
                out.write(one)


def cpu_of(pid):
    with open(f"/proc/{pid}/stat", encoding="ascii") as stat:
        return sum(map(int, stat.read().rsplit(")", 1)[1].split()[11:13])) / os.sysconf("SC_CLK_TCK")


def azimuth(server, *words):
    command = ["taskset", "-c", str(GENERATOR_CPU), AZIMUTH, *words, "--data", server.data, "-o", "json"]
    run = subprocess.run(list(map(str, command)), stdout=subprocess.PIPE, text=True, check=True)
    return json.loads(run.stdout)


def replay(server, folder):
    before, children = cpu_of(server.pid), resource.getrusage(resource.RUSAGE_CHILDREN)
    told = azimuth(server, "hub", "replay", "--source", folder, "-n", "target", "--speed", "max", "--quiet")
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    count = told["replayed"]
    mine = after.ru_utime + after.ru_stime - children.ru_utime - children.ru_stime
    return {"events": count, "per_s": count / told["seconds"], "server_us": (cpu_of(server.pid) - before) / count * 1e6,
            "client_us": mine / count * 1e6}


def fastavro(folder):
    """Events a second, by the clock as the replay is; 0: fastavro is not here."""
    if not PYTHON.exists():
        return 0
    run = subprocess.run(["taskset", "-c", str(GENERATOR_CPU), PYTHON, "-c", READ, folder], stdout=subprocess.PIPE, text=True,
                         check=True)
    count, seconds = run.stdout.split()
    return int(count) / float(seconds)


def case(book, name, options):
    events = 400_000 if options.quick else 2_000_000
    folder = pathlib.Path(WORK) / "captured"
    for codec in ("null", "deflate"):
        write(folder, events, codec)
        for number in range(options.turns):
            wait_quiet(options.patience)
            with Azimuth(plain_amqp=False) as server:
                time.sleep(1)
                azimuth(server, "eventhub", "create", "-n", "target", "-p", PARTITIONS)
                result = replay(server, folder)
            alone = fastavro(folder)
            book.add(name, f"azimuth-{codec}", {"round": number, **result, "fastavro_per_s": alone,
                                                "ratio": result["per_s"] / alone if alone else None})
    shutil.rmtree(folder, ignore_errors=True)
