#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""pages.py BINARY: every command has a page in docs/commands that names each of its options, and a row in the README;
the README and ARCHITECTURE.md name no file that is not there; no page is about a command that is not there."""
import re
import subprocess
import sys
from pathlib import Path

root = Path(__file__).resolve().parent.parent
binary = sys.argv[1]


def help_of(*words):
    return subprocess.run([binary, *words, "--help"], capture_output=True, text=True, check=True).stdout


problems = []
commands = re.findall(r"^  ([a-z][a-z-]*) {2,}", help_of(), re.M)
for command in commands:
    page = root / "docs/commands" / f"{command}.md"
    if not page.exists():
        problems.append(f"there is no {page.relative_to(root)}")
        continue
    text = page.read_text()
    for option in re.findall(r"^  (?:-\w, )?(--[a-z][a-z-]*)", help_of(command), re.M):
        if option != "--help" and option not in text:
            problems.append(f"{page.relative_to(root)} does not name {option}")
    if f"(docs/commands/{command}.md)" not in (root / "README.md").read_text():
        problems.append(f"README.md's table lacks {command}")
for page in (root / "docs/commands").glob("*.md"):
    if page.stem not in commands:
        problems.append(f"{page.relative_to(root)} is about no command")
for document in (root / "README.md", root / "ARCHITECTURE.md"):
    for name in re.findall(r"\]\(((?!http)[^)#]+)\)|`((?:src|docs|tests|matrices|cmake)/[\w./-]+)`", document.read_text()):
        path = "".join(name)
        if "<" not in path and "*" not in path and not (root / path).exists():
            problems.append(f"{document.name} names {path}, which is not there")
print("\n".join(problems) if problems else f"{len(commands)} commands have their pages")
sys.exit(1 if problems else 0)
