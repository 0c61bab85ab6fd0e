"""memory.py - the system gives no more memory: the server ends with one line, as it promises, or goes on; nothing is
lost, and the next start goes on."""
import contextlib
import pathlib
import resource
import signal

import speech
from hub import SLOW, Group, Skipped, Storm, check, judge, main, wait_for
from peer import MIB, device_says, dial, leave, tell

group = Group()
SPARE = 4 * MIB  # that it may still take
HALVES = 500  # connections, each with the larger part of a message
HALF = 240 << 10


def address_space(pid):
    for line in pathlib.Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("VmSize:"):
            return int(line.split()[1]) * 1024
    return 0


def half_a_message(hub, number):
    """The server has to keep it until the rest comes, which it does not."""
    connection = dial(hub, "plain-mqtt")
    name = f"half-{number}"
    tell(connection, device_says(hub, name)[0])
    tell(connection, speech.publish(f"devices/{name}/messages/events/", bytes(HALF + 1024))[:HALF])
    return connection


def use_up(hub):
    """Connections that were made; fewer than wanted if it ended."""
    made = []
    with contextlib.suppress(OSError):
        for number in range(HALVES):
            if not hub.alive():
                break
            made.append(half_a_message(hub, number))
    return made


@group.case
def out_of_memory_it_says_so_and_loses_nothing(context):
    if SLOW > 1:
        raise Skipped("a sanitizer wants more address space than there is")
    hub = context.hub("--log-level", "warn").start()
    hub.wait_settled()
    hub.create(f"half-{number}" for number in range(HALVES))
    with Storm(hub, 20, seed=context.chance.randrange(1 << 31), rate=1000) as storm:
        ends = 0
        for _ in range(5 if context.long else 1):
            storm.wait_acked(500)
            pid = hub.process.pid
            limit = address_space(pid) + SPARE
            resource.prlimit(pid, resource.RLIMIT_AS, (limit, limit))
            made = use_up(hub)
            if wait_for("an end or an answer", lambda: ended_or_answers(hub)) == "ended":
                ends += 1
                status = hub.wait(60)
                check(status == -signal.SIGABRT, f"it ended with {status}")
                check("out of memory" in hub.last_words(), f"its last words are: {hub.last_words()}")
            else:
                hub.kill()
            for connection in made:
                leave(connection)
            storm.save()
            judge(hub, storm.ledger)
            hub.start()
            storm.wait_acked(500)
        storm.finish()
    hub.stop()
    judge(hub, storm.ledger, copy=False)
    return f"it ended {ends} times"


def ended_or_answers(hub):
    if not hub.alive():
        return "ended"
    with contextlib.suppress(OSError):
        return "answers" if hub.ask("GET", "/healthz", seconds=5)[0] else ""
    return ""


if __name__ == "__main__":
    main(group)
