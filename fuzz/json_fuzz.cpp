// SPDX-License-Identifier: MIT
// Whatever bytes come in as JSON: a tree or an Error.
#include <cstdint>

#include "base/error.h"
#include "base/json.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  try {
    lathe::parse_json({reinterpret_cast<const char*>(data), size}, "fuzz.json");
  } catch (const lathe::Error&) {
  }
  return 0;
}
