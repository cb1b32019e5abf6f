#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""A carved wheel that is labelled as a variant, read by variantlib, the format's own library.

  variant_wheel.py BINARY CACHE

torchvision's wheel and variantlib come from the Python package index through pip into CACHE; without it the test is
skipped (77). Checked: variantlib finds the label and the properties that `carve --wheel-variant` promises, pip takes the
file for no wheel of this machine (so that an installer without variants never picks it), and the code is what is stated.
"""
import glob
import json
import os
import subprocess
import sys
import tempfile
import zipfile

from python_index import need, pip, torchvision_wheel

READER = """
import sys, zipfile
from variantlib.constants import VALIDATION_WHEEL_NAME_REGEX
from variantlib.variant_dist_info import VariantDistInfo
path = sys.argv[1]
label = VALIDATION_WHEEL_NAME_REGEX.fullmatch(path.rsplit("/", 1)[-1]).group("variant_label")
with zipfile.ZipFile(path) as wheel:
    name, = [name for name in wheel.namelist() if name.endswith(".dist-info/variant.json")]
    info = VariantDistInfo(wheel.read(name), label)
print(label, *sorted(p.to_str().replace(" ", "") for p in info.variant_desc.properties))
"""


def main():
    binary, cache = os.path.abspath(sys.argv[1]), os.path.abspath(sys.argv[2])
    wheel = torchvision_wheel(cache)
    library = need(f"{cache}/variantlib-0.2.2/variantlib", "install", "-q", "--target", f"{cache}/variantlib-0.2.2",
                   "variantlib==0.2.2")
    with tempfile.TemporaryDirectory(prefix="lathe-variant-") as folder:
        subprocess.run([binary, "carve", wheel, "--gpu", "9.0", "--wheel-variant", "auto", "--output", folder], check=True)
        carved, = glob.glob(f"{folder}/*.whl")
        print(os.path.basename(carved))
        assert os.path.basename(carved) == os.path.basename(wheel)[:-4] + "-sm90.whl"
        read = subprocess.run([sys.executable, "-c", READER, carved], check=True, stdout=subprocess.PIPE, text=True,
                              env={**os.environ, "PYTHONPATH": os.path.dirname(library)}).stdout.split()
        print(*read)
        toolkit = json.loads(subprocess.run([binary, "inspect", "-f", "json", wheel], check=False,
                                            stdout=subprocess.PIPE).stdout)["files"]
        versions = {version for file in toolkit for version in file.get("toolkits", [])}
        assert read[0] == "sm90" and "nvidia::sm_arch::90_real" in read, read
        assert any(f"nvidia::cuda_version_lower_bound::{version}" in read for version in versions), (read, versions)
        assert len(read) == 3, read
        refused = pip("install", "--no-deps", "--dry-run", carved)
        assert refused.returncode != 0, refused.stdout
        answer = subprocess.run([binary, "inspect", "--gpu", "9.0", carved], check=False, stdout=subprocess.DEVNULL)
        assert answer.returncode == 0
        with zipfile.ZipFile(carved) as packed:
            assert packed.testzip() is None


main()
