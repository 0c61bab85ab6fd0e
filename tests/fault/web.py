"""web.py - requests of HTTP that smuggle, flood or dig: each is refused in words, and what it hides is not done."""
import json
import re

import speech
from hub import WAIT_SECONDS, Group, check, main
from peer import MIB, collect, dial, dial_admin, hear, tell, under_attack

group = Group()
HIDDEN = "smuggled"  # a device that nobody may create
LINE_MAX, HEADERS_MAX, HEADER_COUNT_MAX = 16 << 10, 64 << 10, 100  # proto/http1
IDENTITY_MAX, BULK_MAX, DISCARD_MAX = 64 << 10, MIB, 8 * MIB
TYPE = "Content-Type: application/json"


class Web:
    """Somebody with every right, on the HTTPS port."""

    def __init__(self, attack):
        self.attack, self.wrongs = attack, []
        sas = speech.token("localhost", attack.hub.policy_key("iothubowner"), "iothubowner")
        self.rights = f"Authorization: {sas}"
        self.hidden = speech.request("PUT", f"/devices/{HIDDEN}?{speech.API}", self.rights, TYPE,
                                     f"Content-Length: {len(HIDDEN) + 15}",
                                     body=json.dumps({"deviceId": HIDDEN}, separators=(",", ":")).encode())

    def ask(self, data, seconds=WAIT_SECONDS):
        """What is answered until the server ends the connection; None when it does not."""
        connection = dial(self.attack.hub, "https")
        tell(connection, data)
        heard = hear(connection, seconds)
        connection.close()
        return heard

    def refuses(self, what, data, *statuses):
        """One answer, one of these, and the end of the connection; else what is wrong."""
        heard = self.ask(data)
        wrong = "the connection was not closed" if heard is None else \
            f"answered {heard[:80]}" if heard[9:12].decode("latin-1") not in statuses else \
            "more than one answer" if len(re.findall(rb"HTTP/1\.1 \d\d\d ", heard)) != 1 else ""
        if wrong:
            self.wrongs.append(f"{what}: {wrong}")

    def all_was_refused(self):
        check(not self.wrongs, "; ".join(self.wrongs))
        status, _ = self.attack.hub.ask("GET", f"/devices/{HIDDEN}?{speech.API}")
        check(status == 404, f"the hidden request was done: {status}")


def framings(web):
    """Requests about whose end two parsers may disagree; a second one is hidden behind that end."""
    def post(*headers, body=b""):
        return speech.request("POST", f"/devices?{speech.API}", web.rights, TYPE, *headers, body=body + web.hidden)
    chunk = b"1\r\na\r\n0\r\n\r\n"
    yield "length and chunks", post("Content-Length: 4", "Transfer-Encoding: chunked", body=chunk)
    yield "chunks and length", post("Transfer-Encoding: chunked", "Content-Length: 4", body=chunk)
    yield "two lengths", post("Content-Length: 0", "Content-Length: 200")
    yield "the same length twice", post("Content-Length: 0", "Content-Length: 0")
    yield "a list of lengths", post("Content-Length: 0, 200")
    for length in ("+0", "-1", "0x0", "", " ", "0 0", "1e1", "18446744073709551616", "00000000000000000000000a"):
        yield f"length '{length}'", post(f"Content-Length: {length}")
    for coding in ("chunked, identity", "identity", "gzip, chunked", "chunked, chunked", "xchunked", "chunked;q=1",
                   '"chunked"', "chunke", ""):
        yield f"coding '{coding}'", post(f"Transfer-Encoding: {coding}", body=chunk)
    yield "coding twice", post("Transfer-Encoding: chunked", "Transfer-Encoding: chunked", body=chunk)
    yield "coding and a blank before the colon", post("Transfer-Encoding : chunked", body=chunk)
    yield "coding and a tab before the colon", post("Transfer-Encoding\t: chunked", body=chunk)
    yield "coding folded", post("Transfer-Encoding:\r\n chunked", body=chunk)
    yield "length folded", post("Content-Length: 0\r\n 0")
    yield "coding behind a lone CR", post("X: y\rTransfer-Encoding: chunked", body=chunk)
    yield "coding behind a lone LF", post("X: y\nTransfer-Encoding: chunked", body=chunk)
    yield "coding behind a NUL", post("X: y\0Transfer-Encoding: chunked", body=chunk)
    yield "a name with a NUL", post("X\0: y", "Content-Length: 0")
    yield "a header without a colon", post("X", "Content-Length: 0")
    yield "a header without a name", post(": y", "Content-Length: 0")
    for size in ("+1", "-1", "0x1", " 1", "1 ", "1;x=y", "g", "", "fffffffffffffffff", "1\n", "1\r"):
        yield f"a chunk of size '{size}'", post("Transfer-Encoding: chunked", body=f"{size}\r\na\r\n0\r\n\r\n".encode())
    yield "a chunk longer than it says", post("Transfer-Encoding: chunked", body=b"1\r\nab\r\n0\r\n\r\n")
    yield "a chunk without its end", post("Transfer-Encoding: chunked", body=b"1\r\na0\r\n\r\n")
    yield "coding in HTTP/1.0", post("Transfer-Encoding: chunked", body=chunk).replace(b"HTTP/1.1", b"HTTP/1.0", 1)
    yield "two hosts", post("Host: example.org", "Content-Length: 0")
    yield "no host", post("Content-Length: 0").replace(b"Host: localhost\r\n", b"", 1)
    for line in ("GET\t/ HTTP/1.1", "GET / HTTP/1.1 ", "GET /\0 HTTP/1.1", "GET /\t HTTP/1.1", "GET / HTTP/1.1\0",
                 "GET /\xff HTTP/1.1", "GET http://localhost HTTP/1.1 x", "G\0T / HTTP/1.1", " GET / HTTP/1.1",
                 "GET / HTTP/9.9", "GET / HTTP/1.10", "GET / HTTP/ 1.1", "GET /", "CONNECT localhost:443 HTTP/1.1"):
        yield f"the request line {line!r}", line.encode("latin-1") + b"\r\nHost: localhost\r\n\r\n" + web.hidden
    yield "HTTP/2", b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + web.hidden


@group.case
def requests_that_could_smuggle_another_are_refused(context):
    with under_attack(context) as attack:
        web, count = Web(attack), 0
        for what, data in framings(web):
            web.refuses(what, data, "400", "501", "505")
            count += 1
        web.all_was_refused()
    return f"{count} shapes"


@group.case
def floods_of_lines_and_headers_are_cut_off(context):
    """Without end, or one byte over the limit; what is at the limit is answered."""
    with under_attack(context) as attack:
        web = Web(attack)
        last = "Connection: close"
        target = "/healthz?" + "a" * (LINE_MAX - len("GET /healthz? HTTP/1.1"))
        check((web.ask(speech.request("GET", target, last)) or b"")[9:12] == b"200", "the longest line is not taken")
        web.refuses("a line one byte too long", speech.request("GET", target + "a", last), "414")
        web.refuses("a line without end", b"GET /" + b"a" * (4 * MIB), "414")
        web.refuses("a method without end", b"A" * (4 * MIB), "400", "414")
        many = [f"X{n}: y" for n in range(HEADER_COUNT_MAX - 2)]
        check((web.ask(speech.request("GET", "/healthz", last, *many)) or b"")[9:12] == b"200",
              "as many headers as allowed are not taken")
        web.refuses("a header too many", speech.request("GET", "/healthz", last, "Z: z", *many), "431")
        web.refuses("headers without end", b"GET / HTTP/1.1\r\nHost: localhost\r\n" + b"X: y\r\n" * (MIB // 2), "431")
        web.refuses("a header without end", b"GET / HTTP/1.1\r\nHost: localhost\r\nX: " + b"y" * (4 * MIB), "431")
        web.refuses("a name without end", b"GET / HTTP/1.1\r\nHost: localhost\r\n" + b"y" * (4 * MIB), "400", "431")
        web.all_was_refused()
        attack.look()


@group.case
def floods_of_bodies_are_cut_off(context):
    with under_attack(context) as attack:
        web = Web(attack)

        def put(*headers, body=b""):
            return speech.request("PUT", f"/devices/{HIDDEN}?{speech.API}", web.rights, TYPE, *headers, body=body)
        web.refuses("a length over the limit", put(f"Content-Length: {1 << 40}"), "413")
        web.refuses("a length over the limit, and its body", put(f"Content-Length: {1 << 40}", body=bytes(4 * MIB)),
                    "413")
        chunk = b"10000\r\n" + bytes(0x10000) + b"\r\n"
        web.refuses("chunks without end", put("Transfer-Encoding: chunked", body=chunk * 200), "413")
        web.refuses("trailers without end", put("Transfer-Encoding: chunked", body=b"0\r\n" + b"X: y\r\n" * (MIB // 2)),
                    "400", "431")
        web.refuses("a chunk's size without end", put("Transfer-Encoding: chunked", body=b"0" * MIB), "400")
        pipelined = speech.request("GET", "/healthz") * 20000
        heard = web.ask(pipelined + speech.request("GET", "/healthz", "Connection: close"))
        check(heard is not None, "20 000 requests in a row: not answered in time")
        web.all_was_refused()
        attack.look()


# ---- what bodies and paths say

def admin(attack, method, path, body=None, *headers):
    """Status and text of one answer; bytes go as they are."""
    connection = dial_admin(attack.hub)
    length = [] if body is None else [TYPE, f"Content-Length: {len(body)}"]
    tell(connection, speech.request(method, path, *length, *headers, "Connection: close", body=body or b""))
    heard = hear(connection)
    connection.close()
    check(heard, f"{method} {path[:60]}: no answer")
    head, _, text = heard.partition(b"\r\n\r\n")
    return int(head[9:12]), text


def bodies():
    """JSON that is none, or that nobody should believe."""
    name = f'"deviceId":"{HIDDEN}"'.encode()
    for depth in (1000, 10000, 30000):
        yield f"lists {depth} deep", b"[" * depth + b"]" * depth
        yield f"objects {depth} deep", b'{"a":' * depth + b"1" + b"}" * depth
        yield f"an identity with lists {depth} deep", b"{" + name + b',"x":' + b"[" * depth + b"]" * depth + b"}"
        yield f"lists {depth} deep without their ends", b"[" * depth
        yield f"objects {depth} deep without their ends", b'{"a":' * depth
    for bad in (b"\xff", b"\xc0\x80", b"\xed\xa0\x80", b"\xf4\x90\x80\x80", b"\xe2\x82", b"\x80"):
        yield f"text that is not UTF-8: {bad}", b'{"deviceId":"' + HIDDEN.encode() + bad + b'"}'
        yield f"another member that is not UTF-8: {bad}", b"{" + name + b',"x":"' + bad + b'"}'
    yield "a NUL in an id", f'{{"deviceId":"{HIDDEN}\\u0000x"}}'.encode()
    yield "a raw NUL in an id", f'{{"deviceId":"{HIDDEN}\0"}}'.encode()
    yield "a NUL behind the end", b"{" + name + b"}\0"
    yield "half a surrogate", f'{{"deviceId":"{HIDDEN}\\ud800"}}'.encode()
    yield "more behind the end", b"{" + name + b"}{}"
    yield "no JSON", b"\x00\x01\x02"
    yield "nothing", b""
    yield "half of it", b"{" + name
    yield "another id", b'{"deviceId":"other"}'
    yield "a long number", b'{"deviceId":' + b"9" * 20000 + b"}"
    yield "a long exponent", b'{"deviceId":1e' + b"9" * 20000 + b"}"
    yield "a list", b"[" + b"{" + name + b"}]"


@group.case
def bodies_that_dig_deep_or_are_no_text_are_refused(context):
    with under_attack(context) as attack:
        count = 0
        for what, body in bodies():
            for method, path in (("PUT", f"/devices/{HIDDEN}"), ("POST", "/devices/query"), ("POST", "/devices")):
                status, text = admin(attack, method, f"{path}?{speech.API}", body)
                check(400 <= status < 500, f"{what}: {method} {path} is answered {status} {text[:200]}")
                count += 1
        attack.hub.ask("GET", "/healthz")
        Web(attack).all_was_refused()
    return f"{count} bodies"


@group.case
def ids_that_are_none_are_refused(context):
    """In paths, in user names, in addresses: NUL, bytes that are no text, blanks, too much of it."""
    with under_attack(context) as attack:
        for bad in ("%00", f"{HIDDEN}%00", f"%00{HIDDEN}", "%FF", "%C0%80", "%ED%A0%80", "%", "%4", "%zz", "a%20b",
                    "a%2Fb", "a%0D%0Ab", "x" * 129, "%u0041"):
            status, text = admin(attack, "PUT", f"/devices/{bad}?{speech.API}", b'{"deviceId":"x"}')
            check(400 <= status < 500, f"PUT of a device '{bad}' is answered {status} {text[:200]}")
            status, text = admin(attack, "GET", f"/devices/{bad}?{speech.API}")
            check(400 <= status < 500, f"GET of a device '{bad}' is answered {status} {text[:200]}")
        for bad in (b"a\0b", b"\0", b"\xff", b"\xc0\x80", b"\xed\xa0\x80", b"a b", b"x" * 129, b"x" * 65000, b""):
            for kind in ("plain-mqtt", "mqtt"):
                connection = dial(attack.hub, kind)
                tell(connection, speech.connect(bad, b"localhost/" + bad + b"/?api-version=2021-04-12", b"token"))
                heard = hear(connection)
                connection.close()
                check(heard is not None, f"a device '{bad[:20]}' was not sent away")
                check(heard[3:4] != b"\0", f"a device '{bad[:20]}' was let in")
            connection = dial(attack.hub, "plain-amqp")
            tell(connection, speech.AMQP_HEADER + speech.amqp_open("localhost") + speech.begin() +
                 speech.attach(bad, 0, bad, receiver=True) + speech.attach(b"to" + bad, 1, bad, receiver=False))
            heard = collect(connection, b"amqp:")
            connection.close()
            check(b"amqp:" in heard, f"an address '{bad[:20]}' was found: {heard[-100:]}")
        Web(attack).all_was_refused()


if __name__ == "__main__":
    main(group)
