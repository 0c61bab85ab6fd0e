"""endure.py - minutes at 60 % of what the server can take, while devices come and go: memory, latency and descriptors
stay what they were."""
import collections
import os
import statistics
import time

import speech
from hub import SLOW, Group, Skipped, Storm, check, main, wait_for
from peer import MIB, await_answer, device_says, dial, leave, memory, tell

group = Group()
LOAD = 0.6
CAPACITY_SECONDS = 5
DEVICES, VISITORS = 200, 50
VISIT_SECONDS = 0.05  # from one visitor to the next
MINUTES = 30  # of a long run
QUARTERS = 4  # the last is compared with the first
WARM_MINUTES = 10  # then the log's newest records, and what else is kept for use, have their memory
GROWTH_MAX, COLD_GROWTH_MAX = 16 * MIB, 96 * MIB
SLOWER_MAX, NOISE_SECONDS = 2, 0.02  # of the median from sending to PUBACK
DESCRIPTORS_MAX = 16  # more than at first: files of the log that are read

Sample = collections.namedtuple("Sample", "memory seconds")


def capacity(context):
    """Messages a second of the same devices without a limit."""
    hub = context.hub("--log-level", "warn", "--retention", "1GiB").start()
    with Storm(hub, DEVICES, seed=context.chance.randrange(1 << 31)) as storm:
        wait_for("all devices", lambda: storm.status()["connected"] == DEVICES, 60 * SLOW)
        before, began = storm.status()["acked"], time.monotonic()
        time.sleep(CAPACITY_SECONDS)
        rate = (storm.status()["acked"] - before) / (time.monotonic() - began)
    hub.kill()
    check(rate > 0, "nothing was acknowledged")
    return rate


def visit(hub, number, chance):
    """A device comes, sends, hears that it was taken, and goes, now and then without a word; seconds that it waited."""
    name = f"visitor-{number % VISITORS}"
    connection = dial(hub, chance.choice(["mqtt", "plain-mqtt"]))
    tell(connection, device_says(hub, name)[0])
    check(await_answer(connection, 20 * SLOW)[:2] == b"\x20\2", "a visitor was not let in")
    began = time.monotonic()
    tell(connection, speech.publish(f"devices/{name}/messages/events/", b"here", 1))
    check(await_answer(connection, 20 * SLOW) == b"\x40\2\0\1", "what a visitor sent was not acknowledged")
    took = time.monotonic() - began
    rudely = chance.random() < 0.3
    if not rudely:
        tell(connection, speech.LEAVE)
    leave(connection, rudely)
    return took


def descriptors(hub):
    return len(os.listdir(f"/proc/{hub.process.pid}/fd"))


def come_and_go(hub, storm, minutes, chance):
    """A sample a visit, in quarters of the time."""
    quarters, began, number = [[] for _ in range(QUARTERS)], time.monotonic(), 0
    while (passed := (time.monotonic() - began) / (60 * minutes)) < 1:
        took = visit(hub, number, chance)
        quarters[int(passed * QUARTERS)].append(Sample(memory(hub), took))
        if number % 20 == 0:
            check(hub.unready() is None, f"/readyz says: {hub.unready()}")
            hub.put_device(f"passing-{number}")
            hub.ask("DELETE", f"/devices/passing-{number}?api-version=2021-04-12", if_match="*")
        number += 1
        time.sleep(VISIT_SECONDS)
    check(storm.status()["losses"] == 0, f"{storm.status()['losses']} devices lost their connections")
    return quarters


def compare(first, last, minutes):
    grown = max(sample.memory for sample in last) - max(sample.memory for sample in first)
    most = GROWTH_MAX if minutes >= WARM_MINUTES else COLD_GROWTH_MAX
    check(SLOW > 1 or grown < most, f"memory grew by {grown // MIB} MiB from the first quarter to the last")
    before, after = (statistics.median(sample.seconds for sample in quarter) for quarter in (first, last))
    check(after < SLOWER_MAX * before + NOISE_SECONDS,
          f"the median to PUBACK was {before * 1e3:.1f} ms in the first quarter, {after * 1e3:.1f} in the last")
    return f"{grown / MIB:+.1f} MiB, {before * 1e3:.1f} and {after * 1e3:.1f} ms to PUBACK"


@group.case
def under_load_nothing_grows(context):
    minutes = context.minutes or (MINUTES if context.long else 0)
    if not minutes:
        raise Skipped("it takes minutes: --long, or --minutes N")
    rate = max(1, int(capacity(context) * LOAD))
    hub = context.hub("--log-level", "warn", "--retention", "1GiB").start()
    hub.wait_settled()
    hub.create(f"visitor-{number}" for number in range(VISITORS))
    with Storm(hub, DEVICES, seed=context.chance.randrange(1 << 31), rate=rate) as storm:
        wait_for("all devices", lambda: storm.status()["connected"] == DEVICES, 60 * SLOW)
        storm.wait_acked(rate, 60 * SLOW)
        files = descriptors(hub)
        quarters = come_and_go(hub, storm, minutes, context.chance)
        note = compare(quarters[0], quarters[-1], minutes)
        wait_for("visitors' descriptors that are given back", lambda: descriptors(hub) <= files + DESCRIPTORS_MAX)
        counts = storm.finish()
    hub.stop()
    return f"{minutes} minutes at {rate} a second, {counts['acked']} messages, {sum(map(len, quarters))} visits: {note}"


if __name__ == "__main__":
    main(group)
