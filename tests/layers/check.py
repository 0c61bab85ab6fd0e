#!/usr/bin/env python3
"""Checks every #include of ours against rules.txt.

usage: check.py RULES SRC [FOLDER...]   prints each violation as file:line, exits 1 if there is any;
                                       a FOLDER beside SRC is checked as if it were in it
       check.py --self-test   builds small trees with known violations and expects them found
"""
import fnmatch
import pathlib
import re
import sys
import tempfile

INCLUDE = re.compile(r'^\s*#\s*include\s+"([^"]+)"')


class Rules:
    def __init__(self, text):
        self.rooms, self.doors = {}, {}
        for line in text.splitlines():
            words = line.split("#")[0].replace(":", " ").split()
            if words:
                table = {"room": self.rooms, "doors": self.doors}[words[0]]
                table[words[1]] = words[2:]

    def room_of(self, folder):
        """The room and its rule: `proto/*` makes proto/mqtt a room, and proto/mqtt/x part of it."""
        for pattern in self.rooms:
            depth = pattern.count("/") + 1
            room = "/".join(folder.split("/")[:depth])
            if fnmatch.fnmatch(room, pattern) and room.count("/") + 1 == depth:
                return room, pattern
        return None, None

    def allows(self, pattern, room):
        return any(fnmatch.fnmatch(room, allowed) for allowed in self.rooms[pattern])

    def is_door(self, folder, name):
        doors = self.doors.get(folder, [pathlib.PurePath(folder).name + ".h"])
        return any(fnmatch.fnmatch(name, door) for door in doors)


def objection(rules, src, file, target):
    """Why `file` may not include `target` (both relative to src), or None."""
    here, there = file.parent.as_posix(), target.parent.as_posix()
    if here == there:
        return None
    room, rule = rules.room_of(here)
    other, _ = rules.room_of(there)
    if room is None:
        return f"folder {here} is in no room of the rules"
    if other is None:
        return f"folder {there} is in no room of the rules"
    if room != other and not rules.allows(rule, other):
        return f"{room} may not include {other}"
    if not rules.is_door(there, target.name):
        return f"{target} is not a door of {there}"
    return None


def resolve(path, name, src, beside):
    """The file that `#include "name"` in `path` means, as if the folders beside src were in it."""
    for root in (path.parent, src, src.parent):
        target = (root / name).resolve()
        if not target.is_file():
            continue
        if target.is_relative_to(src):
            return target.relative_to(src)
        if any(target.is_relative_to(folder) for folder in beside):
            return target.relative_to(src.parent)
    return None  # made by the build, or a library's


def violations(rules, src, beside=()):
    for folder in (src, *beside):
        root = src if folder == src else src.parent
        for path in sorted(p for p in folder.rglob("*") if p.suffix in (".c", ".h", ".cc")):
            file = path.relative_to(root)
            for number, line in enumerate(path.read_text(errors="replace").splitlines(), 1):
                found = INCLUDE.match(line)
                target = found and resolve(path, found[1], src, beside)
                why = target and objection(rules, src, file, target)
                if why:
                    yield f"{path.relative_to(src.parent)}:{number}: {why}"


SELF_TEST_RULES = """
room base:
room proto/*: base
room net:     base proto/*
room server:  *
doors base:   *
"""
SELF_TEST_TREE = {
    "base/buf.h": "", "base/buf.c": '#include "base/buf.h"\n',
    "proto/mqtt/mqtt.h": '#include "base/buf.h"\n', "proto/mqtt/frame.h": "",
    "proto/mqtt/frame.c": '#include "frame.h"\n#include "proto/mqtt/mqtt.h"\n',
    "proto/tls/tls.h": "", "net/net.h": "", "net/conn.c": '#include "proto/tls/tls.h"\n',
    "server/main.c": '#include "net/net.h"\n#include "proto/mqtt/mqtt.h"\n',
}
SELF_TEST_FAULTS = {  # file, its text, what must be said of it
    "base/up.c": ('#include "net/net.h"\n', "base may not include net"),
    "proto/mqtt/side.c": ('#include "proto/tls/tls.h"\n', "proto/mqtt may not include proto/tls"),
    "net/window.c": ('\n#include "proto/mqtt/frame.h"\n', "is not a door of proto/mqtt"),
    "proto/tls/dots.c": ('#include "../mqtt/mqtt.h"\n', "proto/tls may not include proto/mqtt"),
    "attic/x.c": ('#include "base/buf.h"\n', "attic is in no room"),
}


def self_test():
    def check(extra):
        with tempfile.TemporaryDirectory() as folder:
            src = pathlib.Path(folder).resolve()
            for name, text in {**SELF_TEST_TREE, **extra}.items():
                (src / name).parent.mkdir(parents=True, exist_ok=True)
                (src / name).write_text(text)
            return list(violations(Rules(SELF_TEST_RULES), src))

    assert check({}) == [], check({})
    for name, (text, words) in SELF_TEST_FAULTS.items():
        found = check({name: text})
        assert len(found) == 1 and name in found[0] and words in found[0], (name, found)


def main(arguments):
    if arguments == ["--self-test"]:
        self_test()
        return 0
    rules = Rules(pathlib.Path(arguments[0]).read_text())
    src, *beside = (pathlib.Path(folder).resolve() for folder in arguments[1:])
    found = list(violations(rules, src, beside))
    for line in found:
        print(line)
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
