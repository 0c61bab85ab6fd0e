"""edge.py - what `azimuth edge devices create --output-path` writes, on a machine that is to be that device: the one of
installed.py, whose hub it trusts in the end. Microsoft's runtime is not to be had here; what its package makes is made here."""
import subprocess

from judge import Cases, check

cases = Cases()
NAME = "press-1"
FOLDER = f"/root/edges/{NAME}"
# Of the packages aziot-identity-service and aziot-edge: users, a folder, a command.
RUNTIME = r"""
for user in aziotks aziotcs; do useradd --system --user-group "$user"; done
mkdir /etc/aziot
printf '#!/bin/sh\necho "$*" >>/root/edge-was-told\n' >/usr/bin/iotedge
chmod 755 /usr/bin/iotedge
"""


def arrive(machine):
    machine.run("apt-get", "install", "-y", "-q", "--download-only", "--no-install-recommends", "ca-certificates")


@cases.case
def the_script_for_an_edge_device_is_one_that_any_shell_reads(machine):
    machine.run("azimuth", "edge", "devices", "create", "--device", f"id={NAME}", "hostname=press.lan", "--device-auth", "x509_thumbprint",
                "--output-path", "/root/edges")
    said = subprocess.run(["shellcheck", machine.root / FOLDER.lstrip("/") / "install.sh"], capture_output=True, text=True, check=False)
    check(said.returncode == 0, said.stdout)


@cases.case
def without_the_runtime_it_says_so_and_changes_nothing(machine):
    said = machine.run(f"{FOLDER}/install.sh", status=1)
    check("IoT Edge" in said, said)
    machine.run("test", "!", "-e", "/var/aziot", "-a", "!", "-e", "/etc/aziot")


@cases.case
def with_it_the_files_are_where_their_users_find_them(machine):
    machine.run("sh", "-ec", RUNTIME)
    machine.run("apt-get", "install", "-y", "-q", "--no-install-recommends", "ca-certificates")
    machine.run("sh", "-c", f"umask 077; {FOLDER}/install.sh")
    check(machine.run("cat", "/root/edge-was-told").strip() == "config apply", "the runtime was not told")
    for user, path, mode in (("aziotcs", f"certs/{NAME}.full-chain.cert.pem", "644"), ("aziotcs", f"certs/{NAME}.hub-auth-cert.pem", "644"),
                             ("aziotcs", "certs/trust-bundle.pem", "644"), ("aziotks", f"secrets/{NAME}.key.pem", "600"),
                             ("aziotks", f"secrets/{NAME}.hub-auth-key.pem", "600")):
        said = machine.run("stat", "-c", "%U:%G %a", f"/var/aziot/{path}").strip()
        check(said == f"{user}:{user} {mode}", f"{path} is {said}")
        machine.run("runuser", "-u", user, "--", "cat", f"/var/aziot/{path}")
    machine.run("runuser", "-u", "aziotcs", "--", "cat", f"/var/aziot/secrets/{NAME}.key.pem", status=1)
    check(f'device_id = "{NAME}"' in machine.run("cat", "/etc/aziot/config.toml"), "another configuration")
    # What this machine trusts by now, nobody names.
    for name in ("hub-ca", "iotedge_config_cli_root"):
        machine.run("runuser", "-u", "aziotcs", "--", "cat", f"/etc/ssl/certs/{name}.pem")
    login = machine.run("azimuth", "connection-string", "--policy", "service").strip()
    machine.run("runuser", "-u", "aziotcs", "--", "azimuth", "health", "--login", login)
    machine.run("azimuth", "hub", "device-identity", "delete", "-d", NAME, "--yes")
