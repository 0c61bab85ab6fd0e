"""guide.py - docs/how-to/install.md as somebody types it who has a clean Debian: one after the other what systemd runs, and
what podman does on this machine."""
import json
import shutil
import subprocess
import sys
import tempfile

import image
from containers import network_for_containers, ports_are_free
from judge import ROOT, Cases, check, made
from machine import WORK

sys.path.append(str(ROOT / "tests/cli"))
from page import blocks  # noqa: E402  pylint: disable=wrong-import-position

cases = Cases()
NAME = "azimuth-guide-test"
SOURCE = "/root/azimuth"  # where the page's commands are typed


class Page:
    """The blocks of a page by the heading above them."""

    def __init__(self, path):
        self.sections, heading = {}, None
        lines = (ROOT / path).read_text(encoding="utf-8").splitlines()
        headings = {number: line.lstrip("# ") for number, line in enumerate(lines, 1) if line.startswith("#")}
        for block in blocks(path):
            heading = headings[max(number for number in headings if number < block.line)]
            self.sections.setdefault(heading, []).append(block.commands())

    def typed(self, machine, heading):
        """What each block of a section printed, typed into one shell after the other."""
        return [machine.run("bash", "-ec", f"cd {SOURCE}; {text}") for text in self.sections.pop(heading)]


page = Page("docs/how-to/install.md")


def arrive(machine):
    """The tree as somebody has it who ran ./dev package and ./dev build, and what apt fetches, while there is a network."""
    source = machine.root / SOURCE.lstrip("/")
    for folder in ("build/package/out", "build/release"):
        (source / folder).mkdir(parents=True)
    shutil.copytree(ROOT / "packaging", source / "packaging")
    shutil.copy(ROOT / "build/package/azimuth", source / "build/release")
    for kind in ("deb", "tar.gz"):
        shutil.copy(made(kind), source / "build/package/out")
    machine.run("apt-get", "update", "-q")
    machine.run("apt-get", "install", "-y", "-q", "--download-only", "--no-install-recommends",
                f"{SOURCE}/build/package/out/{made('deb').name}", "ca-certificates")
    (machine.root / "etc/apt/apt.conf.d/plain").write_text('APT::Get::Assume-Yes "true";\nAPT::Install-Recommends "false";\n', encoding="utf-8")


@cases.case
def the_tarball_runs_with_the_libraries_that_the_page_names(machine):
    libraries, start = page.sections.pop("The tarball")
    asked = {entry.split()[0] for entry in image.run("dpkg-deb", "-f", made("deb"), "Depends").split(", ")} - {"adduser", "debconf"}
    check(libraries == f"apt-get install {' '.join(sorted(asked))}", f"the page has '{libraries}', and the package wants {sorted(asked)}")
    machine.run("bash", "-ec", libraries)
    said = machine.run("bash", "-ec", f"""cd {SOURCE}; {start.removesuffix("azimuth dev")}
azimuth dev >said 2>&1 & until grep -q '"event":"ready"' said; do sleep 0.05; done
azimuth hub device-identity list -o tsv; kill %1; wait
if ldd azimuth/usr/bin/azimuth | grep 'not found'; then exit 1; fi; rm -r azimuth azimuth-data""")
    check(said.strip(), "there are no sample devices")


@cases.case
def by_hand_it_is_a_service_as_well(machine):
    said, = page.typed(machine, "By hand, under systemd")
    check("azimuth.service" in said, said)
    check(machine.run("stat", "-c", "%U:%G %a", "/var/lib/azimuth", "/etc/azimuth/azimuth.yaml").split("\n")[:2] ==
          ["azimuth:azimuth 700", "root:azimuth 640"], "others may read it")
    machine.run("systemctl", "disable", "--now", "azimuth")
    machine.run("rm", "-r", "/usr/bin/azimuth", "/etc/systemd/system/azimuth.service", "/etc/azimuth", "/var/lib/azimuth")
    machine.run("deluser", "--quiet", "azimuth")
    machine.run("systemctl", "daemon-reload")


@cases.case
def the_package_is_a_service_that_is_well(machine):
    install, look = page.sections.pop("The Debian package")
    machine.run("bash", "-ec", f"cd {SOURCE}; {install}")
    said = machine.run("bash", "-ec", f"cd {SOURCE}; {look}")
    check("active (running)" in said and "https://127.0.0.1:8443/console/" in said, said)


@cases.case
def others_are_let_in_under_the_name_that_they_dial(machine):
    machine.run("apt-get", "install", "-q", "ca-certificates")
    said, _ = page.typed(machine, "Let other machines in")
    check("HostName=hub.example;DeviceId=press-1" in said, said)
    device = said.strip().splitlines()[-1]
    machine.run("sh", "-c", "echo 127.0.0.2 hub.example >>/etc/hosts")
    machine.run("azimuth", "device", "send-d2c-message", "--login", device, "--ca", "/var/lib/azimuth/ca.pem", "--da", "hello")
    machine.run("runuser", "-u", "nobody", "--", "azimuth", "device", "send-d2c-message", "--login", device, "--da", "hello")


@cases.case
def it_is_backed_up_and_comes_back(machine):
    text = page.sections["Back it up"]
    check(len(text) == 3, "another number of blocks")
    page.typed(machine, "Back it up")
    check("press-1" in machine.run("azimuth", "hub", "device-identity", "list"), "the device is gone")
    check(machine.run("find", "/var/lib/azimuth", "/var/backups/azimuth", "!", "-user", "azimuth") == "", "not the service's")


@cases.case
def purge_leaves_nothing(machine):
    page.typed(machine, "Upgrade, and away with it")
    machine.run("test", "!", "-e", "/var/lib/azimuth", "-a", "!", "-e", "/etc/azimuth")


@cases.case
def a_container_is_a_hub_for_this_machine(_):
    make, start = page.sections.pop("A container")
    ports_are_free()
    WORK.mkdir(exist_ok=True)
    # What works where systemd is not the first program, and what Docker does by itself.
    with tempfile.TemporaryDirectory(dir=WORK) as folder:
        podman = " ".join(image.PODMAN)
        for words in ("--name hub", "-v hub:", "exec hub ", "cp hub:"):  # somebody may have one of that name
            start = start.replace(words, words.replace("hub", NAME))
        start = start.replace("podman run", f"podman run --no-healthcheck {' '.join(image.LIMITS)}").replace("podman ", f"{podman} ")
        try:
            image.run("bash", "-ec", f"cd {ROOT}; {make.replace('azimuth.tar', f'{folder}/azimuth.tar')}")
            network_for_containers()
            image.run("podman", "rmi", "localhost/azimuth")  # as on a machine that did not build it
            said = image.run("bash", "-ec", f"cd {folder}; {start}")
            check("HostName=azimuth.localhost;DeviceId=my-device" in said and "https://" in said, said)
            login = next(line for line in said.splitlines() if line.startswith("HostName="))
            image.run(ROOT / "build/package/azimuth", "device", "send-d2c-message", "--login", login, "--ca", f"{folder}/ca.pem", "--da", "hello")
        finally:
            for words in (("rm", "--force", NAME), ("volume", "rm", "--force", NAME), ("rmi", "--force", "localhost/azimuth")):
                subprocess.run([*image.PODMAN, *words], capture_output=True, check=False)


@cases.case
def nothing_of_the_page_is_left(_):
    check(set(page.sections) <= {"Installing", "A container"}, f"nobody ran {json.dumps(page.sections)}")
