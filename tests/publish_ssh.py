#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""publish_ssh.py TORCHLATHE: a cache that is not a folder: the Nix store of another machine, behind ssh-ng:// and ssh://.

Published with and without a key, an index beside it, and the commands that select prints from that index bring PyTorch and its
torchvision into a third store. Exits 77 (skipped) without sshd, or where Nix may not write its store.
"""
import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

from needs import need_machines
from remote_machine import Machine, wait_for

root = Path(__file__).resolve().parent.parent
program = Path(sys.argv[1]).resolve()
need_machines()

MATRIX = """[matrix]
name = "shop"
companions = ["torchvision"]
[nixpkgs.canonical]
rev = "6a030d535719c5190187c4cec156f335e95e3211"
[pytorch."2.9.1"]
hash = ""
[[build]]
kind = "cpu"
pytorch = ["2.9.1"]
python = ["3.13"]
isas = ["avx2"]
"""
NIX_CONFIG = "build-users-group =\nsandbox = false\nsubstitute = "


def run(folder, *words, **more):
    environment = dict(os.environ, NIX_SSHOPTS=f"-F {folder}/ssh_config", NIX_CONFIG=NIX_CONFIG + "false", **more)
    done = subprocess.run(words, cwd=folder, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    assert done.returncode == 0, (words, done.stdout, done.stderr)
    return done.stdout


def commands_of(folder, index):
    """What select prints for the index: the commands, and the paths that they install."""
    chosen = json.loads(run(folder, program, "select", "--from", index, "--gpu", "none", "--cpu", "Zen 3", "--format", "json"))
    assert chosen["best"] == "pytorch-python313-cpu-avx2" and chosen["companions"] == ["torchvision-python313-cpu-avx2"], chosen
    return [command for command in chosen["commands"] if command.startswith("nix")]


def check_cache(folder, scheme, key):
    name = f"{scheme}-{'signed' if key else 'unsigned'}"
    target, index = f"{scheme}://one?remote-store=local%3Froot%3D{folder}/{name}", folder / f"index-{name}"
    words = [program, "publish", "-m", "m.toml", "--to", target, "--index", index, *(["--key", "key"] if key else [])]
    assert run(folder, *words).endswith("2 published\n")
    assert run(folder, *words).endswith("2 already\n")
    records = json.loads((index / "index.json").read_text())
    paths = [record["store_path"] for record in records["variants"]]
    assert records["cache"] == target and len(paths) == 2 and bool(records["public_keys"]) == key
    for path in paths:
        assert (folder / name / path.lstrip("/")).exists(), f"{path} is not on the other machine"
    commands = commands_of(folder, index)
    assert len(commands) == 2
    for number, command in enumerate(commands):
        store = folder / f"other-{name}-{number}"
        run(folder, "sh", "-c", f"export NIX_CONFIG='{NIX_CONFIG}true'; {command} --store '{store}'")
        for path in paths:
            assert (store / path.lstrip("/") / "lib/python3.13/site-packages").exists(), f"{path} did not arrive by {command}"
    return len(commands)


def main():
    with tempfile.TemporaryDirectory(prefix="lathe-publish-ssh-") as name:
        folder = Path(name)
        (folder / "m.toml").write_text(MATRIX)
        machine = Machine(folder, "one")
        try:
            (folder / "ssh_config").write_text(machine.ssh_config())
            wait_for(machine)
            (folder / "key").write_text(run(folder, "nix", "--extra-experimental-features", "nix-command", "key", "generate-secret", "--key-name", "shop-1"))
            run(folder, program, "build", "--any-cpu", "-m", "m.toml", "--nixpkgs", root / "nix/mini")
            # Unsigned first: a signature stays with the path in this machine's store.
            count = sum(check_cache(folder, scheme, key) for key in (False, True) for scheme in ("ssh-ng", "ssh"))
            print(f"4 caches behind ssh, {count} commands installed both from them")
        finally:
            machine.kill()
            subprocess.run(["chmod", "-R", "u+w", folder], check=False)


main()
