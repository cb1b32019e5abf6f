// SPDX-License-Identifier: MIT
#include "device/nvidia_libraries.h"

#include <algorithm>
#include <span>
#include <string>

#include "base/text.h"

namespace lathe {
namespace {

// SONAMEs of the CUDA toolkit's redistributable libraries, of the driver and of NVIDIA's other libraries
// that PyTorch loads. Source: file lists of the nvidia-* packages of PyPI that torch 2.8 to 2.11 depend on.
constexpr std::string_view sonames[] = {
    "libcublas.so.*",     "libcublasLt.so.*",   "libnvblas.so.*",         "libcudart.so.*",
    "libcuda.so.*",       "libcudnn.so.*",      "libcudnn_*.so.*",        "libcufft.so.*",
    "libcufftw.so.*",     "libcufile.so.*",     "libcufile_rdma.so.*",    "libcupti.so.*",
    "libcurand.so.*",     "libcusolver.so.*",   "libcusolverMg.so.*",     "libcusparse.so.*",
    "libcusparseLt.so.*", "libcutensor.so.*",   "libcutensorMg.so.*",     "libcudss*.so.*",
    "libnpp*.so.*",       "libnvcomp*.so.*",    "libnvinfer*.so.*",       "libnvjpeg.so.*",
    "libnvJitLink.so.*",  "libnvrtc.so.*",      "libnvrtc-builtins.so.*", "libnvshmem_*.so.*",
    "libnvvm.so.*",       "libnvToolsExt.so.*", "libnvidia-*.so.*",       "nvshmem_*.so.*",
};

// Source: the licence files of the packages of PyPI.
constexpr std::string_view free_sonames[] = {"libnccl.so.*"};

// Source: docs/gpu-proof.md.
constexpr std::string_view sonames_of_data[] = {
    "libtorch_cuda.so", "libcublasLt.so.*", "libcudnn_engines_precompiled.so.*",
    "libcufft.so.*",    "libcusparse.so.*",
};

// Without the hash of a copy: eight hexadecimal digits (auditwheel) or more before ".so", after a hyphen or
// a dot.
std::string without_hash(std::string_view soname) {
  constexpr std::size_t least_digits = 8;
  const std::size_t so = soname.find(".so");
  const std::size_t begin = so == std::string_view::npos ? so : soname.find_last_of("-.", so - 1);
  if (so == std::string_view::npos || so == 0 || begin == std::string_view::npos) return std::string(soname);
  const std::string_view hash = soname.substr(begin + 1, so - begin - 1);
  const bool is_hash =
      hash.size() >= least_digits && hash.find_first_not_of("0123456789abcdef") == std::string_view::npos;
  return is_hash ? std::string(soname.substr(0, begin)).append(soname.substr(so)) : std::string(soname);
}

bool is_one_of(std::span<const std::string_view> patterns, std::string_view soname) {
  const std::string name = without_hash(soname);
  return std::ranges::any_of(patterns, [&](std::string_view pattern) { return glob_match(pattern, name); });
}

}  // namespace

bool is_nvidia_library(std::string_view soname) { return is_one_of(sonames, soname); }

bool is_free_nvidia_library(std::string_view soname) { return is_one_of(free_sonames, soname); }

bool may_lose_embedded(std::string_view soname) { return is_one_of(sonames_of_data, soname); }

}  // namespace lathe
