# SPDX-License-Identifier: MIT
# torchvision and torchaudio with the arguments and habits of nixpkgs': the GPUs are torch.cudaCapabilities, which torch's
# gpuTargets does not narrow, CUDA and the compiler are torch's.
{
  lib,
  python,
  torch,
  module,
  version,
}:
let
  inherit (torch) cudaSupport cudaPackages stdenv;
in
stdenv.mkDerivation {
  pname = module;
  inherit module version;
  CXX = stdenv.cc.program;
  namePrefix = "python${python.version}-";
  src = ./. + "/${module}";
  patches = lib.optional (module == "torchaudio") ./patches/0001-setup.py-propagate-cmakeFlags.patch;
  EXTENSION = ./extension;
  preConfigure = lib.optionalString cudaSupport ''
    export TORCH_CUDA_ARCH_LIST="${lib.concatStringsSep ";" torch.cudaCapabilities}"
    export FORCE_CUDA=1
  '';
  buildPhase = "source $EXTENSION/build.sh";
  installPhase = "source $EXTENSION/install.sh";
  installCheckPhase = lib.optionalString (builtins.getEnv "TORCHLATHE_MINI_METADATA" == "checked") "source ${./hooks/python-metadata-check.sh}";
  outputs = [ "out" "dist" ];
  propagatedBuildInputs = [ torch ];
  USE_CUDA = if cudaSupport then "1" else "0";
  CUDA_HOME = lib.optionalString cudaSupport cudaPackages.toolkit;
  CUDA_NVCC = lib.optionalString cudaSupport cudaPackages.cuda_nvcc;
  TORCH_CUDA_VERSION = lib.optionalString cudaSupport cudaPackages.cudaMajorMinorVersion;
  PYTHON_SITE_PACKAGES = python.sitePackages;
  passthru = { inherit torch cudaSupport; };
  meta.description = "${module} as the demo of torchlathe needs it";
}
