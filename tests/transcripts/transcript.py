"""transcript.py - a file of transcripts, and how one is played. README.md has the language."""
import dataclasses
import json
import re
import time

import amqp
import http1
import mqtt
import stream
from pattern import Mismatch, Names

SPEAKERS = {"mqtt": mqtt.Speaker, "amqp": amqp.Speaker, "https": http1.Speaker}
WIRE = re.compile(r"(?:(\w+) )?([<>])(?: (.*))?")
OPEN = re.compile(r"open (mqtt|amqp|https)(?: as (\w+))?(?: to (\S+))?(?: with (\w+))?")
SPEAK = re.compile(r"(?:(\w+) )?speak (mqtt|amqp) over websocket(?: in pieces of (\d+))?")
DEVICE = re.compile(r"(device|module) (\w+)(?: of (\w+))?(?: called (\S+))?( with a certificate)?")


@dataclasses.dataclass
class Line:
    number: int
    text: str
    below: list  # the indented lines that belong to it


@dataclasses.dataclass
class Transcript:
    file: str
    title: str
    lines: list

    def name(self):
        return f"{self.file}: {self.title}"

    def alone(self):
        """What reads what all devices of a hub have in common needs one of its own."""
        return any(line.text == "a hub of its own" for line in self.lines)


def read(path):
    """The transcripts of a file. Lines before the first belong to each; one that begins with # is for people."""
    found, before = [], Transcript(path.stem, "", [])
    for number, text in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
        if text.startswith("#") or not text.strip():
            continue
        if text.startswith("== "):
            found.append(Transcript(path.stem, text[3:], list(before.lines)))
        elif text[0] == " ":
            found[-1].lines[-1].below.append(text.rstrip())
        else:
            (found[-1] if found else before).lines.append(Line(number, text.rstrip(), []))
    return found


class Player:
    numbers = iter(range(1, 1 << 30))

    def __init__(self, hub, transcript):
        self.hub, self.transcript, self.at = hub, transcript, 0
        self.names = Names(hub.functions(), host=hub.ready["hostname"], gateway="localhost",
                           hub=hub.ready["hostname"].split(".")[0])
        self.connections, self.certificates, self.seen, self.background, self.out = {}, {}, {}, None, ""

    def play(self):
        """Plays it through; what is wrong is a Mismatch that knows its line."""
        try:
            while self.at < len(self.transcript.lines):
                line = self.transcript.lines[self.at]
                self.at += 1
                self._statement(line)
            for name, speaker in self.connections.items():
                if left := speaker.left(time.monotonic() + 0.02):
                    raise Mismatch(left, f"nothing more on '{name or 'the connection'}'")
        except Mismatch as mismatch:
            mismatch.line = line
            raise
        except Exception as error:  # a peer may send anything, also what our codecs cannot read
            came = "the end of the connection" if isinstance(error, stream.Closed) else repr(error)
            mismatch = Mismatch(came, line.text)
            mismatch.line = line
            raise mismatch from error
        finally:
            for speaker in self.connections.values():
                speaker.stream.close()
            if self.background:
                self.background.kill()
                self.background.communicate()

    def _statement(self, line):
        text = self.names.fill(line.text)
        if wire := WIRE.fullmatch(text):
            self._wire(line, wire[1] or "", wire[2])
        elif text == "a hub of its own":
            pass  # the suite has looked for it
        elif found := DEVICE.fullmatch(text):
            self._identity(*found.groups())
        elif found := OPEN.fullmatch(text):
            self._open(*found.groups())
        elif found := SPEAK.fullmatch(text):
            name = found[1] or ""
            inside = stream.WebSocket(self.connections[name].stream, int(found[3] or 65536))
            self.connections[name] = SPEAKERS[found[2]](inside, self.names)
        elif text == "pong":
            self.connections[""].stream.pong()
        elif text == "bye":
            self.connections.pop("").stream.bye(time.monotonic() + stream.WAIT_S)
        elif text.split()[0] == "close":
            self.connections.pop("".join(text.split()[1:])).stream.close()
        else:
            self._service(line, text)

    # ---- connections

    def _wire(self, line, name, direction):
        speaker = self.connections[name]
        lines = self._one(line, direction)
        if isinstance(speaker, http1.Speaker):
            while self._goes_on(name, direction):
                lines += self._one(self.transcript.lines[self.at], direction)
                self.at += 1
        (speaker.send if direction == ">" else speaker.expect)(lines)

    def _goes_on(self, name, direction):
        if self.at == len(self.transcript.lines):
            return False
        wire = WIRE.fullmatch(self.transcript.lines[self.at].text)
        return wire is not None and (wire[1] or "", wire[2]) == (name, direction)

    def _one(self, line, direction):
        text = WIRE.fullmatch(line.text)[3] or ""
        return [self.names.fill(part) for part in [text] + line.below]

    def _open(self, kind, name, host, certificate):
        tls = stream.Tls(self.hub.ready[kind], host or self.hub.ready["hostname"], self.hub.ready["ca"],
                         self.certificates.get(certificate))
        self.connections[name or ""] = SPEAKERS[kind](tls, self.names)

    # ---- identities, and what a service does

    def _identity(self, kind, name, device, called, with_certificate):
        own = called or f"{self.transcript.file}-{name}-{{}}"
        own = own.replace("{}", str(next(self.numbers)))
        path = f"{self.names.values[device]}/{own}" if kind == "module" else own
        thumbprint = None
        if with_certificate:
            self.certificates[name], thumbprint = self.hub.certificate(own)
        self.hub.identity(path, thumbprint)
        self.names.values[name] = own

    def _service(self, line, text):
        word, _, rest = text.partition(" ")
        if word == "azimuth" and rest.endswith(" &"):
            self.background = self.hub.command(rest[:-2])
        elif word == "azimuth":
            self.out = self.hub.end(self.hub.command(rest))
        elif word == "fails":
            self.out = self.hub.end(self.hub.command(rest.removeprefix("azimuth ")), good=False)
        elif word == "=":
            self._printed(rest)
        elif word == "stream":
            self._stream(line, *rest.split(" ", 1))
        elif word == "let":
            name, _, value = rest.partition(" = ")
            self.names.values[name] = value
        elif word == "same":
            one, other = rest.split()
            self.names.match(one, other)
        else:
            raise SystemExit(f"{self.transcript.file}.txt:{line.number}: what is '{text}'?")

    def _printed(self, wanted):
        if self.background:
            self.out, self.background = self.hub.end(self.background), None
        if wanted.startswith(("{\"", "[")):
            self.names.match_json(json.loads(wanted), json.loads(self.out), partly=True)
        else:
            self.names.match(wanted, self.out.strip())

    def _stream(self, line, device, wanted):
        """Events of a device; several lines one after the other are read at once."""
        lines = [wanted]
        while self.at < len(self.transcript.lines) and \
                (more := self.names.fill(self.transcript.lines[self.at].text)).startswith(f"stream {device} "):
            lines.append(more.split(" ", 2)[2])
            self.at += 1
        before = self.seen.get(device, 0)
        self.seen[device] = before + len(lines)
        events = self.hub.events(device, self.seen[device])[before:]
        if len(events) < len(lines):
            raise Mismatch(f"{len(events)} events", f"{len(lines)} events")
        for event, one in zip(events, lines):
            self.names.match_json(json.loads(one), event, partly=True)
