// SPDX-License-Identifier: MIT
// The catalogue of AMD's GPUs: processors (gfx942), which features code for them may ask for, the generic
// processors whose code runs on them, the products. Read once from amd_gpus.toml, never changes: any thread
// may ask. A processor that it lacks is not an error: code for it is named all the same.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace lathe {

struct AmdProcessor {
  std::string name = {};                   // "gfx942", "gfx9-4-generic"
  std::uint32_t number = 0;                // EF_AMDGPU_MACH in the flags of a code object
  bool generic = false;                    // a name for several
  std::vector<std::string> features = {};  // "sramecc", "xnack"; those it has, not those that are on
  std::string generic_name = {};           // whose code runs here too; "" for none
  std::vector<std::string> gpus = {};      // "Instinct MI300X"
  std::string source = {};
};

// Ascending: processors, then generic ones.
const std::vector<AmdProcessor>& amd_processors();

// nullptr: not in the catalogue.
const AmdProcessor* amd_processor(std::string_view name);
const AmdProcessor* amd_processor(std::uint32_t number);
// By a product's name, "Instinct MI300X" or "mi300x"; letter case does not matter.
const AmdProcessor* amd_processor_of(std::string_view product);

}  // namespace lathe
