# SPDX-License-Identifier: MIT
"""python -m torchlathe: the program that was installed with this module."""
import os
import sys
import sysconfig
from pathlib import Path


def program() -> Path:
    """Beside this Python, in the user's scheme, or where pip --target put it."""
    schemes = ["", f"{os.name}_user"]
    folders = [sysconfig.get_path("scripts", scheme) if scheme else sysconfig.get_path("scripts") for scheme in schemes]
    folders.append(str(Path(__file__).resolve().parent.parent / "bin"))
    for folder in folders:
        if (Path(folder) / "torchlathe").is_file():
            return Path(folder) / "torchlathe"
    sys.exit(f"torchlathe: the program is in none of {', '.join(folders)}")


if __name__ == "__main__":
    path = program()
    os.execv(path, [str(path), *sys.argv[1:]])
