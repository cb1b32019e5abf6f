#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""arch_parser.py TORCHLATHE CACHE: PyTorch's own parser of TORCH_CUDA_ARCH_LIST under the real CMake, and the patches for it.

Runs select_compute_arch.cmake of a torch wheel in CACHE or $LATHE_WHEELS when one is there (nothing is downloaded), and the parser of
nix/mini always. Which spellings are taken and which refused is held against what people wrote down; the file with its expressions
narrowed to those of older releases must refuse what they refused; `torchlathe arch-patch` must mend it with a patch that `patch`
applies, that changes nothing else, and after which CMake takes what it is for. Exits 77 (skipped) without cmake or patch.
"""
import glob
import os
import re
import subprocess
import sys
import tempfile
import zipfile
from pathlib import Path

from needs import need

program, cache = Path(sys.argv[1]).resolve(), Path(sys.argv[2])
need("cmake", "patch")
INSIDE = "torch/share/cmake/Caffe2/Modules_CUDA_fix/upstream/FindCUDA/select_compute_arch.cmake"
IN_TREE = "cmake/Modules_CUDA_fix/upstream/FindCUDA/select_compute_arch.cmake"

TAKEN = {"9.0": "sm_90", "12.0": "sm_120", "12.1a": "sm_121a", "10.3a+PTX": "compute_103a", "9.0+PTX": "compute_90", "8.6(8.0)": "sm_86",
         "Hopper": "sm_90", "Blackwell": "sm_100"}
REFUSED = ["sm_90", "90", "120", "SM120", "compute_90", "12.10"]
FAMILY = {"12.0f": "sm_120f", "10.0f": "sm_100f"}

ASK = """include(${CMAKE_CURRENT_LIST_DIR}/parser.cmake)
cuda_select_nvcc_arch_flags(flags "${TOKEN}")
message(STATUS "flags ${flags}")
"""


def ask(text, token):
    """The flags, or None where CMake refuses."""
    with tempfile.TemporaryDirectory() as folder:
        Path(folder, "parser.cmake").write_text(text)
        Path(folder, "ask.cmake").write_text(ASK)
        done = subprocess.run(["cmake", f"-DTOKEN={token}", "-P", "ask.cmake"], cwd=folder, capture_output=True, text=True, check=False)
        if done.returncode:
            assert "Found Unknown CUDA Architecture Name" in done.stderr, done.stderr
            return None
        return done.stdout.strip()


def replay(name, text, family, specific=True):
    """Every spelling, with what it must give."""
    for token, flag in TAKEN.items():
        if token == "Blackwell" and "Blackwell" not in text:
            continue
        got = ask(text, token)
        wanted = specific or not re.search("[0-9]a", token)
        assert (got is not None and flag in got) == wanted, f"{name}: {token} gives {got}"
    for token in REFUSED:
        assert ask(text, token) is None, f"{name}: {token} is taken"
    for token, flag in FAMILY.items():
        got = ask(text, token)
        assert (got is not None and flag in got) == family, f"{name}: {token} gives {got}"
    print(f"{name}: {len(TAKEN)} taken, {len(REFUSED)} refused, f {'taken' if family else 'refused'}")


def mended(text, token):
    """The text after `torchlathe arch-patch` and `patch`."""
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder, IN_TREE)
        file.parent.mkdir(parents=True)
        file.write_text(text)
        done = subprocess.run([program, "arch-patch", folder, "--gpu", token, "-o", f"{folder}/arch.patch"], capture_output=True, text=True, check=False)
        assert done.returncode == 1, done.stderr
        subprocess.run(["patch", "-p1", "-i", "arch.patch"], cwd=folder, check=True, stdout=subprocess.DEVNULL)
        return file.read_text()


def check(name, text):
    """`text` takes a and f; made as old as releases were, and mended."""
    replay(name, text, family=True)
    with_a = text.replace("[af]?", "a?")
    assert with_a != text
    replay(f"{name}, as in 2.9", with_a, family=False)
    assert mended(with_a, "12.0f") == text, "the patch makes what the later release has"
    without = text.replace("([af]?)", "()").replace("[af]?", "")
    if name != "nix/mini":
        replay(f"{name}, as in 2.3", without, family=False, specific=False)
        assert mended(without, "9.0a") == text


wheels = sorted(glob.glob(f"{cache}/torch-*.whl") + glob.glob(os.environ.get("LATHE_WHEELS", "/nonexistent") + "/torch-*.whl"))
mini = Path(__file__).resolve().parent.parent / "nix/mini/torch" / IN_TREE
check("nix/mini", mini.read_text().replace("a?", "[af]?"))
for wheel in wheels[:1]:
    with zipfile.ZipFile(wheel) as archive:
        check(Path(wheel).name.split("-cp")[0], archive.read(INSIDE).decode())
if not wheels:
    print("no torch wheel at hand: PyTorch's own file was not run")
