// SPDX-License-Identifier: MIT
// A .drv file, as a store holds it.
#include <cstdint>
#include <string_view>

#include "base/error.h"
#include "nix/derivation.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  try {
    lathe::parse_derivation({reinterpret_cast<const char*>(data), size}, "x.drv");
  } catch (const lathe::Error&) {
  }
  return 0;
}
