{ ... }:
let
  pkgs = import (builtins.fetchTarball "https://github.com/NixOS/nixpkgs/archive/0182a361324364ae3f436a63005877674cf45efb.tar.gz") {
    config = { allowUnfree = true; cudaSupport = true; };
    overlays = [  ];
  };
  inherit (pkgs) lib;
in
(pkgs.python313Packages.torch.override { cudaSupport = true; gpuTargets = [ "9.0" ]; cudaPackages = pkgs.cudaPackages_12_8; }).overrideAttrs (old: {
  pname = "pytorch-python313-cuda12_8-sm90-avx2";
  preConfigure = (old.preConfigure or "") + ''
    export CXXFLAGS="$CXXFLAGS -mavx2 -mfma -mf16c"
    export CFLAGS="$CFLAGS -mavx2 -mfma -mf16c"
  '';
  meta = old.meta // { description = "PyTorch for H100 with AVX2"; platforms = [ "x86_64-linux" ]; };
  env = old.env // lib.genAttrs [ "USE_ITT" "USE_KINETO" "BUILD_TEST" ] (_: "0");
})
