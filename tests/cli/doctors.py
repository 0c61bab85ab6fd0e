"""doctors.py - `doctor --from-device`: what is wrong between a device and its hub, with whose remedy."""
import contextlib
import datetime
import http.server
import pathlib
import socket
import socketserver
import ssl
import subprocess
import tempfile
import threading

from hub import Group, Hub, Skipped, azimuth, check

group = Group()
YEARS = datetime.timedelta(days=4 * 365)
NOW = datetime.datetime.now(datetime.timezone.utc)

CONFIG = """
[ca]
default_ca = here
[here]
new_certs_dir = {folder}
database = {folder}/index.txt
rand_serial = yes
default_md = sha256
policy = any
[any]
commonName = supplied
"""


def openssl(*words):
    subprocess.run(["openssl", *map(str, words)], check=True, capture_output=True)


def issue(folder, issuer, names, begins):
    """A certificate for those names, good for a year from then on, with its key: PEM in one file. Beside it ca.pem."""
    folder = pathlib.Path(folder)
    (folder / "index.txt").touch()
    (folder / "ca.cnf").write_text(CONFIG.format(folder=folder))
    (folder / "names.cnf").write_text(f"subjectAltName={names}\n")
    openssl("req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", 9000, "-subj", f"/CN={issuer}",
            "-keyout", folder / "ca.key", "-out", folder / "ca.pem")
    openssl("req", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-subj", "/CN=leaf",
            "-keyout", folder / "leaf.key", "-out", folder / "leaf.csr")
    dates = [(begins + datetime.timedelta(days=days)).strftime("%Y%m%d%H%M%SZ") for days in (0, 365)]
    openssl("ca", "-batch", "-notext", "-config", folder / "ca.cnf", "-cert", folder / "ca.pem", "-keyfile", folder / "ca.key",
            "-in", folder / "leaf.csr", "-out", folder / "leaf.pem", "-extfile", folder / "names.cnf", "-startdate", dates[0],
            "-enddate", dates[1])
    both = folder / "both.pem"
    both.write_text((folder / "leaf.pem").read_text() + (folder / "leaf.key").read_text())
    return both


class Server(socketserver.ThreadingMixIn, http.server.HTTPServer):
    daemon_threads = True

    def handle_error(self, request, client_address):
        """Who does not trust it hangs up."""


@contextlib.contextmanager
def stand_in(issuer="somebody", names="IP:127.0.0.1", begins=NOW - datetime.timedelta(days=1), ahead=datetime.timedelta(), address="127.0.0.1",
             encrypted=True):
    """What is no hub: a server with such a certificate and a clock that is so far ahead. Its port, and the certificate to trust."""
    class Answer(http.server.BaseHTTPRequestHandler):
        def do_GET(self):
            self.send_response(200)
            self.end_headers()

        def date_time_string(self, timestamp=None):
            return super().date_time_string((datetime.datetime.now(datetime.timezone.utc) + ahead).timestamp())

        def log_message(self, *_):
            pass

    with tempfile.TemporaryDirectory(prefix="azm-doctor-") as folder:
        Server.address_family = socket.AF_INET6 if ":" in address else socket.AF_INET
        with Server((address, 0), Answer) as server:
            if encrypted:
                context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
                context.load_cert_chain(issue(folder, issuer, names, begins))
                server.socket = context.wrap_socket(server.socket, server_side=True, do_handshake_on_connect=False)
            threading.Thread(target=server.serve_forever, daemon=True).start()
            try:
                yield server.server_address[1], pathlib.Path(folder) / "ca.pem"
            finally:
                server.shutdown()


def visit(host, port, *more, **variables):
    """What is found out from there: {check: (state, seen, fix)}, and the status."""
    ports = [word for name in ("mqtt", "amqp", "https") for word in (f"--{name}-port", port)]
    done = azimuth("doctor", "--from-device", host, *ports, *more, "-o", "json", **variables)
    return {row["check"]: (row["state"], row["seen"], row["fix"]) for row in done.json()}, done.status


def says(finding, state, seen, fix):
    check(finding[0] == state and seen in finding[1] and fix in finding[2], f"'{state}', '{seen}', '{fix}' is not {finding}")


@group.case
def a_device_that_may_connect_finds_nothing_wrong():
    with Hub() as hub:
        done = azimuth("doctor", "--from-device", "127.0.0.1", "--ca", hub.ca, *hub.ports(), "-o", "json")
        check(done.status == 0 and all(row["state"] in ("ok", "warn") for row in done.json()), str(done))


@group.case
def a_clock_that_is_wrong_is_found_though_the_certificate_is_refused_for_it():
    for ahead, side in ((YEARS, "behind"), (-YEARS, "ahead of")):
        begins = NOW + ahead - datetime.timedelta(days=30)
        with stand_in(begins=begins, ahead=ahead) as (port, ca):
            found, status = visit("127.0.0.1", port, "--ca", ca)
            says(found["mqtt"], "fail", f"good from {begins:%Y-%m-%d}", "by NTP")
            says(found["mqtt"], "fail", f"by this machine's clock it is {NOW:%Y-%m}", "a new certificate")
            says(found["clock"], "fail", f"s {side} the hub's: tokens are refused", "NTP")
            check(status == 1, f"status {status}")


@group.case
def a_name_that_the_certificate_does_not_have_is_told_with_those_that_it_has():
    with stand_in(names="DNS:hub.example,DNS:other.example,IP:127.0.0.9") as (port, ca):
        found, status = visit("127.0.0.1", port, "--ca", ca)
        says(found["mqtt"], "fail", "is for hub.example, other.example, 127.0.0.9, not for 127.0.0.1", "--hostname 127.0.0.1")
        check("--ca" not in found["mqtt"][2] and status == 1, f"{found['mqtt']}, status {status}")
        says(found["clock"], "ok", "within", "")


@group.case
def who_issued_a_certificate_that_is_not_trusted_is_told_and_that_somebody_may_open_tls():
    with Hub() as hub, stand_in(issuer="Inspection of the works") as (port, _):
        found, status = visit("127.0.0.1", port, "--ca", hub.ca)
        for name in ("mqtt", "amqp", "https"):
            says(found[name], "fail", "Inspection of the works", "opens TLS")
            says(found[name], "fail", f"whom {hub.ca} does not have", "--ca")
        says(found["clock"], "ok", "within", "")
        check(status == 1, f"status {status}")


@group.case
def a_port_that_is_closed_silent_or_another_service_is_told_as_such():
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        found, _ = visit("127.0.0.1", closed.getsockname()[1])
        says(found["mqtt"], "fail", "Connection refused", f"open TCP {closed.getsockname()[1]} to 127.0.0.1")
        says(found["clock"], "skipped", "cannot be had over HTTPS", "")
        closed.listen(8)  # and never answers
        found, _ = visit("127.0.0.1", closed.getsockname()[1])
        says(found["amqp"], "fail", f"127.0.0.1:{closed.getsockname()[1]} gives no answer within 5 s", "open TCP")
    with stand_in(encrypted=False) as (port, _):
        found, _ = visit("127.0.0.1", port)
        says(found["mqtt"], "fail", f"TLS with 127.0.0.1:{port} failed", "see that this is the hub's port")


@group.case
def a_hub_at_ipv6_alone_is_reached_and_a_name_that_leads_nowhere_said():
    with contextlib.ExitStack() as both:
        try:
            port, ca = both.enter_context(stand_in(names="IP:::1", address="::1"))
        except OSError as why:
            raise Skipped(f"this machine has no IPv6: {why}") from None
        found, status = visit("::1", port, "--ca", ca)
        says(found["name"], "ok", "leads to ::1", "")
        says(found["mqtt"], "ok", "answers", "")
        check(status == 0, f"{found}, status {status}")
    found, status = visit("nowhere.invalid", 8883)
    says(found["name"], "fail", "nowhere.invalid is not known", "DNS")
    check({found[name][0] for name in ("mqtt", "amqp", "https", "clock")} == {"skipped"} and status == 1, str(found))


@group.case
def a_proxy_is_told_without_its_password_and_only_where_it_is_wanted():
    proxy = {"https_proxy": "http://me:not-to-be-seen@10.9.9.9:3128"}
    with stand_in() as (port, ca):
        found, status = visit("127.0.0.1", port, "--ca", ca, **proxy)
        says(found["proxy"], "warn", "http://***@10.9.9.9:3128", "no_proxy")
        check("not-to-be-seen" not in str(found) and status == 0, str(found))
        found, _ = visit("127.0.0.1", port, "--ca", ca, **proxy, no_proxy="localhost,127.0.0.1")
        says(found["proxy"], "ok", "none is set for 127.0.0.1", "")
