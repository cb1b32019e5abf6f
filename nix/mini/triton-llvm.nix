# SPDX-License-Identifier: MIT
# The LLVM that triton is made for, one commit of it: what triton's build compares.
{ mkDerivation }:
mkDerivation {
  pname = "triton-llvm";
  version = "22.0.0-unstable-2025-07-16";
  src = builtins.toFile "llvm-project-7d5de3033187c8a3bb4d2e322f5462cdaf49808f.tar.gz" "";
  buildCommand = ''
    mkdir -p $out
    name=''${src##*llvm-project-}
    echo "''${name%.tar.gz}" >$out/commit
  '';
}
