// SPDX-License-Identifier: MIT
// What gcc's and clang's machine flags enable: "-mavx2" is the feature avx2 and all that it implies;
// "-mno-fma" takes one away. Read from data/flags.toml, which a test compares with the compiler's own
// macros.
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "hardware/catalog.h"

namespace lathe {

// Features (names as in Isa::features) that these flags enable, beyond the plain x86-64 or armv8-a baseline;
// sorted. A -march= or -mcpu= enables what its row says; a flag without a row enables nothing and is listed
// by `unknown_flags`.
std::vector<std::string> features_of(std::span<const std::string> flags);
std::vector<std::string> unknown_flags(std::span<const std::string> flags);

struct FlagExcess {
  std::size_t index = 0;  // into the flags
  std::string feature;    // enabled by it and not part of the ISA
};

// Features that the flags enable and the ISA does not have: a build with them can die on a CPU that it is
// named for.
std::vector<FlagExcess> excess_of(std::span<const std::string> flags, const Isa& isa);

}  // namespace lathe
