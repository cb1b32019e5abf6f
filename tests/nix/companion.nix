# torchvision that embeds a torch of its own, and passes on its dev output.
{ pkgs ? import <nixpkgs> { } }:

let
  nixpkgs_pinned = import
    (builtins.fetchTarball {
      url = "https://github.com/NixOS/nixpkgs/archive/fe5e41d7ffc0421f0913e8472ce6238ed0daf8e3.tar.gz";
      sha256 = "0000000000000000000000000000000000000000000000000000";
    })
    {
      config = { allowUnfree = true; cudaSupport = true; };
      overlays = [ (final: prev: { cudaPackages = final.cudaPackages_12_8; }) ];
    };
  customPytorch = (nixpkgs_pinned.python3Packages.torch.override {
    cudaSupport = true;
    gpuTargets = [ "9.0" ];
  }).overrideAttrs (old: { pname = "pytorch-for-torchvision-sm90"; });
in
(nixpkgs_pinned.python3Packages.torchvision.override { torch = customPytorch; }).overrideAttrs (old: {
  pname = "torchvision-python313-cuda12_8-sm90-avx512";
  propagatedBuildInputs = map (input: if input == customPytorch then customPytorch.dev else input) old.propagatedBuildInputs;
})
