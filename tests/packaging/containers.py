"""containers.py - the image as others use it: by the compose file, and by Testcontainers. Both want a network for containers,
and ports of this machine."""
import contextlib
import json
import os
import shutil
import socket
import subprocess

import image
from judge import ROOT, Cases, Skipped, check, eventually
from machine import WORK

cases = Cases()
NAME = "localhost/azimuth"
TESTCONTAINERS = "testcontainers@10"  # the last that runs with the Node of Debian 12
PORTS = (8883, 5671, 443, 8443)
COMPOSE = ROOT / "packaging/container/compose.yaml"
# A program of somebody's test, with what packaging/testcontainers gives him.
PROGRAM = """import { startAzimuthContainer } from './azimuth.mjs'
const hub = await startAzimuthContainer({ devices: ['sensor-1'] })
try {
  await hub.run('device', 'send-d2c-message', '-d', 'sensor-1', '--da', 'hello')
  console.log(await hub.run('hub', 'monitor-events', '--from', 'beginning', '--count', '1', '--timeout', '20', '-o', 'jsonl'))
  console.log(await hub.run('connection-string', '--device-id', 'sensor-1'))
} finally {
  await hub.stop()
}
"""


def ports_are_free():
    for port in PORTS:
        with socket.socket() as probe:
            try:
                probe.bind(("127.0.0.1", port))
            except OSError as why:
                raise Skipped(f"port {port} of this machine: {why.strerror}") from why


def made_image():
    image.run(ROOT / "scripts/package/image.sh", NAME)


def network_for_containers():
    """Whether one may have ports; the reason if not."""
    done = subprocess.run([*image.PODMAN, "run", "--rm", "--no-healthcheck", *image.LIMITS, "--publish", "127.0.0.1::8883", NAME, "--version"],
                          capture_output=True, text=True, check=False, timeout=120)
    if done.returncode:
        raise Skipped(f"no container with a network runs here: {done.stderr.strip()[-200:]}")


@contextlib.contextmanager
def prepared():
    ports_are_free()
    made_image()
    try:
        network_for_containers()
        yield
    finally:
        subprocess.run(["podman", "rmi", "--force", NAME], capture_output=True, check=False)


@cases.case
def the_compose_file_runs_a_hub_that_this_machine_reaches():
    if shutil.which("podman-compose") is None:
        raise Skipped("there is no podman-compose")
    with prepared():
        # What works where systemd is not the first program; podman-compose reads no options for podman itself but these.
        options = ["--podman-args=--runtime runc --cgroup-manager cgroupfs", "--podman-run-args=" + " ".join((*image.LIMITS, "--no-healthcheck"))]
        compose = ["podman-compose", *options, "-f", COMPOSE, "-p", "azimuth-test"]
        image.run(*compose, "up", "-d")
        try:
            hub = image.run(*image.PODMAN, "ps", "--filter", "label=com.docker.compose.service=hub.test", "--format", "{{.Names}}").split()[0]

            def azimuth(*words):
                return image.run(*image.PODMAN, "exec", hub, "/usr/bin/azimuth", *words)
            eventually("the hub is not ready", lambda: '"ready"' in image.run(*image.PODMAN, "logs", hub))
            azimuth("hub", "device-identity", "create", "-d", "sensor-1")
            ca = WORK / "compose-ca.pem"
            image.run(*image.PODMAN, "cp", f"{hub}:/data/ca.pem", ca)
            device = azimuth("connection-string", "-d", "sensor-1").strip()
            check("HostName=hub.test;" in device, device)
            # From this machine, by the port that the file publishes.
            ours = subprocess.run([ROOT / "build/package/azimuth", "device", "send-d2c-message", "--login", f"{device};GatewayHostName=localhost",
                                   "--ca", ca, "--da", "hello"], capture_output=True, text=True, check=False)
            check(ours.returncode == 0, ours.stderr)
            event = json.loads(azimuth("hub", "monitor-events", "--from", "beginning", "--count", 1, "--timeout", 20, "-o", "jsonl"))
            check(event["event"]["payload"] == "hello", str(event))
        finally:
            image.run(*compose, "down", "-v")


@contextlib.contextmanager
def docker_socket():
    """podman as what Testcontainers takes for Docker's daemon."""
    path, limits = WORK / "podman.sock", WORK / "containers.conf"
    path.unlink(missing_ok=True)
    # The second is what Docker does by itself.
    limits.write_text('[containers]\ndefault_ulimits = ["nofile=4096:4096", "nproc=1024:1024"]\n'
                      'default_sysctls = ["net.ipv4.ip_unprivileged_port_start=0"]\n', encoding="utf-8")
    with subprocess.Popen([*image.PODMAN, "system", "service", "--time", "0", f"unix://{path}"], stdin=subprocess.DEVNULL,
                          stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, env=os.environ | {"CONTAINERS_CONF": str(limits)}) as service:
        try:
            eventually("podman's service does not come up", path.exists)
            yield f"unix://{path}"
        finally:
            service.terminate()


@cases.case
def the_example_for_testcontainers_starts_a_hub_in_a_test():
    with prepared(), docker_socket() as address:
        project = WORK / "testcontainers"
        shutil.rmtree(project, ignore_errors=True)
        project.mkdir()
        shutil.copy(ROOT / "packaging/testcontainers/azimuth.mjs", project)
        (project / "test.mjs").write_text(PROGRAM, encoding="utf-8")
        (project / "package.json").write_text('{"private": true, "type": "module"}', encoding="utf-8")
        install = subprocess.run(["npm", "install", "--silent", "--no-audit", "--no-fund", TESTCONTAINERS], cwd=project,
                                 capture_output=True, text=True, check=False, timeout=600)
        if install.returncode:
            raise Skipped(f"testcontainers cannot be installed: {install.stderr.strip()[-200:]}")
        done = subprocess.run(["node", "test.mjs"], cwd=project, capture_output=True, text=True, check=False, timeout=300,
                              env=os.environ | {"DOCKER_HOST": address, "TESTCONTAINERS_RYUK_DISABLED": "true"})
        check(done.returncode == 0, done.stdout[-500:] + done.stderr[-1500:])
        check('"payload":"hello"' in done.stdout.replace(" ", "") and "DeviceId=sensor-1;" in done.stdout, done.stdout)
