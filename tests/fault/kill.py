"""kill.py - the server is killed without warning while devices send at full speed."""
import time

from hub import SLOW, Group, Storm, judge, main, wait_for

group = Group()
ALIVE_SECONDS_MAX = 1.2 * SLOW
LIVES = 10  # in which something must be acknowledged
STARTING_SECONDS_MAX = 0.15  # a start takes about as long


def kill_some_time(hub, chance):
    """Somewhere in the middle of its life; now and then before it is ready."""
    if chance.random() < 0.25:
        hub.launch()
        time.sleep(chance.random() * STARTING_SECONDS_MAX * SLOW)
        hub.kill()
    hub.start()
    time.sleep(chance.random() * ALIVE_SECONDS_MAX)
    hub.kill()


def live_until_acked(hub, storm):
    hub.start()
    storm.wait_acked(1)
    hub.kill()


def storm_and_kill(context, kills, devices, workers):
    chance = context.chance
    hub = context.hub("--workers", workers, "--log-level", "warn").start()
    judged = set(chance.sample(range(kills), max(kills // 10, 1)))
    with Storm(hub, devices, seed=chance.randrange(1 << 31)) as storm:
        hub.kill()
        before = 0
        for number in range(kills):
            kill_some_time(hub, chance)
            if number % LIVES == LIVES - 1:
                if storm.status()["acked"] == before:  # a busy machine
                    live_until_acked(hub, storm)
                before = storm.status()["acked"]
            if number in judged:
                storm.save()
                judge(hub, storm.ledger)
        hub.start()
        storm.wait_acked(100)
        counts = storm.finish()
        hub.kill()
    found = judge(hub, storm.ledger, copy=False)
    again = found["records"] - counts["sent"]
    return f"{kills} kills, {counts['acked']} messages, {again} of them stored again"


@group.case
def nothing_acknowledged_is_lost_when_the_server_is_killed(context):
    return storm_and_kill(context, 100 if context.long else 8, 60, workers=1)


@group.case
def nothing_acknowledged_is_lost_with_several_workers(context):
    return storm_and_kill(context, 30 if context.long else 4, 60, workers=3)


@group.case
def all_devices_come_back_at_once_after_a_kill(context):
    """Full handshakes of TLS for every second one; who is back sends on."""
    devices = 3000 if context.long else 300
    hub = context.hub("--log-level", "warn").start()
    with Storm(hub, devices, seed=context.chance.randrange(1 << 31), rate=2000) as storm:
        longest = 0
        for _ in range(5 if context.long else 2):
            wait_for("all devices", lambda: storm.status()["connected"] == devices, 120 * SLOW)
            storm.wait_acked(1000)
            hub.kill()
            began = time.monotonic()
            hub.start()
            wait_for("all devices again", lambda: storm.status()["connected"] == devices, 120 * SLOW)
            longest = max(longest, time.monotonic() - began)
        storm.finish()
    hub.kill()
    judge(hub, storm.ledger, copy=False)
    return f"{devices} devices were back within {longest:.1f} s"


@group.case
def a_clean_stop_keeps_everything_too(context):
    """SIGTERM in the middle: what was acknowledged is there, and nothing has to be recovered."""
    hub = context.hub("--log-level", "warn").start()
    with Storm(hub, 40, seed=context.chance.randrange(1 << 31)) as storm:
        for _ in range(5 if context.long else 2):
            storm.wait_acked(500)
            hub.stop()
            storm.save()
            judge(hub, storm.ledger)
            hub.start()
        storm.wait_acked(100)
        storm.finish()
        hub.stop()
    judge(hub, storm.ledger, copy=False)


if __name__ == "__main__":
    main(group)
