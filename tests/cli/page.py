"""page.py - the blocks of a page of documentation, and how they are run: as a reader types them, one after the other, in
one shell, in a folder of its own."""
import contextlib
import os
import pathlib
import re
import shutil
import signal
import subprocess
import tempfile

from hub import AZIMUTH, ROOT, Skipped, check, environment

SECONDS_MAX = 600
SHELL = ("(eval ", "scripts/", "azimuth ", "curl ", "find ", "export ", "eval ", "$ ", "./dev ", "az ", "cp ", "keytool ", "node ", "npm ", "openssl ", "pip ", "printf ",
         "python3 ", "REQUESTS_", "TOKEN=")
# A network of its own, and names of hosts of its own.
NETWORKS = (["unshare", "--net", "--mount"], ["unshare", "--user", "--map-root-user", "--net", "--mount"])
MARK = "this failed"


class Block:
    """Lines indented by four spaces, or what stands between fences."""

    def __init__(self, line, text, language=None):
        self.line, self.text, self.language = line, text, language or ("sh" if text.startswith(SHELL) else "json" if
                                                                        text.startswith("{") else "text")

    def commands(self):
        """Without prompts and what is printed below them."""
        if not self.text.startswith("$ "):
            return self.text
        return "\n".join(line[2:] for line in self.text.splitlines() if line.startswith("$ "))


def blocks(path):
    found, lines, number = [], (ROOT / path).read_text(encoding="utf-8").splitlines(), 0
    while number < len(lines):
        first = number + 1
        if lines[number].startswith("```"):
            end = lines.index("```", number + 1)
            found.append(Block(first, "\n".join(lines[number + 1:end]), lines[number][3:]))
            number = end
        elif lines[number].startswith("    "):
            end = next((n for n in range(number, len(lines)) if not lines[n].startswith("    ")), len(lines))
            found.append(Block(first, "\n".join(line[4:] for line in lines[number:end])))
            number = end
        number += 1
    return found


def network():
    """The words that give a command a network of its own, in which the standard ports are free."""
    for words in NETWORKS:
        command = [*words, "sh", "-c", "ip link set lo up"]
        if shutil.which("unshare") and subprocess.run(command, capture_output=True, check=False).returncode == 0:
            return [*words, "sh", "-c", 'ip link set lo up && exec "$@"', "sh"]
    raise Skipped("the kernel grants no network of its own, where the standard ports are free")


class Page:
    """`begin`: what is done first; by a few words of a block: `before`: what somebody does who reads on, `shown`: what it
    prints (a pattern), `files`: what is done with $FILE, which is a block that is no command, `left`: why it is not
    run. `changed`: what a test cannot have as it is written, and what it has instead. What is in none of the tables
    and no command is a failure, and so is what the tables have and the page has not. `programs`: where those are that
    the page's commands name, before those of this machine."""

    def __init__(self, path, begin="", before=None, changed=None, shown=None, files=None, left=None, variables=None, programs=()):
        self.path, self.begin, self.before, self.changed = path, begin, before or {}, changed or {}
        self.shown, self.files, self.left, self.variables = shown or {}, files or {}, left or {}, variables or {}
        self.programs = ":".join(map(str, (AZIMUTH.parent, *programs, os.environ["PATH"])))
        self.used = set()

    def of(self, table, block):
        """What the table has for a block."""
        found = [words for words in table if words in block.text]
        self.used.update(found)
        return [table[words] for words in found]

    def text(self, block):
        text = block.commands()
        for old, new in self.changed.items():
            found = re.escape(old) + (r"(?!\w)" if old[-1].isalnum() else "")
            if re.search(found, text):
                self.used.add(old)
                text = re.sub(found, lambda _, new=new: new, text)
        return text

    def steps(self, block, folder):
        """The lines that run a block."""
        text = self.text(block)
        if block.language != "sh":
            file = pathlib.Path(folder) / f"{block.line}.{block.language}"
            file.write_text(text, encoding="utf-8")
            commands = self.of(self.files, block)
            check(commands, f"{self.path}:{block.line}: nobody knows what to do with it")
            return [f"FILE={file}", *commands]
        waits = [f"until azimuth hub routing show --data {data or 'azimuth-data'} >/dev/null 2>&1; do sleep 0.05; done"
                 for data in re.findall(r"^azimuth (?:serve|dev)(?: --data (\S+))?.*&$", text, re.MULTILINE)]
        return [text, *waits]

    def script(self, chosen, folder):
        lines = [self.begin, f"trap 'echo \"{MARK}: $BASH_COMMAND\"' ERR"]
        for block in chosen:
            lines += [*self.of(self.before, block), f"exec >{folder}/{block.line}.out 2>&1", *self.steps(block, folder)]
        lines.append("exec >/dev/null; kill $(jobs -p); wait")
        path = pathlib.Path(folder) / "page.sh"
        path.write_text("\n".join(lines) + "\n", encoding="utf-8")
        return path

    def run(self):
        """Runs its blocks, and looks at what each printed."""
        words = network()
        chosen = [block for block in blocks(self.path) if not self.of(self.left, block)]
        with tempfile.TemporaryDirectory(prefix="azm-page-", ignore_cleanup_errors=True) as folder:
            aside = tempfile.mkdtemp(dir=folder)
            run = subprocess.Popen([*words, "bash", self.script(chosen, aside)], cwd=folder, stdin=subprocess.DEVNULL,
                                   stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True,
                                   env=environment(PATH=self.programs, **self.variables))
            with run:
                try:
                    run.wait(SECONDS_MAX)
                except subprocess.TimeoutExpired:
                    pass  # which block it was is said below
                finally:
                    with contextlib.suppress(ProcessLookupError):
                        os.killpg(run.pid, signal.SIGKILL)
            self.judge(chosen, pathlib.Path(aside))
        unused = {*self.before, *self.changed, *self.shown, *self.files, *self.left} - self.used
        check(not unused, f"{self.path}: the test knows of what is not there: {', '.join(unused)}")
        return f"{len(chosen)} blocks"

    def judge(self, chosen, folder):
        for block in chosen:
            out = folder / f"{block.line}.out"
            check(out.exists(), f"{self.path}: the shell did not come to line {block.line}")
            printed = out.read_text(encoding="utf-8", errors="replace")
            check(MARK not in printed, f"{self.path}:{block.line}: {printed[-1500:]}")
            for pattern in self.of(self.shown, block):
                check(re.search(pattern, printed, re.DOTALL), f"{self.path}:{block.line}: no '{pattern}' in: {printed[-1500:]}")
