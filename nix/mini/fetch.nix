# SPDX-License-Identifier: MIT
# fetchFromGitHub of the mini set: "vision" is ./torchvision, "audio" is ./torchaudio, every other repository ./torch. The hash of
# the real source is taken for its own; any other hash makes a fixed-output derivation, which fails with Nix's own hash
# mismatch unless the hash is really that of the folder.
{ mkDerivation, lib }:
{ repo ? "", rev ? null, tag ? rev, hash ? sha256, sha256 ? "", ... }:
let
  known = {
    vision."v0.25.0" = "sha256-oktJHcT6T4f58pUO+HSBpbyS1ISH3zDlTsXQh6PcMy4=";
    audio."v2.10.0" = "sha256-b1sjHVFXdNFDbdtXWSM2KisSRE/8IbzJI4rvzYQ4UMg=";
  }.${repo} or { "v2.10.0" = "sha256-RKiZLHBCneMtZKRgTEuW1K7+Jpi+tx11BMXuS1jC1xQ="; };
  folder = { vision = ./torchvision; audio = ./torchaudio; }.${repo} or ./torch;
  reference = if tag == null then rev else tag;
in
if (known.${reference} or "") == hash && hash != "" then
  folder
else
  mkDerivation {
    name = "source";
    buildCommand = "cp -r ${folder} $out";
    outputHashMode = "recursive";
    outputHashAlgo = "sha256";
    outputHash = hash;
  }
