// SPDX-License-Identifier: MIT
// Texts of any length, compressed and read again in pieces. Implemented in decompress_zstd.cpp, which alone
// knows zstd.
#pragma once

#include <functional>
#include <memory>
#include <string_view>

#include "base/bytes.h"

namespace lathe {

using ByteSink = std::function<void(std::string_view)>;

class ZstdCompressor {
 public:
  explicit ZstdCompressor(ByteSink sink);
  ZstdCompressor(ZstdCompressor&&) noexcept;
  ~ZstdCompressor();

  void append(std::string_view text);
  void flush();   // what was appended can be read from what the sink has got
  void finish();  // ends the frame

 private:
  struct State;
  std::unique_ptr<State> state_;
};

// Gives out what the frames hold; a frame that is cut short (its writer was killed) gives what it has,
// without an Error.
void decompress_zstd_stream(ByteSpan packed, const ByteSink& sink);

}  // namespace lathe
