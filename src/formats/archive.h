// SPDX-License-Identifier: MIT
// Static archives (ar): the members of libcudart_static.a and its like, in place. Long names of GNU and of
// BSD are read. Thin archives, which only name files elsewhere, are refused.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/bytes.h"
#include "base/finding.h"

namespace lathe {

struct ArchiveMember {
  std::string name;
  std::uint64_t offset = 0;  // of its content, from the start of the archive
  ByteSpan content;
};

bool looks_like_archive(ByteSpan file);  // also for a thin one
bool is_thin_archive(ByteSpan file);     // it holds only the names of its members: read_archive refuses it

// The members but for the symbol index and the table of names. What follows damage is missing and found.
std::vector<ArchiveMember> read_archive(ByteSpan file, const std::string& name, Findings& findings);

}  // namespace lathe
