"""target_event_hub.py - an event hub of the server itself: it does not fail, it dies with the server."""
import json
import subprocess

from hub import HOST, PARTITIONS, STORED, check
from target import Target

STREAM = 1  # of the first event hub that is made


class EventHub(Target):
    kind = "eventHubs"

    def endpoint(self):
        status, text = self.hub.ask("PUT", f"/admin/v1/event-hubs/{self.name}", {"properties": {"partitionCount": 3}})
        check(status in (200, 201), f"the event hub was not made: {status} {text[:300]}")
        return {"endpointUri": f"sb://{HOST}/", "entityPath": self.name, "authenticationType": "identityBased"}

    def lacks(self, acked):
        return self.hub.metric("azimuth_routing_lag_records")

    def judge(self, ledger):
        """What the directory holds, once the server is gone."""
        command = [STORED, self.hub.data, PARTITIONS, ledger, "stream", STREAM]
        run = subprocess.run([str(word) for word in command], capture_output=True, text=True, check=False)
        check(run.returncode in (0, 1) and run.stdout, f"the log cannot be read: {run.stderr.strip()}")
        found = json.loads(run.stdout)
        check(found["wrong"] == 0, f"{self.name}: {run.stdout.strip()} {run.stderr.strip()[:600]}")
        self.arrived, self.again = found["records"], found["records"] - found["acknowledged"]
