// SPDX-License-Identifier: MIT
#include "binary/nvidia_libraries.h"

#include <algorithm>

#include "base/text.h"

namespace lathe {
namespace {

// SONAMEs of the CUDA toolkit's redistributable libraries, of the driver and of NVIDIA's other libraries that PyTorch
// loads. Source: file lists of the nvidia-* packages of PyPI that torch 2.8 to 2.11 depend on.
constexpr std::string_view sonames[] = {
    "libcublas.so.*",     "libcublasLt.so.*",  "libnvblas.so.*",       "libcudart.so.*",    "libcuda.so.*",
    "libcudnn.so.*",      "libcudnn_*.so.*",   "libcufft.so.*",        "libcufftw.so.*",    "libcufile.so.*",
    "libcufile_rdma.so.*", "libcupti.so.*",    "libcurand.so.*",       "libcusolver.so.*",  "libcusolverMg.so.*",
    "libcusparse.so.*",   "libcusparseLt.so.*", "libcutensor.so.*",    "libcutensorMg.so.*", "libcudss*.so.*",
    "libnccl.so.*",       "libnpp*.so.*",      "libnvinfer*.so.*",     "libnvjpeg.so.*",    "libnvJitLink.so.*",
    "libnvrtc.so.*",      "libnvrtc-builtins.so.*", "libnvshmem_*.so.*", "libnvvm.so.*",    "libnvToolsExt.so.*",
    "libnvidia-*.so.*",   "nvshmem_*.so.*",
};

}  // namespace

bool is_nvidia_library(std::string_view soname) {
  return std::ranges::any_of(sonames, [&](std::string_view pattern) { return glob_match(pattern, soname); });
}

}  // namespace lathe
