"""image.py - the container image: how big it is, and that it is a hub for an unprivileged user without a network."""
import contextlib
import json
import subprocess

from judge import ROOT, Cases, Skipped, check, eventually
from machine import WORK

cases = Cases()
NAME, CONTAINER = "localhost/azimuth-test", "azimuth-packaging-test"
MEGABYTES_MAX = 25  # compressed, as it travels
# What works where systemd is not the first program, as on a machine of CI.
PODMAN = ("podman", "--runtime", "runc", "--cgroup-manager", "cgroupfs")
DISK_MIB, RESERVE_MIB = 400, 256  # the second is --disk-reserve when nothing else is said
USER = 65532
RETRIES = 3  # of podman, until it calls a container unhealthy
LIMITS = ("--ulimit", "nofile=4096:4096", "--ulimit", "nproc=1024:1024")


def run(*words):
    done = subprocess.run([str(word) for word in words], capture_output=True, text=True, check=False, timeout=300)
    check(done.returncode == 0, f"'{' '.join(map(str, words))}': {done.stdout[-500:]}{done.stderr[-1000:]}")
    return done.stdout


def azimuth(*words):
    return run(*PODMAN, "exec", CONTAINER, "/usr/bin/azimuth", *words)


@contextlib.contextmanager
def container(*options, serve=()):
    """A hub of the image, without a network. Timers of health checks want systemd, so nothing looks by itself."""
    done = subprocess.run([*PODMAN, "run", "--rm", "--detach", "--name", CONTAINER, *LIMITS, "--network", "none", "--health-interval", "disable",
                           "--sysctl", "net.ipv4.ip_unprivileged_port_start=0", *options, NAME, *serve],
                          capture_output=True, text=True, check=False)
    if done.returncode:
        raise Skipped(f"no container runs here: {done.stderr.strip()[-200:]}")
    try:
        yield json.loads(eventually("it is not ready", lambda: (line := run(*PODMAN, "logs", CONTAINER).partition("\n")[0]).startswith("{") and line))
        run(*PODMAN, "stop", CONTAINER)
    finally:
        subprocess.run([*PODMAN, "rm", "--force", CONTAINER], capture_output=True, check=False)


@contextlib.contextmanager
def made_image(*archive):
    run(ROOT / "scripts/package/image.sh", NAME, *archive)
    try:
        yield
    finally:
        subprocess.run(["podman", "rmi", "--force", NAME], capture_output=True, check=False)


@cases.case
def the_image_is_small_and_serves_without_a_network_and_without_rights():
    archive = WORK / "image.tar"
    archive.unlink(missing_ok=True)
    with made_image(archive):
        packed = subprocess.run(["gzip", "-c", archive], capture_output=True, check=True).stdout
        check(len(packed) <= MEGABYTES_MAX << 20, f"{len(packed) >> 20} MB")
        with container() as said:
            check((said["mqtt"], said["amqp"], said["https"]) == (8883, 5671, 443), f"other ports: {said}")
            azimuth("hub", "device-identity", "create", "-d", "d1")
            azimuth("device", "send-d2c-message", "-d", "d1", "--da", "hello")
            event = json.loads(azimuth("hub", "monitor-events", "--from", "beginning", "--count", 1, "--timeout", 20, "-o", "jsonl"))
            check(event["event"]["payload"] == "hello", str(event))
            check(str(USER) in run(*PODMAN, "top", CONTAINER, "huser"), "another user")
    return f"{len(packed) >> 20} MB"


@contextlib.contextmanager
def small_disk():
    """A folder that is full with a few dozen megabytes more, of the image's user."""
    folder = WORK / "small"
    folder.mkdir(exist_ok=True)
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={DISK_MIB}m,mode=0700,uid={USER}", "small", folder], capture_output=True,
                             text=True, check=False)
    if mounted.returncode:
        raise Skipped(f"a file system cannot be mounted here: {mounted.stderr.strip()}")
    try:
        yield folder
    finally:
        subprocess.run(["umount", "--lazy", folder], check=True)


def looked_at():
    """The status of one health check, and what is known of the container after it."""
    done = subprocess.run([*PODMAN, "healthcheck", "run", CONTAINER], capture_output=True, text=True, check=False, timeout=120)
    return done.returncode, json.loads(run(*PODMAN, "inspect", "--format", "{{json .State.Health}}", CONTAINER))


@cases.case
def its_health_check_tells_who_acknowledges_from_who_does_not():
    with made_image():
        asks = json.loads(run(*PODMAN, "image", "inspect", "--format", "{{json .HealthCheck}}", NAME))
        check(asks["Test"] == ["CMD", "/usr/bin/azimuth", "health"], f"there is no shell for {asks}")
        with small_disk() as disk, container("--volume", f"{disk}:/data"):
            status, health = looked_at()
            check(status == 0 and health["Status"] == "healthy" and health["Log"][-1]["Output"] == "", str(health))
            filler = disk / "filler"
            filler.write_bytes(bytes((DISK_MIB - RESERVE_MIB) << 20))
            refused = subprocess.run([*PODMAN, "exec", CONTAINER, "/usr/bin/azimuth", "hub", "device-identity", "create", "-d", "d1"],
                                     capture_output=True, check=False)
            check(refused.returncode == 1, f"there was room: {refused}")
            for _ in range(RETRIES):
                status, health = looked_at()
            check(status == 1 and health["Status"] == "unhealthy", f"{status} {health}")
            check("the disk is nearly full (503)" in health["Log"][-1]["Output"], str(health["Log"][-1]))
            filler.unlink()
            eventually("it does not recover", lambda: looked_at()[0] == 0)
            check(looked_at()[1]["Status"] == "healthy", "it is not called well")
