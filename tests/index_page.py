#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""index_page.py TORCHLATHE [--browser]: the page that `publish` writes for people, with a hostile record among the real ones.

Its structure by Python's own parser; with --browser in a real Chromium (exits 77, skipped, where there is none): the filter,
places of builds, copying, what is there without scripts, nothing to scroll sideways on a phone, headers for screen readers,
and that no name runs.
"""
import base64
import hashlib
import html.parser
import json
import re
import sqlite3
import subprocess
import sys
import tempfile
from pathlib import Path

from browser import Browser
from needs import need

program = Path(sys.argv[1]).resolve()
HOSTILE = "<script>window.hostile=1</script><img src=x onerror='window.hostile=1'>\"&amp; </pre>@rows@"
VOID = {"meta", "input", "br"}


def publish(folder):
    """An index of the shipped matrix with made-up store paths: the ledger says that all is published, and publish writes it anew."""
    matrix = "cuda-13_0"
    target = f"file://{folder}/cache"
    command = [program, "publish", "-m", matrix, "--state", folder / "state", "--to", target]
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    variants = json.loads(subprocess.check_output([program, "list", "-m", matrix, "-f", "json"]))["variants"]
    variants.append(dict(variants[-1], name=HOSTILE, isa=HOSTILE, python=HOSTILE, pytorch=HOSTILE, runs_on=[HOSTILE]))
    ledger = sqlite3.connect(folder / "state/history.db")
    for number, variant in enumerate(variants):
        variant.update(store_path=f"/nix/store/{number:032d}-python3.13-{variant['pname']}", bytes=number * 10**8, published=1)
        ledger.execute("INSERT INTO published (variant, target, what, at, record) VALUES (?, ?, ?, 1, ?)",
                       (variant["name"], target, variant["store_path"], json.dumps(variant)))
    ledger.commit()
    ledger.close()
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    assert json.loads((folder / "cache/index.json").read_text())["variants"] == sorted(variants, key=lambda variant: variant["name"])
    return variants


class Page(html.parser.HTMLParser):
    """Open elements must be closed in order; gathers what the checks need."""

    def __init__(self, text):
        super().__init__(convert_charrefs=True)
        self.stack, self.elements, self.text = [], [], {}
        self.feed(text)
        self.close()
        assert not self.stack, self.stack

    def handle_starttag(self, tag, attributes):
        assert len(attributes) == len(dict(attributes)), (tag, attributes)
        self.elements.append((tag, dict(attributes), list(self.stack)))
        if tag not in VOID:
            self.stack.append(tag)

    def handle_endtag(self, tag):
        assert self.stack and self.stack.pop() == tag, tag

    def handle_data(self, data):
        self.text.setdefault(self.stack[-1] if self.stack else "", []).append(data)

    def all(self, tag):
        return [attributes for name, attributes, _ in self.elements if name == tag]


def check_structure(text, variants):
    page = Page(text)
    ids = [attributes["id"] for _, attributes, _ in page.elements if "id" in attributes]
    assert len(ids) == len(set(ids)) and set(ids) == {variant["name"] for variant in variants}, "a place for each build"
    assert all(attributes["href"][1:] in ids for attributes in page.all("a")), "links lead to places of the page"
    assert not any({"src", "srcset", "style", "onclick", "onload"} & set(attributes) for _, attributes, _ in page.elements), "it loads nothing"
    assert not page.all("link") and not page.all("img") and not re.search(r"url\(|@import|https?://", text), "it loads nothing"
    assert all(attributes.get("scope") in ("col", "row") for attributes in page.all("th")), "headers say of what"
    assert len(page.all("caption")) == len(page.all("table")) == 2
    assert all("label" in stack for tag, _, stack in page.elements if tag in ("input", "select")), "each field has a label"
    assert {"lang": "en"} in page.all("html") and any(meta.get("name") == "viewport" for meta in page.all("meta"))
    (script,) = page.text["script"]
    policy = next(meta["content"] for meta in page.all("meta") if meta.get("http-equiv") == "Content-Security-Policy")
    assert f"script-src 'sha256-{base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()}'" in policy, "this script and no other"
    commands = "".join(page.text["pre"])
    for variant in variants:
        assert variant["store_path"] in commands, variant["name"]
    assert page.text["a"] == sorted(variant["name"] for variant in variants)


def check_browser(folder, variants):
    url = f"file://{folder}/cache/index.html"
    with Browser(folder) as browser:
        def shown():
            return browser.run("[...document.querySelectorAll('.builds tbody tr')].filter(row => row.checkVisibility()).map(row => row.id)")

        def expect(what, fits):
            assert shown() == sorted(variant["name"] for variant in variants if fits(variant)), (what, shown())

        everything = lambda variant: True
        browser.view(scripts=False)
        browser.open(url)
        browser.view()  # to ask; the page was read without
        expect("without scripts", everything)
        assert browser.run("document.forms[0].checkVisibility()") is False, "no form that does nothing"
        browser.open(url)
        expect("all", everything)
        for fragment, fits in (("gpu=9.0", lambda v: v["gpu"] == "sm90"), ("gpu=9.0&cpu=avx512", lambda v: v["gpu"] == "sm90" and v["isa"] == "avx512"),
                               ("q=h100+AVX2", lambda v: "H100" in v["runs_on"] and "avx2" in v["name"]), ("cuda=99.9", lambda v: False),
                               ("q=%3Cscript", lambda v: v["name"] == HOSTILE), ("q=cpu+only", lambda v: v["kind"] == "cpu")):
            browser.open(f"{url}#{fragment}")
            expect(fragment, fits)
        browser.open(f"{url}#gpu=9.0")
        browser.run("document.forms[0].elements.q.value = 'avx2'; document.forms[0].elements.q.dispatchEvent(new Event('input', {bubbles: true}))")
        expect("typed", lambda v: v["gpu"] == "sm90" and "avx2" in v["name"])
        assert browser.run("location.hash") == "#q=avx2&gpu=9.0", "it can be handed on"
        assert browser.run("document.querySelector('output').textContent") == f"{len(shown())} of {len(variants)} builds"
        browser.run("document.querySelector('[type=reset]').click(); new Promise(done => setTimeout(done, 20))")
        expect("cleared", everything)

        one = next(variant for variant in variants if variant["gpu"] == "sm120")
        browser.open(f"{url}#{one['name']}")
        assert browser.run("document.querySelector(':target details').open && document.querySelectorAll('details[open]').length") == 1
        browser.ask("Browser.grantPermissions", permissions=["clipboardReadWrite", "clipboardSanitizedWrite"])
        copied = browser.run("document.querySelector(':target button').click(); getSelection().toString()")
        assert copied.startswith("nix ") and copied.endswith(one["store_path"]) and f"--from file://{folder}/cache " in copied, copied
        assert browser.run("new Promise(done => setTimeout(() => done(document.querySelector(':target button').textContent), 50))") == "copied"

        for width in (320, 400, 768, 1000, 1280):
            browser.view(width)
            browser.open(url)
            browser.run("document.querySelectorAll('details').forEach(part => { part.open = true; })")
            assert browser.run("document.documentElement.scrollWidth") <= width, f"at {width} something must be scrolled sideways"
            tree = browser.ask("Accessibility.getFullAXTree")["nodes"]
            roles = [node["role"]["value"] for node in tree if not node.get("ignored")]
            assert roles.count("rowheader") >= len(variants) and roles.count("row") >= len(variants), f"at {width} no table for screen readers"
        assert roles.count("columnheader") == 9
        assert browser.run("window.hostile === undefined && document.images.length === 0") is True, "a name ran"
        assert not browser.complaints, browser.complaints
        for scheme, dark in (("light", False), ("dark", True)):
            browser.view(scheme=scheme)
            browser.open(url)
            channel = int(re.search(r"\d+", browser.run("getComputedStyle(document.body).color"))[0])
            assert (channel > 128) == dark, "letters that the background hides"


def main():
    need(also={"Chromium": "--browser" not in sys.argv or Browser.program()})
    with tempfile.TemporaryDirectory(prefix="lathe-page-") as name:
        folder = Path(name)
        variants = publish(folder)
        if "--browser" in sys.argv:
            check_browser(folder, variants)
        else:
            check_structure((folder / "cache/index.html").read_text(), variants)
        print(f"{len(variants)} builds")


main()
