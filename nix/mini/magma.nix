# SPDX-License-Identifier: MIT
# MAGMA as recipes meet it: it reads a field that CUDA 13 removed, unless it is patched.
{ lib, mkDerivation, cudaPackages }:
mkDerivation {
  pname = "magma";
  version = "2.9.0";
  src = ./magma;
  patches = [ ];
  TOOLKIT = cudaPackages.toolkit;
  buildPhase = ''
    g++ -O2 -I$TOOLKIT/include ${lib.optionalString (lib.versionMajor cudaPackages.cudaMajorMinorVersion == "13") "-DMAGMA_CUDA=13"} \
      -c interface_cuda.cpp -o interface_cuda.o
    ar rcsD libmagma.a interface_cuda.o
  '';
  installPhase = "mkdir -p $out/lib; cp libmagma.a $out/lib/";
  passthru = { inherit (cudaPackages) cudaMajorMinorVersion; };
}
