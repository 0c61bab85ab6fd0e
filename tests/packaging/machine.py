"""machine.py - a clean Debian in a folder, booted with systemd in namespaces of its own, without a network."""
import os
import pathlib
import shutil
import subprocess

from judge import ROOT, Failed, Skipped, check, eventually

WORK = ROOT / "build" / "packaging"
BASE = WORK / "debian"
SECONDS_MAX = 300
# Nobody may ask a question, and no line is of another language.
PLAIN = {"DEBIAN_FRONTEND": "noninteractive", "LC_ALL": "C", "HOME": "/root", "TERM": "dumb",
         "PATH": "/usr/sbin:/usr/bin:/sbin:/bin"}


def mirror():
    """Where this machine has its own packages from."""
    listed = subprocess.run(["apt-get", "indextargets", "--format", "$(REPO_URI)", "Codename: bookworm"],
                            capture_output=True, text=True, check=False)
    if not listed.stdout.strip():
        raise Skipped("apt knows no mirror of Debian 12 here")
    return listed.stdout.split()[0]


def base():
    """A minimal Debian 12 with systemd, made once."""
    if os.geteuid():
        raise Skipped("only root can make a Debian in a folder")
    if (BASE / "complete").exists():
        return
    shutil.rmtree(BASE, ignore_errors=True)
    WORK.mkdir(parents=True, exist_ok=True)
    made = subprocess.run(["debootstrap", "--variant=minbase", "--include=systemd,systemd-sysv,dbus,libpam-systemd", "bookworm",
                           BASE, mirror()], capture_output=True, text=True, check=False)
    check(made.returncode == 0, f"debootstrap: {made.stdout[-500:]}{made.stderr[-500:]}")
    (BASE / "complete").touch()


class Machine:
    """A copy of it, in which a command may take `seconds_max`. Before boot() commands run with this machine's network, as
    its first program; after it beside systemd, on loopback alone."""

    def __init__(self, name):
        self.seconds_max = SECONDS_MAX
        base()
        self.root = WORK / name
        shutil.rmtree(self.root, ignore_errors=True)
        subprocess.run(["cp", "-a", "--reflink=auto", BASE, self.root], check=True)
        (self.root / "etc/hostname").write_text("clean\n")
        (self.root / "etc/hosts").write_text("127.0.0.1 localhost\n::1 localhost\n127.0.1.1 clean\n")  # as the installer does
        self.boots = self.leader = None

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.power_off()
        shutil.rmtree(self.root, ignore_errors=True)

    def give(self, file, at="/root"):
        to = self.root / at.lstrip("/") / pathlib.Path(file).name
        shutil.copyfile(file, to)
        return f"{at}/{to.name}"

    def run(self, *words, status=0, **variables):
        """What a command says; a failure when it ends otherwise."""
        done = subprocess.run([*self._way_in(), "env", "-i", *(f"{name}={value}" for name, value in (PLAIN | variables).items()),
                               *map(str, words)], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                              text=True, timeout=self.seconds_max, check=False)
        check(status is None or done.returncode == status,
              f"'{' '.join(map(str, words))}': status {done.returncode}, '{done.stdout[-2000:]}'")
        return done.stdout

    def start(self, *words):
        """A command that goes on; its output is to be read."""
        return subprocess.Popen([*self._way_in(), "env", "-i", *(f"{name}={value}" for name, value in PLAIN.items()),
                                 *map(str, words)], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                                text=True)

    def _way_in(self):
        if self.leader:
            return ["nsenter", "--target", str(self.leader), "--all", "--root", "sh", "-c", 'cd /; exec "$@"', "sh"]
        return ["systemd-nspawn", "--quiet", "--register=no", "--keep-unit", "--pipe", "-D", str(self.root)]

    def boot(self):
        """Nothing of ours runs yet: what fails here is this machine's."""
        try:
            self._boot()
        except Failed as why:
            raise Skipped(f"no systemd boots in a folder here: {why}") from why

    def _boot(self):
        log = open(WORK / "boot.log", "w", encoding="utf-8")
        self.boots = subprocess.Popen(
            ["systemd-nspawn", "--quiet", "--register=no", "--keep-unit", "--private-network", "--boot", "-D", str(self.root)],
            stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        self.leader = eventually("nothing boots", self._child)
        eventually("systemd does not come up",
                   lambda: self.run("systemctl", "is-system-running", status=None).strip() in ("running", "degraded"))

    def _child(self):
        check(self.boots.poll() is None, "systemd-nspawn ended: " + (WORK / "boot.log").read_text()[-1000:])
        children = pathlib.Path(f"/proc/{self.boots.pid}/task/{self.boots.pid}/children").read_text().split()
        inside = [pid for pid in children if pathlib.Path(f"/proc/{pid}/comm").read_text().strip() == "systemd"]
        return inside and int(inside[0])

    def power_off(self):
        if self.boots is None:
            return
        self.boots.terminate()
        try:
            self.boots.wait(30)
        except subprocess.TimeoutExpired:
            self.boots.kill()
            self.boots.wait()
        self.boots = self.leader = None
