# SPDX-License-Identifier: MIT
"""torchlathe_VERSION-1_ARCHITECTURE.deb, which asks for the C library alone."""
import hashlib
import os
import subprocess
import tempfile
from datetime import datetime, timezone
from pathlib import Path

from contents import File, description, epoch, installed, licences, maintainer, owner, packed, root, summary, version
from portable import dotted, glibc

architectures = {"x86_64": "amd64", "aarch64": "arm64"}
# It is made for no distribution, so no bug asked for it. What is linked in serves releases that have other versions of these libraries.
overrides = """torchlathe: initial-upload-closes-no-bugs *
torchlathe: embedded-library *
"""


def changelog():
    when = datetime.fromtimestamp(epoch(), timezone.utc).strftime("%a, %d %b %Y %H:%M:%S +0000")
    return f"torchlathe ({version()}-1) stable; urgency=medium\n\n  * Version {version()}; see changelog.gz.\n\n -- {maintainer()}  {when}\n"


def copyright_file():
    text = "Made by the torchlathe authors from its source tree.\n\n" + (root / "LICENSE").read_text()
    for name, licence in licences().items():
        text += f"\n{'=' * 80}\n{name}, which is linked into the program:\n\n{licence.decode(errors='replace')}"
    return text


def control(build, files):
    size = sum((len(file.data) + 1023) // 1024 for file in files.values())
    lines = "\n".join(f" {line}" for line in description)
    return f"""Package: torchlathe
Version: {version()}-1
Architecture: {architectures[build.machine]}
Maintainer: {maintainer()}
Installed-Size: {size}
Depends: libc6 (>= {dotted(glibc(build.program))})
Suggests: nix-bin
Section: devel
Priority: optional
Homepage: {owner()['url']}
Description: {summary}
{lines}
"""


def deb(build):
    files = {f"usr/{name}": file for name, file in installed(build, zsh="vendor-completions").items()}
    documents = "usr/share/doc/torchlathe"
    files |= {f"{documents}/changelog.gz": File(packed((root / "CHANGELOG.md").read_bytes())),
              f"{documents}/changelog.Debian.gz": File(packed(changelog().encode())),
              f"{documents}/copyright": File(copyright_file().encode()),
              "usr/share/lintian/overrides/torchlathe": File(overrides.encode())}
    sums = "".join(f"{hashlib.md5(file.data).hexdigest()}  {name}\n" for name, file in sorted(files.items()))
    files |= {"DEBIAN/control": File(control(build, files).encode()), "DEBIAN/md5sums": File(sums.encode())}
    name = f"torchlathe_{version()}-1_{architectures[build.machine]}.deb"
    return name, packed_by_dpkg(files, name)


def packed_by_dpkg(files, name):
    """dpkg-deb sorts, and takes times from SOURCE_DATE_EPOCH. How xz cuts a file depends on its threads."""
    with tempfile.TemporaryDirectory(prefix="lathe-deb-") as folder:
        tree = Path(folder) / "tree"
        for path, file in files.items():
            place = tree / path
            place.parent.mkdir(parents=True, exist_ok=True)
            place.write_bytes(file.data)
            place.chmod(file.mode)
        for place in [tree, *(path for path in tree.rglob("*") if path.is_dir())]:
            place.chmod(0o755)
        subprocess.run(["dpkg-deb", "--root-owner-group", "-Zxz", "--threads-max=1", "--build", tree, Path(folder) / name], check=True,
                       stdout=subprocess.DEVNULL, env=dict(os.environ, SOURCE_DATE_EPOCH=str(epoch())))
        return (Path(folder) / name).read_bytes()
