"""capture_file.py - files as Event Hubs Capture writes them, without a library: Avro, codec null."""
import json
import time

SCHEMA = {"type": "record", "name": "EventData", "namespace": "Microsoft.ServiceBus.Messaging", "fields": [
    {"name": "SequenceNumber", "type": "long"}, {"name": "Offset", "type": "string"},
    {"name": "EnqueuedTimeUtc", "type": "string"},
    {"name": "SystemProperties", "type": {"type": "map", "values": ["long", "double", "string", "bytes"]}},
    {"name": "Properties", "type": {"type": "map", "values": ["long", "double", "string", "bytes", "null"]}},
    {"name": "Body", "type": ["null", "bytes"]}]}
SYNC = bytes(range(16))


def number(value):
    value, out = value << 1 ^ value >> 63, b""
    while value >= 0x80:
        out += bytes([value & 0x7f | 0x80])
        value >>= 7
    return out + bytes([value])


def text(value):
    value = value.encode() if isinstance(value, str) else value
    return number(len(value)) + value


def texts(entries):
    pairs = b"".join(text(key) + number(2) + text(value) for key, value in entries.items())
    return (number(len(entries)) + pairs if entries else b"") + number(0)


def event(sequence, when, device, body, **properties):
    enqueued = time.strftime("%m/%d/%Y %I:%M:%S %p", time.gmtime(when))
    return (number(sequence) + text(str(sequence)) + text(enqueued) +
            texts({"iothub-connection-device-id": device}) + texts(properties) + number(1) + text(body))


def write(path, events, source=None):
    """`source`: which event hub the file says that it is of."""
    notes = {"avro.codec": "null", "avro.schema": json.dumps(SCHEMA)} | ({"azimuth.source": source} if source else {})
    header = b"Obj\1" + number(len(notes)) + b"".join(text(key) + text(value) for key, value in notes.items()) + number(0)
    block = b"".join(events)
    body = number(len(events)) + text(block) + SYNC if events else b""
    path.write_bytes(header + SYNC + body)
    return path
