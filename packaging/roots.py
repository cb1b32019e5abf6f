# SPDX-License-Identifier: MIT
"""Fresh systems to install into: Debian and Ubuntu by debootstrap, kept as archives, unpacked for each use. Needs root."""
import os
import re
import shutil
import tempfile
from dataclasses import dataclass
from pathlib import Path

from module import run


@dataclass
class System:
    """`python`: the wheel that its Python takes; None where there is none. `keyring_of`: the suite that has the key of this one's mirror."""
    suite: str
    python: str = None
    mirror: str = ""
    include: str = ""
    keyring_of: str = None


def debian(suite, python, *more):
    return System(suite, python, apt_mirror(), ",".join(["python3", "python3-pip-whl", *more]))


def apt_mirror():
    """The first address that this machine's own apt takes packages from."""
    files = [Path("/etc/apt/sources.list"), *sorted(Path("/etc/apt/sources.list.d").glob("*"))]
    text = re.sub(r"^\s*#.*$", "", "\n".join(path.read_text() for path in files if path.is_file()), flags=re.M)
    found = re.search(r"^URIs:\s*(\S+)|^deb\s+(?:\[[^]]*\]\s+)?(\S+)", text, re.M)
    return found.group(1) or found.group(2)


# What packages are built on, with Python 3.11; a newer C library and Python 3.13; the oldest C library that is promised.
systems = [debian("bookworm", "cp311"), debian("trixie", "cp312", "ubuntu-keyring"),
           System("jammy", mirror="http://archive.ubuntu.com/ubuntu", keyring_of="trixie")]
keyring = "usr/share/keyrings/ubuntu-archive-keyring.gpg"


def debootstrapped(system, kept, folder):
    options = [f"--include={system.include}"] if system.include else []
    if system.keyring_of:
        run("tar", "-C", folder, "-xf", kept / f"{system.keyring_of}.tar", f"./{keyring}")
        options.append(f"--keyring={folder / keyring}")
    run("debootstrap", "--variant=minbase", *options, system.suite, folder / "system", system.mirror)
    return folder / "system"


def archive(system, kept):
    """Made on first use."""
    place = kept / f"{system.suite}.tar"
    if not place.exists():
        kept.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix="lathe-debootstrap-") as name:
            made = debootstrapped(system, kept, Path(name))
            run("tar", "-C", made, "--exclude=./var/cache/apt/archives/*.deb", "--exclude=./dev/*", "-cf", f"{place}.new", ".")
        os.rename(f"{place}.new", place)
    return place


class Root:
    """A system in a folder."""

    def __init__(self, folder):
        self.folder = folder

    @classmethod
    def of(cls, system, kept, folder):
        run("tar", "-C", folder, "-xf", archive(system, kept))
        return cls(folder)

    def said(self, *command, code=0):
        # With network and process tables of its own: what it starts reaches nobody.
        return run("unshare", "--net", "--pid", "--fork", "chroot", self.folder, *command, code=code,
                   env={"PATH": "/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin", "HOME": "/tmp", "LC_ALL": "C.UTF-8"})

    def put(self, *files):
        (self.folder / "tmp").mkdir(exist_ok=True)
        for file in files:
            shutil.copy(file, self.folder / "tmp")
