#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""strategies.py TORCHLATHE [--gpus CC,...] [--isas NAME,...] [--bound] [--most-of-bound X] [--least-saved Y]

The same variants from nix/mini by each strategy, each in a Nix store and with a compile cache of its own, by the real Nix and nvcc:
rebuild, rebuild with compile_cache, carve, carve with compile_cache. Prints processor seconds of each (all processes: Nix, builders,
torchlathe), and compares each carved variant with its rebuilt twin, device image for device image. --bound adds the lower bound: each
CUDA source compiled once for all GPUs, each host file once for each instruction set, and the links of that many builds.
Exits 77 (skipped) without Nix, nvcc or ninja.
"""
import argparse
import hashlib
import json
import os
import re
import resource
import shutil
import struct
import subprocess
import sys
import tempfile
from pathlib import Path

from needs import need
from nix_store import store_at

tests = Path(__file__).resolve().parent
mini = tests.parent / "nix/mini"
strategies = [("rebuild", False), ("rebuild", True), ("carve", False), ("carve", True)]


def arguments():
    parser = argparse.ArgumentParser()
    parser.add_argument("torchlathe", type=lambda text: Path(text).resolve())
    parser.add_argument("--gpus", default="12.1,12.0,11.0,10.3,10.0,9.0,8.9,8.6,8.0", type=lambda text: text.split(","))
    parser.add_argument("--isas", default="avx2,avx512,avx512bf16,avx512vnni", type=lambda text: text.split(","))
    parser.add_argument("--bound", action="store_true", help="measure the lower bound too")
    parser.add_argument("--most-of-bound", type=float, help="fail when carve with the cache costs more than this times the bound")
    parser.add_argument("--least-saved", type=float, help="fail when carve with the cache costs more than rebuild divided by this")
    return parser.parse_args()


def matrix(options, strategy, cache):
    def words(items):
        return ", ".join(f'"{item}"' for item in items)

    text = f"""[matrix]
name = "strategies"
[nixpkgs.canonical]
rev = "6a030d535719c5190187c4cec156f335e95e3211"
[pytorch."2.10.0"]
hash = "sha256-RKiZLHBCneMtZKRgTEuW1K7+Jpi+tx11BMXuS1jC1xQ="
[settings]
strategy = "{strategy}"
compile_cache = "{cache}"
[[build]]
pytorch = "2.10.0"
python = "3.13"
cuda = "13.0"
gpus = [{words(options.gpus)}]
isas = [{words(options.isas)}]
pname = "{{package}}{{pytorch}}-python{{python}}-cuda{{cuda}}-{{gpu}}-{{isa}}"
"""
    return text + ('[carver]\nurl = "https://example.org/not-used.tar.gz"\n' if strategy == "carve" else "")


def spent():
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return usage.ru_utime + usage.ru_stime


class Strategy:
    def __init__(self, options, folder, name, cached):
        self.label = name + (" + cache" if cached else "")
        self.options, self.folder, self.name = options, folder / self.label.replace(" ", ""), name
        self.folder.mkdir()
        self.cache = self.folder / "cache" if cached else ""
        self.environment = dict(os.environ, **store_at(self.folder / "nix"))

    def build(self):
        (self.folder / "matrix.toml").write_text(matrix(self.options, self.name, self.cache))
        command = [self.options.torchlathe, "build", "-m", "matrix.toml", "--nixpkgs", mini, "--torchlathe", tests.parent, "--impossible",
                   "--any-cpu", "--cores", "2"]  # nothing that nix/mini builds is run while it is built
        before = spent()
        done = subprocess.run([str(word) for word in command], cwd=self.folder, env=self.environment, stdout=subprocess.PIPE,
                              stderr=subprocess.STDOUT, text=True)
        self.seconds = spent() - before
        assert done.returncode == 0, f"{self.label}:\n{done.stdout[-3000:]}"  # verify ran on each: a lying one is exit 1
        self.built = len(re.findall(r"^built +pytorch", done.stdout, re.M))

    def libraries(self):
        """Variant -> the folder of its libraries."""
        return {link.name.removesuffix("-lib"): link / "lib" for link in (self.folder / ".torchlathe/results").iterdir() if link.name.endswith("-lib")}


def containers(library):
    """The device images of a library, by the layout in docs/formats/fatbin.md and without torchlathe: for each container the
    architecture, kind, flags and SHA-256 of each whole entry."""
    with tempfile.NamedTemporaryFile() as section:
        subprocess.run(["objcopy", "-O", "binary", "--only-section=.nv_fatbin", str(library), section.name], check=True)
        data = Path(section.name).read_bytes()
    found, at = [], 0
    while at + 16 <= len(data):
        magic, _, header, size = struct.unpack_from("<IHHQ", data, at)
        if magic != 0xBA55ED50:
            at += 8
            continue
        entries, entry, at = [], at + header, at + header + size
        while entry < at:
            kind, _, own, payload = struct.unpack_from("<HHIQ", data, entry)
            (arch,) = struct.unpack_from("<I", data, entry + 28)
            (flags,) = struct.unpack_from("<Q", data, entry + 40)
            entries.append((arch, kind, flags, hashlib.sha256(data[entry:entry + own + payload]).hexdigest()))
            entry += own + payload
        found.append(entries)
        at = (at + 7) // 8 * 8
    return found


def compare(twins, carved):
    """Every carved variant beside the same variant built on its own."""
    images = 0
    for variant, folder in sorted(twins.items()):
        for library in sorted(folder.glob("*.so")):
            mine, other = containers(library), containers(carved[variant] / library.name)
            assert mine == other, f"{variant}, {library.name}: device images differ\n  rebuilt {mine}\n  carved  {other}"
            images += sum(len(entries) for entries in mine)
    return images


class Bound:
    """What has to be compiled and linked at least, taken from the commands of one configured build for all GPUs an instruction set."""

    def __init__(self, options, folder):
        self.folder, self.cuda, self.host, self.link, self.configure = folder, 0.0, 0.0, 0.0, 0.0
        flags = {row["isa"]: row["flags"] for row in json.loads(subprocess.run(
            [str(options.torchlathe), "catalog", "isas", "--format", "json"], stdout=subprocess.PIPE, check=True).stdout)["isas"]}
        for number, isa in enumerate(options.isas):
            for command in self.commands(isa, " ".join(flags[isa]), options.gpus):
                kind = "cuda" if re.search(r"nvcc .*-c \S+\.cu ", command) else "link" if "-shared" in command else "host"
                if kind == "cuda" and number > 0:  # compiled already: the same command
                    for made in (folder / options.isas[0] / "source/build").glob("*.cu.*.o"):
                        shutil.copy(made, folder / isa / "source/build" / made.name)
                    continue
                setattr(self, kind, getattr(self, kind) + self.run(command, isa))

    def commands(self, isa, flags, gpus):
        source = self.folder / isa / "source"
        shutil.copytree(mini / "torch", source)
        toolkit = os.path.realpath(os.environ.get("CUDA_HOME", "/usr/local/cuda"))
        environment = dict(os.environ, CXXFLAGS=flags, TORCH_CUDA_ARCH_LIST=";".join(sorted(gpus, key=float)), TORCH_CUDA_VERSION="13.0", USE_CUDA="1",
                           CUDA_HOME=toolkit, CUDA_NVCC=toolkit, PYTORCH_BUILD_VERSION="2.10.0", MAGMA="", failure="",
                           CUDA_COPIES=os.environ.get("TORCHLATHE_MINI_COPIES", ""))
        before = spent()
        subprocess.run(["bash", "-e", "scripts/configure.sh"], cwd=source, env=environment, check=True, stdout=subprocess.DEVNULL)
        self.configure += spent() - before
        done = subprocess.run(["ninja", "-C", "build", "-t", "commands"], cwd=source, stdout=subprocess.PIPE, check=True, text=True)
        return [line for line in done.stdout.splitlines() if line and not line.startswith("ninja:")]

    def run(self, command, isa):
        before = spent()
        subprocess.run(["sh", "-c", command], cwd=self.folder / isa / "source/build", check=True)
        return spent() - before

    def seconds(self):
        return self.cuda + self.host + self.link


def show(name, seconds, first, bound):
    print(f"{name:18} {seconds:10.1f} {first / seconds:13.2f} {seconds / bound:13.2f}" if bound else f"{name:18} {seconds:10.1f} {first / seconds:13.2f}", flush=True)


def main():
    options = arguments()
    need("nix-store", "nvcc", "ninja", "ccache", "objcopy")
    with tempfile.TemporaryDirectory(prefix="lathe-strategies-") as folder:
        folder = Path(folder)
        try:
            return judge(options, folder)
        finally:  # a store is read-only
            subprocess.run(["chmod", "-R", "u+w", str(folder)], check=False)


def judge(options, folder):
    print(f"{len(options.gpus)} GPUs x {len(options.isas)} instruction sets: {len(options.gpus) * len(options.isas)} variants")
    bound = 0
    if options.bound:
        (folder / "bound").mkdir()
        parts = Bound(options, folder / "bound")
        bound = parts.seconds()
        print(f"lower bound: {bound:.1f} s of processor time = nvcc {parts.cuda:.1f} + host files {parts.host:.1f} + links {parts.link:.1f}"
              f" (configuring those {len(options.isas)} builds, not counted: {parts.configure:.1f})")
    print(f"{'strategy':18} {'CPU s':>10} {'saves, times':>13}" + (f" {'of the bound':>13}" if bound else ""))
    done = {}
    for name, cached in strategies:
        one = Strategy(options, folder, name, cached)
        one.build()
        done[name, cached] = one
        show(one.label, one.seconds, done["rebuild", False].seconds, bound)
    twins = done["rebuild", False].libraries()
    assert len(twins) == len(options.gpus) * len(options.isas), sorted(twins)
    images = [compare(twins, done[key].libraries()) for key in [("rebuild", True), ("carve", False), ("carve", True)]]
    assert images[0] == images[1] == images[2] > 0, images
    print(f"each of the {len(twins)} variants verifies, and holds the same {images[0] // len(twins)} device images, byte for byte, whatever the strategy")
    cheapest, first = done["carve", True].seconds, done["rebuild", False].seconds
    missed = []
    if options.most_of_bound and cheapest > options.most_of_bound * bound:
        missed.append(f"carve + cache costs {cheapest / bound:.2f} times the bound, at most {options.most_of_bound} are wanted")
    if options.least_saved and cheapest * options.least_saved > first:
        missed.append(f"carve + cache saves {first / cheapest:.2f} times, at least {options.least_saved} are wanted")
    for text in missed:
        print(text)
    return 1 if missed else 0


sys.exit(main())
