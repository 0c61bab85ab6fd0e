"""lines.py - the demonstration of demos/: three production lines under one root, 300 devices, one line cut off.
Three of the devices are azure-iot-device, the others a few lines of MQTT and HTTPS."""
import pathlib
import subprocess
import sys

from check import check, equal
from hub import env

DEMO = pathlib.Path(__file__).resolve().parents[3] / "demos" / "cut-off-a-line"
CLAIMS = 15  # lines that begin with ok


@check("300 devices of three lines: one line is refused and disconnected, the others are untouched")
def _():
    call = [sys.executable, str(DEMO), "--azimuth", env["AZIMUTH"], "--ready", env["HUB_READY"], "--devices", "300", "--sdk"]
    done = subprocess.run(call, capture_output=True, text=True, timeout=300)
    print(done.stdout, done.stderr, file=sys.stderr)
    wrong = [line.strip() for line in done.stdout.splitlines() if "NOT OK" in line]
    equal((done.returncode, wrong), (0, []), "the demonstration's end")
    equal(done.stdout.count("  ok  "), CLAIMS, "the number of things that it has looked at")
