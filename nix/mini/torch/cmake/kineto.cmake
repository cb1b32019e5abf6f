# SPDX-License-Identifier: MIT
# The profiler: with CUPTI it sees the GPU, without it the CPU alone, and nobody is told.
find_path(CUPTI_INCLUDE_DIR cupti.h
  PATHS "$ENV{CUDA_SOURCE_DIR}/extras/CUPTI/include"
  NO_DEFAULT_PATH)
if(CUPTI_INCLUDE_DIR)
  target_compile_definitions(torch_cpu PRIVATE TORCH_PROFILES_CUDA)
else()
  message(STATUS "Could not find CUPTI library, using CPU-only Kineto build")
endif()
