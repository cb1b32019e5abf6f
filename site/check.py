#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""check.py FOLDER: on each built page every link leads to a page and an anchor that are there, and nothing that a browser loads by itself
(scripts, styles, pictures, fonts) is on another host."""
import re
import sys
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urlsplit

LOADED = {("link", "href"), ("script", "src"), ("img", "src"), ("img", "srcset"), ("source", "src"), ("source", "srcset"), ("iframe", "src"),
          ("object", "data"), ("embed", "src"), ("video", "src"), ("audio", "src"), ("form", "action")}
NOT_LOADED_LINKS = {"canonical", "next", "prev", "edit"}


class Page(HTMLParser):
    def __init__(self, text):
        super().__init__()
        self.anchors, self.links, self.loaded = set(), [], []
        self.feed(text)

    def handle_starttag(self, tag, attributes):
        values = dict(attributes)
        self.anchors |= {values[key] for key in ("id", "name") if values.get(key)}
        if tag == "a" and values.get("href"):
            self.links.append(values["href"])
        for key, value in attributes:
            if (tag, key) in LOADED and value and not (tag == "link" and values.get("rel") in NOT_LOADED_LINKS):
                self.loaded.append(value)
            if key == "style":
                self.loaded += urls_of_style(value or "")


def urls_of_style(text):
    return [url for url in re.findall(r"url\(\s*['\"]?([^'\")]+)", text) + re.findall(r"@import\s+['\"]([^'\"]+)", text)
            if not url.startswith("data:")]


def is_elsewhere(url):
    return bool(urlsplit(url).netloc) or urlsplit(url).scheme in ("http", "https", "ftp")


def what_is_wrong(root):
    pages = {path: Page(path.read_text()) for path in sorted(root.rglob("*.html"))}
    for path, page in pages.items():
        name = path.relative_to(root)
        for url in page.loaded:
            if is_elsewhere(url):
                yield f"{name} loads {url}"
            elif not url.startswith(("data:", "/")) and not (path.parent / unquote(urlsplit(url).path)).exists():
                yield f"{name} loads {url}, which is not there"
        if name.name == "404.html":
            continue  # its addresses start at the root of a host
        for url in page.links:
            parts = urlsplit(url)
            if parts.scheme or parts.netloc:
                continue
            target = (path.parent / unquote(parts.path)).resolve() if parts.path else path
            if target.is_dir():
                target /= "index.html"
            if not target.exists():
                yield f"{name} links to {url}, which is not there"
            elif parts.fragment and target in pages and unquote(parts.fragment) not in pages[target].anchors:
                yield f"{name} links to {url}: no such anchor"
    for path in sorted(root.rglob("*.css")):
        for url in urls_of_style(path.read_text()):
            if is_elsewhere(url):
                yield f"{path.relative_to(root)} loads {url}"
    if len(pages) < 2:
        yield f"{root} has no pages"


def main():
    root = Path(sys.argv[1]).resolve()
    problems = list(dict.fromkeys(what_is_wrong(root)))
    print("\n".join(problems) if problems else f"{len(list(root.rglob('*.html')))} pages: every link leads somewhere, nothing is loaded from elsewhere")
    sys.exit(1 if problems else 0)


if __name__ == "__main__":
    main()
