"""login.py - which hub is meant: --login, --data, --profile, the environment, the profile, the socket."""
import contextlib
import os
import pathlib
import shutil
import socket
import stat
import subprocess
import tempfile

from hub import AZIMUTH, Done, Group, Hub, Skipped, azimuth, check, environment

group = Group()
LIST = ("hub", "device-identity", "list", "--query", "[].deviceId", "-o", "tsv")
BAD = "HostName=nowhere.invalid;SharedAccessKeyName=iothubowner;SharedAccessKey=AAAA"


class Home:
    """Folders of a user, with a profile in it."""

    def __init__(self, text):
        self.path = pathlib.Path(tempfile.mkdtemp(prefix="azm-home-"))
        folder = self.path / ".config" / "azimuth"
        folder.mkdir(parents=True)
        (folder / "config.yaml").write_text(text)

    def __enter__(self):
        return str(self.path)

    def __exit__(self, *_):
        shutil.rmtree(self.path)


def named(hub, name):
    hub.must("hub", "device-identity", "create", "-d", name)


def sees(done, name):
    check(done.status == 0 and done.out.strip() == name, f"not the hub of '{name}': {done}")


@group.case
def the_stronger_place_wins():
    """Five hubs, each known by its device; every step takes the strongest place away."""
    hubs = {name: Hub() for name in ("login", "data", "azimuth", "iothub", "profile", "socket")}
    try:
        for name, hub in hubs.items():
            named(hub, name)
        ports = {name: hub.ports() for name, hub in hubs.items()}
        logins = {name: hub.login() for name, hub in hubs.items()}
        profile = f"connection-string: {logins['profile']}\nca: {hubs['profile'].ca}\n"
        with Home(profile) as home:
            everything = {"AZIMUTH_CONNECTION_STRING": logins["azimuth"],
                          "IOTHUB_CONNECTION_STRING": logins["iothub"], "HOME": home,
                          "AZIMUTH_DATA": str(hubs["socket"].data)}

            def ask(expected, *words, without=()):
                variables = {name: value for name, value in everything.items() if name not in without}
                ca = [] if expected in ("data", "profile", "socket") else ["--ca", hubs[expected].ca]
                sees(azimuth(*LIST, *words, *ca, *(ports[expected] if expected != "socket" else []), **variables),
                     expected)

            ask("login", "--login", logins["login"], "--data", hubs["data"].data)
            ask("data", "--data", hubs["data"].data)
            ask("azimuth")
            ask("iothub", without=("AZIMUTH_CONNECTION_STRING",))
            ask("profile", without=("AZIMUTH_CONNECTION_STRING", "IOTHUB_CONNECTION_STRING"))
            ask("socket", without=("AZIMUTH_CONNECTION_STRING", "IOTHUB_CONNECTION_STRING", "HOME"))
    finally:
        for hub in hubs.values():
            with hub:
                pass


@group.case
def profiles_have_names():
    with Hub() as lab, Hub() as plant:
        named(lab, "lab")
        named(plant, "plant")
        text = "profile: lab\nprofiles:\n" + "".join(
            f"  {name}:\n    connection-string: {hub.login()}\n    ca: {hub.ca}\n    admin-url: {hub.admin_url()}\n"
            for name, hub in (("lab", lab), ("plant", plant)))
        with Home(text) as home:
            sees(azimuth(*LIST, *lab.ports(), HOME=home), "lab")
            sees(azimuth(*LIST, *plant.ports(), "--profile", "plant", HOME=home), "plant")
            sees(azimuth(*LIST, *plant.ports(), HOME=home, AZIMUTH_PROFILE="plant"), "plant")
            sees(azimuth(*LIST, *plant.ports(), "--profile", "plant", HOME=home, IOTHUB_CONNECTION_STRING=BAD),
                 "plant")
            groups = azimuth("hub", "consumer-group", "list", "--profile", "plant", HOME=home)
            check(groups.status == 0 and "$Default" in groups.out, str(groups))
            for missing in (azimuth(*LIST, "--profile", "mill", HOME=home), azimuth(*LIST, HOME=home, AZIMUTH_PROFILE="mill", AZIMUTH_DATA=str(lab.data))):
                check(missing.status == 3 and "it has: lab, plant" in missing.error, str(missing))
        nowhere = azimuth(*LIST, AZIMUTH_PROFILE="mill", AZIMUTH_DATA=str(lab.data))
        check(nowhere.status == 3 and "no profile 'mill'" in nowhere.error, f"a profile that is nowhere is ignored: {nowhere}")
    with Home("conection-string: x\n") as home:
        wrong = azimuth(*LIST, HOME=home)
        check(wrong.status == 2 and "config.yaml:1: conection-string" in wrong.error, str(wrong))


@group.case
def profiles_are_written_used_and_forgotten():
    key = "c2VjcmV0LXNlY3JldA=="
    other = f"HostName=other.test;SharedAccessKeyName=service;SharedAccessKey={key}"
    with tempfile.TemporaryDirectory(prefix="azm-home-") as home, Hub() as hub:
        def profile(*words, **more):
            return azimuth("profile", *words, HOME=home, **more)
        check(profile("list").json() == [], "there is one already")
        check(profile("show").status == 3 and profile("delete", "lab").status == 3, "there is none")
        made = profile("set", "lab", "--login", hub.login(), "--ca", hub.ca, "--admin-url", hub.admin_url())
        check(made.status == 0 and not made.json()["default"], str(made))
        check(profile("set", "other", "--login", other, "--default").json()["default"], "it is not the default")
        file = pathlib.Path(home, ".config", "azimuth", "config.yaml")
        check(stat.S_IMODE(file.stat().st_mode) == 0o600, "others can read it")
        listed = profile("list")
        check([(row["name"], row["default"], row["policy"]) for row in listed.json()]
              == [("lab", False, "iothubowner"), ("other", True, "service")] and key not in listed.out, str(listed))
        check(profile("show").json()["connectionString"].endswith("SharedAccessKey=***"), "the key is shown")
        check(profile("show", "--show-keys").json()["connectionString"] == other, "the key is not shown")
        check(profile("show", AZIMUTH_PROFILE="lab").json()["name"] == "lab", "AZIMUTH_PROFILE")
        check(profile("use", "lab").json()["default"] and profile("show").json()["name"] == "lab", "it is not used")
        check(profile("use", "mill").status == 3 and profile("use").status == 2 and profile("show").json()["name"] == "lab", "one that is not there is used")
        profile("use", "other")
        named(hub, "mine")
        sees(azimuth(*LIST, *hub.ports(), "--profile", "lab", HOME=home), "mine")
        check(profile("set", "lab", "--default").json()["hostName"] == "localhost", "what was not said is lost")
        sees(azimuth(*LIST, *hub.ports(), HOME=home), "mine")
        check(profile("delete", "lab").status == 0 and "profile:" not in file.read_text(), file.read_text())
        for words in (("set", "x"), ("set", "x", "--login", "nonsense"), ("set", "a b", "--login", other),
                      ("set", "n" * 65, "--login", other)):
            check(profile(*words).status == 2, str(words))
        check(profile("set", "n" * 64, "--login", other).status == 0, "64 characters")
        ca = pathlib.Path(hub.ca)
        check(profile("set", "near", "--login", other, "--ca", ca.name, cwd=ca.parent).json()["ca"] == str(ca.resolve()), "from here only")
        check(profile("set", "near", "--ca", "nowhere.pem").status == 2, "a certificate that is not there")
        kept = file.rename(pathlib.Path(home, "kept.yaml"))
        file.symlink_to(kept)
        check(profile("set", "linked", "--login", other).status == 0 and file.is_symlink() and "linked" in kept.read_text(), "a link")
        before = file.read_text() + "colour: blue\n"
        file.write_text(before)
        check(profile("set", "y", "--login", other).status == 2 and file.read_text() == before, "what is not known is lost")


@group.case
def the_server_of_this_folder_is_meant_when_nobody_says():
    with Hub() as hub:
        named(hub, "here")
        folder = pathlib.Path(tempfile.mkdtemp(prefix="azm-here-"))
        (folder / "azimuth-data").symlink_to(hub.data)
        sees(azimuth(*LIST, cwd=folder), "here")
        shutil.rmtree(folder)
        missing = azimuth(*LIST)
        check(missing.status == 3 and "serve --data ./azimuth-data" in missing.error, str(missing))


@group.case
def the_service_is_meant_where_no_server_is_in_the_folder():
    script = 'mount -t tmpfs none /var/lib && ln -s "$1" /var/lib/azimuth && shift && cd "$1" && shift && exec "$@"'
    if subprocess.run(["unshare", "-rm", "mount", "-t", "tmpfs", "none", "/var/lib"], capture_output=True, check=False).returncode:
        raise Skipped("no namespace of mounts here")

    def there(data, folder, *words, **variables):
        run = subprocess.run(["unshare", "-rm", "sh", "-c", script, "sh", str(data), str(folder), str(AZIMUTH), *words],
                             capture_output=True, text=True, env=environment(**variables), check=False)
        return Done(list(words), run.returncode, run.stdout, run.stderr)

    with Hub() as hub, tempfile.TemporaryDirectory(prefix="azm-here-") as folder:
        named(hub, "service")
        sees(there(hub.data, folder, *LIST), "service")
        for missing in (there(hub.data, folder, *LIST, AZIMUTH_DATA="nowhere"), there(hub.data, folder, *LIST, "--data", "nowhere")):
            check(missing.status == 3 and "runs on nowhere" in missing.error and "--data /var/lib/azimuth" in missing.error, str(missing))
        # Its backup is made without a word, too, and by it alone: another hub's login changes nothing.
        other = "HostName=elsewhere.invalid;SharedAccessKeyName=p;SharedAccessKey=MDEyMzQ1Njc4OWFiY2RlZg=="
        made = there(hub.data, folder, "backup", "create", "--to", f"{folder}/monday", IOTHUB_CONNECTION_STRING=other)
        check(made.status == 0 and made.json()["status"] == "created", str(made))
        pathlib.Path(folder, "azimuth-data").mkdir()
        none = there(hub.data, folder, "backup", "create", "--to", f"{folder}/tuesday")
        check(none.status == 3 and "./azimuth-data is no data directory" in none.error, str(none))
        stopped = there(hub.data, folder, *LIST)
        check(stopped.status == 3 and "runs on ./azimuth-data" in stopped.error and "--data /var/lib/azimuth" in stopped.error, str(stopped))
        nobody = there(folder, folder, *LIST, "--data", "/var/lib/azimuth")
        check(nobody.status == 3 and "systemctl start azimuth" in nobody.error and "azimuth serve" not in nobody.error, str(nobody))


@group.case
def what_env_prints_leads_back_to_the_hub():
    with Hub() as hub:
        named(hub, "d1")
        said = dict(line.split("=", 1) for line in hub.must("env", "--format", "github").out.splitlines())
        check("DeviceId=d1" in said["IOTHUB_DEVICE_CONNECTION_STRING"], str(said))
        dps = hub.must("dps", "connection-string").out.strip()
        check(said["PROVISIONING_SERVICE_CONNECTION_STRING"] == said["DPS_CONNECTION_STRING"] == dps, str(said))
        check(said["PROVISIONING_IDSCOPE"] == said["IOTHUB_DEVICE_DPS_ID_SCOPE"] == hub.ready["idScope"], str(said))
        check(said["PROVISIONING_HOST"] == said["DPS_GLOBALDEVICEENDPOINT"] == "localhost", str(said))
        elsewhere = azimuth("env", "--format", "json", *hub.remote()).json()
        check("DPS_CONNECTION_STRING" not in elsewhere, "the key of provisioning is told over the network")
        sees(azimuth(*LIST, **said), "d1")
        sees(azimuth(*LIST, *hub.ports(), **said | {"AZIMUTH_DIAL_HTTPS_PORT": "1"}), "d1")
        check(said == said | {f"AZIMUTH_DIAL_{name.upper()}_PORT": str(hub.ready[name]) for name in ("https", "mqtt", "amqp")}, str(said))
        for port, status in (("0", 2), ("1", 1), ("65535", 1), ("65536", 2), ("x", 2)):
            wrong = azimuth(*LIST, **said | {"AZIMUTH_DIAL_HTTPS_PORT": port})
            check(wrong.status == status and (status == 1 or "AZIMUTH_DIAL_HTTPS_PORT: a number" in wrong.error), str(wrong))
        for words in (("wait", "-d", "d1", "--disconnected", "--timeout", 60), ("device", "send-d2c-message", "-d", "d1", "--da", "{}"),
                      ("hub", "monitor-events", "--from", "beginning", "--count", 1, "--timeout", 60)):  # each of the three ports
            done = azimuth(*words, **said)
            check(done.status == 0, str(done))
        groups = azimuth("hub", "consumer-group", "list", **said)
        check(groups.status == 0 and "$Default" in groups.out, str(groups))
        with Hub() as other:  # whose token must not go to the first one's console
            lost = azimuth("hub", "consumer-group", "list", *other.remote()[:-2], **said)
            check(lost.status == 1 and "https://localhost:8443" in lost.error, str(lost))
        shell = subprocess.run(["sh", "-c", f'eval "$({AZIMUTH} env --data {hub.data})" && echo "$IOTHUB_CONNECTION_STRING"'],
                               capture_output=True, text=True, env=environment(), check=True)
        check(shell.stdout.strip() == said["IOTHUB_CONNECTION_STRING"], shell.stdout)


@group.case
def whoever_may_open_the_socket_is_administrator():
    with Hub() as hub:
        path = hub.data / "azimuth.sock"
        check(stat.S_IMODE(path.stat().st_mode) == 0o600, f"its mode is {stat.S_IMODE(path.stat().st_mode):o}")
        for target in ("/admin/v1/policies", "/admin/v1/policies/iothubowner", "/admin/v1/hub", "/metrics",
                       "/devices?api-version=2021-04-12", "/admin/v1/openapi.json", "/healthz", "/readyz"):
            status, text = hub.ask("GET", target, socket_path=True)
            check(status == 200, f"{target}: {status} {text}")
        if os.geteuid() != 0 or not shutil.which("setpriv"):
            raise Skipped("only root can be somebody else")
        hub.data.chmod(0o755)
        words = ["setpriv", "--reuid", "65534", "--clear-groups", AZIMUTH, *LIST, "--data", hub.data]
        other = subprocess.run([str(word) for word in words], capture_output=True, text=True, env=environment(),
                               cwd="/", check=False)
        if "setpriv: failed to execute" in other.stderr:
            raise Skipped("another user cannot reach the program")
        check(other.returncode == 1 and other.stdout == "", f"another user got {other}")


@group.case
def a_hub_whose_name_is_an_ipv6_address_is_found_by_its_connection_strings():
    with contextlib.closing(socket.socket(socket.AF_INET6)) as six:
        try:
            six.bind(("::1", 0))
        except OSError as why:
            raise Skipped(f"this machine has no IPv6: {why}") from None
    with Hub("--hostname", "::1") as hub:
        named(hub, "six")
        hub.must("device", "send-d2c-message", "-d", "six", "--da", "hello")
        sees(azimuth(*LIST, "--login", hub.login(), "--ca", hub.ca, *hub.ports()), "six")
        file = hub.data / "more.csv"
        file.write_text("deviceId\nseven\n")
        hub.must("hub", "device-identity", "import", "--file", file)
        check(f"Endpoint=sb://[::1]:{hub.ready['amqp']}/;" in hub.must("connection-string", "--event-hub").out, "the endpoint")
        for words in (("--policy", "service"), ("--event-hub",)):
            login = hub.must("connection-string", *words).out.strip()
            done = azimuth("hub", "monitor-events", "--from", "beginning", "--count", 1, "--timeout", "20s", "-o", "jsonl",
                           "--login", login, "--ca", hub.ca, *hub.ports())
            check(done.status == 0 and '"origin":"six"' in done.out, str(done))
