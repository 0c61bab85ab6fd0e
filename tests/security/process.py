"""process.py - what the process may do, who it is, and what it writes."""
import base64
import contextlib
import json
import os
import pathlib
import pwd
import re
import resource
import shutil
import subprocess
import tempfile
import threading
import urllib.parse

from case import Group, Skipped, check
from people import ROOT, Server, key_of

import http_matrix
import mqtt_matrix

scratch = tempfile.TemporaryDirectory(prefix="azm-secrets-")
group = Group(lambda: Server("--log-level", "trace", data=f"{scratch.name}/data"))
close = group.close
DESCRIPTORS_AT_START = 1 << 16  # server/serve.c


def status(server):
    text = pathlib.Path(f"/proc/{server.process.pid}/status").read_text(encoding="ascii")
    return dict(re.findall(r"(?m)^(\w+):\s+(.*)$", text))


@group.case
def it_starts_no_program_and_leaves_no_core():
    server = group.server()
    have = status(server)
    check(have["NoNewPrivs"] == "1", "it may get new privileges")
    check(have["Seccomp"] == "2", "no filter of system calls")
    limits = pathlib.Path(f"/proc/{server.process.pid}/limits").read_text(encoding="ascii")
    check(re.search(r"Max core file size\s+0\s+0", limits), "core files")


@group.case
def its_table_of_descriptors_has_its_width_from_the_start():
    """One that grows once there are threads stops a core until every processor has been elsewhere."""
    size, most = int(status(group.server())["FDSize"]), resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    check(size >= min(DESCRIPTORS_AT_START, most), f"there is room for {size} of {most}")


@group.case
def its_lanes_get_the_short_slices_that_they_ask_for():
    """sched_setattr(2) of src/post/thread.c, in spite of the filter."""
    slices = {}
    for task in pathlib.Path(f"/proc/{group.server().process.pid}/task").iterdir():
        with contextlib.suppress(OSError):  # no such file on this kernel, or the thread has ended
            found = re.search(r"(?m)^se\.slice\s*:\s*(\d+)$", (task / "sched").read_text(encoding="ascii"))
            slices[(task / "comm").read_text(encoding="ascii").strip()] = found and int(found[1])
    if not any(slices.values()):
        raise Skipped("this kernel gives no slices that it tells of")
    check({slices.get(lane) for lane in ("log", "store")} == {100000}, f"{slices}")


@group.case
def secrets_are_files_of_its_own():
    server = group.server()
    open_to_others = [path.name for path in server.data.iterdir() if path.stat().st_mode & 0o077 and path.name != "ca.pem"
                      and not path.is_dir()]
    secret = [name for name in open_to_others if "key" in name or "token" in name or "sock" in name]
    check(not secret, f"{secret}")


@group.case
def a_server_that_keeps_nothing_has_no_key_on_the_disk():
    with tempfile.TemporaryDirectory(prefix="azm-tmp-") as tmp:
        command = [ROOT / "build" / os.environ.get("AZM_PRESET", "release") / "azimuth", "serve", "--ephemeral", "--console", "off"]
        command += [word for name in ("mqtt", "amqp", "https") for word in (f"--{name}-port", "0")]
        with subprocess.Popen([str(word) for word in command], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                              text=True, cwd="/", env=os.environ | {"TMPDIR": tmp}) as process:
            timer = threading.Timer(60, process.kill)
            timer.start()
            try:
                data = pathlib.Path(json.loads(process.stdout.readline())["data"])
                line = ""
                while "why=rsa" not in line:  # the last file that is made, in the background
                    line = process.stderr.readline()
                    check(line, "the server ended")
            finally:
                timer.cancel()
                process.kill()
        left = sorted(path.name for path in data.iterdir())
        check(left == ["azimuth.sock", "ca.pem", "metrics.token"], f"{left}")
        check("PRIVATE KEY" not in (data / "ca.pem").read_text(encoding="ascii"), "a key beside the certificate")


@group.case
def root_becomes_who_it_is_told():
    if os.geteuid() != 0:
        raise Skipped("only root can become somebody else")
    user = pwd.getpwnam("nobody")
    scratch = tempfile.mkdtemp(prefix="azm-user-")
    try:
        os.chown(scratch, user.pw_uid, user.pw_gid)
        with Server("--user", "nobody", data=f"{scratch}/data") as server:
            have = status(server)
            check(set(have["Uid"].split()) == {str(user.pw_uid)}, have["Uid"])
            check(set(have["Gid"].split()) == {str(user.pw_gid)}, have["Gid"])
            for kind in ("CapEff", "CapPrm", "CapInh", "CapAmb"):
                check(int(have[kind], 16) == 0, f"{kind} {have[kind]}")
            check(server.data.stat().st_uid == user.pw_uid, "the data directory is root's")
    finally:
        shutil.rmtree(scratch)


def secrets(server, shown):
    """All that must not be in a log, by name."""
    for name, key in server.policies.items():
        yield f"the key of policy {name}", key
    for name in ("d1", "d2", "d1/m1", "off", "e1/$edgeHub", "r1"):
        yield f"the key of {name}", key_of(name)
        yield f"the key of {name} in hex", base64.b64decode(key_of(name)).hex()
    yield "the metrics token", server.metrics_token()
    yield "the key of uploads", (server.data / "upload.key").read_text(encoding="ascii").strip()
    for name, token in shown.items():
        signature = re.search(r"sig=([^&]+)", token or "")
        if signature and len(signature[1]) > 20:
            yield f"the signature of {name}", signature[1]
            yield f"the signature of {name}, decoded", urllib.parse.unquote(signature[1])


@group.case
def no_key_token_or_body_is_in_the_log_at_its_most_talkative():
    server = group.server()
    people = http_matrix.people(server)
    shown = {name: who.authorization for name, who in people.items()}
    routes = http_matrix.routes()
    for who in people.values():
        lines = http_matrix.lines_of(server, who)
        for route in routes[::4]:
            lines["/admin/" in route].ask(*http_matrix.path_of(server, route, who))
        for line in lines.values():
            line.close()
    for name, (password, certificate) in mqtt_matrix.shown(server).items():
        shown[f"mqtt {name}"] = password
        for claim in (mqtt_matrix.as_identity("d1"), mqtt_matrix.as_registration(server, "r1")):
            mqtt_matrix.Client(server, claim, password, certificate).close()
    log = server.log()
    check(len(log) > 1000, "the log says nothing")
    told = [name for name, secret in secrets(server, shown) if secret in log]
    check(not told, f"the log has {told}")
    return f"{len(log)} bytes"


@group.case
def the_service_unit_is_judged_well_by_systemd():
    if not shutil.which("systemd-analyze"):
        raise Skipped("there is no systemd-analyze")
    said = subprocess.run(["systemd-analyze", "security", "--offline=true", "--threshold=20",
                           ROOT / "packaging/azimuth.service"], capture_output=True, text=True, check=False)
    if "unrecognized option" in said.stderr:
        raise Skipped("systemd-analyze is too old to judge a file")
    check(said.returncode == 0, said.stdout[-300:] + said.stderr)
    return said.stdout.strip().splitlines()[-1].encode("ascii", "ignore").decode().strip()
