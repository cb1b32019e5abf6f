#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""width.py BINARY: no command prints a line that is longer than the terminal, at 80 and at 60 columns; but for one that is a single word (a
path, a name), which nothing can break."""
import re
import sys
import tempfile
import unicodedata
from pathlib import Path

from every_command import calls, make_scene, run_call

binary = Path(sys.argv[1]).resolve()
wrong, lines, commands = [], 0, set()


def columns(line):
    return sum(2 if unicodedata.east_asian_width(c) in "WF" else 0 if unicodedata.combining(c) else 1 for c in line)


def one_word(line):
    """Nothing in it that a line may be broken at: blanks, outside of quotes that are words of a command."""
    text = line.strip().removesuffix(" \\")
    label = re.match(r"\w+(: |  +)|# ", text)
    text = text[label.end():] if label else text
    return " " not in re.sub(r"(?<![^ (=])([`\"'])[^`\"']*\1", "word", text)


with tempfile.TemporaryDirectory(prefix="lathe-width-") as folder:
    environment = make_scene(binary, folder)
    for width in (80, 60):
        for call, _ in calls():
            code, out, err = run_call(binary, call, folder, dict(environment, COLUMNS=str(width)))
            commands.add(call[0])
            if code not in (0, 1, 2, 3):
                wrong.append(f"{call}: exit {code}")
            for line in (out + err).splitlines():
                lines += 1
                if columns(line) > width and not one_word(line):
                    wrong.append(f"COLUMNS={width} {' '.join(call)[:60]}: {columns(line)} columns: {line}")

known = {line.split()[0] for line in run_call(binary, ["--help"], "/", environment)[1].splitlines() if re.match(r"  [a-z-]+ ", line)}
untried = known - commands - {"schema", "completion"}  # which print files for programs
if untried - {"conform", "build", "publish", "arch-patch"}:
    wrong.append(f"not tried: {sorted(untried)}")
print("\n".join(wrong[:60] + [f"{len(wrong)} wrong of {lines} lines"]))
sys.exit(bool(wrong))
