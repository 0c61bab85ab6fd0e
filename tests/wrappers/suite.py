#!/usr/bin/env python3
"""suite.py [--long] [WORDS]: the packages are made and installed as a user does; then his tests run, which are
beside this file. With words only the cases that have them in their names."""
import contextlib
import json
import os
import pathlib
import re
import shlex
import shutil
import signal
import subprocess
import sys
import tempfile
import time

import action

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(ROOT / "tests/cli"))
from hub import Skipped  # noqa: E402  pylint: disable=wrong-import-position
from page import Page, network  # noqa: E402  pylint: disable=wrong-import-position
WORK = ROOT / "build" / "wrappers"
AZIMUTH = ROOT / "build" / "release" / "azimuth"
SECONDS_MAX = 600
WAIT_SECONDS = 60
# What would lead to another program or another hub.
FOREIGN = ("AZIMUTH_", "IOTHUB_", "EVENTHUB_", "NODE_EXTRA_CA_CERTS", "PYTHON", "GITHUB_", "RUNNER_")
CASES = []


class Failed(Exception):
    """What a case found wrong, in a sentence."""


def case(function):
    CASES.append(function)
    return function


def check(good, sentence):
    if not good:
        raise Failed(sentence)


def run(*words, cwd=WORK, **variables):
    kept = {name: value for name, value in os.environ.items() if not name.startswith(FOREIGN)}
    done = subprocess.run([str(word) for word in words], cwd=cwd, env=kept | variables, capture_output=True, text=True,
                          timeout=SECONDS_MAX, stdin=subprocess.DEVNULL, check=False)
    check(done.returncode == 0, f"'{' '.join(map(str, words))}': status {done.returncode}\n{done.stdout[-3000:]}{done.stderr[-3000:]}")
    return done.stdout


def packed(pattern):
    if not list(WORK.glob("out/*.whl")):
        try:
            run(ROOT / "scripts/package/wrappers.sh", AZIMUTH, WORK / "out", cwd=ROOT)
        except Failed as why:
            if "cannot be had" in str(why):
                raise Skipped(str(why).splitlines()[-1]) from why
            raise
    return next((WORK / "out").glob(pattern))


def node_project():
    """Somebody's project, with the npm package installed from its file."""
    project = WORK / "node"
    if not project.exists():
        project.mkdir()
        (project / "package.json").write_text('{"name": "somebody", "private": true, "type": "module"}')
        run("npm", "install", "--silent", "--no-audit", "--no-fund", "--offline", packed("*.tgz"), cwd=project)
    return project


def pip(project, *words):
    run(ROOT / "build/wrappers-venv/bin/pip", "--python", project / "bin/python", "install", "-q", "--disable-pip-version-check", *words)


def python_project():
    """Likewise an environment with the PyPI package."""
    project = WORK / "python"
    if not project.exists():
        file = packed("*.whl")
        run("python3", "-m", "venv", "--without-pip", project)
        pip(project, "--no-deps", "--no-index", file)
    return project


@case
def the_npm_package_starts_and_stops_azimuth_in_a_test():
    project = node_project()
    shutil.copy(HERE / "somebody.test.mjs", project)
    said = run("node", "--test", "--test-reporter=tap", "somebody.test.mjs", cwd=project)
    return f"{re.search(r'# pass ([0-9]+)', said)[1]} tests"


@case
def the_pypi_package_starts_and_stops_azimuth_in_a_test():
    project = python_project()
    shutil.copy(HERE / "test_somebody.py", project)
    run(project / "bin/python", "-m", "unittest", "-q", "test_somebody", cwd=project)


STRINGS = r'"deviceId": "sensor-1".*HostName=\S+;DeviceId=sensor-1;\S+ HostName=\S+;SharedAccessKeyName=\S+ Endpoint=sb:\S+EntityPath=azimuth'


@case
def the_programs_on_the_npm_package_s_own_page_run():
    project = node_project()
    return Page(
        project / "node_modules/azimuth-iot/README.md",
        files={"from 'azimuth-iot'": f"(cat $FILE; echo; echo 'console.log(device, hub, events)') >{project}/page.mjs; node {project}/page.mjs"},
        shown={"from 'azimuth-iot'": STRINGS},
    ).run()


@case
def the_programs_on_the_pypi_package_s_own_page_run():
    project = python_project()
    try:
        pip(project, "pytest")
    except Failed as why:
        raise Skipped("pytest cannot be had") from why
    page = WORK / "pypi.md"
    about = next(project.glob("lib/python3*/site-packages/azimuth_iot-*.dist-info")) / "METADATA"
    page.write_text(about.read_text().split("\n\n", 1)[1])  # as PyPI shows it
    return Page(
        page,
        files={"connection_string(event_hub": f"(cat $FILE; echo; echo '    print(device, hub, events)') >page.py; {project}/bin/python page.py",
               "pytest.fixture": f"cp $FILE test_page.py; {project}/bin/python -m pytest -q -p no:cacheprovider test_page.py"},
        shown={"connection_string(event_hub": STRINGS, "pytest.fixture": r"\b1 passed"},
    ).run()


@case
def the_action_for_github_sets_what_later_steps_read():
    action = (ROOT / "packaging/github-action/action.yml").read_text()
    check("start.sh" in action, "the action does not run start.sh")
    with tempfile.TemporaryDirectory(prefix="azm-action-") as folder:
        place = pathlib.Path(folder)
        (place / "azimuth").symlink_to(AZIMUTH)
        told = {name: place / name for name in ("GITHUB_ENV", "GITHUB_OUTPUT")}
        run(ROOT / "packaging/github-action/start.sh", RUNNER_TEMP=folder, PATH=f"{folder}:{os.environ['PATH']}",
            DEVICES="sensor-1 sensor-2", OPTIONS="--mqtt-port 0 --amqp-port 0 --https-port 0 --console off",
            **{name: str(path) for name, path in told.items()})
        outputs = dict(line.split("=", 1) for line in told["GITHUB_OUTPUT"].read_text().splitlines())
        try:
            names = dict(line.split("=", 1) for line in told["GITHUB_ENV"].read_text().splitlines())
            check("DeviceId=sensor-1;" in names["IOTHUB_DEVICE_CONNECTION_STRING"], f"{names}")
            check(json.loads(outputs["ready"])["data"] == outputs["data"], f"{outputs}")
            listed = run(AZIMUTH, "hub", "device-identity", "list", "--data", outputs["data"], "--query", "[].deviceId")
            check(sorted(json.loads(listed)) == ["sensor-1", "sensor-2"], listed)
        finally:
            end(int(outputs["pid"]))


# A step of somebody's own workflow, behind the action.
NEXT_STEP = """test "$NODE_EXTRA_CA_CERTS" = "$DATA/ca.pem"
azimuth device send-d2c-message --login "$IOTHUB_DEVICE_CONNECTION_STRING" --ca "$NODE_EXTRA_CA_CERTS" --da hello
azimuth hub monitor-events --data "$DATA" --from beginning --count 1 --timeout 60 -o jsonl
kill "$PID"
"""


@case
def the_steps_of_the_action_run_one_after_the_other():
    """In a network of its own, where a step may say which ports are for everybody, and 8883 is free."""
    way_in = network()
    with tempfile.TemporaryDirectory(prefix="azm-action-") as folder:
        place = pathlib.Path(folder)
        (place / "azimuth").symlink_to(AZIMUTH)
        (place / "sudo").write_text('#!/bin/sh\nexec "$@"\n')
        (place / "sudo").chmod(0o755)
        steps = action.steps(devices="sensor-1", options="--console off")
        lines = [f"export GITHUB_ENV={place}/env GITHUB_OUTPUT={place}/output GITHUB_ACTION_PATH={ROOT}/packaging/github-action",
                 f"touch {place}/env {place}/output"]
        for number, (_, text, variables) in enumerate([*steps, (None, NEXT_STEP, {})]):
            (place / f"{number}.sh").write_text(text)
            given = " ".join(shlex.quote(f"{name}={value}") for name, value in variables.items())
            lines.append(f'readarray -t told <{place}/env; DATA=$(sed -n s/^data=//p {place}/output) PID=$(sed -n s/^pid=//p {place}/output) '
                         f'env "${{told[@]}}" {given} bash --noprofile --norc -eo pipefail {place}/{number}.sh')
        said = run(*way_in, "bash", "-ec", "\n".join(lines), RUNNER_TEMP=folder, PATH=f"{folder}:/usr/sbin:/sbin:{os.environ['PATH']}")
        check('"hello"' in said, said)
        told = dict(line.split("=", 1) for line in (place / "output").read_text().splitlines())
        check(all(told.get(name) for _, name in action.outputs().values()), f"the outputs are {told}")
        check(json.loads(told["ready"])["https"] == 443, told["ready"])
        until = time.monotonic() + WAIT_SECONDS
        while pathlib.Path(told["data"]).exists():
            check(time.monotonic() < until, "the hub does not end")
            time.sleep(0.05)
    return f"{len(steps)} steps"


@case
def the_action_that_fails_leaves_no_hub():
    with tempfile.TemporaryDirectory(prefix="azm-action-") as folder:
        (pathlib.Path(folder) / "azimuth").symlink_to(AZIMUTH)
        try:
            run(ROOT / "packaging/github-action/start.sh", RUNNER_TEMP=folder, PATH=f"{folder}:{os.environ['PATH']}", DEVICES="no/id",
                OPTIONS="--mqtt-port 0 --amqp-port 0 --https-port 0 --console off", GITHUB_ENV="/dev/null", GITHUB_OUTPUT="/dev/null")
        except Failed:
            pass
        else:
            raise Failed("it makes a device 'no/id'")
        ready = json.loads(next(pathlib.Path(folder).glob("azimuth-*/ready")).read_text())
        until = time.monotonic() + WAIT_SECONDS
        while pathlib.Path(ready["data"]).exists():
            check(time.monotonic() < until, "the hub does not end")
            time.sleep(0.05)


def end(pid):
    """It is no child of ours: its directory goes when it has ended."""
    os.kill(pid, signal.SIGTERM)
    until = time.monotonic() + WAIT_SECONDS
    with contextlib.suppress(FileNotFoundError, ProcessLookupError):  # the one before it is opened, the other while it is read
        while "zombie" not in pathlib.Path(f"/proc/{pid}/status").read_text():
            check(time.monotonic() < until, "the hub does not end")
            time.sleep(0.05)


@case
def the_page_on_tests_does_what_it_says():
    """With what the cases above have made and installed from the same files."""
    packed("*.whl")
    npm = "npm install --silent --no-audit --no-fund --offline"
    pip = f"python3 -m venv --without-pip venv; {ROOT}/build/wrappers-venv/bin/pip --python venv/bin/python install -q " \
          "--disable-pip-version-check --no-deps --no-index"
    return Page(
        "docs/tutorials/ci.md", begin=f"ln -s {ROOT}/build build; ln -s {ROOT}/packaging packaging; echo '{{}}' >package.json",
        changed={"scripts/package/wrappers.sh build/release/azimuth build/wrappers/out": "ls build/wrappers/out",
                 "npm install": npm, "pip install": pip},
        files={"from 'azimuth-iot'": "(cat $FILE; echo; echo 'console.log(device)') >program.mjs; node program.mjs",
               "from azimuth_iot": "(cat $FILE; echo; echo '    print(device)') >program.py; venv/bin/python program.py"},
        shown={"from 'azimuth-iot'": "DeviceId=sensor-1;", "from azimuth_iot": "DeviceId=sensor-1;"},
        left={"uses: ./packaging": "its steps are run by the case above", "./dev package": "tests/packaging builds images"},
    ).run()


@case
def the_options_of_containers_are_options():
    known = re.findall(r"^  --([a-z-]+)", run(AZIMUTH, "serve", "--help"), re.MULTILINE)
    for name in ("container/compose.yaml", "testcontainers/azimuth.mjs"):
        text = (ROOT / "packaging" / name).read_text()
        serve = re.search(r"serve(.*)", text)[1]
        for option in re.findall(r"--([a-z-]+)", serve):
            check(option in known, f"{name}: there is no --{option}")
        for variable in re.findall(r"AZIMUTH_([A-Z_]+)", text):
            check(variable.lower().replace("_", "-") in known, f"{name}: there is no AZIMUTH_{variable}")
        for port in re.findall(r"\b(8883|5671|443)\b", text):
            check(port in run(AZIMUTH, "serve", "--help"), f"{name}: {port} is no port of ours")


def judge(function):
    name, began = function.__name__.replace("_", " "), time.monotonic()
    try:
        note = function() or ""
        print(f"ok {name} # {time.monotonic() - began:.1f} s {note}".rstrip(), flush=True)
        return "passed"
    except Skipped as why:
        print(f"skipped: {name}: {why}", flush=True)
        return "skipped"
    except Exception as why:  # whatever went wrong, the others are tried
        print(f"not ok {name} # {type(why).__name__}: {why}", flush=True)
        return "failed"


def main():
    words = " ".join(word for word in sys.argv[1:] if word != "--long")
    shutil.rmtree(WORK, ignore_errors=True)
    WORK.mkdir(parents=True)
    results = [judge(function) for function in CASES if words in function.__name__.replace("_", " ")]
    print(", ".join(f"{results.count(kind)} {kind}" for kind in ("passed", "failed", "skipped") if kind != "skipped" or kind in results))
    return 1 if "failed" in results else 0


if __name__ == "__main__":
    sys.exit(main())
