"""stop.py - signals under load: stopped, continued, told to reload, told to end."""
import signal
import time

from hub import Group, Storm, check, judge, main, wait_for

group = Group()
STOPPED_SECONDS = 3  # shorter than any deadline of ours
LONG_STOPPED_SECONDS = 60  # longer than most of them


def all_connected(storm):
    wait_for("all devices", lambda: storm.status()["connected"] == storm.devices)
    return storm.status()


@group.case
def a_reload_of_certificates_drops_no_connection(context):
    hub = context.hub("--log-level", "warn").start()
    with Storm(hub, 60, seed=context.chance.randrange(1 << 31), rate=20000) as storm:
        before = all_connected(storm)
        for _ in range(20 if context.long else 5):
            hub.signal(signal.SIGHUP)
            storm.wait_acked(500)
        after = storm.status()
        check(after["losses"] == before["losses"], f"{after['losses'] - before['losses']} connections were dropped")
        storm.finish()
    hub.stop()
    judge(hub, storm.ledger, copy=False)


@group.case
def a_server_stopped_for_a_while_goes_on(context):
    """After a minute devices may have given it up, and come back; nothing is lost."""
    hub = context.hub("--log-level", "warn").start()
    with Storm(hub, 60, seed=context.chance.randrange(1 << 31), rate=20000) as storm:
        for seconds in (STOPPED_SECONDS, LONG_STOPPED_SECONDS) if context.long else (STOPPED_SECONDS,):
            before = all_connected(storm)
            hub.signal(signal.SIGSTOP)
            time.sleep(seconds)
            hub.signal(signal.SIGCONT)
            storm.wait_acked(1000)
            lost = storm.status()["losses"] - before["losses"]
            check(lost == 0 or seconds > STOPPED_SECONDS, f"{lost} connections were dropped")
        storm.finish()
    hub.stop()
    judge(hub, storm.ledger, copy=False)


@group.case
def told_to_end_twice_it_ends_at_once(context):
    hub = context.hub("--log-level", "warn").start()
    with Storm(hub, 60, seed=context.chance.randrange(1 << 31), rate=20000) as storm:
        storm.wait_acked(1000)
        hub.signal(signal.SIGTERM)
        hub.signal(signal.SIGINT)
        status = hub.wait(9)  # not the ten seconds of a drain
        check(status in (0, 1), f"exit status {status}")
        storm.save()
    judge(hub, storm.ledger, copy=False)


if __name__ == "__main__":
    main(group)
