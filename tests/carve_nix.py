#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""carve_nix.py TORCHLATHE: nix/carve.nix through the real Nix, in a store of its own, on a package with nixpkgs' four outputs.

No output may refer to what it was made from, each refers to its own siblings where the old one did, and the same build comes
out the same. Exits 77 (skipped) without nix or gcc.
"""
import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

from needs import need
from nix_store import store_at

tests = Path(__file__).resolve().parent
program = Path(sys.argv[1]).resolve()
need("nix-build", "gcc")

with tempfile.TemporaryDirectory(prefix="lathe-carve-nix-") as folder:
    folder = Path(folder)
    environment = dict(os.environ, **store_at(folder))

    def run(*command):
        done = subprocess.run([str(c) for c in command], env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        assert done.returncode == 0, f"{command}:\n{done.stderr[-3000:]}"
        return done.stdout.splitlines()

    try:
        run("nix-build", "--version")
        subprocess.run([sys.executable, tests / "fat_library.py", folder / "a.so", "sm_80=400000,sm_90", "sm_75,sm_90=50000"], check=True)
        (folder / "bin").mkdir()
        os.symlink(program, folder / "bin/torchlathe")
        arguments = ["--argstr", "program", folder / "bin", "--argstr", "library", folder / "a.so", "--argstr", "path",
                     os.environ["PATH"]]
        expression = tests / "nix/carve-four-outputs.nix"

        def build(attribute):
            lines = run("nix-build", expression, "-A", attribute, "--no-out-link", *arguments)
            return {(path.rsplit("-", 1)[1] if path.rsplit("-", 1)[1] in ("lib", "dev", "cxxdev") else "out"): Path(path)
                    for path in lines}

        every = {}
        for attribute in ("fat", "carved"):
            every[attribute] = {name: build(f"{attribute}.{name}")[name] for name in ("out", "lib", "dev", "cxxdev")}
        fat, carved = every["fat"], every["carved"]
        other = next(p for p in (folder / "store").iterdir() if p.name.endswith("-dependency"))

        def references(path):
            return {Path(line) for line in run("nix-store", "-q", "--references", path)}

        for name in fat:
            old, new = references(fat[name]), references(carved[name])
            assert not new & set(fat.values()), f"{name} refers to the uncarved {new & set(fat.values())}"
            wanted = {carved[next(k for k, v in fat.items() if v == path)] if path in fat.values() else path for path in old}
            assert new == wanted, f"{name} refers to {new}, wanted {wanted}"
        assert other in references(carved["lib"]) and other in references(carved["out"])

        site = carved["out"] / "lib/python3.13/site-packages/torch"
        library = carved["lib"] / "lib/libtorch_cuda.so"
        assert library.stat().st_size < (fat["lib"] / "lib/libtorch_cuda.so").stat().st_size - 350_000
        assert os.readlink(site / "lib") == f"{carved['lib']}/lib" or (site / "lib").resolve() == library.parent
        binary = (site / "_C.so").read_bytes()
        assert len(binary) == (fat["out"] / "lib/python3.13/site-packages/torch/_C.so").stat().st_size
        inside = binary[3:].split(b"\0")[0].decode()
        assert Path(inside).read_bytes() == library.read_bytes(), inside
        assert str(other) in (site / "version.py").read_text()
        held = json.loads(subprocess.run([program, "inspect", "--format", "json", library], stdout=subprocess.PIPE, check=True).stdout)
        assert [code["arch"] for code in held["files"][0]["gpu"]] == ["sm_90"], held["files"][0]["gpu"]
        manifest = json.loads(next((carved["lib"] / "share/torchlathe").glob("*-lib/torchlathe-manifest.json")).read_text())
        assert manifest["gpus"] == ["9.0"]

        shown = run("nix-instantiate", "--eval", "--strict", "--json", expression, *arguments, "-A", "carved.passthru")
        assert json.loads(shown[0]) == {"kept": 1, "gpuArch": "sm90"}, shown
        shown = run("nix-instantiate", "--eval", "--strict", "--json", expression, *arguments, "-A", "carved.meta")
        assert json.loads(shown[0]) == {"license": "bsd3", "description": "for 9.0"}, shown

        refusals = {
            "release": "this package set has python3.13-torch-2.9.1, and 2.10.0 was expected",
            "cuda": "python3.13-torch-2.9.1 of this package set is built with CUDA 12.8, and 13.0 was expected",
            "cpu": "python3.13-torch-2.9.1 of this package set is built without CUDA",
            "silent": "python3.13-torch-2.9.1 of this package set is built with CUDA none, and 12.8 was expected",
            "code": "python3.13-torch-2.9.1 of this package set has code for 8.0, 9.0, none for 12.0",
            "refused": "no machine has it",
        }
        for attribute, why in refusals.items():
            done = subprocess.run(["nix-instantiate", str(expression), "-A", f"own.{attribute}", *map(str, arguments)], env=environment,
                                  stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
            assert done.returncode != 0 and f"carve: slim: {why}" in done.stderr, f"{attribute}: {done.stderr}"
        assert run("nix-instantiate", expression, "-A", "own.taken", *arguments)

        again = run("nix-build", expression, "-A", "carved", "--no-out-link", "--check", *arguments)
        assert again, "the second build gave nothing"
        bare = build("bare")
        assert not references(next(iter(bare.values()))) & set(fat.values())
    finally:
        # A store is read-only.
        for path in [folder / "store", *(folder / "store").rglob("*")]:
            if path.exists() and not path.is_symlink():
                path.chmod(0o755)
print("carved through Nix: no output refers to what it was made from")
