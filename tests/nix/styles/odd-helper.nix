{
  nixpkgs ? builtins.fetchTarball "https://github.com/NixOS/nixpkgs/archive/0182a361324364ae3f436a63005877674cf45efb.tar.gz",
}:
let
  nixpkgs_pinned = import nixpkgs {
    system = "x86_64-linux";
    config = { };
  };
  tuned = flags: package: package.overrideAttrs (oldAttrs: {
    preConfigure = (oldAttrs.preConfigure or "") + ''
      export CXXFLAGS="$CXXFLAGS ${flags}"
      export CFLAGS="$CFLAGS ${flags}"
    '';
  });
  quiet = package: package.overrideAttrs { dontPatchELF = true; };
in
quiet (tuned "-mavx2 -mfma -mf16c" ((nixpkgs_pinned.python313Packages.torch.override {
  cudaSupport = false;
}).overrideAttrs (oldAttrs: {
  pname = "pytorch-python313-cpu-avx2";
  meta = oldAttrs.meta // {
    description = "PyTorch for CPUs with AVX2";
    platforms = [ "x86_64-linux" ];
  };
})))
