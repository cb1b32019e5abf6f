# SPDX-License-Identifier: MIT
# nix-build; nix-shell -p '(import ./. { })'. flake.nix offers the same.
{
  pkgs ? import <nixpkgs> { },
}:
pkgs.callPackage ./nix/package.nix { }
