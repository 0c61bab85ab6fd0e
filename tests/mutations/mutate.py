#!/usr/bin/env python3
"""Breaks each promise, in a copy of the tree, and expects its test to fail.

A mutation is a line or a few of the source that become others. The copy is built as far as the named test needs,
the test is run, and the line is put back. First every test is run unbroken: one that fails then proves nothing.
The words are the name of a promise, or are looked for in the mutations' sentences. What it found goes into
build/mutations/table.md, which docs/reliability.md quotes and tests/docs looks after."""
import argparse
import dataclasses
import pathlib
import re
import shutil
import signal
import subprocess
import sys
import time

from promises import MUTATIONS

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
    """Of each mutation the words of its target."""
    made = run(["cmake", "--build", "--preset", "release", "--target", *sorted({word for target in targets for word in target.split()})], cwd=COPY)
    return None if made.returncode == 0 else (made.stdout + made.stderr)[-1500:]


def command_of(mutation):
    """A unit test's program below the build, a suite's with its words, the simulator, or a group of faults."""
    if mutation.sim:
        return [BUILD / "tests" / "sim" / "sim", *mutation.sim.split()]
    if mutation.chaos:
        return ["python3", "-B", COPY / "tests" / "fault" / f"{mutation.chaos}.py", "1"]
    if mutation.suite:
        program, *words = mutation.suite.split(" ", 1)
        return ["python3", "-B", COPY / "tests" / program / "suite.py", *words]
    return [next(BUILD.glob(f"**/{mutation.test}"))]


def passes(mutation):
    try:
        done = run(command_of(mutation), cwd=COPY, timeout=SECONDS_MAX)
    except subprocess.TimeoutExpired:
        return False, f"did not end within {SECONDS_MAX} s"
    said = done.stdout + done.stderr
    failed = [line.split("]", 1)[1].strip() for line in said.splitlines() if line.startswith("[  FAILED  ]") and "listed below" not in line]
    failed += [line for line in said.splitlines() if mutation.sim and re.match(r"seed \d+, ", line)]
    failed += [line[7:].split(" #")[0] for line in said.splitlines() if line.startswith("not ok ")]
    return done.returncode == 0, failed[0] if failed else last_of(said, done.returncode)


def last_of(said, status):
    """The assertion that failed, without the place of the copy; or what the program died of; or what stands last on the terminal."""
    lines = said.strip().splitlines() or ["it says nothing"]
    asserted = [line.replace(f"{COPY}/", "") for line in lines if ": Assertion `" in line]
    died = [f"it ends with {signal.Signals(-status).name}"] if status < 0 else []
    return [*asserted, *died, lines[-1]][0]


def mutate(mutation):
    path, began = COPY / mutation.file, time.monotonic()
    text = path.read_text(encoding="utf-8")
    if text.count(mutation.line) != 1:
        return Outcome(False, f"'{mutation.line}' is {text.count(mutation.line)} times in {mutation.file}", 0)
    path.write_text(text.replace(mutation.line, mutation.broken), encoding="utf-8")
    try:
        wrong = build([mutation.target])
        if wrong:
            return Outcome(False, f"it does not build: {wrong}", 0)
        good, text_of_test = passes(mutation)
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


TABLE_HEAD = "| promise | what is broken | where | the line | becomes | caught by |\n|---|---|---|---|---|---|\n"


def row(mutation):
    """Its row in the table, but for what the test said."""
    line = changed(mutation.line, mutation.broken), changed(mutation.broken, mutation.line)
    return f"| {mutation.of} | {mutation.sentence} | `{mutation.file}` | {line[0]} | {line[1]} | `{mutation.by()}`: "


def table(rows):
    return TABLE_HEAD + "".join(row(mutation) + ("" if outcome.caught else "**not caught**: ") + cell(outcome.text.split(", by ")[0]).replace("\n", " ") + " |\n"
                                for mutation, outcome in rows)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--list", action="store_true", help="only print what each is to break")
    parser.add_argument("words", nargs="*", metavar="WORDS")
    options = parser.parse_args()
    words = " ".join(options.words)
    chosen = [mutation for mutation in MUTATIONS if words == mutation.of] or [mutation for mutation in MUTATIONS if words in mutation.sentence]
    if not chosen:
        parser.error(f"no promise is called '{words}', and no mutation says it")
    if options.list:
        print("\n".join(mutation.sentence for mutation in chosen))
        return 0
    copy_tree()
    wrong = build([mutation.target for mutation in chosen])
    if wrong:
        raise SystemExit(f"the copy does not build: {wrong}")
    rows, passed, failed = [], 0, 0
    fine = {}
    for mutation in chosen:
        by = mutation.by()
        if by not in fine:  # the last one broken may still be in what was built
            fine[by] = passes(mutation) if build([mutation.target]) is None else (False, "it does not build")
        if not fine[by][0]:
            outcome = Outcome(False, f"the test fails unbroken: {fine[by][1]}", 0)
        else:
            outcome = mutate(mutation)
        rows.append((mutation, outcome))
        passed, failed = passed + outcome.caught, failed + (not outcome.caught)
        print(f"{'ok' if outcome.caught else 'not ok'} {mutation.sentence} # {outcome.text}, {outcome.seconds:.0f} s", flush=True)
    (ROOT / "build" / "mutations" / "table.md").write_text(table(rows), encoding="utf-8")
    print(f"\n{passed} passed, {failed} failed")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
