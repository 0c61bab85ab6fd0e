"""action.py - what a runner of GitHub does with packaging/github-action/action.yml: its steps one after the other, with the
inputs' values, and what each says to the steps that follow."""
import pathlib
import re

ACTION = pathlib.Path(__file__).resolve().parent.parent.parent / "packaging/github-action/action.yml"


def scalar(text):
    text = text.strip()
    return text[1:-1] if text[:1] in "'\"" and text[-1:] == text[:1] else text


def block(text, name):
    """The lines below a key at the margin of `text`, or at two spaces."""
    found = re.search(rf"^( *){name}:\n((?:\1 +.*\n|\n)*)", text, re.MULTILINE)
    return found[2] if found else ""


def inputs(given):
    """Those of the action, with what was given or their defaults."""
    text = ACTION.read_text(encoding="utf-8")
    names = re.findall(r"^  (\w+):\n(?:    .*\n)*?    default: (.*)$", block(text, "inputs"), re.MULTILINE)
    unknown = set(given) - {name for name, _ in names}
    assert not unknown, f"the action has no {unknown}"
    return {name: given.get(name, scalar(default)) for name, default in names}


def steps(**given):
    """[(id, script, variables)] of the steps that run with these inputs. What this reader does not know fails."""
    values, found = inputs(given), []
    text = block(ACTION.read_text(encoding="utf-8"), "steps")
    for part in re.split(r"^    - ", text, flags=re.MULTILINE)[1:]:
        part = re.sub(r"^ *#.*\n", "", part, flags=re.MULTILINE)
        keys = dict(re.findall(r"^(?:      )?(\w+): (.+)$", part, re.MULTILINE))
        variables = dict(re.findall(r"^        (\w+): (.+)$", block(part, "env"), re.MULTILINE))
        assert keys.get("shell") == "bash" and "run" in keys and not set(keys) - {"if", "id", "shell", "run", *variables}, f"a step that is not known: {part}"
        condition = re.fullmatch(r"inputs\.(\w+) != ''", keys.get("if", "inputs.always != ''"))
        if (values | {"always": "yes"})[condition[1]] == "":
            continue
        environment = {name: re.sub(r"\$\{\{ inputs\.(\w+) \}\}", lambda m: values[m[1]], scalar(value)) for name, value in variables.items()}
        found.append((keys.get("id"), scalar(keys["run"]), environment))
    return found


def outputs():
    """{name: (step's id, its output)} that the action promises."""
    text = block(ACTION.read_text(encoding="utf-8"), "outputs")
    return dict((name, (step, output)) for name, step, output in
                re.findall(r"^  (\w+):\n(?:    .*\n)*?    value: \$\{\{ steps\.(\w+)\.outputs\.(\w+) \}\}", text, re.MULTILINE))
