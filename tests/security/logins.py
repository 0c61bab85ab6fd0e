"""logins.py - failed logins: how many an address has (net/guard.h), how many an identity (hub/session/suspects.h), and
that nobody is locked out by others."""
import concurrent.futures
import socket
import ssl
import threading
import time

import mqtt_matrix
from case import Group, check
from people import HOST, WAIT_S, Server, key_of

group = Group(lambda: Server(limits=True))
close = group.close
AT_ONCE, CORES = 8, 3
ADDRESS_MAX, IDENTITY_MAX, HOLD_S = 100, 10, 5  # GUARD_FAILURES_MAX, SUSPECT_FAILURES_MAX, SUSPECT_HOLD_US


class From:
    """The server, called from another address of this machine."""

    def __init__(self, address, server=None):
        self.server, self.address = server or group.server(), address
        self.ready = self.server.ready
        self.context = ssl.create_default_context(cafile=self.ready["ca"])

    def tls(self, port, _=None):
        plain = socket.create_connection(("127.0.0.1", port), timeout=WAIT_S, source_address=(self.address, 0))
        return self.context.wrap_socket(plain, server_hostname=HOST)

    def connect(self, who, password):
        """The CONNACK's code; None: closed before there was one."""
        try:
            client = mqtt_matrix.Client(self, mqtt_matrix.as_identity(who), password, None)
        except (ConnectionError, ssl.SSLError):
            return None
        code = client.connack()
        client.close()
        return code

    def fail(self, times):
        """Each for another identity, which need not be there; side by side, as they count for a minute."""
        with concurrent.futures.ThreadPoolExecutor(AT_ONCE) as pool:
            return list(pool.map(lambda number: self.connect(f"nobody-{number}", self.server.of(f"nobody-{number}")), range(times)))


def metric(name):
    text = group.server().text("/metrics")
    return sum(float(line.split()[-1]) for line in text.splitlines() if line.startswith(name + " ") or
               line.startswith(name + "{"))


def until(condition, what):
    end = time.monotonic() + WAIT_S
    while not condition():
        check(time.monotonic() < end, what)
        time.sleep(0.01)


@group.case
def an_address_that_only_fails_is_barred_at_the_limit():
    stranger, before = From("127.0.0.2"), metric("azimuth_connections_barred_total")
    codes = stranger.fail(ADDRESS_MAX)
    check(codes == [5] * ADDRESS_MAX, f"up to the limit: {codes}")
    check(stranger.fail(1) == [None], "one more was listened to")
    check(metric("azimuth_connections_barred_total") == before + 1, "it was not counted")
    check(From("127.0.0.3").fail(1) == [5], "another address was barred, too")


@group.case
def a_barred_address_is_barred_on_every_listener():
    stranger = From("127.0.0.6")
    stranger.fail(ADDRESS_MAX)
    for name in ("mqtt", "amqp", "https"):
        try:
            stranger.tls(stranger.ready[name])
            check(False, f"{name} took it")
        except (ConnectionError, ssl.SSLError):
            pass


@group.case
def behind_an_address_with_good_devices_nobody_is_locked_out():
    plant, server = From("127.0.0.4"), group.server()
    check(plant.connect("d1", server.of("d1")) == 0, "a good device")
    codes = plant.fail(ADDRESS_MAX + 20)
    check(codes == [5] * len(codes), f"{codes.count(None)} were barred")
    check(plant.connect("d1", server.of("d1")) == 0, "the good device is locked out")
    check(plant.connect("d2", server.of("d2")) == 0, "another one, which comes for the first time, is locked out")


@group.case
def what_one_core_knows_of_an_address_all_know():
    """Which core takes a connection nobody can choose: of so many each gets some."""
    with Server("--workers", CORES, limits=True) as server:
        plant = From("127.0.0.7", server)
        check(plant.connect("d1", server.of("d1")) == 0, "a good device")
        codes = plant.fail(2 * CORES * ADDRESS_MAX)
        check(codes == [5] * len(codes), f"{codes.count(None)} were barred")
        codes = [plant.connect("d1", server.of("d1")) for _ in range(10 * CORES)]
        check(codes == [0] * len(codes), f"the good device: {codes}")


@group.case
def an_identity_that_fails_is_told_so_slowly_and_is_not_locked_out():
    place, server = From("127.0.0.5"), group.server()
    wrong = server.of("d2", key=key_of("another"))
    before = metric("azimuth_sessions_refused_slowly_total")
    for number in range(IDENTITY_MAX):
        check(place.connect("d2", wrong) == 5, "a wrong key was let in")
        check(metric("azimuth_sessions_refused_slowly_total") == before, f"number {number} was slow")
    took = []

    def one_more():
        began = time.monotonic()
        check(place.connect("d2", wrong) == 5, "a wrong key was let in")
        took.append(time.monotonic() - began)

    thread = threading.Thread(target=one_more)
    thread.start()
    until(lambda: metric("azimuth_sessions_refused_slowly_total") > before, "nobody is kept waiting")
    began = time.monotonic()
    check(place.connect("d2", server.of("d2")) == 0, "the device itself is locked out")
    check(not took or time.monotonic() - began < HOLD_S, "the device itself is slowed down")
    thread.join()
    check(took and took[0] >= HOLD_S - 0.5, f"one over the limit took {took} s")
    check(metric("azimuth_sessions_refused_slowly_total") == before + 1, "it was not counted")
