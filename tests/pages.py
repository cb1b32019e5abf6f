#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""pages.py [BINARY]: every command has a page in docs/commands that names each of its options, and a row in the README;
the README and ARCHITECTURE.md name no file that is not there; no page is about a command that is not there; every page of docs/ is in the
site's navigation, once; every variable of ours that is read has a row in docs/topics/environment.md; every link of a page leads to a file, and to a heading, that is there; docs/cases/ci.md
names the repository that packaging/owner.toml has."""
import re
import subprocess
import sys
import tomllib
from pathlib import Path

root = Path(__file__).resolve().parent.parent
binary = sys.argv[1] if len(sys.argv) > 1 else root / "build/quick/torchlathe"
# The pages of the site that lie outside of docs/: site/pages.py.
outside = ["README.md", "ARCHITECTURE.md", "CHANGELOG.md", "CONTRIBUTING.md", "SECURITY.md", "tests/gpu/README.md"]


def help_of(*words):
    return subprocess.run([binary, *words, "--help"], capture_output=True, text=True, check=True).stdout


def without_code(text):
    return re.sub(r"^```.*?^```$", "", text, flags=re.M | re.S)


def anchors(page):
    """As GitHub and the site make them of headings."""
    names = []
    for heading in re.findall(r"^#+ +(.+?) *$", without_code(page.read_text()), re.M):
        text = re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", heading).lower()
        names.append(re.sub(r"[^\w\- ]", "", text).replace(" ", "-"))
    return names


def broken_links(page):
    for link in re.findall(r"\]\(([^()\s]+)\)", re.sub(r"`[^`\n]*`", "", without_code(page.read_text()))):
        path, _, anchor = link.partition("#")
        target = (page.parent / path).resolve() if path else page
        if "://" in link:
            continue
        if not target.exists():
            yield f"{page.relative_to(root)} links to {link}, which is not there"
        elif anchor and target.suffix == ".md" and anchor not in anchors(target):
            yield f"{page.relative_to(root)} links to {link}: no heading makes this anchor"


def not_in_navigation():
    listed = re.findall(r"^ +- [^#\n]+: (\S+\.md)$", (root / "site/mkdocs.yml").read_text(), re.M)
    made = dict(re.findall(r'"([\w/]+\.md)": "([\w/-]+\.md)"', (root / "site/pages.py").read_text()))
    if sorted(made) != sorted(outside):
        yield "site/pages.py and tests/pages.py have different pages outside of docs/"
    there = [str(page.relative_to(root / "docs")) for page in (root / "docs").rglob("*.md")] + list(made.values()) + ["explanations.md"]
    for page in sorted(set(there) | set(listed)):
        if there.count(page) != 1 or listed.count(page) != 1:
            yield f"{page}: {listed.count(page)} times in the navigation of site/mkdocs.yml, {there.count(page)} pages"


def not_of_the_owner():
    """What people copy from docs/cases/ci.md leads to where packaging/owner.toml says."""
    owner = tomllib.loads((root / "packaging/owner.toml").read_text())
    page = (root / "docs/cases/ci.md").read_text()
    for pattern, wanted in ((r"uses: (\S*torchlathe\S*)", f"{owner['github']}@v1"), (r"- repo: (\S+)", f"https://github.com/{owner['github']}"),
                            (r"component: (\S+)", f"$CI_SERVER_FQDN/{owner['gitlab']}/torchlathe@1")):
        found = set(re.findall(pattern, page))
        if found != {wanted}:
            yield f"docs/cases/ci.md: write {wanted} for {', '.join(sorted(found))}, as packaging/owner.toml has it"


problems = []
commands = re.findall(r"^  ([a-z][a-z-]*) {2,}", help_of(), re.M)
for command in commands:
    page = root / "docs/commands" / f"{command}.md"
    if not page.exists():
        problems.append(f"there is no {page.relative_to(root)}")
        continue
    text = page.read_text()
    for option in re.findall(r"^  (?:-\w, )?(--[a-z][a-z-]*)", help_of(command).split("\nGlobal options:")[0], re.M):
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
for page in [*(root / "docs").rglob("*.md"), *(root / name for name in outside)]:
    problems += broken_links(page)
variables = set(re.findall(r'"(TORCHLATHE_[A-Z_]+)"', "".join(file.read_text() for file in (root / "src").rglob("*.cpp") if "_test" not in file.name)))
told = set(re.findall(r"^\| `(TORCHLATHE_[A-Z_]+)`", (root / "docs/topics/environment.md").read_text(), re.M))
problems += [f"docs/topics/environment.md and src/ do not both have {name}" for name in variables ^ told]
problems += not_in_navigation()
problems += not_of_the_owner()
print("\n".join(problems) if problems else f"{len(commands)} commands have their pages")
sys.exit(1 if problems else 0)
