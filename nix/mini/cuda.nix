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
  # Jetsons have packages of their own until CUDA 13, taken where the configuration names Jetsons and nothing else.
  jetsons = [ "5.3" "6.2" "7.2" "8.7" "10.1" ];
  # As nixpkgs' table of capabilities: Rubin is not in it.
  known = [ "5.3" "6.2" "7.0" "7.2" "7.5" "8.0" "8.6" "8.7" "8.9" "9.0" "10.0" "10.1" "10.3" "11.0" "12.0" "12.1" ];
  asked = map (
    capability:
    if lib.elem (builtins.head (builtins.match "([0-9.]+)[af]?" capability)) known then capability
    else throw "${capability} is not among the CUDA capabilities that are known"
  ) (config.cudaCapabilities or [ ]);
  named = lib.filter (capability: lib.elem capability jetsons) asked;
  isJetsonBuild =
    if named != [ ] && (named != asked || system != "aarch64-linux") then
      throw "Jetson devices cannot be targeted with non-Jetson devices. Additionally, they require hostPlatform to be aarch64. You requested ${lib.concatStringsSep ", " asked} for ${system}."
    else
      named != [ ] && lib.versionMajor version == "12";
  redist = if system == "x86_64-linux" then "linux-x86_64" else if isJetsonBuild then "linux-aarch64" else "linux-sbsa";
  # A package of this set. Those of two sets cannot be inputs of one build: lib.nix looks.
  part = pname: attributes: mkDerivation (attributes // {
    pname = "cuda${version}-${pname}";
    inherit version refuse redist;
    passthru = { cudaSet = version; } // attributes.passthru or { };
  });
  # How CCCL is packaged: "" (out and dev), "one" output, "include" (headers in an output of that name), "folder" (include/cccl too).
  ccclStyle = builtins.getEnv "TORCHLATHE_MINI_CCCL";
  ccclHeaders = { one = "out"; folder = "out"; include = "include"; }.${ccclStyle} or "dev";
  # Packages of the set replaced by others, as nixpkgs' sets do it.
  scope = base: base // { overrideScope = change: let final = scope (base // change final base); in final; };
in
scope (rec {
  cudaMajorMinorVersion = version;
  cudaMajorVersion = lib.versionMajor version;
  flags = {
    cudaCapabilities = if asked != [ ] then asked else [ "7.5" "8.0" "8.6" "8.9" "9.0" "10.0" "12.0" ];
    inherit isJetsonBuild;
  };
  cudaFlags = flags;
  inherit toolkit;
  cuda_nvcc = part "cuda_nvcc" {
    # No link: nvcc looks for its parts beside the name that it was called by.
    buildCommand = ''
      mkdir -p $out/bin
      printf '#!/bin/sh\nexec ${toolkit}/bin/nvcc "$@"\n' >$out/bin/nvcc
      chmod +x $out/bin/nvcc
    '';
  };
  cuda_cudart = cuda_nvcc;
  # Its header is what PyTorch looks for.
  cuda_cupti = part "cuda_cupti" {
    outputs = [ "out" "dev" ];
    buildCommand = "mkdir -p $out/lib $dev/include; echo '/* of CUDA ${version} */' >$dev/include/cupti.h";
  };
  cudnn = part "cudnn" { buildCommand = "mkdir -p $out/lib"; };
  nccl = part "nccl" { buildCommand = "mkdir -p $out/lib"; };
  libcusparse_lt = part "libcusparse_lt" { buildCommand = "mkdir -p $out/lib"; };
  # nixpkgs from June 2026 on has both names.
  cccl = cuda_cccl;
  cuda_cccl = part "cuda_cccl" {
    outputs = { one = [ "out" ]; folder = [ "out" ]; include = [ "out" "dev" "include" ]; }.${ccclStyle} or [ "out" "dev" ];
    buildCommand = ''
      headers=''$${ccclHeaders}
      mkdir -p $out $headers/include
      [ -z "''${dev:-}" ] || mkdir -p $dev
      for folder in cuda cub thrust nv; do
        for place in ${toolkit}/include/cccl ${toolkit}/include; do
          [ -e $place/$folder ] && ln -s $place/$folder $headers/include/$folder && break
        done
        # A toolkit of few packages has not all of it.
        [ -e $headers/include/$folder ] || mkdir $headers/include/$folder
      done
      ${lib.optionalString (ccclStyle == "folder" && cudaMajorVersion == "13") "ln -s . $headers/include/cccl"}
    '';
  };
})
