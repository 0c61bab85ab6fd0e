"""target.py - one endpoint of a route, and what arrives there. Another kind of endpoint is another Target."""
import collections
import threading


class Target:
    """One endpoint and what arrived there."""

    kind = None  # the list of routing.endpoints that it stands in

    def __init__(self, context, hub, name):
        self.hub, self.name, self.chance, self.is_calm = hub, name, context.chance, False
        self.guard, self.next, self.arrived, self.again = threading.Lock(), collections.Counter(), 0, 0
        self.wrong = None

    def endpoint(self):
        """As the routing document has it, but for its name."""
        raise NotImplementedError

    def calm(self):
        """It takes everything from now on."""
        self.is_calm = True

    def judge(self, ledger):
        """More to look at when the server is gone."""

    def close(self):
        pass

    def arrive(self, body):
        """One message, as the storm made it: "<device> <number> <length> <padding>"."""
        device, number = map(int, body.split(b" ", 2)[:2])
        with self.guard:
            self.arrived += 1
            self.again += number < self.next[device]
            if number > self.next[device]:
                self.wrong = f"{self.name}: message {number} of device {device} came before {self.next[device]}"
            self.next[device] = max(self.next[device], number + 1)

    def lacks(self, acked):
        """How many acknowledged messages did not arrive; `acked`: by device."""
        with self.guard:
            return sum(max(count - self.next[device], 0) for device, count in acked.items())
