#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""readme.py TORCHLATHE CACHE [WHEELS]: README.md keeps to one screen for each of its three readers, and its `uvx` lines do what it says.

uv comes from the Python package index through pip into CACHE; without it the lines are skipped (77). They run in a virtual environment with
a small library in the place of PyTorch and a made driver with two GPUs. uv finds torchlathe in WHEELS, which `./dev package` names; without
it, in a wheel that calls this build's program.
"""
import os
import re
import subprocess
import sys
import tempfile
import zipfile
from pathlib import Path

from needs import need as need_programs
from python_index import need
from small_wheel import line

root = Path(__file__).resolve().parent.parent
readme = (root / "README.md").read_text()
SCREENS = ["PyTorch from pip and a GPU", "A folder of recipes", "A container image"]
LINES, COLUMNS = 40, 80


def as_read(text):
    """Without what only the source has: where links lead to, and what the tests alone need."""
    return re.sub(r"\]\([^)]*\)", "]", re.sub(r"^\$ #needs .*\n", "", text, flags=re.M))


def check_screens():
    sections = dict(re.findall(r"^## ([^\n]*)\n(.*?)(?=^## |\Z)", as_read(readme), re.M | re.S))
    for title in SCREENS:
        lines = ["## " + title, *sections[title].rstrip().splitlines()]
        assert len(lines) <= LINES, f"README.md: '{title}' has {len(lines)} lines, {LINES} fit a screen"
        for text in lines:
            assert len(text) <= COLUMNS, f"README.md: {len(text)} columns: {text}"


def uvx_lines():
    shell = "".join(re.findall(r"^```sh\n(.*?)^```$", readme, re.M | re.S))
    found = re.findall(r"^uvx (?:.*\\\n)*.*$", shell, re.M)
    assert [command.split()[2] for command in found] == ["inspect", "carve", "shrink"], found
    return found


def uvx_program(cache, folder):
    wheel = need(f"{cache}/uv/uv-0.13.9-*.whl", "download", "-q", "--no-deps", "-d", f"{cache}/uv", "uv==0.13.9")
    with zipfile.ZipFile(wheel) as archive:
        for name in ("uv", "uvx"):
            Path(archive.extract(f"uv-0.13.9.data/scripts/{name}", folder)).chmod(0o755)
    return folder / "uv-0.13.9.data/scripts"


def wheel_of(program, folder):
    """A wheel as small as they get, whose program is this build's."""
    info = "torchlathe-0.dist-info"
    files = {"torchlathe-0.data/scripts/torchlathe": f'#!/bin/sh\nexec "{program}" "$@"\n'.encode(),
             f"{info}/METADATA": b"Metadata-Version: 2.1\nName: torchlathe\nVersion: 0\n",
             f"{info}/WHEEL": b"Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n"}
    folder.mkdir()
    with zipfile.ZipFile(folder / "torchlathe-0-py3-none-any.whl", "w") as wheel:
        for name, data in files.items():
            wheel.writestr(name, data)
        wheel.writestr(f"{info}/RECORD", "".join(line(*file) for file in files.items()) + f"{info}/RECORD,,\n")
    return folder


def environment_with_torch(folder):
    """The bin/ of a virtual environment in which `import torch` finds a library for four GPUs."""
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", folder], check=True)
    (site,) = folder.glob("lib/python3*/site-packages")
    library = site / "torch/lib/libtorch_cuda.so"
    library.parent.mkdir(parents=True)
    (site / "torch/__init__.py").write_text("")
    subprocess.run([sys.executable, root / "tests/fat_library.py", library, "sm_75,sm_80,sm_90,sm_120"], check=True)
    return folder / "bin"


def made_driver(folder):
    """NVML with a GB10 (12.1) and an A100 (8.0)."""
    library = folder / "libnvidia-ml.so.1"
    subprocess.run(["g++", "-std=c++20", "-shared", "-fPIC", "-I", root / "src", "-o", library, root / "tests/fake_nvml.cpp"], check=True)
    return library


def check_uvx_lines(program, cache, wheels):
    need_programs("gcc", "g++")
    with tempfile.TemporaryDirectory(prefix="lathe-readme-") as name:
        folder = Path(name).resolve()
        wheels = Path(wheels).resolve() if wheels else wheel_of(program, folder / "wheels")
        path = [uvx_program(cache, folder), environment_with_torch(folder / "venv"), os.environ["PATH"]]
        kept = {key: value for key, value in os.environ.items() if not key.startswith(("UV_", "PYTHON"))}
        environment = kept | {"PATH": ":".join(map(str, path)), "VIRTUAL_ENV": str(folder / "venv"), "TORCHLATHE_NVML": str(made_driver(folder)),
                              "UV_CACHE_DIR": str(folder / "cache"), "UV_FIND_LINKS": str(wheels), "UV_NO_INDEX": "1", "UV_OFFLINE": "1",
                              "UV_NO_CONFIG": "1", "UV_PYTHON_DOWNLOADS": "never", "NO_COLOR": "1"}

        def said(command):
            done = subprocess.run(["bash", "-c", command], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environment, timeout=300)
            assert done.returncode == 0, f"{command}\n{done.stdout}{done.stderr}"
            return done.stdout

        inspect, carve, shrink = uvx_lines()
        for how in ("", "unset VIRTUAL_ENV; "):  # uvx puts a Python of its own before the user's
            shown = said(f"{how}{shrink} --dry-run 2>&1")
            assert f"the virtual environment of {folder}/venv/bin/python3" in shown and "would be shrunk for 8.0, 12.1" in shown, shown
        before = said(inspect)
        assert re.search(r"^ *9\.0 +all$", before, re.M), before
        assert "carved for 8.0, 12.1: " in said(carve)
        after = said(inspect)
        assert re.search(r"^ *8\.0 +all$", after, re.M) and not re.search(r"^ *9\.0 +all$", after, re.M), after


def main():
    check_screens()
    check_uvx_lines(Path(sys.argv[1]).resolve(), os.path.abspath(sys.argv[2]), sys.argv[3] if len(sys.argv) > 3 else None)
    print(f"three screens; uvx runs {len(uvx_lines())} lines")


main()
