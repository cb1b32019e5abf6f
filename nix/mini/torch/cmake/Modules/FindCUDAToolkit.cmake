# SPDX-License-Identifier: MIT
# PyTorch carries a copy of CMake's module of this name and installs it.
include("${CMAKE_ROOT}/Modules/FindCUDAToolkit.cmake")
