# Pinned by hand; Flox passes its own pkgs, which is not used.
{ pkgs ? import <nixpkgs> { } }:

let
  nixpkgs_pinned = import (builtins.fetchTarball {
    url = "https://github.com/NixOS/nixpkgs/archive/0182a361324364ae3f436a63005877674cf45efb.tar.gz";
  }) {
    config = {
      allowUnfree = true; # CUDA
      cudaSupport = true;
      cudaForwardCompat = false;
      replaceStdenv = { pkgs }: pkgs.gcc13Stdenv;
    };
    overlays = [
      (final: prev: { cudaPackages = final.cudaPackages_12_8; })
    ];
  };
  inherit (nixpkgs_pinned) lib;
in
(nixpkgs_pinned.python313Packages.torch.override {
  cudaSupport = true;
  gpuTargets = [ "9.0" ];
}).overrideAttrs (oldAttrs: {
  pname = "pytorch-python313-cuda12_8-sm90-avx2";

  preConfigure = (oldAttrs.preConfigure or "") + ''
    export CXXFLAGS="$CXXFLAGS -mavx2 -mfma -mf16c"
    export CFLAGS="$CFLAGS -mavx2 -mfma -mf16c"
  '';

  meta = oldAttrs.meta // {
    description = "PyTorch for NVIDIA H100 with AVX2";
    platforms = [ "x86_64-linux" ];
  };
})
