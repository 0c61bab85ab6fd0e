"""target_cosmos.py - a container of Cosmos DB, played by @vercel/cosmosdb-server: the way there is cut, it throttles
and is down. It forgets all when it is killed, so it is not."""
import http.client
import json

from hub import HOST, check
from relay import Relay
from target import Program, Target, certificate, client, node, starter, unpacked

DATABASE, CONTAINER = "plant", "telemetry"
WAYS = ({"throttle": 5}, {"throttle": 200}, {"down": True}, {"down": False, "throttle": 0})


class Cosmos(Target):
    kind = "cosmosDBSqlContainers"

    def __init__(self, context, hub, name):
        super().__init__(context, hub, name)
        client("cosmos")
        self.account = Program(node(), starter("cosmos/account.js"), *certificate(hub, name), DATABASE, CONTAINER)
        self.relay = None

    def endpoint(self):
        ready = json.loads(self.account.wait_ready())
        self.inner = ready["inner"]
        self.relay = Relay(ready["port"], self.chance)
        self.account.each_line(lambda line: self.arrive(unpacked(line)))
        return {"endpointUri": f"https://{HOST}:{self.relay.port}/", "authenticationType": "keyBased", "primaryKey": ready["key"],
                "databaseName": DATABASE, "containerName": CONTAINER, "partitionKeyName": "pk", "partitionKeyTemplate": "{deviceid}"}

    def begin_to_fail(self):
        self.misfortunes(self.have_another_way, (0.1, 1))

    def have_another_way(self):
        self.account.say(json.dumps(self.chance.choice(WAYS)))

    def calm(self):
        super().calm()
        self.relay.is_calm = True
        self.account.say(json.dumps(WAYS[-1]))

    def judge(self, ledger, stored):
        """What came again is the same document again."""
        documents = self.documents()
        check(len(documents) == stored, f"{self.name}: {stored} messages are {len(documents)} documents")
        self.again = self.arrived - stored

    def documents(self):
        connection = http.client.HTTPConnection("127.0.0.1", self.inner)
        connection.request("GET", f"/dbs/{DATABASE}/colls/{CONTAINER}/docs", headers={"x-ms-max-item-count": "1000000"})
        answer = json.loads(connection.getresponse().read())
        connection.close()
        return answer["Documents"]

    def close(self):
        super().close()
        if self.relay:
            self.relay.close()
        self.account.kill()
