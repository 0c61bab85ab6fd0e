#!/usr/bin/env python3
"""Makes docs/benchmarks.md and docs/scale.md from the results kept in tests/bench/results/.

usage: tests/bench/report.py

Of each processor the newest full measurement of each case is shown, each with the commit it was
taken at; of the processor that was measured last also the goals for which there is none. The texts
around the figures are tests/bench/benchmarks.md.in and scale.md.in; scale.py reckons those of the latter.
"""
import json
import pathlib
import statistics

import plot
import scale
from goals import GOALS, PEER

HERE = pathlib.Path(__file__).resolve().parent
DOCS = HERE.parent.parent / "docs"


def dig(line, key):
    """The value at "ack_us.p50", or None."""
    for part in key.split("."):
        line = line.get(part) if isinstance(line, dict) else None
    return line


def spread(values):
    """Of several runs, to their median; None of a single one, and about a median of nothing."""
    if len(values) < 2:
        return None
    width, middle = max(values) - min(values), statistics.median(values)
    return width / middle if middle else None if width else 0


def percent(value):
    return "" if value is None else f"{value * 100:.0f} %"


class Row:
    """A goal with what was measured for it."""

    def __init__(self, goal, lines):
        self.goal = goal
        self.lines = [line for line in lines
                      if line["case"] == goal.case and line["server"] == goal.server]
        own = self._values(lines, goal.server)
        peer = self._values(lines, goal.peer)
        self.own = statistics.median(own) if own else None
        self.peer = statistics.median(peer) if peer else None
        self.spread = spread(own)
        self.ratio = self.own / self.peer if own and self.peer else None
        self.figure = self.ratio if goal.ratio else self.own

    def runs(self):
        """How many of the server's runs are behind the figure, and how long one took."""
        count, seconds = len(self.lines), [line["seconds"] for line in self.lines if "seconds" in line]
        text = f"{count} x {statistics.median(seconds):.0f} s" if seconds else str(count)
        return f"{text}, urgent" if any(line.get("urgent") for line in self.lines) else text

    def _values(self, lines, server):
        found = [dig(line, self.goal.key) for line in lines
                 if line["case"] == self.goal.case and line["server"] == server]
        return [value * self.goal.scale for value in found if value is not None]

    @property
    def held(self):
        """Whether what must be is; None where nothing must."""
        if self.goal.must is None:
            return None
        return self.figure is not None and self.figure <= self.goal.must

    def distance(self):
        """To the goals, in words."""
        goal, figure = self.goal, self.figure
        if figure is None:
            return "not measured"
        for name, limit in (("aim", goal.aim), ("must", goal.must)):
            if limit is not None and figure <= limit:
                return f"{name} reached"
        if goal.must is not None:
            return f"{(figure / goal.must - 1) * 100:.0f} % above must" if goal.must else "above must"
        return ""

    def limits(self):
        goal = self.goal
        words = [f"{name} {number(limit)}" for name, limit in (("must", goal.must), ("aim", goal.aim)) if limit is not None]
        return ", ".join(words)


def number(value):
    return "-" if value is None else f"{value:.0f}" if value >= 1000 else f"{value:.3g}"


def table(lines, case):
    """The rows of a case as text, and how many of its musts are reached and missed."""
    rows = [Row(goal, lines) for goal in GOALS if goal.case == case]
    text = []
    for row in rows:
        mark = {None: " ", True: "+", False: "!"}[row.held]
        ratio = "" if row.ratio is None else f"ratio {row.ratio:.2f}"
        text.append(f" {mark} {row.goal.what:52} {number(row.own):>7} {row.goal.unit:8} {row.goal.peer} "
                    f"{number(row.peer):>7}  {ratio:11} {'' if row.spread is None else 'spread':6} {percent(row.spread):>6}  "
                    f"{row.limits()}: {row.distance()}".rstrip(": "))
    if not rows:
        text = [f"   {server:20} {number(statistics.median(values)):>7} CPU-s/M"
                for server, values in costs(lines, case).items()]
    return text, sum(row.held is True for row in rows), sum(row.held is False for row in rows)


def costs(lines, case):
    found = {}
    for line in lines:
        if line["case"] == case and "cpu_s_per_million" in line:
            found.setdefault(line["server"], []).append(line["cpu_s_per_million"])
    return found


# ---- the document

def newest(lines):
    """Of each case the lines of its newest session, a full one where there is any."""
    chosen = []
    for case in dict.fromkeys(line["case"] for line in lines):
        of_case = [line for line in lines if line["case"] == case]
        of_case = [line for line in of_case if not line["quick"]] or of_case
        last = max(line["when"] for line in of_case)
        chosen += [line for line in of_case if line["when"] == last]
    return chosen


def peer_of(row):
    named = row.peer is not None and row.goal.peer != PEER
    return f"{number(row.peer)} {row.goal.peer}" if named else number(row.peer)


def measured(row, commit):
    """The cells of a row for which there is a figure."""
    goal = row.goal
    own = f"{number(row.own)} {goal.unit}"
    ratio = "" if row.ratio is None else f"**{row.ratio:.2f}**" if goal.ratio else f"{row.ratio:.2f}"
    return [own if goal.ratio else f"**{own}**", peer_of(row), ratio, row.runs(), percent(row.spread),
            f"{row.limits()}: {row.distance()}".strip(": "), commit]


def markdown(lines, every):
    """The table of a machine: of every goal, or of those that have been measured there."""
    text = ["| case | what | azimuth | peer | ratio | runs | spread | goal | commit |",
            "| --- | --- | --- | --- | --- | --- | --- | --- | --- |"]
    for goal in GOALS:
        of_case = [line for line in lines if line["case"] == goal.case]
        row = Row(goal, of_case)
        if row.own is not None:
            cells = measured(row, of_case[0]["commit"])
        elif every:
            cells = ["not measured", goal.peer if goal.ratio else "", "", "", "", row.limits(), ""]
        else:
            continue
        text.append(f"| {' | '.join([goal.case, goal.what, *cells])} |")
    return "\n".join(text)


def last_of(machines, case):
    """Of a case, on the machine that was measured last: its lines and where they are from; or what to do."""
    lines = [line for of_machine in machines.values() for line in of_machine if line["case"] == case]
    if not lines:
        return [], f"It has not been measured on a quiet machine yet: `./dev bench {case}`, then `report.py`, show it here."
    last = max(line["when"] for line in lines)
    lines = [line for line in lines if line["when"] == last]
    head = f"{lines[0]['processor']}, Linux {lines[0]['kernel']}, commit {lines[0]['commit']}"
    return lines, f"{head}{', urgent' if lines[0]['urgent'] else ''}."


def drawings(machines, folder):
    """Of growth, into the folder."""
    lines, head = last_of(machines, "growth")
    pictures = plot.draw(lines, folder) if lines else []
    return "\n\n".join([head, "\n".join(f"![{title}]({name})" for name, title in pictures)]).rstrip()


def stages(machines):
    """Microseconds of each stage, a column for each road; the dearest stages first."""
    lines, head = last_of(machines, "stages")
    if not lines:
        return head
    sums = {}
    for line in lines:
        for stage, us in line["stages_us"].items():
            sums[stage] = sums.get(stage, 0) + us / line["cpu_s_per_million"]
    rows = [["us of CPU a message", *(line["server"] for line in lines)], ["---"] * (len(lines) + 1)]
    rows += [[stage, *(f"{line['stages_us'].get(stage, 0):.2f}" for line in lines)]
             for stage in sorted(sums, key=sums.get, reverse=True)]
    rows.append(["**all**", *(f"**{line['cpu_s_per_million']:.2f}**" for line in lines)])
    return f"{head}\n\n" + "\n".join(f"| {' | '.join(row)} |" for row in rows)


def benchmarks(template, machines, folder):
    """The page, and its pictures in the folder."""
    latest_first = sorted(machines.items(), key=lambda item: max(line["when"] for line in item[1]), reverse=True)
    parts = [f"## {processor}, Linux {kernel}\n\n{markdown(newest(lines), every=place == 0)}\n"
             for place, ((processor, kernel), lines) in enumerate(latest_first)]
    text = template.replace("@TABLES@", "\n".join(parts).rstrip())
    return text.replace("@GROWTH@", drawings(machines, folder)).replace("@STAGES@", stages(machines))


def make(folder, files):
    """Writes both pages and the pictures, of those files of results."""
    lines = [json.loads(line) for path in sorted(files) for line in path.read_text(encoding="utf-8").splitlines()]
    machines = {}
    for line in lines:
        machines.setdefault((line["processor"], line["kernel"]), []).append(line)
    pages = {"benchmarks.md": lambda template: benchmarks(template, machines, folder),
             "scale.md": lambda template: scale.fill(template, lines)}
    for name, page in pages.items():
        template = (HERE / f"{name}.in").read_text(encoding="utf-8")
        (folder / name).write_text(page(template), encoding="utf-8")


def main():
    make(DOCS, (HERE / "results").glob("*.jsonl"))
    print(f"wrote benchmarks.md, scale.md and the pictures of growth in {DOCS}")


if __name__ == "__main__":
    main()
