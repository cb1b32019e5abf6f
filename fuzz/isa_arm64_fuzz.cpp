// SPDX-License-Identifier: MIT
// Whatever words come as AArch64 code: the sweep reports the uses that the classifier finds word by word,
// and nothing outside the bytes.
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <vector>

#include "cpu/isa/isa_arm64.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const lathe::ByteSpan code(reinterpret_cast<const std::byte*>(data), size);
  std::vector<lathe::CodeEvent> events;
  if (lathe::sweep_arm64(code, 0x10000, 0, size, events) != size / 4) std::abort();
  std::size_t uses = 0;
  for (const lathe::CodeEvent& event : events) {
    if (event.at % 4 != 0 || event.at + 4 > size) std::abort();
    if (event.kind != lathe::CodeEvent::Kind::use) continue;
    std::uint32_t word;
    std::memcpy(&word, data + event.at, 4);
    if (lathe::classify_arm64(word) != event.needs) std::abort();
    ++uses;
  }
  for (std::size_t at = 0; at + 4 <= size; at += 4) {
    std::uint32_t word;
    std::memcpy(&word, data + at, 4);
    uses -= lathe::classify_arm64(word) != 0;
  }
  if (uses != 0) std::abort();
  return 0;
}
