let
  sources.nixpkgs = builtins.fetchTarball { url = "https://github.com/NixOS/nixpkgs/archive/0182a361324364ae3f436a63005877674cf45efb.tar.gz"; };
  packagesFor = { cuda, arch ? null }: import sources.nixpkgs ({
    config = { allowUnfree = true; cudaSupport = true; };
    overlays = [ (final: prev: { cudaPackages = final."cudaPackages_${builtins.replaceStrings [ "." ] [ "_" ] cuda}"; }) ];
  } // (if arch == null then { } else { localSystem = { system = "x86_64-linux"; gcc.arch = arch; }; }));
  pkgs = packagesFor { cuda = "12.8"; };
  flags = with pkgs.lib; concatMapStringsSep " " (flag: "-m${flag}") [ "avx2" "fma" "f16c" ];
  changes = [
    (old: { preConfigure = old.preConfigure + "export CXXFLAGS=\"${flags} $CXXFLAGS\"\nexport CFLAGS=\"${flags} $CFLAGS\"\n"; })
    (_: { pname = "pytorch-python313-cuda12_8-sm90-avx2"; })
    (old: { patches = old.patches ++ [ (pkgs.fetchpatch { url = "https://github.com/pytorch/pytorch/commit/f1e7.patch"; hash = "sha256-1Fj1vP/6nbBtv0xsyqZtn6UcLFCxEvXD7Ixq6rfKHKY="; }) ]; })
    (old: { meta = old.meta // { platforms = [ "x86_64-linux" ]; }; })
  ];
in
pkgs.lib.foldl (package: package.overrideAttrs) (pkgs.python313Packages.torch.override {
  cudaSupport = true;
  gpuTargets = [ "9.0" ];
}) changes
