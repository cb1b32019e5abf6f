// SPDX-License-Identifier: MIT
// Decompression of the images in fat binaries, through liblz4 and libzstd (one .cpp each). The output is
// bounded by what the header claims and by `limit`; memory is taken as output appears, so a header that
// claims 4 GB costs nothing.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "base/bytes.h"

namespace lathe {

// One LZ4 block (no frame) that must unpack to exactly `unpacked_size` bytes. Error when it does not, or is
// over `limit`.
std::vector<std::byte> decompress_lz4(ByteSpan packed, std::uint64_t unpacked_size, std::uint64_t limit);

// Zstandard frames that must unpack to exactly `unpacked_size` bytes. Error when they do not, or are over
// `limit`.
std::vector<std::byte> decompress_zstd(ByteSpan packed, std::uint64_t unpacked_size, std::uint64_t limit);

// The way back. The same bytes, level and version of the library give the same result; any thread may call.
// One LZ4 block without a frame, packed as small as LZ4 does. Error above 2 GB.
std::string compress_lz4(ByteSpan bytes);
// One Zstandard frame that says how long its content is; `level` from 1, fast, to 19, small.
std::string compress_zstd(ByteSpan bytes, int level);

}  // namespace lathe
