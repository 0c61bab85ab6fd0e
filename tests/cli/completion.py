"""completion.py - the scripts for shells, in those shells that are here."""
import shutil
import subprocess

from hub import BUILD, SECONDS_MAX, Group, Hub, Skipped, azimuth, check, environment

group = Group()


def shell(name, script):
    if not shutil.which(name):
        raise Skipped(f"{name} is not installed")
    path = f"{BUILD}:/usr/local/bin:/usr/bin:/bin"
    run = subprocess.run([name, "-c", script], capture_output=True, text=True, cwd="/", timeout=SECONDS_MAX,
                         env=environment(PATH=path), check=False)
    check(run.returncode == 0 and run.stderr == "", f"{name}: {run.returncode} {run.stderr}")
    return run.stdout.split()


def bash(*words, program="azimuth"):
    quoted = " ".join(f"'{word}'" for word in (program, *words))
    return shell("bash", f'source <({program} completion bash)\nCOMP_WORDS=({quoted})\nCOMP_CWORD={len(words)}\n'
                         '_azimuth\necho "${COMPREPLY[@]}"')


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
            (("serve", "--mqtt"), ["--mqtt-port"]), (("dev", "--seed", "x", "--part"), ["--partitions"]),
            (("hub", "device-identity", "show", "--data", hub.data, "-d", "p"), ["press-1", "press-2"]),
            (("hub", "consumer-group", "delete", "--data", hub.data, "-n", "r"), ["readers"]),
            (("connection-string", "--data", hub.data, "--policy", "pan"), ["panel"]),
            (("connection-string", "--data", "/nowhere", "--policy", "iot"), ["iothubowner"]),
            (("hub", "policy", "show", "--data", hub.data, "-n", "pan"), ["panel"]),
            (("env", "--format", "d"), ["dotenv"]), (("env", "--format", "=", "d"), ["dotenv"]),
            (("hub", "device-identity", "list", "-o", ""), ["table", "json", "jsonl", "tsv", "yaml"]),
            (("--h",), []), (("hub", "device-identity", "show", "--data", "/nowhere", "-d", ""), []),
        )
        for words, expected in rows:
            got = bash(*words)
            check(got == expected, f"'{' '.join(map(str, words))}': {got}")
        check(bash("conn", program="azm") == ["connection-string"], "not as azm")


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
    done = azimuth("completion", "suggest", "--words=hub\ndevice-identity\nshow\n--login\n"
                   "HostName=192.0.2.1;SharedAccessKeyName=a;SharedAccessKey=AAAA\n-d\n")
    check(done.status == 0 and done.out == "", str(done))
