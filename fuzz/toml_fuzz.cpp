// SPDX-License-Identifier: MIT
// Whatever bytes come in as TOML: a tree or an Error.
#include <cstdint>

#include "base/toml.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  try {
    lathe::Toml::parse({reinterpret_cast<const char*>(data), size}, "fuzz.toml");
  } catch (const lathe::Error&) {
  }
  return 0;
}
