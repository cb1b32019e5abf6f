#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""make.py BUILD OUT [--machine aarch64 --run qemu-aarch64]: all packages of one build, into OUT, with their SHA-256.

Each is made twice, and has to be the same bytes. Of another machine: no wheel, for there is no Python of it to build against.
"""
import argparse
import hashlib
import os
import shutil
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent))
import debian  # noqa: E402
import oci  # noqa: E402
import portable  # noqa: E402
import tarball  # noqa: E402
import wheel  # noqa: E402
from contents import Build  # noqa: E402


def packages(build, work):
    reasons = portable.not_portable(build.program)
    if reasons:
        sys.exit(f"{build.program}: {'; '.join(reasons)}")
    made = [tarball.tarball(build), debian.deb(build), oci.image(build)]
    return dict(made + (wheel.wheels(build, work) if build.machine == os.uname().machine else []))


def main():
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("build", type=Path)
    arguments.add_argument("out", type=Path)
    arguments.add_argument("--machine", default=os.uname().machine)
    arguments.add_argument("--run", default="", help="what starts the program on this machine")
    given = arguments.parse_args()
    build = Build(given.build.resolve(), given.machine, tuple(given.run.split()))
    work = given.out.resolve().parent / "packaging"
    work.mkdir(parents=True, exist_ok=True)
    first, second = packages(build, work), packages(build, work)
    differing = [name for name in first.keys() | second.keys() if first.get(name) != second.get(name)]
    if differing:
        sys.exit(f"made twice, not the same bytes: {', '.join(sorted(differing))}")
    shutil.rmtree(given.out, ignore_errors=True)
    given.out.mkdir(parents=True)
    sums = ""
    for name, data in sorted(first.items()):
        (given.out / name).write_bytes(data)
        sums += f"{hashlib.sha256(data).hexdigest()}  {name}\n"
        print(f"{len(data) / 1e6:6.2f} MB  {name}")
    (given.out / "SHA256SUMS").write_text(sums)
    print(f"needs {', '.join(portable.needed(build.program))}; glibc {'.'.join(map(str, portable.glibc(build.program)))} or newer")


main()
