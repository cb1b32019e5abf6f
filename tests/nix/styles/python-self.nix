{ ... }:
let
  nixpkgs = builtins.fetchTarball "https://github.com/NixOS/nixpkgs/archive/0182a361324364ae3f436a63005877674cf45efb.tar.gz";
  pkgs = import nixpkgs {
    config = { allowUnfree = true; cudaSupport = true; };
    overlays = [ ];
  };
  inherit (pkgs) lib;
  python = pkgs.python313.override { self = python; packageOverrides = final: prev: { torch = prev.torch.override { cudaSupport = true; gpuTargets = [ "9.0" ]; cudaPackages = pkgs.cudaPackages_12_8; MPISupport = true; }; }; };
in
python.pkgs.torch.overrideAttrs (old: {
  pname = "pytorch-python313-cuda12_8-sm90-avx2";
  preConfigure = (old.preConfigure or "") + ''
    export CXXFLAGS="$CXXFLAGS -march=x86-64-v3"
    export CFLAGS="$CFLAGS -march=x86-64-v3"
  '';
})
