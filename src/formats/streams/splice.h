// SPDX-License-Identifier: MIT
// Blocks of one deflate stream taken over into another one as they lie there: where most of the content is
// the same, it need not be packed again. Blocks look back at most 32 KiB: that much before them must be the
// same too. Pure; nothing is unpacked.
#pragma once

#include <cstdint>
#include <functional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/bytes.h"
#include "formats/streams/deflate_blocks.h"

namespace lathe {

// Bytes of the old content that the new one has too.
struct SameRun {
  std::uint64_t from = 0, to = 0, size = 0;  // in the old and in the new content
};

// A stream that was unpacked. `packed` must outlive it.
struct OldStream {
  ByteSpan packed;
  std::vector<BlockStart> starts = {};  // ascending
  std::vector<SameRun> same = {};       // ascending by `to`, none overlaps another there
};

struct Splice {
  std::uint64_t begin = 0, end = 0;          // of the new content
  std::uint64_t first_bit = 0, end_bit = 0;  // of the old stream: whole blocks
  bool operator==(const Splice&) const = default;
};

// Ascending. What is too short to be worth it is left out, and the last block of the old stream too.
std::vector<Splice> find_splices(const OldStream& old, std::uint64_t new_size);

// The blocks as part of a stream that is at a byte's start before and after it. In pieces.
void take_blocks(ByteSpan packed, const Splice& splice, const std::function<void(std::string_view)>& sink);

}  // namespace lathe
