// SPDX-License-Identifier: MIT
// Compression of a zip member (raw deflate) in chunks that don't wait for each other, and its checksum,
// through libdeflate. Thread-safe: calls share nothing but each thread's own tables.
#pragma once

#include <cstdint>
#include <string>

#include "base/bytes.h"

namespace lathe {

// Part of one deflate stream: the parts of all chunks in order make it whole. `last`: no chunk follows.
// `level`: 0 (stored) to 12, libdeflate's. The same on every CPU. An Error (fault) if the chunk would not
// come out of its part again.
std::string deflate_chunk(ByteSpan chunk, bool last, int level);

// CRC-32 of the bytes, which follow others whose sum is `before`.
std::uint32_t crc32_of(ByteSpan bytes, std::uint32_t before = 0);

}  // namespace lathe
