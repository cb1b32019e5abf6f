#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Makes a conda package byte by byte, by the published rules: nothing of it comes from a tool of conda.

  make_conda.py kit-1.0-cuda129_h12ab_3.conda|.tar.bz2
"""
import bz2
import hashlib
import json
import sys
import zipfile
from pathlib import Path

from make_image import file, header, library, pack

NAME = "kit-1.0-cuda129_h12ab_3"
PLACEHOLDER = "/opt/placehold_placehold"
END = bytes(1024)


def sha(data):
    return hashlib.sha256(data).hexdigest()


def parts(fat, plain):
    contents = {"lib/libfat.so": fat, "lib/plain.so": plain, "share/text": f"in {PLACEHOLDER}/share\n".encode()}
    entries = [{"_path": name, "path_type": "hardlink", "sha256": sha(data), "size_in_bytes": len(data)} for name, data in contents.items()]
    entries[2].update(prefix_placeholder=PLACEHOLDER, file_mode="text")
    entries[0].update(sha256_in_prefix=sha(fat))
    entries.append({"_path": "lib/libfat.so.1", "path_type": "softlink", "sha256": sha(fat), "size_in_bytes": len(fat)})
    index = {"name": "kit", "version": "1.0", "build": "cuda129_h12ab_3", "build_number": 3, "depends": [], "constrains": ["other >=1"], "subdir": "linux-64",
             "arch": "x86_64", "platform": "linux", "timestamp": 1_600_000_000_000, "license": "MIT"}
    info = {"index.json": json.dumps(index).encode(), "paths.json": json.dumps({"paths": entries, "paths_version": 1}).encode(),
            "about.json": b'{"home":"h","extra":{"k":["v"]}}', "hash_input.json": b'{"cuda":"12.9"}',
            "files": "".join(name + "\n" for name in [*contents, "lib/libfat.so.1"]).encode()}
    payload = b"".join(file(name, data, mode=0o775) for name, data in contents.items()) + header("lib/libfat.so.1", type_=b"2", link="libfat.so")
    return b"".join(file("info/" + name, data) for name, data in info.items()), payload


def make_conda(path, fat, plain, method=zipfile.ZIP_STORED):
    info, payload = parts(fat, plain)
    if str(path).endswith(".tar.bz2"):
        Path(path).write_bytes(bz2.compress(info + payload + END))
        return
    with zipfile.ZipFile(path, "w") as archive:
        for name, data in (("metadata.json", b'{"conda_pkg_format_version":2}'), (f"pkg-{NAME}.tar.zst", pack(payload + END, "zstd")),
                           (f"info-{NAME}.tar.zst", pack(info + END, "zstd"))):
            archive.writestr(zipfile.ZipInfo(name, (2020, 1, 1, 0, 0, 0)), data, method)


if __name__ == "__main__":
    make_conda(sys.argv[1], library("sm_80=90000,sm_90=90000", "sm_80=50000,sm_90=50000,compute_90=9000"), library())
