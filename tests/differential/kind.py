"""kind.py - what a kind of input consists of: how it is made and spoilt, and what two parsers of it may see differently."""
import dataclasses
import re
from typing import Callable


@dataclasses.dataclass(frozen=True)
class Answer:
    """A line of parsed.h."""

    words: tuple
    end: str  # more, closed, refused
    reason: str

    @classmethod
    def of(cls, line):
        said, _, reason = line.partition(" # ")
        *words, end = said.split()
        return cls(tuple(words), end, reason)

    def begins(self, other):
        """All that is said here stands in the other answer, too, where more may follow."""
        if len(self.words) > len(other.words):
            return False
        *first, last = self.words or ("",)
        *other_first, other_last = other.words[:len(self.words)] or ("",)
        part = last.startswith(("body=", "stream="))
        return first == other_first and (other_last.startswith(last) if part else last == other_last)

    def same(self, other):
        return (self.words, self.end) == (other.words, other.end)


@dataclasses.dataclass(frozen=True)
class Strict:
    """We refuse, for a reason that the other parser does not look at, or not there."""

    reason: str  # an expression that our reason matches
    because: str  # the sentence that allows it
    holds: Callable = lambda data: True  # what must be so of the input

    def covers(self, data, ours, theirs):
        return (ours.end == "refused" and re.search(self.reason, ours.reason) is not None and ours.begins(theirs)
                and self.holds(data))


@dataclasses.dataclass(frozen=True)
class Other:
    """Any other difference."""

    name: str
    because: str
    when: Callable  # (input, ours, theirs)

    def covers(self, data, ours, theirs):
        return self.when(data, ours, theirs)


@dataclasses.dataclass(frozen=True)
class Kind:
    """`make(chance)`: the pieces of something valid; `spoil(chance, pieces)` breaks one of them; `encode(pieces)`:
    bytes. Of what is valid and whole nothing but `always` may be seen differently."""

    name: str
    peer: tuple  # the program that has the other parser
    corpus: str  # below tests/fuzz/corpus, and its dictionary
    skip: int  # bytes of a seed that are for the harness there
    make: Callable
    spoil: Callable
    encode: Callable
    differences: tuple
    always: tuple = ()
    _: dataclasses.KW_ONLY
    damage: bool = True  # bytes at random, too, and seeds
    endings: tuple = ()  # what makes something of a beginning: if the other parser takes none of them it only refuses later
