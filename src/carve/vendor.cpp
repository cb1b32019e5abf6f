// SPDX-License-Identifier: MIT
#include "carve/vendor.h"

#include <algorithm>
#include <string>

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

bool is_vendor_file(const std::filesystem::path& path_in_tree, std::string_view soname) {
  const std::filesystem::path folder = path_in_tree.parent_path();
  if (std::ranges::find(folder, std::filesystem::path("nvidia")) != folder.end()) return true;
  const std::string name = soname.empty() ? path_in_tree.filename().string() : std::string(soname);
  return std::ranges::any_of(sonames, [&](std::string_view pattern) { return glob_match(pattern, name); });
}

}  // namespace lathe
