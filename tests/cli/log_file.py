"""log_file.py - a log of format 1 as a killed server leaves it, made byte by byte: what it has settled lies in a segment, what
it has not in the journal alone."""
import struct

EPOCH = bytes(range(0x10, 0x18))
PARTITIONS, JOURNAL_BYTES, BLOCK = 4, 1 << 20, 4096


def _table():
    for value in range(256):
        for _ in range(8):
            value = value >> 1 ^ (0x82f63b78 if value & 1 else 0)
        yield value


CASTAGNOLI = list(_table())


def crc32c(data, before=0):
    crc = before ^ 0xffffffff
    for byte in data:
        crc = crc >> 8 ^ CASTAGNOLI[(crc ^ byte) & 0xff]
    return crc ^ 0xffffffff


def pairs(device):
    """Who sent a message, as the annotations that the log keeps: AMQP symbols and strings; and how many they are."""
    entries = {"iothub-connection-device-id": device, "iothub-message-source": "Telemetry"}
    return b"".join(b"\xa3" + bytes([len(key)]) + key.encode() + b"\xa1" + bytes([len(value)]) + value.encode()
                    for key, value in entries.items()), len(entries)


def sections(body):
    return b"\x00\x53\x75\xa0" + bytes([len(body)]) + body.encode()


def frame(ordinal, when_us, device, body):
    """src/log/record.h: of stream 0, partition 0, which its readers see."""
    annotations, count = pairs(device)
    message = sections(body)
    rest = struct.pack("<QqqQHHBBHII", ordinal, ordinal, when_us, 1, 0, 0, 0, 0, count, len(annotations), 0) + annotations + message
    head = struct.pack("<I", 8 + len(rest))
    return head + struct.pack("<I", crc32c(rest)) + rest


def segment(frames):
    """src/log/own/segment.c: the first of a partition."""
    head = struct.pack("<HHIQqqqQ", 0, 0, 0, 0, 0, 0, 0, 0)
    return b"AZJSEG\0\0" + struct.pack("<II", 1, crc32c(head)) + head + b"".join(frames)


def journal(frames, settled):
    """src/log/own/journal.c: each frame a commit, of which the first `settled` are in a segment, too."""
    out = b""
    for number, one in enumerate(frames, 1):
        head = EPOCH + struct.pack("<QQII", number, min(settled, number - 1), 40 + len(one), 1)
        block = b"AZJB" + struct.pack("<I", crc32c(head, crc32c(one[:8]))) + head + one
        out += block.ljust(-(-len(block) // BLOCK) * BLOCK, b"\0")
    return out.ljust(JOURNAL_BYTES, b"\0")


def write(data, device, bodies, settled, now_us):
    """In a data directory: `settled` of the messages lie in the segment, all of them in the journal."""
    frames = [frame(ordinal, now_us, device, body) for ordinal, body in enumerate(bodies)]
    (data / "streams" / "0" / "0").mkdir(parents=True)
    (data / "streams" / "0" / "0" / f"{0:020}.log").write_bytes(segment(frames[:settled]))
    (data / "journal").write_bytes(journal(frames, settled))
    (data / "log.meta").write_text(f"azimuth-log 1\npartitions {PARTITIONS}\ncreated {now_us}\njournal {JOURNAL_BYTES}\n"
                                   f"epoch {EPOCH.hex()}\n", encoding="ascii")
