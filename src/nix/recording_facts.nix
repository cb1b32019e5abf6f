# SPDX-License-Identifier: MIT
# What nixpkgs' torch is like, by its version. The hardware catalogue says which version a pin holds.
#   capabilities  what it accepts from `config.cudaCapabilities` (each also with +PTX); empty: not known, all are let through
# Sources: nixpkgs' python-modules/torch/source/default.nix of torch 2.7.1 and 2.9.1 (read).
rec {
  torch = {
    "2.7.1".capabilities = old ++ [ "12.0" "12.0a" ];
    "2.9.1".capabilities = old ++ [ "10.3" "10.3a" "12.0" "12.0a" "12.1" "12.1a" ];
  };
  unknown.capabilities = [ ];

  old = [
    "3.5" "3.7" "5.0" "5.2" "5.3" "6.0" "6.1" "6.2" "7.0" "7.2" "7.5" "8.0" "8.6" "8.7" "8.9" "9.0" "9.0a" "10.0" "10.0a"
    "10.1" "10.1a"
  ];

  # `cudaPackages_13` is an alias for the newest 13.x of its nixpkgs. These where nobody noted it.
  aliases = { "12" = "12.9"; "13" = "13.0"; };
}
