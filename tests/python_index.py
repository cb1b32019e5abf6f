# SPDX-License-Identifier: MIT
"""What tests take from the Python package index, through pip, once, into a folder that is kept."""
import glob
import os
import subprocess
import sys

from needs import skip



def pip(*arguments):
    return subprocess.run([sys.executable, "-m", "pip", *arguments], timeout=180, check=False, stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT, text=True)


def need(pattern, *arguments):
    """The newest file like `pattern`, made by pip with `arguments` when there is none; without the index the test ends, skipped."""
    if not glob.glob(pattern):
        os.makedirs(os.path.dirname(pattern), exist_ok=True)
        pip(*arguments)
    found = sorted(glob.glob(pattern))
    if not found:
        skip(f"the Python package index (for {os.path.basename(pattern)})")
    return found[-1]


def torchvision_wheel(cache):
    """A small wheel (8 MB) with device code."""
    return need(f"{cache}/torchvision-*.whl", "download", "-q", "--no-deps", "-d", cache, "--only-binary=:all:",
                "--python-version", "3.12", "--platform", "manylinux_2_28_x86_64", "torchvision")
