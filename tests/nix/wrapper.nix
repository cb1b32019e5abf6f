{ callPackage }: callPackage ./canonical.nix { }
