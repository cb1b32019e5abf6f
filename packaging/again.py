#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""again.py PACKAGES: compiles everything once more, in another folder and without a compiler cache, and compares the bytes of each package
with those in PACKAGES. Both have to be of a commit: the program names it, and says so when files differ from it."""
import os
import subprocess
import sys
import tempfile
from pathlib import Path

root = Path(__file__).resolve().parent.parent


def run(*command, **more):
    subprocess.run([str(word) for word in command], check=True, **more)


def git(*words):
    return subprocess.run(["git", "-C", root, *words], stdout=subprocess.PIPE, text=True, check=True).stdout


def made_again(tree):
    environment = dict(os.environ, CCACHE_DISABLE="1")
    run("cmake", "--preset", "portable", cwd=tree, env=environment, stdout=subprocess.DEVNULL)
    run("cmake", "--build", tree / "build/portable", "--target", "torchlathe", "torchlathe_archive", env=environment, stdout=subprocess.DEVNULL)
    run(sys.executable, tree / "packaging/make.py", tree / "build/portable", tree / "build/packages", env=environment, stdout=subprocess.DEVNULL)
    return (tree / "build/packages/SHA256SUMS").read_text()


def main():
    first = (Path(sys.argv[1]) / "SHA256SUMS").read_text()
    if git("status", "--porcelain", "--untracked-files=no"):
        sys.exit("again.py: commit first: a program names its commit, and whether files differ from it")
    with tempfile.TemporaryDirectory(prefix="lathe-again-") as folder:
        tree = Path(folder) / "another-name"
        git("worktree", "add", "--quiet", "--detach", str(tree), "HEAD")
        try:
            second = made_again(tree)
        finally:
            git("worktree", "remove", "--force", str(tree))
    differing = sorted(set(first.splitlines()) ^ set(second.splitlines()))
    if differing:
        sys.exit("built twice, not the same bytes:\n" + "\n".join(differing))
    print(f"built twice, the same bytes: {len(first.splitlines())} packages")


main()
