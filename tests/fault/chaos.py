"""chaos.py [--long] [--seed N] [GROUP...] - runs the groups of faults, three at a time as each mostly waits, and sums up."""
import argparse
import os
import pathlib
import re
import subprocess
import sys
import threading
import time

from hub import ROOT, WORK

HERE = pathlib.Path(__file__).resolve().parent
# The longest begin first, but for `endure`, which is for long runs and measures; `disk` and `around` want mounts of their own.
GROUPS = ("damage", "limits", "slow", "kill", "deliver", "provision", "disk", "sync", "web", "lose", "clock", "memory",
          "stop", "start", "around", "endure")
AT_ONCE, AT_ONCE_MEASURING = 3, 2
CLIENTS = ("node", "java", "cosmos", "kafka")  # of the conformance suite, which `deliver` has its targets from


def may_mount():
    """The words that give a process mounts of its own, if it may have them."""
    for words in (["unshare", "-m"], ["unshare", "-rm"]):
        probe = subprocess.run([*words, "mount", "-t", "tmpfs", "tmpfs", "/mnt"], capture_output=True,
                               check=False)
        if probe.returncode == 0:
            return words
    return []


def command(group, options):
    wrapper = may_mount() if group in ("disk", "around") else []
    return [*wrapper, sys.executable, HERE / f"{group}.py", str(options.seed),
            *(["--long"] if options.long else []),
            *([f"--minutes={options.minutes}"] if options.minutes else [])]


def bring_clients():
    """Those that are not there, or are older than their sources; which cannot be had, they say themselves."""
    subprocess.run([ROOT / "tests" / "conformance" / "clients", *CLIENTS], check=True)


def run_group(group, options, lines):
    run = subprocess.Popen(command(group, options), stdout=subprocess.PIPE, text=True)
    told = 0
    for line in run.stdout:
        line = line.rstrip()
        print(line, flush=True)
        lines.append(line)
        told += line.startswith("not ok")
    if run.wait() != 0 and told == 0:
        lines.append(f"not ok {group} # it ended with status {run.returncode}")
        print(lines[-1], flush=True)


def run_all(groups, options):
    lines, waiting = [], list(groups)

    def work():
        while waiting:
            run_group(waiting.pop(0), options, lines)

    threads = [threading.Thread(target=work) for _ in range(AT_ONCE_MEASURING if options.long else AT_ONCE)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return lines


def main():
    parser = argparse.ArgumentParser(prog="./dev chaos", description="Real faults on the real server.")
    parser.add_argument("--long", action="store_true", help="a hundred kills instead of a few")
    parser.add_argument("--minutes", type=float, help="of `endure`; with --long 30")
    parser.add_argument("--seed", type=int, default=int(time.time()), help="the printed one, to try again")
    parser.add_argument("groups", nargs="*", metavar="GROUP", help=f"of: {' '.join(GROUPS)}; default: all")
    options = parser.parse_args()
    for group in options.groups:
        if group not in GROUPS:
            parser.error(f"there is no group '{group}'; choose from: {' '.join(GROUPS)}")
    WORK.mkdir(parents=True, exist_ok=True)
    os.chdir(WORK)  # sockets are named by short relative paths
    print(f"seed {options.seed} (again with: ./dev chaos --seed {options.seed})", flush=True)
    groups = options.groups or [group for group in GROUPS if group != "endure" or options.long or options.minutes]
    if "deliver" in groups:
        bring_clients()
    lines = run_all(groups, options)
    passed, failed, skipped = (sum(bool(re.match(mark, line)) for line in lines)
                               for mark in ("ok ", "not ok ", "skipped: "))
    print(f"{passed} passed, {failed} failed" + (f", {skipped} skipped" if skipped else ""))
    sys.exit(1 if failed else 0)


if __name__ == "__main__":
    main()
