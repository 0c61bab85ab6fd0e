"""target_event_hub.py - event hubs: one of the server itself, which dies with it, and one of another server, which is
killed at moments of its own."""
import json
import shutil
import subprocess
import time

from hub import HOST, PARTITIONS, STORED, check
from target import Target

STREAM = 1  # of the first event hub that is made


class EventHub(Target):
    kind = "eventHubs"

    def make(self, hub):
        status, text = hub.ask("PUT", f"/admin/v1/event-hubs/{self.name}", {"properties": {"partitionCount": 3}})
        check(status in (200, 201), f"the event hub was not made: {status} {text[:300]}")

    def endpoint(self):
        self.make(self.hub)
        return {"endpointUri": f"sb://{HOST}/", "entityPath": self.name, "authenticationType": "identityBased"}

    def lacks(self, acked):
        """The metric is there once the server knows how far behind it is."""
        behind = self.hub.metric_if_any(f'azimuth_routing_lag_records{{endpoint="{self.name}"}}')
        return "nobody knows how many" if behind is None else behind

    def judge(self, ledger, stored):
        self.read(self.hub, ledger)

    def read(self, hub, ledger):
        """What its directory holds, once the server is gone."""
        command = [STORED, hub.data, PARTITIONS, ledger, "stream", STREAM]
        run = subprocess.run([str(word) for word in command], capture_output=True, text=True, check=False)
        check(run.returncode in (0, 1) and run.stdout, f"the log cannot be read: {run.stderr.strip()}")
        found = json.loads(run.stdout)
        check(found["wrong"] == 0, f"{self.name}: {run.stdout.strip()} {run.stderr.strip()[:600]}")
        self.arrived, self.again = found["records"], found["records"] - found["acknowledged"]


class FarEventHub(EventHub):
    def __init__(self, context, hub, name):
        super().__init__(context, hub, name)
        self.far = context.hub("--log-level", "warn")
        self.far.data.mkdir()
        for file in ("ca.pem", "ca.key"):
            shutil.copy(hub.data / file, self.far.data / file)  # whom the server trusts
        self.far.start()

    def endpoint(self):
        self.make(self.far)
        return {"connectionString": f"Endpoint=sb://{HOST}:{self.far.ports['amqp']}/;SharedAccessKeyName=service;"
                                    f"SharedAccessKey={self.far.policy_key('service')};EntityPath={self.name}"}

    def begin_to_fail(self):
        self.misfortunes(self.die_a_while, (0.5, 3))

    def die_a_while(self):
        self.far.kill()
        time.sleep(self.chance.uniform(0, 1))
        self.far.start()

    def judge(self, ledger, stored):
        self.far.kill()
        self.read(self.far, ledger)
