"""completion.py - the scripts for shells, in those shells that are here."""
import contextlib
import pathlib
import shutil
import socket
import subprocess
import tempfile
import time

from hub import BUILD, SECONDS_MAX, Group, Hub, Skipped, azimuth, check, environment, stand_in

group = Group()
HTTP_WAIT_SECONDS = 60  # of a command that is not hasty (cli/http.h)
PATIENT = {"AZIMUTH_COMPLETION_WAIT": "60s"}  # where it counts what a hub answers and not how soon


def shell(name, script, home=None):
    if not shutil.which(name):
        raise Skipped(f"{name} is not installed")
    path = f"{BUILD}:/usr/local/bin:/usr/bin:/bin"
    run = subprocess.run([name, "-c", script], capture_output=True, text=True, cwd="/", timeout=SECONDS_MAX,
                         env=environment(PATH=path, **PATIENT, **({"HOME": home} if home else {})), check=False)
    check(run.returncode == 0 and run.stderr == "", f"{name}: {run.returncode} {run.stderr}")
    return run.stdout.split()


def bash(*words, program="azimuth", home=None):
    quoted = " ".join(f"'{word}'" for word in (program, *words))
    return shell("bash", f'source <({program} completion bash)\nCOMP_WORDS=({quoted})\nCOMP_CWORD={len(words)}\n'
                         '_azimuth\necho "${COMPREPLY[@]}"', home)


@group.case
def bash_completes_verbs_options_and_ids():
    with Hub() as hub:
        hub.must("hub", "device-identity", "create", "-d", "press-1")
        hub.must("hub", "device-identity", "create", "-d", "press-2")
        hub.must("hub", "device-identity", "create", "-d", "oven")
        hub.must("hub", "consumer-group", "create", "-n", "readers")
        hub.must("hub", "policy", "create", "-n", "panel", "--permissions", "RegistryRead")
        rows = (
            (("ser",), ["serve"]), (("hub", "mon"), ["monitor-events", "monitor-feedback"]),
            (("serve", "--mqtt"), ["--mqtt-port"]), (("dev", "--seed", "x", "--part"), ["--partitions"]), (("serve", "--seed", "x", "--log-level", "w"), ["warn"]),
            (("hub", "device-identity", "show", "--data", hub.data, "-d", "p"), ["press-1", "press-2"]),
            (("hub", "consumer-group", "delete", "--data", hub.data, "-n", "r"), ["readers"]),
            (("connection-string", "--data", hub.data, "--policy", "pan"), ["panel"]),
            (("connection-string", "--data", "/nowhere", "--policy", "iot"), ["iothubowner"]),
            (("hub", "policy", "show", "--data", hub.data, "-n", "pan"), ["panel"]),
            (("env", "--format", "d"), ["dotenv"]), (("env", "--format", "=", "d"), ["dotenv"]),
            (("hub", "device-identity", "list", "-o", ""), ["table", "json", "jsonl", "tsv", "yaml", "none"]),
            (("--h",), []), (("hub", "device-identity", "show", "--data", "/nowhere", "-d", ""), []),
        )
        for words, expected in rows:
            got = bash(*words)
            check(got == expected, f"'{' '.join(map(str, words))}': {got}")
        check(bash("conn", program="azm") == ["connection-string"], "not as azm")
        hub.must("hub", "module-identity", "create", "-d", "oven", "-m", "door")
        got = bash("hub", "module-twin", "show", "--data", hub.data, "-d", "oven", "-m", "")
        check(got == ["door"], f"modules: {got}")
        got = bash("why", "--data", hub.data, "pre")
        check(got == ["press-1", "press-2"], f"a word that is a device: {got}")


@group.case
def a_device_among_thousands_is_completed():
    with Hub() as hub:
        path = hub.data / "devices.csv"
        path.write_text("deviceId\n" + "".join(f"press-{n:05}\n" for n in range(5000)) + "zz'top\n")
        hub.must("hub", "device-identity", "import", "--file", path)
        for begun, expected in (("press-0499", [f"press-0499{n}" for n in range(10)]), ("nobody", []), ('a"b', [])):
            got = bash("hub", "device-identity", "show", "--data", hub.data, "-d", begun)
            check(got == expected, f"{begun}: {got}")
        reader = ("--login", hub.login("registryRead"), *hub.remote()[2:])
        got = bash("hub", "device-identity", "show", *reader, "-d", "press-0001")
        check(got == [f"press-0001{n}" for n in range(10)], f"who may not query: {got}")


@group.case
def a_tab_asks_the_hub_once():
    asked = []

    def answer(ask):
        if "/devices" in ask:
            asked.append(ask.split("?")[0])
        return {"GET /devices": '[{"deviceId":"nobody"}]', "POST /devices/query": "[]"}.get(ask.split("?")[0], "{}")

    with tempfile.TemporaryDirectory(prefix="azm-tab-") as data, stand_in(data, answer):
        words = "\n".join(("hub", "device-identity", "show", "--data", data, "-d"))
        done = azimuth("completion", "suggest", f"--words={words}\nno", **PATIENT)
        check(done.out == "" and asked == ["POST /devices/query"], f"{done} {asked}")
        done = azimuth("completion", "suggest", f"--words={words}\n", **PATIENT)
        check(done.out == "nobody\n" and asked[1:] == ["GET /devices"], f"{done} {asked}")


PROFILES = "profiles:\n  lab: {connection-string: x}\n  line-4: {connection-string: y}\n"


@contextlib.contextmanager
def home_with_profiles():
    with tempfile.TemporaryDirectory(prefix="azm-home-") as home:
        path = pathlib.Path(home) / ".config" / "azimuth" / "config.yaml"
        path.parent.mkdir(parents=True)
        path.write_text(PROFILES)
        yield home


@group.case
def profiles_are_completed():
    with home_with_profiles() as home:
        for words, expected in ((("profile", "use", ""), ["lab", "line-4"]), (("profile", "delete", "li"), ["line-4"]),
                                (("profile", "show", "-n", "la"), ["lab"]), (("env", "--profile", "l"), ["lab", "line-4"])):
            got = bash(*words, home=home)
            check(got == expected, f"'{' '.join(words)}': {got}")
        zsh = ("autoload -Uz compinit && compinit -u -D\nsource <(azimuth completion zsh)\n"
               "compadd() { shift; print -l -- ${(P)1}; }\nwords=(azimuth profile use l); CURRENT=4\n_azimuth")
        skipped = []
        for name, script in (("zsh", zsh), ("fish", "azimuth completion fish | source\ncomplete -C 'azimuth profile use l'")):
            if not shutil.which(name):
                skipped.append(name)
                continue
            got = shell(name, script, home=home)
            check(got == ["lab", "line-4"], f"{name}: {got}")
        return f"without {' and '.join(skipped)}" if skipped else ""


@group.case
def zsh_completes():
    script = ("autoload -Uz compinit && compinit -u -D\nsource <(azimuth completion zsh)\n"
              "compadd() { shift; print -l -- ${(P)1}; }\nwords=(azimuth hub mon); CURRENT=3\n_azimuth")
    got = shell("zsh", script)
    check(got == ["monitor-events", "monitor-feedback"], str(got))


@group.case
def fish_completes():
    got = shell("fish", "azimuth completion fish | source\ncomplete -C 'azimuth hub mon'")
    check(got == ["monitor-events", "monitor-feedback"], str(got))
    got = shell("fish", "azimuth completion fish | source\ncomplete -C 'azm completion '")
    check(sorted(got) == ["bash", "fish", "zsh"], str(got))
    got = shell("fish", "azimuth completion fish | source\ncomplete -C 'azimuth serve --config /etc/host'")
    check("/etc/hosts" in got, str(got))


@group.case
def a_tab_is_answered_at_once():
    with socket.create_server(("127.0.0.1", 0)) as silent:
        words = ("hub", "device-identity", "show", "--https-port", str(silent.getsockname()[1]), "--login",
                 "HostName=localhost;SharedAccessKeyName=a;SharedAccessKey=AAAA", "-d", "")
        for wait in ({}, {"AZIMUTH_COMPLETION_WAIT": "0"}, {"AZIMUTH_COMPLETION_WAIT": "soon"}, {"AZIMUTH_COMPLETION_WAIT": "300ms"}):
            began = time.monotonic()
            done = azimuth("completion", "suggest", "--words=" + "\n".join(words), **wait)
            check(done.status == 0 and done.out == "", str(done))
            check(time.monotonic() - began < HTTP_WAIT_SECONDS, f"{wait}: it waits as any command does")
