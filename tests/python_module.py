#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""python_module.py TORCHLATHE CACHE: compiles the Python module against this build's library, uses it, compares its stubs with those in the
tree and has mypy check both and a program that uses them. CACHE keeps nanobind and mypy. `--accept` writes the stubs."""
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

root = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(root / "packaging"))
import module  # noqa: E402
from needs import need, skip  # noqa: E402

build, cache = Path(sys.argv[1]).resolve().parent, Path(sys.argv[2])
wrong = """import torchlathe
reveal_type(torchlathe.inspect("x").on("9.0").runs)
torchlathe.inspect(3)
torchlathe.carve("a", "b", gpus=[90])
torchlathe.select().best.name
"""


def run(*command, code=0, **more):
    done = subprocess.run([str(word) for word in command], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, **more)
    assert done.returncode == code, f"{' '.join(map(str, command))}: {done.returncode}\n{done.stdout[-4000:]}"
    return done.stdout


def check_types(python, place, folder):
    run(python, "-m", "mypy", "--strict", "--cache-dir", folder / "mypy", "-p", "torchlathe", cwd=place)
    (folder / "wrong.py").write_text(wrong)
    said = run(python, "-m", "mypy", "--strict", "--cache-dir", folder / "mypy", folder / "wrong.py", code=1, env=dict(os.environ, MYPYPATH=str(place)))
    lines = sorted({line.split(":")[1] for line in said.splitlines() if ": error:" in line})
    assert "torchlathe._core.Runs" in said and lines == ["3", "4", "5"], said


def main():
    need("cmake", "ninja")
    python = sys.executable
    if not module.version_of(python) or module.version_of(python) < (3, 11):
        skip("Python 3.11 or newer with its headers")
    if module.settings(build).get("CMAKE_TOOLCHAIN_FILE"):
        skip("a build for this machine")
    try:
        tools = module.tools(cache / "venv")
    except (subprocess.CalledProcessError, OSError):
        skip("the Python package index (for nanobind and mypy)")
    with tempfile.TemporaryDirectory(prefix="lathe-python-") as name:
        folder = Path(name).resolve()
        compiled = module.compiled(build, tools, module.nanobind_folder(tools), folder)
        place = folder / "site"
        shutil.copytree(root / "python/torchlathe", place / "torchlathe", ignore=shutil.ignore_patterns("__pycache__"))
        shutil.copy(compiled, place / "torchlathe")
        (place / "torchlathe/_version.py").write_text('__version__ = "0.0.0"\n')
        run(python, root / "tests/fat_library.py", folder / "libfat.so", "sm_80,sm_90")
        environment = dict(os.environ, PYTHONPATH=str(place), **module.sanitizer_environment(build))
        print(run(tools, root / "tests/use_module.py", folder / "libfat.so", env=environment).strip())
        run(tools, "-m", "nanobind.stubgen", "-q", "-m", "torchlathe._core", "-o", folder / "_core.pyi", env=environment)
        stubs = root / "python/torchlathe/_core.pyi"
        if "--accept" in sys.argv:
            shutil.copy(folder / "_core.pyi", stubs)
        assert stubs.read_text() == (folder / "_core.pyi").read_text(), f"{stubs} is old: run this with --accept"
        check_types(tools, place, folder)
        print("its stubs are true, and mypy refuses what is wrong")


main()
