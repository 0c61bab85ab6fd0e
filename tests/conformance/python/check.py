"""check.py - runs cases one after the other and prints one line for each: `ok` or `not ok`, a name,
and why not."""
import sys
import time
import traceback

_cases = []


def check(name):
    """Registers a case; its name is a sentence."""

    def register(run):
        _cases.append((name, run))
        return run

    return register


def until(what, probe, seconds=15):
    """Asks `probe` until it answers something true, or fails saying what was waited for."""
    end = time.monotonic() + seconds
    while True:
        value = probe()
        if value:
            return value
        if time.monotonic() > end:
            raise AssertionError(f"waited {seconds} s in vain until {what}")
        time.sleep(0.05)


def failure(call, *arguments, **keywords):
    """The error with which a call fails; that it does not fail is a failure."""
    try:
        value = call(*arguments, **keywords)
    except Exception as error:  # the caller looks at what it is
        return error
    raise AssertionError(f"should have failed, but gave {value!r}")


def equal(got, wanted, what=""):
    assert got == wanted, f"{what} is {got!r:.400}, not {wanted!r:.400}"


def run_all(group, only=""):
    """Runs every registered case whose name contains `only`, and says whether all went well."""
    good = True
    for name, run in _cases:
        if only not in name:
            continue
        start = time.monotonic()
        try:
            run()
            print(f"ok {group}: {name} # {(time.monotonic() - start) * 1000:.0f} ms", flush=True)
        except Exception as error:  # a case may fail in any way
            good = False
            text = " ".join(f"{type(error).__name__}: {error}".split())[:600]
            print(f"not ok {group}: {name} # {text}", flush=True)
            traceback.print_exc(file=sys.stderr)
    return good
