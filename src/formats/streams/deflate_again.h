// SPDX-License-Identifier: MIT
// Raw deflate as zlib makes it, for streams that have to come out as somebody made them: the same settings
// and content give the same bytes, however the content is cut when it is given. What is packed anew takes
// deflate.h, which is faster. Implemented in inflate.cpp, which alone knows zlib.
#pragma once

#include <functional>
#include <memory>
#include <optional>

#include "base/bytes.h"

namespace lathe {

struct ZlibSettings {
  int level = 6;   // 1 to 9
  int memory = 8;  // memLevel: how much is gathered into one block
  bool operator==(const ZlibSettings&) const = default;
};

// One stream. Not for several threads at once.
class ZlibDeflate {
 public:
  using Sink = std::function<void(ByteSpan)>;
  ZlibDeflate(const ZlibSettings& settings, Sink sink);  // Error when zlib has no such settings
  ~ZlibDeflate();
  ZlibDeflate(const ZlibDeflate&) = delete;
  ZlibDeflate& operator=(const ZlibDeflate&) = delete;

  void add(ByteSpan content);
  void finish();  // once

 private:
  struct State;
  std::unique_ptr<State> state_;
};

// The settings with which zlib packs `content` into exactly `packed`; nullopt: it was something else.
// `likely` are tried first. Wrong ones end at the first block that differs, so that all eighteen together
// take little longer than the right one alone, unless the content cannot be packed.
std::optional<ZlibSettings> settings_that_made(ByteSpan packed, ByteSpan content, const ZlibSettings& likely);

}  // namespace lathe
