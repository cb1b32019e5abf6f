#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Runs the commands in a .test file or in the ```console blocks of a document and compares what they print.

  run_examples.py BINARY FILE [--accept]

A .test file is: sentences that say what it shows; any number of `=== NAME` sections, each written as a file; a section
`=== run` with commands (`$ torchlathe ...`) and, below each, what it prints (both streams) and `[exit N]` if N is not 0.
In expectations a line `...` stands for any number of lines, and `...` inside a line for any text. $TESTS is the folder
tests/ and $MATRICES the folder matrices/. `$ #needs COMMAND` skips the rest where that command fails.
--accept writes what was printed into the file, except where the expectation with its dots already fits.
"""
import os
import re
import subprocess
import sys
import tempfile
from pathlib import Path

from needs import skip



def sections(text):
    """[(name or None, [lines])] of a .test file."""
    parts = [(None, [])]
    for line in text.splitlines():
        if line.startswith("=== "):
            parts.append((line[4:].strip(), []))
        else:
            parts[-1][1].append(line)
    return parts


def split_commands(lines):
    """[(command, [expected lines])]; lines before the first command are dropped. A command may go on after a backslash."""
    commands = []
    continued = False
    for line in lines:
        if continued:
            commands[-1][0] += "\n" + line
        elif line.startswith("$ "):
            commands.append([line[2:], []])
        elif commands:
            commands[-1][1].append(line)
        continued = (continued or line.startswith("$ ")) and line.endswith("\\")
    return commands


def run(command, folder, environment):
    done = subprocess.run(["bash", "-c", command], cwd=folder, env=environment, stdin=subprocess.DEVNULL,
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=600)
    lines = done.stdout.decode("utf-8", "backslashreplace").splitlines()
    return lines + ([f"[exit {done.returncode}]"] if done.returncode else [])


def what_fails(needed, folder, environment):
    """The part of `A && B && ...`, in parentheses or not, that does not work here; None when all of it does."""
    if not run(f"{needed} >/dev/null 2>&1", folder, environment):
        return None
    parts = needed.removeprefix("(").removesuffix(")").split(" && ") if needed.startswith("(") else [needed]
    failing = [part for part in parts if run(f"{part} >/dev/null 2>&1", folder, environment)]
    return ", ".join(failing or [needed])


def fits_line(expected, line):
    pattern = ".*".join(re.escape(part) for part in expected.split("..."))
    return re.fullmatch(pattern, line) is not None


def fits(expected, printed):
    if not expected:
        return not printed
    if expected[0] == "...":
        return any(fits(expected[1:], printed[i:]) for i in range(len(printed) + 1))
    return bool(printed) and fits_line(expected[0], printed[0]) and fits(expected[1:], printed[1:])


def trimmed(lines):
    while lines and not lines[-1]:
        lines = lines[:-1]
    return lines


def check(blocks, folder, environment):
    """Runs the blocks' commands; returns (all fit, blocks as lines with what was printed)."""
    good, written = True, []
    for lines in blocks:
        out = []
        for command, expected in split_commands(lines):
            if command.startswith("#needs "):
                if (lacking := what_fails(command.removeprefix("#needs "), folder, environment)):
                    skip(lacking)
                out.append("$ " + command)
                continue
            expected = trimmed(expected)
            printed = trimmed(run(command, folder, environment))
            same = fits(expected, printed)
            if not same:
                good = False
                print(f"$ {command}")
                print("\n".join(["expected:"] + expected + ["", "printed:"] + printed + [""]))
            out += ["$ " + command] + (expected if same else printed)
        written.append(out)
    return good, written


def console_blocks(text):
    return list(re.finditer(r"^```console\n(.*?)^```$", text, re.M | re.S))


def main():
    arguments = [a for a in sys.argv[1:] if a != "--accept"]
    accept = "--accept" in sys.argv
    binary, path = Path(arguments[0]).resolve(), Path(arguments[1]).resolve()
    root = Path(__file__).resolve().parent.parent
    text = path.read_text()
    with tempfile.TemporaryDirectory(prefix="lathe-example-") as folder:
        environment = dict(os.environ, PATH=f"{binary.parent}:{os.environ['PATH']}", HOME=folder, LC_ALL="C.UTF-8",
                           TESTS=str(root / "tests"), MATRICES=str(root / "matrices"), NO_COLOR="1",
                           PYTHONDONTWRITEBYTECODE="1")
        if path.suffix == ".test":
            parts = sections(text)
            for name, lines in parts:
                if name not in (None, "run"):
                    target = Path(folder, name)
                    target.parent.mkdir(parents=True, exist_ok=True)
                    target.write_text("\n".join(lines) + "\n")
            runs = [lines for name, lines in parts if name == "run"]
            if not any(split_commands(lines) for lines in runs):
                sys.exit(f"{path}: no command in it")
            good, written = check(runs, folder, environment)
            if not good and accept:
                out, index = [], 0
                for name, lines in parts:
                    if name is not None:
                        out.append("=== " + name)
                    out += written[index] if name == "run" else lines
                    index += name == "run"
                path.write_text("\n".join(out) + "\n")
        else:
            blocks = console_blocks(text)
            good, written = check([b.group(1).splitlines() for b in blocks], folder, environment)
            if not good and accept:
                for block, lines in reversed(list(zip(blocks, written))):
                    body = "\n".join(lines) + "\n" if lines else block.group(1)
                    text = text[: block.start(1)] + body + text[block.end(1):]
                path.write_text(text)
    sys.exit(0 if good or accept else 1)


main()
