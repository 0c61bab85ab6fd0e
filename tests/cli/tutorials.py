"""tutorials.py - docs/tutorials are done as they are written, with unmodified SDKs where they name one."""
import subprocess

from hub import ROOT, Group, Skipped
from page import Page

group = Group()
CONFORMANCE = ROOT / "build" / "conformance"
DEMOS = f"cp -r {ROOT}/demos ."
ALONE = "--mqtt-port 0 --amqp-port 0 --https-port 0 --console off"
# What a test has installed already.
INSTALLED = {"npm install azure-iot-device azure-iot-device-mqtt": ":", "sdk/bin/pip install azure-iot-device": ":", "sdk/bin/pip install azure-iot-hub": ":",
             "python3 -m venv sdk": f"ln -s {CONFORMANCE}/python sdk"}
# What an installation leaves at its end. Where it lies, a client is installed: its newest version is the business of
# tests/conformance.
PROOF = ".installed"
ACKNOWLEDGED = "acknowledged: the message is on disk"


def clients(*names):
    """Where the programs are that have these SDKs, and the variables with which they find them."""
    wanted = [name for name in names if not (CONFORMANCE / name / PROOF).exists()]
    subprocess.run([ROOT / "tests/conformance/clients", *wanted], check=True)
    for name in wanted:
        if (CONFORMANCE / f"missing-{name}").exists():
            raise Skipped((CONFORMANCE / f"missing-{name}").read_text().strip())
    modules = CONFORMANCE / "node/node_modules"
    programs = [program.parent for program in modules.glob("node-linux-*/bin/node")] + [CONFORMANCE / "python/bin"]
    return {"programs": programs, "variables": {"NODE_PATH": str(modules), "JARS": str(CONFORMANCE / "java/lib/*")}}


def installed(*packages):
    return {line: INSTALLED[line] for line in INSTALLED if line.split()[-1] in packages}


@group.case
def the_first_message_in_five_minutes():
    return Page(
        "docs/tutorials/first-message.md", begin=DEMOS, **clients("node", "python"),
        changed={"./dev build": ":", "azimuth dev": "azimuth dev &", **installed("azure-iot-device-mqtt", "azure-iot-device", "sdk"),
                 ";GatewayHostName=localhost'": ";GatewayHostName=localhost' || true"},
        shown={"connection-string -d": r"DeviceId=my-device;SharedAccessKey=",
               "node demos": ACKNOWLEDGED, "python3 demos": ACKNOWLEDGED, "--count 1": r"21\.5",
               "--count 3": r'(?=.*"from": "node")(?=.*"from": "python").*21\.5', "azimuth why": r"C13\d|key"},
    ).run()


@group.case
def firmware_is_pointed_here():
    return Page(
        "docs/tutorials/firmware.md", **clients("node", "python", "java"),
        begin=f"""{DEMOS}
echo '127.0.0.1 localhost azimuth.localhost hub.example' >hosts
mount --bind hosts /etc/hosts""",
        shown={"connection-string -d": r"(?m)^HostName=hub\.example;DeviceId=press-1;SharedAccessKey=[^;]*$", "doctor": r'"check": "mqtt",\s+"state": "ok"',
               "SSL_CERT_FILE=": ACKNOWLEDGED, "node demos": ACKNOWLEDGED, "Device.java": ACKNOWLEDGED,
               "--count 4": r'(?=.*"from": "python")(?=.*"from": "node")(?=.*"from": "java").*24\.5'},
        left={"IoTHubDeviceClient_LL_SetOption": "the SDK for C is not to be had", "az_iot_hub_client_init": "nor that for embedded C",
              "server_verification_cert": "demos/first-message/device.py has it", "client.setOptions": "the suites of Node have it",
              "update-ca-certificates": "it changes the machine"},
    ).run()


@group.case
def a_twin_and_a_method():
    return Page(
        "docs/tutorials/twin-and-method.md", begin=DEMOS, **clients("node", "python"), changed=installed("azure-iot-device-mqtt", "azure-iot-hub", "sdk"),
        before={"--desired '{\"interval\":10}'": "until grep -q listening oven.log; do sleep 0.05; done",
                "properties.{wanted": "until grep -q '\"interval\":10' oven.log; do sleep 0.05; done",
                "job create": "until azimuth hub query -q 'SELECT * FROM devices.jobs' >/dev/null; do sleep 0.05; done"},
        shown={"properties.{wanted": r'"wanted": 10,\s+"is": 10', "azimuth hub query": r'"deviceId": "oven"',
               "invoke-device-method": r'"rebooting": true', "back_end.py": r"desired: 20\nthe device says: 200 \{'rebooting': True\}",
               "job create": r'"jobId": "faster"'},
    ).run()


@group.case
def zero_touch_with_certificates():
    return Page(
        "docs/tutorials/zero-touch.md", begin=DEMOS, **clients("python"), changed=installed("azure-iot-device", "sdk"),
        shown={"zero-touch/device.py": r"registration: assigned\nassigned: press-1 at localhost\ndesired: \{'interval': 10",
               "registration list": r'"deviceId": "press-1"', "{tags: tags": r'"line": "4".*"desired": 10', "--dry-run": r"press-1"},
    ).run()


@group.case
def leaving_azure_with_the_registry():
    return Page(
        "docs/tutorials/leave-azure.md",
        begin=f"""azimuth serve --data old {ALONE} &
until azimuth hub device-identity create -d press-1 --data old >/dev/null 2>&1; do sleep 0.05; done
azimuth hub device-twin update -d press-1 --tags '{{"line":"4"}}' --data old >/dev/null
azimuth hub message-route create --rn hot -t DeviceMessages --en events -c "level = 'hot'" --data old >/dev/null""",
        changed={"az iot hub state export -n my-hub": "azimuth hub state export --data old"},
        shown={"length(@)": r"(?m)^1$", "connection-string -d": r"DeviceId=press-1", "--count 1": "from the old fleet",
               "message-route list": r'"hot"'},
    ).run()


# A device that says which firmware it has and sends until somebody ends it.
SENDER = """import os, ssl, time
from azure.iot.device import IoTHubDeviceClient, Message
ca = open("azimuth-data/ca.pem").read()
client = IoTHubDeviceClient.create_from_connection_string(os.environ["IOTHUB_DEVICE_CONNECTION_STRING"], server_verification_cert=ca)
client.connect()
client.patch_twin_reported_properties({"fw": "2.1"})
while True:
    client.send_message(Message("{}"))
    time.sleep(0.1)
"""


@group.case
def the_script_of_the_command_line_does_what_it_says():
    return Page(
        "docs/reference/cli.md", **clients("python"),
        begin=f"""cat >send.py <<'END'
{SENDER}END
azimuth serve --console off &
until azimuth hub device-identity create -d dev1 >/dev/null 2>&1; do sleep 0.05; done
azimuth hub device-twin update -d dev1 --tags '{{"site":"north"}}'""",
        changed={"python send.py": "python3 send.py"},
        files={"deviceId,status": "cp $FILE devices.csv\nazimuth hub device-identity import --file devices.csv --data azimuth-data\nazimuth hub device-identity show -d press-2"},
        shown={"azimuth wait": r'("origin":"dev1".*){10}', "deviceId,status": r'"status": "disabled"'},
    ).run()
