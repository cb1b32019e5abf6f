#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Does the independent reader (independent_reader.py) agree with what `torchlathe carve` makes, and see what is wrong with what it does not?

  reader.py BINARY
"""
import os
import shutil
import subprocess
import sys
import tempfile

from independent_reader import Library, compare_libraries, images, read
from needs import skip

HERE = os.path.dirname(os.path.abspath(__file__))


def run(*command):
    subprocess.run([str(part) for part in command], check=True, stdout=subprocess.DEVNULL)


def expect(what, condition, seen=""):
    if not condition:
        sys.exit(f"{what}: {seen}")


def flipped(data, at):
    return data[:at] + bytes([data[at] ^ 1]) + data[at + 1:]


def kept_places(data):
    """Where the first payload of the first container that has one lies, and where the container's own header does."""
    library = Library(data)
    for _, target in library.wrappers():
        at = library.offset(target)
        if any(images(data, at)):
            return at + 16 + 64 + 100, at
    raise AssertionError("no image is left")


def main(binary):
    if not shutil.which("gcc"):
        skip("gcc")
    with tempfile.TemporaryDirectory() as folder:
        os.chdir(folder)
        run(sys.executable, f"{HERE}/fat_library.py", "a.so", "sm_80=90000,sm_90=20000,sm_90a,compute_90", "sm_75=50000,sm_90",
            "sm_120=90000,sm_80", "--list", "sm_75 sm_80 sm_90 sm_120")
        before = read("a.so")
        for name, options in {"plain": (), "minimal": ("--minimal",), "strip": ("--strip-symbols",), "special": ("--keep-special",)}.items():
            run(binary, "carve", "a.so", "--gpu", "9.0", "--output", f"{name}.so", *options)
            count, wrong = compare_libraries(before, read(f"{name}.so"), 90)
            expect(name, not wrong and count["images"] == 8 and count["picks"] == 2, (count, wrong))
        after = read("plain.so")
        payload, header = kept_places(after)
        expect("a byte of an image", compare_libraries(before, flipped(after, payload), 90)[1])
        expect("an image's architecture", compare_libraries(before, flipped(after, header + 16 + 28), 90)[1])
        text = Library(after).named(".text")[0]
        expect("a byte of code", compare_libraries(before, flipped(after, text[4] + text[5] // 2), 90)[1])
        run(binary, "carve", "a.so", "--gpu", "8.0", "--output", "other.so")
        expect("what the GPU would load is gone", compare_libraries(before, read("other.so"), 90)[1])
        expect("another file", compare_libraries(before, read(binary), 90)[1])


if __name__ == "__main__":
    main(os.path.abspath(sys.argv[1]))
