#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""strict_mini.py TORCHLATHE: every line of a recipe that is there for a habit of nixpkgs is needed.

Recipes are generated and built from nix/mini, which has these habits, by the real Nix in a store of its own. Then each line is
taken away or written as it used to be, and nix/mini must refuse, with nixpkgs' own words where it has some. What nixpkgs does
not say at all (a profiler without CUPTI, the packages of another machine) is looked for in what was built. Exits 77 (skipped)
without Nix, nvcc, ninja.
"""
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from needs import need
from nix_store import store_at

tests = Path(__file__).resolve().parent
program = Path(sys.argv[1]).resolve()
need("nix-build", "nvcc", "ninja", "cmake", "g++")

matrix = """[matrix]
name = "strict"
companions = ["torchaudio"]
[nixpkgs.canonical]
rev = "6a030d535719c5190187c4cec156f335e95e3211"
[pytorch."2.10.0"]
hash = "sha256-RKiZLHBCneMtZKRgTEuW1K7+Jpi+tx11BMXuS1jC1xQ="
[torchaudio."2.10.0"]
pytorch = "2.10.0"
hash = "sha256-b1sjHVFXdNFDbdtXWSM2KisSRE/8IbzJI4rvzYQ4UMg="
[[build]]
pytorch = "2.10.0"
python = "3.13"
cuda = "13.0"
gpus = GPUS
isas = ["avx2"]
"""
carve = """[settings]
strategy = "carve"
[carver]
url = "https://example.org/torchlathe.tar.gz"
"""
# Another release than nixpkgs', whose source reads otherwise where nixpkgs' postPatch insists and its patches look.
later = """[matrix]
name = "later"
[nixpkgs.canonical]
rev = "6a030d535719c5190187c4cec156f335e95e3211"
[pytorch."2.14.0"]
hash = "HASH"
[[build]]
kind = "cpu"
pytorch = "2.14.0"
python = "3.13"
isas = ["avx2"]
"""
jetson = """[matrix]
name = "jetson"
[nixpkgs.canonical]
rev = "6a030d535719c5190187c4cec156f335e95e3211"
[pytorch."2.9.1"]
hash = ""
[[build]]
pytorch = "2.9.1"
python = "3.13"
cuda = "12.9"
gpus = ["8.7"]
isas = ["armv8_2"]
"""
# A GPU for which nixpkgs builds only what is told to.
thor = jetson.replace('"2.9.1"', '"2.10.0"').replace("12.9", "13.0").replace("8.7", "11.0").replace("armv8_2", "armv9")
# CUDA's packages from a repository that only hands on nixpkgs' own, by a name that moves.
handed_on = matrix.replace('companions = ["torchaudio"]\n', "").replace('[torchaudio."2.10.0"]\npytorch = "2.10.0"\nhash = "sha256-b1sjHVFXdNFDbdtXWSM2KisSRE/8IbzJI4rvzYQ4UMg="\n', "") + """[cuda_packages]
cuda = "13.0"
from = "fetch"
url = "https://example.org/packages.tar.gz"
"""
rubin = """[matrix]
name = "rubin"
companions = ["torchaudio"]
[nixpkgs.canonical]
rev = "0d64e2ab3c25c0d9ee9b7bb25ac5a2f2bacff67c"
[[build]]
pytorch = "2.14.0"
python = "3.13"
cuda = "13.4"
gpus = ["10.7"]
isas = ["armv9"]
"""
set_name = "python313-cuda13_0-sm90-avx2"


class Mini:
    """A folder of generated recipes, the package set and torchlathe's own nix folder, all of which may be changed."""

    def __init__(self, folder):
        self.folder = folder
        self.environment = dict(os.environ, TORCHLATHE_PROGRAM=str(program), **store_at(folder / "nix"))
        shutil.copytree(tests.parent / "nix", folder / "own/nix", symlinks=True)
        self.made = 0

    def generate(self, name, text):
        (self.folder / f"{name}.toml").write_text(text)
        subprocess.run([program, "generate", "-m", self.folder / f"{name}.toml", "--output", self.folder / name], check=True,
                       stdout=subprocess.DEVNULL)

    def changed(self, name, changes):
        """A copy of the recipes with (text, other text) in them, each found in at least one file."""
        self.made += 1
        copy = self.folder / f"{name}-{self.made}"
        shutil.copytree(self.folder / name, copy)
        for old, new in changes:
            holders = [path for path in copy.iterdir() if re.search(old, path.read_text())]
            assert holders, f"no recipe has: {old}"
            for path in holders:
                path.write_text(re.sub(old, new, path.read_text()))
        return copy

    def run(self, command, path, habits, carver=None):
        arguments = ["--arg", "nixpkgs", self.folder / "own/nix/mini"]
        if "carve" in str(path):
            arguments += ["--arg", "torchlathe", carver or self.folder / "own"]
        return subprocess.run([str(word) for word in [*command, path, *arguments]], text=True, stdout=subprocess.PIPE,
                              stderr=subprocess.STDOUT, env=dict(self.environment, **habits))

    def build(self, path, habits=(), carver=None):
        done = self.run(["nix-build", "--no-out-link", "--timeout", "300"], path, dict(habits), carver)
        return done.returncode == 0, done.stdout

    def result(self, path, habits=(), carver=None):
        good, log = self.build(path, habits, carver)
        assert good, f"{path.name} does not build, {dict(habits)}:\n{log[-3000:]}"
        return Path([line for line in log.splitlines() if line.startswith("/")][-1])

    def asked(self, *words):
        """What the store knows of its paths."""
        return subprocess.run(["nix-store", "-q", *map(str, words)], env=self.environment, text=True, stdout=subprocess.PIPE, check=True).stdout.split()

    def outputs_with(self, out):
        """All that was built with this output."""
        return [Path(path) for path in self.asked("--outputs", *self.asked("--deriver", out)) if os.path.exists(path)]

    def refused(self, what, name, changes, target, words, habits=(), carver=None):
        good, log = self.build(self.changed(name, changes) / f"{target}.nix", habits, carver)
        assert not good and words in log, f"{what}: {'builds' if good else 'refused otherwise'}\n{log[-2000:]}"
        print(f"refused: {what}")


def libraries(out):
    """Where the libraries of the PyTorch in this output lie."""
    return Path(f"{out}/lib/python3.13/site-packages/torch/lib").resolve()


def profiler(out):
    """What the profiler of the PyTorch in this output can watch."""
    code = "import torch; print(*sorted(a.name for a in torch.profiler.supported_activities()))"
    site = f"{out}/lib/python3.13/site-packages"
    return subprocess.run([sys.executable, "-c", code], env=dict(os.environ, PYTHONPATH=site), check=True, text=True,
                          stdout=subprocess.PIPE).stdout.strip()


def compiles(mini, out):
    """What torch.compile says, with all that this PyTorch hands on."""
    needed = mini.asked("-R", *mini.outputs_with(out))
    sites = [f"{path}/lib/python3.13/site-packages" for path in needed]
    done = subprocess.run([sys.executable, "-c", "import torch, triton; torch.compile(len); print(triton.__version__)"], text=True,
                          env=dict(os.environ, PYTHONPATH=":".join(sites)), stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    return done.stdout.strip().splitlines()[-1]


checked = {"TORCHLATHE_MINI_METADATA": "checked"}
metadata_line = r"    dontCheckPythonMetadata = true;\n"


def companions(mini):
    mini.generate("set", matrix.replace("GPUS", '["9.0"]'))
    target = f"torchaudio-{set_name}"
    whole = mini.folder / "set" / f"{target}.nix"
    mini.result(whole, checked)
    mini.result(whole, {"TORCHLATHE_MINI_STYLE": "finalAttrs", "TORCHLATHE_MINI_CCCL": "include"})
    # F1
    torch_line = r"torch = import (\./.*\.nix \{[^}]*\});"
    mini.refused("a companion with torch.out alone", "set", [(torch_line, r"torch = (import \1).out;")], target,
                 "No module named 'typing_extensions'", checked)
    mini.refused("a companion without what CMake finds", "set",
                 [(torch_line, r"torch = (import \1).out;"), (r"\[ torch\.out \]", "[ torch.out pkgs.python313Packages.typing-extensions ]")],
                 target, "FindTorch.cmake", checked)
    mini.refused("a companion without nixpkgs' patches", "set", [(r'(version = "2\.10\.0";\n    src = pkgs)', r"patches = [ ];\n    \1")],
                 target, "patch of setup.py is not applied", checked)
    # F3
    mini.refused("a companion of another name", "set", [(metadata_line, "")], target, "PackageNotFoundError", checked)
    mini.refused("a PyTorch of another name", "set", [(metadata_line, "")], f"pytorch-{set_name}", "PackageNotFoundError", checked)


def upgrades(mini):
    # F4
    target = mini.folder / "set" / f"pytorch-{set_name}.nix"
    found = profiler(mini.result(target, checked))
    assert "CUDA" in found or not os.path.exists("/dev/nvidia0"), found
    mini.refused("no patches at all", "set", [(r"(# nixpkgs' substitutions insist)", r"patches = [ ];\n        \1")], f"pytorch-{set_name}",
                 "FindCUDAToolkit.cmake", checked)
    quiet = mini.changed("set", [(r"(# nixpkgs' substitutions insist)",
                                  r'patches = builtins.filter (patch: baseNameOf patch != "pytorch-pr-108847.patch") old.patches;\n        \1')])
    good, log = mini.build(quiet / f"pytorch-{set_name}.nix", checked)
    assert good and "using CPU-only Kineto build" in log, log[-2000:]
    built = Path([line for line in log.splitlines() if line.startswith("/")][-1])
    held = subprocess.run([program, "verify", f"pytorch-{set_name}", libraries(built)], text=True, stdout=subprocess.PIPE).stdout
    assert "[profiler]" in held, held
    held = subprocess.run([program, "verify", f"pytorch-{set_name}", libraries(mini.result(target, checked))], text=True, stdout=subprocess.PIPE).stdout
    assert "[profiler]" not in held, held
    print("quiet, and found: a profiler without CUPTI")
    # F5, F4
    mini.generate("unhashed", later.replace("HASH", ""))
    good, log = mini.build(mini.folder / "unhashed/pytorch-python313-cpu-avx2.nix")
    assert not good and "hash mismatch" in log, log[-2000:]
    mini.generate("later", later.replace("HASH", re.findall(r"got: *(sha256-\S+)", log)[0]))
    mini.result(mini.folder / "later/pytorch-python313-cpu-avx2.nix")
    mini.refused("texts of another release", "later", [(r'builtins\.replaceStrings .*? \(old\.postPatch or ""\)', "old.postPatch")],
                 "pytorch-python313-cpu-avx2", "doesn't match anything in file")
    mini.refused("a patch of another release", "later", [(r'"pytorch-pr-108847\.patch"', "")], "pytorch-python313-cpu-avx2", "FAILED")


def triton(mini):
    # F6: nothing is said until a program asks for code.
    name = f"pytorch-{set_name}"
    assert compiles(mini, mini.result(mini.folder / "set" / f"{name}.nix", checked)) == "3.6.0"
    llvm = (r"triton-llvm = prev\.triton-llvm", "unused-llvm = prev.triton-llvm")
    without = [llvm, (r"triton = pprev\.triton\.overrideAttrs", "unused = pprev.triton.overrideAttrs")]
    found = compiles(mini, mini.result(mini.changed("set", without) / f"{name}.nix", checked))
    assert found == "RuntimeError: PyTorch 2.10.0 is made for triton 3.6.0, this is 3.5.1", found
    print("quiet, and found: a triton of another release")
    found = compiles(mini, mini.result(mini.changed("set", [(r"-Wl,-rpath,", "-Wl,-O1,")]) / f"{name}.nix", checked))
    assert found.startswith("OSError: libcuda.so.1"), found
    print("quiet, and found: what triton compiles does not find the driver's library")
    mini.refused("triton with another LLVM", "set", [llvm], name, "LLVM is 7d5de", checked)
    mini.refused("a patch of another triton", "set", [(r'\[ "0001-_build[^]]*\]', "[ ]")], name, "FAILED", checked)


def cccl(mini):
    # F10
    links = f"pytorch-{set_name}"
    for style in ("", "one", "include", "folder"):
        mini.result(mini.folder / "set" / f"{links}.nix", {"TORCHLATHE_MINI_CCCL": style})
    mini.refused("links to CCCL's output dev", "set", [("getInclude", "getDev")], links, "CCCL has no include/cuda",
                 {"TORCHLATHE_MINI_CCCL": "include"})


def jetsons(mini):
    # F8: nothing is said; the packages are those of another machine.
    mini.generate("jetson", jetson)
    name = "pytorch-python313-cuda12_9-sm87-armv8_2.nix"

    def packages(path):
        done = mini.run(["nix-instantiate"], path, {})
        assert done.returncode == 0, done.stdout
        needed = subprocess.run(["nix-store", "-qR", done.stdout.splitlines()[-1].split("!")[0]], env=mini.environment, text=True,
                                stdout=subprocess.PIPE, check=True).stdout.splitlines()
        compiler = next(path for path in needed if path.endswith("cuda_nvcc-12.9.drv"))
        return re.search(r'"redist","([^"]*)"', Path(compiler).read_text())[1]

    assert packages(mini.folder / "jetson" / name) == "linux-aarch64"
    left_out = r"cudaCapabilities = \[ \"8\.7\" \];(?=\s*# This|\s*\};\s*overlays)"
    assert packages(mini.changed("jetson", [(left_out, "")]) / name) == "linux-sbsa"
    done = mini.run(["nix-instantiate"], mini.changed("jetson", [(left_out, 'cudaCapabilities = [ "8.7" "9.0" ];')]) / name, {})
    assert "cannot be specified with other capabilities" in done.stdout, done.stdout
    print("quiet, and found: a Jetson with the packages of Arm servers")


def beside_default(mini):
    # Nothing is said: MAGMA and NCCL are built for other GPUs than PyTorch.
    mini.generate("thor", thor)
    name = "pytorch-python313-cuda13_0-sm110-armv9.nix"

    def magma(path):
        done = mini.run(["nix-instantiate"], path, {})
        assert done.returncode == 0, done.stdout
        needed = subprocess.run(["nix-store", "-qR", done.stdout.splitlines()[-1].split("!")[0]], env=mini.environment, text=True,
                                stdout=subprocess.PIPE, check=True).stdout.splitlines()
        return re.search(r'"CUDA_ARCHITECTURES","([^"]*)"', Path(next(path for path in needed if path.endswith("magma-2.9.0.drv"))).read_text())[1]

    assert magma(mini.folder / "thor" / name) == "11.0"
    line = r'cudaCapabilities = \[ "11\.0" \];(?=\s*# This|\s*\};\s*overlays)'
    assert "11.0" not in magma(mini.changed("thor", [(line, "")]) / name).split(";")
    print("quiet, and found: a MAGMA without code for the GPU")
    done = mini.run(["nix-instantiate"], mini.changed("thor", [('"aarch64-linux"', '"x86_64-linux"')]) / name, {})
    assert done.returncode != 0 and "require hostPlatform (x86_64-linux) to be aarch64-linux" in done.stdout, done.stdout
    print("refused: a Jetson's capability for another machine")


def repositories(mini):
    # F7: said when it is evaluated, not found at run time by two runtimes in one process.
    mini.generate("handed", handed_on.replace("GPUS", '["9.0"]'))
    packages = mini.folder / "packages"
    (packages / ".flox/pkgs").mkdir(parents=True)
    for name, package in {"cudatoolkit": "cuda_nvcc", "cudnn": "cudnn", "nccl": "nccl", "libcusparse_lt": "libcusparse_lt"}.items():
        (packages / ".flox/pkgs" / f"{name}-13_0.nix").write_text("{ cudaPackages_13 }: cudaPackages_13.%s\n" % package)
    recipe = mini.folder / "handed" / f"pytorch-{set_name}.nix"

    def evaluated(path, moved):
        done = mini.run(["nix-instantiate", "--arg", "cudaToolkitRepo", packages], path, {"TORCHLATHE_MINI_CUDA13": moved})
        return done.returncode == 0, done.stdout

    good, log = evaluated(recipe, "13_0")
    assert good, log[-2000:]
    good, log = evaluated(recipe, "13_2")
    words = "is nixpkgs' own package of CUDA 13.2: two CUDA releases cannot be in one build"
    assert not good and words in log, log[-2000:]
    # Without the recipe's own look it is stdenv's inputs that meet, in words of their own.
    good, log = evaluated(mini.changed("handed", [(r"if release == null \|\| release == \[ \"13\.0\" \] then", "if true then")]) / recipe.name, "13_2")
    assert not good and words not in log, log[-2000:]
    print("refused: packages of another CUDA by a name that moves")


def lagging(mini):
    # nixpkgs' table of capabilities has no Rubin: the configuration refuses it, gpuTargets lets it through.
    mini.generate("rubin", rubin)
    name = "torchaudio-python313-cuda13_4-sm107-armv9.nix"
    habits = {"TORCHLATHE_MINI_TORCH": "2.14.0", "TORCHLATHE_MINI_TORCH_CUDA": "11 12 13"}
    done = mini.run(["nix-instantiate"], mini.folder / "rubin" / name, habits)
    assert done.returncode == 0, done.stdout
    asked = mini.changed("rubin", [(r"allowUnfree = true;", 'allowUnfree = true; cudaCapabilities = [ "10.7" ];')])
    done = mini.run(["nix-instantiate"], asked / name, habits)
    assert done.returncode != 0 and "Requested unrecognized CUDA capabilities" in done.stdout, done.stdout
    print("refused: a capability that nixpkgs' table lacks")


def carved(mini):
    mini.generate("carve", matrix.replace("GPUS", '["9.0", "8.6"]') + carve)
    target = mini.folder / "carve" / f"torchaudio-{set_name}.nix"
    torch = mini.folder / "carve" / f"pytorch-{set_name}.nix"
    # F9: two carved packages in one environment; no output holds the uncarved wheel.
    def collide(carver=None):
        """Do manifests of the two lie at one place of an environment?"""
        results = [out for recipe in (target, torch) for out in mini.outputs_with(mini.result(recipe, carver=carver))]
        records = [path.relative_to(out) for out in results for path in out.rglob("torchlathe-manifest.json")]
        assert len(records) >= 2, records
        return len(records) > len(set(records))

    def outputs(carver=None):
        done = mini.run(["nix-instantiate", "--eval", "--read-write-mode", "--strict", "--json", "-A", "outputs"], torch, {}, carver)
        assert done.returncode == 0, done.stdout
        return json.loads(done.stdout.splitlines()[-1])

    assert not collide()
    assert outputs() == ["out", "dev", "lib", "cxxdev"]
    # F2
    own = mini.folder / "own-changed"
    shutil.copytree(mini.folder / "own", own, symlinks=True)
    recipe = own / "nix/carve.nix"
    text = recipe.read_text()

    def without(old, new):
        assert old in text, old
        recipe.write_text(text.replace(old, new))
        return own

    mini.refused("a carve of what is called broken", "carve", [], f"pytorch-{set_name}", "is marked as broken",
                 carver=without('"broken" "available"', '"available"'))
    # F9: the same two, and what builds against it asks for its compiler.
    assert outputs(without('filter (output: output != "dist")', "filter (_: true)")) == ["out", "dev", "lib", "cxxdev", "dist"]
    assert collide(without('mv "\'\'$${output}/torchlathe-manifest.json"', "true"))
    print("found: a carved wheel's other copy, manifests at one place")
    against = mini.changed("carve", [])
    (against / "against.nix").write_text("""{ nixpkgs, torchlathe }:
let pkgs = import nixpkgs { config = { allowUnfree = true; allowBroken = true; }; }; in
pkgs.python313Packages.torchaudio.override { torch = import ./pytorch-%s.nix { inherit nixpkgs torchlathe; }; }
""" % set_name)
    good, log = mini.build(against / "against.nix")
    assert good, log[-2000:]
    good, log = mini.build(against / "against.nix", carver=without("if from ? stdenv", "if false"))
    assert not good and "program" in log, log[-2000:]
    print("refused: a carved torch without its compiler")
    # A source tree may be large, and changes while it is read: only what is imported from it is looked at.
    copied = [path.name for path in (mini.folder / "nix/store").iterdir() if path.name.partition("-")[2] in ("own", "own-changed")]
    assert not copied, f"all of torchlathe's source tree is copied into the store: {copied}"


with tempfile.TemporaryDirectory(prefix="lathe-strict-") as folder:
    mini = Mini(Path(folder))
    try:
        companions(mini)
        upgrades(mini)
        triton(mini)
        cccl(mini)
        jetsons(mini)
        beside_default(mini)
        repositories(mini)
        lagging(mini)
        carved(mini)
    finally:
        subprocess.run(["chmod", "-R", "u+w", folder], check=False)
print("each line that is there for a habit of nixpkgs is needed")
