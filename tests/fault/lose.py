"""lose.py - the power goes: the server is killed, and of what it had written and not synced (shim_lose.c) any part is
taken back."""
import collections
import os
import struct

from hub import Group, Storm, check, judge, main, preloaded

group = Group()
WRITE, LENGTH, SYNC = range(3)
ENTRY = struct.Struct("<QQQQQIIII")
SECTOR = 512  # what a disk writes whole
MORE = 20  # power cuts, if by chance nothing was unsynced in any
RATE = 3000  # messages a second, so that what is remembered stays small

Change = collections.namedtuple("Change", "kind number offset size old new")


class Power:
    """Of one hub."""

    def __init__(self, hub):
        self.hub, self.journal = hub, hub.work / "unsynced"
        hub.environment = preloaded(FAULT_LOSE=self.journal)

    def unsynced(self):
        """By file: the changes that no sync has confirmed, in their order."""
        changes, synced, data, at = collections.defaultdict(list), collections.Counter(), self.journal.read_bytes(), 0
        while at + ENTRY.size <= len(data):
            device, inode, number, offset, size, kind, old, new, _ = ENTRY.unpack_from(data, at)
            at += ENTRY.size + old + new
            if at > len(data):  # killed before it did it
                break
            if kind == SYNC:
                synced[device, inode] = max(synced[device, inode], number)
            else:
                changes[device, inode].append(Change(kind, number, offset, size, data[at - old - new:at - new],
                                                     data[at - new:at]))
        return {file: [change for change in each if change.number > synced[file]] for file, each in changes.items()}

    def goes(self, chance):
        """The server is killed; how many changes were taken back."""
        self.hub.kill()
        files, lost = self.unsynced(), 0
        for folder, _, names in os.walk(self.hub.data):
            for name in names:
                stat = os.stat(path := os.path.join(folder, name))
                lost += take_back(path, files.get((stat.st_dev, stat.st_ino), []), chance)
        self.journal.unlink()
        return lost


def take_back(path, changes, chance):
    """All of them, and then some happen after all: each for itself, and of a write perhaps only its first sectors."""
    if not changes:
        return 0
    kept, lost = chance.choice([0, 0.5, 0.9]), 0
    with open(path, "r+b", buffering=0) as file:
        for change in reversed(changes):
            file.truncate(change.size)
            os.pwrite(file.fileno(), change.old, change.offset)
        for change in changes:
            if chance.random() >= kept:
                lost += 1
            elif change.kind == LENGTH:
                file.truncate(change.offset)
            else:
                torn = chance.random() < 0.1
                part = change.new[:chance.randrange(len(change.new) // SECTOR + 1) * SECTOR] if torn else change.new
                os.pwrite(file.fileno(), part, change.offset)
    return lost


@group.case
def nothing_acknowledged_is_lost_with_what_was_not_synced(context):
    """Messages and devices."""
    hub = context.hub("--log-level", "warn")
    power = Power(hub)
    hub.start()
    made, lost = [], 0
    with Storm(hub, 30, seed=context.chance.randrange(1 << 31), rate=RATE) as storm:
        number, cuts = 0, 40 if context.long else 3
        while number < cuts or (lost == 0 and number < cuts + MORE):
            number += 1
            storm.wait_acked(context.chance.randrange(100, 1500))
            made.append(f"made-{number}")
            status, text = hub.put_device(made[-1])
            check(status == 200, f"PUT of a device is answered {status} {text}")
            lost += power.goes(context.chance)
            storm.save()
            judge(hub, storm.ledger)
            hub.start()
            for name in made:
                status, text = hub.ask("GET", f"/devices/{name}?api-version=2021-04-12")
                check(status == 200, f"after power cut {number} {name} is answered {status} {text}")
        storm.wait_acked(100)
        counts = storm.finish()
    hub.kill()
    judge(hub, storm.ledger, copy=False)
    check(lost > 0, "nothing was unsynced in any of the power cuts")
    return f"{counts['acked']} messages, {lost} writes taken back"


if __name__ == "__main__":
    main(group)
