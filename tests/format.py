#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Every C++ file is as clang-format (Debian's, 14) leaves it by .clang-format, and no line is longer than 110 columns: what it does not
break itself (comments, raw strings) is broken by hand. ./dev format mends the first. And no conditional expression has
another one within: `if`, a function or a table says which of three. A test is named as a sentence, WordsInCapitals, its suite by its
subject, without "Test"."""
import re
import shutil
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

root = Path(__file__).resolve().parent.parent
MOST_COLUMNS = 110

files = sorted(str(path.relative_to(root)) for folder in ("include", "src", "tests", "fuzz", "bench", "nix")
               for path in (root / folder).rglob("*") if path.suffix in (".cpp", ".h", ".c"))
problems = [f"{name}:{number}: {len(line)} columns" for name in files
            for number, line in enumerate((root / name).read_text().splitlines(), 1) if len(line) > MOST_COLUMNS]

NO_CODE = re.compile(r'//[^\n]*|/\*.*?\*/|R"(\w*)\(.*?\)\1"|"(?:\\.|[^"\\\n])*"|(?<!\w)\'(?:\\.|[^\'\\\n])+\'', re.S)


def nested_conditionals(text):
    """The lines on which a conditional expression begins that has another one within."""
    code = NO_CODE.sub(lambda found: "\n" * found.group().count("\n"), text)
    for begin in re.finditer(r"\?", code):
        depth = 0
        for mark in re.finditer(r"[][(){},;?]", code[begin.end():]):
            if mark.group() == "?":
                yield code.count("\n", 0, begin.start()) + 1
            if mark.group() in "([{":
                depth += 1
            elif mark.group() in ")]}":
                depth -= 1
            if mark.group() == "?" or depth < 0 or (depth == 0 and mark.group() in ",;"):
                break


assert list(nested_conditionals("f(a ? b : c, d ? e : g);\na ? b\n  : c ? d : e; a ? f(b ? c : d) : e;")) == [2, 3]
assert not list(nested_conditionals("x = a ? '?' : f('\"'); // b ? c\ny = b ? 1'000 : \"? :\"; z = R\"(?\n?)\" ? 1 : 2"))
for name in files:
    problems += [f"{name}:{line}: a conditional expression within another" for line in nested_conditionals((root / name).read_text())]

TEST = re.compile(r"^TEST(?:_F|_P)?\((\w+),\s*(\w+)\)", re.M)


def misnamed(suite, test):
    """A test whose name is in another style than the others'."""
    return suite.endswith("Test") or not re.fullmatch(r"[A-Z][A-Za-z0-9]*", suite + test) or test[0].islower()


assert misnamed("AuditTest", "Works") and misnamed("Audit", "it_works") and not misnamed("Audit", "Works2")
for name in files:
    if name.endswith("_test.cpp"):
        problems += [f"{name}: {suite}.{test}: named in another style" for suite, test in TEST.findall((root / name).read_text())
                     if misnamed(suite, test)]

if not shutil.which("clang-format-14"):
    print("\n".join(problems) or "skipped: no clang-format-14")
    sys.exit(1 if problems else 77)


def unformatted(some):
    said = subprocess.run(["clang-format-14", "--dry-run", *some], cwd=root, capture_output=True, text=True)
    return [line for line in said.stderr.splitlines() if "[-Wclang-format-violations]" in line] or (
        [said.stderr] if said.returncode else [])


with ThreadPoolExecutor(2) as pool:
    for found in pool.map(unformatted, [files[i:i + 40] for i in range(0, len(files), 40)]):
        problems += found
print("\n".join(problems) or f"{len(files)} files")
sys.exit(1 if problems or len(files) < 500 else 0)
