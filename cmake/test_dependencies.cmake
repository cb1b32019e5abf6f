# SPDX-License-Identifier: MIT
# What tests, fuzz targets and benches alone take from Debian; tests/CMakeLists.txt asks for Python.
find_package(GTest REQUIRED)
find_package(benchmark REQUIRED)
find_package(zydis REQUIRED)
