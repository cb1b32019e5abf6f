# SPDX-License-Identifier: MIT
"""What every package holds: the program, its manual page, completions and documents, made from one build; nothing here depends on the
folder, the user or the time."""
import gzip
import io
import os
import re
import subprocess
import tarfile
import tempfile
import tomllib
from dataclasses import dataclass
from pathlib import Path

root = Path(__file__).resolve().parent.parent
summary = "inspect, carve and build PyTorch for the hardware that you have"
description = ["See which GPUs and CPUs a PyTorch build has code for, cut it down to yours,", "or build it from one file with Nix or Flox."]

# What is linked into the program, and the Debian package that has its licence.
linked = {"bzip2": "libbz2-dev", "CLI11": "libcli11-dev", "fmt": "libfmt-dev", "GCC runtime": "gcc-12-base", "libdeflate": "libdeflate-dev",
          "liblzma": "liblzma-dev", "libzstd": "libzstd-dev", "lz4": "liblz4-dev", "nlohmann-json": "nlohmann-json3-dev", "OpenSSL": "libssl-dev",
          "re2": "libre2-dev", "SQLite": "libsqlite3-dev", "toml++": "libtomlplusplus-dev", "zlib": "zlib1g-dev"}


@dataclass
class File:
    data: bytes
    mode: int = 0o644


@dataclass
class Build:
    """`program` was built in `folder`; `run` is what starts it on this machine: qemu for another one."""
    folder: Path
    machine: str
    run: tuple = ()

    @property
    def program(self):
        return self.folder / "torchlathe"

    def said(self, *words):
        return subprocess.run([*self.run, str(self.program), *words], stdout=subprocess.PIPE, check=True).stdout


def version():
    return re.search(r"^project\(torchlathe VERSION ([\d.]+)", (root / "CMakeLists.txt").read_text(), re.M).group(1)


def owner():
    """{"name", "email", "url"}"""
    return tomllib.loads((root / "packaging/owner.toml").read_text())


def maintainer():
    return "{name} <{email}>".format(**owner())


def epoch():
    """SOURCE_DATE_EPOCH, else when the commit was made."""
    given = os.environ.get("SOURCE_DATE_EPOCH")
    return int(given or subprocess.run(["git", "-C", root, "log", "-1", "--format=%ct"], stdout=subprocess.PIPE, text=True, check=True).stdout)


def stripped(binary, machine):
    strip = "strip" if machine == os.uname().machine else f"{machine}-linux-gnu-strip"
    with tempfile.TemporaryDirectory(prefix="lathe-strip-") as folder:
        out = Path(folder) / "stripped"
        subprocess.run([strip, "--strip-unneeded", "--remove-section=.comment", "-o", out, binary], check=True)
        return out.read_bytes()


def packed(data):
    return gzip.compress(data, 9, mtime=0)


def tar(files, compress=lambda data: data):
    """Sorted, by root, at one time; the folders above each file too."""
    folders = {str(parent) for name in files for parent in Path(name).parents if str(parent) != "."}
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w", format=tarfile.GNU_FORMAT) as archive:
        for name in sorted(folders | set(files)):
            entry = tarfile.TarInfo(name)
            entry.mtime, entry.uname, entry.gname = epoch(), "root", "root"
            if name in folders:
                entry.type, entry.mode = tarfile.DIRTYPE, 0o755
                archive.addfile(entry)
            else:
                entry.mode, entry.size = files[name].mode, len(files[name].data)
                archive.addfile(entry, io.BytesIO(files[name].data))
    return compress(out.getvalue())


def licences():
    """Of everything that is linked in, as Debian has them."""
    return {name: Path(f"/usr/share/doc/{package}/copyright").read_bytes() for name, package in linked.items()}


def completions(build, zsh):
    return {"share/bash-completion/completions/torchlathe": File(build.said("completion", "bash")),
            f"share/zsh/{zsh}/_torchlathe": File(build.said("completion", "zsh")),
            "share/fish/vendor_completions.d/torchlathe.fish": File(build.said("completion", "fish"))}


def documents():
    """README and docs/, with the links between them as in the source tree."""
    names = ["README.md", "SECURITY.md", *sorted(str(path.relative_to(root)) for path in (root / "docs").rglob("*") if path.is_file())]
    return {name: File((root / name).read_bytes()) for name in names}


def installed(build, zsh="site-functions"):
    """Below a prefix as /usr/local; without what a package's own rules ask for."""
    files = {"bin/torchlathe": File(stripped(build.program, build.machine), 0o755),
             "share/man/man1/torchlathe.1.gz": File(packed(build.said("help", "--man")))}
    files |= completions(build, zsh)
    files |= {f"share/doc/torchlathe/{name}": file for name, file in documents().items()}
    return files
