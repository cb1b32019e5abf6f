# SPDX-License-Identifier: MIT
"""What a binary asks of the system that it runs on, as readelf says."""
import re
import subprocess

# The oldest C library that is promised: Ubuntu 22.04's.
oldest_glibc = (2, 35)
glibc_libraries = {"libc.so.6", "libm.so.6", "libdl.so.2", "libpthread.so.0", "ld-linux-x86-64.so.2", "ld-linux-aarch64.so.1"}


def said(*words):
    return subprocess.run(["readelf", *map(str, words)], stdout=subprocess.PIPE, text=True, check=True, env={"LC_ALL": "C", "PATH": "/usr/bin:/bin"}).stdout


def needed(binary):
    return re.findall(r"\(NEEDED\)\s+Shared library: \[(.*)\]", said("-dW", binary))


def glibc(binary):
    """The newest version of glibc's symbols that it has to have: (2, 34)."""
    versions = re.findall(r"Name: GLIBC_(\d+)\.(\d+)", said("-VW", binary))
    return max((int(major), int(minor)) for major, minor in versions)


def not_portable(binary):
    """Why it does not run on every Linux with oldest_glibc; [] where it does."""
    reasons = [f"needs {name}" for name in needed(binary) if name not in glibc_libraries]
    if glibc(binary) > oldest_glibc:
        reasons.append(f"needs glibc {'.'.join(map(str, glibc(binary)))}")
    if re.search(r"\((RPATH|RUNPATH)\)", said("-dW", binary)):
        reasons.append("looks for libraries in a folder of its own")
    others = {name for name in re.findall(r"Name: ([A-Z]\w*?)_[\d.]+\b", said("-VW", binary)) if name not in ("GLIBC",)}
    return reasons + [f"needs symbols of {name}" for name in sorted(others)]


def manylinux(*binaries):
    """The tag that is true of all: manylinux_2_35."""
    for binary in binaries:
        reasons = not_portable(binary)
        if reasons:
            raise SystemExit(f"{binary}: {'; '.join(reasons)}")
    return "manylinux_{}_{}".format(*max(glibc(binary) for binary in binaries))
