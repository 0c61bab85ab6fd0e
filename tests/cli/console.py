"""console.py - --console ADDR:PORT: /admin/v1 on a listener of its own."""
import json
import socket
import ssl
import subprocess

from hub import SECONDS_MAX, Group, Hub, azimuth, check

group = Group()
API = "?api-version=2021-04-12"


def statuses(hub, url, headers, paths):
    return {path: hub.ask("GET", path, headers, url=url)[0] for path in paths}


@group.case
def administration_is_there_and_not_on_https():
    with Hub() as hub:
        console, https = hub.admin_url(), f"https://localhost:{hub.ready['https']}"
        token = {"Authorization": hub.token()}
        paths = ("/admin/v1/hub", "/admin/v1/openapi.json", "/admin/v1/consumer-groups")
        for path in paths:
            check(hub.ask("GET", path, token, url=console)[0] == 200, f"{path} is not on the console")
            check(hub.ask("GET", path, url=console)[0] == 401, f"{path} is told without a token")
            check(hub.ask("GET", path, token, url=https)[0] == 404, f"{path} is on the HTTPS port")
        check(hub.ask("GET", "/admin/v1/policies", token, url=console)[0] == 401, "keys are told over the network")
        check(hub.ask("GET", f"/devices{API}", token, url=console)[0] == 404, "Azure's API is on the console")
        check(hub.ask("GET", f"/devices{API}", token, url=https)[0] == 200, "Azure's API is not on the HTTPS port")
        for url in (console, https):
            check(hub.ask("GET", "/healthz", url=url)[0] == 200 == hub.ask("GET", "/readyz", url=url)[0], url)
        check(hub.ready["console"] == f"{console}/console/", f"the ready line says {hub.ready['console']}")


@group.case
def the_description_names_what_is_served():
    with Hub() as hub:
        token = {"Authorization": hub.token()}
        described = json.loads(hub.ask("GET", "/admin/v1/openapi.json", token, url=hub.admin_url())[1])
        check(described["openapi"].startswith("3.1"), "no OpenAPI 3.1")
        for path, methods in described["paths"].items():
            check(path.startswith("/admin/v1/"), path)
            if path in ("/admin/v1/session", "/admin/v1/session/own", "/admin/v1/live"):  # of who has signed in
                continue
            if "get" in methods and "{" not in path:
                status = hub.ask("GET", path, socket_path=True)[0]
                check(status == 200, f"{path}: {status}")
            for method, operation in methods.items():
                check(("requestBody" in operation) == (method in ("put", "patch", "post")), f"the body of {method} {path}")
        said = {path: methods["get"].get("description", "") for path, methods in described["paths"].items() if "get" in methods}
        for path in ("/admin/v1/users", "/admin/v1/policies", "/admin/v1/sessions", "/admin/v1/backup"):
            check("or with an administrator's session" in said[path], f"{path}: {said[path]}")
        check(described["paths"]["/admin/v1/backup/snapshot"]["post"]["description"].startswith("Only over"), "snapshots are not the socket's alone")
        check(described["paths"]["/admin/v1/routing"]["put"]["requestBody"]["required"], "routes without a body")
        check("/admin/v1/live" not in said or not said["/admin/v1/live"].startswith("Only over"), "live events are the socket's alone")


@group.case
def its_pages_are_there_and_a_link_signs_in_once():
    with Hub() as hub:
        status, text = hub.ask("GET", "/console/", url=hub.admin_url())
        check(status == 200 and "<!doctype html>" in text, text)
        status, text = hub.ask("GET", "/nowhere", url=hub.admin_url())
        check(status == 404 and "/admin/v1/openapi.json" in text, text)
        link = azimuth("console", "link", "--data", hub.data).out.strip()
        check(link.startswith(f"{hub.admin_url()}/console/#token="), link)
        body = json.dumps({"token": link.partition("=")[2]})
        answers = [hub.ask("POST", "/admin/v1/session", {}, body=body, url=hub.admin_url())[0] for _ in range(2)]
        check(answers == [200, 401], f"the link answers {answers}")


@group.case
def a_foreign_host_or_origin_is_refused():
    with Hub("--hostname", "plant.example") as hub:
        url = hub.admin_url()
        own = url.split("//")[1]
        rows = (({}, 200), ({"Host": "plant.example:8443"}, 200), ({"Host": "evil.example"}, 403),
                ({"Origin": f"https://{own}"}, 200), ({"Origin": "https://evil.example"}, 403),
                ({"Origin": "null"}, 403))
        for headers, expected in rows:
            got = hub.ask("GET", "/healthz", headers, url=url)[0]
            check(got == expected, f"{headers}: {got}")
        check(hub.ask("GET", "/healthz", {"Host": "evil.example"}, url=f"https://127.0.0.1:{hub.ready['https']}")[0]
              == 200, "the HTTPS port looks at the host")


def asks_for_certificate(port):
    """Does the server's part of a TLS 1.2 handshake have a CertificateRequest?"""
    said = subprocess.run(["openssl", "s_client", "-connect", f"127.0.0.1:{port}", "-tls1_2"], input="",
                          capture_output=True, text=True, timeout=SECONDS_MAX, check=False).stdout
    check("Cipher is" in said or "New, TLS" in said, f"no handshake: {said[-300:]}")
    return "No client certificate CA names sent" not in said or "Client Certificate Types" in said


@group.case
def it_never_asks_for_a_client_certificate():
    with Hub() as hub:
        check(not asks_for_certificate(hub.admin_url().rsplit(":", 1)[1]), "the console asks for a certificate")


@group.case
def it_has_tls_under_serve_and_none_on_loopback_under_dev():
    with Hub() as hub:
        check(hub.admin_url().startswith("https://127.0.0.1:"), hub.admin_url())
        with socket.create_connection(("127.0.0.1", int(hub.admin_url().rsplit(":", 1)[1]))) as raw:
            context = ssl.create_default_context(cafile=hub.ca)
            with context.wrap_socket(raw, server_hostname="127.0.0.1") as tls:
                check(tls.version() == "TLSv1.3", tls.version())
    with Hub(verb="dev") as hub:
        check(hub.admin_url().startswith("http://127.0.0.1:"), hub.admin_url())
        check(hub.ask("GET", "/admin/v1/hub", {"Authorization": hub.token()}, url=hub.admin_url())[0] == 200,
              "no administration under dev")
        groups = azimuth("hub", "consumer-group", "list", *hub.remote())
        check(groups.status == 0, str(groups))
    with Hub("--console", "0.0.0.0:0", verb="dev") as hub:
        check(hub.admin_url().startswith("https://"), "open to the network without TLS")


@group.case
def one_for_every_network_has_a_name_that_can_be_dialled():
    for address in ("0.0.0.0:0", "[::]:0"):
        with Hub("--hostname", "plant.example", "--hostname", "other.example", "--console", address) as hub:
            url = hub.admin_url()
            port = url.rpartition(":")[2]
            check(url == f"https://plant.example:{port}" and hub.ready["console"] == f"{url}/console/", f"{address}: {url}, {hub.ready['console']}")
            for host, named in (("other.example", "other.example"), (f"localhost:{hub.ready['https']}", "localhost"), ("[::1]:443", "[::1]"),
                                ("evil.example", "plant.example")):
                got = led(hub, host)
                check(got == f"https://{named}:{port}/console/", f"{host} is led to {got}")
    with Hub("--hostname", "plant.example") as hub:
        check(hub.ready["console"].startswith("https://127.0.0.1:"), hub.ready["console"])


def led(hub, host):
    """Where a browser is led that asks for / at 443 under that name."""
    context = ssl.create_default_context(cafile=hub.ca)
    with socket.create_connection(("127.0.0.1", hub.ready["https"]), SECONDS_MAX) as raw, context.wrap_socket(raw, server_hostname="localhost") as tls:
        tls.sendall(f"GET / HTTP/1.1\r\nHost: {host}\r\nAccept: text/html\r\nConnection: close\r\n\r\n".encode())
        head = b"".join(iter(lambda: tls.recv(4096), b"")).decode()
    return next((line.split(" ", 1)[1] for line in head.split("\r\n") if line.lower().startswith("location:")), head)


@group.case
def it_may_be_off_or_elsewhere():
    with Hub("--console", "off") as hub:
        check(hub.about()["admin"] is None, "there is a console")
    with Hub("--console", "[::1]:0") as hub:
        check(hub.admin_url().startswith("https://[::1]:"), hub.admin_url())
        check(hub.ask("GET", "/healthz", url=hub.admin_url())[0] == 200, "it is not there")


@group.case
def a_port_that_is_taken_is_named_with_its_option():
    with socket.socket() as holder:
        holder.bind(("127.0.0.1", 0))
        holder.listen()
        port = holder.getsockname()[1]
        with Hub() as hub:
            data = hub.data / "other"
            done = azimuth("serve", "--data", data, "--mqtt-port", 0, "--amqp-port", 0, "--https-port", 0, "--console",
                           f"127.0.0.1:{port}")
            check(done.status == 1 and f"port {port}" in done.error and "(--console)" in done.error, str(done))
            done = azimuth("serve", "--data", data, "--mqtt-port", port, "--amqp-port", 0, "--https-port", 0,
                           "--console", "127.0.0.1:0")
            check(done.status == 1 and f"port {port}" in done.error and "(--mqtt-port)" in done.error, str(done))
            check(not data.exists(), f"it left {[path.name for path in data.glob('*')]}")
