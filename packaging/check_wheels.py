#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""check_wheels.py PACKAGES [--accept]: what installers, indexes and type checkers make of the wheels.

auditwheel has to come to the platform tag that each wheel bears, and twine to no warning. Each is installed into a fresh virtual environment
and used there; mypy accepts the package under --strict and refuses wrong uses of it; the stubs in the tree are those of the compiled module
(--accept writes them). The README's `uvx` lines run.
"""
import os
import re
import sys
import tempfile
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent))
from contents import root, version  # noqa: E402
from module import run, tools  # noqa: E402
from wheel import pythons  # noqa: E402

packages = Path(sys.argv[1]).resolve()
stubs = root / "python/torchlathe/_core.pyi"
wrong = """import torchlathe
reveal_type(torchlathe.inspect("x").on("9.0").runs)
torchlathe.inspect(3)
torchlathe.carve("a", "b", gpus=[90])
torchlathe.select().best.name
"""


def check_tag(tool, wheel):
    said = " ".join(run(tool / "auditwheel", "show", wheel).split())
    tag = re.search(r'consistent with the following platform tag: "(\w+)"', said).group(1)
    assert wheel.stem.endswith(f"-{tag}"), f"{wheel.name}: auditwheel says {tag}"
    run(tool / "twine", "check", "--strict", wheel)


def check_use(python, wheel, folder):
    """Its Python in the environment that it was installed into."""
    run(python, "-m", "venv", folder / "venv")
    inside = folder / "venv/bin"
    run(inside / "pip", "install", "-q", "--no-index", wheel)
    run(inside / "pip", "check")
    for command in ([inside / "torchlathe"], [inside / "python", "-m", "torchlathe"]):
        assert run(*command, "version").startswith(f"torchlathe {version()} ("), command
    run(sys.executable, root / "tests/fat_library.py", folder / "libfat.so", "sm_80,sm_90")
    print(run(inside / "python", root / "tests/use_module.py", folder / "libfat.so").strip())
    # Its examples, without the fences around them, which doctest takes for output.
    (folder / "python.txt").write_text(re.sub(r"^```.*$", "", (root / "docs/python.md").read_text(), flags=re.M))
    run(inside / "python", "-m", "doctest", "python.txt", cwd=folder)
    return inside / "python"


def check_types(tool, python, folder):
    (folder / "wrong.py").write_text(wrong)
    mypy = [tool / "mypy", "--strict", "--cache-dir", folder / "mypy", "--python-executable", python]
    run(*mypy, "-p", "torchlathe")
    said = run(*mypy, folder / "wrong.py", code=1)
    lines = sorted({line.split(":")[1] for line in said.splitlines() if ": error:" in line})
    assert "torchlathe._core.Runs" in said and lines == ["3", "4", "5"], said


def made_stubs(tool, site, folder):
    made = folder / "_core.pyi"
    run(tool / "python", "-m", "nanobind.stubgen", "-q", "-m", "torchlathe._core", "-o", made, env=dict(os.environ, PYTHONPATH=site))
    # nanobind leaves out of what it is a path.
    return re.sub(r"os\.PathLike\b", "os.PathLike[str]", made.read_text())


def check_stubs(tool, python, folder):
    made = made_stubs(tool, run(python, "-c", "import sysconfig; print(sysconfig.get_path('purelib'))").strip(), folder)
    if "--accept" in sys.argv:
        stubs.write_text(made)
    assert stubs.read_text() == made, f"{stubs} is old: run this with --accept"


def check_uvx(folder):
    """README.md's `uvx` lines, with PACKAGES as the index."""
    print(run(sys.executable, root / "tests/readme.py", "no-build", root / "build/wheels", packages, cwd=folder).strip())


def main():
    tool = tools(packages.parent / "packaging/venv").parent
    for tag, python in pythons().items():
        (wheel,) = packages.glob(f"torchlathe-{version()}-{tag}-*.whl")
        check_tag(tool, wheel)
        with tempfile.TemporaryDirectory(prefix="lathe-wheel-") as name:
            folder = Path(name).resolve()
            inside = check_use(python, wheel, folder)
            if tag == "cp311":
                check_stubs(tool, inside, folder)
                check_uvx(folder)
            check_types(tool, inside, folder)
        print(f"{wheel.name}: tag, metadata, installation and types are right")


main()
