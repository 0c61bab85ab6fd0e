"""start.py - starts that must be refused, each with one sentence: what, why, and what to do."""
import contextlib
import os
import re
import shutil
import socket
import sqlite3
import stat
import subprocess
import sys

from hub import AZIMUTH, ROOT, Group, Skipped, check, main
import ports  # which hub.py makes known

group = Group()
FAILED, USAGE = 1, 2


def refuses(hub, *words, status=FAILED):
    """The start is refused with one sentence that has all these words."""
    got, said = hub.refused()
    check(got == status, f"exit status {got}, not {status}; it said: {said}")
    lines = [line for line in hub.said.read_text().splitlines() if line.startswith("azimuth: ")]
    check(len(lines) == 1 and said == lines[0], f"not one sentence, but: {hub.said.read_text()}")
    for word in words:
        check(re.search(word, said), f"'{word}' is not in: {said}")
    return said


def unchanged(path, before):
    check(path.read_bytes() == before, f"{path.name} was changed")


@group.case
def a_second_server_on_the_same_directory_is_refused(context):
    first = context.hub().start()
    second = context.hub(data=first.data)
    said = refuses(second, "another azimuth runs on", str(first.data), "stop it|another directory")
    check(first.unready() is None, "the first one suffers")
    check(first.ask("GET", "/admin/v1/hub")[0] == 200, "the first one's socket was taken")
    first.stop()
    return f'"{said}"'


@group.case
def ports_held_by_somebody_else_are_named(context):
    for kind in ("mqtt", "amqp", "https", "plain-mqtt", "plain-amqp"):
        hub = context.hubs[0] if context.hubs else context.hub()
        with socket.socket() as holder:
            holder.bind(("127.0.0.1", hub.ports[kind]))
            holder.listen()
            refuses(hub, f"port {hub.ports[kind]} on 127.0.0.1 is held by another process", "ss -ltnp", "stop it")
    hub.start().stop()


@group.case
def ports_shared_by_another_program_are_not_shared(context):
    """Somebody listens with SO_REUSEPORT: a second bind would succeed and take half of his clients."""
    hub = context.hub("--workers", 3)
    with socket.socket() as holder:
        holder.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        holder.bind(("127.0.0.1", hub.ports["mqtt"]))
        holder.listen()
        refuses(hub, f"port {hub.ports['mqtt']} on 127.0.0.1 is held by another process", "stop it")
    hub.start().stop()


@group.case
def ports_of_another_azimuth_are_not_shared(context):
    for workers in (1, 3):
        first = context.hub("--workers", workers).start()
        second = context.hub("--workers", workers, ports=first.ports)
        refuses(second, f"port {first.ports['mqtt']} on 127.0.0.1 is held by another (azimuth|process)")
        first.stop()
        second.start().stop()


@group.case
def nobody_is_given_the_port_of_a_server_that_is_down(context):
    """Another process that may choose among those of its block only gets none, whether the server runs or not."""
    hub = context.hub()
    first = hub.ports["mqtt"] - (hub.ports["mqtt"] - ports.RANGE[0]) % ports.BLOCK
    asked = f"import ports; ports.RANGE = ({first}, {first + ports.BLOCK}); print(ports.free_port())"
    other = subprocess.run([sys.executable, "-c", asked], cwd=ROOT / "tests", capture_output=True, text=True, check=False)
    check("blocks of ports are held" in other.stderr and other.stdout == "", f"it got {other.stdout}{other.stderr}")
    hub.start().stop()


@group.case
def a_port_that_another_azimuth_is_about_to_take_is_not_shared(context):
    """Between the bind and the first connection only the abstract name tells."""
    hub = context.hub()
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as name:
        name.bind(f"\0azimuth-listen-127.0.0.1-{hub.ports['mqtt']}")
        refuses(hub, f"port {hub.ports['mqtt']} on 127.0.0.1 is held by another azimuth", "stop it")
    hub.start().stop()


@group.case
def a_log_of_a_newer_version_is_refused_and_left_alone(context):
    hub = context.hub().start()
    hub.stop()
    meta = hub.data / "log.meta"
    text = meta.read_text()
    newer = re.sub(r"^azimuth-log \d+", "azimuth-log 99", text).encode()
    meta.write_bytes(newer)
    said = refuses(hub, "log.meta", "99", "newer", "--data")
    unchanged(meta, newer)
    meta.write_text(text)
    hub.start().stop()
    return f'"{said}"'


@group.case
def a_store_of_a_newer_version_is_refused_and_left_alone(context):
    hub = context.hub().start()
    hub.stop()
    path = hub.data / "store.db"
    with contextlib.closing(sqlite3.connect(path)) as database, database:
        database.execute("INSERT INTO schema_migration VALUES (99, 'of_tomorrow', 0)")
    said = refuses(hub, "store", "99", "newer", "--data")
    with contextlib.closing(sqlite3.connect(path)) as database, database:
        database.execute("DELETE FROM schema_migration WHERE number = 99")
    hub.start().stop()
    return f'"{said}"'


@group.case
def a_stream_without_its_store_is_refused(context):
    """Or all devices would be gone without a word."""
    hub = context.hub().start()
    hub.stop()
    path, aside = hub.data / "store.db", hub.data / "aside"
    path.rename(aside)
    said = refuses(hub, r"store\.db", "missing", "restore")
    check(not path.exists(), "a new store was made")
    aside.rename(path)
    hub.start().stop()
    return f'"{said}"'


@group.case
def a_damaged_ca_is_refused_and_left_alone(context):
    hub = context.hub().start()
    hub.stop()
    for name in ("ca.key", "ca.pem"):
        path = hub.data / name
        good = path.read_bytes()
        for bad in (b"", b"rubbish", good[:len(good) // 2], good.replace(b"A", b"B")):
            path.write_bytes(bad)
            refuses(hub, r"ca\.", "restore|remove")
            unchanged(path, bad)
        path.unlink()
        other = hub.data / ("ca.pem" if name == "ca.key" else "ca.key")
        left = other.read_bytes()
        refuses(hub, name.replace(".", r"\."), "restore|remove")
        unchanged(other, left)
        path.write_bytes(good)
    hub.start().stop()


@group.case
def a_console_port_held_by_somebody_else_is_named(context):
    with socket.socket() as holder:
        holder.bind(("127.0.0.1", 0))
        holder.listen()
        port = holder.getsockname()[1]
        hub = context.hub("--console", f"127.0.0.1:{port}")
        refuses(hub, f"port {port} on 127.0.0.1 is held by another process", "--console")
    hub.options = []
    hub.start().stop()


@group.case
def a_seed_that_cannot_be_planted_is_refused(context):
    hub = context.hub()
    seed = hub.work / "seed.yaml"
    hub.options = ["--seed", seed]
    seed.write_text("devices:\n  - deviceId: a\n    colour: red\n")
    refuses(hub, r"seed\.yaml:3: colour", status=USAGE)
    check(not hub.data.exists(), "a directory was made")
    seed.write_text("devices:\n  - deviceId: a\n    status: maybe\n")
    refuses(hub, r"seed\.yaml:2: device 'a': status")
    seed.write_text("devices: [a]\n")
    hub.start()
    check(hub.ask("GET", "/devices/a?api-version=2021-04-12")[0] == 200, "the device was not made")
    hub.stop()


@group.case
def another_partition_count_is_refused(context):
    hub = context.hub().start()
    hub.stop()
    hub.options = ["--partitions", 7]
    said = refuses(hub, "partitions", "4", "7", "option", "--data")
    hub.options = []
    hub.start().stop()
    return f'"{said}"'


def damage(path, at):
    with open(path, "r+b") as file:
        file.seek(at)
        byte = file.read(1)[0]
        file.seek(at)
        file.write(bytes([byte ^ 0x55]))


@group.case
def a_damaged_store_is_refused(context):
    hub = context.hub().start()
    hub.create(f"device-{i}" for i in range(300))
    hub.stop()
    damage(hub.data / "store.db", 3)
    refuses(hub, "database", "restore", "--data")


@group.case
def a_damaged_log_meta_is_refused(context):
    hub = context.hub().start()
    hub.stop()
    meta = hub.data / "log.meta"
    good = meta.read_bytes()
    for bad in (b"", b"rubbish\n", good[:30]):
        meta.write_bytes(bad)
        refuses(hub, r"log\.meta", "restore", "--data")
        unchanged(meta, bad)


def as_somebody_else():
    """A user who may not write everywhere; root may."""
    if os.geteuid() != 0:
        return []
    for words in (["setpriv", "--reuid", "65534", "--clear-groups"],):
        if shutil.which(words[0]) and subprocess.run([*words, "test", "-x", AZIMUTH],
                                                     check=False).returncode == 0:
            return words
    raise Skipped("root may write everywhere, and there is no other user to be")


@group.case
def a_directory_that_cannot_be_written_is_refused(context):
    wrapper = as_somebody_else()
    hub = context.hub()
    hub.data.mkdir()
    hub.data.chmod(0o555)
    hub.wrapper = wrapper
    said = refuses(hub, str(hub.data), "Permission denied|Read-only", "owns", "--data")
    hub.data.chmod(stat.S_IRWXU)
    return f'"{said}"'


@group.case
def a_directory_that_is_a_file_is_refused(context):
    hub = context.hub()
    hub.data.write_text("I am a file")
    refuses(hub, str(hub.data), "Not a directory", "--data")
    check(hub.data.read_text() == "I am a file", "the file was changed")
    hub.data.unlink()


@group.case
def wrong_usage_has_a_status_of_its_own(context):
    rows = (
        (("--mqtt-port", "65536"), "--mqtt-port"), (("--no-such-option",), "--no-such-option"),
        (("--partitions", "0"), "--partitions"), (("--partitions", "33"), "--partitions"),
        (("--bind", "example.org"), "--bind"), (("--retention", "7"), "--retention"),
        (("--tls-cert", "a.pem"), "--tls-key"), (("--workers",), "--workers"), (("surplus",), "surplus"),
        (("--config", "/nowhere/azimuth.yaml"), "/nowhere/azimuth.yaml"),
    )
    hub = context.hub()
    for options, word in rows:
        hub.options = list(options)
        status, said = hub.refused()
        check(status == USAGE, f"{options}: exit status {status}, not {USAGE}: {said}")
        check(word in said, f"{options}: '{word}' is not in: {said}")
    check(not hub.data.exists(), "a directory was made")
    hub.ports["mqtt"] = ports.free_port()


if __name__ == "__main__":
    main(group)
