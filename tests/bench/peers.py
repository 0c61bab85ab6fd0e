"""peers.py - servers beside mosquitto: nginx that answers 204, proton's example broker, RabbitMQ with quorum queues."""
import base64
import hashlib
import json
import os
import shutil
import subprocess
import time

from servers import HUB, READY_SECONDS, ROOT, WORK, Server, certificate, free_port

RABBIT_READY_SECONDS = 120
QUEUE = "bench"

NGINX = """\
daemon off;
master_process off;
error_log /dev/null crit;
pid {work}/nginx.pid;
events {{ worker_connections 16384; }}
http {{
    access_log off;
    keepalive_requests 1000000000;
    client_body_temp_path {work}/nginx-body;
    proxy_temp_path {work}/nginx-proxy;
    fastcgi_temp_path {work}/nginx-fastcgi;
    uwsgi_temp_path {work}/nginx-uwsgi;
    scgi_temp_path {work}/nginx-scgi;
    server {{
        listen 127.0.0.1:{port} ssl backlog=4096;
        ssl_certificate {cert};
        ssl_certificate_key {key};
        ssl_protocols TLSv1.3;
        location / {{ return 204; }}
    }}
}}
"""

RABBIT = """\
listeners.tcp = none
listeners.ssl.default = 127.0.0.1:{amqp}
mqtt.listeners.tcp.default = 127.0.0.1:{plain}
mqtt.listeners.ssl.default = 127.0.0.1:{tls}
mqtt.allow_anonymous = true
mqtt.tcp_listen_options.nodelay = true
tcp_listen_options.nodelay = true
ssl_options.certfile = {cert}
ssl_options.keyfile = {key}
ssl_options.versions.1 = tlsv1.3
ssl_options.verify = verify_none
load_definitions = {definitions}
vm_memory_high_watermark.relative = 0.8
disk_free_limit.absolute = 100MB
log.console = false
log.file = false
"""


def need(what):
    """Debian's packages for it, installed on demand."""
    subprocess.run([ROOT / "scripts" / "deps.sh", what], check=True)


class Nginx(Server):
    """Does nothing with a request but read it: the floor of HTTPS."""

    def __init__(self):
        super().__init__("nginx")
        need("nginx")
        self.wss = free_port()
        cert, key = certificate()
        config = WORK / "nginx.conf"
        config.write_text(NGINX.format(work=WORK, port=self.wss, cert=cert, key=key))
        self._start([shutil.which("nginx") or "/usr/sbin/nginx", "-c", config], stderr=subprocess.DEVNULL)
        self._wait_for(self.wss)


class Proton(Server):
    """broker.c of proton's examples: queues in memory.  With one thread, as it has one CPU, a window that a sender
    does not have to wait for, and the newest message first, since it moves all others to take the oldest."""

    login = ("anonymous", QUEUE)

    def __init__(self):
        super().__init__("proton")
        need("proton")
        folder = WORK / "proton"
        (folder / "ssl-certs").mkdir(parents=True, exist_ok=True)
        for made, name in zip(certificate(), ("certificate", "private-key")):
            shutil.copy(made, folder / "ssl-certs" / f"tserver-{name}.pem")
        self._build(folder)
        self.amqps = free_port()
        self._start([folder / "broker", "127.0.0.1", self.amqps], cwd=folder, stdout=subprocess.DEVNULL)
        self._wait_for(self.amqps)

    @staticmethod
    def _build(folder):
        with open("/usr/share/proton/examples/c/broker.c", encoding="utf-8") as f:
            text = f.read()
        for old, new in (("const int WINDOW=5;", "const int WINDOW=1000;"), ("b.threads = 4;", "b.threads = 1;"),
                         ("m = q->messages.data[0];", "m = q->messages.data[--q->messages.len];"),
                         ("VEC_POP(q->messages);", "")):
            if old not in text:
                raise RuntimeError(f"proton's broker.c has no '{old}'")
            text = text.replace(old, new)
        (folder / "broker.c").write_text(text)
        subprocess.run(["cc", "-O2", "-w", "-I/usr/share/proton/examples/c", folder / "broker.c", "-o",
                        folder / "broker", "-lqpid-proton", "-lpthread"], check=True)


class Rabbit(Server):
    """A node of its own with a quorum queue, which syncs to disk before it acknowledges, behind MQTT and AMQP 1.0."""

    login = ("plain", "guest", "guest", f"/amq/queue/{QUEUE}")

    def __init__(self):
        super().__init__("rabbitmq")
        need("rabbitmq")
        self.plain, self.tls, self.amqps, self.names = (free_port() for _ in range(4))
        self.folder = WORK / "rabbitmq"
        shutil.rmtree(self.folder, ignore_errors=True)
        self.folder.mkdir()
        self._configure()
        self._start(["/usr/lib/rabbitmq/bin/rabbitmq-server"], env=self._environment(), cwd=self.folder,
                    stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        self._wait_for(self.amqps, RABBIT_READY_SECONDS)
        self._wait_for(self.tls, RABBIT_READY_SECONDS)

    def _configure(self):
        cert, key = certificate()
        definitions = self.folder / "definitions.json"
        (self.folder / "rabbitmq.conf").write_text(RABBIT.format(
            amqp=self.amqps, plain=self.plain, tls=self.tls, cert=cert, key=key, definitions=definitions))
        (self.folder / "enabled_plugins").write_text("[rabbitmq_mqtt,rabbitmq_amqp1_0].")
        definitions.write_text(json.dumps(self._definitions()))

    @staticmethod
    def _definitions():
        salt = b"salt"
        password = base64.b64encode(salt + hashlib.sha256(salt + b"guest").digest()).decode()
        return {
            "vhosts": [{"name": "/"}],
            "users": [{"name": "guest", "password_hash": password, "tags": "administrator",
                       "hashing_algorithm": "rabbit_password_hashing_sha256"}],
            "permissions": [{"user": "guest", "vhost": "/", "configure": ".*", "write": ".*", "read": ".*"}],
            "queues": [{"name": QUEUE, "vhost": "/", "durable": True, "auto_delete": False,
                        "arguments": {"x-queue-type": "quorum"}}],
            "bindings": [{"source": "amq.topic", "vhost": "/", "destination": QUEUE, "destination_type": "queue",
                          "routing_key": "load.#", "arguments": {}}]}

    def _environment(self):
        return {**os.environ, "HOME": str(self.folder), "RABBITMQ_NODENAME": f"bench{self.names}@localhost",
                "RABBITMQ_MNESIA_BASE": str(self.folder / "data"), "RABBITMQ_LOG_BASE": str(self.folder / "log"),
                "RABBITMQ_CONFIG_FILE": str(self.folder / "rabbitmq"),
                "RABBITMQ_ENABLED_PLUGINS_FILE": str(self.folder / "enabled_plugins"),
                "RABBITMQ_CONF_ENV_FILE": "/dev/null", "RABBITMQ_DIST_PORT": str(free_port()),
                "ERL_EPMD_PORT": str(self.names), "ERL_EPMD_ADDRESS": "127.0.0.1"}

    @property
    def pid(self):
        """Of the virtual machine, which the script that was started may have become or begun."""
        pids = [self.process.pid]
        for pid in pids:
            with open(f"/proc/{pid}/comm", encoding="ascii") as f:
                if f.read().startswith("beam"):
                    return pid
            with open(f"/proc/{pid}/task/{pid}/children", encoding="ascii") as f:
                pids += map(int, f.read().split())
        raise RuntimeError("RabbitMQ has no virtual machine")

    def __exit__(self, *_):
        self.stop()

    def stop(self, signal_number=9):
        """Its name server too, which outlives it."""
        if self.process.poll() is None:
            os.kill(self.pid, signal_number)
        self.process.wait()
        time.sleep(0.2)
        subprocess.run(["epmd", "-port", str(self.names), "-kill"], env=self._environment(), check=False,
                       capture_output=True)
        shutil.rmtree(self.folder, ignore_errors=True)
