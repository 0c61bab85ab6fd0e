"""differential.py - inputs that are valid, spoilt or random are read by our parsers and by others, which are to see the
same in them."""
import argparse
import collections
import contextlib
import copy
import pathlib
import random
import re
import subprocess
import sys
import threading
import time

import kind_amqp
import kind_amqp_frames
import kind_http1
import kind_mqtt
import kind_ws
from kind import Answer, Other

HERE = pathlib.Path(__file__).resolve().parent
FUZZ = HERE.parent / "fuzz"
KINDS = {kind.name: kind for module in (kind_mqtt, kind_ws, kind_http1, kind_amqp, kind_amqp_frames) for kind in module.KINDS}
SECONDS, LONG_SECONDS = 15, 300  # of all kinds together
BATCH = 200
INPUT_MAX = 256 << 10
TRIES_MAX = 400  # to make an input shorter
WORD_MAX = 160  # of an answer, when it is shown
FOUND_MAX = 5  # of a kind, then it is enough
AGREED_MIN = 0.2  # of what was compared both have taken whole, or the makers are worth nothing


class Parser:
    """A program that reads inputs and answers each with a line."""

    def __init__(self, name, command):
        self.name, self.command = name, command
        self.run = None

    def start(self):
        self.run = subprocess.Popen(self.command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, cwd=HERE)

    def ask(self, inputs):
        """The answers; fewer than inputs if one of them was its end."""
        if self.run is None:
            self.start()
        writer = threading.Thread(target=self._write, args=(inputs,))
        writer.start()
        lines = []
        while len(lines) < len(inputs) and (line := self.run.stdout.readline()):
            lines.append(Answer.of(line.decode().strip()))
        writer.join()
        if len(lines) < len(inputs):
            self.stop()
        return lines

    def _write(self, inputs):
        with contextlib.suppress(BrokenPipeError):
            for data in inputs:
                self.run.stdin.write(len(data).to_bytes(4, "big") + data)
            self.run.stdin.flush()

    def stop(self):
        if self.run is None:
            return
        self.run.kill()
        self.run.wait()
        with contextlib.suppress(BrokenPipeError):
            self.run.stdin.close()
        self.run.stdout.close()
        self.run = None


EARLIER = Other("earlier", "what can become nothing right may be refused before the rest of it is there", lambda *_: True)


class Seeds:
    """What the fuzz targets begin with: their corpus, and the words of their dictionary."""

    def __init__(self, kind):
        self.files = [path.read_bytes()[kind.skip:] for path in sorted((FUZZ / "corpus" / kind.corpus).iterdir())]
        self.files = [data for data in self.files if len(data) < INPUT_MAX]
        text = (FUZZ / f"{kind.corpus}.dict").read_text()
        self.words = [re.sub(rb"\\x([0-9a-fA-F]{2})", lambda m: bytes.fromhex(m[1].decode()), word.encode())
                      for word in re.findall(r'"(.*)"', text)]


def damaged(chance, data, seeds):
    """Bytes without regard to what they mean."""
    data = bytearray(data)
    for _ in range(chance.choice([1, 1, 2, 4])):
        at, what = chance.randrange(len(data) + 1), chance.randrange(6)
        if what == 0:
            del data[at:]
        elif what == 1:
            del data[at:at + chance.choice([1, 2, 8])]
        elif what == 2:
            data[at:at] = chance.choice(seeds.words or [b"\0"])
        elif what == 3:
            data[at:at] = data[chance.randrange(len(data) + 1):][:chance.choice([1, 4, 40])]
        elif at < len(data):
            data[at] = data[at] ^ 1 << chance.randrange(8) if what == 4 else chance.choice([0, 1, 0x7f, 0x80, 0xff])
    return bytes(data[:INPUT_MAX])


def make(kind, chance, seeds):
    """An input, and whether it is valid and whole."""
    how = chance.random()
    pieces = kind.make(chance)
    if how < 0.3:
        return kind.encode(pieces), True
    if how < 0.75 or not kind.damage:
        pieces = copy.deepcopy(pieces)
        for _ in range(chance.choice([1, 1, 1, 2, 3])):
            if pieces:
                pieces = kind.spoil(chance, pieces)
        return kind.encode(pieces) if pieces else b"", False
    data = chance.choice(seeds.files) if seeds.files and chance.random() < 0.4 else kind.encode(pieces)
    return damaged(chance, data, seeds), False


class Trial:
    """Of one kind."""

    def __init__(self, kind, parsed):
        self.kind = kind
        peer = [*kind.peer, kind.name]
        self.ours, self.theirs = Parser("ours", [parsed, kind.name]), Parser(kind.peer[-1], peer)
        self.counts = collections.Counter()
        self.allowed = collections.Counter()

    def stop(self):
        self.ours.stop()
        self.theirs.stop()

    def known(self, data, valid, ours, theirs):
        """The difference that may be, if it is one of those."""
        for difference in self.kind.always if valid else (*self.kind.always, *self.kind.differences):
            if difference.covers(data, ours, theirs):
                return difference
        return None

    def is_only_earlier(self, data, ours, theirs):
        """We refuse where they wait for more, but there is nothing more that they would take."""
        if (ours.end, theirs.end) != ("refused", "more") or not ours.begins(theirs):
            return False
        endings = [data + ending for ending in self.kind.endings]
        return bool(endings) and all(later.end == "refused" or later == theirs for later in self.theirs.ask(endings))

    def compare(self, inputs):
        """Those that are seen differently: (input, valid, what is wrong)."""
        data = [each[0] for each in inputs]
        ours, theirs = self.ours.ask(data), self.theirs.ask(data)
        for parser, lines in ((self.ours, ours), (self.theirs, theirs)):
            if len(lines) < len(data):
                return [(*inputs[len(lines)], f"{parser.name} ended at it")]
        return [found for found in map(self.judge, inputs, ours, theirs) if found]

    def judge(self, made, ours, theirs):
        data, valid = made
        self.counts["inputs"] += 1
        if ours.same(theirs):
            self.counts["whole"] += ours.end != "refused"
            if not valid or ours.end != "refused":
                return None
            return data, valid, f"both refuse what is valid: {ours.reason}"
        difference = self.known(data, valid, ours, theirs)
        if difference is None and self.is_only_earlier(data, ours, theirs):
            difference = EARLIER
        if difference is None:
            return data, valid, f"ours   {told(ours)}\n    theirs {told(theirs)}"
        self.allowed[difference] += 1
        return None

    def shortest(self, data, valid):
        """The same finding in fewer bytes."""
        tries, size = 0, max(1, len(data) // 2)
        while size and tries < TRIES_MAX and not valid:
            at = 0
            while at < len(data) and tries < TRIES_MAX:
                less, tries = data[:at] + data[at + size:], tries + 1
                if self.compare([(less, valid)]):
                    data = less
                else:
                    at += size
            size //= 2
        return data


def short(word):
    """Long ones without their middle."""
    return word if len(word) <= WORD_MAX else f"{word[:WORD_MAX // 2]}..{word[-WORD_MAX // 2:]}({len(word)})"


def told(answer):
    return f"{' '.join(map(short, answer.words))} {answer.end}" + (f" ({answer.reason})" if answer.reason else "")


def run(kind, parsed, seed, seconds):
    """What is found, as text."""
    trial, found, seeds = Trial(kind, parsed), [], Seeds(kind)
    chance = random.Random(f"{seed} {kind.name}")
    end = time.monotonic() + seconds
    try:
        while time.monotonic() < end and len(found) < FOUND_MAX:
            for data, valid, _ in trial.compare([make(kind, chance, seeds) for _ in range(BATCH)])[:FOUND_MAX - len(found)]:
                data = trial.shortest(data, valid)
                found += [(data, what) for data, _, what in trial.compare([(data, valid)])]
        share = trial.counts["whole"] / max(1, trial.counts["inputs"])
        report(kind, trial, found, share)
        return not found and share >= AGREED_MIN
    finally:
        trial.stop()


def report(kind, trial, found, share):
    for data, what in found:
        print(f"not ok {kind.name} # again with: ./dev differential --input {data.hex() or '-'} {kind.name}\n    {what}")
    if not found and share < AGREED_MIN:
        print(f"not ok {kind.name} # only {share:.0%} of the inputs were taken")
    elif not found:
        print(f"ok {kind.name} # {trial.counts['inputs']} inputs, {share:.0%} taken whole by both, "
              f"{sum(trial.allowed.values())} known differences of {len(trial.allowed)} kinds", flush=True)


def try_one(kind, parsed, text):
    """One input, and what is made of it."""
    data = b"" if text == "-" else bytes.fromhex(text)
    trial = Trial(kind, parsed)
    ours, theirs = trial.ours.ask([data]), trial.theirs.ask([data])
    print(*(f"{name:6} {told(line)}" for name, lines in (("ours", ours), ("theirs", theirs)) for line in lines), sep="\n")
    wrong = trial.compare([(data, False)])
    for difference in trial.allowed:
        print(f"known: {difference.because}")
    trial.stop()
    return not wrong


def main():
    parser = argparse.ArgumentParser(prog="./dev differential", description=__doc__)
    parser.add_argument("--long", action="store_true", help=f"{LONG_SECONDS} seconds instead of {SECONDS}")
    parser.add_argument("--seconds", type=float, help="of all kinds together")
    parser.add_argument("--seed", type=int, default=int(time.time()), help="the printed one, to try again")
    parser.add_argument("--input", metavar="HEX", help="this one alone, of one kind; - for none")
    parser.add_argument("--parsed", required=True, help=argparse.SUPPRESS)
    parser.add_argument("kinds", nargs="*", metavar="KIND", help=f"of: {' '.join(KINDS)}; default: all")
    options = parser.parse_args()
    for name in options.kinds:
        if name not in KINDS:
            parser.error(f"there is no kind '{name}'; choose from: {' '.join(KINDS)}")
    kinds = [KINDS[name] for name in options.kinds or KINDS]
    if options.input:
        results = [try_one(kind, options.parsed, options.input) for kind in kinds]
    else:
        seconds = options.seconds or (LONG_SECONDS if options.long else SECONDS)
        print(f"seed {options.seed} (again with: ./dev differential --seed {options.seed})", flush=True)
        results = [run(kind, options.parsed, options.seed, seconds / len(kinds)) for kind in kinds]
    print(f"{sum(results)} passed, {len(results) - sum(results)} failed")
    sys.exit(0 if all(results) else 1)


if __name__ == "__main__":
    main()
