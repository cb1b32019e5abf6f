// SPDX-License-Identifier: MIT
#include "formats/zip_read.h"

#include <algorithm>

#include "base/bytes.h"
#include "base/error.h"
#include "formats/streams/deflate.h"
#include "formats/streams/inflate.h"
#include "formats/known_formats.h"

namespace lathe {

std::string part_of(const ZipMember& member, std::uint64_t from, std::uint64_t count) {
  if (from >= member.size) return "";
  const std::uint64_t end = from + std::min(count, member.size - from);
  if (member.method == 0) return std::string(as_text(member.packed.subspan(from, end - from)));
  constexpr std::uint64_t most_at_once = 256 << 10;
  std::string bytes;
  std::uint64_t at = 0;
  inflate(
      member.packed, member.size,
      [&](ByteSpan out) {
        if (at + out.size() > from) bytes += as_text(out.subspan(from > at ? from - at : 0));
        at += out.size();
        return at < end;
      },
      std::min(end, most_at_once));
  if (bytes.size() > end - from) bytes.resize(end - from);
  return bytes;
}

std::string start_of(const ZipMember& member) { return part_of(member, 0, look_size); }

void unpack(const ZipMember& member, const UnpackSink& sink, std::vector<BlockStart>* starts) {
  Inflated made;
  if (member.method == 0)
    made = {.size = member.size, .crc = crc32_of(member.packed), .whole = sink(member.packed)};
  else if (starts) made = inflate(member.packed, member.size, sink, *starts);
  else made = inflate(member.packed, member.size, sink);
  if (made.whole && made.crc != member.crc) {
    throw Error({.what = "its checksum is wrong", .next = "the wheel is damaged: fetch it again"});
  }
}

}  // namespace lathe
