#!/usr/bin/env python3
"""minutes.py [deb] [clone]: how long the first five minutes take on a bare machine, step by step: a Debian that has nothing,
the package or the source, until a message of a device is read. By hand: it compiles everything once, on all processors.

What is measured: the commands of docs/tutorials/first-message.md, one after the other, as fast as somebody types who knows
them; with the package they go to the service, which systemd runs. What is not: making the Debian and booting it, and the
network's part of 'git clone' (the source comes from this folder)."""
import json
import os
import pathlib
import re
import shutil
import subprocess
import sys
import time

from judge import ROOT, Skipped, made
from machine import WORK, Machine

CLONE, DEB = "from git clone", "from the package"
CA = pathlib.Path("/etc/ssl/certs/ca-certificates.crt")
MARK = r"""
mark() { echo "mark $(date +%s.%N) $1"; }
cd /root
mark begin
"""
# A hub in a folder, or the service, which is meant where no folder has one.
START = r"""
export PATH=/root/azimuth/build/release:$PATH
azimuth dev --data azimuth-data >said 2>&1 &
until grep -q '"event":"ready"' said; do sleep 0.01; done
mark 'azimuth dev, until it is ready'
"""
PLAY = r"""
azimuth console link >/dev/null
azimuth hub device-identity create -d my-device >/dev/null
azimuth device send-d2c-message -d my-device --da '{"temperature":21.5}'
azimuth hub monitor-events -d my-device --from beginning --count 1 --timeout 60 | grep -q 21.5
mark 'a link to the console, a device, its message sent and read'
azimuth hub device-twin update -d my-device --desired '{"interval":10}' >/dev/null
mark 'its twin changed'
if [ -d sdk ]; then
    eval "$(azimuth env -d my-device)"
    NODE_PATH=/root/sdk/node_modules node azimuth/demos/first-message/device.js | grep -q acknowledged
    mark 'a message of the SDK for Node'
fi
"""
END = "kill %1; wait\n"


class Clock:
    """The steps of one way, with their times."""

    def __init__(self, way):
        self.way, self.steps = way, []

    def step(self, name, function):
        began, before = time.monotonic(), os.times()
        function()
        after = os.times()
        cpu = after.children_user + after.children_system - before.children_user - before.children_system
        self.steps.append((name, time.monotonic() - began, cpu))

    def play(self, machine, text):
        """The steps that need the ports, in the network of a machine that has booted."""
        (machine.root / "root/play.sh").write_text(MARK + text, encoding="utf-8")
        marks = re.findall(r"^mark (\S+) (.*)$", machine.run("bash", "-e", "/root/play.sh"), re.MULTILINE)
        self.steps += [(name, float(at) - float(before), None) for (before, _), (at, name) in zip(marks, marks[1:])]

    def show(self):
        total = sum(seconds for _, seconds, _ in self.steps)
        print(f"\n{self.way}: {total:.0f} s\n\n| | time | CPU |\n|---|---|---|")
        for name, seconds, cpu in self.steps:
            print(f"| {name} | {seconds:.1f} s | {'' if cpu is None else f'{cpu:.0f} s'} |")
        return {"way": self.way, "seconds": round(total, 1), "steps": self.steps}


def trusting(machine):
    """Whom this machine trusts, and where its npm finds packages, holds inside as well."""
    to = machine.root / "etc/ssl/certs"
    to.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(CA, to / "of-the-host.crt")
    registry = subprocess.run(["npm", "config", "get", "registry"], capture_output=True, text=True, check=False).stdout.strip()
    return {"NODE_EXTRA_CA_CERTS": "/etc/ssl/certs/of-the-host.crt", "npm_config_cafile": "/etc/ssl/certs/of-the-host.crt",
            **({"npm_config_registry": registry} if registry.startswith("http") else {})}


def from_clone():
    clock = Clock(CLONE)
    bundle = WORK / "azimuth.bundle"
    subprocess.run(["git", "bundle", "create", "-q", bundle, "HEAD"], cwd=ROOT, check=True)
    with Machine("bare") as machine:
        env = trusting(machine)
        machine.seconds_max = 3600
        source = machine.give(bundle)

        def sh(line):
            return machine.run("bash", "-ec", f"cd /root; {line}", **env)
        clock.step("apt-get update, apt-get install git", lambda: sh("apt-get update -q; apt-get install -y -q --no-install-recommends git"))
        clock.step("git clone", lambda: sh(f"git clone -q {source} azimuth"))
        clock.step("./dev build release azimuth: packages of Debian", lambda: sh("cd azimuth; scripts/deps.sh build"))
        clock.step("./dev build release azimuth: the rest of it", lambda: sh("cd azimuth; ./dev build release azimuth"))
        clock.step("npm install azure-iot-device azure-iot-device-mqtt",
                   lambda: sh("mkdir sdk; cd sdk; npm install --silent --no-audit --no-fund azure-iot-device azure-iot-device-mqtt"))
        machine.boot()
        clock.play(machine, START + PLAY + END)
    return clock.show()


def from_deb():
    clock = Clock(DEB)
    with Machine("bare") as machine:
        file = machine.give(made("deb"))
        clock.step("apt-get update", lambda: machine.run("apt-get", "update", "-q"))
        install = ("apt-get", "install", "-y", "-q", "--no-install-recommends", file)
        clock.step("apt-get install ./azimuth_*.deb: fetching what it needs", lambda: machine.run(*install, "--download-only"))
        machine.boot()
        clock.step("the rest of it, until the service is ready", lambda: machine.run(*install))
        clock.play(machine, PLAY)
    return clock.show()


def main():
    ways = {"deb": from_deb, "clone": from_clone}
    WORK.mkdir(parents=True, exist_ok=True)
    try:
        results = [ways[name]() for name in (sys.argv[1:] or ways)]
    except Skipped as why:
        sys.exit(f"skipped: {why}")
    (WORK / "minutes.json").write_text(json.dumps(results, indent=1), encoding="utf-8")
    processor = re.search(r"^model name\s*: (.*)$", pathlib.Path("/proc/cpuinfo").read_text(encoding="utf-8"), re.MULTILINE)
    print(f"\n{os.cpu_count()} CPUs, {processor[1] if processor else os.uname().machine}; load {os.getloadavg()[0]:.1f}")


if __name__ == "__main__":
    main()
