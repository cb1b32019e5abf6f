# SPDX-License-Identifier: MIT
# What nixpkgs' torch is like, by its version. The hardware catalogue says which version a pin holds.
#   capabilities  what it accepts from `config.cudaCapabilities` (each also with +PTX); empty: not known, all are let through
#   cuda_majors   CUDA versions for which it does not call itself broken
#   torchvision   the torchvision beside it
# Sources: nixpkgs' python-modules/torch/source/default.nix of torch 2.7.1 and 2.9.1 (read); torchvision's release notes.
rec {
  torch = {
    "2.7.1" = { inherit cuda_majors; torchvision = "0.22.1"; capabilities = old ++ [ "12.0" "12.0a" ]; };
    "2.8.0" = { inherit cuda_majors; torchvision = "0.23.0"; capabilities = [ ]; };
    "2.9.1" = { inherit cuda_majors; torchvision = "0.24.1"; capabilities = old ++ [ "10.3" "10.3a" "12.0" "12.0a" "12.1" "12.1a" ]; };
  };
  unknown = { inherit cuda_majors; torchvision = "unknown"; capabilities = [ ]; };

  cuda_majors = [ "11" "12" ];
  old = [
    "3.5" "3.7" "5.0" "5.2" "5.3" "6.0" "6.1" "6.2" "7.0" "7.2" "7.5" "8.0" "8.6" "8.7" "8.9" "9.0" "9.0a" "10.0" "10.0a"
    "10.1" "10.1a"
  ];

  # `cudaPackages_13` is an alias for the newest 13.x of its nixpkgs: 13.0 at 6a030d5, 13.2 later.
  aliases = { "12" = "12.9"; "13" = "13.0"; };
}
