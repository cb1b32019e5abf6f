{ from ? import <nixpkgs> { } }:
let
  pkgs = import (from.fetchFromGitHub {
    owner = "NixOS";
    repo = "nixpkgs";
    rev = "0182a361324364ae3f436a63005877674cf45efb";
    hash = "sha256-1Fj1vP/6nbBtv0xsyqZtn6UcLFCxEvXD7Ixq6rfKHKY=";
  }) {
    config = {
      allowUnfree = true;
      cudaSupport = true;
    };
    overlays = [
      (final: prev: { cudaPackages = final.cudaPackages_12_8; })
    ];
  };
in
(pkgs.python313Packages.torch.override {
  cudaSupport = true;
  gpuTargets = [ "9.0" ];
}).overrideAttrs (old: {
  pname = "pytorch-python313-cuda12_8-sm90-avx2";
  passthru = old.passthru // { style = "fetched"; };
  preConfigure = (old.preConfigure or "") + ''
    export CXXFLAGS="$CXXFLAGS -mavx2 -mfma -mf16c"
    export CFLAGS="$CFLAGS -mavx2 -mfma -mf16c"
  '';
  meta = old.meta // {
    description = "PyTorch for NVIDIA H100 with AVX2";
    platforms = [ "x86_64-linux" ];
  };
})
