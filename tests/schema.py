#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""schema.py BINARY CACHE: schemas/matrix.schema.json says of a matrix file what the program says. taplo, by the schema, takes the shipped
matrices and each right change of a good one, and refuses each wrong one, as the program does; tables have the keys and enumerations the words
that the program knows."""
import json
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from python_index import need

root = Path(__file__).resolve().parent.parent
binary = Path(sys.argv[1]).resolve()
schema_file = root / "schemas/matrix.schema.json"
schema = json.loads(schema_file.read_text())

GOOD = """[matrix]
name = "m"
[nixpkgs.main]
rev = "6a030d535719c5190187c4cec156f335e95e3211"
[pytorch."2.10.0"]
hash = "sha256-RKiZLHBCneMtZKRgTEuW1K7+Jpi+tx11BMXuS1jC1xQ="
[settings]
jobs = 0
[[build]]
pytorch = ["2.10.0"]
python = ["3.13"]
cuda = ["13.0"]
gpus = ["12.0", "9.0"]
isas = ["avx2"]
"""
CARVER = '\n[carver]\nurl = "https://example.org/t.tar.gz"\n'
OWN = 'strategy = "carve"\nbase = "nixpkgs"'
# What is replaced in GOOD, by what ("" in front: it is added at the end).
RIGHT = [
    ('["12.0", "9.0"]', '"9.0a"'), ("gpus =", "gpu ="), ('["12.0", "9.0"]', '[["8.6", "8.9"], "9.0"]'), ('["avx2"]', '"armv9"'),
    ("jobs = 0", 'narrow = "closure"\nptx = true\nmemory_per_job = 4096\ncompile_cache = "/var/cache/t"'),
    ("jobs = 0", 'strategy = "carve"' + CARVER), ("jobs = 0", OWN + CARVER), ("sha256-RKiZLHBCneMtZKRgTEuW1K7+Jpi+tx11BMXuS1jC1xQ=", ""),
    ('name = "m"', 'name = "cuda-13.0"\ndrop = ["redundant"]\npackage = "pytorch"'),
    ('["avx2"]', '["avx2"]\nblas = ["mkl", "openblas"]\nname = "{package}-{gpu}-{isa}-{blas}"'),
    ("rev = ", 'sha256 = "0000000000000000000000000000000000000000000000000000"\nrev = '),
    ("", '[[build]]\nkind = "cpu"\npytorch = "2.9.1"\npython = "3.13"\nisas = ["avx2"]\n'),
    ("", '[[override]]\nmatch = { gpu = "12.*", isa = ["avx*"] }\njobs = 1\nflags = ["-mavx2"]\n'),
    ("", '[[exclude]]\nmatch = { gpu = "9.0" }\nreason = "none here"\n[[silence]]\nrule = "pin-hash"\nreason = "a mirror"\n'),
    ("", '[extra.environment]\nA = "${pkgs.mkl}/lib:$B${C:+:$C}"\nD = 1\n[extra.override]\nMPISupport = true\n[extra]\nnix = "doCheck = true;"\n'),
    ("", '[flags]\navx2 = ["-mavx2"]\n[aliases]\nold = "pytorch-python313-cuda13_0-sm90-avx2"\n'),
    ("", '[cuda_packages]\ncuda = "13.0"\nurl = "https://example.org/c.tar.gz"\nfolder = "pkgs"\n'),
    ('pytorch = ["2.10.0"]\npython = ["3.13"]\ncuda = ["13.0"]\n', ""),  # of the branch below
]
BRANCH = '[[branch]]\nname = "b"\npytorch = "2.10.0"\npython = ["3.13"]\ncuda = { "13.0" = "main" }\nnixpkgs = "main"\n'
WRONG = [
    ('["12.0", "9.0"]', '["sm_90"]'), ('["12.0", "9.0"]', '["9.3"]'), ('["12.0", "9.0"]', '["9.0", "9.0"]'), ('["12.0", "9.0"]', "[]"),
    ('["12.0", "9.0"]', "[12.0]"), ('["12.0", "9.0"]', "[[]]"), ('gpus = ["12.0", "9.0"]\n', ""), ("gpus =", "gpsu ="),
    ('["avx2"]', '["avx22"]'), ('["avx2"]', '["avx2", "avx2"]'), ("isas =", "isa_s ="), ('["13.0"]', '["13"]'), ('["13.0"]', '["11.8"]'),
    ('cuda = ["13.0"]\n', ""), ('["3.13"]', '["313"]'), ('["3.13"]', '["3.13.1"]'), ('["3.13"]', "[3.13]"), ('["3.13"]', '["03.13"]'),
    ('pytorch = ["2.10.0"]', 'pytorch = ["2.10"]'), ('pytorch = ["2.10.0"]\n', ""), ("[pytorch.", "[pytorhc."),
    ('[pytorch."2.10.0"]', '[pytorch."nightly"]'), ("C1xQ=", "C1xR="), ("C1xQ=", "C1x="), ("sha256-", "sha512-"),
    ("6a030d535719c5190187c4cec156f335e95e3211", "main"), ("6a030d535719c5190187c4cec156f335e95e3211", "6a030d5"), ('rev = "', 'revision = "'),
    ("rev = ", 'sha256 = "e"\nrev = '), ('name = "m"', 'title = "m"'), ('name = "m"', 'name = "my matrix"'), ('name = "m"', 'name = "1m"'),
    ('name = "m"', 'name = "m"\npackage = "jax"'), ('name = "m"', 'name = "m"\ndrop = ["valid"]'),
    ('name = "m"', 'name = "m"\ncompanions = ["torchtext"]'), ("jobs = 0", "jobs = -1"), ("jobs = 0", "jobs = 4097"), ("jobs = 0", 'jobs = "4"'),
    ("jobs = 0", 'narrow = "all"'), ("jobs = 0", 'ptx = "yes"'), ("jobs = 0", 'compile_cache = "cache"'), ("jobs = 0", 'compile_cache = "/a/"'),
    ("jobs = 0", 'base = "nixpkgs"'), ("jobs = 0", 'strategy = "cut"'), ("jobs = 0", 'strategy = "carve"'),
    ("jobs = 0", 'strategy = "carve"\nnarrow = "closure"' + CARVER), ("jobs = 0", OWN + "\nptx = true" + CARVER),
    ("jobs = 0", 'strategy = "carve"\n[[override]]\nmatch = { gpu = "9.0" }\nptx = true' + CARVER), ("jobs = 0", 'extra = { nix = "" }'),
    ("[[build]]", "[build]"), ("isas =", 'kind = "tpu"\nisas ='), ("isas =", 'kind = "cpu"\nisas ='), ("isas =", 'branches = ["b"]\nisas ='),
    ("isas =", 'name = "{pakage}"\nisas ='), ("isas =", 'name = "{gpu}-{blas}"\nisas ='), ("isas =", 'blas = "atlas"\nisas ='),
    ("", "[[exclude]]\nmatch = {}\nreason = \"x\"\n"), ("", '[[exclude]]\nmatch = { gpu = "9.0" }\n'),
    ("", '[[exclude]]\nmatch = { cpu = "avx2" }\nreason = "x"\n'), ("", '[[override]]\nmatch = { gpu = "9.0" }\n'),
    ("", '[[override]]\nmatch = { gpu = "9.0" }\nflags = ["avx2"]\n'), ("", '[[silence]]\nrule = "pin-hash"\nreason = " "\n'),
    ("", '[flags]\navx3 = ["-mavx2"]\n'), ("", '[flags]\navx2 = ["-mavx2; rm"]\n'), ("", "[aliases]\nold = 1\n"), ("", "[extra]\n"),
    ("", '[extra.environment]\nMAX_JOBS = 1\n'), ("", '[extra.environment]\nA = "`id`"\n'), ("", '[extra.environment]\nA = "$(id)"\n'),
    ("", '[extra.environment]\n"A-B" = "1"\n'), ("", '[extra.override]\ncudaSupport = true\n'), ("", '[extra.packages]\ncudaPackages = "pkgs"\n'),
    ("", '[extra.override]\nlet = "1"\n'), ("", '[cuda_packages]\ncuda = "13.0"\n'), ("", '[cuda_packages]\ncuda = "13.0"\nfrom = "copies"\n'),
    ("", '[cuda_packages]\ncuda = "13.0"\nfrom = "copy"\nurl = "https://example.org/x"\n'),
    ("", '[torchvision."0.25.0"]\npytorch = "2.10.0"\nhash = ""\n'), ("", '[[branch]]\nname = "b"\npytorch = "2.10.0"\nnixpkgs = "main"\n'),
    ("", BRANCH.replace('"13.0" =', '"13" =')),
]


def changed(change):
    before, after = change
    if before and before not in GOOD:
        sys.exit(f"not in the good matrix: {before}")
    text = GOOD.replace(before, after, 1) if before else GOOD + after
    return text + (BRANCH if change == RIGHT[-1] else "")


def program_says(path):
    """None where it takes the file."""
    done = subprocess.run([binary, "list", "--names", "--matrix", path], capture_output=True, text=True)
    return None if done.returncode == 0 else done.stderr


def refused_by_taplo(taplo, paths):
    done = subprocess.run([taplo, "lint", "--no-auto-config", "--colors", "never", "--schema", schema_file.as_uri(), *paths],
                          capture_output=True, text=True)
    said = done.stdout + done.stderr
    refused = {path for path in paths if f"{path}:" in said or f"{path.name}:" in said}
    if (done.returncode != 0) != bool(refused):
        sys.exit(f"taplo ended with {done.returncode}:\n{said[:2000]}")
    return refused


def files(folder, changes):
    paths = []
    for number, change in enumerate(changes):
        paths.append(Path(folder, f"m{number}.toml"))
        paths[-1].write_text(changed(change))
    return paths


def compare(taplo):
    shipped = [*root.glob("matrices/*.toml"), *root.glob("docs/matrices/*.toml"), *root.glob("fuzz/corpus/matrix/*.toml"), root / "src/cli/starter.toml"]
    for path in refused_by_taplo(taplo, shipped):
        yield f"taplo refuses {path.relative_to(root)}"
    for changes, wanted in ((RIGHT, False), (WRONG, True)):
        with tempfile.TemporaryDirectory() as folder:
            paths = files(folder, changes)
            refused = refused_by_taplo(taplo, paths)
            for path, change in zip(paths, changes):
                said = program_says(path)
                if (said is not None) != wanted:
                    yield f"the program {'takes' if wanted else 'refuses'} {change}: {said}"
                if (path in refused) != wanted:
                    yield f"taplo {'takes' if wanted else 'refuses'} {change}"


def keys():
    """Of each table: the words that the program says it knows, against the schema's."""
    tables = {name: schema["properties"][name] for name in ("matrix", "settings", "carver", "cuda_packages")}
    tables |= {f"{name}.x": schema["properties"][name]["additionalProperties"] for name in ("nixpkgs",)}
    tables['pytorch."2.10.0"'] = schema["properties"]["pytorch"]["additionalProperties"]
    tables['torchvision."0.25.0"'] = schema["definitions"]["companion"]["additionalProperties"]
    tables |= {f"[{name}]": schema["properties"][name]["items"] for name in ("branch", "exclude", "override", "silence")}
    tables |= {"[build]": schema["definitions"]["block"], "extra": schema["definitions"]["extra"], "": schema}
    with tempfile.TemporaryDirectory() as folder:
        for name, table in tables.items():
            path = Path(folder, "m.toml")
            odd = "zzzzzzzz = 1\n"
            good = GOOD.replace('name = "m"', 'name = "m"\ncompanions = ["torchvision"]') if "vision" in name else GOOD
            if name in ("matrix", "settings", 'pytorch."2.10.0"', "[build]"):
                text = good.replace(f"[{name}]\n", f"[{name}]\n{odd}", 1)
            elif name == "carver":
                text = good.replace("jobs = 0", 'strategy = "carve"') + f"[carver]\n{odd}"
            else:
                text = f"{odd}{good}" if not name else f"{good}[{name}]\n{odd}"
            path.write_text(text)
            said = program_says(path) or ""
            known = re.search(r"known here: (.*)", said)
            if not known:
                yield f"no list of keys for [{name}]: {said}"
            elif sorted(known.group(1).split(", ")) != sorted(table["properties"]):
                yield f"[{name}]: the program knows {known.group(1)}, the schema {', '.join(table['properties'])}"


def words():
    def catalogue(table, column):
        done = subprocess.run([binary, "catalog", table, "--format", "json"], capture_output=True, text=True, check=True)
        answer = json.loads(done.stdout)
        return [row[column] for row in (answer if isinstance(answer, list) else next(value for value in answer.values() if isinstance(value, list)))]

    parts = schema["definitions"]
    for name, enumeration, known in (("gpu", parts["gpu"]["anyOf"][0]["enum"], catalogue("capabilities", "capability")),
                                     ("isa", parts["isa"]["enum"], catalogue("isas", "isa")), ("cuda", parts["cuda"]["enum"], catalogue("cuda", "cuda"))):
        if enumeration != known:
            yield f"{name}: the catalogue has {known}, the schema {enumeration}"
    suffixed = parts["gpu"]["anyOf"][1]["pattern"]
    for capability in parts["gpu"]["anyOf"][0]["enum"]:
        if not re.fullmatch(suffixed.strip("^$"), capability + "a"):
            yield f"the schema's pattern of suffixes lacks {capability}"


def main():
    taplo = shutil.which("taplo") or need(f"{sys.argv[2]}/taplo-0.9.3/bin/taplo", "install", "-q", "--no-deps", "--upgrade", "--target", f"{sys.argv[2]}/taplo-0.9.3",
                                          "taplo==0.9.3")
    problems = [*keys(), *words(), *compare(taplo)]
    print("\n".join(problems) if problems else f"{len(RIGHT)} right changes and {len(WRONG)} wrong ones: taplo and the program agree")
    sys.exit(1 if problems else 0)


main()
