let
  pkgs = import (builtins.fetchTarball "https://github.com/NixOS/nixpkgs/archive/0182a361324364ae3f436a63005877674cf45efb.tar.gz") {
    localSystem = "x86_64-linux";
    crossSystem = {
      system = "x86_64-linux";
      gcc.arch = "x86-64-v3";
    };
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
  meta = old.meta // {
    description = "PyTorch for NVIDIA H100 with AVX2";
    platforms = [ "x86_64-linux" ];
  };
})
