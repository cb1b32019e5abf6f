// SPDX-License-Identifier: MIT
// The list of architectures that was baked into PyTorch when it was built, which torch.cuda.get_arch_list()
// repeats: "sm_75 sm_80 sm_90 compute_90", a zero-terminated string in read-only data. It says what was
// asked for at build time, and decides nothing at run time but a warning; after a carve it should tell the
// truth.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "formats/elf.h"
#include "carve/plan/plan.h"

namespace lathe {

struct ArchList {
  std::uint64_t address = 0;
  std::string text;  // without its zero
};

// The list, if the read-only data hold exactly one string that is nothing but such a list, of two names or
// more.
std::optional<ArchList> find_arch_list(const Elf& elf);

// What of it remains, chosen as images are; nullopt when it serves none of the targets or nothing changes.
std::optional<std::string> carved_arch_list(const std::string& list, std::span<const CarveTarget> targets);

}  // namespace lathe
