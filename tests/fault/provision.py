"""provision.py - the server is killed while devices register: between the choice of a hub and the identity, too."""
import base64
import hashlib
import hmac
import http.client
import json
import ssl
import threading
import time

from hub import HOST, SLOW, Group, check, main, wait_for
from speech import token

group = Group()
API = "api-version=2021-10-01"
KEY = base64.b64encode(bytes(range(32))).decode()
ANSWERS_MAX = 60  # of the server between two kills; two or three are a registration
ALL_SECONDS = 120 * SLOW


def derived(name):
    """The key of a device of the group."""
    return base64.b64encode(hmac.new(base64.b64decode(KEY), name.encode(), hashlib.sha256).digest()).decode()


class Device:
    """Registers again and again over HTTPS, however often the connection or the server is lost."""

    def __init__(self, hub, name):
        self.hub, self.name, self.key, self.answers = hub, name, derived(name), 0
        self.path = f"/{hub.ready['idScope']}/registrations/{name}"
        self.token = token(self.path[1:], self.key, "registration")
        self.trust = ssl.create_default_context(cafile=hub.data / "ca.pem")

    def ask(self, method, path, body=None):
        connection = http.client.HTTPSConnection(HOST, self.hub.ports["https"], timeout=5 * SLOW, context=self.trust)
        try:
            connection.request(method, f"{self.path}{path}?{API}", body,
                               {"Authorization": self.token, "Content-Type": "application/json"})
            answer = connection.getresponse()
            said = json.loads(answer.read() or b"null")
            self.answers += 1
            return answer.status, said
        finally:
            connection.close()

    def attempt(self):
        """The state in which one registration ended; None: it is to be tried again."""
        status, said = self.ask("PUT", "/register", json.dumps({"registrationId": self.name}))
        while status == 202:
            time.sleep(0.01)
            status, said = self.ask("GET", f"/operations/{said['operationId']}")
        return said["registrationState"] if status == 200 else None

    def register(self, end):
        while time.monotonic() < end:
            try:
                state = self.attempt()
                if state and state["status"] == "assigned":
                    return state
            except (OSError, http.client.HTTPException, ValueError):
                time.sleep(0.02)
        return None


def register_all(devices, times, end, states):
    for device in devices:
        for _ in range(times):
            states[device.name] = device.register(end)


def enroll(hub, name, **more):
    """A group that every core knows, in the words of the service API."""
    body = {"enrollmentGroupId": name, "provisioningStatus": "enabled", "attestation": {
        "type": "symmetricKey", "symmetricKey": {"primaryKey": KEY, "secondaryKey": KEY}}, **more}
    status, text = hub.ask("PUT", f"/enrollmentGroups/{name}?{API}", body)
    check(status == 200, f"the group was not made: {status} {text[:300]}")


def identities(hub):
    status, text = hub.ask("GET", "/devices?top=1000&api-version=2021-04-12")
    check(status == 200, f"the identities are not listed: {status} {text[:300]}")
    return {device["deviceId"]: device for device in json.loads(text)}


def register_and_kill(context, kills, workers, **more):
    hub = context.hub("--workers", workers, "--log-level", "warn").start()
    enroll(hub, "line", **more)
    devices = [Device(hub, f"device-{i:03}") for i in range(24)]
    states, end = {}, time.monotonic() + ALL_SECONDS
    threads = [threading.Thread(target=register_all, args=(devices[i::6], kills, end, states)) for i in range(6)]
    def answers():
        return sum(device.answers for device in devices)

    def at_work():
        return any(thread.is_alive() for thread in threads)

    for thread in threads:
        thread.start()
    for _ in range(kills):
        goal = answers() + context.chance.randrange(ANSWERS_MAX)
        wait_for("the devices ask", lambda goal=goal: answers() >= goal or not at_work(), ALL_SECONDS)
        hub.kill()
        hub.start()
    wait_for("the devices", lambda: not at_work(), ALL_SECONDS)
    check(all(states.get(device.name) for device in devices), "a device was not assigned in the end")
    found = identities(hub)
    check(sorted(found) == sorted(device.name for device in devices), f"identities: {sorted(found)}")
    for device in devices:
        keys = found[device.name]["authentication"]["symmetricKey"]
        check(keys["primaryKey"] == device.key, f"{device.name} has another key")
    hub.stop()
    return f"{kills} kills, {len(devices)} devices, one identity each"


@group.case
def each_device_has_one_identity_when_the_server_is_killed(context):
    return register_and_kill(context, 60 if context.long else 6, workers=1)


@group.case
def each_device_has_one_identity_when_it_is_made_anew_each_time(context):
    """Reset: every registration deletes the identity and makes another."""
    policy = {"updateHubAssignment": True, "migrateDeviceData": False}
    return register_and_kill(context, 30 if context.long else 4, workers=3, reprovisionPolicy=policy)


if __name__ == "__main__":
    main(group)
