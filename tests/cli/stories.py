"""stories.py - what users ask when something is wrong: why is it refused, what differs, who is late, where did it go."""
import contextlib
import json
import re
import signal
import socket
import ssl
import subprocess
import tempfile
import time

from hub import AZIMUTH, WAIT_SECONDS, Group, Hub, check, environment, eventually

group = Group()
TELEMETRY = "messages/events?api-version=2021-04-12"


def try_in(hub, *devices):
    """Each shows a token that nobody signed."""
    for device in devices:
        token = f"SharedAccessSignature sr=localhost%2Fdevices%2F{device}&sig={'A' * 43}%3D&se=4000000000"
        status, _ = hub.ask("POST", f"/devices/{device}/{TELEMETRY}", {"Authorization": token}, url=f"https://localhost:{hub.ready['https']}")
        check(status == 401, f"{device}: {status}")


@group.case
def the_same_cause_for_many_is_an_alert():
    with Hub("--disable-login-limits") as hub:
        for device in ("d1", "d2", "d3", "d4"):
            hub.must("hub", "device-identity", "create", "-d", device)
        try_in(hub, "d1", "d2", "d3")
        done = eventually(lambda: hub.must("why", "--refused", "-o", "json"), lambda done: len(done.json()) == 3)
        check(done.error == "", "three are an alert")
        try_in(hub, "d4")
        done = eventually(lambda: hub.must("why", "--refused", "-o", "json"), lambda done: done.error)
        check(done.error == "alert: 4 ids were refused for C133 sas-signature within 5 minutes. "
                            "See: azimuth why --refused --cause C133 --since 5m\n", str(done))
        check(len(done.json()) == 4, str(done))
        check("It is not alone: 4 ids" in hub.must("why", "d1", "-o", "json").json()["summary"], "d1 is alone")
        check("refusal.alert cause=C133" in hub.log(), hub.log())


@group.case
def an_id_that_is_spelled_otherwise_is_no_matter_of_the_network():
    with Hub() as hub:
        hub.must("hub", "device-identity", "create", "-d", "press-1")
        said = "there is no device 'Press-1' on localhost: is it spelled right? Ids are case-sensitive\n"
        check(hub.must("why", "Press-1").error == said, "nobody says that there is none")
        check(hub.must("why", "press-1").error == "" and hub.must("why", "Press-1", "--quiet").error == "", "it is said of others")
        check("no module 'm1' of device 'press-1' on" in hub.must("why", "press-1", "-m", "m1").error, "of a module")


def leave(hub, address, trusted, name=None):
    """Python's way to look at a certificate, and what it does not like."""
    context = ssl.create_default_context(cafile=hub.ca if trusted else None)
    with socket.create_connection((address, hub.ready["mqtt"]), WAIT_SECONDS) as line:
        try:
            context.wrap_socket(line, server_hostname=name or address).close()
        except ssl.SSLCertVerificationError as why:
            return why.verify_message
    return ""


@group.case
def who_dials_an_address_that_the_certificate_does_not_have_is_not_told_of_trust():
    said = lambda hub, count: eventually(lambda: hub.must("why", "--refused", "-o", "json").json(), lambda rows: len(rows) == count)  # noqa: E731
    with Hub("--bind", "0.0.0.0") as hub:
        check("IP address mismatch" in leave(hub, "127.0.0.5", True) and leave(hub, "127.0.0.5", True, "localhost") == "", "the certificate")
        row = said(hub, 1)[0]
        check(row["cause"] == "C104" and row["observed"] == "the address 127.0.0.5, and no name" and "127.0.0.1" in row["expected"] and
              row["next"].startswith("azimuth serve --hostname 127.0.0.5, "), str(row))
        check("local issuer" in leave(hub, "127.0.0.6", False), "an authority that is not trusted")
        check({row["cause"] for row in said(hub, 2)} == {"C103", "C104"}, "who does not trust us says so, whatever it dials")
    with Hub("--bind", "0.0.0.0", "--hostname", "192.0.2.7") as hub:  # which may be translated into this machine's
        leave(hub, "127.0.0.5", True)
        check(said(hub, 1)[0]["cause"] == "C103", "a name of the hub may be what was dialled")


@group.case
def who_was_connected_is_not_sent_to_look_at_the_network():
    with Hub() as hub:
        hub.must("hub", "device-identity", "create", "-d", "d1")

        def summary():
            return hub.must("why", "d1", "-o", "json").json()["summary"]

        check(summary().startswith("Nothing was refused to d1") and "network" in summary(), summary())
        words = [str(word) for word in (AZIMUTH, "device", "simulate", "-d", "d1", "--quiet", "--data", hub.data)]
        with subprocess.Popen(words, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, env=environment()) as process:
            said = eventually(summary, lambda said: said.startswith("d1 is connected since "))
            check("network" not in said, said)
            process.send_signal(signal.SIGINT)
        said = eventually(summary, lambda said: not said.startswith("d1 is connected since "))
        shown = hub.must("hub", "device-identity", "show", "-d", "d1").json()["connectionStateUpdatedTime"]
        check(said.startswith(f"d1 was connected until {shown[:19]}Z and left of its own accord. Nothing was refused to it"), said)
        try_in(hub, "d1")
        eventually(summary, lambda said: "own accord" not in said)
        hub.must("device", "send-d2c-message", "-d", "d1")
        said = eventually(summary, lambda said: "It was connected until" in said)
        check(said.startswith("d1 connected over mqtt from ") and said.endswith("Z and left of its own accord."), said)


@group.case
def a_client_whose_clock_is_ahead_is_told_so():
    with Hub() as hub:
        subprocess.run(["openssl", "s_client", "-connect", f"127.0.0.1:{hub.ready['mqtt']}", "-servername", "localhost", "-CAfile", hub.ca,
                        "-attime", "7258118400", "-verify_return_error"], stdin=subprocess.DEVNULL, capture_output=True, timeout=WAIT_SECONDS,
                       check=False)
        rows = eventually(lambda: hub.must("why", "--refused", "--cause", "client-clock", "-o", "json").json(), lambda rows: rows)
        check("that clock seems to be at least" in rows[0]["happened"] and " days ahead." in rows[0]["happened"], f"{rows}")


@group.case
def what_is_refused_is_watched():
    with Hub("--disable-login-limits") as hub:
        try_in(hub, "before")
        eventually(lambda: hub.must("why", "--refused"), lambda done: "before" in done.out)
        words = ("why", "--refused", "--watch", "--count", 2, "--timeout", 60, "-o", "table", "--data", hub.data)
        with subprocess.Popen([str(word) for word in (AZIMUTH, *words)], stdout=subprocess.PIPE, text=True, env=environment()) as watch:
            said, end = "", time.monotonic() + WAIT_SECONDS
            while said.count("\n") < 2 and watch.poll() is None and time.monotonic() < end:  # until it watches, and once more
                try_in(hub, "d1")
                with contextlib.suppress(subprocess.TimeoutExpired):
                    said = watch.communicate(timeout=1)[0]
        check(watch.returncode == 0 and "before" not in said, f"{watch.returncode} {said}")
        check(all(" C140 unknown-id d1 from 127.0.0.1:" in line for line in said.splitlines()), said)
        shown = hub.must("why", "--watch", "--refused", "--since", "1h", "--count", 1, "-o", "json").json()
        check(shown["id"] == "before", f"the oldest is not the first: {shown}")
        late = hub.run("why", "--watch", "--refused", "--count", 1, "--timeout", 1)
        check(late.status == 5 and "0 of 1 were refused within 1 s" in late.error, str(late))
        for words in (("why", "--watch"), ("why", "--refused", "--count", 1), ("why", "d1", "--timeout", 1)):
            check(hub.run(*words).status == 2, f"{words} is no usage error")


@contextlib.contextmanager
def beside(hub, *words):
    """A command that goes on, and the file with its stderr."""
    with tempfile.TemporaryFile("w+", prefix="azm-error-") as error:
        process = subprocess.Popen([str(word) for word in (AZIMUTH, *words, "-o", "jsonl", "--data", hub.data)], cwd="/", text=True,
                                   stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=error, env=environment())
        try:
            yield process, error
        finally:
            process.kill()
            process.communicate()


@group.case
def what_goes_on_ends_with_a_sentence_when_its_hub_has_gone():
    gone = {"monitor-events": r"localhost (closed|cut|ended) the connection.*; once it is there again, --from \d{4}-\d\d-\d\dT[\d:.]*Z goes on",
            "monitor-feedback": r"localhost (closed|cut|refused) the (connection|session)", "why": r"does not answer .*azimuth serve --data"}
    for how in (signal.SIGTERM, signal.SIGKILL):
        with Hub() as hub:
            hub.must("hub", "device-identity", "create", "-d", "d1")
            with beside(hub, "hub", "monitor-events", "--from", "beginning") as events, beside(hub, "hub", "monitor-feedback") as feedback, \
                    beside(hub, "why", "--refused", "--watch", "--since", "1h") as refused:
                hub.must("device", "send-d2c-message", "-d", "d1", "--da", "hello")
                hub.must("device", "c2d-message", "send", "-d", "d1", "--ack", "full")
                hub.must("device", "c2d-message", "purge", "-d", "d1")
                try_in(hub, "d2")
                for (process, _), said in ((events, '"hello"'), (feedback, '"d1"'), (refused, '"d2"')):
                    check(said in (line := process.stdout.readline()), f"not {said}, but '{line}'")
                hub.process.send_signal(how)
                for (process, error), pattern in zip((events, feedback, refused), gone.values()):
                    status = process.wait(WAIT_SECONDS)
                    error.seek(0)
                    last = error.read().splitlines()[-1]
                    check(status == 1 and re.search(pattern, last), f"status {status}, '{last}'")
            hub.process.wait(WAIT_SECONDS)
            hub.process.returncode = 0  # it was told to end


def connect(hub, device, token, more=""):
    """Connects over MQTT, and is gone without DISCONNECT; the answer to CONNECT."""
    texts = [device, f"localhost/{device}/?api-version=2021-04-12{more}", token]
    body = b"\0\4MQTT\4\xc2\0\x3c" + b"".join(len(text.encode()).to_bytes(2) + text.encode() for text in texts)
    check(128 <= len(body) < 16384, f"{len(body)} bytes")
    context = ssl.create_default_context(cafile=hub.ca)
    with socket.create_connection(("127.0.0.1", hub.ready["mqtt"]), WAIT_SECONDS) as plain:
        with context.wrap_socket(plain, server_hostname="localhost") as line:
            line.sendall(b"\x10" + bytes((len(body) % 128 | 128, len(body) // 128)) + body)
            return line.recv(4)


def vanish(hub, device):
    answer = connect(hub, device, hub.must("hub", "generate-sas-token", "-d", device, "--query", "sas", "-o", "tsv").out.strip())
    check(answer == b" \2\0\0", f"CONNACK {answer}")


def controls(text):
    """What a terminal would obey: C0 but the ends of lines, DEL, C1."""
    return [letter for letter in text if letter != "\n" and (letter < " " or "\x7f" <= letter <= "\x9f")]


@group.case
def nobody_at_the_door_drives_a_terminal():
    with Hub("--disable-login-limits") as hub:
        hub.must("hub", "device-identity", "create", "-d", "d1")
        token = f"SharedAccessSignature sr=localhost%2Fdevices%2Fd1&sig={'A' * 43}%3D&se=4000000000"
        connect(hub, "d1", token, "&DeviceClientType=ok%1b%5d0%3bPWNED%07%1b%5b2J%c2%9b3m")
        connect(hub, "evil\x1b[31m", token)
        eventually(lambda: hub.must("why", "--refused", "-o", "json").json(), lambda rows: len(rows) == 2)
        hub.must("device", "send-d2c-message", "-d", "d1", "--da", "a\x1b[2J\x7f\x9b2J", "-p", "k=\x9b")
        event = ("monitor-events", "--from", "beginning", "--count", 1, "--timeout", 60)
        for words in (("why", "d1"), ("why", "--refused", "--watch", "--since", "1h", "--count", 2), event, (*event, "--properties", "all")):
            done = hub.must(*words, "-o", "table")
            check(done.out and not controls(done.out), f"{words}: {done.out!r}")
        done = hub.must(*event, "-o", "json")
        check(not controls(done.out), f"{done.out!r}")
        check(done.json()["event"]["payload"] == "a\x1b[2J\x7f\x9b2J", f"JSON is no longer what was sent: {done.out}")
        wrong = hub.run("hub", "device-identity", "show", "-d", "nobody\x1b[2J\x9b")
        check(wrong.status and not controls(wrong.error), f"{wrong.error!r}")


@group.case
def a_device_that_comes_and_goes_flaps():
    def ended():
        return [(row["count"], row["id"]) for row in
                json.loads(hub.ask("GET", "/admin/v1/refusals?cause=C164&grey=true", socket_path=True)[1])["value"]]

    with Hub() as hub:
        for device in ("steady", "shaky"):
            hub.must("hub", "device-identity", "create", "-d", device)
        for device, times in (("steady", 2), ("shaky", 3)):
            for turn in range(times):
                vanish(hub, device)
                eventually(ended, lambda rows, now=(turn + 1, device): now in rows)
        rows = hub.must("devices", "--flapping", "-o", "json").json()
        check([(row["id"], row["ends"], row["lastCause"]) for row in rows] == [("shaky", 3, "C164")], f"flapping: {rows}")
        check(hub.must("devices", "--late", "-o", "json").json() == [], "somebody is late at once")
        for words in ((), ("--late", "--flapping"), ("--late", "--since", "1h"), ("--late", "--top", 3), ("--late", "--by", "bytes"), ("--top", 0),
                      ("--top", 101), ("--top", 3, "--by", "size")):
            check(hub.run("devices", *words).status == 2, f"{words} is no usage error")


@group.case
def who_sends_most_is_counted():
    with Hub() as hub:
        for device, count, body in (("chatty", 3, "x"), ("wordy", 2, "x" * 5000), ("quiet", 1, "x")):
            hub.must("hub", "device-identity", "create", "-d", device)
            for _ in range(count):
                hub.must("device", "send-d2c-message", "-d", device, "--data", body)
        most = hub.must("devices", "--top", 2, "-o", "json")
        check([(row["deviceId"], row["messages"], row["bytes"] >= row["messages"]) for row in most.json()] == [("chatty", 3, True), ("wordy", 2, True)],
              f"{most}")
        check(most.error == "", "three are not counted exactly")
        most = hub.must("devices", "--top", 1, "--by", "bytes", "-o", "json").json()
        check(most[0]["deviceId"] == "wordy" and most[0]["bytes"] >= 10000, f"{most}")
        for query, status in (("", 200), ("?by=bytes&top=100", 200), ("?top=101", 400), ("?top=0", 400), ("?by=size", 400)):
            check(hub.ask("GET", f"/admin/v1/talkers{query}", socket_path=True)[0] == status, f"{query} is not {status}")


@group.case
def the_newest_message_is_explained():
    with Hub() as hub:
        for device in ("d1", "d2"):
            hub.must("hub", "device-identity", "create", "-d", device)
        none = hub.run("route", "explain", "--device", "d1", "--last")
        check(none.status == 3 and "'d1' has sent nothing" in none.error, str(none))
        hub.must("hub", "device-twin", "update", "-d", "d1", "--tags", '{"line":4}')
        routes = (("hot", "$body.t > 50"), ("line", "$twin.tags.line = 4 AND level = 'warn'"), ("lost", "unknown = 'x'"), ("off", "true"))
        for name, condition in routes:
            hub.must("hub", "message-route", "create", "--rn", name, "-t", "DeviceMessages", "--en", "events", "-c", condition,
                     "--enabled", str(name != "off").lower())
        for device, body, level in (("d1", '{"t":60}', "critical"), ("d1", '{"t":40}', "warn"), ("d2", '{"t":99}', "warn")):
            hub.must("device", "send-d2c-message", "-d", device, "--da", body, "-p", f"level={level};$.ct=application/json;$.ce=utf-8")
        explained = hub.must("route", "explain", "--device", "d1", "--last", "-o", "json").json()
        check(explained["event"]["payload"] == {"t": 40} and explained["event"]["endpoints"] == ["events"], f"{explained['event']}")
        said = {row["route"]: row["now"] for row in explained["routes"]}
        check(said == {"hot": "false", "line": "true", "lost": "undefined", "off": "disabled", "$fallback": "not asked"}, f"{said}")
        shown = hub.must("route", "explain", "d2", "-o", "table").out
        check(shown.startswith("The newest message of d2, of ") and " went to events.\n\nroute " in shown, shown)
        for words in (("route", "explain"), ("route", "explain", "d1", "--from", "soon")):
            check(hub.run(*words).status == 2, f"{words} is no usage error")
