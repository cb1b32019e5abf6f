let
  pkgs = (builtins.getFlake "github:NixOS/nixpkgs/0182a361324364ae3f436a63005877674cf45efb").legacyPackages.x86_64-linux.extend (final: prev: { cudaPackages = final.cudaPackages_12_8; });
in
(pkgs.python313Packages.torch.override {
  cudaSupport = true;
  gpuTargets = [ "9.0" ];
}).overrideAttrs (old: {
  pname = "pytorch-python313-cuda12_8-sm90-avx2";
  passthru = old.passthru // { style = "flake"; };
  preConfigure = (old.preConfigure or "") + ''
    export CXXFLAGS="$CXXFLAGS -mavx2 -mfma -mf16c"
    export CFLAGS="$CFLAGS -mavx2 -mfma -mf16c"
  '';
  meta = old.meta // {
    description = "PyTorch for NVIDIA H100 with AVX2";
    platforms = [ "x86_64-linux" ];
  };
})
