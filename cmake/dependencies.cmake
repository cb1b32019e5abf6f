# SPDX-License-Identifier: MIT
# What comes from Debian. Each header is included by one .cpp file (fmt excepted); ARCHITECTURE.md says what each saves.
set(LATHE_FMT fmt::fmt)
if(LATHE_PORTABLE)
  # Archives alone, of which the C library is none. Debian has none of fmt either, but all of it in headers.
  set(CMAKE_FIND_LIBRARY_SUFFIXES .a)
  set(LATHE_FMT fmt::fmt-header-only)
  # The module for Python takes the same objects.
  set(CMAKE_POSITION_INDEPENDENT_CODE ON)
  set(CMAKE_CXX_VISIBILITY_PRESET hidden)
  set(CMAKE_VISIBILITY_INLINES_HIDDEN ON)
endif()
find_package(fmt REQUIRED)
find_package(CLI11 REQUIRED)
find_package(tomlplusplus REQUIRED)
find_package(nlohmann_json REQUIRED)
find_package(OpenSSL REQUIRED COMPONENTS Crypto)
find_package(SQLite3 REQUIRED)
find_package(Threads REQUIRED)
find_package(ZLIB REQUIRED)
find_package(BZip2 REQUIRED)
find_package(PkgConfig REQUIRED)
pkg_check_modules(RE2 REQUIRED IMPORTED_TARGET re2)
# Its -pthread says nothing new to this C library, and would keep what uses it from sharing compiled headers.
set_property(TARGET PkgConfig::RE2 PROPERTY INTERFACE_COMPILE_OPTIONS)
pkg_check_modules(ZSTD REQUIRED IMPORTED_TARGET libzstd)
pkg_check_modules(LZ4 REQUIRED IMPORTED_TARGET liblz4)
pkg_check_modules(LZMA REQUIRED IMPORTED_TARGET liblzma)
