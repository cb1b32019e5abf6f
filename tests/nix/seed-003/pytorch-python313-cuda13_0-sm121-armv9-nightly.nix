# PyTorch from the sources, without the torch of nixpkgs.
{ lib, stdenv, python3, fetchFromGitHub, cmake, ninja, which, cudaPackages_13_0, openblas, magma ? null }:

let
  gpuArch = "12.1";
  cuda = cudaPackages_13_0;
in
python3.pkgs.buildPythonPackage rec {
  pname = "pytorch-python313-cuda13_0-sm121-armv9-nightly";
  version = "2.9.0";
  format = "setuptools";
  src = fetchFromGitHub {
    owner = "pytorch";
    repo = "pytorch";
    rev = "v${version}";
    hash = "";
    fetchSubmodules = true;
  };
  nativeBuildInputs = [ cmake ninja which cuda.cuda_nvcc ];
  buildInputs = [ cuda.cuda_cudart cuda.libcublas cuda.cudnn cuda.nccl openblas ];
  propagatedBuildInputs = with python3.pkgs; [ numpy typing-extensions pyyaml ];
  postPatch = ''
    sed -i 's/12\.0/12.0 12.1/' cmake/Modules_CUDA_fix/upstream/FindCUDA/select_compute_arch.cmake
  '';
  preConfigure = ''
    export TORCH_CUDA_ARCH_LIST="${gpuArch}"
    export CUDA_HOME=${cuda.cudatoolkit}
    export CXXFLAGS="-march=armv9-a+sve+sve2 $CXXFLAGS"
    export USE_CUDA=1
  '';
  MAX_JOBS = 16;
  meta = with lib; {
    description = "PyTorch nightly for SM121";
    license = licenses.bsd3;
    platforms = [ "aarch64-linux" ];
  };
}
