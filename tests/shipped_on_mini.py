#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""shipped_on_mini.py TORCHLATHE [--all]: every shipped matrix on nix/mini, in both styles of nixpkgs' torch (`rec`, `finalAttrs`).

Each recipe is instantiated by the real Nix against a set that does what the table says of its pin: which PyTorch it ships, with
which CUDA that calls itself broken, whether MAGMA is mended, names are looked up, CCCL has its folder. Of each matrix and style
one recipe is built, and what it holds is verified. Without --all every recipe is instantiated in one style and some in the other;
with it, all in both. Exits 77 (skipped) without Nix, nvcc, ninja.
"""
import json
import os
import re
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from needs import need
from nix_store import store_at

program = Path(sys.argv[1]).resolve()
whole = "--all" in sys.argv[2:]
need("nix-build", "nvcc", "ninja", "cmake", "g++")

root = Path(__file__).resolve().parent.parent
styles = ("rec", "finalAttrs")
# Built and verified: of the matrix these variants, where they are in it.
slices = {
    "cuda-12_8": ["pytorch-python313-cuda12_8-sm120-avx2"],
    "cuda-13_0": ["pytorch-python313-cuda13_0-sm90-avx2"],
    "cuda-13_0-native": ["pytorch-python313-cuda13_0-sm90-avx2"],
    "cuda-13_0-vision-audio": ["torchaudio-python313-cuda13_0-sm90-avx2"],
    "pytorch-2.10": ["pytorch210-python312-cuda13_1-sm75-avx2"],
    "pytorch-2.14": ["torchvision214-python314-cuda13_2-sm90-avx2"],
    "nightly-sm121": [],  # for Arm alone
}
# Device code of another release than the recipe asked for: the machine has one toolkit.
one_toolkit = {"cuda-other"}


assert set(slices) == {path.stem for path in (root / "matrices").glob("*.toml")}, "a shipped matrix is not held against the small package set"


def output(*words, **more):
    return subprocess.run([str(word) for word in words], check=True, text=True, stdout=subprocess.PIPE, **more).stdout


def table(name):
    return json.loads(output(program, "catalog", name, "-f", "json"))[name]


times = {row["since"]: row for row in table("nixpkgs")}
pins = {row["rev"]: row for row in table("pins")}


def habits(rev, style):
    """What makes nix/mini like the nixpkgs of this pin."""
    facts = times[pins[rev]["like"]]
    return {
        "TORCHLATHE_MINI_STYLE": style,
        "TORCHLATHE_MINI_TORCH": pins[rev]["torch"] or facts["torch"],
        "TORCHLATHE_MINI_TRITON": facts["triton"],
        "TORCHLATHE_MINI_TORCH_CUDA": " ".join(facts["torch_cuda"]),
        "TORCHLATHE_MINI_MAGMA": "patched" if facts["magma_cuda13"] else "",
        "TORCHLATHE_MINI_METADATA": "checked" if facts["metadata_check"] else "",
        "TORCHLATHE_MINI_CCCL": "folder" if facts["cccl_folder"] else "",
    }


def own_packages(folder):
    """A repository with CUDA packages, as the nightly's recipes fetch one."""
    inside = folder / "repository/.flox/pkgs"
    inside.mkdir(parents=True)
    for name, package in {"cudatoolkit": "cuda_nvcc", "cudnn": "cudnn", "nccl": "nccl", "libcusparse_lt": "libcusparse_lt"}.items():
        (inside / f"{name}-13_0.nix").write_text("{ cudaPackages_13_0 }: cudaPackages_13_0.%s\n" % package)
    return folder / "repository"


class Shipped:
    def __init__(self, folder, matrix):
        self.matrix, self.folder = matrix, folder / matrix
        output(program, "generate", "-m", matrix, "--output", self.folder)
        self.by_pin = {}
        for path in sorted(self.folder.glob("*.nix")):
            self.by_pin.setdefault(re.search(r"archive/([0-9a-f]{40})", path.read_text())[1], []).append(path)

    def arguments(self, repository):
        return ["--arg", "nixpkgs", root / "nix/mini", "--arg", "cudaToolkitRepo", repository, "--option", "sandbox", "false"]

    def instantiate(self, rev, paths, style, environment, repository):
        done = subprocess.run([str(word) for word in ["nix-instantiate", *paths, *self.arguments(repository)]], text=True,
                              stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=dict(environment, **habits(rev, style)))
        found = len(set(done.stdout.split()))
        assert done.returncode == 0, f"{self.matrix} at {rev}, {style}:\n{done.stderr[-2000:]}"
        assert found == len(paths), f"{self.matrix} at {rev}, {style}: {len(paths)} recipes are {found} derivations"

    def build(self, name, style, environment, repository):
        path = self.folder / f"{name}.nix"
        rev = re.search(r"archive/([0-9a-f]{40})", path.read_text())[1]
        done = subprocess.run([str(word) for word in ["nix-build", "--no-out-link", path, *self.arguments(repository)]],
                              text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, env=dict(environment, **habits(rev, style)))
        outputs = [line for line in done.stdout.splitlines() if re.match(r"/\S*/store/\S+$", line)]
        assert done.returncode == 0 and outputs, f"{name}, {style}:\n{done.stdout[-3000:]}"
        # PyTorch's libraries lie in an output of their own, and `out` has a link to it.
        libraries = list(Path(outputs[-1]).glob("lib/python*/site-packages/torch/lib"))
        held = subprocess.run([str(word) for word in [program, "verify", "-m", self.matrix, name, libraries[0].resolve() if libraries else outputs[-1], "-f", "json"]],
                              text=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        # The small companions have no loop that a wider instruction set would serve: warnings of that kind say nothing here.
        return [row["rule"] for row in json.loads(held.stdout)["findings"]
                if row["rule"] not in one_toolkit and (row["severity"] == "error" or row["rule"] == "profiler")]


def main(folder):
    environment = dict(os.environ, TORCHLATHE_PROGRAM=str(program), **store_at(folder / "nix"))
    repository = own_packages(folder)
    for matrix, built in slices.items():
        started = time.monotonic()
        shipped = Shipped(folder, matrix)
        count = 0
        for rev, paths in shipped.by_pin.items():
            for style in styles:
                own = "rec" if times[pins[rev]["like"]]["torch_style"] == "rec" else "finalAttrs"
                some = paths if whole or style == own else paths[::25]
                shipped.instantiate(rev, some, style, environment, repository)
                count += len(some)
        evaluated = time.monotonic()
        for name in built:
            for style in styles:
                findings = shipped.build(name, style, environment, repository)
                assert findings == [], f"{name}, {style}: {findings}"
        print(f"{matrix}: {count} instantiated in {evaluated - started:.0f} s, {len(built) * 2} built and verified in {time.monotonic() - evaluated:.0f} s", flush=True)


with tempfile.TemporaryDirectory(prefix="lathe-shipped-") as where:
    try:
        main(Path(where))
    finally:
        subprocess.run(["chmod", "-R", "u+w", where], check=False)
print("every shipped matrix holds on the small package set, in both styles")
