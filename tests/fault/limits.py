"""limits.py - peers that send more than is allowed, take less than they ask for, or use up descriptors."""
import contextlib
import os
import resource
import ssl
import time

import speech
from hub import SLOW, WAIT_SECONDS, Failed, Group, check, main, wait_for
from peer import (MIB, STRANGER, STRANGERS, await_answer, collect, consumer_says, device_says, dial, dial_admin, dial_raw,
                  hear, is_over, leave, tell, under_attack)

group = Group()
STALL_SECONDS = 30  # net/conn.h
FILL_SECONDS = 240 * SLOW  # until there are events enough to fill the buffers of a consumer
MESSAGE_MAX = 256 << 10  # hub/telemetry/telemetry.h
CONNECT_MAX = 128 << 10  # proto/mqtt/mqtt.h
PACKET_MAX = MESSAGE_MAX + 65535 + 16
FRAME_MAX, SASL_FRAME_MAX = 64 << 10, 4 << 10  # proto/amqp/amqp.h
ROUTES_MAX = 1000  # route/route.h
REQUESTS_MAX = 50  # front/amqp/rpc.h: AMQP_RPC_CREDIT
REQUEST_MAX = 64 << 10
LONGEST = 268435455  # what a remaining length of MQTT can say


def greeted(attack, kind="plain-mqtt"):
    """A connection of a device that was let in."""
    connection = dial(attack.hub, kind)
    tell(connection, device_says(attack.hub)[0])
    check(await_answer(connection, WAIT_SECONDS)[:4] == b"\x20\2\0\0", "a device was not let in")
    return connection


def let_in_again(attack):
    """Those that are refused, and the server's own questions, until what was closed is noticed, do not count."""
    def tried():
        with contextlib.suppress(OSError, Failed):
            greeted(attack).close()
            return True
        return False

    wait_for("a device that is let in again", tried)


def events(payload, packet_id=1):
    return speech.publish(f"devices/{STRANGER}/messages/events/", payload, packet_id)


def ends(connection, what, word=b""):
    """The server ends it by itself, and says so where there is a way."""
    heard = hear(connection)
    connection.close()
    check(heard is not None, f"{what}: the connection was not closed")
    check(word in heard, f"{what}: {word} is not in what was heard: {heard[-200:]}")


@group.case
def packets_of_mqtt_have_a_largest_size(context):
    with under_attack(context) as attack:
        for first in (speech.mqtt(1, length=CONNECT_MAX + 1), speech.mqtt(1, length=LONGEST),
                      b"\x10\xff\xff\xff\xff\x01"):
            connection = dial(attack.hub, "plain-mqtt")
            tell(connection, first)
            ends(connection, f"a first packet {first.hex()}")
        for length in (PACKET_MAX + 1, LONGEST):
            connection = greeted(attack)
            tell(connection, speech.mqtt(3, length=length, flags=2) + bytes(MIB))
            ends(connection, f"a packet of {length} bytes")
        connection = greeted(attack)
        tell(connection, events(bytes(MESSAGE_MAX), 7))
        check(await_answer(connection, WAIT_SECONDS) == b"\x40\2\0\7", "a message as large as allowed was not taken")
        tell(connection, events(bytes(MESSAGE_MAX + 1), 8))
        ends(connection, "a message one byte too large")


def amqp(attack, *said, kind="plain-amqp"):
    connection = dial(attack.hub, kind)
    tell(connection, b"".join(said))
    return connection


def opened(attack, *said):
    """A connection with a session, on which a client then says more."""
    return amqp(attack, speech.AMQP_HEADER, speech.amqp_open("localhost"), speech.begin(), *said)


@group.case
def frames_of_amqp_have_a_largest_size(context):
    with under_attack(context) as attack:
        for size in (0, 7, FRAME_MAX + 1, 0x7fffffff, 0xffffffff):
            connection = amqp(attack, speech.AMQP_HEADER, speech.frame(0x10, size=size))
            ends(connection, f"a frame of {size} bytes", b"amqp:connection:framing-error")
        for size in (SASL_FRAME_MAX + 1, 0xffffffff):
            connection = amqp(attack, speech.SASL_HEADER, speech.frame(0x41, kind=1, size=size))
            ends(connection, f"a SASL frame of {size} bytes")
        connection = amqp(attack, speech.SASL_HEADER, speech.sasl_init("PLAIN", b"\0x\0" + bytes(SASL_FRAME_MAX)))
        ends(connection, "a password longer than a SASL frame")
        connection = opened(attack, speech.attach("to", 0, "$cbs", receiver=False))
        for number in range(2 * REQUEST_MAX // 8192):
            tell(connection, speech.transfer(0, 0, bytes(8192), more=True))
        check(b"amqp:link:message-size-exceeded" in collect(connection, b"exceeded"),
              "a message without end was not refused")
        leave(connection)


@group.case
def credit_of_a_link_is_not_overrun(context):
    """The request behind the last one that may be sent ends the link; those before are in order."""
    refused = b"amqp:link:transfer-limit-exceeded"
    with under_attack(context) as attack:
        for count in (REQUESTS_MAX, REQUESTS_MAX + 1, 100 * REQUESTS_MAX):
            requests = (speech.transfer(0, n, speech.put_token("x", "y")) for n in range(count))
            connection = opened(attack, speech.attach("to", 0, "$cbs", receiver=False),
                                speech.attach("from", 1, "$cbs", receiver=True), *requests)
            heard = collect(connection, refused, WAIT_SECONDS if count > REQUESTS_MAX else 2 * SLOW)
            check((refused in heard) == (count > REQUESTS_MAX), f"{count} requests on a credit of {REQUESTS_MAX}")
            leave(connection)


# ---- who asks and does not listen

def endless(attack, number):
    """Conversations that ask for more and more: who says what, first and then again and again."""
    name = f"{STRANGER}-{number}"
    hello = [device_says(attack.hub, name)[0]]
    get = speech.request("GET", "/metrics") * 100
    ask = speech.flow(2, 1000, echo=True) * 100
    return (("plain-mqtt" if number % 2 else "mqtt", hello, speech.PING * 10000),
            ("plain-amqp", consumer_says(attack.hub, stays=True), ask),
            ("plain-amqp", consumer_says(attack.hub, credit=100000, partition=1, stays=True), b""),
            ("https", [get], get), (None, [get], get))


class Deaf:
    """A peer that says what it can and hears nothing, or some bytes a second."""

    def __init__(self, attack, kind, first, more, heed=0):
        self.what, self.more, self.left, self.heed = kind or "socket", more, b"", heed
        self.over, self.said = False, 0
        self.heard_at = self.said_at = time.monotonic()
        self.connection = dial(attack.hub, kind, receive_buffer=4096) if kind else dial_admin(attack.hub)
        for packet in first:
            tell(self.connection, packet)
            time.sleep(0.05)
        self.connection.setblocking(False)

    def go_on(self):
        """As much as the other side takes, for a moment."""
        try:
            self.hear()
            end = time.monotonic() + 0.05
            while self.more and time.monotonic() < end:
                self.left = self.left or self.more
                count = self.connection.send(self.left)
                self.said, self.said_at = self.said + count, time.monotonic()
                self.left = self.left[count:]
        except (BlockingIOError, ssl.SSLWantReadError, ssl.SSLWantWriteError):
            pass
        except (ConnectionError, ssl.SSLError):
            self.over = True
        self.over |= is_over(self.connection)

    def hear(self):
        if self.heed and time.monotonic() > self.heard_at + 1:
            self.heard_at = time.monotonic()
            self.over |= self.connection.recv(self.heed) == b""


@group.case
def who_asks_and_never_reads_is_closed_in_time(context):
    """Ingest goes on, memory stays bounded; once a peer's buffers are full, it is gone after the stall limit."""
    with under_attack(context, rate=2000) as attack:
        deaf = [Deaf(attack, *peer) for number in range(STRANGERS) for peer in endless(attack, number)]
        began = time.monotonic()
        while not all(d.over for d in deaf):
            for d in deaf:
                if not d.over:
                    d.go_on()
                    waits = time.monotonic() - d.said_at
                    check(waits < STALL_SECONDS + FILL_SECONDS, f"{d.what}: still open {waits:.0f} s after it could speak")
            attack.look()
        took = time.monotonic() - began
        for d in deaf:
            d.connection.close()
        stalled = attack.hub.metric("azimuth_connections_stalled_total")
        check(stalled >= len(deaf) / 2, f"only {stalled:.0f} of {len(deaf)} count as stalled")
        check(took >= STALL_SECONDS / 2, f"closed after {took:.1f} s already")
    return f"{took:.0f} s, {(attack.most - attack.rest) / MIB:.0f} MiB"


@group.case
def who_asks_more_than_it_reads_is_slowed_down(context):
    """They read a little all the time, so nobody calls them stalled; what they ask for must wait."""
    seconds = 20 if context.long else 8
    with under_attack(context, rate=1000) as attack:
        greedy = [Deaf(attack, *peer, heed=500) for number in range(STRANGERS) for peer in endless(attack, number)]
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            for g in greedy:
                g.go_on()
            attack.look()
        said = sum(g.said for g in greedy)
        for g in greedy:
            g.connection.close()
    return f"{said / MIB:.0f} MiB asked, {(attack.most - attack.rest) / MIB:.0f} MiB kept"


# ---- descriptors

SPARE = 20  # descriptors


def open_until_refused(hub, kind, tries, most):
    """So many connections are tried, of which the server holds no more than so many once it has come round to all."""
    made = [dial_raw(hub, kind) for _ in range(tries)]
    time.sleep(0.5 * SLOW)

    def held():
        return sum(not is_over(connection) for connection in made)

    wait_for(f"of {tries} connections at most {most} are held", lambda: held() <= most)
    return made, held()


@group.case
def with_few_descriptors_it_refuses_and_accepts_again(context):
    with under_attack(context, wrapper=("prlimit", "--nofile=256:256")) as attack:
        for kind in ("plain-mqtt", "amqp", "https"):
            made, held = open_until_refused(attack.hub, kind, tries=300, most=150)
            check(held > 0, "none of 300 connections was taken with 256 descriptors")
            attack.storm.wait_acked(100)
            for connection in made:
                connection.close()
            let_in_again(attack)
            attack.over()
    return f"{held} taken"


@group.case
def a_thousand_routes_are_asked_for_every_message_and_there_is_not_one_more(context):
    def routes(count):
        last = {"name": "last", "source": "DeviceMessages", "condition": "true", "endpointNames": ["events"], "isEnabled": True}
        return {"routes": [{**last, "name": f"r{n}", "condition": f"$connectionDeviceId = 'nobody-{n}' OR $body.a{n} > {n} OR p{n} = '{n}'"}
                           for n in range(count - 1)] + [last]}

    with under_attack(context) as attack:
        status, text = attack.hub.ask("PUT", "/admin/v1/routing", routes(ROUTES_MAX + 1), "*")
        check(status == 403 and str(ROUTES_MAX) in text, f"one route more than there may be: {status} {text[:200]}")
        status, text = attack.hub.ask("PUT", "/admin/v1/routing", routes(ROUTES_MAX), "*")
        check(status == 200, f"{ROUTES_MAX} routes were refused: {status} {text[:200]}")
        attack.storm.wait_acked(2000)


def cpu_seconds(pid):
    with open(f"/proc/{pid}/stat", encoding="ascii") as stat:
        fields = stat.read().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


@group.case
def out_of_descriptors_it_waits_and_accepts_again(context):
    """The system gives no more, for connections and for files: nothing is lost, and later it goes on."""
    with under_attack(context, losses=True) as attack:
        attack.hub.wait_settled()
        pid = attack.hub.process.pid
        usual = resource.prlimit(pid, resource.RLIMIT_NOFILE)
        for _ in range(5 if attack.long else 2):
            used = 1 + max(int(name) for name in os.listdir(f"/proc/{pid}/fd"))
            resource.prlimit(pid, resource.RLIMIT_NOFILE, (used + SPARE, usual[1]))
            made, _ = open_until_refused(attack.hub, "plain-mqtt", tries=used + 5 * SPARE, most=used + SPARE)
            before = cpu_seconds(pid)
            time.sleep(2)
            busy = cpu_seconds(pid) - before
            check(SLOW > 1 or busy < 1, f"it spent {busy:.1f} s of 2 s on what it cannot accept")
            for connection in made:
                connection.close()
            resource.prlimit(pid, resource.RLIMIT_NOFILE, usual)
            let_in_again(attack)
            attack.over()


if __name__ == "__main__":
    main(group)
