"""pages.py - the blocks of README and docs/ do what they say (page.py)."""
import re
import subprocess

from hub import ROOT, Group, Skipped, check
from page import Page, blocks

group = Group()
FAST = {"AZIMUTH_CAPTURE_SECOND_US": "20000"}  # a minute is 1.2 s
# Pages whose commands no test runs, and why.
LEFT = {"docs/benchmarks.md": "./dev bench takes an hour", "docs/security/hardening.md": "./dev security is a suite of its own"}
CONFORMANCE = ROOT / "build" / "conformance"
DRY = "azimuth hub routing apply -f $FILE --dry-run"
# A server with these options becomes ready.
SERVES = """serves() {
    : >served
    azimuth serve --data "$(mktemp -d -p .)" --mqtt-port 0 --amqp-port 0 --https-port 0 --console off "$@" >>served &
    local server=$!
    while ! grep -q '"ready"' served && kill -0 $server; do sleep 0.05; done
    kill $server
    wait $server
    grep -q '"ready"' served
}
"""


@group.case
def the_page_on_replay_does_what_it_says():
    return Page(
        "docs/tutorials/replay.md",
        variables=FAST,
        before={"find plant": "until azimuth hub replay --source plant/capture/archive --dry-run 2>&1 | grep -q 'read.: 1000'; "
                              "do sleep 0.2; done"},
        changed={"--rate 5": "--rate 200",
                 "--from 2026-01-31T12:00:00Z --to 2026-01-31T12:10:00Z":
                     '--from "$(date -u -d -1hour +%FT%TZ)" --to "$(date -u -d +1hour +%FT%TZ)"'},
        shown={"device simulate": r'"acknowledged": 1000.*"temperature": \d',
               "find plant": r'archive/.*\.avro\n.*"read": 1000,.*"iothub-connection-device-id": "press-\d"',
               "-d 'press-1,press-2'": r'"replayed": 1000,.*"matched": (\d+),.*"replayed": \1,.*"seconds": (0\.[1-9]|[1-9])',
               "--as-devices": r'"replayed": 1000,\s+"refused": 0',
               "--source-event-hub": r'"replayed": [1-9]\d*',
               "--resume": r'"replayed": 1000,.*"complete": true'},
    ).run()


@group.case
def the_page_on_operation_does_what_it_says():
    secret = "c2VjcmV0"
    return Page(
        "docs/how-to/operate.md",
        begin=f"""{SERVES}
{ROOT}/tests/conformance/issue . line-b line-b self ca
azimuth serve --outgoing-ca line-b.pem &
azimuth serve --data far --bind 127.0.0.2 --hostname 127.0.0.2 --console off &
for data in azimuth-data far; do until azimuth hub routing show --data $data >/dev/null 2>&1; do sleep 0.05; done; done
for name in staging again; do azimuth eventhub create -n $name; done >/dev/null
azimuth hub device-identity create -d press-1 >/dev/null
""",
        before={"eventhub create -n orders --partition-count": "azimuth eventhub delete -n orders",
                "replay --source azimuth-data": """azimuth hub capture create --folder archive --capture-interval 60 >/dev/null
azimuth device send-d2c-message -d press-1 --da '{"n":1}' -p level=critical >/dev/null
azimuth device send-d2c-message -d press-1 --da '{"n":2}' -p level=hot >/dev/null
until azimuth hub capture show | grep -q '"events": 1'; do sleep 0.1; done
until azimuth hub replay --source-event-hub orders -n again --dry-run 2>&1 | grep -q 'read.: 1'; do sleep 0.1; done
STAGING=$(azimuth connection-string --policy iothubowner --data far)
cp -r azimuth-data/capture/archive .
"""},
        variables=FAST,
        changed={"SharedAccessKey=...": f"SharedAccessKey={secret}", "sb://...;...;": f"sb://far.example;SharedAccessKeyName=send;SharedAccessKey={secret};",
                 '"primaryKey": "...", "secondaryKey": "..."': f'"primaryKey": "{secret}", "secondaryKey": "{secret}"',
                 "-----BEGIN CERTIFICATE-----\\n...": "-----BEGIN CERTIFICATE-----\\nMIIB\\n-----END CERTIFICATE-----\\n",
                 "AccountKey=..": f"AccountKey={secret}", "AccountName=..": "AccountName=plant",
                 "--from 2026-01-31T12:00:00Z --to 2026-01-31T12:10:00Z":
                     '--from "$(date -u -d -1hour +%FT%TZ)" --to "$(date -u -d +1hour +%FT%TZ)"',
                 '--login "$STAGING"': '--login "$STAGING" --ca far/ca.pem',
                 "'HostName=...' --ca ca.pem": "\"$(azimuth connection-string --policy iothubowner)\" --ca azimuth-data/ca.pem"},
        files={'{"webhooks"': DRY, '{"mqtt"': DRY, '{"cosmosDBSqlContainers"': DRY, '{"kafka"': DRY, '{"storageContainers"': DRY,
               "tier: S1": "serves --config $FILE", "events:\n": "serves --config $FILE", "enrollments:\n": "azimuth apply -f $FILE", "devices:\n": "serves --seed $FILE",
               "routing:\n": "serves --seed $FILE", "eventHubs:\n": "serves --seed $FILE", "diagnosticSettings:\n": "serves --seed $FILE",
               "configurations:\n": "serves --seed $FILE",
               "profile: lab": """mkdir -p home/.config/azimuth elsewhere
sed "s|HostName=.*|$(azimuth connection-string --policy iothubowner)|; s|/home/me/lab.pem|$PWD/azimuth-data/ca.pem|; s|https://lab.example|https://localhost|" \\
    $FILE >home/.config/azimuth/config.yaml
(cd elsewhere; HOME=$PWD/../home azimuth hub device-identity list)"""},
        left={"az iot hub state export": "the tutorial that leaves Azure runs it"},
        shown={"openapi.json": r'"openapi"', "message-route test": r'"result": "true"', "eventhub list": r'"orders"',
               "device-identity list": r"press-1", "profile: lab": r"press-1", "--source-event-hub orders": r'("replayed": 1,.*){3}'},
    ).run()


@group.case
def the_page_on_refusals_does_what_it_says():
    stale = "SharedAccessSignature sr=localhost%2Fdevices%2Fpress-4&sig=" + "A" * 43 + "%3D&se=1700000000"
    return Page(
        "docs/reference/why.md",
        begin=f"""azimuth serve --console off &
until azimuth hub device-identity create -d press-4 >/dev/null 2>&1; do sleep 0.05; done
curl -s --cacert azimuth-data/ca.pem -H 'Authorization: {stale}' -d x \\
    'https://localhost/devices/press-4/messages/events?api-version=2021-04-12' >/dev/null
""",
        changed={"hub.example --ca ca.pem": "localhost --ca azimuth-data/ca.pem", "--refused --watch": "--refused --watch --since 1h --count 1"},
        shown={"azimuth why press-4": r'The token of press-4 had run out \d+ days before.*"cause": "C131"',
               "--cause C131": r'"cause": "C131"', "doctor --from-device": r'"check": "mqtt",\s+"state": "ok"'},
    ).run()


@group.case
def the_page_on_the_console_does_what_it_says():
    return Page(
        "docs/reference/console.md",
        begin="""azimuth serve --console 127.0.0.1:8443 &
until azimuth hub device-identity create -d dev1 >/dev/null 2>&1; do sleep 0.05; done
for session in 1 2; do
    curl -s --cacert azimuth-data/ca.pem -H 'Content-Type: application/json' \
        -d "{\\"token\\":\\"$(azimuth console link | sed 's/.*token=//')\\"}" https://localhost:8443/admin/v1/session >/dev/null
done
first() { azimuth session list --query '[0].number' -o tsv; }
""",
        changed={"session end 7": 'session end "$(first)"', "sessions/7": 'sessions/$(first)', "DIR/": "azimuth-data/"},
        shown={"session list": r'"one-time link"', "azimuth user create": r"maria", "azimuth hub query": r"\[\]"},
        files={**dict.fromkeys(("> {", '{"id":"dev1"', '{"value":[{"sequence"', '{"from":"'), ": what the console and the server say")},
        left={"--oidc-issuer": "tests/console signs in by a provider"},
    ).run()


def node():
    subprocess.run([ROOT / "tests" / "conformance" / "clients", "node"], check=True)
    if (CONFORMANCE / "missing-node").exists():
        raise Skipped((CONFORMANCE / "missing-node").read_text().strip())
    return next((CONFORMANCE / "node" / "node_modules").glob("node-linux-*/bin/node"))


@group.case
def the_first_five_minutes_go_as_the_readme_says():
    program = node()
    return Page(
        "README.md",
        variables={"NODE_PATH": str(CONFORMANCE / "node" / "node_modules")},
        changed={"./dev build": ":", "azimuth dev": "azimuth dev &"},
        files={"azure-iot-device-mqtt": f"{program} $FILE",
               "earliestEventPosition": f"timeout 60 {program} $FILE | grep -q 'temperature: 21.5'"},
        shown={"azimuth dev": r'"event":"ready"', "device-identity create": r"HostName=azimuth\.localhost;DeviceId=my-device;"
                                                                           r"SharedAccessKey=.*;GatewayHostName=localhost"},
        left={"./dev run": "this is what tests it"},
    ).run()


@group.case
def every_page_with_commands_is_run_by_a_test():
    said = "".join(path.read_text(encoding="utf-8") for path in (ROOT / "tests").rglob("*.py"))
    run = set(re.findall(r'Page\(\s*"([^"]+)"', said))
    pages = {str(path.relative_to(ROOT)) for path in (ROOT / "README.md", *(ROOT / "docs").rglob("*.md"), *(ROOT / "packaging").rglob("*.md"))}
    wanting = {page for page in pages if any(block.language == "sh" for block in blocks(page)) and page not in run}
    check(wanting == set(LEFT), f"{sorted(wanting)} have commands, and {sorted(LEFT)} are left out")
