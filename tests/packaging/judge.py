"""judge.py - cases one after the other, and who says how each ended."""
import pathlib
import subprocess
import time

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
OUT = ROOT / "build" / "package" / "out"


class Failed(Exception):
    """What a case found wrong, in a sentence."""


class Skipped(Exception):
    """Why a case cannot be tried here."""


def check(good, sentence):
    if not good:
        raise Failed(sentence)


def eventually(sentence, function, seconds=60):
    """What the function says once it says something."""
    end = time.monotonic() + seconds
    while not (found := function()):
        check(time.monotonic() < end, sentence)
        time.sleep(0.1)
    return found


def version():
    return subprocess.run([ROOT / "scripts/package/version.sh"], capture_output=True, text=True, check=True).stdout.strip()


def made(kind, arch=None):
    """The newest file of its kind that ./dev package left: "deb", "tar.gz", "cdx.json"."""
    arch = arch or subprocess.run(["dpkg", "--print-architecture"], capture_output=True, text=True, check=True).stdout.strip()
    return max(OUT.glob(f"azimuth_*_{arch}.{kind}"), key=lambda file: file.stat().st_mtime)


class Cases:
    def __init__(self):
        self.cases = []
        self.counts = {"ok": 0, "not ok": 0, "skipped": 0}

    def case(self, function):
        self.cases.append(function)
        return function

    def run(self, words, *given):
        """Those whose names have these words."""
        for function in self.cases:
            name = function.__name__.replace("_", " ")
            if words in name:
                self._judge(name, function, given)

    def _judge(self, name, function, given):
        began = time.monotonic()
        try:
            note = function(*given) or ""
            kind, line = "ok", f"ok {name} # {time.monotonic() - began:.1f} s {note}".rstrip()
        except Skipped as why:
            kind, line = "skipped", f"skipped: {name}: {why}"
        except Exception as why:  # whatever went wrong, the others are tried
            prefix = "" if isinstance(why, Failed) else f"{type(why).__name__}: "
            kind, line = "not ok", f"not ok {name} # {prefix}{why}"
        self.counts[kind] += 1
        print(line, flush=True)
