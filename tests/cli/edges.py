"""edges.py - edge devices with all that they log in with, and in the place of all others."""
import http.client
import pathlib
import re
import ssl
import subprocess
import tempfile
import tomllib
import urllib.parse

from hub import Group, Hub, asked, azimuth, check, environment
from statuses import CONFLICT, FAILED, FOLDER, IDENTITY, NOT_FOUND, USAGE, expect

group = Group()


def install_script(folder, answers):
    """Runs it with folders of its own, and without the users that it makes files for: the files that are there."""
    place = pathlib.Path(tempfile.mkdtemp(dir=FOLDER.name))
    for name in ("bin", "var", "etc/aziot", "usr/local/share/ca-certificates"):
        (place / name).mkdir(parents=True)
    for name in ("chown", "update-ca-certificates", "update-ca-trust", "iotedge"):
        (place / "bin" / name).write_text(f'#!/bin/sh\necho "{name} $*" >>{place}/ran\n')
        (place / "bin" / name).chmod(0o755)
    script = folder / "install.sh"
    text = script.read_text().replace("-o aziotks -g aziotks ", "").replace("-o aziotcs -g aziotcs ", "")
    script.write_text(re.sub(r"(?<=[ ])/(var|etc|usr)/", rf"{place}/\1/", text))
    run = subprocess.run([script], input=answers, cwd="/", capture_output=True, text=True, timeout=60, check=False,
                         env=environment(PATH=f"{place}/bin:/usr/sbin:/usr/bin:/sbin:/bin"))
    check(run.returncode == 0, f"{run.stdout}{run.stderr}")
    check("iotedge config apply" in (place / "ran").read_text(), "the runtime was not told")
    return {str(path.relative_to(place)): path for path in place.rglob("*") if path.is_file()}


def contents(folder):
    """Name, mode and text of each file."""
    return {path.name: (path.stat().st_mode, path.read_text()) for path in folder.iterdir()}


@group.case
def edge_devices_get_what_they_log_in_with():
    create, place = ("edge", "devices", "create"), pathlib.Path(tempfile.mkdtemp(dir=FOLDER.name))
    out, auth = place / "edges", '{"serverAddress":"r.test","username":"u","password":"p\\"w"}'
    odd = "it's-50%#1"  # of what an id may have, what a shell or a URI would mind
    with Hub() as hub:
        made = hub.must(*create, "--device", "id=top", "hostname=top.lan", "edge_agent=agent:1", f"container_auth={auth}",
                        "--device", f"id={odd}", "parent=top", "--device-auth", "x509_thumbprint", "--out", out).json()
        check([row["authentication"]["type"] for row in made] == ["selfSigned"] * 2, str(made))
        config = {name: tomllib.loads((out / name / "config.toml").read_text()) for name in ("top", odd)}
        check(config["top"]["hostname"] == "top.lan" and config[odd]["parent_hostname"] == "top.lan", str(config))
        check(config["top"]["agent"]["config"] == {"image": "agent:1", "auth": {"serveraddress": "r.test", "username": "u", "password": 'p"w'}},
              str(config))
        check(config[odd]["provisioning"]["device_id"] == odd and config[odd]["provisioning"]["iothub_hostname"] == hub.ready["hostname"],
              str(config))
        for name in ("top", odd):
            files = {file.name: file for file in (out / name).iterdir()}
            check(all(file.stat().st_mode & 0o077 == 0 for file in files.values()), "others may read it")
            for root, chain in (("iotedge_config_cli_root.pem", f"{name}.full-chain.cert.pem"), (f"{name}.hub-auth-cert.pem",) * 2):
                done = subprocess.run(["openssl", "verify", "-CAfile", files[root], files[chain]], capture_output=True, text=True, check=False)
                check(done.returncode == 0, done.stderr)
            context = ssl.create_default_context(cafile=files["hub-ca.pem"])
            context.load_cert_chain(files[f"{name}.hub-auth-cert.pem"], files[f"{name}.hub-auth-key.pem"])
            line = http.client.HTTPSConnection("localhost", hub.ready["https"], context=context, timeout=60)
            line.request("POST", f"/devices/{urllib.parse.quote(name)}/messages/events?api-version=2021-04-12", body=b"hello")
            check(line.getresponse().status == 204, f"{name} may not log in")
            line.close()
        for name in ("top", odd):
            unpacked = place / f"unpacked-{name}"
            unpacked.mkdir()
            subprocess.run(["tar", "-xpzf", out / f"{name}.tgz"], cwd=unpacked, check=True)
            check((out / f"{name}.tgz").stat().st_mode & 0o077 == 0, "others may read the .tgz")
            check(contents(unpacked) == contents(out / name), f"{name}.tgz has {sorted(contents(unpacked))}")
        there = install_script(place / f"unpacked-{odd}", "low.lan\n")
        check('hostname = "low.lan"' in there["etc/aziot/config.toml"].read_text(), "nobody was asked for the host name")
        names = tomllib.loads(there["etc/aziot/config.toml"].read_text())
        for uri in (names["edge_ca"]["cert"], names["edge_ca"]["pk"], names["trust_bundle_cert"], *(
                names["provisioning"]["authentication"][key] for key in ("identity_cert", "identity_pk"))):
            check(urllib.parse.unquote(uri.removeprefix("file:///")) in there, f"{uri} is not in {sorted(there)}")
        # More devices below the same root; its key may have a password.
        locked = place / "locked.pem"
        subprocess.run(["openssl", "ec", "-in", out / "root.key.pem", "-aes256", "-passout", "pass:secret", "-out", locked], check=True,
                       capture_output=True)
        root = ("--root-cert", out / "root.cert.pem", "--root-key", locked)
        more = hub.must(*create, "--device", "id=more", "parent=top", "--out", out, *root, "--root-pass", "secret").json()[0]
        key = tomllib.loads((out / "more/config.toml").read_text())["provisioning"]["authentication"]
        check(key == {"method": "sas", "device_id_pk": {"value": more["authentication"]["symmetricKey"]["primaryKey"]}}, str(key))
        check((out / "more/iotedge_config_cli_root.pem").read_text() == (out / "root.cert.pem").read_text(), "another root")
        file = place / "edges.yaml"
        file.write_text(f"iotHub: {{authenticationMethod: x509Certificate}}\ncertificates: {{rootCACertPath: {root[1]}, rootCACertKeyPath: "
                        f"edges/root.key.pem}}\nedgeConfiguration: {{defaultEdgeAgent: 'agent:2', templateConfigPath: t.toml}}\n"
                        "edgeDevices:\n  - {deviceId: filed, hostname: filed.lan}\n")
        (place / "t.toml").write_text('hostname = "old"\n[agent]\nname = "edgeAgent"\ntype = "docker"\nenv = {A = "1"}\n[agent.config]\n'
                                      'image = "agent:0"\n[provisioning]\nsource = "dps"\n[moby_runtime]\nnetwork = "plant"\n')
        done = hub.must(*create, "--cfg", file, "--out", out)
        filed = tomllib.loads((out / "filed/config.toml").read_text())
        check((filed["hostname"], filed["agent"]["config"]["image"]) == ("filed.lan", "agent:2"), str(filed))
        check(filed["provisioning"]["source"] == "manual" and filed["agent"]["env"] == {"A": "1"}, str(filed))
        check(filed["moby_runtime"] == {"network": "plant"} and done.error == "", f"{filed} {done.error}")
        hub.must(*create, "--device", "id=based", "--dct", place / "t.toml", "--out", out, *root, "--rp", "secret")
        based = tomllib.loads((out / "based/config.toml").read_text())
        check(based["agent"]["config"] == {"image": "agent:0"} and based["hostname"] == "{{HOSTNAME}}", str(based))
        (place / "bad.toml").write_text("a = 1\nb = [")
        (out / "packed.tgz").write_text("somebody else's")
        device = ("--device", "id=new")
        for words, status, said in (((*device, "--out", out, *root), USAGE, "password"), ((*device, "--out", out), CONFLICT, "root.key.pem"),
                                    ((*device, "--device-auth", "x509_thumbprint"), USAGE, "--output-path"),
                                    ((*device, "--device-auth", "x509_ca"), USAGE, "x509_ca"), ((*device, *root[:2]), USAGE, "--root-key"),
                                    ((*device, *root, "--rp", "secret"), USAGE, "--output-path"),
                                    ((*device, "--dct", place / "t.toml"), USAGE, "--device-config-template"),
                                    ((*device, "--dct", place / "bad.toml", "--out", place / "other"), USAGE, "bad.toml:2: a bracket"),
                                    ((*device, "--dct", place / "none.toml", "--out", place / "other"), USAGE, "none.toml"),
                                    ((*device, "--out", out, "--rc", hub.ca, "--rk", out / "root.key.pem"), USAGE, "belong together"),
                                    ((*device, "--out", out, "--rc", out / "top/top.hub-auth-cert.pem", "--rk", out / "top/top.hub-auth-key.pem"),
                                     USAGE, "no CA"),
                                    (("--device", "id=top", "--out", out, *root, "--rp", "secret"), CONFLICT, "is there already"),
                                    ((*device, f"container_auth={auth}", "--out", place / "other"), USAGE, "image"),
                                    (("--device", "id=packed", "--out", out, *root, "--rp", "secret"), CONFLICT, "packed.tgz is there already"),
                                    (("--device", "id=a", "--device", "id=a.tgz", "--out", place / "other"), USAGE, "'a' is packed into"),
                                    (("--device", "id=root.key.pem", "--out", place / "other"), USAGE, "the root is in a file"),
                                    (("--device", "id=Root.Cert.pem", "--out", out, *root, "--rp", "secret"), USAGE, "the root is in a file"),
                                    (("--device", "id=..", "--out", place / "other"), USAGE, "folder")):
            expect(hub.run(*create, *words), status, said)
        check(not (place / "other").exists() and "new" not in hub.must(*IDENTITY, "list").out, "something was made")
    for size, status in ((55, NOT_FOUND), (56, USAGE)):
        expect(azimuth(*create, "--device", f"id={'e' * size}", "--out", place / "other"), status)


@group.case
def edge_devices_take_the_place_of_all_others():
    create = ("edge", "devices", "create", "--device", "id=low", "parent=top", "--device", "id=top", "--device", "id=alone")
    with Hub() as hub:
        for name in ("old", "top"):
            hub.must(*IDENTITY, "create", "-d", name, "--ee", "true")
        done = asked("n", *create, "--clean", "--data", hub.data)
        check(done.status == FAILED and "deletes all devices of localhost" in done.error, str(done))
        expect(hub.run(*create), CONFLICT, "'top' exists already")
        expect(hub.run("edge", "devices", "create", "--device", "id=new", "parent=old", "-c", "-y"), USAGE, "--clean deletes it")
        check(len(hub.must(*IDENTITY, "list").json()) == 2, "something is gone")
        done = hub.must(*create, "-c", "-v", "-y")
        check(done.error == "Devices\n├── top\n│   └── low\n└── alone\n", done.error)
        check(sorted(row["deviceId"] for row in hub.must(*IDENTITY, "list").json()) == ["alone", "low", "top"], "others are there")
        done = hub.must("edge", "devices", "create", "--device", "id=more", "parent=low", "--visualize")
        check(done.error == "Devices\n└── more (below low)\n", done.error)
