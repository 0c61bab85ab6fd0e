"""image.py - the container image: how big it is, and that it is a hub for an unprivileged user without a network."""
import json
import subprocess
import time

from judge import ROOT, Cases, Skipped, check
from machine import WORK

cases = Cases()
NAME, CONTAINER = "localhost/azimuth-test", "azimuth-packaging-test"
MEGABYTES_MAX = 25  # compressed, as it travels
# What works where systemd is not the first program, as on a machine of CI.
PODMAN = ("podman", "--runtime", "runc", "--cgroup-manager", "cgroupfs")
LIMITS = ("--ulimit", "nofile=4096:4096", "--ulimit", "nproc=1024:1024")


def run(*words):
    done = subprocess.run([str(word) for word in words], capture_output=True, text=True, check=False, timeout=300)
    check(done.returncode == 0, f"'{' '.join(map(str, words))}': {done.stdout[-500:]}{done.stderr[-1000:]}")
    return done.stdout


def azimuth(*words):
    return run(*PODMAN, "exec", CONTAINER, "/usr/bin/azimuth", *words)


def start():
    done = subprocess.run([*PODMAN, "run", "--rm", "--detach", "--name", CONTAINER, *LIMITS, "--network", "none",
                           "--no-healthcheck", "--sysctl", "net.ipv4.ip_unprivileged_port_start=0", NAME],
                          capture_output=True, text=True, check=False)
    if done.returncode:
        raise Skipped(f"no container runs here: {done.stderr.strip()[-200:]}")


def ready():
    end = time.monotonic() + 30
    while time.monotonic() < end:
        line = run(*PODMAN, "logs", CONTAINER).partition("\n")[0]
        if line.startswith("{"):
            return json.loads(line)
        time.sleep(0.1)
    check(False, "it is not ready")


@cases.case
def the_image_is_small_and_serves_without_a_network_and_without_rights():
    archive = WORK / "image.tar"
    archive.unlink(missing_ok=True)
    run(ROOT / "scripts/package/image.sh", NAME, archive)
    packed = subprocess.run(["gzip", "-c", archive], capture_output=True, check=True).stdout
    check(len(packed) <= MEGABYTES_MAX << 20, f"{len(packed) >> 20} MB")
    try:
        start()
        try:
            said = ready()
            check((said["mqtt"], said["amqp"], said["https"]) == (8883, 5671, 443), f"other ports: {said}")
            azimuth("hub", "device-identity", "create", "-d", "d1")
            azimuth("device", "send-d2c-message", "-d", "d1", "--da", "hello")
            event = json.loads(azimuth("hub", "monitor-events", "--from", "beginning", "--count", 1, "--timeout", 20, "-o", "jsonl"))
            check(event["event"]["payload"] == "hello", str(event))
            check("65532" in run(*PODMAN, "top", CONTAINER, "huser"), "another user")
        finally:
            run(*PODMAN, "stop", CONTAINER)
    finally:
        run("podman", "rmi", NAME)
    return f"{len(packed) / (1 << 20):.1f} MB compressed"
