#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""asks.py TORCHLATHE: on a terminal `apply` shows its plan and asks, and `build` of a whole matrix says what it costs and asks; a no
changes nothing. In a pipe nobody is asked."""
import os
import pty
import subprocess
import sys
import tempfile
from pathlib import Path

from needs import need

need("nix-instantiate", "nix-store")
program = Path(sys.argv[1]).resolve()


def on_terminal(folder, answer, *words):
    """(exit code, what was printed) of a run whose streams are a terminal on which somebody types the answer."""
    child, master = pty.fork()
    if child == 0:
        os.chdir(folder)
        os.execve(program, [str(program), *words], dict(os.environ, TERM="dumb", NO_COLOR="1"))
    os.write(master, (answer + "\n").encode())
    told = b""
    try:
        while part := os.read(master, 4096):
            told += part
    except OSError:  # Linux says so when the last one closes the terminal
        pass
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), told.decode()


def expect(condition, told):
    assert condition, told


with tempfile.TemporaryDirectory(prefix="lathe-asks-") as folder:
    recipes = Path(folder) / "recipes"
    recipes.mkdir()
    code, told = on_terminal(folder, "n", "apply", "recipes", "-m", "cuda-12_8")
    expect(code == 0 and "do this to recipes? [y/N]" in told and "8 create" in told and "nothing was changed" in told, told)
    expect(told.count("create  pytorch") == 8 and not list(recipes.glob("*.nix")), told)
    code, told = on_terminal(folder, "y", "apply", "recipes", "-m", "cuda-12_8")
    expect(code == 0 and len(list(recipes.glob("*.nix"))) == 8, told)
    code, told = on_terminal(folder, "n", "apply", "recipes", "-m", "cuda-12_8")
    expect(code == 0 and "nothing to do" in told and "[y/N]" not in told, told)
    code, told = on_terminal(folder, "n", "build", "-m", "cuda-13_0")
    expect(code == 0 and "the whole matrix, 36 variants" in told and "build 44 variants? [y/N]" in told and "nothing was built" in told, told)

    again = Path(folder) / "again"
    again.mkdir()
    done = subprocess.run([program, "apply", "again", "-m", "cuda-12_8"], cwd=folder, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT, text=True)
    expect(done.returncode == 0 and "[y/N]" not in done.stdout and len(list(again.glob("*.nix"))) == 8, done.stdout)
    done = subprocess.run([program, "apply", "slip", "-m", "cuda-12_8"], cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    expect(done.returncode == 2 and "slip: is not a folder" in done.stdout and not (Path(folder) / "slip").exists(), done.stdout)
print("apply and build ask on a terminal")
