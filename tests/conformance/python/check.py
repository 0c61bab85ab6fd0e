"""check.py - runs cases one after the other and prints one line for each: `ok` or `not ok`, a name,
and why not; or `skipped` or `not offered`, and why."""
import sys
import time
import traceback

_cases = []
WAIT_S = 60  # the longest that something may take to come: on a busy machine everything takes ten times as long
DAY_S, NEAR_MIDNIGHT_S = 86400, 120


def check(name):
    """Registers a case; its name is a sentence."""

    def register(run):
        _cases.append((name, run))
        return run

    return register


class Skipped(Exception):
    """A case that cannot be run here."""


def skip(why):
    raise Skipped(why)


def not_offered(name, why):
    """Says that the client under test does not have what `name` would look at."""
    _cases.append((name, why))


def until(what, probe, seconds=WAIT_S):
    """Asks `probe` until it answers something true, or fails saying what was waited for."""
    end = time.monotonic() + seconds
    while True:
        value = probe()
        if value:
            return value
        if time.monotonic() > end:
            raise AssertionError(f"waited {seconds} s in vain until {what}")
        time.sleep(0.05)


def same_day():
    """Waits for midnight (UTC) where it is near: what is counted by the day is counted anew then."""
    left = DAY_S - time.time() % DAY_S
    if left < NEAR_MIDNIGHT_S:
        time.sleep(left + 1)


def failure(call, *arguments, **keywords):
    """The error with which a call fails; that it does not fail is a failure."""
    try:
        value = call(*arguments, **keywords)
    except Exception as error:  # the caller looks at what it is
        return error
    raise AssertionError(f"should have failed, but gave {value!r}")


def equal(got, wanted, what=""):
    assert got == wanted, f"{what} is {got!r:.400}, not {wanted!r:.400}"


def outcome(run):
    """Runs one case: what became of it, and the line's last words."""
    if isinstance(run, str):
        return "not offered", run
    start = time.monotonic()
    try:
        run()
        return "ok", f"{(time.monotonic() - start) * 1000:.0f} ms"
    except Skipped as why:
        return "skipped", str(why)
    except Exception as error:  # a case may fail in any way
        traceback.print_exc(file=sys.stderr)
        return "not ok", " ".join(f"{type(error).__name__}: {error}".split())[:600]


def run_all(group, only=""):
    """Runs every registered case whose name contains `only`, and says whether all went well."""
    good = True
    for name, run in _cases:
        if only in name:
            state, words = outcome(run)
            good = good and state != "not ok"
            print(f"{state} {group}: {name} # {words}", flush=True)
    return good
