"""clock.py - somebody sets the wall clock of a hub and its devices (shim_clock.c), by a day and by more than a year."""
import ssl
import struct
import subprocess
import time

from hub import SLOW, Group, Storm, check, judge, main, preloaded, wait_for

group = Group()
DAY = 86400
LOOK_SECONDS, SHIM_LOOK_SECONDS = 60, 1  # so often the server looks at its certificates: as promised, and in a short run
KEYS_SECONDS = 60 * SLOW                 # until new ones are made, the RSA key's beside everything else that runs


class Clock:
    """Of a hub, and of who is given its environment."""

    def __init__(self, hub):
        self.path = hub.work / "clock"
        self.set(0)
        self.environment = hub.environment = preloaded(FAULT_CLOCK=self.path)

    def set(self, days):
        """In place: who looks has it mapped."""
        with open(self.path, "r+b" if self.path.exists() else "wb", buffering=0) as file:
            file.write(struct.pack("<q", days * DAY))


def all_there(storm):
    wait_for("all devices", lambda: storm.status()["connected"] == storm.devices, 90 * SLOW)
    storm.wait_acked(500)


def shown_end(hub):
    """When the certificate ends that a new connection is shown."""
    pem = ssl.get_server_certificate(("127.0.0.1", hub.ports["mqtt"]))
    said = subprocess.run(["openssl", "x509", "-noout", "-enddate"], input=pem, capture_output=True, text=True, check=True)
    return ssl.cert_time_to_seconds(said.stdout.strip().removeprefix("notAfter="))


@group.case
def steps_of_a_day_either_way_lose_nothing(context):
    """Tokens of an hour end with a step forwards: their devices come back with new ones."""
    hub = context.hub("--log-level", "warn", "--retention", "7d")
    clock = Clock(hub)
    hub.start()
    with Storm(hub, 20, seed=context.chance.randrange(1 << 31), rate=2000, environment=clock.environment) as storm:
        all_there(storm)
        for days in (1, 0, -1, 0) * (5 if context.long else 1):
            clock.set(days)
            all_there(storm)
            check(hub.unready() is None, f"/readyz says: {hub.unready()}")
        counts = storm.finish()
    hub.stop()
    judge(hub, storm.ledger, copy=False)
    return f"{counts['acked']} messages, {counts['losses']} connections ended"


@group.case
def a_server_killed_after_a_step_starts_again(context):
    hub = context.hub("--log-level", "warn", "--retention", "7d")
    clock = Clock(hub)
    hub.start()
    with Storm(hub, 20, seed=context.chance.randrange(1 << 31), rate=2000, environment=clock.environment) as storm:
        all_there(storm)
        for days in (1, -1):
            clock.set(days)
            storm.wait_acked(100)
            hub.kill()
            hub.start()
            all_there(storm)
        storm.finish()
    hub.kill()
    judge(hub, storm.ledger, copy=False)


@group.case
def a_certificate_that_ends_while_it_runs_is_replaced(context):
    """The server notices by itself; in a long run all devices have to come back, for their tokens end too, and look at its
    dates."""
    hub = context.hub("--log-level", "warn")
    clock = Clock(hub)
    if not context.long:
        hub.environment = {**clock.environment, "FAULT_CLOCK_WAIT": str(SHIM_LOOK_SECONDS)}
    hub.start().wait_settled()
    with Storm(hub, 10, seed=context.chance.randrange(1 << 31), rate=500, plain=False,
               environment=clock.environment) as storm:
        all_there(storm)
        ends = hub.metric("azimuth_tls_certificate_expiry_seconds")
        ahead = int(ends - time.time()) // DAY + 2
        clock.set(ahead)
        wait_for("a new certificate", lambda: hub.metric("azimuth_tls_certificate_expiry_seconds") > ends + DAY,
                 (LOOK_SECONDS if context.long else SHIM_LOOK_SECONDS) + KEYS_SECONDS)
        wait_for("the new certificate is shown", lambda: shown_end(hub) > time.time() + ahead * DAY)  # cores are told by a message
        if context.long:
            wait_for("devices that had to come back", lambda: storm.status()["losses"] >= storm.devices, 90 * SLOW)
        all_there(storm)
        storm.finish()
    hub.stop()
    return f"{ahead} days on"


if __name__ == "__main__":
    main(group)
