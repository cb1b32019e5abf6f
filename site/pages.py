# SPDX-License-Identifier: MIT
"""A hook of mkdocs: pages that lie outside of docs/ join the site, and a link to a file of the repository leads to a copy of it."""
import posixpath
import re
from pathlib import Path

from mkdocs.structure.files import File

ROOT = Path(__file__).resolve().parent.parent
PAGES = {"README.md": "index.md", "ARCHITECTURE.md": "project/architecture.md", "CHANGELOG.md": "project/changes.md",
         "CONTRIBUTING.md": "project/contributing.md", "SECURITY.md": "project/security.md",
         "tests/gpu/README.md": "project/gpu-comparison.md"}
SOURCES = {site: source for source, site in PAGES.items()}
LINK = re.compile(r"(\]\()([^()\s]+)(\))")
FENCE = re.compile(r"^(```.*?^```$)", re.M | re.S)


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
    copied = set()
    for page in list(files.documentation_pages()):
        source = SOURCES.get(page.src_uri, "docs/" + page.src_uri)
        copied |= {target for target in targets((ROOT / source).read_text(), source)
                   if place_on_site(target).startswith("source/") and (ROOT / target).is_file()}
    for target in sorted(copied):
        files.append(File.generated(config, place_on_site(target), abs_src_path=str(ROOT / target)))
    return files


def on_page_markdown(markdown, page, config, files):
    site = page.file.src_uri
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
