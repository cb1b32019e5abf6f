#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Makes libraries with offload bundles (HIP), and reads them: an own maker, an own reader.

  bundle_library.py OUTPUT BUNDLE...   BUNDLE: gfx90a:xnack+=5000,gfx942[@2|@3|@plain]

Each bundle holds one image a target, an ELF header for that processor with `=SIZE` bytes behind it (3000); @2 and @3 pack it with zlib
in that version. The library is linked by gcc: .hip_fatbin with the bundles at steps of 4 KiB, .hipFatBinSegment with a wrapper each.
"""
import re
import struct
import subprocess
import sys
import tempfile
import zlib

MAGIC = b"__CLANG_OFFLOAD_BUNDLE__"
PROCESSORS = {"gfx906": 0x2F, "gfx90a": 0x3F, "gfx942": 0x4C, "gfx1030": 0x36, "gfx1100": 0x41, "gfx9-4-generic": 0x5F}
FEATURES = {"xnack": 8, "sramecc": 10}


def code_object(target, size):
    name, *features = target.split(":")
    flags = PROCESSORS[name]
    for feature in FEATURES:
        setting = next((one[-1] for one in features if one.startswith(feature)), "")
        flags |= {"": 1, "-": 2, "+": 3}[setting] << FEATURES[feature]
    header = b"\x7fELF\x02\x01\x01\x40\x03" + bytes(7) + struct.pack("<HHIQQQIHHHHHH", 3, 224, 1, 0, 0, 0, flags, 64, 0, 0, 0, 0, 0)
    body = bytes((i * 37 + len(target)) % 251 for i in range(size))
    return header + body


def bundle(images):
    """[(target, bytes)] as clang-offload-bundler lays them out."""
    names = ["host-x86_64-unknown-linux-gnu-"] + ["hipv4-amdgcn-amd-amdhsa--" + target for target, _ in images]
    contents, at, rows = [b""] + [image for _, image in images], 4096, b""
    body = b""
    for name, content in zip(names, contents):
        rows += struct.pack("<QQQ", at, len(content), len(name)) + name.encode()
        body += content + bytes(-len(content) % 4096)
        at = 4096 + len(body)
    return (MAGIC + struct.pack("<Q", len(names)) + rows).ljust(4096, b"\0") + body


def packed(plain, version):
    stream = zlib.compress(plain)
    form, size = ("<IIQ", 24) if version == 2 else ("<QQQ", 32)
    return b"CCOB" + struct.pack("<HH", version, 0) + struct.pack(form, size + len(stream), len(plain), 1) + stream


def read_plain(data, at):
    """[(target, offset, size)] of the bundle at `at`, without the host's; offsets from the start of `data`."""
    rows, place = [], at + 32
    for _ in range(struct.unpack_from("<Q", data, at + 24)[0]):
        offset, size, length = struct.unpack_from("<QQQ", data, place)
        name = data[place + 24:place + 24 + length].decode()
        place += 24 + length
        if not name.startswith("host"):
            rows.append((re.sub(r".*amdhsa-+", "", name), at + offset, size))
    return rows


def bundles_of(data):
    """Of each bundle in a section: [(target, unpacked size)]; what zstd packed is unpacked by the program `zstd`."""
    found, at = [], 0
    while True:
        places = [place for place in (data.find(MAGIC, at), data.find(b"CCOB", at)) if place >= 0]
        if not places:
            return found
        at = min(places)
        if data.startswith(MAGIC, at):
            rows = read_plain(data, at)
            at = max([at + 32] + [offset + size for _, offset, size in rows])
        else:
            version, method = struct.unpack_from("<HH", data, at + 4)
            form, header = ("<II", 24) if version == 2 else ("<QQ", 32)
            stored, _ = struct.unpack_from(form, data, at + 8)
            stream = data[at + header:at + stored]
            plain = zlib.decompress(stream) if method == 0 else subprocess.run(
                ["zstd", "-dcq"], input=stream, stdout=subprocess.PIPE, check=True).stdout
            rows = read_plain(plain, 0)
            at += stored
        found.append([(target, size) for target, _, size in rows])


def parse(text):
    text, _, form = text.partition("@")
    images = []
    for image in text.split(","):
        target, _, size = image.partition("=")
        images.append((target, code_object(target, int(size or 3000))))
    plain = bundle(images)
    return plain if form in ("", "plain") else packed(plain, int(form))


def main():
    output, section, wrappers = sys.argv[1], b"", ""
    for text in sys.argv[2:]:
        section += bytes(-len(section) % 4096)
        wrappers += f".long 0x48495046, 1\n.quad bundles + {len(section)}, 0\n"
        section += parse(text)
    with tempfile.TemporaryDirectory() as folder:
        with open(f"{folder}/bundles", "wb") as file:
            file.write(section)
        with open(f"{folder}/part.s", "w", encoding="utf-8") as file:
            file.write(f'.section .hip_fatbin,"a",@progbits\n.p2align 12\nbundles:\n.incbin "{folder}/bundles"\n'
                       f'.section .hipFatBinSegment,"aw",@progbits\n.p2align 3\n{wrappers}'
                       '.section .note.GNU-stack,"",@progbits\n')
        subprocess.run(["gcc", "-shared", "-o", output, f"{folder}/part.s"], check=True)


if __name__ == "__main__":
    main()
