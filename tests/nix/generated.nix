# Of the kind that torchlathe writes itself.
{ nixpkgs ? builtins.fetchTarball {
    url = "https://github.com/NixOS/nixpkgs/archive/6a030d535719c5190187c4cec156f335e95e3211.tar.gz";
    sha256 = "sha256-AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=";
  }
, system ? "aarch64-linux"
}:

let
  pkgs = import nixpkgs {
    inherit system;
    config = { allowUnfree = true; allowBroken = true; cudaSupport = true; cudaCapabilities = [ "11.0" ]; };
    overlays = [ (final: prev: { cudaPackages = final.cudaPackages_13_0; }) ];
  };
  cccl = pkgs.runCommand "cccl-links" { } ''
    mkdir -p $out/cccl
    ln -s ${pkgs.lib.getDev pkgs.cudaPackages.cuda_cccl}/include/cuda $out/cccl/cuda
  '';
in
(pkgs.python313Packages.torch.override { cudaSupport = true; gpuTargets = [ "11.0" ]; }).overrideAttrs (old: {
  pname = "pytorch210-python313-cuda13_0-sm110-armv9";
  version = "2.10.0";
  PYTORCH_BUILD_VERSION = "2.10.0";
  env = old.env // { NIX_CFLAGS_COMPILE = old.env.NIX_CFLAGS_COMPILE + " -I${cccl}"; };
  preBuild = old.preBuild + ''
    export MAX_JOBS=8
  '';
  meta = old.meta // { platforms = [ "aarch64-linux" ]; };
})
