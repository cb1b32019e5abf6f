#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Folders of src/ form a one-way order: a file includes only files of its own folder or of a lower rank. Also: each
third-party header (fmt excepted) is included by one .cpp file only, every source file has its SPDX line, and what is printed
a line at a time is made by Terminal::print or safe_format, so that outside text cannot end a line. And no algorithm returns a
std::ranges::subrange, which clang 14 (Debian's, of ./dev fuzz) cannot compile with GCC 12's library."""
import re
import sys
from collections import defaultdict
from pathlib import Path

RANKS = {"base": 0, "os": 1, "hardware": 1, "diagnose": 1, "nix": 2, "matrix": 2, "binary": 2, "carve": 3, "recipe": 3,
         "host": 3, "verify": 3, "audit": 4, "build": 4, "conform": 5, "report": 5, "publish": 6, "cli": 7}
THIRD_PARTY = ("CLI/", "toml++/", "nlohmann/", "openssl/", "archive", "zstd", "lz4", "lzma", "bzlib", "zlib", "Zydis", "sqlite3", "re2/", "httplib")

SUBRANGES = re.compile(r"\branges::(stable_partition|partition|unique|remove|remove_if|rotate|search|search_n|find_end|equal_range|subrange|"
                       r"find_last|find_last_if|shift_left|shift_right)\b|\bviews::")

root = Path(__file__).resolve().parent.parent / "src"
problems = []
users = defaultdict(set)
files = sorted(p for p in root.rglob("*") if p.suffix in (".cpp", ".h"))
for path in files:
    folder = path.relative_to(root).parts[0]
    name = path.relative_to(root)
    if folder not in RANKS:
        problems.append(f"src/{name}: folder {folder} has no rank")
        continue
    lines = path.read_text().splitlines()
    if not lines or "SPDX-License-Identifier: MIT" not in lines[0]:
        problems.append(f"src/{name}:1: no SPDX line")
    for number, line in enumerate(lines, 1):
        if re.search(r"\b(out|err)\(fmt::format\(", line) or (folder == "report" and re.search(r'fmt::format\("[^"]*\\n', line)):
            problems.append(f"src/{name}:{number}: a line made by fmt::format: Terminal::print or safe_format spell out what is in it")
        if SUBRANGES.search(line):
            problems.append(f"src/{name}:{number}: clang 14 cannot compile {SUBRANGES.search(line).group()}: take the algorithm on iterators")
        include = re.match(r'\s*#include [<"]([^>"]+)[>"]', line)
        if not include:
            continue
        target = include.group(1)
        if target.startswith(THIRD_PARTY) and not path.name.endswith("_test.cpp"):
            users[target.split("/")[0].split(".")[0]].add(str(name))
        other = target.split("/")[0]
        if other in RANKS and other != folder and RANKS[other] >= RANKS[folder]:
            problems.append(f"src/{name}:{number}: {folder} (rank {RANKS[folder]}) includes {target} (rank {RANKS[other]})")
for library, where in sorted(users.items()):
    if len(where) > 1 or any(w.endswith(".h") for w in where):
        problems.append(f"{library} is included by {', '.join(sorted(where))}: wrap it in one .cpp")
print("\n".join(problems) if problems else f"{len(files)} files in order")
sys.exit(1 if problems else 0)
