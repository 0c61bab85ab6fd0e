"""around.py - what a server stands on is taken away, cut or full while it runs, or is not there when it starts."""
import contextlib
import errno
import itertools
import os
import re
import resource
import shutil
import signal
import socket
import sqlite3
import ssl
import subprocess
import time

from hub import HOST, Group, Skipped, Storm, check, judge, main, preloaded, wait_for

group = Group()
MIB = 1 << 20
FEW_FILES = 64
SMALL_STACK = 256 << 10
RELOADS = 200  # more than a tenth as many descriptors are no segments


def shell(words):
    """A wrapper: the server is what the shell becomes."""
    return ["bash", "-c", f'{words} exec "$@"', "bash"]


def serves(hub):
    """It takes a device and shows it."""
    status, text = hub.put_device("one")
    check(status == 200, f"PUT of a device is answered {status} {text}")
    status, text = hub.ask("GET", "/devices/one?api-version=2021-04-12")
    check(status == 200, f"GET of a device is answered {status} {text}")
    status, text = hub.ask("DELETE", "/devices/one?api-version=2021-04-12", if_match="*")
    check(status == 204, f"DELETE of a device is answered {status} {text}")


def files(hub):
    return [path for path in hub.data.rglob("*") if path.is_file()]


def is_private(path):
    return path.stat().st_mode & 0o077 == 0 or path.name in ("ca.pem", "server.pem")


# ---- what it says

@group.case
def a_log_that_nobody_reads_holds_up_nobody(context):
    """A pipe that is full: whoever waited for its reader would serve nobody."""
    reader, writer = os.pipe()
    os.set_blocking(writer, False)
    with contextlib.suppress(BlockingIOError):
        while os.write(writer, bytes(4096)):
            pass
    os.set_blocking(writer, True)
    hub = context.hub("--log-level", "trace", stderr=writer).start()
    os.close(writer)
    with Storm(hub, 20, seed=context.chance.randrange(1 << 31)) as storm:
        storm.wait_acked(1000)
        hub.signal(signal.SIGHUP)
        serves(hub)
        os.set_blocking(reader, False)
        said = bytearray()

        def reads():
            """Somebody reads again, and each reload has a line."""
            hub.signal(signal.SIGHUP)
            with contextlib.suppress(BlockingIOError):
                said.extend(os.read(reader, MIB))
            return b" lost=" in said

        wait_for("a line that says how many were lost", reads)
        storm.wait_acked(1000)
        os.close(reader)  # and goes
        storm.wait_acked(1000)
        storm.finish()
    hub.stop()
    judge(hub, storm.ledger, copy=False)


@group.case
def without_standard_streams_nothing_is_printed_into_its_files(context):
    hub = context.hub("--log-level", "trace", wrapper=shell("exec 2>&- 0<&-;")).start()
    with Storm(hub, 5, seed=context.chance.randrange(1 << 31)) as storm:
        storm.wait_acked(500)
        serves(hub)
        storm.finish()
    for fd in (0, 2):
        place = os.readlink(f"/proc/{hub.process.pid}/fd/{fd}")
        check(place == "/dev/null", f"descriptor {fd} is {place}")
    hub.kill()
    judge(hub, storm.ledger)
    hub.start()
    serves(hub)
    hub.stop()


# ---- its directory

def remove_what_grows(directory):
    """The server may make a file in it, such as a segment, between the last removal and that of the directory."""
    for again in range(10):
        try:
            return shutil.rmtree(directory)
        except OSError as problem:
            if problem.errno != errno.ENOTEMPTY or again == 9:
                raise


@group.case
def when_its_directory_is_removed_nothing_more_is_acknowledged(context):
    hub = context.hub("--log-level", "warn").start()
    with Storm(hub, 20, seed=context.chance.randrange(1 << 31)) as storm:
        storm.wait_acked(1000)
        sock = hub.work / "aside.sock"
        (hub.data / "azimuth.sock").rename(sock)  # the way in
        remove_what_grows(hub.data)
        hub.data.mkdir()
        sock.rename(hub.data / "azimuth.sock")
        reason = wait_for("/readyz that says so", hub.unready)
        check("restart" in reason, f"/readyz says: {reason}")
        storm.check_nothing_acked("and are nowhere")
    hub.kill()
    check("journal" in hub.said.read_text(), f"it said: {hub.last_words()}")


@group.case
def when_its_database_is_removed_no_device_is_made(context):
    """It looks once a second."""
    hub = context.hub("--log-level", "warn").start()
    numbers = itertools.count()
    check(hub.put_device("before")[0] == 200, "no device was made before")
    (hub.data / "store.db").unlink()
    wait_for("a refusal", lambda: hub.put_device(f"late{next(numbers)}")[0] == 503)
    check("restart" in (hub.unready() or ""), f"/readyz says: {hub.unready()}")
    hub.kill()
    check("the database was removed" in hub.said.read_text(), f"it said: {hub.last_words()}")


@group.case
def a_second_server_is_refused_also_when_the_lock_was_removed(context):
    first = context.hub().start()
    (first.data / "lock").unlink()
    second = context.hub(data=first.data)
    status, said = second.refused()
    check(status == 1 and "another azimuth runs on" in said, f"exit status {status}: {said}")
    serves(first)
    first.stop()
    second.start().stop()


@group.case
def a_directory_that_moves_is_written_where_it_is(context):
    hub = context.hub().start()
    with Storm(hub, 20, seed=context.chance.randrange(1 << 31)) as storm:
        storm.wait_acked(500)
        moved = hub.work / "moved"
        hub.data.rename(moved)
        storm.wait_acked(500)
        hub.data = moved
        check(hub.unready() is None, f"/readyz says: {hub.unready()}")
        storm.finish()
    hub.kill()
    judge(hub, storm.ledger, copy=False)


@group.case
def a_link_to_a_directory_is_as_good_and_one_to_nothing_is_refused(context):
    hub = context.hub()
    there = hub.work / "there"
    hub.data.symlink_to(there)
    status, said = hub.refused()
    check(status == 1 and str(hub.data) in said, f"exit status {status}: {said}")
    there.mkdir()
    hub.start()
    serves(hub)
    hub.stop()
    check((there / "store.db").exists(), "it wrote elsewhere")
    hub.data.unlink()


@group.case
def whatever_the_umask_its_files_are_its_own(context):
    for mask in ("000", "777"):
        hub = context.hub(wrapper=shell(f"umask {mask};")).start()
        serves(hub)
        hub.stop()
        hub.start()
        serves(hub)
        open_ones = [path.name for path in files(hub) if not is_private(path)]
        hub.stop()
        check(mask == "777" or not open_ones, f"others may read {open_ones}")


# ---- limits

@group.case
def beyond_the_largest_file_it_may_have_it_refuses_and_lives(context):
    """`ulimit -f`: the kernel sends a signal that ends whoever did not expect it."""
    hub = context.hub("--log-level", "warn").start()
    with Storm(hub, 20, seed=context.chance.randrange(1 << 31)) as storm:
        storm.wait_acked(1000)
        resource.prlimit(hub.process.pid, resource.RLIMIT_FSIZE, (MIB // 4, MIB // 4))
        wait_for("/readyz that says so", hub.unready)
        check(hub.alive(), "it died")
        hub.kill()
        hub.start()
        storm.wait_acked(1000)
        storm.finish()
    hub.kill()
    judge(hub, storm.ledger, copy=False)


@group.case
def with_few_descriptors_it_serves_or_says_why_not(context):
    hub = context.hub(wrapper=shell(f"ulimit -n {FEW_FILES};"))
    hub.launch()
    if hub.first_line():
        serves(hub)
        hub.stop()
        return "serves"
    status = hub.wait(10)
    said = hub.last_words()
    check(status == 1 and "open files" in said, f"exit status {status}: {said}")
    return said


@group.case
def with_a_small_stack_it_serves(context):
    hub = context.hub(wrapper=shell(f"ulimit -s {SMALL_STACK >> 10};")).start()
    with Storm(hub, 5, seed=context.chance.randrange(1 << 31)) as storm:
        storm.wait_acked(500)
        serves(hub)
        status, text = hub.ask("POST", "/devices/query?api-version=2021-04-12", {"query": "SELECT * FROM devices"})
        check(status == 200, f"a query is answered {status} {text}")
        storm.finish()
    hub.stop()
    judge(hub, storm.ledger, copy=False)


@group.case
def a_full_disk_that_only_the_store_meets_costs_changes_and_passes(context):
    hub = context.hub("--log-level", "warn")
    control = hub.work / "control"
    control.write_text("")
    hub.environment = preloaded(FAULT_CONTROL=control)
    hub.start()
    with Storm(hub, 20, seed=context.chance.randrange(1 << 31)) as storm:
        storm.wait_acked(500)
        control.write_text("full 0 /store.db")
        status, text = hub.put_device("never")
        check(status in (429, 500, 503), f"PUT of a device is answered {status} {text}")
        storm.wait_acked(500)
        control.write_text("")
        wait_for("a device that is taken", lambda: hub.put_device("later")[0] == 200)
        storm.finish()
    hub.kill()
    judge(hub, storm.ledger, copy=False)


# ---- the system

@group.case
def without_proc_and_tmp_it_serves(context):
    for place in ("/proc", "/tmp"):
        hub = context.hub(wrapper=["unshare", "-m", *shell(f"mount -t tmpfs -o ro tmpfs {place} &&")])
        hub.launch()
        if not hub.first_line():
            raise Skipped(f"no file system can be mounted on {place}: {hub.last_words()}")
        serves(hub)
        hub.stop()


@group.case
def without_an_environment_it_serves(context):
    hub = context.hub(wrapper=["env", "-i"]).start()
    serves(hub)
    hub.stop()


# ---- signals and reloads

@group.case
def a_storm_of_reloads_costs_no_descriptor(context):
    hub = context.hub("--log-level", "error").start()
    hub.wait_settled()
    count = lambda: len(os.listdir(f"/proc/{hub.process.pid}/fd"))
    with Storm(hub, 20, seed=context.chance.randrange(1 << 31), rate=5000) as storm:
        wait_for("all devices", lambda: storm.status()["connected"] == storm.devices)
        before, open_before = storm.status(), count()
        for _ in range(RELOADS):
            hub.signal(signal.SIGHUP)
            time.sleep(0.01)  # or several are one
        storm.wait_acked(500)
        check(storm.status()["losses"] == before["losses"], "connections were dropped")
        check(count() < open_before + RELOADS // 10, f"{open_before} descriptors became {count()}")
        storm.finish()
    hub.stop()
    judge(hub, storm.ledger, copy=False)


def shakes_hands(hub, trust):
    """The number of its certificate; None: it is not trusted."""
    with contextlib.suppress(ssl.SSLError), socket.create_connection(("127.0.0.1", hub.ports["https"])) as plain, \
            trust.wrap_socket(plain, server_hostname=HOST) as tls:
        return tls.getpeercert()["serialNumber"]
    return None


def make_certificate(hub):
    subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2",
                    "-subj", f"/CN={HOST}", "-addext", f"subjectAltName=DNS:{HOST}", "-keyout", hub.work / "own.key",
                    "-out", hub.work / "own.pem"], check=True, capture_output=True)


@group.case
def a_certificate_that_is_half_written_is_not_taken(context):
    hub = context.hub()
    hub.options = ["--tls-cert", hub.work / "own.pem", "--tls-key", hub.work / "own.key"]
    make_certificate(hub)
    hub.start()
    trust = ssl.create_default_context(cafile=hub.work / "own.pem")
    first = shakes_hands(hub, trust)
    good = {path: path.read_bytes() for path in (hub.work / "own.pem", hub.work / "own.key")}
    for path, whole in good.items():
        for bad in (b"", whole[:len(whole) // 2], b"rubbish", None):
            path.write_bytes(bad) if bad is not None else path.unlink()
            said = len(hub.said.read_text())
            hub.signal(signal.SIGHUP)
            wait_for("a complaint", lambda said=said: re.search(rf"tls.renew .*{path.with_suffix('')}", hub.said.read_text()[said:]))
            check(shakes_hands(hub, trust) == first, "it has another certificate")
            path.write_bytes(whole)
    make_certificate(hub)
    hub.signal(signal.SIGHUP)
    trust = ssl.create_default_context(cafile=hub.work / "own.pem")
    wait_for("the new certificate", lambda: shakes_hands(hub, trust))
    hub.stop()


@group.case
def a_configuration_that_is_half_written_is_not_taken(context):
    hub = context.hub()
    path = hub.work / "azimuth.yaml"
    hub.options = ["--config", path]
    whole = "log-level: warn\nretention: 2d\n"
    path.write_text(whole)
    hub.start()
    for bad in ("log-level: w", "log-level", "log-level: [", "\0\0\0\0", "", None):
        path.write_text(bad) if bad is not None else path.unlink()
        said = len(hub.said.read_text())
        hub.signal(signal.SIGHUP)
        if bad != "":
            wait_for("a complaint", lambda said=said: "config.reload" in hub.said.read_text()[said:])
        serves(hub)
    hub.stop()


def look_at_store(hub):
    """Somebody's look at it, by sqlite3: what that says."""
    with contextlib.closing(sqlite3.connect(hub.data / "store.db", timeout=0)) as other:
        try:
            return other.execute("SELECT COUNT(*) FROM identity").fetchall()[0][0]
        except sqlite3.OperationalError as error:
            return str(error)


@group.case
def nobody_else_opens_the_store_of_a_server(context):
    """Who had read it would, when it closes, remove a log in which the server goes on."""
    hub = context.hub().start()
    serves(hub)
    said = look_at_store(hub)
    check(said == "database is locked", f"somebody else is told {said}")
    status, text = hub.put_device("after")
    check(status == 200, f"PUT of a device is answered {status} {text}")
    hub.kill()
    check(look_at_store(hub) == 1, "nobody sees the store of a server that is gone")
    hub.start()
    status, text = hub.ask("GET", "/devices/after?api-version=2021-04-12")
    check(status == 200, f"what was acknowledged is answered {status} {text}")
    hub.stop()


@group.case
def a_store_that_somebody_else_has_open_is_not_served(context):
    hub = context.hub().start()
    serves(hub)
    hub.stop()
    with contextlib.closing(sqlite3.connect(hub.data / "store.db")) as other:
        other.execute("SELECT COUNT(*) FROM identity").fetchall()
        status, said = hub.refused()
        check(status == 1 and "another program has store.db open; end that" in said, f"exit status {status}: {said}")
    hub.start()
    serves(hub)
    hub.stop()


if __name__ == "__main__":
    main(group)
