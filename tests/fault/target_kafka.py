"""target_kafka.py - a topic of a Kafka broker, which is killed; read back with kcat."""
from target import Program, ProgramAtPorts, Target, client, starter

TOPIC = "telemetry"


class Kafka(Target):
    kind = "kafka"

    def __init__(self, context, hub, name):
        super().__init__(context, hub, name)
        client("kafka")
        directory = hub.work / name
        directory.mkdir()
        self.reader, self.broker = None, ProgramAtPorts(3, lambda *ports: (starter("kafka/start"), directory, *ports, f"{TOPIC}:3"))

    def servers(self):
        return f"127.0.0.1:{self.broker.ports[0]}"

    def endpoint(self):
        self.broker.wait_ready()
        return {"bootstrapServers": self.servers(), "topic": TOPIC}

    def begin_to_fail(self):
        self.misfortunes(self.broker.kill_and_start, (0.5, 4), self.deaths)

    def calm(self):
        super().calm()
        self.reader = Program("kcat", "-C", "-q", "-u", "-o", "beginning", "-b", self.servers(), "-t", TOPIC, "-f", "%s\\n")
        self.reader.each_line(self.arrive)

    def close(self):
        super().close()
        for program in filter(None, (self.reader, self.broker)):
            program.kill()
