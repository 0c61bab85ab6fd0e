#!/usr/bin/env python3
"""mutate.py [--list] [WORDS]: breaks each promise once, in a copy of the tree, and expects its test to fail.

A mutation is one line of the source that becomes another. The copy is built as far as the named test needs,
the test is run, and the line is put back. First every test is run unbroken: one that fails then proves nothing.
Its words are looked for in the promises. What it found goes into build/mutations/table.md, which docs/reliability.md
quotes."""
import dataclasses
import pathlib
import re
import shutil
import subprocess
import sys
import time

from promises import PROMISES

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
COPY = ROOT / "build" / "mutations" / "tree"
BUILD = COPY / "build" / "release"
SECONDS_MAX = 300


@dataclasses.dataclass
class Outcome:
    caught: bool
    text: str
    seconds: float


def run(words, **more):
    return subprocess.run([str(word) for word in words], capture_output=True, text=True, errors="replace", check=False,
                          **more)


def copy_tree():
    """The files that git knows, as they are now; what has not changed keeps its time, so that little is built."""
    COPY.mkdir(parents=True, exist_ok=True)
    names = run(["git", "ls-files", "--cached", "--others", "--exclude-standard"], cwd=ROOT).stdout.splitlines()
    for name in names:
        source, target = ROOT / name, COPY / name
        if not source.is_file():
            continue
        target.parent.mkdir(parents=True, exist_ok=True)
        if not target.exists() or target.read_bytes() != source.read_bytes():
            shutil.copy(source, target)
    if not (BUILD / "build.ninja").exists():
        made = run(["cmake", "--preset", "release"], cwd=COPY)
        if made.returncode:
            raise SystemExit(made.stdout + made.stderr)


def build(targets):
    made = run(["cmake", "--build", "--preset", "release", "--target", *targets], cwd=COPY)
    return None if made.returncode == 0 else (made.stdout + made.stderr)[-1500:]


def command_of(promise):
    """A unit test's program below the build, a suite's with its words, or the simulator."""
    if promise.sim:
        return [BUILD / "tests" / "sim" / "sim", *promise.sim.split()]
    if promise.suite:
        program, *words = promise.suite.split(" ", 1)
        return ["python3", "-B", COPY / "tests" / program / "suite.py", *words]
    return [next(BUILD.glob(f"**/{promise.test}"))]


def passes(promise):
    try:
        done = run(command_of(promise), cwd=COPY, timeout=SECONDS_MAX)
    except subprocess.TimeoutExpired:
        return False, f"did not end within {SECONDS_MAX} s"
    said = done.stdout + done.stderr
    failed = [line.split("]", 1)[1].strip() for line in said.splitlines() if line.startswith("[  FAILED  ]") and "listed below" not in line]
    failed += [line for line in said.splitlines() if promise.sim and re.match(r"seed \d+, ", line)]
    failed += [line[7:].split(" #")[0] for line in said.splitlines() if line.startswith("not ok ")]
    return done.returncode == 0, failed[0] if failed else last_of(said)


def last_of(said):
    """What stands last on the terminal: of a crash its reason, without the place of the copy."""
    return (said.strip().splitlines() or ["it crashed"])[-1].replace(f"{COPY}/", "")


def mutate(promise):
    path, began = COPY / promise.file, time.monotonic()
    text = path.read_text(encoding="utf-8")
    if text.count(promise.line) != 1:
        return Outcome(False, f"'{promise.line}' is {text.count(promise.line)} times in {promise.file}", 0)
    path.write_text(text.replace(promise.line, promise.broken), encoding="utf-8")
    try:
        wrong = build([promise.target])
        if wrong:
            return Outcome(False, f"it does not build: {wrong}", 0)
        good, text_of_test = passes(promise)
        return Outcome(not good, text_of_test, time.monotonic() - began)
    finally:
        path.write_text(text, encoding="utf-8")


def changed(before, after):
    """The lines of one that the other has not, in one line."""
    gone = [line.strip() for line in before.splitlines() if line not in after.splitlines()]
    return cell(" ".join(f"`{line}`" for line in gone if line)) or "nothing"


def cell(text):
    """Text for a column of the table."""
    return text.replace("|", "\\|")


def table(rows):
    lines = ["| promise | where | the line | becomes | caught by |", "|---|---|---|---|---|"]
    for promise, outcome in rows:
        by = f"`{promise.by()}`: {outcome.text}" if outcome.caught else f"**not caught**: {outcome.text}"
        lines.append(f"| {promise.sentence} | `{promise.file}` | {changed(promise.line, promise.broken)} | "
                     f"{changed(promise.broken, promise.line)} | {cell(by)} |".replace("\n", " "))
    return "\n".join(lines) + "\n"


def main():
    words = " ".join(word for word in sys.argv[1:] if not word.startswith("--"))
    chosen = [promise for promise in PROMISES if words in promise.sentence]
    if "--list" in sys.argv:
        print("\n".join(promise.sentence for promise in chosen))
        return 0
    copy_tree()
    wrong = build(sorted({promise.target for promise in chosen}))
    if wrong:
        raise SystemExit(f"the copy does not build: {wrong}")
    rows, passed, failed = [], 0, 0
    fine = {}
    for promise in chosen:
        key = (promise.test, promise.suite, promise.sim)
        if key not in fine:  # the last one broken may still be in what was built
            fine[key] = passes(promise) if build([promise.target]) is None else (False, "it does not build")
        if not fine[key][0]:
            outcome = Outcome(False, f"the test fails unbroken: {fine[key][1]}", 0)
        else:
            outcome = mutate(promise)
        rows.append((promise, outcome))
        passed, failed = passed + outcome.caught, failed + (not outcome.caught)
        print(f"{'ok' if outcome.caught else 'not ok'} {promise.sentence} # {outcome.text}, {outcome.seconds:.0f} s", flush=True)
    if not words:
        (ROOT / "build" / "mutations" / "table.md").write_text(table(rows), encoding="utf-8")
    print(f"\n{passed} passed, {failed} failed")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
