#!/usr/bin/env python3
"""console.py SRC: what a page of the console changes, a shell can: each function that asks the server for a change has
a `<Same cli=.. request=..>` with the same method beside it.

    ask('PUT', path, { body })        the change
    <Same cli={[..]} request={at('PUT', path, body)} />

A `{...sameOf(..)}` has the members of what the file's own, or the named, function returns. What differs on purpose is named
below, with a reason; whoever is named and needs it no more is a problem, too."""
import pathlib
import re
import sys

ASKS = re.compile(r"\bask\('(PUT|POST|PATCH|DELETE)', (.*)")
BATCHES = re.compile(r"(?<!function )\beachBatch\(")
QUESTIONS = re.compile(r"query|/attestationmechanism|\$testnew|/series'|^path, \{ body: \{ query \}")  # a POST that changes nothing
METHODS = re.compile(r"'(PUT|POST|PATCH|DELETE)'")
BEGINS = re.compile(r"(?:export )?(?:async )?(?:function|const) (\w+)")
SESSION = "a session of a browser; a shell signs each request"
IMPORT = "from_azure.jsx shows the one line that imports all of it"
EXCUSED = {
    ("azure.js", "send", "POST"): IMPORT,
    ("azure.js", "putConfiguration", "PUT"): IMPORT,
    ("azure.js", "putBelow", "PUT"): IMPORT,
    ("azure.js", "putItem", "PUT"): IMPORT,
    ("batch.js", "batch", "POST"): "who calls eachBatch() is judged",
    ("state.js", "signIn", "POST"): SESSION,
    ("state.js", "signOut", "DELETE"): SESSION,
    ("state.js", "addressOfProvider", "POST"): SESSION,
    ("device.jsx", "Overview", "PUT"): "a batch of one changes the status alone: no key stands in the line",
    ("sessions.jsx", "End", "DELETE"): "stands once, below the table",
    ("users.jsx", "OwnPassword", "POST"): "a session's own; from a shell it is set by who runs the server",
}


def functions(text):
    """Name and text of what stands at the left margin."""
    name, lines = None, []
    for line in text.splitlines():
        begins = BEGINS.match(line)
        if begins:
            if name:
                yield name, "\n".join(lines)
            name, lines = begins.group(1), []
        lines.append(line)
    if name:
        yield name, "\n".join(lines)


def sames(text):
    """The inside of each `<Same .. />`."""
    for begin in re.finditer(r"<Same\b", text):
        depth = 0
        for at in range(begin.end(), len(text)):
            depth += {"{": 1, "}": -1}.get(text[at], 0)
            if depth == 0 and text.startswith("/>", at):
                yield text[begin.end():at]
                break


def writes(text):
    for method, rest in ASKS.findall(text):
        if not QUESTIONS.search(rest):
            yield method
    if BATCHES.search(text):
        yield "POST"


def problems(name, text, shared):
    """(name, function, method) and what is wrong there."""
    for function, body in functions(text):
        shown = " ".join(sames(body))
        for spread in re.findall(r"\.\.\.(\w+)\(", shown):
            shown += shared.get((name, spread)) or next((t for (_, f), t in shared.items() if f == spread), "")
        for method in sorted(set(writes(body))):
            place = name, function, method
            if not re.search(r"\bcli\b", shown) or not re.search(r"\brequest\b", shown):
                yield place, f"{name}: {function} asks for a {method}: a <Same cli=.. request=..> belongs beside it"
            elif method not in METHODS.findall(shown):
                yield place, f"{name}: {function} asks for a {method}, and no <Same> beside it shows one"


def check(files, excused=()):
    shared = {(name, f): body for name, text in files.items() for f, body in functions(text)}
    found = [p for name, text in sorted(files.items()) for p in problems(name, text, shared)]
    stale = set(excused) - {place for place, _ in found}
    return [text for place, text in found if place not in excused] + [
        f"{name}: {function} is excused for a {method} (console.py), and needs it no more" for name, function, method in sorted(stale)]


def self_test():
    asks = "function X() {\n    run(() => ask('PUT', path, { body }));\n    return %s;\n}\n"
    for bad in ["<Same cli={['x']} />", "<Same request={at('PUT', path)} />", "<Same cli={['x']} request={at('GET', path)} />",
                "<b />", "<Same {...sameOf(x)} />"]:
        assert check({"x.jsx": asks % bad}), bad
    for good in ["<Same cli={['x', y > 1 ? `a/>` : 'b']} request={at('PUT', path, { a: '/>' })} />"]:
        assert not check({"x.jsx": asks % good}), good
    helper = "function sameOf(x) {\n    return { cli: ['x'], request: { method: 'PUT' } };\n}\n"
    assert not check({"x.jsx": helper + asks % "<Same {...sameOf(x)} />"})
    assert not check({"x.jsx": asks % "<Same {...sameOf(x)} />", "y.jsx": helper})
    assert not check({"x.jsx": "function X() {\n    ask('POST', '/devices/query', { body: { query } });\n}\n"})
    assert check({"x.jsx": "function X() {\n    eachBatch(entries);\n}\n"})
    assert not check({"x.js": "export async function eachBatch(entries) {\n}\n"})
    assert not check({"x.jsx": asks % "<b />"}, {("x.jsx", "X", "PUT")})
    for stale in [("x.jsx", "X", "DELETE"), ("x.jsx", "Y", "PUT"), ("y.js", "X", "PUT")]:
        assert check({"x.jsx": asks % "<b />"}, {("x.jsx", "X", "PUT"), stale}), stale
    good = asks % "<Same cli={['x']} request={at('PUT', path)} />"
    assert check({"x.jsx": good}, {("x.jsx", "X", "PUT")})


def main():
    if sys.argv[1:] == ["--self-test"]:
        self_test()
        return 0
    files = {p.name: p.read_text(encoding="utf-8") for p in pathlib.Path(sys.argv[1]).rglob("*.js*")}
    found = check(files, EXCUSED)
    print("\n".join(found))
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
