// SPDX-License-Identifier: MIT
// The directory of a zip file (a wheel), read in place: names, sizes, where each member's bytes lie. Zip64
// included. A wheel may come from anywhere: names that climb out, links, duplicates, overlapping members and
// sizes that deflate cannot make are findings. Writes nothing; unpacking is inflate.h.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/bytes.h"
#include "base/finding.h"

namespace lathe {

struct ZipMember {
  std::string name = {};     // as in the directory
  std::uint16_t method = 0;  // 0 stored, 8 deflate
  bool encrypted = false;
  std::uint32_t crc = 0;
  std::uint64_t packed_size = 0;
  std::uint64_t size = 0;
  std::uint64_t header_at = 0;   // of the local header, from the start of the file
  std::uint32_t mode = 0;        // Unix permissions and type; 0 where not known
  std::uint32_t attributes = 0;  // as the directory has them
  std::uint32_t time = 0;        // the date above the time of day, as MS-DOS packed them
  bool made_on_unix = false;
  bool utf8 = false;  // the name says it is
  bool folder = false;
  ByteSpan packed = {};   // empty where it cannot be read
  bool readable = false;  // stored or deflate, in the file, not encrypted, not overlapping another

  std::string why_unreadable() const;  // "is encrypted": where it is neither readable nor a folder
};

struct Zip {
  std::vector<ZipMember> members = {};  // in the directory's order
  Findings findings = {};
};

bool looks_like_zip(ByteSpan file);

// Error when there is no directory to read.
Zip read_zip(ByteSpan file, const std::string& name);

}  // namespace lathe
