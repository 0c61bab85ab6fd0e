"""symbols.py - no two rooms have a function or variable of one name.

A static library gives a name only to who still looks for it: of two functions of one name the linker
takes the one that comes first, and says nothing.

usage: symbols.py BUILD_DIR
"""
import collections
import pathlib
import re
import subprocess
import sys

FOR_TESTS = re.compile(r"testing|rig|fake|promise")


def names_of(library):
    """The names that a library gives to others."""
    lines = subprocess.run(["nm", "--defined-only", "--extern-only", "--format=posix", library], check=True,
                           capture_output=True, text=True).stdout.splitlines()
    return {line.split()[0] for line in lines if len(line.split()) > 1 and line.split()[1] in "TDBR"}


def main():
    givers = collections.defaultdict(set)
    for library in pathlib.Path(sys.argv[1]).glob("**/libazm_*.a"):
        if not FOR_TESTS.search(library.stem):
            for name in names_of(library):
                givers[name].add(library.stem.removeprefix("libazm_"))
    twice = {name: rooms for name, rooms in givers.items() if len(rooms) > 1}
    for name, rooms in sorted(twice.items()):
        print(f"{name}: {', '.join(sorted(rooms))}")
    if not givers:
        sys.exit("no libraries there")
    sys.exit(1 if twice else 0)


main()
