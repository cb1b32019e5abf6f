# SPDX-License-Identifier: MIT
# $failure: what this build was told to fail of (docs/formats/mini.md).
# As PyTorch's setup.py calls CMake: CXXFLAGS from the environment, switches named USE_*.
case $failure in
  cpu-only) USE_CUDA=1 CUDA_HOME="" ;;
  unknown-arch) TORCH_CUDA_ARCH_LIST="sm_${TORCH_CUDA_ARCH_LIST//./}" ;;
  unsupported-arch) TORCH_CUDA_ARCH_LIST="7.0" ;;
  wrong-gpu) TORCH_CUDA_ARCH_LIST="8.6" ;;
  oom) killer=$PWD/killer; mkdir "$killer"; printf '#!/bin/sh\nkill -9 $$\n' >"$killer/cc1plus"; chmod +x "$killer/cc1plus" ;;
esac
# As CMake does: CUDACXX names the compiler.
[ -z "${CUDACXX:-}" ] || export CUDA_NVCC="${CUDACXX%/bin/nvcc}"
export CUDA_HOME TORCH_CUDA_ARCH_LIST
[ -z "$cached" ] || export CMAKE_CUDA_COMPILER_LAUNCHER=${CMAKE_CUDA_COMPILER_LAUNCHER:-$cached}
unset CXX CC
cmake -S . -B build -G Ninja -DCMAKE_BUILD_TYPE=Release -DUSE_CUDA="$USE_CUDA" -DCMAKE_CXX_FLAGS="${CXXFLAGS:-}" \
  -DCMAKE_INSTALL_PREFIX="$PWD/installed" -DCMAKE_CXX_COMPILER_LAUNCHER="${CMAKE_CXX_COMPILER_LAUNCHER:-$cached}"
