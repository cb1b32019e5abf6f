# SPDX-License-Identifier: MIT
# find_package(Torch): where the libraries and headers are. nixpkgs moves this file away from them and writes their place into it.
get_filename_component(TORCH_INSTALL_PREFIX "${CMAKE_CURRENT_LIST_DIR}/../../.." ABSOLUTE)
set(TORCH_LIBRARIES "${TORCH_INSTALL_PREFIX}/lib")
set(TORCH_INCLUDE_DIRS "${TORCH_INSTALL_PREFIX}/include")
if(NOT EXISTS "${TORCH_LIBRARIES}/libtorch_cpu.so")
  message(FATAL_ERROR "${CMAKE_CURRENT_LIST_FILE} names no library of PyTorch: ${TORCH_LIBRARIES}")
endif()
