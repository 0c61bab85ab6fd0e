"""target_kafka.py - a topic of a Kafka broker, which is killed; read back with kcat."""
from hub import free_port
from target import Program, Target, client, starter

TOPIC = "telemetry"


class Kafka(Target):
    kind = "kafka"

    def __init__(self, context, hub, name):
        super().__init__(context, hub, name)
        client("kafka")
        directory = hub.work / name
        directory.mkdir()
        ports = [free_port() for _ in range(3)]
        self.servers, self.reader = f"127.0.0.1:{ports[0]}", None
        self.broker = Program(starter("kafka/start"), directory, *ports, f"{TOPIC}:3")

    def endpoint(self):
        self.broker.wait_ready()
        return {"bootstrapServers": self.servers, "topic": TOPIC}

    def begin_to_fail(self):
        self.misfortunes(self.broker.kill_and_start, (0.5, 4), self.deaths)

    def calm(self):
        super().calm()
        self.reader = Program("kcat", "-C", "-q", "-u", "-o", "beginning", "-b", self.servers, "-t", TOPIC, "-f", "%s\\n")
        self.reader.each_line(self.arrive)

    def close(self):
        super().close()
        for program in filter(None, (self.reader, self.broker)):
            program.kill()
