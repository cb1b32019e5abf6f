# SPDX-License-Identifier: MIT
# MAGMA as recipes meet it: it reads a field that CUDA 13 removed, unless it is patched. With TORCHLATHE_MINI_MAGMA=patched it is that
# of a nixpkgs which has the fix: patched once more it fails.
{ lib, mkDerivation, cudaPackages }:
mkDerivation {
  pname = "magma";
  version = "2.9.0";
  src = ./magma;
  patches = lib.optional (builtins.getEnv "TORCHLATHE_MINI_MAGMA" == "patched") ./patches/cuda-13.0-clockrate-fix.patch;
  TOOLKIT = cudaPackages.toolkit;
  # What nixpkgs' MAGMA compiles for; torch's gpuTargets does not reach it.
  CUDA_ARCHITECTURES = lib.concatStringsSep ";" cudaPackages.flags.cudaCapabilities;
  buildPhase = ''
    g++ -O2 -I$TOOLKIT/include ${lib.optionalString (lib.versionMajor cudaPackages.cudaMajorMinorVersion == "13") "-DMAGMA_CUDA=13"} \
      -c interface_cuda.cpp -o interface_cuda.o
    ar rcsD libmagma.a interface_cuda.o
  '';
  installPhase = "mkdir -p $out/lib; cp libmagma.a $out/lib/";
  passthru = { inherit (cudaPackages) cudaMajorMinorVersion; cudaSet = cudaPackages.cudaMajorMinorVersion; };
}
