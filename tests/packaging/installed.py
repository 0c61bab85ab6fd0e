"""installed.py - the package in a clean Debian that boots, and its first five minutes. One machine, so the order counts."""
import json
import re
import sys
import time

from judge import ROOT, Cases, check, made
from machine import PLAIN

sys.path += [str(ROOT / "tests/wrappers"), str(ROOT / "tests/cli")]
import action  # noqa: E402  pylint: disable=wrong-import-position
from page import blocks  # noqa: E402  pylint: disable=wrong-import-position

cases = Cases()
DATA = ("--data", "/var/lib/azimuth")
UNIT = "azimuth.service"
TUTORIAL = "docs/tutorials/first-message.md"
# Of its blocks: what is for other ways than the package, and what wants a network for SDKs.
OTHERWISE = re.compile(r"^\./dev build|^azimuth dev$|^npm install|^python3 -m venv|--count 3$", re.MULTILINE)
# What a runner of GitHub has and a minimal Debian has not.
RUNNER = {"sudo": '#!/bin/sh\nexec "$@"\n',
          "sysctl": '#!/bin/sh\necho "${2#*=}" >"/proc/sys/$(echo "${2%%=*}" | tr . /)"\n'}


def azimuth(machine, *words, **more):
    return machine.run("azimuth", *words, *DATA, **more)


def state(machine):
    said = machine.run("systemctl", "show", UNIT, "-p", "ActiveState,SubState,MainPID,NRestarts,UnitFileState,Result")
    return dict(line.split("=", 1) for line in said.splitlines())


def install(machine, file):
    return machine.run("apt-get", "install", "-y", "-q", "--no-install-recommends", "--allow-downgrades", file)


def devices(machine):
    return sorted(device["deviceId"] for device in json.loads(azimuth(machine, "hub", "device-identity", "list", "-o", "json")))


def arrive(machine):
    """The package and what it needs are fetched while there is a network."""
    file = machine.give(made("deb"))
    machine.run("apt-get", "update", "-q")
    machine.run("apt-get", "install", "-y", "-q", "--download-only", "--no-install-recommends", file)


@cases.case
def apt_installs_it_and_the_service_is_ready_when_systemd_says_so(machine):
    machine.began = time.monotonic()
    install(machine, machine.give(made("deb")))
    now = state(machine)
    check(now["ActiveState"] == "active" and now["UnitFileState"] == "enabled" and now["NRestarts"] == "0", str(now))
    # Type=notify: who asks the moment that it is active finds every listener.
    azimuth(machine, "hub", "device-identity", "list")


@cases.case
def it_runs_as_its_own_user_with_no_rights_left(machine):
    pid = state(machine)["MainPID"]
    status = dict(line.split(":", 1) for line in machine.run("cat", f"/proc/{pid}/status").splitlines())
    user = machine.run("id", "-u", "azimuth").strip()
    check(set(status["Uid"].split()) == {user} and user != "0", f"it is {status['Uid']}")
    check(int(status["CapEff"], 16) == 0, f"it may {status['CapEff']}")
    check(status["NoNewPrivs"].strip() == "1" and status["Seccomp"].strip() == "2", "it may call what it likes")
    check(machine.run("stat", "-c", "%U:%G %a", "/var/lib/azimuth").strip() == "azimuth:azimuth 700", "the directory")
    check(machine.run("stat", "-c", "%U:%G %a", "/etc/azimuth/azimuth.yaml").strip() == "root:azimuth 640", "the file")


@cases.case
def the_tutorial_goes_with_the_service_as_it_says(machine):
    """By root, in a folder without azimuth-data, and with the service's directory for that."""
    said = machine.run("azimuth", "console", "link")
    for block in blocks(TUTORIAL):
        if block.language != "sh" or OTHERWISE.search(block.text):
            continue
        text = block.text.replace("azimuth-data", "/var/lib/azimuth")
        refused = "c29tZWJvZHkgZWxzZSdz" in text
        said += machine.run("bash", "-ec", f"mkdir -p /root/first; cd /root/first; {text}", status=4 if refused else 0)
    for pattern in ("https://127.0.0.1:8443/console/", r"DeviceId=my-device;SharedAccessKey=", r"21\.5", r"C13\d|key"):
        check(re.search(pattern, said), f"no '{pattern}' in: {said}")


@cases.case
def the_first_five_minutes(machine):
    check("DeviceId=my-device" in azimuth(machine, "connection-string", "-d", "my-device"), "no connection string")
    reader = machine.start("azimuth", "hub", "monitor-events", "--from", "beginning", "--count", 2, "--timeout", 60, "-o", "jsonl",
                           *DATA)
    azimuth(machine, "device", "simulate", "-d", "my-device", "--existing", "--messages", 1, "--template", '{"hello":1}')
    said, _ = reader.communicate(timeout=90)
    took = time.monotonic() - machine.began
    check(reader.returncode == 0 and "my-device" in said and "hello" in said, said)
    azimuth(machine, "hub", "device-twin", "update", "-d", "my-device", "--desired", '{"interval":10}')
    twin = json.loads(azimuth(machine, "hub", "device-twin", "show", "-d", "my-device", "-o", "json"))
    check(twin["properties"]["desired"]["interval"] == 10, str(twin))
    check("https://127.0.0.1:8443/console/" in azimuth(machine, "console", "link"), "no link to the console")
    check("IOTHUB_CONNECTION_STRING=" in azimuth(machine, "env"), "no environment")
    check(took < 300, f"{took:.0f} s to the first event")
    return f"{took:.1f} s from apt-get install to the first event"


@cases.case
def another_device_is_told_in_one_sentence_why_it_is_refused(machine):
    wrong = "HostName=azimuth.localhost;DeviceId=my-device;SharedAccessKey=" \
            "c29tZWJvZHkgZWxzZSdzIGtleSBvZiAzMiBieXRlcy4=;GatewayHostName=localhost"
    machine.run("azimuth", "device", "send-d2c-message", "--login", wrong, "--ca", "/var/lib/azimuth/ca.pem", status=4)
    said = azimuth(machine, "why", "my-device", "-o", "table")
    check("key" in said, said)
    return said.strip().splitlines()[0][:100]


@cases.case
def pages_and_completions_are_where_programs_look(machine):
    for path in ("man/man1/azimuth.1.gz", "man/man1/azm.1.gz", "man/man5/azimuth.yaml.5.gz", "zsh/vendor-completions/_azimuth",
                 "fish/vendor_completions.d/azimuth.fish", "doc/azimuth/sbom.cdx.json", "doc/azimuth/html/index.html", "doc/azimuth/html/reference/why.html"):
        # minbase leaves no manual out; a machine that does (dpkg's path-exclude) is another matter
        machine.run("test", "-s", f"/usr/share/{path}")
    said = machine.run("bash", "-c", ". /usr/share/bash-completion/completions/azm; COMP_WORDS=(azimuth hub dev); COMP_CWORD=2; "
                                     "_azimuth; echo ${COMPREPLY[*]}")
    check("device-identity" in said, said)


@cases.case
def the_action_for_github_installs_it_and_starts_a_hub(machine):
    """All of its steps, as the runner's user, who may do everything by sudo; then a step that needs what they said."""
    machine.run("mkdir", "-p", "/root/action", "/root/runner")
    for name, text in RUNNER.items():
        (machine.root / "root/action" / name).write_text(text, encoding="utf-8")
        machine.run("chmod", "755", f"/root/action/{name}")
    machine.run("chmod", "755", machine.give(ROOT / "packaging/github-action/start.sh", "/root/action"))
    runner = {"GITHUB_ENV": "/root/runner/env", "GITHUB_OUTPUT": "/root/runner/output", "GITHUB_ACTION_PATH": "/root/action",
              "RUNNER_TEMP": "/root/runner", "PATH": f"/root/action:{PLAIN['PATH']}"}
    steps = action.steps(package=machine.give(made("deb")), devices="sensor-1", options="--console off")
    for _, text, variables in steps:
        machine.run("bash", "--noprofile", "--norc", "-eo", "pipefail", "-c", text, **runner, **variables)
    said = machine.run("bash", "-ec", """export $(grep NODE_EXTRA_CA_CERTS runner/env); device=$(sed -n s/^IOTHUB_DEVICE_CONNECTION_STRING=//p runner/env)
azimuth device send-d2c-message --login "$device" --ca "$NODE_EXTRA_CA_CERTS" --da hello
azimuth hub monitor-events --data "$(sed -n s/^data=//p runner/output)" --from beginning --count 1 --timeout 60 -o jsonl
kill "$(sed -n s/^pid=//p runner/output)"; tail --pid "$(sed -n s/^pid=//p runner/output)" -f /dev/null""".replace("runner/", "/root/runner/"))
    check('"hello"' in said, said)
    machine.run("systemctl", "enable", "--now", UNIT)
    return f"{len(steps)} steps"


@cases.case
def reload_and_restart_keep_what_there_is(machine):
    before = state(machine)["MainPID"]
    machine.run("systemctl", "reload", UNIT)
    check(state(machine)["MainPID"] == before, "reload is a restart")
    machine.run("systemctl", "restart", UNIT)
    check(state(machine)["MainPID"] != before and devices(machine) == ["my-device"], "the device is gone")
