#!/usr/bin/env python3
"""suite.py [--long] [WORDS]: what is true of the documentation without running what it says, which tests/cli does."""
import html.parser
import json
import pathlib
import re
import subprocess
import sys
import tempfile

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
SITE = ROOT / "build" / "docs-site"
LINK = re.compile(r"\]\(([^)\s]+)\)")
MENTION = re.compile(r"(?<![\w/.-])docs/[\w/.-]+\.(?:md|png|svg|toml)\b")
CASES = []


class Failed(Exception):
    """What a case found wrong, in a sentence."""


def case(function):
    CASES.append(function)
    return function


def check(good, sentence):
    if not good:
        raise Failed(sentence)


def tracked(*patterns):
    said = subprocess.run(["git", "ls-files", "-z", *patterns], cwd=ROOT, check=True, capture_output=True, text=True).stdout
    return [ROOT / name for name in said.split("\0") if name and (ROOT / name).is_file()]


def slug(heading):
    """A heading's anchor, as GitHub makes it."""
    text = re.sub(r"\[([^]]*)\]\([^)]*\)", r"\1", heading)
    return re.sub(r"[^\w\- ]", "", text.strip().lower()).replace(" ", "-")


def without_code(text):
    return re.sub(r"^```.*?^```", "", text, flags=re.MULTILINE | re.DOTALL)


def anchors(file):
    return {slug(heading) for heading in re.findall(r"^#+ (.*)$", without_code(file.read_text(encoding="utf-8")), re.MULTILINE)}


@case
def links_between_files_lead_somewhere():
    dead, count = [], 0
    for file in tracked("*.md"):
        for target in LINK.findall(re.sub(r"`[^`\n]*`", "", without_code(file.read_text(encoding="utf-8")))):
            if re.match(r"[a-z]+:", target):
                continue
            path, _, anchor = target.partition("#")
            to = (file.parent / path) if path else file
            count += 1
            if not to.exists() or anchor and to.suffix == ".md" and anchor not in anchors(to):
                dead.append(f"{file.relative_to(ROOT)}: {target}")
    check(not dead, "; ".join(dead))
    return f"{count} links"


@case
def pages_that_are_named_are_there():
    gone = set()
    for file in tracked():
        if file.suffix in (".png", ".pcap", ".avro") or "package-lock" in file.name:
            continue
        for name in MENTION.findall(file.read_text(encoding="utf-8", errors="ignore")):
            if not (ROOT / name).exists():
                gone.add(f"{file.relative_to(ROOT)}: {name}")
    check(not gone, "; ".join(sorted(gone)))


@case
def the_changelog_says_nothing_twice():
    """As it does when both sides of a merge are kept."""
    words = " ".join((ROOT / "CHANGELOG.md").read_text(encoding="utf-8").split())
    clauses = [clause for clause in re.split(r"(?<=[.;:]) ", words) if len(clause) > 60]
    twice = sorted({clause for clause in clauses if clauses.count(clause) > 1})
    check(len(clauses) > 100, f"only {len(clauses)} clauses are found")
    check(not twice, "; ".join(twice))
    return f"{len(clauses)} clauses"


class Reader(html.parser.HTMLParser):
    """What a page of the site refers to, and what it has."""

    def __init__(self, text):
        super().__init__()
        self.links, self.loads, self.ids, self.inline = [], [], [], []
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        has = dict(attrs)
        self.ids += [has["id"]] if "id" in has else []
        self.links += [has["href"]] if tag == "a" else []
        self.loads += [has[name] for name in ("src", "href") if name in has and tag != "a"]
        if tag == "style" or tag == "script" and "src" not in has or any(name == "style" or name.startswith("on") for name in has):
            self.inline.append(self.get_starttag_text())


def pages():
    return {page: Reader(page.read_text(encoding="utf-8")) for page in sorted(SITE.rglob("*.html"))}


@case
def the_site_is_built_and_its_links_lead_somewhere():
    done = subprocess.run([ROOT / "site/build.py", "--out", SITE, "--version", "of a test"], capture_output=True, text=True, check=False)
    check(done.returncode == 0 and not done.stdout, done.stdout + done.stderr)
    of, count = pages(), 0
    for page, reader in of.items():
        check(len(reader.ids) == len(set(reader.ids)), f"{page.name}: an id stands there twice")
        for link in [*reader.links, *reader.loads]:
            path, _, anchor = link.partition("#")
            to = (page.parent / path).resolve() if path else page
            count += 1
            check(to.is_file(), f"{page.relative_to(SITE)}: {link} is dead")
            check(not anchor or anchor in of[to].ids, f"{page.relative_to(SITE)}: {link} has no such anchor")
    return f"{len(of)} pages, {count} links"


@case
def a_page_loads_nothing_from_elsewhere_and_has_no_script_or_style_in_it():
    for page, reader in pages().items():
        check(not [load for load in reader.loads if re.match(r"([a-z]+:)?//", load)], f"{page.name}: {reader.loads}")
        check(not reader.inline, f"{page.name}: {reader.inline}")


@case
def every_cause_has_a_short_address():
    why = pages()[SITE / "reference" / "why.html"]
    causes = re.findall(r'^    \[\w+\] = \{"(C\d+)"|\{"(C\d{3})"', (ROOT / "src/hub/refusal/cause.c").read_text(encoding="utf-8"), re.MULTILINE)
    codes = {(a or b).lower() for a, b in causes}
    check(len(codes) > 20, f"only {len(codes)} causes are found in cause.c")
    check(codes <= set(why.ids), f"no anchor for {sorted(codes - set(why.ids))}")
    return f"{len(codes)} causes"


@case
def every_limit_that_is_counted_is_listed():
    files = [file for file in (ROOT / "src").rglob("*.c") if not file.name.endswith("_test.c")]
    counted = {name for file in files for name in re.findall(r'^LIMIT_REACHED\(\w+, "([^"]+)"\)', file.read_text(encoding="utf-8"), re.MULTILINE)}
    page = (ROOT / "docs/reference/metrics.md").read_text(encoding="utf-8").partition("## What a limit refused")[2].partition("\n## ")[0]
    listed = re.findall(r"^\| `([^`]+)` \|", page, re.MULTILINE)[1:]
    check(len(counted) > 50, f"only {len(counted)} limits are found in src")
    check(sorted(listed) == sorted(counted), f"docs/reference/metrics.md and src differ in {sorted(counted.symmetric_difference(listed))}")
    return f"{len(listed)} limits"


@case
def the_list_of_differences_is_what_its_file_makes():
    page = ROOT / "docs/reference/compatibility.md"
    sys.path.insert(0, str(ROOT / "tests/conformance"))
    import compatibility  # pylint: disable=import-outside-toplevel
    kept = page.read_text(encoding="utf-8")
    made = compatibility.DIFFERENCES_HEAD + kept.partition(compatibility.DIFFERENCES_HEAD)[2]
    check(made == compatibility.differences(), "run tests/conformance/compatibility.py --differences")


@case
def the_benchmarks_are_what_their_results_make():
    """The page, what is reckoned from it on that about scale, and the pictures of growth; a benchmark that was run but now
    has a file of its own, which nobody has committed."""
    sys.path.insert(0, str(ROOT / "tests/bench"))
    import report  # pylint: disable=import-outside-toplevel
    with tempfile.TemporaryDirectory() as folder:
        report.make(pathlib.Path(folder), tracked("tests/bench/results/*.jsonl"))
        made = {file.name: file.read_bytes() for file in pathlib.Path(folder).iterdir()}
    kept = {name: (ROOT / "docs" / name) for name in made}
    other = sorted(name for name, file in kept.items() if not file.is_file() or file.read_bytes() != made[name])
    check({"benchmarks.md", "scale.md"} <= set(made), f"report.py made {sorted(made)}")
    check(not other, f"run tests/bench/report.py: {other} in docs is not what the results make")
    return f"{len(made)} files"


def git(*words):
    return subprocess.run(["git", *words], cwd=ROOT, capture_output=True, text=True, check=False)


@case
def the_commits_that_were_measured_are_there():
    """Whoever doubts a figure can build what it was taken of."""
    if git("rev-parse", "--is-shallow-repository").stdout.strip() != "false":
        return "not asked: the history is not here"
    files = tracked("tests/bench/results/*.jsonl")
    measured = {line["commit"].rstrip("+") for file in files for line in map(json.loads, file.read_text(encoding="utf-8").splitlines())}
    gone = sorted(commit for commit in measured if git("merge-base", "--is-ancestor", commit, "HEAD").returncode)
    check(measured and not gone, f"tests/bench/results is of commits that are not in the history: {gone}")
    return f"{len(measured)} commits"


def mutations():
    """The module that breaks promises."""
    sys.path.insert(0, str(ROOT / "tests/mutations"))
    import mutate  # pylint: disable=import-outside-toplevel
    return mutate


def names_of_promises(text):
    """The first column of docs/reliability.md's first table."""
    rows = text.partition("## The promises")[2].partition("\n\nWhat is *not* promised")[0]
    return re.findall(r"^\| ([a-z ]+) \|", rows.partition("|---|")[2], re.MULTILINE)


@case
def each_promise_has_a_mutation_and_each_mutation_a_promise():
    names = names_of_promises((ROOT / "docs/reliability.md").read_text(encoding="utf-8"))
    broken = {mutation.of for mutation in mutations().MUTATIONS}
    check(names and len(names) == len(set(names)), f"names of promises: {names}")
    check(set(names) <= broken, f"nothing breaks {sorted(set(names) - broken)}: tests/mutations/promises.py")
    check(broken <= set(names), f"docs/reliability.md does not promise {sorted(broken - set(names))}")
    return f"{len(names)} promises"


@case
def the_table_of_mutations_has_each_of_them():
    """What is broken as tests/mutations/promises.py has it now, and that it was caught; the line to break is there."""
    mutate = mutations()
    table = (ROOT / "docs/reliability.md").read_text(encoding="utf-8").partition(mutate.TABLE_HEAD)[2].splitlines()
    rows = [mutate.row(mutation) for mutation in mutate.MUTATIONS]
    check(len(table) == len(rows), f"{len(table)} rows of {len(rows)} are in docs/reliability.md")
    other = [row for row, line in zip(rows, table) if not line.startswith(row) or "**not caught**" in line]
    check(not other, f"run tests/mutations/mutate.py, docs/reliability.md has other words or another order: {other}")
    for mutation in mutate.MUTATIONS:
        count = (ROOT / mutation.file).read_text(encoding="utf-8").count(mutation.line)
        check(count == 1, f"'{mutation.sentence}': its line is {count} times in {mutation.file}")
    return f"{len(rows)} mutations"


def cases_of(suite):
    """The names of a suite's cases in Python, and of its modules."""
    files = list((ROOT / "tests" / suite).glob("*.py"))
    text = "\n".join(file.read_text(encoding="utf-8") for file in files)
    return [name.replace("_", " ") for name in re.findall(r"^@(?:\w+\.)?case\ndef (\w+)\(", text, re.MULTILINE)], {file.stem for file in files}


def runs_a_case(suite, words):
    cases, modules = cases_of(suite)
    return words in modules or any(words in name for name in cases)


def is_group(group):
    text = (ROOT / "tests/conformance/suite.py").read_text(encoding="utf-8")
    return group in re.findall(r'^    "([^"]+)": \("', text, re.MULTILINE)


def has_file(folder, ending, words):
    return all((ROOT / "tests" / folder / f"{word}{ending}").is_file() for word in words.split() if word != "--long")


# A command between backticks with its words, and whether there is what the words name.
COMMANDS = ((r'`(?:\./dev )?conformance "([^"]+)"', is_group), (r'`"(\w+ [^"]+)"`', is_group),
            (r"`(?:\./dev )?chaos ([^`]+)`", lambda words: has_file("fault", ".py", words)),
            (r"`(?:\./dev )?authorisation ([^`]+)`", lambda words: has_file("authorisation", ".txt", words)),
            (r"`layers/(\w+)`", lambda words: has_file("layers", ".py", words)),
            (r"`(?:\./dev )?security ([^`]+)`", lambda words: runs_a_case("security", words)),
            (r"`(?:\./dev )?cli ([^`]+)`", lambda words: runs_a_case("cli", words)))


def program_is_there(name):
    """A unit test's program: its module, and its file."""
    return any(name.endswith(f"_{file.stem}") and "_".join(file.relative_to(ROOT / "src").parts).startswith(name.removesuffix(f"_{file.stem}"))
               for file in tracked("src/*_test.c"))


@case
def what_shows_a_promise_is_there():
    """The commands that the threat model and docs/reliability.md name; unit tests as `ctest -R` finds them or as programs."""
    gone, count = [], 0
    stems = {file.stem for file in tracked("src/*_test.c", "tests/*_test.c")}
    for file in tracked("docs/security/*.md", "docs/reliability.md"):
        text = file.read_text(encoding="utf-8").partition("## The mutations")[0]
        named = [(found, good(found)) for pattern, good in COMMANDS for found in re.findall(pattern, text)]
        named += [(name, name in stems or file.name == "reliability.md" and program_is_there(name))
                  for name in re.findall(r"`(\w+_test)`", text) if name != "_test"]
        gone += [f"{file.name}: {name}" for name, good in named if not good]
        count += len(named)
    check(count > 100, f"only {count} commands are found")
    check(not gone, "; ".join(gone))
    return f"{count} commands"


@case
def every_fuzz_target_is_told_of():
    """What it parses, and how long it has been run."""
    folder = ROOT / "tests/fuzz"
    targets = re.findall(r"^azm_fuzz\((\w+)", (folder / "CMakeLists.txt").read_text(encoding="utf-8"), re.MULTILINE)
    parsed, _, run = (folder / "README.md").read_text(encoding="utf-8").partition("## What has been run")
    for what, text in (("is parsed by", parsed), ("has been run of", run.partition("AFL++")[0])):
        rows = {name for cell in re.findall(r"^\| (`[^|]*) \|", text, re.MULTILINE) for name in re.findall(r"`(\w+)`", cell)}
        check(rows == set(targets), f"tests/fuzz/README.md and CMakeLists.txt differ in what {what} {sorted(rows ^ set(targets))}")
    check(len(targets) > 40, f"only {len(targets)} targets are found")
    return f"{len(targets)} targets"


def judge(function):
    name = function.__name__.replace("_", " ")
    try:
        note = function()
        print(f"ok {name}" + (f" # {note}" if note else ""), flush=True)
        return True
    except (Exception, SystemExit) as why:  # whatever went wrong, the others are tried
        print(f"not ok {name} # {why}", flush=True)
        return False


def main():
    words = " ".join(word for word in sys.argv[1:] if word != "--long")
    results = [judge(function) for function in CASES if words in function.__name__.replace("_", " ")]
    print(f"\n{results.count(True)} passed, {results.count(False)} failed")
    return 0 if all(results) else 1


if __name__ == "__main__":
    sys.exit(main())
