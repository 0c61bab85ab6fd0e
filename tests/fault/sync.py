"""sync.py - the disk does not keep what it was given (shim.c): syncs fail, or take long."""
import time

from hub import Group, Storm, check, judge, main, preloaded, wait_for

group = Group()
DELAY_MS = 2000


class Control:
    """What happens to the syncs of a hub's files."""

    def __init__(self, hub):
        self.path, self.hits_path = hub.work / "control", hub.work / "control.hits"
        self.say("")
        hub.environment = preloaded(FAULT_CONTROL=self.path)

    def say(self, words):
        """Replaced as a whole, since the shim may read at any moment; hits are counted anew."""
        fresh = self.path.with_suffix(".new")
        fresh.write_text(words)
        self.hits_path.unlink(missing_ok=True)
        fresh.rename(self.path)

    def hits(self):
        return self.hits_path.stat().st_size if self.hits_path.exists() else 0


def hub_with_control(context, *options):
    hub = context.hub("--log-level", "warn", *options)
    control = Control(hub)
    return hub.start(), control


def log_fails(context, words, end):
    hub, control = hub_with_control(context)
    with Storm(hub, 40, seed=context.chance.randrange(1 << 31)) as storm:
        for _ in range(3 if context.long else 1):
            storm.wait_acked(1000)
            control.say(words)
            wait_for("a sync that fails", control.hits)
            reason = wait_for("/readyz that says so", hub.unready)
            check("log" in reason and "restart" in reason, f"/readyz gives another reason: {reason}")
            storm.check_nothing_acked("after a failed sync")
            check(hub.metric("azimuth_log_healthy") == 0, "the metric says that the log is healthy")
            control.say("")
            storm.check_nothing_acked("after a failed sync")
            check(hub.unready(), "the server forgot that a sync had failed")
            end(hub)
            hub.start()
            check(hub.unready() is None, f"not ready after a restart: {hub.unready()}")
        storm.wait_acked(1000)
        storm.finish()
    hub.kill()
    judge(hub, storm.ledger, copy=False)
    return f'"{reason}"'


@group.case
def after_a_failed_sync_of_the_journal_nothing_is_acknowledged(context):
    skipped = context.chance.randrange(50)
    return log_fails(context, f"fail {skipped} /journal", lambda hub: hub.kill())


@group.case
def after_a_failed_sync_it_still_stops_when_told_and_says_so(context):
    return log_fails(context, "fail 0 /journal", lambda hub: hub.stop(wanted=1))


@group.case
def when_all_can_only_be_read_nothing_is_acknowledged(context):
    """As after errors of a disk, when Linux mounts its file system read-only."""
    skipped = context.chance.randrange(50)
    return log_fails(context, f"readonly {skipped} /data/", lambda hub: hub.kill())


@group.case
def after_a_failed_sync_of_the_store_nothing_is_created(context):
    hub, control = hub_with_control(context)
    hub.create(f"before-{i}" for i in range(50))
    with Storm(hub, 20, seed=context.chance.randrange(1 << 31)) as storm:
        control.say("fail 0 /store.db")
        status, text = hub.put_device("never")
        check(status in (500, 503), f"PUT of a device is answered {status} {text}")
        check(control.hits() > 0, "no sync of the store failed")
        control.say("")
        for name in ("never", "later"):
            status, text = hub.put_device(name)
            check(status in (500, 503), f"PUT of a device is answered {status} {text}")
        reason = hub.unready()
        check(reason and "store" in reason and "restart" in reason, f"/readyz says: {reason}")
        check(hub.metric("azimuth_store_poisoned_total") == 1, "the metric does not say so")
        hub.kill()
        hub.start()
        check(hub.unready() is None, f"not ready after a restart: {hub.unready()}")
        for i in range(50):
            status, text = hub.ask("GET", f"/devices/before-{i}?api-version=2021-04-12")
            check(status == 200, f"a device that was there is answered {status} {text}")
        status, text = hub.put_device("later")
        check(status == 200, f"PUT of a device is answered {status} {text}")
        storm.wait_acked(100)
        storm.finish()
    hub.kill()
    judge(hub, storm.ledger, copy=False)
    return f'"{reason}"'


@group.case
def nothing_is_acknowledged_before_its_sync_has_ended(context):
    hub, control = hub_with_control(context)
    with Storm(hub, 1, seed=context.chance.randrange(1 << 31), window=1, tls=False) as storm:
        storm.wait_acked(10)
        control.say(f"delay {DELAY_MS} /journal")
        wait_for("a sync that takes long", control.hits)
        began, acked = time.monotonic(), storm.status()["acked"]
        # One may have been on its way, one is under the sync that goes on, the next had to wait for its own.
        wait_for("acknowledgements", lambda: storm.status()["acked"] >= acked + 3)
        took = time.monotonic() - began
        check(took >= DELAY_MS / 1000 - 0.05, f"three acknowledgements came within {took:.2f} s")
        control.say("")
        storm.finish()
    hub.stop()
    judge(hub, storm.ledger, copy=False)


@group.case
def slow_syncs_cost_time_and_no_connections(context):
    hub, control = hub_with_control(context)
    with Storm(hub, 60, seed=context.chance.randrange(1 << 31)) as storm:
        wait_for("all devices", lambda: storm.status()["connected"] == 60)
        before = storm.status()
        for name in ("/journal", "/streams/", "/store.db"):
            control.say(f"delay {DELAY_MS} {name}")
            if "store" in name:
                status, text = hub.put_device("slow")
                check(status == 200, f"PUT of a device is answered {status} {text}")
            else:
                wait_for("syncs that take long", lambda: control.hits() >= (3 if name == "/journal" else 1))
            check(hub.unready() is None, f"/readyz says: {hub.unready()}")
        control.say("")
        storm.wait_acked(1000)
        after = storm.status()
        check(after["losses"] == before["losses"], f"{after['losses'] - before['losses']} devices were disconnected")
        storm.finish()
    hub.stop()
    judge(hub, storm.ledger, copy=False)


if __name__ == "__main__":
    main(group)
