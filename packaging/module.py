# SPDX-License-Identifier: MIT
"""The compiled module of the Python package, built on the installed C++ library of a build folder."""
import os
import re
import subprocess
import sys
from pathlib import Path

root = Path(__file__).resolve().parent.parent


def run(*command, code=0, **more):
    done = subprocess.run([str(word) for word in command], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, **more)
    if done.returncode != code:
        sys.exit(f"{' '.join(map(str, command))}: {done.returncode}\n{done.stdout[-6000:]}")
    return done.stdout


def tools(place):
    """A virtual environment with requirements.txt; its Python."""
    requirements = root / "packaging/requirements.txt"
    mark, python = place / "installed", place / "bin/python"
    if not mark.is_file() or mark.read_text() != requirements.read_text():
        run(sys.executable, "-m", "venv", "--clear", place)
        run(python, "-m", "pip", "install", "-q", "--disable-pip-version-check", "-r", requirements)
        mark.write_text(requirements.read_text())
    return python


def version_of(python):
    """(3, 13) of a Python that modules can be compiled for; None otherwise."""
    asked = "import sys, sysconfig, os; print(*sys.version_info[:2], os.path.exists(sysconfig.get_path('include') + '/Python.h'))"
    done = subprocess.run([python, "-c", asked], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
    words = done.stdout.split()
    return (int(words[0]), int(words[1])) if done.returncode == 0 and words[2] == "True" else None


def settings(build):
    """CMakeCache.txt of a build of the library."""
    return dict(re.findall(r"^([\w-]+):\w+=(.*)$", (build / "CMakeCache.txt").read_text(), re.M))


def install_library(build, prefix):
    run("cmake", "--install", build, "--component", "library", "--prefix", prefix)


def compiled(build, python, nanobind, folder):
    """The module's file, for `python`, in `folder`."""
    install_library(build, folder / "library")
    cache = settings(build)
    run("cmake", "-S", root / "python", "-B", folder / "build", "-G", "Ninja", f"-DCMAKE_PREFIX_PATH={folder / 'library'}",
        f"-DPython_EXECUTABLE={python}", f"-Dnanobind_DIR={nanobind}", f"-DCMAKE_BUILD_TYPE={cache['CMAKE_BUILD_TYPE']}",
        f"-DCMAKE_CXX_COMPILER={cache['CMAKE_CXX_COMPILER']}", f"-DLATHE_PORTABLE={cache.get('LATHE_PORTABLE', 'OFF')}")
    run("cmake", "--build", folder / "build")
    return next((folder / "build").glob("_core.*.so"))


def nanobind_folder(python):
    return run(python, "-m", "nanobind", "--cmake_dir").strip()
