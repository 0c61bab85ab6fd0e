"""service.py - the unit of the package: what systemd sees, who reaches it, what its sandbox lets it do. On the machine of
installed.py, which has the device `my-device`."""
import http.client
import json
import os
import socket

from image import DISK_MIB, RESERVE_MIB
from installed import UNIT, devices, state
from judge import Cases, Skipped, check, eventually

cases = Cases()
DROP_IN = "etc/systemd/system/azimuth.service.d"
BACKUPS = "/var/backups/azimuth"
SLICE_NS = "100000"  # src/post/thread.c


def changed_unit(machine, name, text):
    """A drop-in, as `systemctl edit` makes it, counts from the restart on."""
    folder = machine.root / DROP_IN
    folder.mkdir(parents=True, exist_ok=True)
    (folder / f"{name}.conf").write_text(text, encoding="utf-8")
    machine.run("systemctl", "daemon-reload")
    machine.run("systemctl", "restart", UNIT)


def ask(machine, method, path):
    """A request over the service's socket, by a short way: its name has room for 107 bytes."""
    folder = os.open(machine.root / "var/lib/azimuth", os.O_PATH)
    try:
        connection = http.client.HTTPConnection("localhost")
        connection.sock = socket.socket(socket.AF_UNIX)
        connection.sock.connect(f"/proc/self/fd/{folder}/azimuth.sock")
        connection.request(method, path)
        answer = connection.getresponse()
        return answer.status, json.loads(answer.read() or "{}")
    finally:
        os.close(folder)


def journal(machine):
    return machine.run("journalctl", "-q", "--no-pager", "-u", "azimuth", "-n", 50)


@cases.case
def systemd_says_how_it_is(machine):
    said = machine.run("systemctl", "show", UNIT, "-p", "Type,NotifyAccess,ActiveState")
    check({"Type=notify", "ActiveState=active"} <= set(said.split()), said)
    said = machine.run("systemctl", "status", "--no-pager", UNIT)
    check("active (running)" in said and "azimuth, an IoT hub" in said and "azimuth serve" in said, said)
    said = journal(machine)
    check("{\"event\":\"ready\"" in said and "hub.born" in said, f"the journal has: {said}")


@cases.case
def who_may_open_its_socket_need_not_name_it(machine):
    for who in ((), ("runuser", "-u", "azimuth", "--")):
        check(machine.run(*who, "azimuth", "health") == "", f"{who}: a healthy server is not silent")
        check("my-device" in machine.run(*who, "azimuth", "hub", "device-identity", "list"), f"{who} has another hub")
        machine.run(*who, "azimuth", "why", "my-device")
    machine.run("sh", "-c", "echo 'correct horse battery' | azimuth user create maria --role operator --password-stdin")
    check("maria" in machine.run("azimuth", "user", "list"), "there is no such user")
    machine.run("azimuth", "doctor", status=None)


@cases.case
def another_user_of_the_machine_is_told_who_may(machine):
    machine.run("useradd", "--create-home", "newcomer")
    for words in (("health",), ("hub", "device-identity", "list"), ("why", "my-device"), ("user", "list")):
        said = machine.run("runuser", "-u", "newcomer", "--", "azimuth", *words, status=3)
        check("root reaches the service of this machine with --data /var/lib/azimuth" in said, said)
    said = machine.run("runuser", "-u", "newcomer", "--", "azimuth", "health", "--data", "/var/lib/azimuth", status=3)
    check("root" in said and "azimuth serve" not in said, said)
    # Without the socket anybody may ask over the network who has a login.
    login = machine.run("azimuth", "connection-string", "--policy", "service").strip()
    machine.run("cp", "/var/lib/azimuth/ca.pem", "/home/newcomer/ca.pem")
    machine.run("chown", "newcomer", "/home/newcomer/ca.pem")
    machine.run("runuser", "-u", "newcomer", "--", "azimuth", "health", "--login", login, "--ca", "/home/newcomer/ca.pem")


@cases.case
def a_health_check_works_inside_of_its_sandbox(machine):
    changed_unit(machine, "health", "[Service]\nExecStartPost=/usr/bin/azimuth health\n")
    check(state(machine)["ActiveState"] == "active", str(state(machine)))
    (machine.root / DROP_IN / "health.conf").unlink()
    machine.run("systemctl", "daemon-reload")


@cases.case
def its_threads_get_the_short_slices_that_they_ask_for(machine):
    pid = state(machine)["MainPID"]
    filters = machine.run("sed", "-n", "s/^Seccomp_filters:[[:space:]]*//p", f"/proc/{pid}/status").strip()
    check(int(filters) > 1, f"{filters} filters: systemd's and its own")
    said = machine.run("sh", "-c", f'for task in /proc/{pid}/task/*; do echo "$(cat $task/comm) '
                                   '$(sed -n "s/^se.slice *: *//p" $task/sched)"; done')
    slices = dict(line.rsplit(" ", 1) for line in said.splitlines() if line[-1].isdigit())
    if not slices:
        raise Skipped("this kernel gives no slices that it tells of")
    short = {name for name, slice_ns in slices.items() if slice_ns == SLICE_NS}
    check({"log", "store"} <= short, f"without: {slices}")
    return f"{len(short)} threads"


@cases.case
def killed_it_is_there_again(machine):
    before = state(machine)
    machine.run("systemctl", "kill", "--signal=KILL", UNIT)
    eventually("it stays away", lambda: (now := state(machine))["ActiveState"] == "active" and now["MainPID"] != before["MainPID"])
    check(int(state(machine)["NRestarts"]) == 1, str(state(machine)))
    machine.run("azimuth", "health")
    check(devices(machine) == ["my-device"], "the device is gone")


def small_disk(machine):
    """Its directory on a disk that is full with a few dozen megabytes more."""
    machine.run("systemctl", "stop", UNIT)
    machine.run("sh", "-ec", f"""cp -a /var/lib/azimuth /root/before
        mount -t tmpfs -o size={DISK_MIB}m,mode=0700,uid=azimuth,gid=azimuth small /var/lib/azimuth
        cp -a /root/before/. /var/lib/azimuth; rm -r /root/before""")
    machine.run("systemctl", "start", UNIT)


@cases.case
def on_a_full_disk_it_is_not_well_and_says_so(machine):
    small_disk(machine)
    try:
        machine.run("azimuth", "health")
        machine.run("dd", "if=/dev/zero", "of=/var/lib/azimuth/filler", "bs=1M", f"count={DISK_MIB - RESERVE_MIB}")
        machine.run("azimuth", "hub", "device-identity", "create", "-d", "too-late", status=1)
        said = machine.run("azimuth", "health", status=1)
        check("the disk is nearly full (503)" in said, said)
        machine.run("azimuth", "hub", "device-identity", "list")  # what needs no room goes on
        machine.run("rm", "/var/lib/azimuth/filler")
        eventually("it does not recover", lambda: machine.run("azimuth", "health", status=None) == "")
    finally:
        machine.run("systemctl", "stop", UNIT)
        machine.run("umount", "/var/lib/azimuth")
        machine.run("systemctl", "start", UNIT)
    return said.strip()


@cases.case
def root_makes_a_backup_of_it(machine):
    made = json.loads(machine.run("azimuth", "backup", "create", "--to", "/root/monday", "-o", "json"))
    check(made["status"] == "created" and made["files"] > 5, str(made))
    machine.run("azimuth", "backup", "verify", "--from", "/root/monday")
    machine.run("systemctl", "stop", UNIT)
    machine.run("azimuth", "backup", "create", "--to", "/root/tuesday")  # and while it does not run
    said = machine.run("azimuth", "health", status=3)
    check("systemctl start azimuth" in said and "azimuth serve" not in said, said)
    machine.run("systemctl", "start", UNIT)
    others = machine.run("find", "/var/lib/azimuth", "!", "-user", "azimuth")
    check(others == "", f"not its own any more: {others}")


@cases.case
def it_makes_backups_where_its_unit_lets_it(machine):
    machine.run("install", "-d", "-o", "azimuth", "-g", "azimuth", "-m", "700", BACKUPS)
    config = machine.root / "etc/azimuth/azimuth.yaml"
    before = config.read_text(encoding="utf-8")
    config.write_text(f"{before}\nbackup-dir: {BACKUPS}\n", encoding="utf-8")
    changed_unit(machine, "backups", f"[Service]\nReadWritePaths={BACKUPS}\n")
    status, said = ask(machine, "POST", "/admin/v1/backup")
    check(status == 202, f"{status} {said}")
    last = eventually("it does not end", lambda: not (now := ask(machine, "GET", "/admin/v1/backup")[1])["running"] and now["last"])
    machine.run("azimuth", "backup", "verify", "--from", last["path"])
    # Without the line in the unit it has no place, and says which.
    (machine.root / DROP_IN / "backups.conf").unlink()
    machine.run("systemctl", "daemon-reload")
    machine.run("systemctl", "restart", UNIT, status=1)
    said = journal(machine)
    check(f"--backup-dir {BACKUPS}: the server may not write there (of a service: ReadWritePaths= in its unit)" in said, said)
    config.write_text(before, encoding="utf-8")
    machine.run("systemctl", "reset-failed", UNIT)
    machine.run("systemctl", "restart", UNIT)
    return last["path"]


@cases.case
def a_backup_becomes_its_directory_again(machine):
    machine.run("azimuth", "hub", "device-identity", "create", "-d", "of-later")
    machine.run("systemctl", "stop", UNIT)
    machine.run("mv", "/var/lib/azimuth", "/root/damaged")
    machine.run("azimuth", "backup", "restore", "--from", "/root/monday", "--data", "/var/lib/azimuth")
    machine.run("systemctl", "start", UNIT)
    check(devices(machine) == ["my-device"], f"another directory: {devices(machine)}")
    check(machine.run("find", "/var/lib/azimuth", "!", "-user", "azimuth") == "", "not its own")
