let
  pkgs = import (builtins.fetchTarball "https://github.com/NixOS/nixpkgs/archive/0182a361324364ae3f436a63005877674cf45efb.tar.gz") {
    system = "x86_64-linux";
    config = {
      allowUnfree = true;
      cudaSupport = true;
    };
    overlays = [
      (final: prev: { cudaPackages = final.cudaPackages_12_8; })
    ];
  };
in
((pkgs.python313Packages.torch.override {
  cudaSupport = true;
  gpuTargets = [ "9.0" ];
}).overridePythonAttrs (old: {
  build-system = (old.build-system or [ ]) ++ [ pkgs.python313Packages.setuptools-scm ];
  dependencies = pkgs.lib.remove pkgs.python313Packages.networkx (old.dependencies or [ ]) ++ [ pkgs.python313Packages.einops ];
})).overrideAttrs (old: {
  pname = "pytorch-python313-cuda12_8-sm90-avx2";
  preConfigure = (old.preConfigure or "") + ''
    export CXXFLAGS="$CXXFLAGS -mavx2 -mfma -mf16c"
    export CFLAGS="$CFLAGS -mavx2 -mfma -mf16c"
  '';
  meta = old.meta // {
    description = "PyTorch for NVIDIA H100 with AVX2";
    platforms = [ "x86_64-linux" ];
  };
})
