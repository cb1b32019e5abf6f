#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Every C++ file is as clang-format (Debian's, 14) leaves it by .clang-format, and no line is longer than 110 columns: what it does not
break itself (comments, raw strings) is broken by hand. ./dev format mends the first."""
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
