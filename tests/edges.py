#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""docs/edges.md names for each case the test that holds it: each name is one of a test that is there."""
import re
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
UNIT_TEST = re.compile(r"\bTEST(?:_F|_P)?\(\s*(\w+)\s*,\s*(\w+)\s*\)")


def unit_tests():
    """{name of a test's file: {"Suite.Name", ...}}"""
    return {path.stem: {f"{suite}.{name}" for suite, name in UNIT_TEST.findall(path.read_text())}
            for path in ROOT.glob("src/**/*_test.cpp")}


def rows(text):
    """[(line, case, held by)] of all tables."""
    for number, line in enumerate(text.splitlines(), 1):
        cells = [cell.strip() for cell in re.split(r"(?<!\\)\|", line)[1:-1]]
        if len(cells) == 3 and cells[0] != "case" and "".join(cells).strip("-"):
            yield number, cells[0], cells[2]


def is_there(name, tests):
    """A file, a transcript, a unit test or the beginning of its name, a fuzz target, a benchmark, a test of ctest."""
    if name.startswith("./dev "):
        words = name.split()
        return words[1] in ("test", "arm") or Path(ROOT, "bench", words[2] + ".sh").exists()
    start = name.removesuffix("...").removesuffix("*")
    every = set().union(*tests.values())
    if re.match(r"[A-Z]\w*\.", name):
        return any(test.startswith(start) for test in every)
    if any(test.split(".")[0] == name for test in every):
        return True
    files = [ROOT / name, ROOT / f"tests/cli/{name.removesuffix('.test')}.test", ROOT / f"tests/{name}.py", ROOT / f"tests/logs/{name}",
             ROOT / f"fuzz/{name.removeprefix('fuzz_replay_')}_fuzz.cpp"]
    if name.removesuffix(".cpp") in tests or any(path.exists() for path in files):
        return True
    return len(start) > 8 and any(test.split(".")[1].startswith(start) for test in every)


def names_in(held):
    """What stands between backticks, paths, and behind `some_test`: the tests in it."""
    named = re.findall(r"`([^`]+)`", held)
    plain = re.sub(r"`[^`]+`", " ", held)
    return named + [word.rstrip(",") for word in re.findall(r"[\w./-]+", plain) if "/" in word or word.endswith(".test") or word.count("_") >= 2]


def main():
    tests = unit_tests()
    wrong, count, before = [], 0, ""
    for line, case, held in rows((ROOT / "docs/edges.md").read_text()):
        count += 1
        held = re.sub(r"^the same\b", before, held)
        names = names_in(held)
        wrong += [f"{line}: there is no test {name} ({case})" for name in names if not is_there(name, tests)]
        wrong += [f"{line}: no test holds this ({case})"] * (not names)
        before = held
    print("\n".join(wrong) or f"{count} cases, each with a test that is there")
    assert count > 150, "the tables were not found"
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
