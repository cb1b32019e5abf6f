# SPDX-License-Identifier: MIT
# nix/package.nix itself, given compilers and Debian's libraries by nix/mini: no stand-in for the program. `quick`: without
# optimisation, for a test that wants to know whether it builds and runs. `without`: inputs that are kept from it. `configureOnly`: as far
# as CMake goes, which is where a missing input shows.
{ quick ? true, without ? [ ], cache ? "", configureOnly ? false }:
let
  pkgs = import ../../nix/mini { };
  expression = import ../../nix/package.nix;
  package = expression (builtins.intersectAttrs (builtins.functionArgs expression) pkgs);
  kept = inputs: builtins.filter (input: !(builtins.elem input.pname without)) inputs;
in
package.overrideAttrs (old: {
  buildInputs = kept old.buildInputs;
  # The machine's compile cache, if the caller has one.
  CCACHE_DIR = cache;
  CCACHE_SLOPPINESS = "pch_defines,time_macros";
  CCACHE_NOHASHDIR = "1";
  preConfigure = "export CCACHE_BASEDIR=$PWD; [ -n \"$CCACHE_DIR\" ] || export CCACHE_DISABLE=1";
} // (if quick then { cmakeFlags = old.cmakeFlags ++ [ "-DCMAKE_BUILD_TYPE=None" ]; } else { })
// (if configureOnly then { buildPhase = "true"; installPhase = "touch $out"; } else { }))
