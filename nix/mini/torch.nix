# SPDX-License-Identifier: MIT
# torch with the arguments, attributes and habits of nixpkgs' torch 2.9.1: gpuTargets goes unread into TORCH_CUDA_ARCH_LIST,
# PYTORCH_BUILD_VERSION is fixed before overrideAttrs can change version (`rec`; with TORCHLATHE_MINI_STYLE=finalAttrs it
# follows, and attributes are structured, as in nixpkgs of 2026), preBuild sets MAX_JOBS, postPatch removes a file that only its
# own patch makes superfluous and insists on texts of its own release, the profiler finds CUPTI by a patch alone, and CUDA
# majors that it does not know are broken. TORCHLATHE_MINI_TORCH is another release that it ships, TORCHLATHE_MINI_TORCH_CUDA the
# majors that it knows: so the set stands for a later nixpkgs.
{
  lib,
  mkDerivation,
  config,
  python,
  typing-extensions,
  triton,
  blas,
  cudaPackages,
  magma,
  cudaSupport,
  gpuTargets,
}:
let
  said = name: otherwise: let value = builtins.getEnv name; in if value == "" then otherwise else value;
  version = said "TORCHLATHE_MINI_TORCH" "2.9.1";
  knownCuda = builtins.filter builtins.isString (builtins.split " " (said "TORCHLATHE_MINI_TORCH_CUDA" "11 12"));
  supported = [ "5.0" "6.0" "6.1" "7.0" "7.5" "8.0" "8.6" "8.7" "8.9" "9.0" "9.0a" "10.0" "10.0a" "10.3" "10.3a" "12.0" "12.0a" "12.1" "12.1a" ];
  capabilities = lib.filter (capability: lib.elem capability supported) cudaPackages.flags.cudaCapabilities;
  targets =
    if gpuTargets != [ ] then
      gpuTargets
    else if capabilities == [ ] then
      throw "No supported GPU targets specified. Requested GPU targets: ${lib.concatStringsSep ", " cudaPackages.flags.cudaCapabilities}"
    else
      capabilities;
  broken = cudaSupport && !(lib.elem (lib.versionMajor cudaPackages.cudaMajorMinorVersion) knownCuda);
  final = builtins.getEnv "TORCHLATHE_MINI_STYLE" == "finalAttrs";
  checked = builtins.getEnv "TORCHLATHE_MINI_METADATA" == "checked";
  # What else it is linked with, in a set that has it.
  others = lib.filter (name: cudaPackages ? ${name}) [ "cudnn" "nccl" "libcusparse_lt" ];
  variables = buildVersion: {
    PYTORCH_BUILD_VERSION = buildVersion;
    PYTORCH_BUILD_NUMBER = "0";
    USE_CUDA = if cudaSupport then "1" else "0";
    # What finds CUDA: the toolkit is among the inputs only with cudaSupport.
    CUDA_HOME = lib.optionalString cudaSupport cudaPackages.toolkit;
    CUDA_NVCC = lib.optionalString cudaSupport cudaPackages.cuda_nvcc;
    TORCH_CUDA_VERSION = lib.optionalString cudaSupport cudaPackages.cudaMajorMinorVersion;
    CUDA_COPIES = lib.optionalString cudaSupport (builtins.getEnv "TORCHLATHE_MINI_COPIES");
    MAGMA = lib.optionalString cudaSupport magma;
    CUDA_LIBRARIES = lib.optionalString cudaSupport (lib.concatStringsSep " " (map (name: "${cudaPackages.${name}}") others));
    PYTHON_SITE_PACKAGES = python.sitePackages;
    PYTHON_VERSION = python.version;
    BLAS_PROVIDER = blas.provider.pname;
  };
  attributes = self: {
    pname = "torch";
    inherit version;
    namePrefix = "python${python.version}-";
    outputs = [ "out" "dev" "lib" "cxxdev" "dist" ];
    src = ./torch;
    patches = [ ./patches/pytorch-pr-108847.patch ] ++ lib.optional cudaSupport ./patches/fix-cmake-cuda-toolkit.patch;
    # The source says which release it is.
    postPatch = lib.optionalString (version != "2.9.1") "echo ${version} >version.txt; echo ${triton.version} >.ci/docker/triton_version.txt\n" + ''
      substituteInPlace pyproject.toml --replace-fail '"setuptools>=70.1.0,<80.0"' '"setuptools"'
    ''
    + lib.optionalString cudaSupport ''
      rm cmake/Modules/FindCUDAToolkit.cmake
    '';
    preConfigure = lib.optionalString cudaSupport ''
      export TORCH_CUDA_ARCH_LIST="${lib.concatStringsSep ";" targets}"
      export CUPTI_INCLUDE_DIR=${lib.getDev cudaPackages.cuda_cupti}/include
    '';
    preBuild = ''
      export MAX_JOBS=$NIX_BUILD_CORES
    '';
    configurePhase = "source ./scripts/configure.sh";
    buildPhase = "source ./scripts/build.sh";
    installPhase = "source ./scripts/install.sh";
    checkPhase = "source ./scripts/check.sh";
    installCheckPhase = lib.optionalString checked "source ${./hooks/python-metadata-check.sh}";
    propagatedBuildInputs = [ typing-extensions triton ];
    # Packages of another CUDA set than torch's own would be loaded beside them.
    cudaInputs = lib.optionals cudaSupport ([ cudaPackages.cuda_nvcc cudaPackages.cuda_cupti magma ] ++ map (name: cudaPackages.${name}) others);
    requiredSystemFeatures = [ "big-parallel" ];
    passthru = {
      inherit cudaSupport cudaPackages magma;
      cudaCapabilities = if cudaSupport then capabilities else [ ];
      rocmSupport = false;
    };
    meta = {
      description = "PyTorch as the demo of torchlathe needs it";
      position = "${toString ./torch.nix}:19";
      inherit broken;
    };
  }
  // (if final then { __structuredAttrs = true; env = variables self.version; } else variables version);
in
mkDerivation (if final then attributes else attributes { })
