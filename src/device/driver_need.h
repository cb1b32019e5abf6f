// SPDX-License-Identifier: MIT
// What device code asks of NVIDIA's driver on Linux, whatever GPU it runs on. As far as the catalogue of
// toolkits knows: of a toolkit or a PTX that it does not have nothing is said.
#pragma once

#include <optional>
#include <span>
#include <string>

#include "hardware/catalog.h"

namespace lathe {

struct DriverNeed {
  Version version = {};      // the least
  std::string because = {};  // "zstd", "CUDA 13.0", "PTX 9.0"
};

// Of code that `toolkits` made ("13.0"), some of it packed with zstd; `ptx`: versions of the language that
// the driver has to compile ("9.0"). The highest need; nullopt: none is known.
std::optional<DriverNeed> driver_need(bool zstd, std::span<const std::string> toolkits,
                                      std::span<const std::string> ptx);

}  // namespace lathe
