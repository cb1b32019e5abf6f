// SPDX-License-Identifier: MIT
// Where the blocks of a deflate stream lie, as zlib reads them.
#pragma once

#include <cstdint>
#include <string_view>

#include "base/bytes.h"

namespace lathe {

// What stands in a stream before a block, and in what it unpacks to.
struct BlockStart {
  std::uint64_t bit = 0;   // of the stream
  std::uint64_t byte = 0;  // of the content
  bool operator==(const BlockStart&) const = default;
};

// In bits from the stream's start.
struct LastBlock {
  std::uint64_t start = 0, end = 0;
};

// The last block of a whole stream, which is unpacked and must be `content`: else an Error (fault).
LastBlock find_last_block(std::string_view packed, ByteSpan content);

}  // namespace lathe
