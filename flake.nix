# SPDX-License-Identifier: MIT
# nix run . -- inspect PATH; nix build; as an overlay: pkgs.torchlathe.
{
  description = "Inspect, carve and build PyTorch for the hardware that you have";
  inputs.nixpkgs.url = "github:NixOS/nixpkgs/nixos-unstable";
  outputs =
    { self, nixpkgs }:
    let
      each = make: nixpkgs.lib.genAttrs [ "x86_64-linux" "aarch64-linux" ] (system: make nixpkgs.legacyPackages.${system});
      package = pkgs: pkgs.callPackage ./nix/package.nix { };
    in
    {
      packages = each (pkgs: rec {
        torchlathe = package pkgs;
        default = torchlathe;
      });
      apps = each (pkgs: rec {
        torchlathe = {
          type = "app";
          program = "${package pkgs}/bin/torchlathe";
        };
        default = torchlathe;
      });
      checks = each (pkgs: { torchlathe = package pkgs; });
      overlays.default = final: _: { torchlathe = package final; };
    };
}
