"""devices.py - device simulate and send-d2c-message: how a device proves who it is, what it answers, by which
protocol."""
import contextlib
import json
import signal
import socket
import subprocess
import tempfile
import time

from hub import AZIMUTH, ROOT, WAIT_SECONDS, Group, Hub, azimuth, check, environment

group = Group()
IDENTITY = ("hub", "device-identity")
DEVICE = "d+#1"  # both stand percent-encoded in topics of MQTT
CALL = ("hub", "invoke-device-method", "-d", DEVICE, "--mn", "blink", "--mp", '{"times":3}', "--timeout", 10)
USAGE, REFUSED, TIMED_OUT = 2, 4, 5


@contextlib.contextmanager
def simulated(hub, *words):
    """A device that sends until the case is over; yields a list that then has its summary and what it said."""
    command = [AZIMUTH, "device", "simulate", "-d", DEVICE, "--msg-interval", 1, "-o", "json", *words, "--data", hub.data]
    with subprocess.Popen([str(word) for word in command], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                          stderr=subprocess.PIPE, text=True, cwd="/", env=environment()) as process:
        told = []
        try:
            yield told
        finally:
            process.send_signal(signal.SIGINT)
            try:
                told += process.communicate(timeout=WAIT_SECONDS)
            finally:
                process.kill()


def called(hub):
    """The answer to a method, once the device listens to them."""
    end = time.monotonic() + WAIT_SECONDS
    while (done := hub.run(*CALL)).status:
        check(time.monotonic() < end, str(done))
    return done.json()


def event(hub, count=1):
    """The last of so many events, with all its properties."""
    lines = hub.must("hub", "monitor-events", "--from", "beginning", "--count", count, "--timeout", 60, "--properties", "all",
                     "--quiet", "-o", "jsonl").out
    return json.loads(lines.splitlines()[-1])["event"]


def waiting(hub):
    return hub.must("device", "c2d-message", "list", "-d", DEVICE).json()


def send_to(hub):
    hub.must("device", "c2d-message", "send", "-d", DEVICE, "--da", "sleep")


def until_nothing_waits(hub):
    end = time.monotonic() + WAIT_SECONDS
    while waiting(hub):
        check(time.monotonic() < end, "a message still waits for the device")


@group.case
def a_method_is_answered_as_it_is_said():
    with Hub() as hub:
        hub.must(*IDENTITY, "create", "-d", DEVICE)
        with simulated(hub, "--method-response-code", 201) as told:
            answer = called(hub)
        check(answer["status"] == 201 and answer["payload"]["methodName"] == "blink"
              and answer["payload"]["methodRequestPayload"] == {"times": 3}, str(answer))
        check(json.loads(told[0])["methodsAnswered"] >= 1, told[0])
        check("got method \"blink\" with \"{\\\"times\\\":3}\"" in told[1], told[1])
        with simulated(hub, "--mrp", '{"done":true}', "--receive-settle", "complete") as told:
            check(called(hub) == {"status": 200, "payload": {"done": True}}, "another answer")
            send_to(hub)
            until_nothing_waits(hub)
        check(json.loads(told[0])["messagesReceived"] == 1 and 'got message "sleep"' in told[1], str(told))


@group.case
def what_a_device_reports_at_first_is_in_its_twin():
    with Hub() as hub:
        hub.must(*IDENTITY, "create", "-d", DEVICE)
        simulate = ("device", "simulate", "-d", DEVICE, "--messages", 1, "--irp")
        hub.must(*simulate, '{"fw":"2.1"}')
        twin = hub.must("hub", "device-twin", "show", "-d", DEVICE).json()
        check(twin["properties"]["reported"]["fw"] == "2.1", str(twin))
        done = hub.run(*simulate, '["no object"]')
        check(done.status == 1 and "has not taken" in done.error, str(done))


@group.case
def what_is_not_asked_for_is_left_to_the_device():
    with Hub() as hub:
        hub.must(*IDENTITY, "create", "-d", DEVICE)
        send_to(hub)
        with simulated(hub) as told:
            hub.must("wait", "-d", DEVICE, "--connected", "--timeout", 60)
            check(hub.run(*CALL).status != 0, "a method was answered")
        check(len(waiting(hub)) == 1 and "messagesReceived" not in told[0], str(told))


@group.case
def a_device_sends_over_http():
    with Hub() as hub:
        hub.must(*IDENTITY, "create", "-d", DEVICE)
        words = ("device", "simulate", "-d", DEVICE, "--protocol", "http", "--messages", 3, "--rate", "max", "--da", '{"n":{{counter}}}',
                 "-p", "site=north;$.mid=m{{counter}}")
        for where in (("--data", hub.data), hub.remote()):
            summary = azimuth(*words, *where)
            check(summary.status == 0 and summary.json()["acknowledged"] == 3, str(summary))
        last = event(hub, 6)
        check(last["payload"] == {"n": 3} and last["origin"] == DEVICE, str(last))
        check(last["properties"]["application"] == {"site": "north"}, str(last))
        check(last["properties"]["system"]["message_id"] == "m3" and last["properties"]["system"]["content_type"] == "application/json",
              str(last))
        with socket.create_server(("127.0.0.1", 0)) as silent:
            login = hub.login().replace("HostName=localhost", "HostName=127.0.0.1")
            done = azimuth(*words, "--existing", "--timeout", 1, "--login", login, "--https-port", silent.getsockname()[1])
            check(done.status == TIMED_OUT, str(done))
        for wrong in (("--model-id", "dtmi:a;1"), ("--mrc", 1), ("--plain",), ("--window", 2), ("-p", "a=b\nc"), ("-p", "$.on=x")):
            done = hub.run(*words[:6], "--messages", 1, *wrong)
            check(done.status == USAGE, str(done))


@group.case
def over_http_a_message_is_settled_in_each_way():
    with Hub() as hub:
        hub.must(*IDENTITY, "create", "-d", DEVICE)
        for way, left in (("complete", 0), ("reject", 0), ("abandon", 1)):
            send_to(hub)
            with simulated(hub, "--protocol", "http", "--receive-settle", way) as told:
                end = time.monotonic() + WAIT_SECONDS
                while len(list_of := waiting(hub)) > left or (left and list_of and list_of[0].get("deliveryCount", 0) < 1):
                    check(time.monotonic() < end, f"{way}: {list_of}")
            check(json.loads(told[0])["messagesReceived"] >= 1, f"{way}: {told}")


@group.case
def a_device_shows_its_certificate_or_its_key():
    with tempfile.TemporaryDirectory(prefix="azm-ca-") as folder, Hub() as hub:
        subprocess.run([ROOT / "tests" / "conformance" / "issue", folder, "x1", "x1"], check=True, capture_output=True)
        subprocess.run(["openssl", "ec", "-aes128", "-passout", "pass:open", "-in", "x1.key", "-out", "x1.locked"], cwd=folder,
                       check=True, capture_output=True)
        print_of = subprocess.run(["openssl", "x509", "-noout", "-fingerprint", "-sha1", "-in", "x1.pem"], cwd=folder, check=True,
                                  capture_output=True, text=True).stdout.split("=")[1].strip().replace(":", "")
        hub.must(*IDENTITY, "create", "-d", "x1", "--am", "x509_thumbprint", "--ptp", print_of)
        key = hub.must(*IDENTITY, "create", "-d", DEVICE).json()["authentication"]["symmetricKey"]["primaryKey"]
        send = ("device", "send-d2c-message", "-d", "x1", "--cp", f"{folder}/x1.pem")
        hub.must(*send, "--kp", f"{folder}/x1.key", "--model-id", "dtmi:example:Oven;1")
        twin = hub.must("hub", "device-twin", "show", "-d", "x1").json()
        check(twin["modelId"] == "dtmi:example:Oven;1", str(twin))
        hub.must("device", "simulate", "-d", "x1", "--cp", f"{folder}/x1.pem", "--kp", f"{folder}/x1.locked", "--pass", "open",
                 "--messages", 1)
        hub.must("device", "send-d2c-message", "-d", DEVICE, "--key", key)
        for wrong, status in ((("--kp", f"{folder}/x1.locked"), USAGE), (("--kp", f"{folder}/x1.locked", "--pass", "shut"), USAGE),
                              ((), USAGE), (("--kp", f"{folder}/x1.key", "--plain"), USAGE)):
            done = hub.run(*send, *wrong)
            check(done.status == status, str(done))
        done = hub.run(*send[:2], "-d", DEVICE, *send[4:], "--kp", f"{folder}/x1.key")  # another's certificate
        check(done.status == REFUSED, str(done))
