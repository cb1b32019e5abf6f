# The same, kept from the time when MAGMA was tried out.
{ pkgs ? import <nixpkgs> { } }:

let
  nixpkgs_pinned = import
    (builtins.fetchTarball {
      url = "https://github.com/NixOS/nixpkgs/archive/6a030d535719c5190187c4cec156f335e95e3211.tar.gz";
    })
    {
      config = {
        allowUnfree = true;
        allowBroken = true;
        cudaSupport = true;
      };
      overlays = [
        # Overlay 1: Use CUDA 13.0
        (final: prev: { cudaPackages = final.cudaPackages_13; })

        # Overlay 2: Patch MAGMA for CUDA 13.0 compatibility
        (final: prev: {
          magma = prev.magma.overrideAttrs (oldAttrs: {
            patches = (oldAttrs.patches or [ ]) ++ [
              (final.fetchpatch {
                name = "cuda-13.0-clockrate-fix.patch";
                url = "https://github.com/icl-utk-edu/magma/commit/235aefb7b064954fce09d035c69907ba8a87cbcd.patch";
                hash = "sha256-i9InbxD5HtfonB/GyF9nQhFmok3jZ73RxGcIciGBGvU=";
              })
            ];
          });
        })

        # Overlay 3: Upgrade PyTorch to 2.10.0
        (final: prev: {
          python3Packages = prev.python3Packages.override {
            overrides = pfinal: pprev: {
              torch = pprev.torch.overrideAttrs (oldAttrs: rec {
                version = "2.10.0";
                src = prev.fetchFromGitHub {
                  owner = "pytorch";
                  repo = "pytorch";
                  rev = "v${version}";
                  hash = "sha256-RKiZLHBCneMtZKRgTEuW1K7+Jpi+tx11BMXuS1jC1xQ=";
                  fetchSubmodules = true;
                };
                patches = [ ];
              });
            };
          };
        })
      ];
    };
  inherit (nixpkgs_pinned) lib;

  gpuArchSM = "12.0";
  gpuArchNum = "120";
  cpuFlags = [ "-mavx512f" "-mavx512dq" "-mavx512vl" "-mavx512bw" "-mfma" ];
in
(nixpkgs_pinned.python3Packages.torch.override {
  cudaSupport = true;
  gpuTargets = [ gpuArchSM ];
}).overrideAttrs (oldAttrs: {
  pname = "pytorch210-python313-cuda13_0-sm120-avx512-magma";

  ninjaFlags = [ "-j32" ];
  requiredSystemFeatures = [ "big-parallel" ];
  cmakeFlags = (oldAttrs.cmakeFlags or [ ]) ++ [ "-DTORCH_BUILD_VERSION=2.10.0" ];

  passthru = oldAttrs.passthru // {
    gpuArch = gpuArchSM;
    blasProvider = "cublas";
    cpuISA = "avx512";
  };

  postPatch = (oldAttrs.postPatch or "") + ''
    echo "2.10.0" > version.txt
    mkdir -p cmake/Modules
    echo 'include(''${CMAKE_ROOT}/Modules/FindCUDAToolkit.cmake)' > cmake/Modules/FindCUDAToolkit.cmake
  '';

  preConfigure = (oldAttrs.preConfigure or "") + ''
    export MAX_JOBS=32
    export PYTORCH_BUILD_VERSION=2.10.0
    export CXXFLAGS="${lib.concatStringsSep " " cpuFlags} $CXXFLAGS"
    export CFLAGS="${lib.concatStringsSep " " cpuFlags} $CFLAGS"

    mkdir -p /build/cccl-compat/cccl
    ln -sf ${nixpkgs_pinned.cudaPackages.cuda_cccl}/include/cuda /build/cccl-compat/cccl/cuda
    ln -sf ${nixpkgs_pinned.cudaPackages.cuda_cccl}/include/cub /build/cccl-compat/cccl/cub
    ln -sf ${nixpkgs_pinned.cudaPackages.cuda_cccl}/include/thrust /build/cccl-compat/cccl/thrust
    export CXXFLAGS="-I/build/cccl-compat $CXXFLAGS"
    export CFLAGS="-I/build/cccl-compat $CFLAGS"

    echo "Build: sm${gpuArchNum}, ${lib.concatStringsSep " " cpuFlags}"
  '';

  meta = oldAttrs.meta // {
    description = "PyTorch 2.10.0 for NVIDIA RTX 5090 (SM120) with AVX-512";
    longDescription = ''
      Driver: NVIDIA 580+ required
    '';
    platforms = [ "x86_64-linux" ];
  };
})
