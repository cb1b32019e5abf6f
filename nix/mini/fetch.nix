# SPDX-License-Identifier: MIT
# fetchFromGitHub of the mini set: "vision" is ./torchvision, "audio" is ./torchaudio, every other repository ./torch. The hash of
# the real source is taken for its own; any other hash makes a fixed-output derivation, which fails with Nix's own hash
# mismatch unless the hash is really that of the folder. Later PyTorch than 2.10 reads otherwise where nixpkgs' torch 2.9.1 insists, and
# each says which triton it is made for. "triton" is ./triton: of 3.6.0 one line reads otherwise, where a patch of 3.5.1 looks.
{ mkDerivation, lib }:
{ repo ? "", rev ? null, tag ? rev, hash ? sha256, sha256 ? "", ... }:
let
  known = {
    vision."v0.25.0" = "sha256-oktJHcT6T4f58pUO+HSBpbyS1ISH3zDlTsXQh6PcMy4=";
    audio."v2.10.0" = "sha256-b1sjHVFXdNFDbdtXWSM2KisSRE/8IbzJI4rvzYQ4UMg=";
    triton."v3.6.0" = "sha256-JFSpQn+WsNnh7CAPlcpOcUp0nyKXNbJEANdXqmkt4Tc=";
  }.${repo} or { "v2.10.0" = "sha256-RKiZLHBCneMtZKRgTEuW1K7+Jpi+tx11BMXuS1jC1xQ="; };
  folder = { vision = ./torchvision; audio = ./torchaudio; triton = ./triton; }.${repo} or ./torch;
  reference = if tag == null then rev else tag;
  # setuptools' range changed on main after 2.10; from 2.13 on CMake's own target for CUPTI is asked for, where no patch of old applies.
  ranges = "sed -i 's/setuptools>=70.1.0,<80.0/setuptools>=77.0.0,<82/' pyproject.toml";
  target = "sed -i 's|PATHS \"$ENV{CUDA_SOURCE_DIR}/extras/CUPTI/include\"|PATHS \"$ENV{CUDAToolkit_ROOT}\"|' cmake/kineto.cmake";
  madeFor = triton: "echo ${triton} >.ci/docker/triton_version.txt";
  triton36 = "echo 3.6.0 >version.txt; echo f6ded0be897e2878612dd903f7e8bb85448269e5 >cmake/llvm-hash.txt; "
    + ''sed -i 's/f"-l{lib}" for lib/_library_flag(lib) for lib/' python/triton/runtime/build.py; ''
    + ''printf '\n\ndef _library_flag(lib):\n    return f"-l:{lib}"\n' >>python/triton/runtime/build.py'';
  changes = {
    f3b72801a6bc917d98d6b392c6d223f91348989f = ranges;
    "v2.10.0" = lib.optionalString (folder == ./torch) (madeFor "3.6.0");
    "v2.14.0" = "${ranges}; ${target}; ${madeFor "3.8.0"}";
    "v3.6.0" = triton36;
  }.${toString reference} or "";
  changed = "cp -r ${folder} $out; chmod -R u+w $out; cd $out; ${changes}";
in
if (known.${reference} or "") == hash && hash != "" then
  if changes == "" then folder else mkDerivation { name = "source"; buildCommand = changed; }
else
  mkDerivation {
    name = "source";
    buildCommand = changed;
    outputHashMode = "recursive";
    outputHashAlgo = "sha256";
    outputHash = hash;
  }
