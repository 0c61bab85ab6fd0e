"""leaving.py - the package upgraded, removed and purged, on the machine of installed.py."""
import re
import subprocess

from installed import devices, install, state
from judge import Cases, check, made
from machine import WORK

cases = Cases()


def newer():
    """The same package under the next version."""
    folder, file = WORK / "newer", WORK / "azimuth_newer.deb"
    subprocess.run(["rm", "-rf", folder], check=True)
    subprocess.run(["dpkg-deb", "-R", made("deb"), folder], check=True)
    control = folder / "DEBIAN/control"
    control.write_text(re.sub(r"^Version: .*$", r"\g<0>+newer", control.read_text(), flags=re.MULTILINE))
    subprocess.run(["dpkg-deb", "--root-owner-group", "-Zgzip", "-z1", "-b", folder, file], check=True, capture_output=True)
    return file


@cases.case
def an_upgrade_keeps_data_and_configuration(machine):
    machine.run("sh", "-c", "echo 'retention: 7d' >>/etc/azimuth/azimuth.yaml")
    before = state(machine)["MainPID"]
    install(machine, machine.give(newer()))
    now = state(machine)
    check(now["ActiveState"] == "active" and now["MainPID"] != before, f"the old program still runs: {now}")
    check(devices(machine) == ["my-device"], "the device is gone")
    check("retention: 7d" in machine.run("cat", "/etc/azimuth/azimuth.yaml"), "the file was overwritten")


@cases.case
def removed_it_stops_and_leaves_everything(machine):
    machine.run("apt-get", "remove", "-y", "-q", "azimuth")
    check(state(machine)["ActiveState"] == "inactive", "it runs on")
    machine.run("test", "-s", "/var/lib/azimuth/ca.pem")
    machine.run("test", "-s", "/etc/azimuth/azimuth.yaml")
    install(machine, machine.give(made("deb")))
    check(devices(machine) == ["my-device"], "the device is gone")


def purge(machine, **variables):
    """The question must have come with the package: an answer in advance would make debconf know it without."""
    said = machine.run("sh", "-c", "echo METAGET azimuth/purge-data description | debconf-communicate azimuth")
    check(said.startswith("0 Delete the hub's data"), f"debconf does not know the question: {said}")
    machine.run("apt-get", "purge", "-y", "-q", "azimuth", **variables)


def nothing_is_left(machine):
    left = machine.run("sh", "-c", "ls -d /var/lib/azimuth /etc/azimuth /usr/share/doc/azimuth /etc/systemd/system/*/azimuth* "
                                   "/var/lib/systemd/deb-systemd-helper-enabled/azimuth* 2>/dev/null || true")
    check(left.strip() == "", f"there still is {left.split()}")


@cases.case
def purge_without_an_answer_keeps_the_data(machine):
    purge(machine)
    machine.run("test", "-e", "/etc/azimuth/azimuth.yaml", status=1)
    machine.run("test", "-s", "/var/lib/azimuth/ca.pem")


@cases.case
def purge_asks_and_with_a_yes_leaves_nothing(machine):
    install(machine, machine.give(made("deb")))
    check(devices(machine) == ["my-device"], "the device is gone")
    # debconf's frontend that needs no terminal
    purge(machine, DEBIAN_FRONTEND="editor", EDITOR="sed -i 's,^\\(azimuth/purge-data\\)=.*,\\1=\"yes\",'")
    nothing_is_left(machine)


@cases.case
def purge_with_a_yes_in_advance_leaves_nothing(machine):
    install(machine, machine.give(made("deb")))
    known = machine.run("sh", "-c", "echo GET azimuth/purge-data | debconf-communicate azimuth")
    check(known.startswith("0 false"), f"debconf does not know the question: {known}")
    machine.run("sh", "-c", "echo azimuth azimuth/purge-data boolean true | debconf-set-selections")
    purge(machine)
    nothing_is_left(machine)
