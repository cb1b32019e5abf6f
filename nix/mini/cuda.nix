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
  # As nixpkgs' table of capabilities, in which Rubin is not: from which CUDA to which, what it calls a Jetson, what it compiles for
  # only if `asked`. Jetsons before Thor have packages of their own until CUDA 13, and run those for Arm servers from 13.2 on.
  known = {
    "5.0" = { last = "12.9"; asked = true; };
    "5.2" = { last = "12.9"; asked = true; };
    "6.0" = { last = "12.9"; asked = true; };
    "6.1" = { last = "12.9"; asked = true; };
    "7.0" = { last = "12.9"; asked = true; };
    "7.2" = { last = "12.2"; jetson = true; };
    "7.5" = { };
    "8.0" = { };
    "8.6" = { };
    "8.7" = { jetson = true; };
    "8.9" = { };
    "9.0" = { };
    "10.0" = { first = "12.7"; };
    "10.1" = { first = "12.7"; last = "12.9"; jetson = true; };
    "10.3" = { first = "12.9"; };
    "11.0" = { first = "13.0"; jetson = true; };
    "12.0" = { first = "12.8"; };
    "12.1" = { first = "12.9"; };
  };
  older = a: b: builtins.compareVersions a b < 0;
  plain = capability: builtins.head (builtins.match "([0-9.]+)[af]?" capability);
  row = capability: known.${plain capability} or { };
  asked = config.cudaCapabilities or [ ];
  no = wrong: builtins.filter wrong asked == [ ];
  named = builtins.filter (capability: (row capability).jetson or false) asked;
  early = builtins.filter (capability: plain capability == "7.2" || plain capability == "8.7") named;
  assertions = [
    { holds = no (capability: !(known ? ${plain capability})); message = "Requested unrecognized CUDA capabilities"; }
    { holds = no (capability: older ((row capability).last or version) version); message = "Requested CUDA capabilities which are too old for CUDA ${version}"; }
    { holds = no (capability: older version ((row capability).first or version)); message = "Requested CUDA capabilities which are too new for CUDA ${version}"; }
    { holds = named == [ ] || system == "aarch64-linux"; message = "Requested Jetson CUDA capabilities require hostPlatform (${system}) to be aarch64-linux"; }
    { holds = early == [ ] || early == asked || lib.versionMajor version != "12"; message = "Requested pre-Thor (10.1) Jetson CUDA capabilities cannot be specified with other capabilities"; }
    { holds = early == [ ] || lib.versionMajor version == "12" || !(older version "13.2"); message = "Requested pre-Thor (10.1) Jetson CUDA capabilities require computed NVIDIA hostRedistSystem (linux-sbsa) to be linux-aarch64"; }
  ];
  failed = builtins.filter (assertion: !assertion.holds) assertions;
  capabilities =
    if failed != [ ] then
      throw "cudaPackages_${builtins.replaceStrings [ "." ] [ "_" ] version}.backendStdenv has failed assertions: ${(builtins.head failed).message}: ${builtins.toJSON asked}"
    else if asked != [ ] then
      asked
    else
      defaults;
  defaults = builtins.filter (
    capability:
    let it = known.${capability}; in
    !(it.jetson or false) && !(it.asked or false) && !(older version (it.first or version))
  ) (builtins.sort older (builtins.attrNames known));
  isJetsonBuild = builtins.seq capabilities (named != [ ] && lib.versionMajor version == "12");
  redist = if isJetsonBuild then "linux-aarch64" else if system == "x86_64-linux" then "linux-x86_64" else "linux-sbsa";
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
    cudaCapabilities = capabilities;
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
