# SPDX-License-Identifier: MIT
"""What a binary asks of the system that it runs on, as readelf says."""
import os
import re
import subprocess

# The oldest C library that is promised: Ubuntu 22.04's.
oldest_glibc = (2, 35)
glibc_libraries = {"libc.so.6", "libm.so.6", "libdl.so.2", "libpthread.so.0", "ld-linux-x86-64.so.2", "ld-linux-aarch64.so.1"}


def readelf(*words):
    environment = dict(os.environ, LC_ALL="C")
    return subprocess.run(["readelf", *map(str, words)], stdout=subprocess.PIPE, text=True, check=True, env=environment).stdout


def needed(binary):
    return re.findall(r"\(NEEDED\)\s+Shared library: \[(.*)\]", readelf("-dW", binary))


def versions(binary):
    """Versions of symbols that it needs of its libraries: ["GLIBC_2.34", "CXXABI_1.3"]."""
    needs = readelf("-VW", binary).partition("Version needs section")[2]
    return sorted(set(re.findall(r"Name: (\S+)", needs)))


def glibc(binary):
    """The newest version of glibc's symbols that it needs: (2, 34)."""
    return max(tuple(map(int, name[6:].split("."))) for name in versions(binary) if re.fullmatch(r"GLIBC_[\d.]+", name))


def dotted(version):
    return ".".join(map(str, version))


def not_portable(binary):
    """Why it does not run on every Linux with oldest_glibc; [] if it does."""
    reasons = [f"needs {name}" for name in needed(binary) if name not in glibc_libraries]
    reasons += [f"needs {name}" for name in versions(binary) if not name.startswith("GLIBC_")]
    if glibc(binary) > oldest_glibc:
        reasons.append(f"needs glibc {dotted(glibc(binary))}; {dotted(oldest_glibc)} is promised")
    dynamic = readelf("-dW", binary)
    if re.search(r"\((RPATH|RUNPATH)\)", dynamic):
        reasons.append("looks for libraries in a folder of its own")
    if "TEXTREL" in dynamic:
        reasons.append("has code that the loader must write to")
    return reasons


def manylinux(*binaries):
    """The tag that is true of all: manylinux_2_34."""
    for binary in binaries:
        reasons = not_portable(binary)
        if reasons:
            raise SystemExit(f"{binary}: {'; '.join(reasons)}")
    return "manylinux_{}_{}".format(*max(glibc(binary) for binary in binaries))
