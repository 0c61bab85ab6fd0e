#!/usr/bin/env python3
"""manpages.py PROGRAM DIR: manual pages out of what `azimuth --help` says on each level, so that there is
nothing to keep in step: azimuth(1), a page for each first word of the verbs, azimuth.yaml(5)."""
import os
import pathlib
import re
import subprocess
import sys
import time

NAMES = r"-{1,2}[a-zA-Z0-9-]+"
OPTION = re.compile(rf"^  ({NAMES}(?:, {NAMES})*)(?: ([A-Z][A-Z0-9_|:=.]*))?(?:\s+(\S.*))?\s*$")
FURTHER = re.compile(r"^ {20,}(\S.*)$")
VERB = re.compile(r"^  (\S+(?: [a-z0-9-]+)*)  +(\S.*)$")
TITLE = re.compile(r"^[a-z][a-z ]*:$")
OWN = "options"
STATUSES = (("0", "done"), ("1", "failed"), ("2", "wrong usage"), ("3", "not found"), ("4", "refused"), ("5", "timed out"),
            ("6", "a conflict, or somebody was faster"))
FILES = (("/etc/azimuth/azimuth.yaml", "options of the service; see azimuth.yaml(5)"),
         ("/var/lib/azimuth", "what the service keeps; meant where there is no ./azimuth-data, by who may open its socket"),
         ("./azimuth-data", "the same of a server that was started by hand, unless --data said otherwise"),
         ("~/.config/azimuth/config.yaml", "profiles: hubs by name"))
ENVIRONMENT = (("AZIMUTH_CONNECTION_STRING, IOTHUB_CONNECTION_STRING", "the hub, and as whom"),
               ("AZIMUTH_DATA", "the directory of a server on this machine"),
               ("AZIMUTH_CA, NODE_EXTRA_CA_CERTS", "certificates to trust (PEM)"), ("AZIMUTH_PROFILE", "a profile"),
               ("AZIMUTH_DIAL_HTTPS_PORT, AZIMUTH_DIAL_MQTT_PORT, AZIMUTH_DIAL_AMQP_PORT",
                "ports of the hub that a connection string here names"),
               ("NO_COLOR", "no colours"))


def roff(text):
    """Text as it is: no macro at its start, no escape within."""
    text = text.replace("\\", "\\e").replace("-", "\\-").replace("~", "\\(ti").replace("^", "\\(ha")
    return "\\&" + text if text[:1] in (".", "'") else text


class Page:
    def __init__(self, name, section, summary, version):
        when = time.strftime("%Y-%m-%d", time.gmtime(int(os.environ.get("SOURCE_DATE_EPOCH", time.time()))))
        self.file, self.name = f"{name}.{section}", name
        self.lines = [f'.TH {name.upper()} {section} {when} "azimuth {version}" azimuth', ".nh", ".ad l"]
        self.heading("NAME").text(f"{name} - {summary}")

    def heading(self, title):
        self.lines.append(f".SH {title}")
        return self

    def part(self, title):
        self.lines.append(f".SS {roff(title)}")
        return self

    def text(self, text):
        if self.lines[-1][:3] not in (".SH", ".SS"):
            self.lines.append(".PP")
        self.lines.append(roff(text))
        return self

    def as_is(self, lines):
        if not self.lines[-1].startswith(".SH"):
            self.lines.append(".PP")
        self.lines += [".nf", *map(roff, lines), ".fi"]

    def term(self, head, text):
        self.lines += [".TP", f".B {roff(head)}", roff(text) or "\\&"]

    def write(self, folder):
        (folder / self.file).write_text("\n".join(self.lines) + "\n")


def ask(program, *words):
    return subprocess.run([program, *words, "--help"], capture_output=True, text=True, check=True).stdout.splitlines()


def blocks(lines):
    """Titles with their options, and what is said outside of them: [(title, [(head, value, help)])], [line]."""
    found, said, within = [], [], False
    for line in lines:
        option, further = OPTION.match(line), FURTHER.match(line)
        if TITLE.match(line) and line != "placeholders:":
            found.append((line[:-1], []))
            within = True
        elif option and (within or not found):
            if not found:
                found.append((OWN, []))
            within = True
            found[-1][1].append([option[1], option[2] or "", option[3] or ""])
        elif within and further:
            entry = found[-1][1][-1]
            entry[2] = f"{entry[2]} {further[1]}".strip()
        else:
            within = within and not line.strip()
            said.append(line)
    return found, said


def put_options(page, options):
    for names, value, text in options:
        page.term(f"{names} {value}".strip(), text)


def put_said(page, lines):
    """Prose and examples behind the options: as it was laid out."""
    while lines and not lines[0].strip():
        lines = lines[1:]
    while lines and not lines[-1].strip():
        lines = lines[:-1]
    if lines:
        page.as_is(lines)


def verbs_page(program, first, verbs, version):
    page = Page(f"azimuth-{first}", 1, f"azimuth's verbs {first} ..." if len(verbs) > 1 else verbs[0][1].rstrip("."),
                version)
    common = {}
    page.heading("SYNOPSIS")
    page.as_is([ask(program, *words.split())[0].removeprefix("usage: ") for words, _ in verbs])
    page.heading("VERBS" if len(verbs) > 1 else "DESCRIPTION")
    for words, _ in verbs:
        found, said = blocks(ask(program, *words.split()))
        if len(verbs) > 1:
            page.part(words)
        summary, *tail = [line for line in said[1:] if line.strip()]
        page.text(summary)
        own = [options for title, options in found if title == OWN]
        put_options(page, [option for options in own for option in options])
        common |= {title: options for title, options in found if title != OWN}
        put_said(page, [line for line in said[said.index(summary) + 1:] if not is_about_where(line)] if tail else [])
    for title, options in common.items():
        page.heading("OPTIONS: " + title.upper() if title != "and" else "OPTIONS: GENERAL")
        put_options(page, options)
    page.heading("SEE ALSO").text("azimuth(1), which has the statuses and what says where the hub is")
    return page


def is_about_where(line):
    return line.startswith(("Without --login", "the profile ~/.config"))


def server_page(program, verb, version):
    found, said = blocks(ask(program, verb))
    page = Page(f"azimuth-{verb}", 1, said[2].rstrip(".").lower()[:1] + said[2].rstrip(".")[1:], version)
    page.heading("SYNOPSIS").text(f"azimuth {verb} [OPTION...]")
    page.heading("DESCRIPTION").text(said[2])
    page.text(" ".join(line for line in said[3:] if line.strip()))
    page.heading("OPTIONS")
    for _, options in found:
        put_options(page, options)
    page.heading("SIGNALS")
    page.term("SIGTERM, SIGINT", "drains and ends with 0; a second one ends at once")
    page.term("SIGHUP", "reads the configuration and the certificates again")
    page.heading("SEE ALSO").text("azimuth(1), azimuth.yaml(5)")
    return page


def yaml_page(program, version):
    found, _ = blocks(ask(program, "serve"))
    page = Page("azimuth.yaml", 5, "options of azimuth serve in a file", version)
    page.heading("DESCRIPTION").text("A YAML map. Each option of azimuth-serve(1) is a key; what may be said more than "
                                     "once is a list. Flags win over the environment, the environment over the file.")
    page.as_is(["hostname:", "  - hub.example.com", "bind:", "  - 0.0.0.0", "retention: 7d"])
    page.heading("KEYS")
    for names, value, text in (option for _, options in found for option in options):
        if names.lstrip("-") not in ("config", "help"):
            page.term(f"{names.lstrip('-')}: {value or 'true'}", text)
    page.heading("SEE ALSO").text("azimuth-serve(1)")
    return page


def overview(verbs, pages, version):
    page = Page("azimuth", 1, "Azure IoT that you run yourself", version)
    page.heading("SYNOPSIS").text("azimuth VERB [OPTION...]").text("azm VERB [OPTION...]")
    page.heading("DESCRIPTION").text("One program is the hub and the command line. Verbs and options are named as in az iot. "
                                     "The command line finds a hub by --login, --data, --profile, the environment, a "
                                     "profile, or the server of ./azimuth-data, in this order.")
    page.text("First steps: azimuth dev, or with the service: azimuth console link --data /var/lib/azimuth.")
    page.heading("VERBS")
    for words, summary in verbs:
        page.term(words, summary)
    for title, rows in (("EXIT STATUS", STATUSES), ("ENVIRONMENT", ENVIRONMENT), ("FILES", FILES)):
        page.heading(title)
        for head, text in rows:
            page.term(head, text)
    page.heading("SEE ALSO").text(", ".join(f"{other.name}({other.file[-1]})" for other in pages))
    return page


def main():
    program, folder = sys.argv[1], pathlib.Path(sys.argv[2])
    folder.mkdir(parents=True, exist_ok=True)
    version = subprocess.run([program, "--version"], capture_output=True, text=True, check=True).stdout.split()[1]
    verbs = [VERB.match(line).groups() for line in ask(program) if VERB.match(line)]
    groups = {}
    for words, summary in verbs:
        groups.setdefault(words.split()[0], []).append((words, summary))
    pages = [server_page(program, first, version) if first in ("serve", "dev") else
             verbs_page(program, first, rows, version) for first, rows in sorted(groups.items())]
    pages.append(yaml_page(program, version))
    for page in [overview(verbs, pages, version), *pages]:
        page.write(folder)
    (folder / "azm.1").symlink_to("azimuth.1")


if __name__ == "__main__":
    main()
