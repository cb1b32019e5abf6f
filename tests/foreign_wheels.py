#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Holds `torchlathe inspect` against bitsandbytes' wheels for Windows and for Linux, and readers of PE and of bundles written apart.

  foreign_wheels.py BINARY CACHE

The wheels (39 and 43 MB) come from the Python package index through pip into CACHE, once; without the index the test is skipped.
Compared for each library: sizes of the sections of device code, images by architecture, code for AMD's GPUs by processor with its
unpacked sizes, and that the wheel read in place says the same as its files.
"""
import collections
import json
import os
import re
import struct
import subprocess
import sys
import tempfile
import zipfile

import bundle_library
from python_index import need


def inspect(binary, path):
    done = subprocess.run([binary, "inspect", "-f", "json", path], stdout=subprocess.PIPE, check=False)
    return {os.path.basename(file["path"]): file for file in json.loads(done.stdout)["files"]}


def pe_sections(data):
    """{name: bytes}, and whether it is a PE32+ file at all."""
    at = struct.unpack_from("<I", data, 0x3C)[0]
    assert data[at:at + 4] == b"PE\0\0"
    count, optional = struct.unpack_from("<H", data, at + 6)[0], struct.unpack_from("<H", data, at + 20)[0]
    found = {}
    for i in range(count):
        row = at + 24 + optional + 40 * i
        name = data[row:row + 8].rstrip(b"\0").decode()
        memory, _, size, offset = struct.unpack_from("<IIII", data, row + 8)
        found[name] = data[offset:offset + min(memory, size)]
    return found


def fatbin_images(data):
    images, at = collections.Counter(), 0
    while at + 16 <= len(data):
        magic, _, header, size = struct.unpack_from("<IHHQ", data, at)
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


def elf_section(path, name):
    text = subprocess.run(["readelf", "-SW", path], stdout=subprocess.PIPE, text=True, check=True).stdout
    row = re.search(re.escape(name) + r" +\S+ +[0-9a-f]{16} ([0-9a-f]+) ([0-9a-f]+) ", text)
    if not row:
        return b""
    with open(path, "rb") as stream:
        stream.seek(int(row[1], 16))
        return stream.read(int(row[2], 16))


def processors(file):
    """{processor: (images, unpacked bytes)}"""
    return {code["arch"]: (code["images"], code["unpacked_bytes"]) for code in file["gpu"]}


def by_bundles(section):
    found = {}
    for bundle in bundle_library.bundles_of(section):
        for target, size in bundle:
            images, total = found.get(target, (0, 0))
            found[target] = (images + 1, total + size)
    return found


def main():
    binary, cache = os.path.abspath(sys.argv[1]), sys.argv[2]
    wheel = need(f"{cache}/bitsandbytes-*win_amd64.whl", "download", "-q", "--no-deps", "-d", cache, "--only-binary=:all:",
                 "--python-version", "3.12", "--platform", "win_amd64", "bitsandbytes")
    failures = []

    def same(what, ours, theirs):
        if ours != theirs:
            failures.append(f"{what}\n  torchlathe: {ours}\n  other:      {theirs}")

    with tempfile.TemporaryDirectory(prefix="lathe-windows-") as folder:
        zipfile.ZipFile(wheel).extractall(folder)
        in_place, unpacked = inspect(binary, wheel), inspect(binary, folder)
        libraries = [name for _, _, names in os.walk(folder) for name in names if name.endswith((".dll", ".pyd"))]
        same("libraries", sorted(name for name in unpacked if name.endswith((".dll", ".pyd"))), sorted(libraries))
        same("files of the wheel", sorted(in_place), sorted(unpacked))
        with_cuda = with_rocm = 0
        for name, file in unpacked.items():
            with open(file["path"], "rb") as stream:
                data = stream.read()
            sections = pe_sections(data)
            same(f"gpu of {name} in the wheel", in_place[name]["gpu"], file["gpu"])
            same(f"bytes of {name} add up", sum(file["bytes"].values()), len(data))
            images = fatbin_images(sections.get(".nv_fatb", b""))
            with_cuda += bool(images)
            if ".hip_fat" in sections:
                same(f"processors of {name}", processors(file), by_bundles(sections[".hip_fat"]))
                with_rocm += 1
                continue
            same(f"images of {name}", {code["arch"]: code["images"] for code in file["gpu"]}, dict(images))
            same(f"device code of {name}", file["bytes"].get("device code", 0), len(sections.get(".nv_fatb", b"")))
        if with_cuda == 0 or with_rocm == 0:
            failures.append("no DLL holds CUDA code, or none code for AMD's GPUs")
    linux = need(f"{cache}/bitsandbytes-*manylinux*x86_64.whl", "download", "-q", "--no-deps", "-d", cache, "--only-binary=:all:",
                 "--python-version", "3.12", "--platform", "manylinux_2_24_x86_64", "bitsandbytes")
    with tempfile.TemporaryDirectory(prefix="lathe-rocm-") as folder:
        zipfile.ZipFile(linux).extractall(folder)
        for name, file in inspect(binary, folder).items():
            section = elf_section(file["path"], ".hip_fatbin")
            if section:
                with_rocm += 1
                same(f"processors of {name}", processors(file), by_bundles(section))
    print("\n".join(failures) or f"{len(unpacked)} files of {os.path.basename(wheel)} agree, {with_cuda} with CUDA code, {with_rocm} with code for AMD's GPUs")
    sys.exit(1 if failures else 0)


main()
