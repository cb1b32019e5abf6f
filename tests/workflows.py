#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""workflows.py BINARY CACHE: GitHub's and GitLab's own schemas take what this repository gives them: its workflows, its action, its component,
and the examples in docs/cases/ci.md; they refuse a broken copy of each. Shell in them passes shellcheck, where that is installed."""
import os
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from python_index import need

root = Path(__file__).resolve().parent.parent
cache = Path(sys.argv[2]) / "check-jsonschema"
need(f"{cache}/check_jsonschema-*.dist-info", "install", "-q", "--target", str(cache), "check-jsonschema")
sys.path.append(str(cache))
from ruamel.yaml import YAML  # noqa: E402, which comes with it

# Inputs of a component stand where a value will; what stands before its `---` is not a job.
component_job = re.sub(r"\$\[\[ *inputs\.(\w+)[^\]]*\]\]", r"\1", (root / "templates/torchlathe.yml").read_text().split("\n---\n")[1])
examples = re.findall(r"```yaml\n(.*?)```", (root / "docs/cases/ci.md").read_text(), re.S)
jobs, = [example for example in examples if example.startswith("jobs:")]
included, = [example for example in examples if example.startswith("include:")]
checked = [(path.name, "github-workflows", path.read_text()) for path in sorted((root / ".github/workflows").glob("*.yml"))] + [
    ("action.yml", "github-actions", (root / "action.yml").read_text()),
    ("the component", "gitlab-ci", component_job),
    ("ci.md, GitHub", "github-workflows", "on: push\n" + jobs),
    ("ci.md, GitLab", "gitlab-ci", included),
]
# What breaks each of them: a key that is misspelt, or gone.
broken = {"github-workflows": ("runs-on:", "run-on:"), "github-actions": ("using: composite", "using: composed"),
          "gitlab-ci": (r"^( *)(script:|- component:).*", r"\1wrong: [")}


def refused(schema, text, folder):
    path = Path(folder) / "checked.yml"
    path.write_text(text)
    done = subprocess.run([sys.executable, "-m", "check_jsonschema", "--builtin-schema", f"vendor.{schema}", path],
                          env=dict(os.environ, PYTHONPATH=str(cache)), text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    return done.stdout if done.returncode else ""


def shell_in(node, key=""):
    if isinstance(node, dict):
        for inner, value in node.items():
            yield from shell_in(value, inner)
    elif isinstance(node, list):
        for value in node:
            yield from shell_in(value, key)
    elif key in ("run", "script"):
        yield re.sub(r"\$\{\{.*?\}\}", "word", node)


def fails_shellcheck(text):
    done = subprocess.run(["shellcheck", "--shell", "bash", "-"], input=text, text=True, stdout=subprocess.PIPE)
    return done.stdout if done.returncode else ""


def component_ends_with(gpus, folder):
    """The component's script where torchlathe ends with the number that it is given as a GPU."""
    program = Path(folder) / "torchlathe"
    program.write_text('#!/bin/sh\nfor last; do :; done\nexit "$last"\n')
    program.chmod(0o755)
    script, = shell_in(YAML(typ="safe").load(component_job))
    variables = {"PATH": f"{folder}:{os.environ['PATH']}", "LATHE_COMMAND": "inspect", "LATHE_PATH": ".", "LATHE_GPU": gpus}
    return subprocess.run(["sh", "-c", script], env=variables).returncode


with tempfile.TemporaryDirectory(prefix="lathe-workflows-") as folder:
    for name, schema, text in checked:
        why = refused(schema, text, folder)
        assert not why, f"{name}:\n{why}"
        old, new = broken[schema]
        spoilt = re.sub(old, new, text, flags=re.M)
        assert spoilt != text and refused(schema, spoilt, folder), f"{name}: a broken copy is taken"
        if not shutil.which("shellcheck"):
            continue
        for shell in shell_in(YAML(typ="safe").load(text)):
            assert not fails_shellcheck(shell), f"{name}:\n{fails_shellcheck(shell)}"
    # The worst of all GPUs, not the last.
    assert [component_ends_with(gpus, folder) for gpus in ("0", "0,1,0", "2,1")] == [0, 1, 2]
if shutil.which("shellcheck"):
    assert fails_shellcheck("echo $undefined"), "shellcheck takes everything"
    assert not fails_shellcheck((root / ".github/action.sh").read_text())
print(f"{len(checked)} files and examples are as GitHub and GitLab want them")
