#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""library.py TORCHLATHE: installs the library to a folder of its own, builds the example of docs/library.md against it, by find_package
and by pkg-config, and has it inspect and carve a library with device code. All headers are compiled without a warning."""
import os
import re
import subprocess
import sys
import tempfile
import zipfile
from pathlib import Path

from needs import need, skip

machines = """#include <torchlathe/detect.h>
#include <torchlathe/select.h>
#include <torchlathe/verify.h>

#include <iostream>

int main(int, char** argv) {
  const torchlathe::Host host = torchlathe::imagine({"RTX 5090"}, "avx2");
  std::cout << torchlathe::select(torchlathe::read_host(host.record)).starting.at(0).name << "\\n";
  std::size_t calls = 0;
  const auto count = [&](std::string_view, unsigned) { ++calls; };
  for (const char* name : {"pytorch-python313-cuda13_0-sm90-avx2", "pytorch-python313-cuda13_0-sm120-avx2"}) {
    for (const auto& finding : torchlathe::verify(name, {argv[1]}, {.gpu_only = true, .on_file = count}).findings)
      std::cout << name << " " << finding.rule << "\\n";
  }
  std::cout << calls << " calls\\n" << (torchlathe::detect().isas.empty() ? "no" : "some") << " instruction sets\\n";
}
"""
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
    for name, text in {"example": None, "machines": machines}.items():
        if text:
            (folder / f"{name}.cpp").write_text(text)
        run(cache["CMAKE_CXX_COMPILER"], "-std=c++20", *flags, folder / f"{name}.cpp", *words, "-o", folder / name)
    (folder / "headers.cpp").write_text("".join(f"#include <torchlathe/{path.name}>\n" for path in (prefix / "include/torchlathe").iterdir()))
    run(cache["CMAKE_CXX_COMPILER"], "-std=c++20", "-fsyntax-only", "-Wall", "-Wextra", "-Werror",
        *[word for word in words if word.startswith("-I")], folder / "headers.cpp")
    return folder / "example"


def wheel_of(library, folder):
    wheel = folder / "fat-1.0-py3-none-any.whl"
    with zipfile.ZipFile(wheel, "w") as archive:
        archive.write(library, "fat/libfat.so")
        archive.writestr("fat-1.0.dist-info/METADATA", "Metadata-Version: 2.1\nName: fat\nVersion: 1.0\n")
        archive.writestr("fat-1.0.dist-info/WHEEL", "Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: false\nTag: py3-none-any\n")
        archive.writestr("fat-1.0.dist-info/RECORD", "fat/libfat.so,,\nfat-1.0.dist-info/METADATA,,\nfat-1.0.dist-info/WHEEL,,\nfat-1.0.dist-info/RECORD,,\n")
    return wheel


def check_machines(program, library):
    said = run(program, library)
    assert said.startswith("pytorch-python313-cuda13_0-sm120-avx2\n") and said.endswith("2 calls\nsome instruction sets\n"), said
    assert re.search("-sm120-avx2 gpu-missing$", said, re.M) and "-sm90-avx2 gpu-missing" not in said, said


def check(program, folder):
    library, result = folder / "libfat.so", folder / f"carved-{program.parent.name}.so"
    said = run(program, library, result, "9.0")
    assert re.search(r"^sm_80: [1-9]\d+ bytes$", said, re.M) and "\n9.0: all\n" in said, said
    assert said.endswith("8.0, 9.0 -> 9.0\n"), said
    assert result.stat().st_size < library.stat().st_size
    assert re.search("sm_90", run(sys.argv[1], "inspect", result)), "the program reads what the library wrote"
    assert "this is there already" in run(program, library, result, "9.0", code=1)
    run(program, wheel_of(library, folder), folder / f"wheels-{program.parent.name}", "9.0")
    (wheel,) = (folder / f"wheels-{program.parent.name}").iterdir()
    assert wheel.name == "fat-1.0+sm90-py3-none-any.whl" and re.search("sm_90", run(sys.argv[1], "inspect", wheel))
    assert "not a compute capability" in run(program, library, folder / "new.so", "Hopper", code=1)
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
    check_machines(here / "machines", here / "libfat.so")
    print(f"installed, used by CMake and by pkg-config: {', '.join(sorted(headers))}")
