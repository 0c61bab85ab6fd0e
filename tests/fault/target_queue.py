"""target_queue.py - a queue and a topic of an AMQP broker, which is killed: Apache Artemis in the place of Service Bus."""
import functools
import threading

from target import Program, ProgramAtPorts, Target, client, node, starter


class Broker(ProgramAtPorts):
    """One for both kinds."""

    def __init__(self, directory):
        self.stays = threading.Event()
        super().__init__(1, lambda port: (starter("broker/start"), port, directory))

    @functools.cached_property
    def port(self):
        """When it is ready for the first time: until then it may have to look for one."""
        self.wait_ready()
        return self.ports[0]

    @staticmethod
    @functools.cache
    def of(hub):
        client("java"), client("node")
        return Broker(hub.work / "artemis")


class AmqpTarget(Target):
    entity, address = None, None  # what is sent to, and what is read

    def __init__(self, context, hub, name):
        super().__init__(context, hub, name)
        self.broker, self.reader = Broker.of(hub), None

    def endpoint(self):
        return {"connectionString": f"Endpoint=sb://127.0.0.1:{self.broker.port};SharedAccessKeyName=send;SharedAccessKey=a2V5;"
                                    f"EntityPath={self.entity};UseDevelopmentEmulator=true"}

    def calm(self):
        super().calm()
        self.broker.stays.wait()
        self.reader = Program(node(), starter("broker/queue.js"), self.broker.port, self.address)
        self.reader.each_line(self.arrive)

    def close(self):
        super().close()
        for program in filter(None, (self.reader, self.broker)):
            program.kill()


class Queue(AmqpTarget):
    kind, entity, address = "serviceBusQueues", "orders", "orders"

    def begin_to_fail(self):
        self.misfortunes(self.broker.kill_and_start, (0.5, 4), self.deaths)

    def no_more_misfortunes(self):
        super().no_more_misfortunes()
        self.broker.stays.set()


class Topic(AmqpTarget):
    """Its broker is the queue's, and dies with it."""

    kind, entity, address = "serviceBusTopics", "news", "news::news-reader"
