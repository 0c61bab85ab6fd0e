"""target_queue.py - a queue of an AMQP broker, which is killed: Apache Artemis in the place of Service Bus."""
from hub import free_port
from target import Program, Target, client, node, starter

QUEUE = "orders"


class Queue(Target):
    kind = "serviceBusQueues"

    def __init__(self, context, hub, name):
        super().__init__(context, hub, name)
        client("java"), client("node")
        self.port, self.reader = free_port(), None
        self.broker = Program(starter("broker/start"), self.port, hub.work / name)

    def endpoint(self):
        self.broker.wait_ready()
        return {"connectionString": f"Endpoint=sb://127.0.0.1:{self.port};SharedAccessKeyName=send;SharedAccessKey=a2V5;"
                                    f"EntityPath={QUEUE};UseDevelopmentEmulator=true"}

    def begin_to_fail(self):
        self.misfortunes(self.broker.kill_and_start, (0.5, 4), self.deaths)

    def calm(self):
        super().calm()
        self.reader = Program(node(), starter("broker/queue.js"), self.port, QUEUE)
        self.reader.each_line(self.arrive)

    def close(self):
        super().close()
        for program in filter(None, (self.reader, self.broker)):
            program.kill()
