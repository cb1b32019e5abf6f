#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""packages.py TORCHLATHE: what `./dev package` left in build/packages is whole, is of this tree's version, and its programs ask for nothing
but the C library. `./dev package` itself installs and uses all of it; here are the parts that take no time.

Exits 77 (skipped) where no packages were made.
"""
import hashlib
import sys
import tarfile
import tempfile
import zipfile
from pathlib import Path

root = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(root / "packaging"))
import contents  # noqa: E402
import portable  # noqa: E402
from needs import need, skip  # noqa: E402

packages = root / "build/packages"


def check_that_it_can_fail(program):
    """This build's program takes Debian's libraries, which has to show."""
    reasons = portable.not_portable(program)
    assert "needs libstdc++.so.6" in reasons and any(reason.startswith("needs GLIBCXX_") for reason in reasons), reasons


def check_own_calls(program):
    """What our code asks of the C library is the same in every build."""
    assert portable.glibc(program) <= portable.oldest_glibc, f"calls what glibc {portable.dotted(portable.glibc(program))} is the first to have"
    called = portable.readelf("--dyn-syms", "-W", program)
    assert "random_device" not in called, "in libstdc++.a it asks for glibc 2.36; random_token() does not"


def check_order():
    """Neither the order of files nor the clock is in an archive."""
    files = {"b/c": contents.File(b"1"), "a": contents.File(b"2", 0o755)}
    assert contents.packed(contents.tar(files)) == contents.packed(contents.tar(dict(reversed(files.items()))))


def check_sums():
    sums = dict(reversed(line.split("  ")) for line in (packages / "SHA256SUMS").read_text().splitlines())
    assert sums and set(sums) | {"SHA256SUMS"} == {path.name for path in packages.iterdir()}
    for name, digest in sums.items():
        assert hashlib.sha256((packages / name).read_bytes()).hexdigest() == digest, name
        assert contents.version() in name, f"{name} is not of {contents.version()}: ./dev package"
    return sorted(sums)


def binaries(folder, names):
    """Program and modules of tarball and wheels, unpacked."""
    for name in names:
        if name.endswith(".whl"):
            with zipfile.ZipFile(packages / name) as wheel:
                yield from (Path(wheel.extract(member, folder / name)) for member in wheel.namelist()
                            if member.endswith((".so", "scripts/torchlathe")))
        elif name.endswith(".tar.gz"):
            with tarfile.open(packages / name) as archive:
                member = next(member for member in archive if member.name.endswith("bin/torchlathe"))
                archive.extract(member, folder / name)
                yield folder / name / member.name


def main():
    need("readelf")
    check_order()
    check_that_it_can_fail(sys.argv[1])
    check_own_calls(sys.argv[1])
    if not packages.is_dir():
        skip("packages (./dev package)")
    names = check_sums()
    with tempfile.TemporaryDirectory(prefix="lathe-packages-") as folder:
        found = list(binaries(Path(folder), names))
        assert len(found) >= 2, found
        for binary in found:
            assert not portable.not_portable(binary), f"{binary.relative_to(folder)}: {portable.not_portable(binary)}"
    print(f"{len(names)} packages, {len(found)} programs and modules that need the C library alone")


main()
