"""pattern.py - names in braces: what is known is filled in, what is not is taken from what comes.

    {host}                 filled in if `host` is known, else matches and names what stands there
    {exp:time7}            matches only what is such a time
    {sas-c d {host}/x}     a function and its arguments, innermost first
"""
import json
import re

KINDS = {
    "": r"[^/&?\s]+",
    "any": r".*",
    "number": r"\d+",
    "guid": r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}",
    # What .NET's ParseExact with "o" takes.
    "time7": r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{7}Z",
    "time7url": r"\d{4}-\d\d-\d\dT\d\d%3A\d\d%3A\d\d\.\d{7}Z",
    "url": r"[\w%.-]+",
    "hex16": r"[0-9a-f]{32}",
    "status2xx": r"2\d\d",
}
KNOWN = re.compile(r"\{([a-z][\w.-]*)(?: ([^{}\"]*))?\}")
UNKNOWN = re.compile(r"\{([a-z]\w*)(?::(\w+))?\}")


class Mismatch(Exception):
    """What came is not what was wanted."""

    def __init__(self, came, wanted):
        super().__init__(f"came {came}, wanted {wanted}")
        self.came, self.wanted = str(came), str(wanted)


class Names:
    def __init__(self, functions, **values):
        self.functions, self.values = functions, values

    def fill(self, text):
        before = None
        while before != text:
            before, text = text, KNOWN.sub(self._one, text)
        return text

    def _one(self, match):
        name, arguments = match.groups()
        if arguments is not None and name in self.functions:
            return self.functions[name](*arguments.split())
        return str(self.values[name]) if arguments is None and name in self.values else match[0]

    def match(self, wanted, came, what=""):
        """Compares text, and names the parts of `came` where `wanted` has an unknown name."""
        pieces, at, names = [], 0, []
        for unknown in UNKNOWN.finditer(wanted):
            pieces += [re.escape(wanted[at:unknown.start()]), f"({KINDS[unknown[2] or '']})"]
            names.append(unknown[1])
            at = unknown.end()
        found = re.fullmatch("".join(pieces) + re.escape(wanted[at:]), came, re.DOTALL)
        if not found:
            raise Mismatch(f"{what}'{came}'", f"{what}'{wanted}'")
        self.values |= dict(zip(names, found.groups()))

    def match_json(self, wanted, came, partly=False, where=""):
        """`partly`: objects may have more members than those wanted."""
        what = f"JSON{where} "
        if isinstance(wanted, str) and UNKNOWN.search(wanted):
            self.match(wanted, came if isinstance(came, str) else json.dumps(came), what)
        elif isinstance(wanted, dict) and isinstance(came, dict):
            more = [] if partly else sorted(set(came) - set(wanted))
            for name in more + sorted(set(wanted) - set(came)):
                raise Mismatch(what + json.dumps(came), what + json.dumps(wanted))
            for name, value in wanted.items():
                self.match_json(value, came[name], partly, f"{where}.{name}")
        elif isinstance(wanted, list) and isinstance(came, list) and len(wanted) == len(came):
            for at, (one, other) in enumerate(zip(wanted, came)):
                self.match_json(one, other, partly, f"{where}[{at}]")
        elif type(wanted) is not type(came) or wanted != came:
            raise Mismatch(what + json.dumps(came), what + json.dumps(wanted))

    def match_body(self, wanted, came):
        """A body: as JSON if `wanted` is an object or an array, else as text."""
        text = came.decode(errors="backslashreplace")
        if not wanted.startswith(("{\"", "[", "{}")):
            self.match(body(wanted), text, "body ")
            return
        try:
            came = json.loads(text)
        except ValueError:
            raise Mismatch(f"body '{text}'", f"body '{wanted}'") from None
        self.match_json(json.loads(wanted), came)


def body(text):
    """A body as it stands in a transcript: as it is, or quoted as JSON quotes."""
    return json.loads(text) if text.startswith('"') else text
