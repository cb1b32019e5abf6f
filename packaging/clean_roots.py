#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""clean_roots.py PACKAGES: installs each package into a fresh Debian, without a network, and uses what was installed.

The Debians come by debootstrap from the mirror that this machine has, and are kept beside PACKAGES. Needs root.
"""
import os
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent))
import oci  # noqa: E402
from contents import root, version  # noqa: E402

packages = Path(sys.argv[1]).resolve()
kept = packages.parent / "packaging/roots"
# Debian 12 is what packages are built on: Python 3.11. Debian 13 has a newer C library, and Python 3.13.
suites = {"bookworm": "cp311", "trixie": "cp312"}


def run(*command, code=0, **more):
    done = subprocess.run([str(word) for word in command], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, **more)
    assert done.returncode == code, f"{' '.join(map(str, command))}: {done.returncode}\n{done.stdout[-4000:]}"
    return done.stdout


def mirror():
    """The first address that this machine's own apt takes packages from."""
    text = "\n".join(path.read_text() for path in [Path("/etc/apt/sources.list"), *sorted(Path("/etc/apt/sources.list.d").glob("*"))] if path.is_file())
    text = re.sub(r"^\s*#.*$", "", text, flags=re.M)
    found = re.search(r"^URIs:\s*(\S+)|^deb\s+(?:\[[^]]*\]\s+)?(\S+)", text, re.M)
    return found.group(1) or found.group(2)


def debian(suite):
    """A minimal Debian with Python, as an archive."""
    archive = kept / f"{suite}.tar"
    if not archive.exists():
        kept.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix="lathe-debootstrap-") as folder:
            run("debootstrap", "--variant=minbase", "--include=python3,python3-pip-whl", suite, folder, mirror())
            run("tar", "-C", folder, "--exclude=./var/cache/apt/archives/*.deb", "--exclude=./dev/*", "-cf", f"{archive}.new", ".")
        os.rename(f"{archive}.new", archive)
    return archive


class Root:
    """A fresh one for each use."""

    def __init__(self, folder):
        self.folder = folder

    @classmethod
    def of(cls, suite, folder):
        run("tar", "-C", folder, "-xf", debian(suite))
        return cls(folder)

    def said(self, *command, code=0):
        # In network and process tables of its own: what it starts reaches nobody.
        return run("unshare", "--net", "--pid", "--fork", "chroot", self.folder, *command, code=code,
                   env={"PATH": "/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin", "HOME": "/tmp", "LC_ALL": "C.UTF-8"})

    def put(self, *files):
        for file in files:
            shutil.copy(file, self.folder / "tmp")


def check_program(machine, program, library):
    """What a newcomer does first."""
    told = machine.said(program, "--version")
    assert told.startswith(f"torchlathe {version()} ("), told
    machine.said(program, "detect")
    assert "9.0: all" in machine.said(program, "inspect", library, "--gpu", "H100")
    machine.said(program, "carve", library, "--gpu", "H100", "-o", "/tmp/carved.so")
    assert "8.0: none" in machine.said(program, "inspect", "/tmp/carved.so", "--gpu", "A100", code=1)
    assert "pytorch-python313-cuda13_0-sm120-avx2" in machine.said(program, "select", "--gpu", "RTX 5090", "--cpu", "avx2", "-q")


def check_tarball(machine):
    machine.said("tar", "-C", "/opt", "-xf", f"/tmp/torchlathe-{version()}-x86_64-linux.tar.gz")
    check_program(machine, f"/opt/torchlathe-{version()}-x86_64-linux/bin/torchlathe", "/tmp/libfat.so")


def check_deb(machine):
    before = sorted(machine.said("find", "/usr", "/etc", "-type", "f").split())
    machine.said("dpkg", "-i", f"/tmp/torchlathe_{version()}-1_amd64.deb")
    assert machine.said("dpkg", "--verify", "torchlathe") == ""
    check_program(machine, "torchlathe", "/tmp/libfat.so")
    machine.said("bash", "-c", "source /usr/share/bash-completion/completions/torchlathe; COMP_WORDS=(torchlathe ins) COMP_CWORD=1; _torchlathe; [[ ${COMPREPLY[0]} == inspect ]]")
    machine.said("dpkg", "--purge", "torchlathe")
    left = set(machine.said("find", "/usr", "/etc", "-type", "f").split()) - set(before)
    assert not left, f"the package leaves {left}"


def check_wheel(machine, tag):
    (wheel,) = [path.name for path in packages.glob(f"torchlathe-{version()}-{tag}-*.whl")]
    # Debian's own pip, which comes as a wheel, installs into /usr/local.
    machine.said("sh", "-c", f"python3 /usr/share/python-wheels/pip-*.whl/pip install --no-index --break-system-packages /tmp/{wheel}")
    check_program(machine, "torchlathe", "/tmp/libfat.so")
    assert machine.said("python3", "-m", "torchlathe", "-V").startswith(f"torchlathe {version()} (")
    print(machine.said("python3", "/tmp/use_module.py", "/tmp/libfat.so").strip())


def check_image(folder):
    archive = packages / f"torchlathe-{version()}-x86_64-oci.tar"
    config = oci.unpacked_rootfs(archive, folder)
    (entry,) = config["config"]["Entrypoint"]
    machine = Root(folder)
    machine.put(folder.parent / "libfat.so")
    check_program(machine, entry, "/tmp/libfat.so")


def lintian():
    if not shutil.which("lintian"):
        sys.exit("clean_roots.py: lintian is missing")
    deb = packages / f"torchlathe_{version()}-1_amd64.deb"
    said = run("lintian", "--fail-on", "error,warning", "--display-info", "--allow-root", deb)
    print(f"lintian: {said.strip() or 'no problems found'}")


def main():
    if os.geteuid() != 0:
        sys.exit("clean_roots.py: debootstrap and chroot need root")
    lintian()
    with tempfile.TemporaryDirectory(prefix="lathe-clean-") as name:
        here = Path(name)
        run(sys.executable, root / "tests/fat_library.py", here / "libfat.so", "sm_80,sm_90")
        files = [here / "libfat.so", root / "tests/use_module.py", *(path for path in packages.iterdir() if path.suffix != ".tar")]
        checks = {"tarball": check_tarball, "deb": check_deb}
        for suite, tag in suites.items():
            for what, check in {**checks, "wheel": lambda machine, tag=tag: check_wheel(machine, tag)}.items():
                with tempfile.TemporaryDirectory(prefix="root-", dir=here) as folder:
                    machine = Root.of(suite, Path(folder))
                    machine.put(*files)
                    check(machine)
                print(f"{suite}: {what} installed and used")
        (here / "image").mkdir()
        check_image(here / "image")
        print("image: unpacked and run")


main()
