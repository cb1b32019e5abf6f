#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""flake.py TORCHLATHE: the real Nix evaluates flake.nix (`nix flake check`, `nix flake show`) and default.nix, with nix/mini as nixpkgs;
both have to come to the derivation of nix/package.nix, with the version that CMake has. flake.lock fits flake.nix. Nothing is built:
package_nix does that.

Exits 77 (skipped) without a Nix that knows flakes.
"""
import json
import os
import re
import shutil
import subprocess
import tempfile
import tomllib
from pathlib import Path

from needs import need, skip
from nix_store import store_at

root = Path(__file__).resolve().parent.parent
systems = ["x86_64-linux", "aarch64-linux"]
nixpkgs = """{
  outputs = { self }: {
    lib.genAttrs = names: f: builtins.listToAttrs (map (name: { inherit name; value = f name; }) names);
    legacyPackages = self.lib.genAttrs [ "x86_64-linux" "aarch64-linux" ] (system: let pkgs = import ./mini { inherit system; }; in pkgs // {
      # mini's own gives the program that runs a build in the place of this package.
      callPackage = file: more: let make = import file; in make (builtins.intersectAttrs (builtins.functionArgs make) pkgs // more);
    });
  };
}
"""


class Flake:
    def __init__(self, folder):
        self.tree, self.nixpkgs = folder / "torchlathe", folder / "nixpkgs"
        self.environment = dict(os.environ, HOME=str(folder), **store_at(folder))
        self.environment["NIX_CONFIG"] += "experimental-features = nix-command flakes\n"
        shutil.copytree(root / "nix", self.tree / "nix")
        for name in ("flake.nix", "flake.lock", "default.nix", "CMakeLists.txt"):
            shutil.copy(root / name, self.tree)
        shutil.copytree(root / "nix/mini", self.nixpkgs / "mini")
        (self.nixpkgs / "flake.nix").write_text(nixpkgs)

    def said(self, *words, ok=True):
        done = subprocess.run(["nix", *words], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=self.environment)
        assert (done.returncode == 0) == ok, f"nix {' '.join(words)}: {done.stderr[-3000:]}"
        return done.stdout if ok else done.stderr

    def flake(self, *words, at="", ok=True):
        return self.said(*words, f"path:{self.tree}{at}", "--override-input", "nixpkgs", f"path:{self.nixpkgs}", "--no-write-lock-file", ok=ok)


def check_lock(flake):
    """flake.lock fits flake.nix, and pins a revision that the catalogue knows, with the hash that a matrix has for it."""
    told = json.loads(flake.said("flake", "metadata", "--json", "--offline", "--no-update-lock-file", f"path:{flake.tree}"))
    locked = told["locks"]["nodes"]["nixpkgs"]["locked"]
    pins = tomllib.loads((root / "src/hardware/data/pins.toml").read_text())["pin"]
    assert locked["rev"] in [pin["rev"] for pin in pins], locked
    hashes = {pin["rev"]: pin.get("sha256") for file in (root / "matrices").glob("*.toml") for pin in tomllib.loads(file.read_text())["nixpkgs"].values()}
    assert hashes[locked["rev"]] == locked["narHash"], (hashes, locked)


def check(flake):
    check_lock(flake)
    flake.flake("flake", "check", "--no-build")
    shown = json.loads(flake.flake("flake", "show", "--json"))
    version = re.search(r"^project\(torchlathe VERSION ([\d.]+)", (root / "CMakeLists.txt").read_text(), re.M).group(1)
    names = {shown["packages"][system][name]["name"] for system in systems for name in ("default", "torchlathe")}
    assert names == {f"torchlathe-{version}"} and set(shown["apps"]) == set(systems) and "default" in shown["overlays"], shown
    by_flake = flake.flake("eval", "--raw", at="#packages.x86_64-linux.default.drvPath")
    pkgs = f'(builtins.getFlake "path:{flake.nixpkgs}").legacyPackages.x86_64-linux'
    by_file = flake.said("eval", "--impure", "--raw", "--expr", f"(import {flake.tree} {{ pkgs = {pkgs}; }}).drvPath")
    # The flake's tree is a copy in the store, so its source has another hash; all else is the same.
    assert Path(by_flake).name[33:] == Path(by_file).name[33:] == f"torchlathe-{version}.drv", (by_flake, by_file)
    return version


def check_that_it_can_fail(flake):
    text = (flake.tree / "flake.nix").read_text()
    (flake.tree / "flake.nix").write_text(text.replace("./nix/package.nix", "./nix/no-such.nix"))
    assert "no-such.nix" in flake.flake("flake", "check", "--no-build", ok=False)


def main():
    need("nix")
    with tempfile.TemporaryDirectory(prefix="lathe-flake-") as folder:
        flake = Flake(Path(folder).resolve())
        try:
            if "flake" not in subprocess.run(["nix", "--help"], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, env=flake.environment).stdout:
                skip("a Nix that knows flakes")
            print(f"flake.nix and default.nix give torchlathe {check(flake)}")
            check_that_it_can_fail(flake)
        finally:
            subprocess.run(["chmod", "-R", "u+w", folder], check=False)


main()
