# SPDX-License-Identifier: MIT
# fetchFromGitHub of the mini set: "vision" is ./torchvision, "audio" is ./torchaudio, every other repository ./torch. The hash of
# the real source is taken for its own; any other hash makes a fixed-output derivation, which fails with Nix's own hash
# mismatch unless the hash is really that of the folder. Later PyTorch than 2.10 reads otherwise where nixpkgs' torch 2.9.1 insists.
{ mkDerivation, lib }:
{ repo ? "", rev ? null, tag ? rev, hash ? sha256, sha256 ? "", ... }:
let
  known = {
    vision."v0.25.0" = "sha256-oktJHcT6T4f58pUO+HSBpbyS1ISH3zDlTsXQh6PcMy4=";
    audio."v2.10.0" = "sha256-b1sjHVFXdNFDbdtXWSM2KisSRE/8IbzJI4rvzYQ4UMg=";
  }.${repo} or { "v2.10.0" = "sha256-RKiZLHBCneMtZKRgTEuW1K7+Jpi+tx11BMXuS1jC1xQ="; };
  folder = { vision = ./torchvision; audio = ./torchaudio; }.${repo} or ./torch;
  reference = if tag == null then rev else tag;
  # setuptools' range changed on main after 2.10; from 2.13 on CMake's own target for CUPTI is asked for, where no patch of old applies.
  ranges = "sed -i 's/setuptools>=70.1.0,<80.0/setuptools>=77.0.0,<82/' pyproject.toml";
  target = "sed -i 's|PATHS \"$ENV{CUDA_SOURCE_DIR}/extras/CUPTI/include\"|PATHS \"$ENV{CUDAToolkit_ROOT}\"|' cmake/kineto.cmake";
  changes = { f3b72801a6bc917d98d6b392c6d223f91348989f = ranges; "v2.14.0" = "${ranges}; ${target}"; }.${toString reference} or "";
in
if (known.${reference} or "") == hash && hash != "" then
  folder
else
  mkDerivation {
    name = "source";
    buildCommand = "cp -r ${folder} $out; chmod -R u+w $out; cd $out; ${changes}";
    outputHashMode = "recursive";
    outputHashAlgo = "sha256";
    outputHash = hash;
  }
