// SPDX-License-Identifier: MIT
// Where might device code begin? Each place at which a container's magic, an ELF magic or ".ver" stands: a
// filter that reads bytes as fast as memory gives them. Knows no more of a place than these four bytes.
#pragma once

#include <cstdint>
#include <vector>

#include "base/bytes.h"

namespace lathe {

enum class CodeMark : std::uint8_t { container, elf, ptx };

struct MarkedPlace {
  std::uint64_t offset = 0;
  CodeMark mark = CodeMark::container;
};

// All marks in `bytes`, ascending; `base` is added to their offsets.
void find_code_marks(ByteSpan bytes, std::uint64_t base, std::vector<MarkedPlace>& out);

}  // namespace lathe
