"""http1.py - HTTP/1.1 as a transcript says, byte for byte.

    > POST /devices/d/messages/events?api-version=2016-11-14 HTTP/1.1
    > Content-Length: {length}                                             {length}: of the body
    >
    > the body
    < 204
    < etag: "{lock}"                                                       spelled as here, lower and upper case
    < without iothub-to                                                    not there
    <
    < the body

`> send TEXT` sends nothing but that: a body that waited for `< 100`.
"""
import time

import stream
from pattern import Mismatch


class Speaker:
    def __init__(self, bytes_, names):
        self.stream, self.names = bytes_, names

    def send(self, lines):
        if lines[0].startswith("send "):  # a body that was waited with
            self.stream.send(lines[0][5:].encode())
            return
        head, body = split(lines)
        data = body.encode()
        text = "".join(f"{line}\r\n" for line in head).replace("{length}", str(len(data)))
        self.stream.send(text.encode() + b"\r\n" + data)

    def expect(self, lines):
        try:
            status, headers, body = self._next(time.monotonic() + stream.WAIT_S)
            if status == 100 and lines[0] != "100":  # may be left out, and may come unasked for
                status, headers, body = self._next(time.monotonic() + stream.WAIT_S)
        except stream.Closed:
            raise Mismatch("the end of the connection", lines[0]) from None
        came = "".join(f"\n        {name}: {value}" for name, value in headers) + f"\n        {body.decode('latin-1')}"
        head, wanted = split(lines)
        self.names.match(head[0], str(status), came + "\n    status ")
        for line in head[1:]:
            self._header(line, headers)
        if "" in lines:
            self.names.match_body(wanted, body)

    def _header(self, line, headers):
        if line.startswith("without "):
            found = [header for header in headers if header[0].lower() == line[8:].lower()]
            if found:
                raise Mismatch(f"{found[0][0]}: {found[0][1]}", line)
            return
        name, _, value = line.partition(": ")
        found = [other for header, other in headers if header == name]
        if len(found) != 1:
            raise Mismatch("headers " + ", ".join(header for header, _ in headers), line)
        self.names.match(value, found[0], f"{name}: ")

    def _line(self, end):
        while b"\r\n" not in self.stream.held:
            self.stream.more(end)
        line = self.stream.take(self.stream.held.index(b"\r\n"))
        self.stream.take(2)
        return line.decode("latin-1")

    def _next(self, end):
        status, headers = int(self._line(end).split()[1]), []
        if status == 100:
            self._line(end)
            return status, headers, b""
        while line := self._line(end):
            name, _, value = line.partition(":")
            headers.append((name, value.strip()))
        have = {name.lower(): value for name, value in headers}
        if "chunked" in have.get("transfer-encoding", ""):
            return status, headers, self._chunks(end)
        size = 0 if status in (101, 204) else int(have.get("content-length", 0))
        self.stream.need(size, end)
        return status, headers, self.stream.take(size)

    def _chunks(self, end):
        body = b""
        while size := int(self._line(end).split(";")[0], 16):
            self.stream.need(size + 2, end)
            body += self.stream.take(size)
            self.stream.take(2)
        self._line(end)
        return body

    def left(self, end):
        try:
            status, headers, _ = self._next(end)
            return f"{status} {headers}"
        except (Mismatch, stream.Closed):
            return None


def split(lines):
    """The lines of the head, and the body below the empty line."""
    if "" not in lines:
        return lines, ""
    at = lines.index("")
    return lines[:at], "\n".join(lines[at + 1:])
