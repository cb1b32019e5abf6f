# SPDX-License-Identifier: MIT
"""A hook of mkdocs: pages that lie outside of docs/ join the site, a link to a file of the repository leads to a copy of it, and what
`torchlathe explain` answers is a page."""
import posixpath
import re
import tomllib
from pathlib import Path

from mkdocs.structure.files import File

ROOT = Path(__file__).resolve().parent.parent
PAGES = {"README.md": "index.md", "ARCHITECTURE.md": "project/architecture.md", "CHANGELOG.md": "project/changes.md",
         "CONTRIBUTING.md": "project/contributing.md", "SECURITY.md": "project/security.md",
         "tests/gpu/README.md": "project/gpu-comparison.md"}
EXPLANATIONS = "explanations.md"
SOURCES = {site: source for source, site in PAGES.items()}
LINK = re.compile(r"(\]\()([^()\s]+)(\))")
FENCE = re.compile(r"^(```.*?^```$)", re.M | re.S)


def rows(name):
    return next(iter(tomllib.loads((ROOT / "src/cli/explain" / name).read_text()).values()))


def as_text(text):
    """Prose that Markdown shall leave as it is."""
    return re.sub(r"([\\*_<>\[\]|~#])", r"\\\1", text.strip())


def explanations():
    """The questions, rules and variables of src/cli/explain/; those of audit and diagnose are printed by `torchlathe explain` alone."""
    parts = ["# Explanations", "", "What [`torchlathe explain`](commands/explain.md) answers. Ask it with the name of a heading, or in your own words.", "",
             "## Questions", ""]
    for row in rows("explanations.toml"):
        parts += [f"### {row['name']}", "", f"**{as_text(row['question'])}**", "", as_text(row["answer"]), "",
                  f"Common misconception: {as_text(row['believed'])}.", "", f"Source: {as_text(row['source'])}.", ""]
    parts += ["## Findings", ""]
    for row in rows("rule_texts.toml"):
        parts += [f"### {row['name']}", "", f"Reported by {', '.join(row['of'])}. {as_text(row['means'])}", "", as_text(row.get("why", "")), "",
                  f"What to do: {as_text(row['repair'])}.", ""]
    parts += ["## Environment variables", ""]
    for row in rows("variables.toml"):
        parts += [f"### {row['names'][0]}", "", f"Read by {as_text(', '.join(row['read_by']))}. {as_text(row['means'])}", "",
                  f"What to do: {as_text(row['repair'])}.", ""]
    return "\n".join(parts)


def place_on_site(source):
    """Of a file of the repository."""
    if source in PAGES:
        return PAGES[source]
    if source.startswith("docs/"):
        return source.removeprefix("docs/")
    return "source/" + source.replace("/.", "/").lstrip(".")


def targets(markdown, source):
    """The files that a page links to, as they lie in the repository."""
    for part in FENCE.split(markdown)[::2]:
        for link in LINK.finditer(part):
            path = link.group(2).partition("#")[0]
            if path and "://" not in path and not path.startswith("mailto:"):
                yield posixpath.normpath(posixpath.join(posixpath.dirname(source), path))


def on_files(files, config):
    for source, site in PAGES.items():
        files.append(File.generated(config, site, abs_src_path=str(ROOT / source)))
    pages = list(files.documentation_pages())
    files.append(File.generated(config, EXPLANATIONS, content=explanations()))
    copied = set()
    for page in pages:
        source = SOURCES.get(page.src_uri, "docs/" + page.src_uri)
        copied |= {target for target in targets((ROOT / source).read_text(), source)
                   if place_on_site(target).startswith("source/") and (ROOT / target).is_file()}
    for target in sorted(copied):
        files.append(File.generated(config, place_on_site(target), abs_src_path=str(ROOT / target)))
    return files


def on_page_markdown(markdown, page, config, files):
    site = page.file.src_uri
    if site == EXPLANATIONS:
        return markdown
    source = SOURCES.get(site, "docs/" + site)

    def on_site(link):
        path, mark, anchor = link.group(2).partition("#")
        if not path or "://" in path or path.startswith("mailto:"):
            return link.group(0)
        target = posixpath.normpath(posixpath.join(posixpath.dirname(source), path))
        return link.group(1) + posixpath.relpath(place_on_site(target), posixpath.dirname(site) or ".") + mark + anchor + link.group(3)

    parts = FENCE.split(markdown)
    parts[::2] = [LINK.sub(on_site, part) for part in parts[::2]]
    parts[1::2] = [re.sub(r"^\$ #needs .*\n", "", part, flags=re.M) for part in parts[1::2]]  # for the tests alone
    return "".join(parts)
