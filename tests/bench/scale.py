"""scale.py - the figures of docs/scale.md: scale.md.in names them, and each is reckoned here from the newest results.

In the template `@name@` is a figure with two digits that count, `@name:3@` one with three, and `@of CASE@` says where
a case's results are from. What has not been measured says so."""
import re
import statistics

from stages import LOG, READ

CORES, LOOPS = 16, 13   # of the node; the others are the log's two threads' and the store's
MILLION = 1_000_000
GIB = 1 << 30
US_PER_S = 1e6
HEAPS, WAITING = "MQTT, 100 devices, 16 in flight", "MQTT, 1000 devices, 1 in flight"
BODY = 256              # bytes of a message
STEADY_RATE = 100_000   # messages a second of a million devices that send once in ten seconds
STORM = 10_000          # devices of M13
WARMUP_S = 1            # of the generator, before each minute of M5
HUBS = 10


class NotMeasured(Exception):
    """No full run of what a figure is made of has been kept."""


class Results:
    """Of each case its newest full session: on a quiet machine if there is one, and on the machine measured last."""

    def __init__(self, lines):
        self.lines = [line for line in lines if not line["quick"]]
        self.processor = max(lines, key=lambda line: line["when"])["processor"]

    def session(self, case):
        of_case = [line for line in self.lines if line["case"] == case]
        if not of_case:
            raise NotMeasured(case)
        best = max(of_case, key=lambda line: (not line["urgent"], line["processor"] == self.processor, line["when"]))
        return [line for line in of_case if line["when"] == best["when"] and line["processor"] == best["processor"]]

    def median(self, case, key, server="azimuth", **where):
        values = [line[key] for line in self.session(case) if line["server"] == server and key in line
                  and all(line[name] == value for name, value in where.items())]
        if not values:
            raise NotMeasured(f"{case}: {key}")
        return statistics.median(values)

    def cost(self, case, server="azimuth", **where):
        return self.median(case, "cpu_s_per_million", server, **where)

    def of_threads(self, road, stage):
        """Microseconds that a message takes of the thread of a stage, its calls into the kernel with it."""
        return sum(us for name, us in self.median("stages", "stages_us", road).items() if name.startswith(stage))

    def source(self, case):
        line = self.session(case)[0]
        words = [f"`{case}`", line["commit"], *([line["processor"]] if line["processor"] != self.processor else []),
                 *(["urgent"] if line["urgent"] else [])]
        return ", ".join(words)


def stored_bytes(r):
    """Of a message of BODY on disk: what M5's minutes added, after the first, with a body of that size instead of theirs."""
    minutes = [line for line in r.session("M5") if line["server"] == "azimuth-minute"]
    sent = sum(line["sent"] for line in minutes[1:]) + WARMUP_S * sum(line["rate_target"] for line in minutes[1:])
    return (minutes[-1]["gib"] - minutes[0]["gib"]) * GIB / sent - minutes[0]["size"] + BODY


FIGURES = {
    "cores": lambda r: CORES,
    "loops": lambda r: LOOPS,
    # microseconds of CPU of a message
    "waiting_us": lambda r: r.cost("M1"),
    "waiting_log_us": lambda r: r.of_threads(WAITING, LOG),
    "waiting_segments_us": lambda r: r.of_threads(WAITING, READ),
    "waiting_many_ratio": lambda r: r.cost("growth", "azimuth-growth", axis="connections", loops=1, x=10_000)
                                    / r.cost("growth", "azimuth-growth", axis="connections", loops=1, x=1000),
    "waiting_many_us": lambda r: r.cost("M1") * FIGURES["waiting_many_ratio"](r),
    "waiting_32_ratio": lambda r: r.cost("M1", "azimuth-32") / r.cost("M1"),
    "steady_us": lambda r: r.cost("M4"),
    "heaps_us": lambda r: r.cost("M2"),
    "heaps_log_us": lambda r: r.of_threads(HEAPS, LOG),
    "heaps_segments_us": lambda r: r.of_threads(HEAPS, READ),
    "heaps_32_ratio": lambda r: r.cost("M2", "azimuth-32") / r.cost("M2"),
    "out_us": lambda r: r.cost("A5-tail"),
    # the rest of what is reckoned with
    "stored_kb": lambda r: stored_bytes(r) / 1e3,
    "handshake_us": lambda r: r.median("M9", "cpu_us_per_conn"),
    "resumed_us": lambda r: r.median("M9-resumed", "cpu_us_per_conn"),
    "connection_kb": lambda r: r.median("M7", "rss_bytes_per_conn") / 1e3,
    "connection_kernel_kb": lambda r: r.median("M7", "kernel_bytes_per_conn_both_ends") / 2 / 1e3,
    "patches": lambda r: r.median("twins", "patches_per_s"),
    "patches_floor": lambda r: r.median("twins", "per_s", "floor"),
    "creates": lambda r: r.median("query", "creates_per_s"),
    "identities_mib": lambda r: r.median("query", "resident_mib"),
    "storm_s": lambda r: r.median("M13", "connect_s"),
    "registration_us": lambda r: r.median("provisioning", "cpu_us", "azimuth-keys"),
    "start_s": lambda r: r.median("M12", "start_ms", "azimuth-kill") / 1e3,
    "start_gib": lambda r: r.median("M12", "gib", "azimuth-kill"),
    "start_s_per_10_gib": lambda r: r.median("M12", "s_per_10_gib", "azimuth-kill"),
    # the node: millions of messages a second
    "node_waiting": lambda r: LOOPS / FIGURES["waiting_us"](r),
    "node_waiting_many": lambda r: LOOPS / FIGURES["waiting_many_us"](r),
    "node_waiting_log": lambda r: 1 / FIGURES["waiting_log_us"](r),
    "node_heaps": lambda r: 1 / max(FIGURES["heaps_log_us"](r), FIGURES["heaps_segments_us"](r)),
    "node_heaps_loops": lambda r: LOOPS / (r.cost("stages", HEAPS) - FIGURES["heaps_log_us"](r) - FIGURES["heaps_segments_us"](r)),
    "node_heaps_gb": lambda r: FIGURES["node_heaps"](r) * 2 * FIGURES["stored_kb"](r),
    "per_gb": lambda r: 1 / (2 * FIGURES["stored_kb"](r)),
    # and of other things
    "steady_cores": lambda r: STEADY_RATE * FIGURES["steady_us"](r) / US_PER_S,
    "steady_percent": lambda r: FIGURES["steady_cores"](r) / LOOPS * 100,
    "million_gb": lambda r: FIGURES["connection_kb"](r) + FIGURES["connection_kernel_kb"](r),
    "handshakes": lambda r: LOOPS * US_PER_S / FIGURES["handshake_us"](r),
    "handshake_messages": lambda r: FIGURES["handshake_us"](r) / FIGURES["waiting_us"](r),
    "resumed_percent": lambda r: FIGURES["resumed_us"](r) / FIGURES["handshake_us"](r) * 100,
    "return_s": lambda r: MILLION / FIGURES["handshakes"](r),
    "storm_back": lambda r: LOOPS * STORM / FIGURES["storm_s"](r),
    "return_beside_s": lambda r: MILLION / FIGURES["storm_back"](r),
    # ten nodes
    "hubs_waiting": lambda r: HUBS * FIGURES["node_waiting_many"](r),
    "hubs_register_min": lambda r: HUBS * MILLION * (FIGURES["registration_us"](r) + FIGURES["handshake_us"](r))
                                   / US_PER_S / 60 / 3,
}

# What the page's words take for granted.
ARGUMENT = {
    "loops are full before the log when each device waits": lambda r: FIGURES["node_waiting"](r) < FIGURES["node_waiting_log"](r),
    "the log is full before loops when messages come in heaps": lambda r: FIGURES["node_heaps"](r) < FIGURES["node_heaps_loops"](r),
    "who comes back beside others takes longer": lambda r: FIGURES["return_s"](r) < FIGURES["return_beside_s"](r),
}


def text(value, digits):
    return f"{float(f'{value:.{digits}g}'):,.10g}".replace(",", " ")


def figure(results, name, digits):
    try:
        return text(FIGURES[name](results), int(digits or 2))
    except NotMeasured:
        return "(not measured)"


def source(results, case):
    try:
        return results.source(case)
    except NotMeasured:
        return f"`{case}`, not measured"


def check_argument(results):
    for sentence, holds in ARGUMENT.items():
        try:
            good = holds(results)
        except NotMeasured:
            continue
        if not good:
            raise RuntimeError(f"scale.md.in says other than the results: {sentence}")


def fill(template, lines):
    """The page."""
    results = Results(lines)
    check_argument(results)
    page = re.sub(r"@of ([\w-]+)@", lambda found: source(results, found[1]), template)
    page = page.replace("@processor@", results.processor)
    return re.sub(r"@(\w+)(?::(\d))?@", lambda found: figure(results, found[1], found[2]), page)
