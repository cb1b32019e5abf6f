# SPDX-License-Identifier: MIT
# A CUDA package set: the machine's toolkit under the name of a version, or the index's where it has none. It compiles for what that
# nvcc can.
{ lib, mkDerivation, config, version, system }:
let
  refuse =
    name: drv:
    if config.allowUnfree or false then
      drv
    else
      throw "Package ‘${name}’ in ${toString ./cuda.nix}:9 has an unfree license (‘CUDA EULA’), refusing to evaluate.";
  # CUDA_HOME is taken at its word: where that has no nvcc, none is looked for elsewhere.
  home = builtins.getEnv "CUDA_HOME";
  places = if home == "" then [ "/usr/local/cuda" "/usr" ] else [ home ];
  found = lib.filter (path: builtins.pathExists (path + "/bin/nvcc")) places;
  toolkit = if found == [ ] then "${import ./wheels.nix { inherit mkDerivation system; }}" else lib.head found;
  # Packages of the set replaced by others, as nixpkgs' sets do it.
  scope = base: base // { overrideScope = change: let final = scope (base // change final base); in final; };
in
scope (rec {
  cudaMajorMinorVersion = version;
  cudaMajorVersion = lib.versionMajor version;
  flags.cudaCapabilities = config.cudaCapabilities or [ "7.5" "8.0" "8.6" "8.9" "9.0" "10.0" "12.0" ];
  cudaFlags = flags;
  inherit toolkit;
  cuda_nvcc = mkDerivation {
    pname = "cuda${version}-cuda_nvcc";
    inherit version refuse;
    # No link: nvcc looks for its parts beside the name that it was called by.
    buildCommand = ''
      mkdir -p $out/bin
      printf '#!/bin/sh\nexec ${toolkit}/bin/nvcc "$@"\n' >$out/bin/nvcc
      chmod +x $out/bin/nvcc
    '';
  };
  cuda_cudart = cuda_nvcc;
  cuda_cccl = mkDerivation {
    pname = "cuda${version}-cuda_cccl";
    inherit version refuse;
    outputs = [ "out" "dev" ];
    buildCommand = ''
      mkdir -p $out $dev/include
      for folder in cuda cub thrust nv; do
        for place in ${toolkit}/include/cccl ${toolkit}/include; do
          [ -e $place/$folder ] && ln -s $place/$folder $dev/include/$folder && break
        done
      done
    '';
  };
})
