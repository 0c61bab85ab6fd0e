"""goals.py - what is measured, and how far it should be from the peer or from a fixed goal."""
from dataclasses import dataclass

PEER = "mosquitto"
KIB = 1024
PARTITIONS = (("azimuth", 4), ("azimuth-32", 32))  # as it comes, and with many


@dataclass
class Goal:
    """A row of the report: the median of `key` on `server`, by itself or against the peer's."""

    case: str
    what: str
    server: str
    key: str
    unit: str
    scale: float = 1.0   # from the unit of the result to that of the row
    ratio: bool = False  # to the peer's median of the same case; else the figure itself
    must: float = None   # fails the suite above it; without one the row is only printed
    aim: float = None
    peer: str = PEER


def cost(case, what, must=None, aim=None):
    """Server CPU for a message, with the default number of partitions and with 32."""
    return [Goal(case, f"{what}, {n} partitions", server, "cpu_s_per_million", "CPU-s/M", ratio=True,
                 must=must, aim=aim)
            for server, n in PARTITIONS]


def acknowledged(case, what):
    return [Goal(case, f"{what}: {p} of PUBACK", "azimuth", f"ack_us.{p}", "ms", 1e-3, ratio=True)
            for p in ("p50", "p99")]


def beside_itself(case, what, server, **limits):
    """Server CPU for a message, to that of azimuth as it comes."""
    return [Goal(case, what, server, "cpu_s_per_million", "CPU-s/M", ratio=True, peer="azimuth", **limits)]


def road(case, what, peer, must, aim, server="azimuth"):
    """Server CPU for a message by another protocol, to that of who does least for it."""
    return [Goal(case, f"{what}: CPU", server, "cpu_s_per_million", "CPU-s/M", ratio=True, must=must, aim=aim,
                 peer=peer)]


def both(make, case, what, *words):
    """A row for the default number of partitions and one for 32."""
    return [goal for server, n in PARTITIONS
            for goal in make(case, f"{what}, {n} partitions", *words, server=server)]


def late(case, what, server):
    """How long an acknowledgement takes at a rate that is given."""
    return [Goal(case, f"{what}: {name} of PUBACK", server, f"ack_us.{p}", "ms", 1e-3, must=must, aim=aim)
            for name, p, must, aim in (("p50", "p50", 0.8, 0.4), ("p99", "p99", 5, 2), ("p99.9", "p999", None, 10))]


def endures(case, what, server):
    return [Goal(case, f"{what}: p99.9, median of the last three minutes to that of the first three", server, "last_to_first", "ratio", must=2,
                 aim=1.2),
            Goal(case, "the same: stored then", server, "gib", "GiB")]


def to_mqtt(case, *rows):
    """Server CPU for a message by other roads, to that of azimuth's own MQTT with as many in flight."""
    return [goal for way, what in rows
            for goal in road(case, what, "azimuth-mqtt", 2.0, None, server=f"azimuth-{way}")]


def routing(kind, count, must=None):
    """What routes add to a message, and how that is to reading the body into a tree and walking conditions."""
    name = f"{count} routes on {'the body' if kind == 'body' else kind}"
    return [Goal("routing", f"{name}: CPU of a message", "azimuth", f"{kind}_{count}.ns", "us", 1e-3, must=must),
            Goal("routing", "the same to the plain way", "azimuth", f"{kind}_{count}.ratio", "ratio")]


def to_floor(case):
    """What a service reaches of what SQLite alone does with its statements."""
    return [Goal(case, "the same statements by SQLite alone, as many in a transaction", "floor", "per_s", "1/s"),
            Goal(case, "the first divided by that", "azimuth", "to_floor", "ratio"),
            Goal(case, "units in a transaction", "azimuth", "units_together", "units")]


GOALS = [
    *cost("M1", "TLS, 1000 devices, 1 in flight", 1.0, 0.8),
    *acknowledged("M1", "TLS, 1000 devices, 1 in flight"),
    *cost("M1-ws", "TLS and WebSocket, 1000 devices, 1 in flight"),
    *acknowledged("M1-ws", "TLS and WebSocket, 1000 devices, 1 in flight"),
    *cost("M1-plain", "plain, 1000 devices, 1 in flight"),
    *acknowledged("M1-plain", "plain, 1000 devices, 1 in flight"),
    *cost("M2", "TLS, 100 devices, 16 in flight", 0.5),
    *acknowledged("M2", "TLS, 100 devices, 16 in flight"),
    *cost("M2-plain", "plain, 100 devices, 16 in flight"),
    *acknowledged("M2-plain", "plain, 100 devices, 16 in flight"),
    *both(road, "M3", "TLS, 1000 devices, 1 in flight, both durable", "rabbitmq", 1 / 6, 1 / 10),
    *both(road, "M3-16", "TLS, 100 devices, 16 in flight, both durable", "rabbitmq", 1 / 6, 1 / 10),
    *both(late, "M4", "TLS, 1000 devices, 10 000 msg/s"),
    *cost("M4", "TLS, 1000 devices, 10 000 msg/s"),
    *both(endures, "M5", "10 000 msg/s of 768 bytes, ten minutes"),
    *both(road, "M6", "TLS, 1000 devices, 1 in flight, to one reader", PEER, 0.9, None),
    Goal("M7", "idle TLS connection, 5 subscriptions: resident", "azimuth", "rss_bytes_per_conn", "KiB", 1 / KIB,
         must=18e3 / KIB, aim=16e3 / KIB),
    Goal("M7-used", "the same, each after a message of 16 KiB", "azimuth", "rss_bytes_per_conn", "KiB",
         1 / KIB, must=18e3 / KIB, aim=16e3 / KIB),
    Goal("M8", "idle plain connection, 5 subscriptions: resident", "azimuth", "rss_bytes_per_conn", "KiB", 1 / KIB,
         must=4e3 / KIB, aim=2e3 / KIB),
    Goal("M9", "TLS 1.3 connect with SAS check: CPU", "azimuth", "cpu_us_per_conn", "CPU-us",
         ratio=True, must=1.0, aim=0.85),
    Goal("M9-resumed", "the same, resumed by ticket", "azimuth", "cpu_us_per_conn", "CPU-us",
         ratio=True, must=1.0),
    *road("H1", "HTTPS that stays open, 100 devices", "nginx", 1.5, 1.3),
    *road("H1-batch", "HTTPS, batches of 16, a message, to a message by itself", "azimuth-single", None, None,
          server="azimuth-batch"),
    *road("H2", "HTTPS, a new connection for each message", "nginx", 1.1, 1.0),
    *road("A1", "AMQP, 100 devices, 1 unsettled", "proton", 1.25, 1.1),
    *road("A2", "AMQP, 100 devices, 16 unsettled", "proton", 2.0, 1.3),
    *road("A2", "the same", "rabbitmq", 1 / 10, 1 / 15),
    *to_mqtt("A1-M1", ("amqp", "AMQP, 1000 devices, 1 unsettled, to MQTT"),
             ("shared", "the same, all devices on one connection"),
             ("ws", "the same over WebSocket, a connection each")),
    *to_mqtt("A2-M2", ("amqp", "AMQP, 100 devices, 16 unsettled, to MQTT"),
             ("shared", "the same, all devices on one connection"),
             ("ws", "the same over WebSocket, a connection each"),
             ("batch", "the same, batches of 16, 1 unsettled")),
    *[Goal("A4", f"AMQP, 1 device, 1 unsettled: {p} of the disposition", "azimuth", f"ack_us.{p}", "ms", 1e-3,
           ratio=True, must=must, aim=aim, peer="rabbitmq") for p, must, aim in (("p50", 0.7, 0.4), ("p99", 1.0, 0.7))],
    *road("A5", "one AMQP reader of a log that was filled", "rabbitmq", 1 / 10, None),
    *road("A5", "the same", "proton", None, 2.0),
    Goal("A5-tail", "one AMQP connection, what is in memory: events (wanted: 1000000)", "azimuth", "rate", "1/s"),
    Goal("A5-tail", "the same: CPU", "azimuth", "cpu_s_per_million", "CPU-s/M", must=1.0),
    Goal("A5-cold", "one AMQP reader of segments out of the page cache: time for a GiB, to cat", "azimuth", "s_per_gib", "s",
         ratio=True, aim=1.1, peer="cat"),
    Goal("A5-cold", "the same, to one of what is in the page cache: time for a GiB", "azimuth", "s_per_gib", "s", ratio=True,
         peer="azimuth-cached"),
    Goal("A5-cold", "the same: events", "azimuth", "rate", "1/s"),
    Goal("A5-cold", "the same: CPU", "azimuth", "cpu_s_per_million", "CPU-s/M"),
    Goal("readers", "M2 beside 100 AMQP readers at different places, 100 events/s each: CPU", "azimuth-readers",
         "cpu_s_per_million", "CPU-s/M", ratio=True, must=1.1, peer="azimuth-alone"),
    Goal("readers", "the same: time for a message", "azimuth-readers", "us", "us", ratio=True, must=1.1,
         peer="azimuth-alone"),
    Goal("readers", "the same: events read", "azimuth-readers", "read_per_s", "1/s"),
    Goal("readers", "M2 beside 100 that read as fast as they can: time for a message", "azimuth-greedy", "us", "us",
         ratio=True, peer="azimuth-alone"),
    Goal("readers", "the same: events read", "azimuth-greedy", "read_per_s", "1/s"),
    Goal("methods", "1000 calls/s of 1000 devices, HTTP to MQTT and back: p50", "azimuth", "p50_us", "ms", 1e-3),
    Goal("methods", "1000 calls/s of 1000 devices, HTTP to MQTT and back: p99", "azimuth", "p99_us", "ms", 1e-3,
         must=5, aim=2),
    *beside_itself("capture", "M2, every message captured", "azimuth-capture", must=1.15),
    *beside_itself("capture-small", "the same, files of 10 MiB", "azimuth-capture"),
    *beside_itself("capture-plain", "M2-plain, every message captured", "azimuth-capture"),
    *routing("properties", 10), *routing("properties", 100), *routing("properties", 1000),
    *routing("body", 10), *routing("body", 100, must=2), *routing("body", 1000),
    Goal("fanout", "events to each of four webhooks", "azimuth-alone", "per_s", "1/s"),
    Goal("fanout", "the same beside a fifth that never answers: time to that alone", "azimuth", "time_ratio", "ratio",
         must=1.05),
    Goal("fanout", "the same: CPU of the server to that alone", "azimuth", "cpu_ratio", "ratio", must=1.05),
    Goal("twins", "reported patches of 500 devices, 2 in flight, on disk (wanted: 5000)", "azimuth",
         "patches_per_s", "1/s"),
    Goal("twins", "the same: p99 of the answer", "azimuth", "p99_us", "ms", 1e-3),
    *to_floor("twins"),
    Goal("c2d", "messages from 4 back ends to 500 devices, 64 in flight each, on disk (wanted: 5000)", "azimuth",
         "accepted_per_s", "1/s"),
    Goal("c2d", "the same: p99 to the device", "azimuth", "p99_us", "ms", 1e-3),
    *to_floor("c2d"),
    Goal("registry", "devices created in bulks of 100, on disk, from none on (wanted: 5000)", "azimuth", "creates_per_s", "1/s"),
    *to_floor("registry"),
    Goal("provisioning", "registrations by the keys of a group, HTTPS that stays open (wanted: 1000)",
         "azimuth-keys", "per_s", "1/s"),
    Goal("provisioning", "the same: CPU for each", "azimuth-keys", "cpu_us", "CPU-us", must=1000),
    Goal("provisioning", "a TLS handshake without a certificate: CPU", "azimuth-keys", "handshake_cpu_us", "CPU-us"),
    Goal("provisioning", "registrations by X.509, a connection for each device (wanted: 300)", "azimuth-certificates",
         "per_s", "1/s"),
    Goal("provisioning", "the same: CPU for each, with its handshake", "azimuth-certificates", "cpu_us", "CPU-us",
         must=3333),
    Goal("provisioning", "a TLS handshake with the device's certificate and its line's: CPU", "azimuth-certificates",
         "handshake_cpu_us", "CPU-us"),
    Goal("provisioning", "CPU for each without the handshake", "azimuth-certificates", "without_handshake_cpu_us",
         "CPU-us"),
    Goal("provisioning", "100 000 registrations: resident before", "azimuth-all", "rss_before", "MiB", 1 / KIB**2),
    Goal("provisioning", "the same: resident after", "azimuth-all", "rss_after", "MiB", 1 / KIB**2),
    Goal("provisioning", "the same: growth for each", "azimuth-all", "rss_bytes_each", "bytes"),
    Goal("provisioning", "the same devices once more: growth for each", "azimuth-again", "rss_bytes_each", "bytes"),
    *[Goal("replay", f"capture files ({codec}) into an event hub, on disk{wanted}", f"azimuth-{codec}", "per_s", "1/s")
      for codec, wanted in (("null", " (wanted: 300000)"), ("deflate", ""))],
    *[Goal("replay", f"the same to reading the files ({codec}) alone with fastavro", f"azimuth-{codec}", "ratio", "ratio")
      for codec in ("null", "deflate")],
    Goal("replay", "an event (deflate): CPU of the server", "azimuth-deflate", "server_us", "CPU-us"),
    Goal("replay", "an event (deflate): CPU of the command", "azimuth-deflate", "client_us", "CPU-us"),
    Goal("query", "devices created in bulks of 100, on disk (wanted: 5000)", "azimuth", "creates_per_s", "1/s"),
    Goal("query", "the same with three tags and two reported properties each", "azimuth", "creates_with_tags_per_s", "1/s"),
    Goal("query", "first page of 100 by a tag, 1 in 1000 of a million devices", "azimuth", "found_ms", "ms",
         must=20, aim=10),
    Goal("query", "the same when nothing matches", "azimuth", "nothing_ms", "ms", must=20, aim=2),
    Goal("query", "first page of a range of a tag", "azimuth", "range_ms", "ms", must=20, aim=10),
    Goal("query", "first page by three tags", "azimuth", "both_ms", "ms", must=20),
    Goal("query", "first page by two reported properties", "azimuth", "reported_ms", "ms", must=20, aim=10),
    Goal("query", "by two ranges of few values, tag and reported", "azimuth", "ranges_ms", "ms", must=20),
    Goal("query", "by the beginning of a reported property and two tags", "azimuth", "prefixed_ms", "ms", must=20),
    Goal("query", "by two IN", "azimuth", "in_ms", "ms", must=20),
    Goal("query", "by two tags or two others", "azimuth", "or_ms", "ms", must=20),
    Goal("query", "by a tag and NOT another", "azimuth", "not_ms", "ms", must=20),
    Goal("query", "by status and two tags", "azimuth", "enabled_ms", "ms", must=20),
    Goal("query", "edge devices with a tag, of which there are none", "azimuth", "edge_ms", "ms", must=20),
    Goal("query", "who is connected (nobody)", "azimuth", "connected_ms", "ms", must=20),
    Goal("query", "who is not connected and has a tag", "azimuth", "disconnected_ms", "ms", must=20),
    Goal("query", "who was active after some time (nobody)", "azimuth", "active_ms", "ms", must=20),
    Goal("query", "the same by reported properties when nothing matches", "azimuth", "reported_nothing_ms", "ms", must=20, aim=2),
    Goal("query", "a page that looks at twin after twin ($version), which ends early", "azimuth", "look_ms",
         "ms"),
    Goal("query", "first page of all devices", "azimuth", "all_ms", "ms", must=20, aim=10),
    Goal("query", "devices walked through in pages of 1000", "azimuth", "walked_per_s", "1/s"),
    Goal("query", "COUNT() by a tag, 1 in 13", "azimuth", "count_ms", "ms"),
    Goal("query", "resident with a million devices after all this", "azimuth", "resident_mib", "MiB"),
    Goal("query", "identities exported to the hub's own container", "azimuth", "exported_per_s", "1/s"),
    Goal("query", "the same file imported over what is there", "azimuth", "imported_per_s", "1/s"),
    Goal("query", "resident at most, with all that", "azimuth", "resident_peak_mib", "MiB"),
    Goal("job", "twins written by a job over all devices", "azimuth", "job_per_s", "1/s"),
    Goal("job", "the job is cancelled half-way: the answer", "azimuth", "cancel_ms", "ms", must=1000, aim=50),
    Goal("job", "the same: until nothing of it is under way", "azimuth", "cancelled_ms", "ms"),
    Goal("job", "resident at most", "azimuth", "resident_peak_mib", "MiB"),
    Goal("M10", "first connect after the start, to CONNACK", "azimuth", "connect_us.max", "ms", 1e-3,
         must=10, aim=3),
    Goal("M11", "saturation: lost, repeated, disordered, foreign or damaged", "azimuth", "wrong",
         "messages", must=0, aim=0),
    Goal("M12", "kill at full load: acknowledged and not stored, repeated or disordered", "azimuth-kill", "wrong",
         "messages", must=0, aim=0),
    Goal("M12", "the same: the next start", "azimuth-kill", "start_ms", "ms"),
    Goal("M12", "the same: what was stored", "azimuth-kill", "gib", "GiB"),
    Goal("M12", "the same: recovery of 10 GiB, beyond a start after an orderly end", "azimuth-kill", "s_per_10_gib", "s",
         must=2),
    Goal("M13", "reconnect storm of 10 000 devices (--quick: 2000) over TLS: all are back", "azimuth", "connect_s", "s",
         must=12, aim=8),
    Goal("M13", "the same: p99 of PUBACK of 1000 others, 5000 msg/s", "azimuth", "ack_us.p99", "ms", 1e-3, must=50,
         aim=10),
    Goal("M13", "the same: CPU of the server meanwhile, for both", "azimuth", "server_cpu_s", "s"),
    Goal("start", "from exec to ready, --ephemeral", "azimuth-ephemeral", "start_ms", "ms", must=100,
         aim=50),
    Goal("start", "from exec to ready, first start on a disk", "azimuth-first", "start_ms", "ms"),
    Goal("start", "from exec to ready, second start on a disk", "azimuth-again", "start_ms", "ms"),
]
