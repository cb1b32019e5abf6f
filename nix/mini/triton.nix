# SPDX-License-Identifier: MIT
# triton with the habits of nixpkgs' triton 3.5.1: it is built with the LLVM of one commit alone, a patch lets what it compiles find the
# driver, and postPatch insists on a text. TORCHLATHE_MINI_TRITON is another release that the set ships.
{ lib, mkDerivation, python, llvm }:
let
  said = builtins.getEnv "TORCHLATHE_MINI_TRITON";
  version = if said == "" then "3.5.1" else said;
in
mkDerivation {
  pname = "triton";
  inherit version;
  namePrefix = "python${python.version}-";
  src = ./triton;
  patches = [ ./patches/0001-_build-allow-extra-cc-flags.patch ];
  # The source says which release it is, and which LLVM it wants.
  postPatch = lib.optionalString (version != "3.5.1") "echo ${version} >version.txt; cat ${llvm}/commit >cmake/llvm-hash.txt\n" + ''
    substituteInPlace setup.py --replace-fail 'llvm = download()' 'llvm = None'
  '';
  LLVM_SYSPATH = llvm;
  buildPhase = ''
    wanted=$(<cmake/llvm-hash.txt)
    [ "$wanted" = "$(<$LLVM_SYSPATH/commit)" ] || {
      echo "error: no member named 'getNumWarps' in 'mlir::triton': LLVM is $(<$LLVM_SYSPATH/commit), triton is made for $wanted" >&2
      exit 1
    }
  '';
  installPhase = ''
    mkdir -p $out/${python.sitePackages}
    cp -r python/triton $out/${python.sitePackages}/
    echo "__version__ = '$(<version.txt)'" >$out/${python.sitePackages}/triton/__init__.py
  '';
  meta.description = "triton as the demo of torchlathe needs it";
}
