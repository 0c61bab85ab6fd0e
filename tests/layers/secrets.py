#!/usr/bin/env python3
"""secrets.py SRC...: secrets are compared in constant time and overwritten when they are freed.

    memcmp(mac, given, 32)            a name that says secret, in a comparison that stops at the first difference
    buf_free(&password);              and in a call that leaves it in memory: buf_wipe()

The names are those that this tree uses. What only looks like one is named below, with a reason."""
import pathlib
import re
import sys

SECRET = r"(?:\w*(?:password|secret|signature|token)|mac|hmac|digest_expected|\w*_key|key)"
COMPARES = re.compile(r"\b(memcmp|strcmp|strncmp|strcasecmp|slice_eq|slice_eq_nocase|slice_is|slice_is_nocase)\("
                      rf"(?:[^;]*?[\s(,.>&*])?{SECRET}(?:\.\w+)?\s*[,)\[]")
FREES = re.compile(rf"\bbuf_free\(&(?:\w+(?:->|\.))*(\w*(?:password|secret|token|_key)|key)\)")

# A name of something in a document, a header, a map: not a secret.
NAMES = re.compile(r"json_str|->key|\.key\b|\bkey,|, key\)|\(key\b|CHECK_MASK|&nobody|"
                   r"amqp_text|storage_root_key|endorsement_key|decode\(c|sas\.policy")  # those are public
EXCUSED = {
    "src/dps/allocate.c": "the key of a hash",
    "src/deliver/cosmos/cosmos.c": "wiped by its owner",
    "src/front/amqp/testing/rig.c": "a test",
}


def problems(path, text):
    for number, line in enumerate(text.splitlines(), 1):
        if FREES.search(line) and path not in EXCUSED:
            yield f"{path}:{number}: buf_wipe() overwrites what buf_free() leaves: {line.strip()}"
        if COMPARES.search(line) and not NAMES.search(line):
            yield f"{path}:{number}: slice_eq_secret() compares in constant time: {line.strip()}"


def self_test():
    bad = ["if (memcmp(mac, given, 32) == 0)", "slice_eq(expected, x->token)", "strcmp(password, given)",
           "buf_free(&g->token);", "buf_free(&upload_key);"]
    good = ["slice_eq_secret(mac, given)", "slice_is(key, \"sig\")", "buf_wipe(&token);", "json_str(j, key)"]
    for line in bad:
        assert list(problems("x.c", line)), line
    for line in good:
        assert not list(problems("x.c", line)), line


def main():
    if sys.argv[1:] == ["--self-test"]:
        self_test()
        return 0
    found = []
    for folder in map(pathlib.Path, sys.argv[1:]):
        for path in sorted(folder.rglob("*.[ch]")):
            if not path.name.endswith(("_test.c", "_test.h", "_rig.h", "rig.c")):
                found += problems(str(path.relative_to(folder.parent)), path.read_text(encoding="utf-8"))
    print("\n".join(found))
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
