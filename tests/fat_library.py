#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Links a shared library with fat binaries made here: nothing that runs, but all that a carve looks at.

  fat_library.py OUTPUT CONTAINER... [--soname NAME] [--list TEXT] [--data CONTAINER] [--raw FILE]

A container is a list of images, SIZE bytes each or a file's: `sm_80,sm_90=20000,sm_100a@FILE,compute_90`; with a leading `?` nothing
points to it.
--list puts a text among the constants, as PyTorch does with its list of architectures; --data a container (`lto_90` is an image
of LTO IR), --raw a file, as libraries do that load device code by themselves. Both can be given several times.
"""
import argparse
import random
import re
import struct
import subprocess
import tempfile
from pathlib import Path


def entry(text, chance):
    kind, number, suffix, size, path = re.fullmatch(r"(sm|compute|lto)_(\d+)([af]?)(?:=(\d+)|@(.+))?", text).groups()
    payload = Path(path).read_bytes() if path else chance.randbytes(int(size or 30000) // 8 * 8)
    payload += bytes(-len(payload) % 8)
    size = len(payload)
    flags = 0x11 | {"": 0, "a": 0x100000, "f": 0x200000}[suffix]
    number_of_kind = {"compute": 1, "sm": 2, "lto": 8}[kind]
    header = struct.pack("<HHIQQIIQQQQ", number_of_kind, 0x0101, 64, size, 0, 0, int(number), 0, flags, 0, 0)
    return header + payload


def container(text, chance):
    entries = b"".join(entry(image, chance) for image in text.split(",") if image)
    return struct.pack("<IHHQ", 0xBA55ED50, 1, 16, len(entries)) + entries


parser = argparse.ArgumentParser()
parser.add_argument("output")
parser.add_argument("containers", nargs="*")
parser.add_argument("--soname")
parser.add_argument("--list")
parser.add_argument("--data", action="append", default=[])
parser.add_argument("--raw", action="append", default=[])
options = parser.parse_args()
chance = random.Random(" ".join(options.containers))
with tempfile.TemporaryDirectory() as folder:
    code = ['.section .nv_fatbin,"a"']
    wrappers = ['.section .nvFatBinSegment,"aw"', ".p2align 3"]
    for i, text in enumerate(options.containers):
        Path(folder, f"{i}.bin").write_bytes(container(text.lstrip("?"), chance))
        code += [".p2align 3", f"container{i}:", f'.incbin "{folder}/{i}.bin"']
        if not text.startswith("?"):
            wrappers += [".long 0x466243b1, 1", f".quad container{i}", ".quad 0"]
    data = []
    for i, text in enumerate(options.data):
        Path(folder, f"data{i}.bin").write_bytes(container(text, chance))
        data += [".p2align 3", f'.incbin "{folder}/data{i}.bin"']
    for path in options.raw:
        data += [".p2align 3", f'.incbin "{path}"', ".byte 0"]
    if data:
        data = ['.section .rodata.device_code,"a"'] + data
    rest = data + ['.section .note.GNU-stack,""']
    if options.list:
        rest = ['.section .rodata', f'.asciz "{options.list}"'] + rest
    Path(folder, "a.s").write_text("\n".join((code + wrappers if options.containers else []) + rest) + "\n")
    Path(folder, "a.c").write_text("int answer(void) { return 42; }\n")
    soname = [f"-Wl,-soname,{options.soname}"] if options.soname else []
    subprocess.run(["gcc", "-shared", "-fPIC", "-o", options.output, f"{folder}/a.c", f"{folder}/a.s", *soname], check=True)
