// SPDX-License-Identifier: MIT
// Whatever bytes come as machine code: our decoder and Zydis say the same of each place in them.
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <string>

#include "cpu/isa/isa_x86_oracle.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const lathe::ByteSpan bytes(reinterpret_cast<const std::byte*>(data), size);
  for (std::size_t at = 0; at < size; ++at) {
    const std::string difference = lathe::difference_from_zydis(bytes.subspan(at));
    if (difference.empty()) continue;
    std::fprintf(stderr, "%s\n", difference.c_str());
    std::abort();
  }
  return 0;
}
