#!/usr/bin/env python3
"""secrets.py SRC...: secrets are compared in constant time and overwritten when they are freed.

    memcmp(mac, given, 32)            a name that says secret, in a comparison that stops at the first difference
    buf_free(&password);              and in a call that leaves it in memory: buf_wipe()
    policy_write(&json, p); ...       so does this, of what got keys by a function that writes them
    buf_free(&json);
    struct buf key = {0}; ...         and this, where it grows: BUF_SECRET
    buf_wipe(&key);
    arena_free(&arena);               and this, in a file that reads keys: arena_wipe()

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
    "src/deliver/cosmos/cosmos.c": "the value of a partition key",
    "cli/payload_rows.c": "the name of a column",
    "cli/query_parse.c": "a word of a query",
}

# What puts keys, or what opens as much as one, at the end of a buf.
WRITES = re.compile(r"\b(?:identity_write(?:_keys|_bulk)?|polic(?:y|ies)_write|connstr_write|(?:enrollment|attestation)_write|"
                    r"sas_make|blob_sas_make\w*|x509_put_key_pem|target_token|"
                    r"fleet_device_put_token|transfer_line_put)\(&(\w+(?:(?:->|\.)\w+)*)")
WRITTEN_WITHOUT = {("cli/cmd_profile.c", "without_key"): "it has asterisks instead"}

# Who reads them, or has them in a document; and files where that goes unnamed.
READS = re.compile(r"\b(?:identity_of_row|identity_copy|document_rekey|enrollment_(?:of_row|read)|group_copy|"
                   r"linked_read|policies_read|connstr_parse|auth_key|key_texts|attestation|passwords?)\b|"
                   r"->keys\b|\.keys\b|primaryKey|secondaryKey|SharedAccess|connectionString|symmetricKey")
CARRIERS = {"src/dps/bulk.c", "src/dps/revoke.c", "src/hub/registry/behalf.c", "src/hub/registry/bulk.c",
            "src/hub/transfer/create.c", "src/hub/transfer/export.c", "src/hub/transfer/import.c",
            "src/hub/transfer/run.c", "cli/cmd_state.c", "cli/cmd_state_import.c", "cli/command.c"}
FREES_ARENA = re.compile(r"\barena_(?:free|reset)\(")
KEYLESS = {
    ("src/deliver/cosmos/cosmos.c", "look_at"): "a container as Cosmos DB describes it",
    ("src/dps/linked.c", "linked_find"): "the name of a hub",
    ("src/front/console/policies.c", "read_rights"): "rights",
    ("src/front/console/policies.c", "policies_renew_key"): "which of the two keys",
    ("src/front/console/provider.c", "keep"): "a provider's keys are public",
    ("src/front/console/provider.c", "on_metadata"): "where a provider is asked for what",
    ("src/front/console/provider.c", "provider_forget"): "likewise",
    ("src/front/dps/http.c", "diagnose"): "the text of an error",
    ("src/hub/notice/desk.c", "batch_free"): "the keys are those of rows",
    ("src/hub/registry/bulk.c", "write_part"): "which members there are: their texts are in the call's arena",
    ("src/hub/registry/edge.c", "make"): "such a module has no keys yet",
    ("src/hub/transfer/import.c", "take_result"): "ids and the texts of errors",
    ("src/server/seed_enrollment.c", "refuse"): "the text of an error",
}


def functions(text):
    """Each definition: its name, the number of the line of its brace, its lines."""
    lines, begin = text.splitlines(), None
    for number, line in enumerate(lines):
        if line == "{":
            begin = number
        elif line == "}" and begin is not None:
            head = begin - 1
            while head > 0 and lines[head][:1] in (" ", ")"):
                head -= 1
            name = re.search(r"(\w+)\(", lines[head])
            yield (name.group(1) if name else "", begin + 1, lines[begin:number])
            begin = None


def leaves_keys(path, text):
    reads = path in CARRIERS or READS.search(text)
    for name, first, lines in functions(text):
        body = "\n".join(lines)
        written = set(WRITES.findall(body))
        wiped = re.findall(r"\bbuf_wipe\(&(\w+)\)", body)
        plain = re.compile(rf"\bstruct buf [^;]*\b({'|'.join(wiped)}) = \{{0\}}") if wiped else None
        for number, line in enumerate(lines, first):
            freed = re.search(r"\bbuf_free\(&([\w.>-]+)\)", line)
            if freed and freed.group(1) in written and (path, name) not in WRITTEN_WITHOUT:
                yield f"{path}:{number}: it has keys, buf_wipe() overwrites them: {line.strip()}"
            if reads and FREES_ARENA.search(line) and (path, name) not in KEYLESS:
                yield f"{path}:{number}: {name}: arena_wipe() overwrites what arena_free() leaves: {line.strip()}"
            if plain and plain.search(line):
                yield f"{path}:{number}: BUF_SECRET leaves no copy where it grows: {line.strip()}"


def problems(path, text):
    for number, line in enumerate(text.splitlines(), 1):
        if FREES.search(line) and path not in EXCUSED:
            yield f"{path}:{number}: buf_wipe() overwrites what buf_free() leaves: {line.strip()}"
        if COMPARES.search(line) and not NAMES.search(line) and path not in EXCUSED:
            yield f"{path}:{number}: slice_eq_secret() compares in constant time: {line.strip()}"
    yield from leaves_keys(path, text)


def self_test():
    bad = ["if (memcmp(mac, given, 32) == 0)", "slice_eq(expected, x->token)", "strcmp(password, given)",
           "buf_free(&g->token);", "buf_free(&upload_key);",
           "void f(void)\n{\n    policy_write(&json, p);\n    buf_free(&json);\n}",
           "void f(struct x *x)\n{\n    connstr_write(&x->line, c);\n    buf_free(&x->line);\n}",
           "void f(void)\n{\n    struct buf a = {0}, b = {0};\n    buf_wipe(&b);\n}",
           "void f(void)\n{\n    identity_of_row(&a, col, &id);\n    arena_free(&a);\n}",
           "static const char name[] = \"primaryKey\";\nvoid f(void)\n{\n    arena_reset(&x->arena);\n}"]
    good = ["slice_eq_secret(mac, given)", "slice_is(key, \"sig\")", "buf_wipe(&token);", "json_str(j, key)",
            "void f(void)\n{\n    policy_write(&json, p);\n    buf_free(&other);\n    buf_wipe(&json);\n}",
            "void f(void)\n{\n    struct buf a = {0}, b = BUF_SECRET;\n    buf_wipe(&b);\n}",
            "void f(void)\n{\n    identity_of_row(&a, col, &id);\n    arena_wipe(&a);\n}",
            "void f(void)\n{\n    json_parse(&a, text, &j);\n    arena_free(&a);\n}"]
    for text in bad:
        assert list(problems("x.c", text)), text
    for text in good:
        assert not list(problems("x.c", text)), text
    carried = "void f(void)\n{\n    arena_free(&a);\n}"
    for path in CARRIERS:
        assert list(problems(path, carried)), path
    for path, name in KEYLESS:
        assert not list(problems(path, carried.replace("f(", name + "(") + "/* primaryKey */")), path


def main():
    if sys.argv[1:] == ["--self-test"]:
        self_test()
        return 0
    found = []
    for folder in map(pathlib.Path, sys.argv[1:]):
        for path in sorted(folder.rglob("*.[ch]")):
            if not path.name.endswith(("_test.c", "_test.h", "_rig.h", "rig.c", "fixture.h")):
                found += problems(str(path.relative_to(folder.parent)), path.read_text(encoding="utf-8"))
    print("\n".join(found))
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
