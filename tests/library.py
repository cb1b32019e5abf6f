#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""library.py TORCHLATHE: installs the library to a folder of its own, builds the example of docs/library.md against it, by find_package
and by pkg-config, and has it inspect and carve a library with device code. All headers are compiled without a warning."""
import os
import re
import subprocess
import sys
import tempfile
from pathlib import Path

from needs import need, skip

root = Path(__file__).resolve().parent.parent
build = Path(sys.argv[1]).resolve().parent
cache = dict(re.findall(r"^(\w+):\w+=(.*)$", (build / "CMakeCache.txt").read_text(), re.M))
if cache.get("CMAKE_TOOLCHAIN_FILE"):
    skip("a build for this machine")
need("cmake", "ninja", "pkg-config", cache["CMAKE_CXX_COMPILER"])
flags = [f"-fsanitize={cache['LATHE_SANITIZE']}"] if cache.get("LATHE_SANITIZE") else []


def run(*command, code=0, **more):
    done = subprocess.run([str(word) for word in command], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, **more)
    assert done.returncode == code, f"{command}: {done.returncode}\n{done.stdout[-3000:]}"
    return done.stdout


def by_cmake(prefix, folder):
    (folder / "CMakeLists.txt").write_text("""cmake_minimum_required(VERSION 3.25)
project(example CXX)
find_package(torchlathe 0.1 REQUIRED)
add_executable(example example.cpp)
target_link_libraries(example PRIVATE torchlathe::torchlathe)
""")
    run("cmake", "-S", folder, "-B", folder / "build", "-G", "Ninja", f"-DCMAKE_PREFIX_PATH={prefix}",
        f"-DCMAKE_CXX_COMPILER={cache['CMAKE_CXX_COMPILER']}", f"-DCMAKE_CXX_FLAGS={' '.join(flags)}")
    run("cmake", "--build", folder / "build")
    return folder / "build/example"


def by_pkg_config(prefix, folder):
    places = ":".join(str(path.parent) for path in prefix.rglob("torchlathe.pc"))
    words = run("pkg-config", "--cflags", "--libs", "--static", "torchlathe", env=dict(os.environ, PKG_CONFIG_PATH=places)).split()
    run(cache["CMAKE_CXX_COMPILER"], "-std=c++20", *flags, folder / "example.cpp", *words, "-o", folder / "by_pkg_config")
    (folder / "headers.cpp").write_text("".join(f"#include <torchlathe/{path.name}>\n" for path in (prefix / "include/torchlathe").iterdir()))
    run(cache["CMAKE_CXX_COMPILER"], "-std=c++20", "-fsyntax-only", "-Wall", "-Wextra", "-Werror",
        *[word for word in words if word.startswith("-I")], folder / "headers.cpp")
    return folder / "by_pkg_config"


def check(program, folder):
    library, result = folder / "libfat.so", folder / f"carved-by-{program.name}.so"
    said = run(program, library, result, "9.0")
    assert re.search(r"^sm_80: [1-9]\d+ bytes$", said, re.M) and "\n9.0: all\n" in said, said
    assert said.endswith("8.0, 9.0 -> 9.0\n"), said
    assert result.stat().st_size < library.stat().st_size
    assert re.search("sm_90", run(sys.argv[1], "inspect", result)), "the program reads what the library wrote"
    assert "this is there already" in run(program, library, result, "9.0", code=1)
    assert "no compute capability" in run(program, library, folder / "new.so", "Hopper", code=1)
    assert str(folder / "none.so") in run(program, folder / "none.so", folder / "new.so", "9.0", code=1)
    assert not (folder / "new.so").exists()


with tempfile.TemporaryDirectory(prefix="lathe-library-") as name:
    here = Path(name).resolve()
    run("cmake", "--install", build, "--component", "library", "--prefix", here / "installed")
    headers = {path.name for path in (here / "installed/include/torchlathe").iterdir()}
    assert headers == {path.name for path in (root / "include/torchlathe").iterdir()}
    assert not re.search(r'#include "(?!torchlathe/)', "".join(path.read_text() for path in (root / "include/torchlathe").iterdir()))
    (here / "example.cpp").write_text(re.search(r"```cpp\n(.*?)```", (root / "docs/library.md").read_text(), re.S).group(1))
    run(sys.executable, root / "tests/fat_library.py", here / "libfat.so", "sm_80,sm_90")
    for make in (by_cmake, by_pkg_config):
        check(make(here / "installed", here), here)
    print(f"installed, used by CMake and by pkg-config: {', '.join(sorted(headers))}")
