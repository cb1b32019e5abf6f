#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""make.py BUILD OUT: every package of one build, into OUT, with their SHA-256.

--machine aarch64 --run qemu-aarch64 for a build for another machine: without wheels, for there is no Python of it to compile against.
"""
import argparse
import hashlib
import os
import re
import shutil
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent))
import debian  # noqa: E402
import oci  # noqa: E402
import portable  # noqa: E402
import tarball  # noqa: E402
import wheel  # noqa: E402
from contents import Build, owner  # noqa: E402


def packages(build, work):
    """{name: bytes}"""
    reasons = portable.not_portable(build.program)
    if reasons:
        sys.exit(f"{build.program}: {'; '.join(reasons)}")
    made = [tarball.tarball(build), debian.deb(build), oci.image(build)]
    return dict(made + (wheel.wheels(build, work) if build.machine == os.uname().machine else []))


def write(made, out):
    shutil.rmtree(out, ignore_errors=True)
    out.mkdir(parents=True)
    for name, data in sorted(made.items()):
        (out / name).write_bytes(data)
        print(f"{len(data) / 1e6:6.2f} MB  {name}")
    sums = "".join(f"{hashlib.sha256(data).hexdigest()}  {name}\n" for name, data in sorted(made.items()))
    (out / "SHA256SUMS").write_text(sums)


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
    write(packages(build, work), given.out)
    print(f"the program needs {', '.join(portable.needed(build.program))}; glibc {portable.dotted(portable.glibc(build.program))} or newer")
    if unset := [key for key, value in owner().items() if re.search(r"\.invalid$|^[A-Z]+/|^torchlathe authors$", value)]:
        print(f"before you publish this, set {', '.join(unset)} in packaging/owner.toml")


main()
