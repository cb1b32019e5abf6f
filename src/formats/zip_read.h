// SPDX-License-Identifier: MIT
// The content of a zip member: as it lies there when it is stored, unpacked in order when it is deflated.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "formats/streams/deflate_blocks.h"
#include "formats/streams/unpack.h"
#include "formats/zip.h"

namespace lathe {

// At most `count` bytes from `from` on. Error when it is damaged up to there.
std::string part_of(const ZipMember& member, std::uint64_t from, std::uint64_t count);

// The first bytes, which tell what it is: look_size (known_formats.h) of them.
std::string start_of(const ZipMember& member);

// All of it, in order. Error when it is damaged, or when the sink took all and the checksum is another.
// `starts`: where blocks begin, of one that is deflated (inflate.h).
void unpack(const ZipMember& member, const UnpackSink& sink, std::vector<BlockStart>* starts = nullptr);

}  // namespace lathe
