// SPDX-License-Identifier: MIT
// Whatever bytes come in as a file: is it of a format that is not read, and what is in it? Compressed files
// and archives in it are unpacked for a look.
#include <cstdint>
#include <span>

#include "inspect/not_read.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const lathe::ByteSpan bytes = std::as_bytes(std::span(data, size));
  if (const auto file = lathe::look_into(bytes)) lathe::findings_of({*file});
  lathe::look_into(bytes, false);
  return 0;
}
