"""reload.py - SIGHUP: what changes while the server runs, and what is said of the rest."""
import shutil
import signal
import time

from hub import WAIT_SECONDS, Group, Hub, azimuth, check

group = Group()


def hangup(hub, text, *words):
    """The configuration becomes that text; the log has all these words soon after."""
    (hub.data / "azimuth.yaml").write_text(text)
    seen = len(hub.log())
    hub.process.send_signal(signal.SIGHUP)
    end = time.monotonic() + WAIT_SECONDS
    while True:
        new = hub.log()[seen:]
        if "tls.renewed why=hangup" in new:
            break
        check(time.monotonic() < end, f"no reload: {new}")
        time.sleep(0.05)
    for word in words:
        check(word in new, f"'{word}' is not in: {new}")
    return new


@group.case
def a_file_is_checked_before_it_counts():
    with Hub() as hub:
        path = hub.data / "azimuth.yaml"
        for text, status, words in (("log-level: debug\n", 0, f"{path} is fine"), ("mqtt-prot: 1\n", 2, "azimuth.yaml:1: mqtt-prot"),
                                    ("tls-cert: /etc/hostname\ntls-key: /etc/hostname\n", 2, "--tls-cert /etc/hostname: the certificate is no readable PEM"),
                                    (f"seed: {path}\n", 2, "seed: there is no such section")):
            path.write_text(text)
            done = azimuth("config", "check", "--data", hub.data)
            check(done.status == status and words in done.out + done.error, str(done))
        path.write_text("mqtt-port: 0\n")
        shown = azimuth("config", "show", "--data", hub.data, "--amqp-port", 1, AZIMUTH_LOG_LEVEL="warn").out
        for line in (f"mqtt-port: 0  # {path}:1", "amqp-port: 1  # --amqp-port", "log-level: warn  # AZIMUTH_LOG_LEVEL", "# https-port: 443"):
            check(line in shown.splitlines(), f"{line}: {shown}")


@group.case
def the_log_level_changes():
    with Hub() as hub:
        hangup(hub, "log-level: debug\n", "config.changed option=log-level")
        hub.run("hub", "device-identity", "list", "--login", "HostName=localhost;SharedAccessKeyName=device;"
                "SharedAccessKey=AAAA", "--ca", hub.ca, *hub.ports())
        check("debug http.refused" in hub.log(), "debug lines are missing")


@group.case
def what_needs_a_restart_is_named():
    with Hub() as hub:
        hangup(hub, "partitions: 8\nretention: 7d\n", "config.restart option=partitions",
               "config.restart option=retention")
        check(hub.run("hub", "device-identity", "list").status == 0, "the server does not go on")


@group.case
def a_bad_file_changes_nothing():
    with Hub() as hub:
        said = hangup(hub, "log-level: debug\nmqtt-prot: 1\n", "config.reload", "azimuth.yaml:2: mqtt-prot",
                      "everything stays as it is")
        check("config.changed" not in said, said)
        check(hub.run("hub", "device-identity", "list").status == 0, "the server does not go on")


@group.case
def one_that_comes_while_the_rsa_certificate_is_made_waits_for_nobody():
    with Hub() as hub:
        hangup(hub, "log-level: debug\n", "config.changed option=log-level")
        end = time.monotonic() + WAIT_SECONDS
        while "tls.renewed why=rsa" not in hub.log():
            check(time.monotonic() < end, f"no RSA certificate: {hub.log()}")
            time.sleep(0.05)
        check("error tls.renew" not in hub.log(), hub.log())


@group.case
def a_ca_that_was_left_behind_misleads_nobody():
    with Hub() as given, Hub() as other:
        own = ("--tls-cert", given.data / "server-ec.pem", "--tls-key", given.data / "server-ec.key")
        with Hub(*own) as hub:
            check(hub.ready["ca"] is None and hub.about()["ca"] is None, f"the ready line names {hub.ready['ca']}")
            shutil.copy(other.ca, hub.data / "ca.pem")
            hub.must("hub", "device-identity", "create", "-d", "d1")
            hub.must("device", "send-d2c-message", "-d", "d1", "--da", "x", NODE_EXTRA_CA_CERTS=given.ca)
            hub.must("monitor-events", "--from", "beginning", "--count", 1, "--timeout", 60, NODE_EXTRA_CA_CERTS=given.ca)
            told = hub.must("env", "--format", "json").json()
            check("AZIMUTH_CA" not in told and "NODE_EXTRA_CA_CERTS" not in told, f"env says {told}")
            shutil.copy(other.data / "server-ec.pem", hub.data / "server-ec.pem")
            found = {row["check"]: row for row in hub.run("doctor", "-o", "json").json()}
            check(found["authority"]["state"] == "skipped" and found["certificate"]["seen"].startswith("what the server shows is good for 36"),
                  f"{found['authority']}, {found['certificate']}")


@group.case
def no_host_name_is_the_id_scope():
    with Hub() as hub:
        scope = hub.ready["idScope"]
        hub.stop()
        for names in (("--hostname", scope), ("--hostname", "plant.example", "--hostname", scope.lower())):
            done = azimuth("serve", "--data", hub.data, "--mqtt-port", 0, "--amqp-port", 0, "--https-port", 0, "--console", "off", *names)
            check(done.status == 1 and f"--hostname {scope}" in done.error and not done.out, str(done))
        hub.start()
