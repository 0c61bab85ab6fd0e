"""from_az.py - commands as somebody types them who comes from az."""
import json
import shlex

from hub import Group, Hub, check
from statuses import USAGE, expect

group = Group()
ABOUT = "-n somebody -g group --subscription sub --auth-type key --only-show-errors --verbose"
CHILLER = """-k '{"deviceContent":{"properties.desired.a":{"x":1}}}' -t "tags.a=1" """


def typed(hub, line):
    return hub.run(*shlex.split(line))


def answer(hub, line):
    done = typed(hub, line)
    check(done.status == 0, str(done))
    return json.loads(done.out or "null")


@group.case
def what_az_asks_for_and_nobody_needs_is_passed_over():
    with Hub() as hub:
        answer(hub, f"hub device-identity create -d d1 {ABOUT}")
        answer(hub, "dps enrollment create --dps-name dps -g group --eid e1 --at symmetricKey")
        check(answer(hub, "hub monitor-events -d d1 -y -r --to 1 -e 1000 -p sys app") is None, "there are events")
        expect(typed(hub, "hub monitor-events -p sys other"), USAGE, "other")
        for lists in ("hub query -q 'select * from devices' --top -1", "hub device-twin list"):
            check(len(answer(hub, lists)) == 1, lists)


@group.case
def truths_stand_alone_or_are_said():
    with Hub() as hub:
        for line, edge in (("-d e1 --ee", True), ("--ee -d e2", True), ("-d e3 --edge-enabled true", True), ("-d e4 --ee=false", False),
                           ("-d e5 --ee False", False)):
            made = answer(hub, f"hub device-identity create {line}")
            check(made["capabilities"]["iotEdge"] is edge, f"{line}: {made}")
        expect(typed(hub, "hub device-identity create -d e6 --ee maybe"), USAGE, "true or false")
        for line, count in (("", 5), ("--ee", 3), ("--edge-enabled true", 3), ("--ee=true", 3), ("--ee false", 5)):
            got = answer(hub, f"hub device-twin list {line}")
            check(len(got) == count, f"{line}: {len(got)}")
        expect(typed(hub, "hub device-twin list --ee=maybe"), USAGE, "--ee takes no value but true and false")
        check(answer(hub, """edge deployment create -d l1 -k '{"modulesContent":{"m":{"properties.desired.x":{}}}}' --tc '*' --layered true""")["id"] == "l1", "no deployment")


@group.case
def members_are_set_by_their_path():
    with Hub() as hub:
        answer(hub, "hub device-identity create -d d1")
        answer(hub, "hub module-identity create -d d1 -m m1")
        got = answer(hub, "hub device-identity update -d d1 --set status=disabled statusReason='out of order' --set capabilities.iotEdge=true")
        check((got["status"], got["statusReason"], got["capabilities"]["iotEdge"]) == ("disabled", "out of order", True), str(got))
        got = answer(hub, """hub device-twin update -d d1 --set tags.place='north wing' properties.desired.rate.s=5 --tags '{"floor": 2}'""")
        check(got["tags"] == {"floor": 2, "place": "north wing"}, str(got))
        got = answer(hub, """hub device-twin update -d d1 --set tags='{"place": {"hall": 1}}'""")
        check(got["tags"] == {"floor": 2, "place": {"hall": 1}}, str(got))
        check(got["properties"]["desired"]["rate"] == {"s": 5}, str(got))
        got = answer(hub, "hub module-twin update -d d1 -m m1 --set properties.desired.x=null properties.desired.y=text")
        check(got["properties"]["desired"]["y"] == "text" and "x" not in got["properties"]["desired"], str(got))
        for path in ("properties.reported.x=1", "status=enabled", "deviceId=d2"):
            expect(typed(hub, f"hub device-twin update -d d1 --set {path}"), USAGE, "tags or properties.desired")
        expect(typed(hub, "hub device-twin update -d d1 --set tags.a"), USAGE, "PATH=VALUE")
        expect(typed(hub, "hub device-twin update -d d1"), USAGE, "nothing to change")
        got = answer(hub, f"hub configuration create -c c1 {CHILLER} --pri 3 --cl team='plant one' line=4 --cmq \"m=SELECT deviceId FROM devices\"")
        check((got["targetCondition"], got["labels"]) == ("tags.a=1", {"team": "plant one", "line": "4"}), str(got))
        check(got["metrics"]["queries"] == {"m": "SELECT deviceId FROM devices"}, str(got))
        got = answer(hub, "hub configuration update -c c1 --set priority=10 labels.line=five targetCondition='tags.b=1'")
        check((got["priority"], got["labels"]["line"], got["targetCondition"]) == (10, "five", "tags.b=1"), str(got))
        expect(typed(hub, f"hub configuration create -c c2 {CHILLER} --cl team"), USAGE, "NAME=TEXT")


@group.case
def children_are_words_or_a_list():
    with Hub() as hub:
        answer(hub, "hub device-identity create -d top --ee")
        for name in "abcd":
            answer(hub, f"hub device-identity create -d {name}")
        for words in ("--child-list a b", "--cl c,d"):
            check(typed(hub, f"hub device-identity children add -d top {words}").status == 0, words)
        check(sorted(row["deviceId"] for row in answer(hub, "hub device-identity children list -d top")) == list("abcd"), "they are not there")
        typed(hub, "hub device-identity children remove -d top --cl b c d")
        check([row["deviceId"] for row in answer(hub, "hub device-identity children list -d top")] == ["a"], "they are still there")


@group.case
def connection_strings_have_either_key():
    with Hub() as hub:
        device = answer(hub, "hub device-identity create -d d1")
        answer(hub, "hub module-identity create -d d1 -m m1")
        keys = device["authentication"]["symmetricKey"]
        for words, key in (("", "primaryKey"), ("--kt primary", "primaryKey"), ("--key-type secondary", "secondaryKey")):
            for verb in ("connection-string show", "show-connection-string"):
                text = answer(hub, f"hub device-identity {verb} -d d1 {words}")["connectionString"]
                check(text.endswith(f"SharedAccessKey={keys[key]}") or f"SharedAccessKey={keys[key]};" in text, text)
        for line in ("hub module-identity connection-string show -d d1 -m m1", "hub connection-string show --pn service", "dps connection-string show",
                     "hub show-connection-string"):
            first, second = (answer(hub, f"{line} --kt {kind}")["connectionString"] for kind in ("primary", "secondary"))
            check(first != second and first.split("SharedAccessKey=")[0] == second.split("SharedAccessKey=")[0], f"{line}: {first} {second}")
            expect(typed(hub, f"{line} --kt third"), USAGE, "primary or secondary")
        check(answer(hub, "hub connection-string show --default-eventhub")["connectionString"].startswith("Endpoint=sb://"), "no event hub's")
        answer(hub, "hub device-identity create -d x1 --am x509_ca")
        expect(typed(hub, "hub device-identity connection-string show -d x1 --kt secondary"), 3, "no secondary key")


@group.case
def keys_of_a_groups_devices_are_computed_where_the_group_is():
    with Hub() as hub:
        answer(hub, "dps enrollment-group create --dps-name dps -g group --eid line")
        answer(hub, "dps enrollment-group create --eid papers --cp " + str(hub.ca))
        key = answer(hub, "dps enrollment-group show --eid line --show-keys")["attestation"]["symmetricKey"]["primaryKey"]
        compute = "dps enrollment-group compute-device-key"
        here, there = (typed(hub, line) for line in (f"{compute} --key {key} --rid press-1", f"{compute} --dps-name dps -g group --eid line --rid press-1"))
        check(here.status == there.status == 0 and len(here.out) == 45 and here.out == there.out, f"{here} {there}")
        for words, status in (("--rid press-1", USAGE), ("--eid line", USAGE), ("--eid nobody --rid press-1", 3), ("--eid papers --rid press-1", 3)):
            expect(typed(hub, f"{compute} {words}"), status)


@group.case
def formats_of_az_are_known():
    with Hub() as hub:
        done = typed(hub, "hub device-identity create -d d1 -o none")
        check((done.status, done.out, done.error) == (0, "", ""), str(done))
        for ours, theirs in (("json", "jsonc"), ("yaml", "yamlc")):
            got = [typed(hub, f"hub device-identity show -d d1 -o {form}").out for form in (ours, theirs)]
            check(got[0] and got[0] == got[1], str(got))
        expect(typed(hub, "hub device-identity show -d d2 -o none"), 3, "d2")
