#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""package_nix.py TORCHLATHE [--build]: nix/package.nix names what CMake looks for, and is configured by the real Nix with nix/mini's compilers
and Debian's libraries.

An input that is taken away makes it fail: the check can see that one is missing. --build also compiles it all (minutes of two cores) and
runs the program that comes out. Exits 77 (skipped) without Nix, or where the libraries are not Debian's.
"""
import os
import re
import subprocess
import sys
import tempfile
from pathlib import Path

from needs import need
from nix_store import store_at

root = Path(__file__).resolve().parent.parent
# What CMake calls a part, where nixpkgs calls it otherwise. Threads is the C library's; "" is the build's own tool.
names = {"fmt": "fmt", "cli11": "cli11", "tomlplusplus": "tomlplusplus", "nlohmann_json": "nlohmann_json", "openssl": "openssl", "re2": "re2", "libdeflate": "libdeflate", "libzstd": "zstd", "liblz4": "lz4", "liblzma": "xz", "bzip2": "bzip2", "zlib": "zlib",
         "sqlite3": "sqlite", "pkgconfig": "pkg-config", "threads": None}


def looked_for():
    """Names of all parts that CMake's files require without BUILD_TESTING."""
    found = set()
    files = [root / "CMakeLists.txt", *(root / "cmake").glob("*.cmake"), *root.glob("*/CMakeLists.txt"), *(root / "src").glob("**/CMakeLists.txt")]
    for file in files:
        if file.name == "test_dependencies.cmake" or file.parent in (root / "tests", root / "python"):
            continue
        text = file.read_text()
        found |= {name.lower() for name in re.findall(r"find_package\((\w+)", text)}
        for modules in re.findall(r"pkg_check_modules\(\w+ ([^)]*)\)", text):
            found |= {word.lower() for word in modules.split() if word.islower() or word.startswith("lib")}
    return found


def check_inputs():
    text = (root / "nix/package.nix").read_text()
    arguments = set(re.findall(r"^  ([\w-]+),$", text, re.M))
    inputs = set(" ".join(re.findall(r"(?:nativeB|b)uildInputs = \[ (.*?) \];", text)).split())
    unknown = looked_for() - set(names)
    assert not unknown, f"CMake looks for {unknown}; add what nixpkgs calls it here, and to nix/package.nix"
    missing = {names[name] for name in looked_for() if names[name]} - inputs
    assert not missing, f"nix/package.nix does not give {missing}"
    assert inputs <= arguments, f"used, no argument: {inputs - arguments}"


def main():
    check_inputs()
    print("nix/package.nix gives all that CMake looks for")
    need("nix-build", "dpkg-query", "cmake", "ninja")
    with tempfile.TemporaryDirectory(prefix="lathe-package-") as folder:
        environment = dict(os.environ, **store_at(folder))
        cache = os.environ.get("CCACHE_DIR") or next((str(path) for path in (Path.home() / ".cache/ccache", Path.home() / ".ccache") if path.is_dir()), "")
        command = ["nix-build", str(root / "tests/nix/package.nix"), "--no-out-link", "--cores", "2", "--argstr", "cache", cache]
        try:
            def run(*more):
                return subprocess.run(command + list(more), env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)

            only = ("--arg", "configureOnly", "true")
            spoiled = run(*only, "--arg", "without", '[ "sqlite" ]')
            assert spoiled.returncode != 0 and "SQLite3" in spoiled.stdout, spoiled.stdout[-3000:]
            configured = run(*only)
            assert configured.returncode == 0, configured.stdout[-3000:]
            print("configured with its inputs and nothing else in sight, GoogleTest, Benchmark and Zydis not among them; without SQLite it fails")
            if "--build" in sys.argv:
                built = run()
                assert built.returncode == 0, built.stdout[-3000:]
                program = Path(built.stdout.split()[-1]) / "bin/torchlathe"
                told = subprocess.run([program, "--version"], stdout=subprocess.PIPE, text=True, check=True).stdout
                assert re.search(r"\d+\.\d+", told), told
                print(f"built and run: {told.strip()}")
        finally:
            subprocess.run(["chmod", "-R", "u+w", folder], check=False)


main()
