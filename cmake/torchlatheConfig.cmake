# SPDX-License-Identifier: MIT
# What find_package reads: the target torchlathe::torchlathe. It is an archive, so what it stands on is looked for here.
include(CMakeFindDependencyMacro)
find_dependency(fmt)
find_dependency(tomlplusplus)
find_dependency(OpenSSL COMPONENTS Crypto)
find_dependency(Threads)
find_dependency(ZLIB)
find_dependency(BZip2)
find_dependency(PkgConfig)
pkg_check_modules(ZSTD REQUIRED QUIET IMPORTED_TARGET libzstd)
pkg_check_modules(LZ4 REQUIRED QUIET IMPORTED_TARGET liblz4)
pkg_check_modules(LZMA REQUIRED QUIET IMPORTED_TARGET liblzma)
include(${CMAKE_CURRENT_LIST_DIR}/torchlatheTargets.cmake)
