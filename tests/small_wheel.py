#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""small_wheel.py DIR NAME VERSION [LIBRARY] [--requires TEXT]... [--padding BYTES]: a wheel that installers take, with a module and, if one is
named, a library beside it. The same call makes the same bytes."""
import argparse
import base64
import hashlib
import os
import random
import zipfile


def line(name, data):
    digest = base64.urlsafe_b64encode(hashlib.sha256(data).digest()).rstrip(b"=").decode()
    return f"{name},sha256={digest},{len(data)}\n"


def make(folder, name, version, library=None, requires=(), padding=0, tag="py3-none-any", requires_python=">=3.8"):
    module = name.replace("-", "_")
    info = f"{module}-{version}.dist-info"
    files = {f"{module}/__init__.py": f'version = "{version}"\n'.encode()}
    if library:
        with open(library, "rb") as content:
            files[f"{module}/{os.path.basename(library)}"] = content.read()
    if padding:
        source = random.Random(name + version)
        files[f"{module}/table.bin"] = b"".join(source.randbytes(min(1_000_000, padding - at)) for at in range(0, padding, 1_000_000))
    needs = "".join(f"Requires-Dist: {one}\n" for one in requires)
    files[f"{info}/METADATA"] = f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\nRequires-Python: {requires_python}\n{needs}".encode()
    files[f"{info}/WHEEL"] = f"Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: true\nTag: {tag}\n".encode()
    files[f"{info}/RECORD"] = ("".join(line(*one) for one in files.items()) + f"{info}/RECORD,,\n").encode()
    path = os.path.join(folder, f"{module}-{version}-{tag}.whl")
    os.makedirs(folder, exist_ok=True)
    with zipfile.ZipFile(path + ".part", "w", zipfile.ZIP_DEFLATED) as wheel:
        for member, data in files.items():
            entry = zipfile.ZipInfo(member, (2026, 1, 2, 3, 4, 6))
            entry.external_attr = 0o100644 << 16
            entry.compress_type = zipfile.ZIP_DEFLATED
            wheel.writestr(entry, data)
    os.replace(path + ".part", path)
    return path


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("folder")
    parser.add_argument("name")
    parser.add_argument("version")
    parser.add_argument("library", nargs="?")
    parser.add_argument("--requires", action="append", default=[])
    parser.add_argument("--padding", type=int, default=0)
    given = parser.parse_args()
    make(given.folder, given.name, given.version, given.library, given.requires, given.padding)
