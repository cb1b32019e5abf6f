# PyTorch for DRIVE Thor, copied from the CUDA 12.8 branch.
{ python3Packages, lib, config, cudaPackages, addDriverRunpath }:

let
  nixpkgs_pinned = import
    (builtins.fetchTarball {
      url = "https://github.com/NixOS/nixpkgs/archive/fe5e41d7ffc0421f0913e8472ce6238ed0daf8e3.tar.gz";
    })
    { config = { allowUnfree = true; cudaSupport = true; }; };

  gpuArchSM = "11.0";
  cpuFlags = [ "-march=armv9-a+sve+sve2" ];
in
(nixpkgs_pinned.python3Packages.pytorch.override {
  cudaSupport = true;
  gpuTargets = [ gpuArchSM ];
}).overrideAttrs (oldAttrs: {
  pname = "pytorch-python313-cuda13_0-sm110-armv9";
  preConfigure = (oldAttrs.preConfigure or "") + ''
    export CXXFLAGS="$CXXFLAGS ${lib.concatStringsSep " " cpuFlags}"
    export CFLAGS="$CFLAGS ${lib.concatStringsSep " " cpuFlags}"
  '';
  meta = oldAttrs.meta // {
    description = "PyTorch for DRIVE Thor with Armv9";
    platforms = [ "aarch64-linux" ];
  };
})
