// SPDX-License-Identifier: MIT
// Compressed files (gzip, xz, zstd, bzip2, lz4) unpacked from their start, piece by piece and only as far as
// the sink wants: for a look at what is in them. Frames and members that follow each other are read as one.
// Each is in the .cpp of its library: inflate.cpp, decompress_*.cpp.
#pragma once

#include <functional>

#include "base/bytes.h"

namespace lathe {

// Gets the output in order and says whether to go on.
using UnpackSink = std::function<bool(ByteSpan)>;

enum class Unpacked {
  whole,    // to its end
  stopped,  // by the sink
  cut,      // the input ended before the data did
};

// An Error when the data is damaged, or needs more memory than a look is worth (256 MB for xz, a window of
// 128 MB for zstd).
Unpacked unpack_gzip(ByteSpan packed, const UnpackSink& sink);
Unpacked unpack_xz(ByteSpan packed, const UnpackSink& sink);
Unpacked unpack_zstd(ByteSpan packed, const UnpackSink& sink);
Unpacked unpack_bzip2(ByteSpan packed, const UnpackSink& sink);
Unpacked unpack_lz4(ByteSpan packed, const UnpackSink& sink);

// What each gives its sink at once, at most.
inline constexpr std::size_t unpack_piece = 64 << 10;

}  // namespace lathe
