"""tls.py - what the listeners offer, asked as testssl.sh asks it: by trying, with OpenSSL as the client."""
import signal
import socket
import ssl
import subprocess
import time
import warnings

from case import Group, check
from mqtt_matrix import VERSION, packet
from mqtt_matrix import text as mqtt_text
from people import HOST, WAIT_S, Server

warnings.simplefilter("ignore", DeprecationWarning)
group = Group(lambda: Server())
close = group.close

# All that may be agreed on with TLS 1.2: forward secrecy always; CBC because IoT Hub's devices have it.
SUITES_12 = {f"ECDHE-{proof}-{cipher}" for proof in ("ECDSA", "RSA") for cipher in (
    "AES128-GCM-SHA256", "AES256-GCM-SHA384", "AES128-SHA256", "AES256-SHA384", "CHACHA20-POLY1305")}
SUITES_13 = {"TLS_AES_128_GCM_SHA256", "TLS_AES_256_GCM_SHA384", "TLS_CHACHA20_POLY1305_SHA256"}


def await_(what, condition):
    end = time.monotonic() + WAIT_S
    while not condition():
        check(time.monotonic() < end, f"{what} did not come")
        time.sleep(0.02)


def listeners():
    server = group.server()
    return {name: server.ready[name] for name in ("mqtt", "amqp", "https")} | {"console": server.console}


def client(*words, said="", port=None):
    """openssl s_client against the MQTT port: all that it says, and whether there was a handshake."""
    done = subprocess.run(["openssl", "s_client", "-connect", f"127.0.0.1:{port or listeners()['mqtt']}", "-servername", HOST,
                           *words], input=said, capture_output=True, text=True, timeout=WAIT_S, check=False)
    text = done.stdout + done.stderr
    return text, "Cipher is (NONE)" not in text and "Cipher is" in text


def offered(names):
    """The suites of 1.2 that can be agreed on, one handshake for each."""
    found = set()
    for name in names:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
        context.maximum_version = ssl.TLSVersion.TLSv1_2
        try:
            context.set_ciphers(f"{name}:@SECLEVEL=0")
            with socket.create_connection(("127.0.0.1", listeners()["mqtt"]), timeout=WAIT_S) as plain:
                context.wrap_socket(plain, server_hostname=HOST).close()
            found.add(name)
        except (ssl.SSLError, ConnectionError):
            pass
    return found


@group.case
def versions_below_1_2_are_refused_on_every_listener():
    for name, port in listeners().items():
        for version in ("-tls1", "-tls1_1"):
            text, agreed = client(version, "-cipher", "ALL:@SECLEVEL=0", port=port)
            check(not agreed, f"{name} speaks {version}")
            check("alert" in text or "unsupported" in text.lower() or "no protocols" in text, text[-300:])
        for version in ("-tls1_2", "-tls1_3"):
            check(client(version, port=port)[1], f"{name} does not speak {version}")


@group.case
def the_suites_of_1_2_are_those_and_no_others():
    await_("an RSA certificate, which is made behind the start,", lambda: offered(["ECDHE-RSA-AES128-GCM-SHA256"]))
    every = subprocess.run(["openssl", "ciphers", "-tls1_2", "ALL:COMPLEMENTOFALL:@SECLEVEL=0"], capture_output=True,
                           text=True, check=True).stdout.strip().split(":")
    both, found = {f"ECDHE-{proof}-AES128-GCM-SHA256" for proof in ("ECDSA", "RSA")}, set()

    def are_in():  # cores are told by a message: one that still knows nothing of RSA is asked now and then
        found.update(offered([name for name in every if not name.startswith("TLS_")]))
        return both <= found

    await_(f"a suite of each of {sorted(both)}", are_in)
    check(found <= SUITES_12, f"also offered: {sorted(found - SUITES_12)}")
    return f"{len(found)} suites"


@group.case
def the_suites_of_1_3_are_those_and_no_others():
    found = {name for name in (*SUITES_13, "TLS_AES_128_CCM_SHA256", "TLS_AES_128_CCM_8_SHA256")
             if client("-tls1_3", "-ciphersuites", name)[1]}
    check(found == SUITES_13, f"{sorted(found)}")


@group.case
def weak_groups_and_signatures_are_refused():
    check(not client("-tls1_3", "-groups", "secp521r1:X448")[1], "a group that is not offered")
    check(not client("-tls1_2", "-sigalgs", "RSA+SHA1:ECDSA+SHA1", "-cipher", "ALL:@SECLEVEL=0")[1], "SHA-1 signs")


@group.case
def there_is_no_renegotiation_no_compression_and_no_early_data():
    text, agreed = client("-tls1_2", said="R\n")
    check(agreed and ("no renegotiation" in text or "alert" in text), f"a renegotiation: {text[-400:]}")
    check("Secure Renegotiation IS supported" in text, "RFC 5746 is not spoken")
    for version in ("-tls1_2", "-tls1_3"):
        text, _ = client(version, "-comp", "-legacy_server_connect")
        check("Compression: NONE" in text, f"compression: {text[-400:]}")
    text, _ = client("-tls1_3")
    check("Max Early Data: 0" in text or "Early data was not sent" in text, "early data")


@group.case
def what_is_no_TLS_gets_no_answer():
    for name, port in listeners().items():
        with socket.create_connection(("127.0.0.1", port), timeout=WAIT_S) as plain:
            plain.sendall(b"GET / HTTP/1.1\r\n\r\n")
            check(plain.recv(100) == b"", f"{name} answers plain text")


def context_of(version):
    context = ssl.create_default_context(cafile=group.server().ready["ca"])
    context.minimum_version = context.maximum_version = version
    return context


def handshake(context, session=None):
    """Whether it was resumed, and its own session."""
    plain = socket.create_connection(("127.0.0.1", listeners()["https"]), timeout=WAIT_S)
    with context.wrap_socket(plain, server_hostname=HOST, session=session) as wrapped:
        wrapped.sendall(b"GET /healthz HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
        while wrapped.recv(4096):
            pass
        return wrapped.session_reused, wrapped.session


def renew():
    """New certificates are read, and with them a new key for tickets comes; sees the log line."""
    server = group.server()
    said = lambda: server.log().count("tls.renewed why=hangup")  # noqa: E731
    before = said()
    server.process.send_signal(signal.SIGHUP)
    await_("a renewal after SIGHUP", lambda: said() > before)


@group.case
def the_key_of_tickets_rotates_and_the_last_but_one_opens_nothing():
    for version in (ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3):
        context = context_of(version)
        resumed, session = handshake(context)
        check(not resumed, "resumed from nothing")
        check(handshake(context, session)[0], f"{version.name}: a fresh ticket opens nothing")
        renew()
        check(handshake(context, session)[0], f"{version.name}: a ticket of the key before opens nothing")
        renew()
        await_(f"{version.name}: the end of a ticket of two keys ago", lambda: not handshake(context, session)[0])  # cores are told by a message


@group.case
def a_connection_with_a_certificate_gets_no_ticket():
    """It would be resumed without the certificate."""
    server = group.server()
    text, agreed = client("-tls1_2", "-cert", str(server.certificates["x1"][0]), "-key", str(server.certificates["x1"][0]))
    check(agreed, text[-300:])
    check("TLS session ticket:" not in text, "there is a ticket")


@group.case
def the_certificate_says_every_name_and_is_strong():
    server = group.server()
    with server.tls(listeners()["https"]) as wrapped:
        names = {name for _, name in wrapped.getpeercert()["subjectAltName"]}
    check({"localhost", "azimuth.localhost", "127.0.0.1"} <= names, f"{names}")
    text, _ = client("-tls1_2")
    check("Server public key is 256 bit" in text or "2048 bit" in text or "3072 bit" in text, text[-300:])


def hear_all(port, version, said):
    """What the server answers to who says this, and that he says no more, in one flight, and then listens."""
    incoming, outgoing, heard = ssl.MemoryBIO(), ssl.MemoryBIO(), b""
    peer = context_of(version).wrap_bio(incoming, outgoing, server_hostname=HOST)
    with socket.create_connection(("127.0.0.1", port), timeout=WAIT_S) as plain:
        def go_on(step):
            while True:
                try:
                    return step()
                except ssl.SSLWantReadError:
                    if outgoing.pending:
                        plain.sendall(outgoing.read())
                    piece = plain.recv(65536)
                    incoming.write(piece) if piece else incoming.write_eof()

        go_on(peer.do_handshake)
        peer.write(said)
        try:
            peer.unwrap()
        except ssl.SSLWantReadError:
            plain.sendall(outgoing.read())
        plain.shutdown(socket.SHUT_WR)
        try:
            while piece := go_on(lambda: peer.read(65536)):
                heard += piece
        except ssl.SSLZeroReturnError:  # a close_notify of its own, and no mere end
            return heard
    return heard


@group.case
def who_says_no_more_hears_the_answers_that_are_on_their_way():
    """RFC 8446, section 6.1: close_notify ends one direction. What is acknowledged is first made durable, which takes a while."""
    server, resource = group.server(), "devices/d1/messages/events"
    connect = mqtt_text("MQTT") + b"\4\xc2\0\x3c" + mqtt_text("d1") + mqtt_text(f"{HOST}/d1{VERSION}") + mqtt_text(server.of("d1"))
    publishes = b"".join(packet(0x32, mqtt_text(f"{resource}/") + bytes([0, number]) + b"{}") for number in range(1, 4))
    request = (f"POST /{resource}?api-version=2021-04-12 HTTP/1.1\r\nHost: {HOST}\r\nAuthorization: {server.of('d1')}\r\n"
               "Content-Length: 2\r\n\r\n{}").encode()
    for version in (ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3):
        heard = hear_all(server.ready["mqtt"], version, packet(0x10, connect) + publishes)
        check(heard == b"\x20\2\0\0" + b"".join(b"\x40\2\0" + bytes([number]) for number in range(1, 4)), f"{version.name}: {heard}")
        heard = hear_all(server.ready["https"], version, request * 2)
        check(heard.count(b"HTTP/1.1 204") == 2, f"{version.name}: {heard}")
