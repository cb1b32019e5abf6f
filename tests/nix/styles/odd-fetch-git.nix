{
  nixpkgs ? builtins.fetchGit {
    url = "https://github.com/NixOS/nixpkgs";
    rev = "0182a361324364ae3f436a63005877674cf45efb";
  },
}:
let
  nixpkgs_pinned = import nixpkgs {
    system = "x86_64-linux";
    config = { };
  };
  lib = nixpkgs_pinned.lib;
in
(nixpkgs_pinned.python313Packages.torch.override {
  cudaSupport = false;
}).overrideAttrs (oldAttrs: {
  pname = "pytorch-python313-cpu-avx2";

  preConfigure = (oldAttrs.preConfigure or "") + ''
    export CXXFLAGS="$CXXFLAGS -mavx2 -mfma -mf16c"
    export CFLAGS="$CFLAGS -mavx2 -mfma -mf16c"
  '';

  meta = oldAttrs.meta // {
    description = "PyTorch for CPUs with AVX2";
    platforms = [ "x86_64-linux" ];
  };
})
