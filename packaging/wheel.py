# SPDX-License-Identifier: MIT
"""torchlathe-VERSION-PYTHON-ABI-manylinux_2_35_MACHINE.whl: the program, and the module torchlathe.

Two for each machine: one for Python 3.11, and one for the stable ABI, which is 3.12's for nanobind and serves every later Python.
"""
import base64
import hashlib
import io
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
import zipfile
from pathlib import Path

from contents import File, epoch, licences, maintainer, owner, root, stripped, summary, version
from module import compiled, nanobind_folder, tools, version_of
from portable import manylinux


def pythons():
    """{"cp311": a Python 3.11, "cp312": the oldest one from 3.12 on}, as far as there are any with headers."""
    names = [sys.executable, *(f"python3.{minor}" for minor in range(11, 20)),
             *sorted(Path(os.environ.get("PYENV_ROOT", Path.home() / ".pyenv")).glob("versions/3.*/bin/python3"))]
    found = {}
    for name in names:
        path = shutil.which(name)
        have = path and version_of(path)
        if have:
            found.setdefault(have, path)
    later = sorted(have for have in found if have >= (3, 12))
    wanted = {"cp311": found.get((3, 11)), "cp312": found[later[0]] if later else None}
    for tag in (tag for tag, path in wanted.items() if not path):
        print(f"no wheel for {tag}: no such Python with its headers is here")
    return {tag: path for tag, path in wanted.items() if path}


def metadata():
    # Links into the source tree lead nowhere from an index' page.
    text = re.sub(r"!?\[([^]]*)\]\((?!http)[^)]*\)", r"\1", (root / "README.md").read_text())
    return f"""Metadata-Version: 2.4
Name: torchlathe
Version: {version()}
Summary: {summary}
Author-email: {maintainer()}
Project-URL: Homepage, {owner()['url']}
License-Expression: MIT
License-File: LICENSE
License-File: linked-libraries.txt
Requires-Python: >=3.11
Classifier: Operating System :: POSIX :: Linux
Classifier: Programming Language :: C++
Classifier: Programming Language :: Python :: 3
Classifier: Typing :: Typed
Description-Content-Type: text/markdown

{text}"""


def package_files(module):
    """The folder torchlathe, with the compiled module at `module`."""
    folder = root / "python/torchlathe"
    files = {f"torchlathe/{path.name}": File(path.read_bytes()) for path in sorted(folder.iterdir()) if path.suffix in (".py", ".pyi", ".typed")}
    files["torchlathe/_version.py"] = File(f'__version__ = "{version()}"\n'.encode())
    files[f"torchlathe/{module.name}"] = File(module.read_bytes(), 0o755)
    return files


def zipped(files, record):
    """In the order given, RECORD last, at one time."""
    rows = []
    for name, file in files.items():
        digest = base64.urlsafe_b64encode(hashlib.sha256(file.data).digest()).rstrip(b"=").decode()
        rows.append(f"{name},sha256={digest},{len(file.data)}\n")
    files = files | {record: File(("".join(rows) + f"{record},,\n").encode())}
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED, compresslevel=9) as archive:
        for name, file in files.items():
            entry = zipfile.ZipInfo(name, time.gmtime(max(epoch(), 315532800))[:6])
            entry.compress_type, entry.create_system, entry.external_attr = zipfile.ZIP_DEFLATED, 3, (0o100000 | file.mode) << 16
            archive.writestr(entry, file.data)
    return out.getvalue()


def linked(tool):
    """Licences of what is linked into program and module."""
    site = next((tool.parent.parent / "lib").glob("python3.*/site-packages"))
    found = licences() | {"nanobind": next(site.glob("nanobind-*.dist-info/licenses/LICENSE")).read_bytes()}
    return "".join(f"{name}\n{'=' * len(name)}\n\n{text.decode(errors='replace')}\n\n" for name, text in found.items())


def tags(build, tag, module):
    """cp311-cp311-manylinux_2_35_x86_64"""
    abi = "abi3" if ".abi3." in module.name else tag
    return f"{tag}-{abi}-{manylinux(build.program, module)}_{build.machine}"


def packed_wheel(build, name, module, others):
    _, _, tag = name.removesuffix(".whl").split("-", 2)
    data, info = f"torchlathe-{version()}.data", f"torchlathe-{version()}.dist-info"
    wheel = f"Wheel-Version: 1.0\nGenerator: torchlathe packaging\nRoot-Is-Purelib: false\nTag: {tag}\n"
    files = package_files(module) | {
        f"{data}/scripts/torchlathe": File(stripped(build.program, build.machine), 0o755),
        f"{data}/data/share/man/man1/torchlathe.1": File(build.said("help", "--man")),
        f"{info}/METADATA": File(metadata().encode()),
        f"{info}/WHEEL": File(wheel.encode()),
        f"{info}/licenses/LICENSE": File((root / "LICENSE").read_bytes()),
        f"{info}/licenses/linked-libraries.txt": File(others.encode())}
    return zipped(files, f"{info}/RECORD")


def wheels(build, work):
    """[(name, bytes)]. `work` keeps the tools."""
    made, tool = [], tools(work / "venv")
    for tag, python in pythons().items():
        with tempfile.TemporaryDirectory(prefix="lathe-wheel-") as folder:
            module = compiled(build.folder, python, nanobind_folder(tool), Path(folder))
            name = f"torchlathe-{version()}-{tags(build, tag, module)}.whl"
            made.append((name, packed_wheel(build, name, module, linked(tool))))
    return made
