"""stages.py - the case `stages`: where the CPU of one message goes, road by road, by perf's samples of the server.

A sample belongs to the first stage whose test its thread, its innermost function and the functions that led to it pass;
a stage's time is its share of the samples times what a message costs. report.py makes a table of it."""
import argparse
import collections
import re
import shutil
import signal
import subprocess
import threading
import time

import roads
from readers import EVENTS, TAIL_EVENTS, fill, read_tail
from servers import AZIMUTH, WORK, Azimuth, wait_settled

HERTZ = 2000
STARTS_S = 2.5       # until connections are open and the load has warmed up
SECONDS_MIN = 5      # of a load: what is sampled is what is left of it
SAMPLES_MIN = 500    # else the figures say nothing

KERNEL = ((r"sys_sendto|sys_sendmsg", "kernel: `send`, the peer's receiving end on loopback with it"),
          (r"sys_recvfrom|sys_recvmsg", "kernel: `recv`"),
          (r"sys_epoll", "kernel: `epoll_wait`"),
          (r"setsockopt", "kernel: `setsockopt`"),
          (r"", "kernel: other, wake-ups of threads among it"))
FOLDERS = ((r"^(proto/tls|net|out)(/|$)", "TLS records, sockets, poller"),
           (r"^proto/|llhttp", "the protocol's engine"),
           (r"^front/", "the protocol's front"),
           (r"^(hub|route|auth)(/|$)", "hub: session, identity, envelope, routes"),
           (r"^log(/|$)", "log, on the core"),
           (r"", "buffers, encodings, messages between threads"))
LOG = "log: journal, numbers, copies for readers"
READ = "log: segments, and reading them"


def folders():
    """Where functions of the server are written; of a name that several have, nothing."""
    found = collections.defaultdict(set)
    names = subprocess.run(["nm", "-l", "--defined-only", AZIMUTH], stdout=subprocess.PIPE, text=True, check=True).stdout
    for name, path in re.findall(r"^\S+ [tTwW] (\S+)\t(\S+):\d+$", names, re.M):
        found[name].add(re.sub(r".*/src/|.*/(?=llhttp)", "", path).rpartition("/")[0])
    return {name: next(iter(places)) for name, places in found.items() if len(places) == 1}


def first(table, text):
    return next(stage for pattern, stage in table if re.search(pattern, text))


def stage_of(thread, frames, where):
    """`frames`: function and file, the innermost first."""
    of_log = {"log": LOG, "logread": READ}.get(thread)
    if of_log:
        return f"{of_log}: kernel" if "kernel" in frames[0][1] else of_log
    if "kernel" in frames[0][1]:
        return first(KERNEL, " ".join(name for name, file in frames if "kernel" in file))
    if "libcrypto" in frames[0][1] or "libssl" in frames[0][1]:
        return "OpenSSL: AES-GCM, both ways"
    if "/libc." in frames[0][1] or "vdso" in frames[0][1]:
        return "C library: copies, allocations, clock"
    folder = next((where[name] for name, _ in frames if name in where), "")
    return first(FOLDERS, folder)


def samples(text):
    """Of perf script: the thread, and function and file of each frame."""
    for block in text.split("\n\n"):
        lines = block.strip("\n").split("\n")
        frames = [re.match(r"\s+[0-9a-f]+ (.*) \((.*)\)$", line) for line in lines[1:]]
        frames = [(frame[1].split("+")[0], frame[2]) for frame in frames if frame]
        if frames:
            yield lines[0].split()[0], frames


def sampled(server, starts_s, run):
    """What `run` says, and the shares of the stages while it goes on from then on."""
    file, said = WORK / "perf.data", []
    load = threading.Thread(target=lambda: said.append(run()))
    load.start()
    time.sleep(starts_s)
    perf = subprocess.Popen(["perf", "record", "-q", "-e", "cpu-clock", "-F", str(HERTZ), "-g", "-o", file, "-p",
                             str(server.pid)], stderr=subprocess.DEVNULL)
    load.join()
    perf.send_signal(signal.SIGINT)
    perf.wait()
    text = subprocess.run(["perf", "script", "-i", file, "-F", "comm,ip,sym,dso"], stdout=subprocess.PIPE,
                          stderr=subprocess.DEVNULL, text=True, check=True).stdout
    file.unlink()
    where = folders()
    counts = collections.Counter(stage_of(thread, frames, where) for thread, frames in samples(text))
    if not said or counts.total() < SAMPLES_MIN:
        raise RuntimeError(f"{counts.total()} samples are too few")
    return said[0], {stage: count / counts.total() for stage, count in counts.items()}


def read_all(server, options):
    return roads.generator("amqp_load", ["read", server.amqps, server.pid, EVENTS, *server.stream()], options)


# A way out, and how many events are there before.
OUT = {read_tail: TAIL_EVENTS, read_all: EVENTS}
ROADS = {"MQTT, 1000 devices, 1 in flight": (1000, roads.mqtt(1000, 1)),
         "MQTT, 100 devices, 16 in flight": (100, roads.mqtt(100, 16)),
         "AMQP, 100 devices, 16 unsettled": (100, roads.amqp(100, 16)),
         "AMQP, 100 devices on one connection": (100, roads.amqp(1, 16, "-d", 100)),
         "HTTPS, 100 devices": (100, roads.https("kept", 100)),
         "an AMQP reader, from memory": (100, read_tail),
         "an AMQP reader, from segments": (100, read_all)}


def stages(book, name, options):
    """perf looks where the server is, on each road in and at a reader."""
    if shutil.which("perf") is None:
        raise RuntimeError("perf is needed: Debian's linux-perf")
    options = argparse.Namespace(**{**vars(options), "seconds": max(options.seconds, SECONDS_MIN)})
    for road, (devices, run) in ROADS.items():
        with Azimuth(devices=devices) as server:
            if run in OUT:
                fill(server, OUT[run], options)
            wait_settled(server)
            result, shares = sampled(server, 0 if run in OUT else STARTS_S, lambda: run(server, options))
        cost = result["cpu_s_per_million"]
        book.add(name, road, {**result, "stages_us": {stage: share * cost for stage, share in shares.items()}})
        print(f"  {road}: {cost:.2f} us a message, of which")
        for stage, share in sorted(shares.items(), key=lambda row: -row[1]):
            print(f"    {share * cost:6.2f} us {share * 100:3.0f} %  {stage}")
