// SPDX-License-Identifier: MIT
// Whatever bytes come as machine code, with whatever function starts: the fast sweep says what the decoder
// says, one instruction after the other. The first bytes give the restarts' distances.
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <vector>

#include "cpu/isa/isa_x86_sweep_reference.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  constexpr std::size_t head = 4;
  if (size < head) return 0;
  const lathe::ByteSpan code(reinterpret_cast<const std::byte*>(data) + head, size - head);
  std::vector<std::size_t> restarts;
  std::size_t at = 0;
  for (std::size_t i = 0; i < head && data[i]; ++i) restarts.push_back(at += data[i]);
  const std::string difference = lathe::sweep_difference(code, 0x1000, 0, code.size(), restarts);
  if (difference.empty()) return 0;
  std::fprintf(stderr, "%s\n", difference.c_str());
  std::abort();
}
