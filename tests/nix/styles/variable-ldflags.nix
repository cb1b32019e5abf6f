{
  nixpkgs ? builtins.fetchTarball "https://github.com/NixOS/nixpkgs/archive/0182a361324364ae3f436a63005877674cf45efb.tar.gz",
}:
let
  nixpkgs_pinned = import nixpkgs {
    system = "x86_64-linux";
    config = { allowUnfree = true; cudaSupport = true; };
    overlays = [ (self: super: { cudaPackages = self.cudaPackages_12_8; }) ];
  };
  lib = nixpkgs_pinned.lib;
in
(nixpkgs_pinned.python313Packages.torch.override {
  cudaSupport = true;
  gpuTargets = [ "9.0" ];
}).overrideAttrs (oldAttrs: {
  pname = "pytorch-python313-cuda12_8-sm90-avx2";

  preConfigure = (oldAttrs.preConfigure or "") + ''
    export CXXFLAGS="$CXXFLAGS -mavx2 -mfma -mf16c"
    export CFLAGS="$CFLAGS -mavx2 -mfma -mf16c"
    export LDFLAGS="-L${nixpkgs_pinned.mkl}/lib -Wl,-rpath,${nixpkgs_pinned.mkl}/lib ''${LDFLAGS:-}"
    export LD_LIBRARY_PATH="${nixpkgs_pinned.mkl}/lib''${LD_LIBRARY_PATH:+:$LD_LIBRARY_PATH}"
  '';

  meta = oldAttrs.meta // {
    description = "PyTorch for NVIDIA H100 with AVX2";
    platforms = [ "x86_64-linux" ];
  };
})
