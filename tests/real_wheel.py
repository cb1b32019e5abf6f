#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Holds `torchlathe inspect` against a real wheel with CUDA code (torchvision, 8 MB) and three independent readers.

  real_wheel.py BINARY CACHE

The wheel comes from the Python package index through pip into CACHE, once; without the index the test is skipped (77).
Compared: the wheel read in place with the same files unpacked; device code with a walk over the containers written here,
and with cuobjdump where it is on PATH; section sizes with readelf.
"""
import collections
import json
import os
import re
import shutil
import struct
import subprocess
import sys
import tempfile
import zipfile

from python_index import torchvision_wheel


def inspect(binary, path):
    done = subprocess.run([binary, "inspect", "-f", "json", path], stdout=subprocess.PIPE, check=False)
    report = json.loads(done.stdout)
    return {os.path.basename(file["path"]): file for file in report["files"]}, report


def sections(path):
    text = subprocess.run(["readelf", "-SW", path], stdout=subprocess.PIPE, text=True, check=True).stdout
    rows = re.findall(r"\] (\S+) +\S+ +[0-9a-f]{16} ([0-9a-f]+) ([0-9a-f]+) ", text)
    return {name: (int(offset, 16), int(size, 16)) for name, offset, size in rows}


def walk(data):
    """Images by architecture: {"sm_90a": 7}."""
    images, at = collections.Counter(), 0
    while at + 16 <= len(data):
        magic, version, header, size = struct.unpack_from("<IHHQ", data, at)
        if magic != 0xBA55ED50:
            at += 8
            continue
        entry, end = at + header, at + header + size
        while entry < end:
            kind, _, header, payload = struct.unpack_from("<HHIQ", data, entry)
            arch, flags = struct.unpack_from("<I", data, entry + 28)[0], struct.unpack_from("<Q", data, entry + 40)[0]
            suffix = "a" if flags & 0x100000 else "f" if flags & 0x200000 else ""
            images[f"{'compute' if kind == 1 else 'sm'}_{arch}{suffix}"] += 1
            entry += header + payload
        at = (end + 7) // 8 * 8
    return images


def by_cuobjdump(path):
    images = collections.Counter()
    for option, kind in (("--list-elf", "sm"), ("--list-ptx", "compute")):
        text = subprocess.run(["cuobjdump", option, path], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True,
                              check=False).stdout
        for arch in re.findall(r"\.sm_(\w+)\.(?:cubin|ptx)", text):
            images[f"{kind}_{arch.rstrip('f')}"] += 1
    return images


def main():
    binary, wheel = os.path.abspath(sys.argv[1]), torchvision_wheel(sys.argv[2])
    failures = []

    def same(what, ours, theirs):
        if ours != theirs:
            failures.append(f"{what}\n  torchlathe: {ours}\n  other:      {theirs}")

    with tempfile.TemporaryDirectory(prefix="lathe-wheel-") as folder:
        zipfile.ZipFile(wheel).extractall(folder)
        in_place, report = inspect(binary, wheel)
        unpacked, _ = inspect(binary, folder)
        strip = lambda files: {name: {k: v for k, v in file.items() if k != "path"} for name, file in files.items()}
        packed, plain = strip(in_place), strip(unpacked)
        same("files of the wheel", sorted(packed), sorted(plain))
        for name in packed:
            for key in packed[name]:
                same(f"{key} of {name} in the wheel and unpacked", packed[name][key], plain[name].get(key))
        same("findings", report["findings"], [])
        with_code = 0
        for name, file in unpacked.items():
            same(f"size of {name}", file["size"], os.path.getsize(file["path"]))
            same(f"bytes of {name} add up", sum(file["bytes"].values()), file["size"])
            offset, size = sections(file["path"]).get(".nv_fatbin", (0, 0))
            same(f"device code of {name}, by readelf", file["bytes"].get("device code", 0), size)
            ours = collections.Counter({code["arch"]: code["images"] for code in file["gpu"]})
            with open(file["path"], "rb") as stream:
                stream.seek(offset)
                same(f"images of {name}", ours, walk(stream.read(size)))
            with_code += bool(ours)
            if ours and shutil.which("cuobjdump"):
                plain = collections.Counter()
                for arch, count in ours.items():
                    plain[arch.rstrip("f")] += count  # cuobjdump does not tell sm_100f from sm_100
                same(f"images of {name}, by cuobjdump", plain, by_cuobjdump(file["path"]))
        if with_code == 0:
            failures.append("no file of the wheel holds device code")
    print("\n".join(failures) or f"{len(unpacked)} files of {os.path.basename(wheel)} agree")
    sys.exit(1 if failures else 0)


main()
