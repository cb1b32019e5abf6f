// SPDX-License-Identifier: MIT
// Inside of carve/layout only: containers that became larger than their place. Addresses of all else are
// fixed, so they go behind everything: to the end of the file, into a read-only segment at addresses that
// nobody has. The pointers to them follow, as for every container that moves.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "carve/layout/spans.h"
#include "formats/elf.h"
#include "formats/elf_headers.h"

namespace lathe {

struct GrownPart {
  std::optional<ProgramHeader> segment = {};  // nullopt: none has grown
  std::vector<SectionHeader> sections = {};   // of the names that the containers' old ones have
};

// Gives each container of a span that has grown its place, from `at` of the new file on.
GrownPart place_grown(const Elf& elf, const std::vector<ProgramHeader>& programs,
                      const std::vector<SectionHeader>& sections, std::vector<Span>& spans, std::uint64_t at);

}  // namespace lathe
