"""disk.py - the disk fills up, and has room again. In a file system of its own: run with mounts of its own."""
import contextlib
import os
import subprocess

from hub import Group, Skipped, Storm, check, judge, main, wait_for

group = Group()
MIB = 1 << 20
DISK = 300 * MIB  # 64 are the journal's
RATE = 5000  # messages a second, so that it is not the storm that fills the disk
REFUSED = (429, 503)


class Disk:
    """A small file system below a hub."""

    def __init__(self, hub):
        self.path, self.filler = hub.data.parent, hub.data.parent / "filler"
        mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={DISK}", "tmpfs", self.path],
                                 capture_output=True, text=True, check=False)
        if mounted.returncode:
            raise Skipped(f"a file system cannot be mounted here: {mounted.stderr.strip()}")

    def free(self):
        stat = os.statvfs(self.path)
        return stat.f_bavail * stat.f_frsize

    def fill(self, left):
        """Somebody else writes until so much is left, or less."""
        with contextlib.suppress(OSError), open(self.filler, "ab", buffering=0) as file:
            while (more := self.free() - left) > 0:
                file.write(bytes(min(more, MIB)))

    def relieve(self):
        self.filler.unlink()


def small_hub(context, *options):
    hub = context.hub("--log-level", "warn", *options)
    hub.data = hub.work / "disk" / "data"
    hub.data.parent.mkdir()
    return hub, Disk(hub)


def refuses_writes(hub, storm):
    """Until told otherwise nothing new is acknowledged; reading goes on."""
    reason = wait_for("/readyz that says so", hub.unready)
    check("disk" in reason, f"/readyz gives another reason: {reason}")
    storm.check_nothing_acked("while /readyz said no")
    status, text = hub.put_device("late")
    check(status in REFUSED, f"PUT of a device is answered {status} {text}")
    status, text = hub.ask("GET", "/devices/storm-0000?api-version=2021-04-12")
    check(status == 200, f"GET of a device is answered {status} {text}")


def takes_writes_again(hub, storm):
    wait_for("/readyz that says ready", lambda: hub.unready() is None)
    storm.wait_acked(2000)
    status, text = hub.put_device("late")
    check(status == 200, f"PUT of a device is answered {status} {text}")
    status, text = hub.ask("DELETE", "/devices/late?api-version=2021-04-12", if_match="*")
    check(status == 204, f"DELETE of a device is answered {status} {text}")


@group.case
def below_the_reserve_nothing_is_taken_and_with_room_again_it_resumes(context):
    hub, disk = small_hub(context, "--disk-reserve", "32MiB")
    hub.start()
    with Storm(hub, 20, seed=context.chance.randrange(1 << 31), padding=200, rate=RATE) as storm:
        for _ in range(5 if context.long else 2):
            storm.wait_acked(2000)
            disk.fill(left=30 * MIB)
            refuses_writes(hub, storm)
            disk.relieve()
            takes_writes_again(hub, storm)
        counts = storm.finish()
    hub.kill()
    judge(hub, storm.ledger, copy=False)
    return f"{counts['acked']} messages"


@group.case
def a_server_killed_on_a_full_disk_starts_again_on_it(context):
    hub, disk = small_hub(context, "--disk-reserve", "32MiB")
    hub.start()
    with Storm(hub, 20, seed=context.chance.randrange(1 << 31), padding=200, rate=RATE) as storm:
        storm.wait_acked(2000)
        disk.fill(left=30 * MIB)
        wait_for("/readyz that says so", hub.unready)
        hub.kill()
        hub.start()
        refuses_writes(hub, storm)
        disk.relieve()
        takes_writes_again(hub, storm)
        storm.finish()
    hub.kill()
    judge(hub, storm.ledger, copy=False)


@group.case
def without_a_reserve_the_last_byte_is_survived(context):
    """The server itself runs into the end of the disk, in the middle of whatever it writes."""
    hub, disk = small_hub(context, "--disk-reserve", "0")
    hub.start()
    with Storm(hub, 20, seed=context.chance.randrange(1 << 31), padding=200, rate=RATE) as storm:
        for round_number in range(4 if context.long else 2):
            storm.wait_acked(1000)
            disk.fill(left=context.chance.randrange(2 * MIB))
            wait_for("the end of the disk", lambda: hub.unready() or disk.free() < MIB // 8)
            if round_number % 2:
                hub.kill()
                disk.relieve()
                hub.start()
            else:
                wait_for("/readyz that says so", hub.unready)
                disk.relieve()
            reason = hub.unready() or ""  # asked once: it may end between two questions
            check("restart" not in reason, f"a full disk is taken for a broken one: {reason}")
            takes_writes_again(hub, storm)
        storm.finish()
    hub.kill()
    judge(hub, storm.ledger, copy=False)


if __name__ == "__main__":
    main(group)
