#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""report_page.py TORCHLATHE [--browser]: the page that `report` writes.

Its structure by Python's own parser, and that the same input makes the same bytes; with --browser in a real Chromium (exits 77, skipped, where
there is none): tiles, filters, keyboard, contrast as computed, widths, speed, nothing that is loaded, no name that runs."""
import base64
import html.parser
import json
import re
import sqlite3
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from pathlib import Path

from browser import Browser
from every_command import VARIANT, make_scene
from needs import need

program = Path(sys.argv[1]).resolve()
root = Path(__file__).resolve().parent.parent
VOID = {"meta", "input", "br"}
SVG = {"svg", "rect", "title", "text", "g"}
SHOWN_TILES = "[...document.querySelectorAll('.grid a')].filter(tile => tile.checkVisibility())"


def report(folder, name, *words):
    subprocess.run([program, "report", *words, "-o", folder / name, "--quiet"], check=True, cwd=folder)
    return folder / name


def variants_of(matrix):
    return json.loads(subprocess.check_output([program, "list", "-m", matrix, "-f", "json"]))["variants"]


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
        assert self.stack and self.stack.pop() == tag, (tag, self.getpos())

    def handle_data(self, data):
        self.text.setdefault(self.stack[-1] if self.stack else "", []).append(data)

    def all(self, tag):
        return [attributes for name, attributes, _ in self.elements if name == tag]


def check_structure(text):
    page = Page(text)
    ids = [attributes["id"] for _, attributes, _ in page.elements if "id" in attributes]
    assert len(ids) == len(set(ids)), "an id twice"
    lost = [attributes["href"] for attributes in page.all("a") if attributes["href"][1:] not in ids or attributes["href"][0] != "#"]
    assert not lost, ("links lead to places of the page", lost[:5])
    events = {name for _, attributes, _ in page.elements for name in attributes if name.startswith("on")}
    assert not events and not any({"src", "srcset", "style"} & set(attributes) for _, attributes, _ in page.elements), "it loads nothing"
    assert not page.all("link") and not page.all("img") and not re.search(r"url\(|@import", text), "it loads nothing"
    assert all(attributes.get("scope") in ("col", "row") for attributes in page.all("th")), "headers say of what"
    assert len(page.all("caption")) == len(page.all("table")), "each table has a caption"
    assert all("label" in stack for tag, _, stack in page.elements if tag in ("input", "select")), "each field has a label"
    heads = [int(tag[1]) for tag, _, _ in page.elements if re.fullmatch("h[1-6]", tag)]
    assert heads[0] == 1 and all(b - a <= 1 for a, b in zip(heads, heads[1:])), "no level of headings is left out"
    assert len(page.text["script"]) == 1
    return page


def check_texts(folder):
    matrix = "cuda-13_0"
    page_file = report(folder, "page.html", "-m", matrix)
    page = check_structure(page_file.read_text())
    names = [variant["name"] for variant in variants_of(matrix)]
    assert sorted(text for text in page.text["code"] if text.startswith("pytorch")) == sorted(names), "each variant is there once"
    assert report(folder, "again.html", "-m", matrix).read_bytes() == page_file.read_bytes(), "the same bytes"
    before = page_file.read_bytes()
    subprocess.run([program, "report", "-m", "pytorch-2.10", "-o", page_file, "-n", "-q"], check=True)
    assert page_file.read_bytes() == before, "a dry run writes nothing"
    # what a matrix file says of itself is text in the page, and its name a word of a command
    hostile = folder / "it's <b>.toml"
    text = subprocess.check_output([program, "init", "-m", "cuda-13_0", folder / "m.toml"]) and (folder / "m.toml").read_text()
    hostile.write_text(re.sub(r"(?m)^description = .*$", 'description = "<script>window.hostile=1</script><img src=x onerror=\\"window.hostile=1\\">"', text))
    assert "<script>window" in hostile.read_text()
    page = check_structure(report(folder, "hostile.html", "-m", hostile).read_text())
    assert any("<script>window.hostile" in words for words in page.text["p"])
    assert any(words.startswith("torchlathe build -m '") and "it'\\''s <b>.toml'" in words for words in page.text["pre"]), page.text["pre"][:1]
    print(f"{len(names)} variants")


HOSTILE = "<script>window.hostile=1</script><img src=x onerror='window.hostile=1'>\"&amp; </pre>"


def make_everything(folder):
    """Recipes, builds, machines and files, with hostile words in each; the options that report them."""
    environment = make_scene(program, folder)
    (folder / f"recipes/{HOSTILE.replace('/', '')}.nix").write_text("{ }: { }\n")
    logs = folder / ".torchlathe/logs"
    logs.mkdir()
    log = folder / "build.log"
    log.write_text(f"{HOSTILE}\n\x1b[31mred\x1b[0m\n[7/18] nvcc -c a.cu -o a.o\nKilled\nninja: build stopped: subcommand failed.\n")
    subprocess.run(["zstd", "-q", log, "-o", logs / "1.zst"], check=True)
    history = sqlite3.connect(folder / ".torchlathe/history.db")
    history.execute("UPDATE builds SET log = 'logs/1.zst' WHERE status = 'failed'")
    rows = [(HOSTILE, 1, 2.0, "failed", "", HOSTILE, 3, "../../etc/passwd"), ("pytorch-python313-cpu-avx2", 5, 2.0, "failed", "", "", 3, "logs/none.zst"),
            (f"{VARIANT}vnni", 4, 1.0, "built", "", "", 1, "")]  # older than its failure
    history.executemany("INSERT INTO builds (run, variant, started, seconds, status, rule, verdict, peak_bytes, log) VALUES (1, ?, ?, ?, ?, ?, ?, ?, ?)", rows)
    history.commit()
    history.close()
    machines = folder / "machines"
    machines.mkdir()
    for name in ("hgx-h100", "rtx5090-zen5", "gtx1080-ivy-bridge", "server-no-gpu"):
        (machines / f"{name}.json").write_bytes((root / f"tests/machines/{name}.json").read_bytes())
    two = [json.loads((root / f"tests/machines/{name}.json").read_text()) for name in ("dgx-a100", "unknown-gpu")]
    two[0]["cpu"]["name"] = two[0]["gpus"][0]["name"] = HOSTILE
    (folder / "two.json").write_text(json.dumps(two))
    subprocess.run([program, "carve", "lib", "--gpu", "8.6", "-o", "slim", "-q"], check=True, cwd=folder, env=environment, stdout=subprocess.DEVNULL)
    return ["-m", "cuda-13_0", "--recipes", "recipes", "--history", "--machines", "machines", "--machines", "two.json", "lib", "slim"]


class Tables(html.parser.HTMLParser):
    """Rows of a section by the text of their header."""

    def __init__(self, text, section):
        super().__init__(convert_charrefs=True)
        self.rows, self.cell, self.inside, self.section = {}, None, False, section
        self.feed(text)

    def handle_starttag(self, tag, attributes):
        if tag == "section":
            self.inside = dict(attributes)["id"] == self.section
        if tag == "tr":
            self.row = []
        if tag in ("td", "th"):
            self.cell = ""

    def handle_endtag(self, tag):
        if tag in ("td", "th"):
            self.row.append(self.cell)
            self.cell = None
        if tag == "tr" and self.inside:
            self.rows[self.row[0]] = self.row[1:]

    def handle_data(self, data):
        if self.cell is not None:
            self.cell += data


def check_parts(folder):
    words = make_everything(folder)
    file = report(folder, "all.html", *words)
    text = file.read_text()
    page = check_structure(text)
    assert report(folder, "again.html", *words).read_bytes() == file.read_bytes(), "the same bytes"
    assert [attributes["id"] for attributes in page.all("section")] == ["matrix", "recipes", "builds", "machines", "contents"]

    recipes = Tables(text, "recipes").rows
    audit = json.loads(subprocess.run([program, "audit", "recipes", "-m", "cuda-13_0", "-f", "json"], cwd=folder, stdout=subprocess.PIPE).stdout)
    assert set(recipes) - {"Recipe"} == {recipe["file"] for recipe in audit["recipes"]}
    for recipe in audit["recipes"]:
        verdict, findings = recipes[recipe["file"]]
        assert verdict.split()[-1] == recipe["verdict"]
        assert all(finding["what"] in findings and finding["rule"] in findings for finding in recipe["findings"]), recipe["file"]

    builds = Tables(text, "builds").rows
    state, when, took, memory, _, why = builds[f"{VARIANT}vnni"]
    assert (state, when, took, memory) == ("✗ failed", "2023-11-15 01:00", "1 min", "32.2 GB"), builds
    assert "compiler-killed" in why and "fix: " in why and "ninja: build stopped" in why and HOSTILE in why and "\x1b" not in why and "red\n" in why, why
    assert builds[VARIANT][0] == "✓ built" and builds["pytorch-python313-cuda13_0-sm120-avx512bf16"][0] == "≠ mismatch"
    assert "not in its folder" in builds[HOSTILE][-1], builds[HOSTILE]
    assert "none.zst" in builds["pytorch-python313-cpu-avx2"][-1], builds["pytorch-python313-cpu-avx2"]
    assert builds["rebuild"][0] == "36" and "min" in builds["rebuild"][-1], "the cost of the whole"
    tiles = {attributes["href"]: attributes["class"] for attributes in page.all("a") if attributes.get("class", "").startswith("state")}
    assert tiles["#at-2.10.0-sm90-avx512-13_0"] == "state built" and tiles["#at-2.10.0-sm90-avx512vnni-13_0"] == "state failed"
    assert tiles["#at-2.10.0-sm120-avx512bf16-13_0"] == "state mismatch" and tiles["#at-2.10.0-sm80-avx2-13_0"] == "state valid"

    set_status(folder, VARIANT, "built")
    one_of_nine = "pytorch214-python312-cuda13_0-sm90-avx2"
    history = sqlite3.connect(folder / ".torchlathe/history.db")
    history.execute("INSERT INTO builds (run, variant, started, status) VALUES (1, ?, 9, 'built')", (one_of_nine,))
    history.commit()
    history.close()
    nine = check_structure(report(folder, "nine.html", "-m", "pytorch-2.14", "--history").read_text())
    assert {"state partly"} == {attributes["class"] for attributes in nine.all("a") if attributes["href"] == "#at-2.14.0-sm90-avx2-13_0" and "class" in attributes}, "one of nine is built"

    machines = Tables(text, "machines").rows
    for name in ("hgx-h100", "rtx5090-zen5", "server-no-gpu", "gtx1080-ivy-bridge"):
        best = subprocess.run([program, "select", "-q", "-m", "cuda-13_0", "--from", f"machines/{name}.json"], cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
        served = machines[name][-1]
        assert (best.stdout.strip() in served and "✓ served" in served) if best.returncode == 0 else "✗ by none" in served, (name, served)
    assert HOSTILE in machines["two 1"][0] and "✗ by none" in machines["two 2"][-1]
    assert [machines[gpu][1] for gpu in machines if "GTX 1080" in gpu] == ["✗ 0 of 1"] and machines["no GPU"][1] == "✓ 1 of 1", machines
    assert any("4 of 6 machines are served, by 4 variants. No variant serves gtx1080-ivy-bridge, two 2." in words for words in page.text["p"])

    contents = Tables(text, "contents").rows
    held = {name: {entry["arch"] for entry in json.loads(subprocess.check_output([program, "inspect", name, "-f", "json", "--no-cpu"], cwd=folder))["gpu"]} for name in ("lib", "slim")}
    assert held["lib"] == {gpu for gpu in contents if contents[gpu][0] != "-" and gpu.startswith(("sm_", "compute_"))}, (held, contents)
    assert held["slim"] == {gpu for gpu in contents if contents[gpu][1] != "-" and gpu.startswith(("sm_", "compute_"))}, (held, contents)
    assert contents["sm_86"][2] == "the same" and contents["sm_120"][2] == "-100 %" and contents["all"][2].startswith("-"), contents
    for words, error in ((["--recipes", "nowhere"], "nowhere"), (["--history", "--state", "nowhere"], "nothing was built"), (["--machines", "recipes"], "no recorded machine"),
                         (["--machines", "m.toml"], "m.toml"), (["nowhere.so"], "nowhere.so")):
        refused = subprocess.run([program, "report", "-m", "cuda-13_0", "-o", "never.html", *words], cwd=folder, stderr=subprocess.PIPE, text=True)
        assert refused.returncode in (2, 3) and error in refused.stderr and not (folder / "never.html").exists(), (words, refused)
    alone = check_structure(report(folder, "alone.html", "lib").read_text())
    assert not alone.all("form") and alone.text["h1"] == ["What these files hold"], "files need no matrix"


def contrast(browser, what):
    """The least contrast of letters and ground among these elements, as WCAG computes it, with every ground below taken into account."""
    return browser.run("""(() => {
      const canvas = document.createElement("canvas").getContext("2d", {willReadFrequently: true});
      const colour = text => { canvas.clearRect(0, 0, 1, 1); canvas.fillStyle = text; canvas.fillRect(0, 0, 1, 1); const [r, g, b, a] = canvas.getImageData(0, 0, 1, 1).data; return [r, g, b, a / 255]; };
      const over = (top, below) => below.map((value, i) => top[i] * top[3] + value * (1 - top[3]));
      const light = rgb => rgb.map(value => value / 255).map(value => value <= .04045 ? value / 12.92 : ((value + .055) / 1.055) ** 2.4)
        .reduce((sum, value, i) => sum + value * [.2126, .7152, .0722][i], 0);
      let least = 99;
      for (const element of document.querySelectorAll(SELECTOR)) {
        if (!element.checkVisibility()) continue;
        const chain = [];
        let opacity = 1;
        for (let up = element; up; up = up.parentElement) { chain.push(colour(getComputedStyle(up).backgroundColor)); opacity *= +getComputedStyle(up).opacity; }
        let ground = matchMedia("(prefers-color-scheme: dark)").matches ? [18, 18, 18] : [255, 255, 255];
        for (const layer of chain.reverse()) ground = over(layer, ground);
        const letters = colour(getComputedStyle(element).color);
        letters[3] *= opacity;
        const [a, b] = [light(over(letters, ground)), light(ground)].sort((x, y) => y - x);
        least = Math.min(least, (a + .05) / (b + .05));
      }
      return least;
    })()""".replace("SELECTOR", json.dumps(what)))


def key(browser, name, code=None, text=None):
    more = {"text": text, "unmodifiedText": text} if text else {}
    browser.ask("Input.dispatchKeyEvent", type="keyDown", key=name, code=code or name, windowsVirtualKeyCode={"Enter": 13, "Escape": 27, "Tab": 9, "ArrowRight": 39, "ArrowLeft": 37, "ArrowDown": 40, "ArrowUp": 38, "Home": 36, "End": 35}[name], **more)
    browser.ask("Input.dispatchKeyEvent", type="keyUp", key=name, code=code or name)


def check_grid(browser, url, variants):
    count = "document.querySelector('output').textContent"

    def expect(what, fits):
        wanted = {variant["name"] for variant in variants if fits(variant)}
        shown = browser.run("[...document.querySelectorAll('#matrix [data-item]')].filter(item => !item.hidden && !item.closest('.group').hidden).map(item => item.querySelector('code').textContent)")
        assert set(shown) == wanted, (what, sorted(set(shown) ^ wanted)[:5])
        assert browser.run(count).startswith(f"{len(wanted)} of {len(variants)} variants"), (what, browser.run(count))
        tiles = {(variant["capability"] if "capability" in variant else None, variant["isa"], variant["cuda"], variant["pytorch"]) for variant in variants if fits(variant)}
        assert browser.run(f"{SHOWN_TILES}.length") == len(tiles), (what, len(tiles))

    browser.view(scripts=False)
    browser.open(url)
    browser.view()
    assert browser.run("document.forms[0].checkVisibility()") is False, "no form that does nothing"
    assert browser.run("document.querySelectorAll('.grid a').length === document.querySelectorAll('.group').length") is True
    browser.open(url)
    expect("all", lambda v: True)
    for fragment, fits in (("gpu=9.0", lambda v: v["gpu"] == "sm90"), ("gpu=9.0&cpu=avx512", lambda v: v["gpu"] == "sm90" and v["isa"] == "avx512"),
                           ("q=h100+python312", lambda v: "H100" in v["runs_on"] and v["python"] == "3.12"), ("q=h100+h100x", lambda v: False), ("q=sm90-avx2", lambda v: v["gpu"] == "sm90" and v["name"].endswith("-avx2")),
                           ("python=3.12&cuda=13.0&package=pytorch", lambda v: (v["python"], v["cuda"], v["package"]) == ("3.12", "13.0", "pytorch")),
                           ("status=redundant", lambda v: v["status"] == "redundant"), ("cuda=99.9", lambda v: False)):
        browser.open(f"{url}#{fragment}")
        expect(fragment, fits)
    assert browser.run("[...document.querySelectorAll('.grid')].filter(table => table.checkVisibility()).length") == 0, "empty tables go"
    browser.open(url)
    measured = []
    for _ in range(3):  # other work on this machine makes some of them slow
        browser.open(url)
        took = browser.run("""(() => { const field = document.forms[0].elements.q; let most = 0;
          for (const words of ["a", "av", "avx512", "avx512 h100", "avx512 h10", ""]) {
            const begun = performance.now(); field.value = words; field.dispatchEvent(new Event("input", {bubbles: true})); document.body.offsetHeight;
            most = Math.max(most, performance.now() - begun); }
          return most; })()""")
        assert browser.run("location.hash") == ""
        measured.append((browser.run("performance.getEntriesByType('navigation')[0].loadEventEnd"), took))
    loaded, took = (min(values) for values in zip(*measured))
    print(f"{len(variants)} variants: loaded in {loaded:.0f} ms, the slowest filter {took:.0f} ms")
    assert loaded < 1000 and took < 150, "slow"
    browser.run("document.forms[0].elements.q.value = '-avx512bf16'; document.forms[0].elements.q.dispatchEvent(new Event('input', {bubbles: true}))")
    assert browser.run("[...new Set([...document.querySelectorAll('.grid thead th')].filter(head => head.checkVisibility()).map(head => head.textContent))]") == ["GPU", "avx512bf16"], "empty columns go"
    browser.run("document.querySelector('[type=reset]').click(); new Promise(done => setTimeout(done, 20))")
    expect("cleared", lambda v: True)


def check_keyboard(browser, url):
    browser.open(url)
    focused = "(document.activeElement.hash || document.activeElement.className || document.activeElement.tagName)"
    browser.run("document.querySelector('[type=reset]').focus()")
    key(browser, "Tab")
    first = browser.run(focused)
    assert first.startswith("#at-"), first
    stops = browser.run("document.querySelectorAll('.grid a[tabindex=\"0\"]').length")
    assert stops == 1, "one stop for Tab"
    key(browser, "ArrowRight")
    second = browser.run(focused)
    key(browser, "ArrowDown")
    third = browser.run(focused)
    assert len({first, second, third}) == 3 and third.split("-")[3] == second.split("-")[3] and third.split("-")[2] != second.split("-")[2], (first, second, third)
    key(browser, "ArrowUp")
    assert browser.run(focused) == second
    key(browser, "End")
    last = browser.run(focused)
    key(browser, "Home")
    assert browser.run(focused) == first != last
    key(browser, "Enter", text="\r")
    assert browser.run("document.querySelector('dialog').open && document.activeElement.getAttribute('aria-label')") == "Close"
    asked = browser.run("document.querySelector('dialog').textContent")
    assert "Hardware" in asked and "Driver" in asked and "torchlathe build -m" in asked, asked
    named = browser.run("document.getElementById(document.querySelector('dialog').getAttribute('aria-labelledby')).textContent")
    assert named.startswith("GPU "), named
    key(browser, "Escape")
    assert browser.run("document.querySelector('dialog').open") is False and browser.run(focused) == first, "the focus goes back"
    browser.open(f"{url}{third}")
    assert browser.run("document.querySelector('dialog').open") is True, "an address opens a tile"


def check_looks(browser, url, variants):
    for scheme, dark in (("light", False), ("dark", True)):
        browser.view(scheme=scheme)
        browser.open(url)
        channel = int(re.search(r"\d+", browser.run("getComputedStyle(document.body).color"))[0])
        assert (channel > 128) == dark, "letters that the background hides"
        least = contrast(browser, "h1, h2, p, th, td, small, .state, summary, label, output, code, dt, dd, li, caption")
        assert least >= 4.5, f"contrast {least:.2f} ({scheme})"
        browser.run("document.querySelector('.grid a').click()")
        least = contrast(browser, "dialog *")
        assert least >= 4.5, f"contrast {least:.2f} in the dialog ({scheme})"
    signs = browser.run("[...new Set([...document.querySelectorAll('.grid a')].map(tile => tile.className + ' ' + tile.firstChild.textContent))]")
    assert len(signs) == len({sign.split()[-1] for sign in signs}) == len({sign.split()[1] for sign in signs}), f"a sign for each state: {signs}"
    for width in (320, 400, 768, 1280):
        browser.view(width)
        browser.open(url)
        assert browser.run("document.documentElement.scrollWidth") <= width, f"at {width} something must be scrolled sideways"
        small = browser.run(f"{SHOWN_TILES}.filter(tile => tile.getBoundingClientRect().height < 24 || tile.getBoundingClientRect().width < 24).length")
        assert small == 0, f"at {width} {small} tiles are too small to be touched"
        tree = browser.ask("Accessibility.getFullAXTree")["nodes"]
        roles = [node["role"]["value"] for node in tree if not node.get("ignored")]
        rows = browser.run("[...document.querySelectorAll('tbody tr')].filter(row => row.checkVisibility()).length")
        assert roles.count("row") >= rows and roles.count("rowheader") >= rows and "table" in roles, f"at {width} no table for screen readers"
        browser.run("document.querySelector('.grid a').click()")
        assert browser.run("document.querySelector('dialog').scrollWidth <= document.querySelector('dialog').clientWidth") is True, f"at {width} the dialog is too wide"
        browser.run("document.querySelectorAll('details').forEach(part => { part.open = true; })")
        assert browser.run("document.documentElement.scrollWidth") <= width, f"at {width} the list must be scrolled sideways"
    browser.ask("Emulation.setEmulatedMedia", media="print")
    assert browser.run("document.forms[0].checkVisibility()") is False, "no form on paper"
    browser.ask("Emulation.setEmulatedMedia", media="")


BOXES = """(() => {
  const boxes = (name, all) => [...all].filter(one => one.checkVisibility()).map(one => { const box = one.getBoundingClientRect();
    return {name: name + " " + one.textContent.trim().slice(0, 20), x: box.left, y: box.top + scrollY, w: box.width, h: box.height,
            cut: one.scrollWidth > one.clientWidth + 1 && getComputedStyle(one).display !== "inline"}; });
  const one = selector => boxes(selector, document.querySelectorAll(selector));
  return {heads: one("h1, h2"), sections: one("section"), fields: one("form label, form button, form output"), tiles: one(".grid a"),
          rows: [...document.querySelectorAll(".grid tbody tr")].filter(row => row.checkVisibility()).map(row => boxes("cell", row.children).filter(cell => cell.w)),
          columns: one(".grid thead th"), form: one("form"), bars: one(".bars dd"), map: one(".map"),
          lines: [...document.querySelectorAll(".bars dt, .rows tr, .builds tr")].filter(row => row.checkVisibility()).map(row => boxes("part", row.children).filter(part => part.w))}; })()"""


def overlap(a, b):
    return min(a["x"] + a["w"], b["x"] + b["w"]) - max(a["x"], b["x"]) > 1 and min(a["y"] + a["h"], b["y"] + b["h"]) - max(a["y"], b["y"]) > 1


def check_layout(browser, url):
    """Where things stand at three widths: boxes, as fonts differ from machine to machine and pixels with them."""
    for width in (320, 768, 1280):
        browser.view(width)
        browser.open(url)
        seen = browser.run(BOXES)
        assert browser.run(BOXES) == seen, "it stands still"
        flat = [box for name in ("heads", "sections", "fields", "tiles", "bars", "map") for box in seen[name]] + [box for row in seen["rows"] + seen["lines"] for box in row]
        assert len(seen["tiles"]) >= 36 and len(seen["sections"]) == 5 and len(seen["map"]) == 2 and seen["bars"], {name: len(value) for name, value in seen.items()}
        for box in flat:
            assert box["x"] >= 0 and box["x"] + box["w"] <= width + 1, f"at {width} outside: {box}"
        for name in ("tiles", "fields", "columns"):
            assert not any(box["cut"] for box in seen[name]), f"at {width} text is cut: {[box for box in seen[name] if box['cut']]}"
        for name in ("heads", "sections"):
            ys = [box["y"] for box in seen[name]]
            assert ys == sorted(ys) and len(set(ys)) == len(ys), f"at {width} one below the other: {name}"
        assert len({round(box["x"]) for box in seen["sections"]}) == 1 and len({round(box["w"]) for box in seen["sections"]}) == 1, f"at {width} sections have one edge"
        for group in [seen["tiles"], seen["fields"], seen["sections"], *seen["rows"], *seen["lines"]]:
            wrong = [(a, b) for i, a in enumerate(group) for b in group[i + 1:] if overlap(a, b)]
            assert not wrong, f"at {width} one lies over another: {wrong[0]}"
        assert all(box["w"] > width * 0.85 for box in seen["map"]), f"at {width} the map takes the width"
        if width == 1280:
            edges = [round(box["x"]) for box in seen["columns"]]
            for row in seen["rows"]:
                assert len({round(cell["y"]) for cell in row}) == 1, f"a row is one row: {row[0]}"
                assert {round(cell["x"]) for cell in row} <= set(edges), f"cells stand below the head of their column: {row[0]}"
            lines = {round(box["y"]) for box in seen["fields"] if box["name"].startswith(("form label", "form button"))}
            assert len(lines) <= 6, f"the filter is a line or two: {lines}"
        else:
            assert not seen["columns"], "narrow: each row is a block"
            for row in seen["rows"]:
                ys = [round(cell["y"]) for cell in row]
                assert ys == sorted(ys) and len(set(ys)) == len(ys), f"at {width} cells one below the other: {row[0]}"


def check_print(browser, url, folder):
    """On A4: what the printer gets, and that no line is cut off at its side."""
    browser.view()
    browser.open(url)
    pdf = folder / "printed.pdf"
    pdf.write_bytes(base64.b64decode(browser.ask("Page.printToPDF", paperWidth=8.27, paperHeight=11.69, printBackground=False)["data"]))
    assert pdf.read_bytes().startswith(b"%PDF-")
    browser.ask("Emulation.setEmulatedMedia", media="print")
    browser.ask("Emulation.setDeviceMetricsOverride", width=718, height=1047, deviceScaleFactor=1, mobile=False)  # A4 without Chromium's margins
    wide = browser.run("[...document.querySelectorAll('body *')].filter(one => one.checkVisibility() && one.getBoundingClientRect().right > 719).map(one => one.tagName + '.' + one.className)")
    assert not wide, f"off the paper: {wide[:5]}"
    assert browser.run("[...document.querySelectorAll('form, nav')].some(one => one.checkVisibility())") is False, "nothing to click on paper"
    browser.ask("Emulation.setEmulatedMedia", media="")


def check_everything(browser, folder):
    url = "file://" + str(report(folder, "all.html", *make_everything(folder)))
    count = "document.querySelector('output').textContent"
    browser.open(url)
    builds = "[...document.querySelectorAll('#builds [data-item]')].filter(row => row.checkVisibility()).length"
    assert browser.run(builds) == 5 and ", 5 of 5 builds" in browser.run(count), browser.run(count)
    browser.open(f"{url}#status=failed&gpu=9.0")
    assert browser.run(builds) == 1 and browser.run(count).startswith("1 of 44 variants") and browser.run(f"{SHOWN_TILES}.length") == 1
    for scheme in ("light", "dark"):
        browser.view(scheme=scheme)
        browser.open(url)
        browser.run("document.querySelectorAll('details').forEach(part => { part.open = true; })")
        least = contrast(browser, "h2, h3, h4, p, th, td, small, .state, li, dt, dd, pre, code, caption, summary")
        assert least >= 4.5, f"contrast {least:.2f} ({scheme})"
    for width in (320, 768, 1280):
        browser.view(width)
        browser.open(url)
        browser.run("document.querySelectorAll('details').forEach(part => { part.open = true; })")
        assert browser.run("document.documentElement.scrollWidth") <= width, f"at {width} something must be scrolled sideways"
        drawn = browser.run("[...document.querySelectorAll('.bars svg, .map')].filter(part => part.getBoundingClientRect().width > 0).length")
        assert drawn >= 10
    check_layout(browser, url)
    check_print(browser, url, folder)
    assert browser.run("window.hostile === undefined && document.images.length === 0") is True, "a name ran"


def set_status(folder, variant, status, log=""):
    history = sqlite3.connect(folder / ".torchlathe/history.db")
    history.execute("UPDATE builds SET status = ?, log = ? WHERE variant = ?", (status, log, variant))
    history.commit()
    history.close()


def serve(folder, listen):
    server = subprocess.Popen([program, "serve", "-m", "cuda-13_0", "--listen", listen], cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
    return server, server.stdout.readline().strip()


def check_live(browser, folder):
    """A build goes on while the page is open: what changes is shown, by events and without asking again; all else stays as it was."""
    make_scene(program, folder)
    tile = f"document.querySelector('[href=\"#at-2.10.0-sm90-avx512-13_0\"]')"
    state = f"{tile}.className"

    def wait(what, script, value):
        end = time.monotonic() + 20
        while (seen := browser.run(script)) != value:
            assert time.monotonic() < end, (what, seen)
            time.sleep(0.05)

    server, url = serve(folder, "127.0.0.1:0")
    try:
        def asked():
            return browser.requests.count(url)

        with urllib.request.urlopen(url) as answer:
            policy = answer.read().decode()
        assert "connect-src &#39;self&#39;" in policy and "default-src &#39;none&#39;" in policy
        for path, status in (("matrix/../matrix/", 400), ("matrix/x", 404), ("etc/passwd", 404)):
            try:
                urllib.request.urlopen(url.replace("matrix/", path))
                assert False, path
            except urllib.error.HTTPError as error:
                assert error.code == status, (path, error.code)
        browser.view()
        browser.open(f"{url}#gpu=9.0")
        wait("connected", "document.querySelector('.live').textContent", "Live: shows builds as they go on.")
        assert browser.run(state) == "state built"
        browser.run(f"{tile}.focus()")
        time.sleep(2.5)
        begun = asked()
        time.sleep(2.5)
        assert asked() == begun, "it asks only when there is something"
        set_status(folder, VARIANT, "running")
        wait("a build has begun", state, "state running")
        assert browser.run(f"document.activeElement === {tile}") is True, "the focus stays"
        assert browser.run("document.forms[0].elements.gpu.value") == "9.0" and browser.run(f"{SHOWN_TILES}.length") < 20, "the filter stays"
        assert browser.run(f"{tile}.tabIndex") == 0 and browser.run("document.querySelectorAll('.grid a[tabindex=\"0\"]').length") == 1
        browser.run(f"{tile}.click()")
        set_status(folder, VARIANT, "failed")
        wait("it failed, in the dialog", "document.querySelector('dialog .state').className", "state failed")
        assert browser.run("document.querySelector('dialog').open") is True
        key(browser, "Escape")
        assert asked() <= begun + 4, "a change, a page"
        server.terminate()
        assert server.wait(20) == 0, "it ends although somebody listens"
        wait("gone", "document.querySelector('.live').textContent.startsWith('Not connected')", True)
        set_status(folder, VARIANT, "built")
        server, again = serve(folder, url.split("/")[2])
        assert again == url
        wait("connected again", state, "state built")
        wait("says so", "document.querySelector('.live').textContent.startsWith('Live')", True)
        foreign = [place for place in browser.requests if not place.startswith((url, "file://")) and place != "about:blank"]
        assert not foreign, foreign
        complaints = [words for words in browser.complaints if "ERR_CONNECTION_REFUSED" not in words and "ERR_INCOMPLETE_CHUNKED" not in words]
        assert not complaints, complaints
    finally:
        server.terminate()
        server.wait()


def check_browser(folder):
    with Browser(folder) as browser:
        browser.ask("Network.enable")
        for matrix in ("pytorch-2.14", "pytorch-2.10"):
            url = "file://" + str(report(folder, f"{matrix}.html", "-m", matrix))
            variants = variants_of(matrix)
            check_grid(browser, url, variants)
        url = "file://" + str(report(folder, "page.html", "-m", "cuda-13_0"))
        check_keyboard(browser, url)
        check_looks(browser, url, variants_of("cuda-13_0"))
        check_everything(browser, folder)
        assert not browser.complaints, browser.complaints
        foreign = [place for place in browser.requests if not place.startswith(f"file://{folder}/") and place != "about:blank"]
        assert not foreign, foreign
    (folder / "live").mkdir()
    with Browser(folder / "live") as browser:
        browser.ask("Network.enable")
        check_live(browser, folder / "live")


def main():
    need("gcc", "zstd", also={"Chromium": "--browser" not in sys.argv or Browser.program()})
    with tempfile.TemporaryDirectory(prefix="lathe-report-") as name:
        (check_browser if "--browser" in sys.argv else check_texts)(Path(name))
    if "--browser" not in sys.argv:
        with tempfile.TemporaryDirectory(prefix="lathe-report-") as name:
            check_parts(Path(name))


main()
