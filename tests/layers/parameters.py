#!/usr/bin/env python3
"""parameters.py FOLDER: what parameters.c says that a route's query may have is read where the route's handler is.

The other way round rest_query_get() sees to it: it reads nothing for a route under /admin/v1 that is not said there.
--self-test builds a small folder with a known violation and expects it found."""
import pathlib
import re
import sys
import tempfile

ROW = re.compile(r'^    (?:TEXT|WORD|TRUTH|COUNT)\((\w+),\s*"(\w+)"', re.M)
READS = re.compile(r'rest_query_(?:get|number)\(c,\s*"(\w+)"')


def problems(folder):
    """A line for each parameter that nobody reads."""
    texts = [path.read_text() for path in folder.glob("*.c")]
    rows = ROW.findall((folder / "parameters.c").read_text())
    if not rows:
        yield "parameters.c has no rows"
    for handler, name in rows:
        homes = [text for text in texts if re.search(rf"^void {handler}\(", text, re.M)]
        if len(homes) != 1:
            yield f"{handler}() stands in {len(homes)} files"
        elif name not in READS.findall(homes[0]):
            yield f"{handler}() does not read '{name}'"


def self_test():
    with tempfile.TemporaryDirectory() as name:
        folder = pathlib.Path(name)
        (folder / "parameters.c").write_text('    TEXT(list, "a", "x"),\n    COUNT(list,\n          "b", 1, "y"),\n    TRUTH(gone, "a", "z"),\n')
        (folder / "list.c").write_text('void list(struct call *c)\n{\n    rest_query_get(c, "a", &text);\n}\n')
        found = list(problems(folder))
    wanted = ["list() does not read 'b'", "gone() stands in 0 files"]
    if found != wanted:
        sys.exit(f"found {found}, not {wanted}")


if __name__ == "__main__":
    if sys.argv[1] == "--self-test":
        self_test()
    else:
        said = list(problems(pathlib.Path(sys.argv[1])))
        print("\n".join(said))
        sys.exit(bool(said))
