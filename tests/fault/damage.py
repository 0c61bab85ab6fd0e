"""damage.py - conversations with bits flipped, with their ends missing, and cut between packets, over real ports."""
import contextlib
import ssl
from functools import partial

import speech
from hub import Group, main
from peer import (PORTS, await_answer, caller_says, consumer_says, converse, device_says, dial, dial_admin, dial_raw,
                  leave, says, tell, trust, under_attack)

group = Group()
HASTY = "--disable-login-limits"  # damaged tokens are refused at once, however many
RUBBISH = 200  # connections to each port
LOOK_EVERY = 200  # conversations
VERSIONS = (ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3)
HEAD = 5  # of a TLS record: type, version, length


@group.case
def random_bytes_harm_nobody(context):
    with under_attack(context, HASTY) as attack:
        for kind in PORTS:
            for number in range(RUBBISH):
                connection = (dial if number % 10 == 0 else dial_raw)(attack.hub, kind)
                tell(connection, attack.chance.randbytes(attack.chance.randrange(1, 3000)))
                leave(connection, rudely=number % 2)
            attack.look()


def flip(data, position, bit):
    return data[:position] + bytes([data[position] ^ 1 << bit]) + data[position + 1:]


def device_says_in_frames(attack):
    """A device behind a WebSocket: the upgrade, then a frame for each packet."""
    return [speech.upgrade("mqtt"), *map(speech.ws_frame, device_says(attack.hub))]


def conversations(attack):
    """Who speaks each protocol and how it is reached, with the layers above TLS in the clear where that is possible."""
    yield partial(dial, attack.hub, "plain-mqtt"), b"".join(device_says(attack.hub))
    yield partial(dial, attack.hub, "plain-amqp"), b"".join(consumer_says(attack.hub))
    yield partial(dial_admin, attack.hub), b"".join(caller_says(attack.hub))
    yield partial(dial, attack.hub, "https"), b"".join(device_says_in_frames(attack))


@group.case
def a_flipped_bit_anywhere_harms_nobody(context):
    """In everything that a device, a consumer and a caller say: one bit of each byte, with --long all of them."""
    count = 0
    with under_attack(context, HASTY) as attack:
        for connect, data in conversations(attack):
            for position in range(len(data)):
                for bit in range(8) if attack.long else [attack.chance.randrange(8)]:
                    converse(connect(), flip(data, position, bit))
                    count += 1
                    if count % LOOK_EVERY == 0:
                        attack.look()
    return f"{count} conversations"


@group.case
def a_truncation_anywhere_harms_nobody(context):
    """After each byte the client is gone, with FIN or with RST."""
    count = 0
    with under_attack(context, HASTY) as attack:
        for connect, data in conversations(attack):
            for end in range(len(data) + 1):
                connection = connect()
                tell(connection, data[:end])
                leave(connection, rudely=end % 2)
                count += 1
                if count % LOOK_EVERY == 0:
                    attack.look()
    return f"{count} conversations"


@group.case
def a_cut_between_any_two_packets_harms_nobody(context):
    """With answers read on the way, on every port, with FIN and with RST."""
    count = 0
    with under_attack(context, HASTY) as attack:
        for kind in PORTS:
            packets = says(attack.hub, kind)
            for end in range(len(packets) + 1):
                for rudely in (False, True):
                    connection = dial(attack.hub, kind)
                    for packet in packets[:end]:
                        tell(connection, packet)
                        await_answer(connection)
                    leave(connection, rudely)
                    count += 1
            attack.look()
    return f"{count} conversations"


# ---- TLS, record by record

def records(data):
    """The records that these bytes consist of."""
    while data:
        end = HEAD + int.from_bytes(data[3:HEAD], "big")
        yield data[:end]
        data = data[end:]


class Wiretap:
    """A TLS client whose records pass through `tamper(number, record)` on their way out; None ends it all."""

    def __init__(self, hub, kind, version, tamper):
        context = trust(hub)
        context.minimum_version = context.maximum_version = version
        self.incoming, self.outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        self.tls = context.wrap_bio(self.incoming, self.outgoing, server_hostname="localhost")
        self.raw = dial_raw(hub, kind)
        self.tamper, self.number, self.over = tamper, 0, False

    def flush(self):
        for record in records(self.outgoing.read()):
            changed = None if self.over else self.tamper(self.number, record)
            self.number += 1
            if changed is None:
                self.over = True
                return
            self.raw.sendall(changed)
            self.over |= changed != record

    def step(self, action):
        """Until the engine is satisfied, or the conversation has come to its end."""
        while not self.over:
            try:
                action()
                self.flush()
                return
            except ssl.SSLWantReadError:
                self.flush()
                piece = b"" if self.over else self.raw.recv(65536)
                if not piece:
                    self.over = True
                self.incoming.write(piece)

    def run(self, packets):
        with contextlib.suppress(OSError):
            self.step(self.tls.do_handshake)
            for packet in packets:
                self.step(lambda data=packet: self.tls.write(data))
        return self.number


def tampered(attack, kind, version, tamper):
    """One conversation; how many records the client had to say."""
    tap = Wiretap(attack.hub, kind, version, tamper)
    try:
        return tap.run(says(attack.hub, kind))
    finally:
        if not tap.over:
            leave(tap.raw)
        else:
            converse(tap.raw, b"")


@group.case
def a_flipped_bit_in_any_tls_record_harms_nobody(context):
    """In the record's head, its first and last byte and in between; nothing of such a record may be believed."""
    count = 0
    with under_attack(context, HASTY) as attack:
        for kind in ("mqtt", "amqp", "https"):
            for version in VERSIONS:
                total = tampered(attack, kind, version, lambda _, record: record)
                for number in range(total):
                    for place in (0, 1, 3, 4, HEAD, None, -1):
                        def tamper(at, record, number=number, place=place):
                            if at != number:
                                return record
                            where = attack.chance.randrange(HEAD, len(record)) if place is None else place % len(record)
                            return flip(record, where, attack.chance.randrange(8))
                        tampered(attack, kind, version, tamper)
                        count += 1
                attack.look()
    return f"{count} conversations"


@group.case
def a_cut_in_or_between_tls_records_harms_nobody(context):
    count = 0
    with under_attack(context, HASTY) as attack:
        for kind in ("mqtt", "amqp", "https"):
            for version in VERSIONS:
                total = tampered(attack, kind, version, lambda _, record: record)
                for number in range(total):
                    for part in (0, 3, HEAD, 0.5):
                        def tamper(at, record, number=number, part=part):
                            if at != number:
                                return record
                            return record[:int(part * len(record)) if part == 0.5 else part] or None
                        tampered(attack, kind, version, tamper)
                        count += 1
                attack.look()
    return f"{count} conversations"


if __name__ == "__main__":
    main(group)
