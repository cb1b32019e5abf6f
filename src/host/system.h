// SPDX-License-Identifier: MIT
// Everything about the machine that is neither CPU nor GPU: limits of the container, C library, driver, Nix,
// flox.
#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <string_view>

#include "hardware/catalog.h"
#include "host/host_info.h"

namespace lathe {

// `root`: "/" but for tests. `environment`: the value of a variable, or nullptr.
HostSystem detect_system(const std::filesystem::path& root, const char* (*environment)(const char*));

// Version of the NVIDIA kernel module that is loaded; nullopt: none is.
std::optional<Version> loaded_driver(const std::filesystem::path& root);

// The version in the bytes of a libc.so.6: "GNU C Library (Debian GLIBC 2.36-9) stable release version 2.36."
std::optional<Version> glibc_version(std::string_view library);

}  // namespace lathe
