# The CUDA 12.8 era: everything from the caller, the wrong dialect of GPU names.
{ python3Packages
, lib
, config
, cudaPackages
, addDriverRunpath
}:

let
  gpuArchSM = "sm_90";
  cpuFlags = [ "-mavx512f" "-mfma" ];
in
(python3Packages.pytorch.override {
  cudaSupport = true;
  gpuTargets = [ gpuArchSM ];
}).overrideAttrs (oldAttrs: {
  pname = "pytorch-python313-cuda12_8-sm90-avx512";
  buildInputs = oldAttrs.buildInputs ++ [ cudaPackages.cudatoolkit addDriverRunpath ];
  preConfigure = (oldAttrs.preConfigure or "") + ''
    export CXXFLAGS="$CXXFLAGS ${lib.concatStringsSep " " cpuFlags}"
    export CFLAGS="$CFLAGS ${lib.concatStringsSep " " cpuFlags}"
    echo "GPU Target: ${gpuArchSM}"
  '';
  meta = oldAttrs.meta // { platforms = [ "x86_64-linux" ]; };
})
