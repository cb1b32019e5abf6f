// SPDX-License-Identifier: MIT
// Zydis, asked the same question as isa_x86.h: the oracle of the table generator, the tests, the fuzzer and
// the bench. Not part of the program. Zydis' instruction sets are brought under gcc's names here; Knights
// Corner's instructions, which fault on every other processor, count as invalid.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>

#include "base/bytes.h"

namespace lathe {

struct ZydisAnswer {
  int length = 0;
  bool has_modrm = false;
  const char* needs = "";  // as parse_extensions reads it
};

// nullopt: no such instruction, or cut off by the end.
std::optional<ZydisAnswer> ask_zydis(const std::uint8_t* bytes, std::size_t size);

// Where the decoder differs from Zydis on these bytes, in words; "" where it does not. What
// data/x86_newer.txt adds to Zydis 4.0's invalid instructions is not a difference.
std::string difference_from_zydis(ByteSpan bytes);

}  // namespace lathe
