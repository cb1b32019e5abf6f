# SPDX-License-Identifier: MIT
# What comes from Debian. Each header is included by one .cpp file (fmt excepted); ARCHITECTURE.md says what each saves.
find_package(fmt REQUIRED)
find_package(CLI11 REQUIRED)
find_package(tomlplusplus REQUIRED)
find_package(nlohmann_json REQUIRED)
find_package(GTest REQUIRED)
find_package(benchmark REQUIRED)
find_package(OpenSSL REQUIRED COMPONENTS Crypto)
find_package(Threads REQUIRED)
find_package(PkgConfig REQUIRED)
pkg_check_modules(RE2 REQUIRED IMPORTED_TARGET re2)

function(lathe_link_dependencies target)
  target_link_libraries(${target} PUBLIC fmt::fmt Threads::Threads)
  target_link_libraries(${target} PRIVATE CLI11::CLI11 tomlplusplus::tomlplusplus nlohmann_json::nlohmann_json
                        OpenSSL::Crypto PkgConfig::RE2)
endfunction()
