#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Every `torchlathe ...` that an answer, a repair or an error names can be typed: the command is there, has the options that are
written with it, its catalogue tables, pages and topics exist. Read from the tables of texts and from the texts in the sources.

  named_commands.py TORCHLATHE"""
import re
import subprocess
import sys
from functools import lru_cache
from pathlib import Path

root = Path(__file__).resolve().parent.parent
tool = sys.argv[1]
TABLES = ["src/diagnose/rules.toml", *sorted(str(p.relative_to(root)) for p in (root / "src/cli/explain").glob("*.toml"))]
CLAUSE_ENDS = re.compile(r"[;:,)(\n]|\.(?= |$|\\n)|\\n|(?<= )(?:and|or|says|shows|finds|names|lists|which|has|is) ")
TEXT = re.compile(r'"((?:[^"\\\n]|\\.)*)"')


def output(*words):
    return subprocess.run([tool, *words], capture_output=True, text=True, timeout=60)


@lru_cache(maxsize=None)
def commands():
    page = output("--help").stdout
    return set(re.findall(r"^  ([a-z][a-z-]*)  +[a-z]", page, re.M))


@lru_cache(maxsize=None)
def options_of(command):
    return set(re.findall(r"(?<![\w-])(--?[a-z][a-z-]*)", output(command, "--help").stdout)) | {"-"}


@lru_cache(maxsize=None)
def topics():
    return set(output("explain", "--names").stdout.split())


@lru_cache(maxsize=None)
def answered(*words):
    return output(*words).returncode == 0


def texts_of(path):
    """(line, text): of a table of texts all lines, of a source its literals, those that stand one behind the other joined."""
    lines = path.read_text().split("\n")
    if path.suffix == ".toml":
        return [(number, line.replace('\\"', "'")) for number, line in enumerate(lines, 1) if not line.startswith("#")]
    found, pending, first, open_end = [], "", 0, False
    for number, line in enumerate(lines, 1):
        code = line.strip()
        literals = TEXT.findall(code) if not code.startswith("//") else []
        if literals and pending and open_end and code.startswith('"'):
            pending += literals.pop(0)
        elif pending:
            found.append((first, pending))
            pending = ""
        for literal in literals:
            if pending:
                found.append((first, pending))
            pending, first = literal, number
        open_end = code.endswith('"')
    return found + ([(first, pending)] if pending else [])


def faults_of(text):
    for place in re.finditer(r"(?<![\w/.-])torchlathe ([a-z][a-z-]*)", text):
        command = place[1]
        if command not in commands():
            # "torchlathe itself", "torchlathe asks": prose; a command is followed by nothing, an option or a word in capitals.
            if re.match(r" (--|[A-Z]{3,})", text[place.end():]):
                yield f"unknown command: {command}"
            continue
        clause = CLAUSE_ENDS.split(text[place.end():])[0]
        for option in re.findall(r"(?<=[ \[])(--?[a-z][a-z-]*)", clause):
            if option not in options_of(command):
                yield f"{command} has no option {option}"
        word = re.match(r" ([a-z][\w./-]*)", clause)
        if not word or "{" in clause:
            continue
        if command == "catalog" and not answered("catalog", word[1]):
            yield f"the catalogue has no table {word[1]}"
        if command == "help" and not answered("help", word[1]):
            yield f"there is no page {word[1]}"
        if command == "explain" and word[1] not in topics():
            yield f"explain has no topic {word[1]}"


def main():
    seen, faults = 0, []
    paths = [root / table for table in TABLES]
    paths += [p for p in sorted((root / "src").rglob("*.cpp")) if not p.name.endswith("_test.cpp")]
    for path in paths:
        for number, text in texts_of(path):
            seen += text.count("torchlathe ")
            faults += [f"{path.relative_to(root)}:{number}: {fault}: {text.strip()[:160]}" for fault in faults_of(text)]
    print("\n".join(faults) or f"{seen} mentions of torchlathe, all can be typed")
    return bool(faults) or seen < 200


sys.exit(main())
