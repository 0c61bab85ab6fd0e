"""files.py - what ./dev package leaves: the same bytes twice, pages without faults, a list of what is within."""
import filecmp
import hashlib
import json
import os
import pathlib
import re
import shutil
import subprocess

from judge import ROOT, Cases, Skipped, check, made, version
from machine import WORK

cases = Cases()


def run(*words, **more):
    done = subprocess.run([str(word) for word in words], capture_output=True, text=True, check=False, **more)
    check(done.returncode == 0, f"'{' '.join(map(str, words))}': {done.stdout[-1000:]}{done.stderr[-2000:]}")
    return done.stdout


def control(field):
    return run("dpkg-deb", "-f", made("deb"), field).strip()


def unpacked():
    folder = WORK / "unpacked"
    shutil.rmtree(folder, ignore_errors=True)
    WORK.mkdir(parents=True, exist_ok=True)
    run("dpkg-deb", "-x", made("deb"), folder)
    return folder


@cases.case
def the_version_is_that_of_the_commit_and_older_than_the_release():
    check(control("Version") == version(), control("Version"))
    release = re.search(r"project\(azimuth VERSION ([0-9.]+)", (ROOT / "CMakeLists.txt").read_text())[1]
    run("dpkg", "--compare-versions", version(), "le", release)


@cases.case
def no_file_knows_the_folder_it_was_built_in():
    for path in unpacked().rglob("*"):
        if path.is_file() and not path.is_symlink():
            check(str(ROOT).encode() not in path.read_bytes(), f"{path} has {ROOT}")


@cases.case
def every_page_of_the_manual_is_without_fault():
    folder = unpacked() / "usr/share/man"
    pages = [page for page in sorted(folder.rglob("*.gz")) if not page.is_symlink()]
    text = ""
    for page in pages:
        plain = WORK / page.stem
        plain.write_bytes(subprocess.run(["gzip", "-dc", page], capture_output=True, check=True).stdout)
        said = subprocess.run(["mandoc", "-T", "lint", "-W", "warning", plain], capture_output=True, text=True, check=False)
        check(said.returncode == 0, said.stdout)
        text += re.sub(".\b", "", run("mandoc", "-T", "ascii", plain))
    program = made("deb").parents[1] / "azimuth"
    for verb in re.findall(r"^  (\S+(?: [a-z0-9-]+)*)  ", run(program, "--help"), re.MULTILINE):
        check(verb in text, f"no page has '{verb}'")
        for option in re.findall(r"^  (--[a-z0-9-]+)", run(program, *verb.split(), "--help"), re.MULTILINE):
            check(option in text, f"no page has {option} of '{verb}'")
    return f"{len(pages)} pages"


@cases.case
def the_bill_of_materials_has_every_library_and_every_npm_package_within():
    bill = json.loads(made("cdx.json").read_text())
    check(bill["bomFormat"] == "CycloneDX" and bill["specVersion"] == "1.5", "another format")
    names = {part["name"] for part in bill["components"]}
    asked = {entry.split()[0] for entry in control("Depends").split(", ")} - {"adduser", "debconf"}
    check(asked <= names, f"it lacks {asked - names}")
    check(set(json.loads((ROOT / "console/package.json").read_text())["dependencies"]) <= names, "it lacks npm packages")
    check("vite" not in names and "node-llhttp" in names, "what only builds is no part, what is compiled in is one")
    check(len({part["bom-ref"] for part in bill["components"]}) == len(bill["components"]), "two have one name")
    return f"{len(names)} parts"


@cases.case
def the_tarball_has_the_same_program():
    deb, tar = unpacked(), WORK / "tar"
    shutil.rmtree(tar, ignore_errors=True)
    tar.mkdir()
    run("tar", "-C", tar, "--strip-components=1", "-xf", made("tar.gz"))
    check(filecmp.cmp(deb / "usr/bin/azimuth", tar / "usr/bin/azimuth", shallow=False), "another program")
    check(run(tar / "usr/bin/azm", "--version").startswith("azimuth "), "it does not run")


@cases.case
def the_same_commit_in_another_folder_gives_the_same_bytes():
    if run("git", "status", "--porcelain", cwd=ROOT).strip():
        raise Skipped("what is here is no commit")
    clone = WORK / "elsewhere-with-a-longer-name"
    shutil.rmtree(clone, ignore_errors=True)
    run("git", "clone", "-q", "--shared", ROOT, clone)
    # Without ccache, which might know the objects of this folder.
    files = [pathlib.Path(line) for line in run(clone / "dev", "package", env=os.environ | {"CCACHE_DISABLE": "1"}).split()]
    for file in files:
        ours = made("deb").parent / file.name
        check(hashlib.sha256(ours.read_bytes()).digest() == hashlib.sha256(file.read_bytes()).digest(),
              f"{file.name} differs: keep {clone} and compare")
    shutil.rmtree(clone)
    return f"{len(files)} files"


@cases.case
def the_program_for_arm64_serves():
    run(ROOT / "dev", "package", "arm64")
    check(run("dpkg-deb", "-f", made("deb", "arm64"), "Architecture").strip() == "arm64", "another architecture")
    folder = WORK / "arm64"
    shutil.rmtree(folder, ignore_errors=True)
    run("dpkg-deb", "-x", made("deb", "arm64"), folder)
    program = ["qemu-aarch64", "-L", ROOT / "build/sysroot-arm64", folder / "usr/bin/azimuth"]
    check(run(*program, "--version").startswith("azimuth "), "it does not run")
    with subprocess.Popen([str(word) for word in (*program, "serve", "--ephemeral", "--console", "off", "--mqtt-port", 0,
                                                  "--amqp-port", 0, "--https-port", 0)], stdin=subprocess.DEVNULL,
                          stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True) as server:
        try:
            ready = json.loads(server.stdout.readline())
            native = made("deb").parents[1] / "azimuth"
            run(native, "hub", "device-identity", "create", "-d", "d1", "--data", ready["data"])
            run(native, "device", "send-d2c-message", "-d", "d1", "--data", ready["data"], "--da", "hello")
        finally:
            server.terminate()
            check(server.wait(60) == 0, "it does not end")
