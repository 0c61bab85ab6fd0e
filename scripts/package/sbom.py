#!/usr/bin/env python3
"""sbom.py VERSION ARCH SHLIBS... > sbom.cdx.json: what the program is made of, as CycloneDX 1.5.

SHLIBS is what dpkg-shlibdeps found: the Debian packages whose libraries the program is linked with; their
versions are those it was built with. What lies in the program: llhttp, and of console/package-lock.json
what is not for building only."""
import base64
import hashlib
import json
import os
import pathlib
import re
import subprocess
import sys
import time
import uuid

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
WITHIN = {"node-llhttp": "MIT"}  # compiled from the sources that the package installs
LOADED = ("libcurl4", "librdkafka1")  # by dlopen(), when they are there


def installed(package):
    """(name, version, architecture) of a package of this machine."""
    line = subprocess.run(["dpkg-query", "-W", "-f", "${binary:Package} ${Version} ${Architecture}\n", package],
                          capture_output=True, text=True, check=True).stdout.splitlines()[0]
    name, version, architecture = line.split()
    return name.split(":")[0], version, architecture


def debian(package, arch, scope="required"):
    name, version, architecture = installed(package)
    architecture = architecture if architecture == "all" else arch  # one Debian has one version of it
    purl = f"pkg:deb/debian/{name}@{version}?arch={architecture}&distro=debian-12"
    return {"type": "library", "bom-ref": purl, "name": name, "version": version, "scope": scope, "purl": purl}


def npm(path, entry):
    name = path.rpartition("node_modules/")[2]
    purl = f"pkg:npm/{name.replace('@', '%40', 1)}@{entry['version']}"
    part = {"type": "library", "bom-ref": purl, "name": name, "version": entry["version"], "scope": "required", "purl": purl}
    if "license" in entry:
        part["licenses"] = [{"license": {"id": entry["license"]}}]
    if entry.get("integrity", "").startswith("sha512-"):
        digest = base64.b64decode(entry["integrity"][7:]).hex()
        part["hashes"] = [{"alg": "SHA-512", "content": digest}]
    return part


def components(packages, arch):
    lock = json.loads((ROOT / "console/package-lock.json").read_text())["packages"]
    parts = [debian(package, arch) for package in packages]
    for package, licence in WITHIN.items():
        parts.append(debian(package, arch) | {"licenses": [{"license": {"id": licence}}]})
    parts += [debian(package, arch, "optional") for package in LOADED]
    parts += [npm(path, entry) for path, entry in lock.items() if path and not entry.get("dev") and not entry.get("optional")]
    return sorted(parts, key=lambda part: part["bom-ref"])


def document(version, arch, packages):
    parts = components(packages, arch)
    us = f"pkg:generic/azimuth@{version}"
    when = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(int(os.environ["SOURCE_DATE_EPOCH"])))
    serial = uuid.UUID(bytes=hashlib.sha256(json.dumps([us, parts]).encode()).digest()[:16], version=5)
    return {"bomFormat": "CycloneDX", "specVersion": "1.5", "serialNumber": f"urn:uuid:{serial}", "version": 1,
            "metadata": {"timestamp": when,
                         "component": {"type": "application", "bom-ref": us, "name": "azimuth", "version": version, "purl": us,
                                       "licenses": [{"license": {"id": "Apache-2.0"}}]}},
            "components": parts,
            "dependencies": [{"ref": us, "dependsOn": [part["bom-ref"] for part in parts]}]}


def main():
    packages = re.findall(r"[a-z0-9][a-z0-9.+-]+(?= \(|,|$)", ", ".join(sys.argv[3:]))
    json.dump(document(sys.argv[1], sys.argv[2], packages), sys.stdout, indent=1)
    print()


if __name__ == "__main__":
    main()
