#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Folders of src/ form a one-way order (src/folders.txt): a file includes only files of its own folder or of a lower rank; what
says "Inside of X only" is included by the folder X alone, what lies in testing/ by tests; no folder lists more than 30 sources; ARCHITECTURE.md shows the same list. Also: each
third-party header (fmt excepted) is included by one .cpp file only, every source file has its SPDX line, and what is printed
a line at a time is made by Terminal::print or safe_format, so that outside text cannot end a line. And no algorithm returns a
std::ranges::subrange, which clang 14 (Debian's, of ./dev fuzz) cannot compile with GCC 12's library. And files of a folder that are
compiled together have no name twice that each means for itself alone."""
import re
import sys
from collections import Counter, defaultdict
from functools import cache
from pathlib import Path

root = Path(__file__).resolve().parent.parent / "src"
RANKS = {line.split()[0]: int(line.split()[1]) for line in (root / "folders.txt").read_text().splitlines()
         if line and not line.startswith("#")}
MOST_SOURCES = 30  # of one folder, tests beside them not counted; cli/ has a file for each command
THIRD_PARTY = ("CLI/", "toml++/", "nlohmann/", "openssl/", "zstd", "lz4", "lzma", "bzlib", "zlib", "Zydis", "sqlite3", "re2/")

SUBRANGES = re.compile(r"\branges::(stable_partition|partition|unique|remove|remove_if|rotate|search|search_n|find_end|equal_range|subrange|"
                       r"find_last|find_last_if|shift_left|shift_right)\b|\bviews::")

TOPS = {folder.split("/")[0] for folder in RANKS}


@cache
def inside_of(path):
    """The folder whose files alone may include this header, by the words of its first comment."""
    said = re.search(r"^// Inside of ([\w/]+) only[.:]", path.read_text(), re.M) if path.exists() else None
    return said.group(1) if said else None


def own_names(path):
    """What a file defines in its anonymous namespace, as it stands at the beginning of a line."""
    names, inside = set(), False
    for line in path.read_text().splitlines():
        inside = (inside or line == "namespace {") and line != "}  // namespace"
        if not inside or re.match(r"$|[ }/#)]|(template|namespace|using namespace|extern|TEST\w*|INSTANTIATE\w*)\b", line):
            continue
        found = re.match(r"(?:struct|class|enum class|enum|union) (\w+)(?! ?;)|using (\w+) =|"
                         r"[\w:<>,&*\s\[\]().]*?[\s&*](\w+)(?:\[[^\]]*\])?\s*[(={;]", line)
        if found:
            names.add(next(filter(None, found.groups())))
    return names


def clashes(folder):
    """Between files that lathe_folder compiles together: sources with sources, tests with tests."""
    said = re.search(r"lathe_folder\((.*?)\n\)", (folder / "CMakeLists.txt").read_text(), re.S)
    words = said.group(1).split() if said else []
    alone = words[words.index("ALONE"):] if "ALONE" in words else []
    owners = defaultdict(list)
    for name in sorted(set(words) - set(alone)):
        if name.endswith(".cpp"):
            for own in own_names(folder / name):
                owners[name.endswith("_test.cpp"), own].append(name)
    return [(own, names) for (_, own), names in sorted(owners.items()) if len(names) > 1]


problems = []
users = defaultdict(set)
files = sorted(p for p in root.rglob("*") if p.suffix in (".cpp", ".h"))
for path in files:
    name = path.relative_to(root)
    folder = str(name.parent)
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
        other = target.rpartition("/")[0]
        if other in RANKS and other != folder and other != "testing" and RANKS[other] >= RANKS[folder]:
            problems.append(f"src/{name}:{number}: {folder} (rank {RANKS[folder]}) includes {target} (rank {RANKS[other]})")
        if include.group(0).endswith('"') and other.split("/")[0] in TOPS and not (root / target).exists():
            problems.append(f"src/{name}:{number}: there is no {target}")
        inside = inside_of(root / target)
        if inside and folder != inside:
            problems.append(f"src/{name}:{number}: {target} is inside of {inside} only")
        if other == "testing" and folder != "testing" and not path.name.endswith("_test.cpp"):
            problems.append(f"src/{name}:{number}: {target} is for tests")
for library, where in sorted(users.items()):
    if len(where) > 1 or any(w.endswith(".h") for w in where):
        problems.append(f"{library} is included by {', '.join(sorted(where))}: wrap it in one .cpp")
problems += [f"tests/layers.py: nothing includes {prefix}" for prefix in THIRD_PARTY
             if not any(library.startswith(prefix.rstrip("/")) for library in users)]
sources = Counter(str(p.relative_to(root).parent) for p in files if not p.name.endswith("_test.cpp"))
for folder, count in sorted(sources.items()):
    if count > MOST_SOURCES and folder != "cli":
        problems.append(f"src/{folder}: {count} sources, more than {MOST_SOURCES}")
def declared_types(path):
    """Of namespace lathe itself, at the beginning of a line: two of one name are one to the linker, whatever they hold."""
    spaces = []
    for line in path.read_text().splitlines():
        if opened := re.match(r"namespace ?([\w:]*) \{", line):
            spaces.append(opened.group(1))
        elif line.startswith("}  // namespace") and spaces:
            spaces.pop()
        elif "" not in spaces and (found := re.match(r"(?:struct|class|union) (?:\[\[\w+\]\] )?(\w+)(?: final)?(?: :[^;]*)? \{", line)):
            yield "::".join([*spaces, found.group(1)])


homes = defaultdict(list)
for path in files:
    for name in declared_types(path):
        homes[name].append(f"src/{path.relative_to(root)}")
for name, where in homes.items():
    if len(where) > 1:
        problems.append(f"{' and '.join(where)} each declare {name}: the linker takes one's functions for the other's")
if len(homes) < 300:
    problems.append(f"only {len(homes)} types found: is the pattern right?")


for folder in sorted(RANKS):
    for own, names in clashes(root / folder):
        problems.append(f"src/{folder}: {' and '.join(names)} each have their own {own}, and are compiled together: give one another name, "
                        "or list a file under ALONE in CMakeLists.txt")
problems += [f"src/folders.txt: {folder} has no sources" for folder in RANKS if folder not in sources]
shown = dict(re.findall(r"^\| `([\w/]+)/` \| (\d+) \|", (root.parent / "ARCHITECTURE.md").read_text(), re.M))
for folder in sorted(RANKS.keys() | shown.keys()):
    if shown.get(folder) != str(RANKS.get(folder)):
        problems.append(f"ARCHITECTURE.md gives {folder} rank {shown.get(folder, 'none')}, src/folders.txt {RANKS.get(folder, 'none')}")
print("\n".join(problems) if problems else f"{len(files)} files in order")
sys.exit(1 if problems else 0)
