// SPDX-License-Identifier: MIT
// A deflate stream of any bytes whose content loses a part: what is made of its own blocks and of new chunks
// unpacks to just that. The first six bytes say where the part lies and how long it is.
#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/bytes.h"
#include "base/error.h"
#include "formats/streams/deflate.h"
#include "formats/streams/inflate.h"
#include "formats/streams/splice.h"

namespace {

constexpr std::uint64_t most = 4 << 20;

// Nothing of a damaged stream, or of one that holds another number of bytes. `seen`: how many came before
// that was known.
std::string unpacked(lathe::ByteSpan packed, std::uint64_t size, std::vector<lathe::BlockStart>& starts,
                     std::uint64_t& seen) {
  std::string content;
  try {
    const auto take = [&](lathe::ByteSpan out) {
      content += lathe::as_text(out);
      return true;
    };
    lathe::inflate(packed, size, take, starts);
  } catch (const lathe::Error&) {
    seen = content.size();
    content.clear();
  }
  return content;
}

std::string packed_anew(const lathe::OldStream& old, std::string_view content) {
  std::string out;
  std::uint64_t at = 0;
  const auto chunk = [&](std::uint64_t end, bool last) {
    out += lathe::deflate_chunk(lathe::as_byte_span(content.substr(at, end - at)), last, 1);
  };
  for (const lathe::Splice& splice : lathe::find_splices(old, content.size())) {
    if (splice.begin < at || splice.end < splice.begin || splice.end > content.size()) std::abort();
    chunk(splice.begin, false);
    lathe::take_blocks(old.packed, splice, [&](std::string_view bytes) { out += bytes; });
    at = splice.end;
  }
  chunk(content.size(), true);
  return out;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size < 6) return 0;
  const auto number = [&](std::size_t at) {
    return data[at] | std::uint64_t{data[at + 1]} << 8 | std::uint64_t{data[at + 2]} << 16;
  };
  lathe::OldStream old{.packed = std::as_bytes(std::span(data + 6, size - 6))};
  std::uint64_t held = 0;
  unpacked(old.packed, most, old.starts, held);  // says how much it holds
  old.starts.clear();
  const std::string before = unpacked(old.packed, held, old.starts, held);
  if (before.empty()) return 0;
  const std::uint64_t from = std::min<std::uint64_t>(number(0), before.size());
  const std::uint64_t gone = std::min<std::uint64_t>(number(3), before.size() - from);
  const std::string after = before.substr(0, from) + before.substr(from + gone);
  old.same = {{.from = 0, .to = 0, .size = from},
              {.from = from + gone, .to = from, .size = after.size() - from}};
  const std::string packed = packed_anew(old, after);
  std::vector<lathe::BlockStart> ignored;
  if (unpacked(lathe::as_byte_span(packed), after.size(), ignored, held) != after) std::abort();
  return 0;
}
