# SPDX-License-Identifier: MIT
"""torchlathe-VERSION-MACHINE-linux.tar.gz: to unpack anywhere."""
from contents import File, installed, licences, packed, root, tar, version


def tarball(build):
    files = installed(build)
    for name in ("LICENSE", "CHANGELOG.md"):
        files[f"share/doc/torchlathe/{name}"] = File((root / name).read_bytes())
    files |= {f"share/doc/torchlathe/licenses/{name.replace(' ', '-')}.txt": File(text) for name, text in licences().items()}
    top = f"torchlathe-{version()}-{build.machine}-linux"
    return f"{top}.tar.gz", tar({f"{top}/{name}": file for name, file in files.items()}, packed)
