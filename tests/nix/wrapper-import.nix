{ pkgs ? import <nixpkgs> { } }: import ./canonical.nix { inherit pkgs; }
