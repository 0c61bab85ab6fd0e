"""policies.py - shared access policies that are made, changed and deleted outlive kill -9."""
from hub import Group, Hub, azimuth, check

group = Group()
LIST = ("hub", "device-identity", "list", "--query", "[].deviceId", "-o", "tsv")
POLICY = ("hub", "policy")


def kill(hub):
    """kill -9, and the server is started again, on other ports."""
    hub.process.kill()
    hub.process.wait()
    hub.process.stdout.close()
    hub.start()


@group.case
def a_policy_that_was_made_changed_or_deleted_stays_so_after_kill_9():
    with Hub() as hub:
        hub.must("hub", "device-identity", "create", "-d", "d1")
        made = hub.must(*POLICY, "create", "--name", "panel-1._", "--permissions", "RegistryRead", "ServiceConnect").json()
        check(made["rights"] == "RegistryRead, ServiceConnect" and made["primaryKey"] != made["secondaryKey"], str(made))
        kill(hub)
        check(hub.must(*POLICY, "show", "-n", "panel-1._").json() == made, "another policy than was made")
        as_panel = ["--login", hub.login("panel-1._"), "--ca", hub.ca]
        done = azimuth(*LIST, *as_panel, *hub.ports())
        check(done.status == 0 and done.out.strip() == "d1", str(done))
        done = azimuth("hub", "device-identity", "create", "-d", "d2", *as_panel, *hub.ports())
        check(done.status == 4, f"it writes: {done}")
        hub.must(*POLICY, "update", "-n", "panel-1._", "--permissions", "RegistryWrite")
        kill(hub)
        now = hub.must(*POLICY, "show", "-n", "panel-1._").json()
        check(now == made | {"rights": "RegistryRead, RegistryWrite"}, str(now))
        done = azimuth("hub", "device-identity", "create", "-d", "d2", *as_panel, *hub.ports())
        check(done.status == 0, str(done))
        check(hub.must(*POLICY, "delete", "-n", "panel-1._").out == "", "a deletion prints something")
        check(azimuth(*LIST, *as_panel, *hub.ports()).status == 4, "let in after its deletion")
        kill(hub)
        check(azimuth(*LIST, *as_panel, *hub.ports()).status == 4, "let in after its deletion and kill -9")
        names = [p["keyName"] for p in hub.must(*POLICY, "list").json()]
        check(len(names) == 6 and "panel-1._" not in names, str(names))
