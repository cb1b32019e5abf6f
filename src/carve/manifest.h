// SPDX-License-Identifier: MIT
// The record that a carve leaves beside its result: what it was made from, for which GPUs, what was kept and
// dropped. No time and no path of the machine, so that the same carve makes the same bytes.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/json.h"
#include "carve/carve.h"
#include "carve/loose.h"

namespace lathe {

// Paths are written relative as they are in `files`. `earlier`: the manifest that the source brought along,
// or "". `finished`: by path, records (carved_file_json) of files that a killed run carved before.
std::string carve_manifest(const std::vector<CarvedFile>& files, const CarveOptions& options,
                           std::string_view earlier, const LooseDropped& loose = {},
                           const std::map<std::string, std::string>& finished = {});
// Member "loose_dropped", where there is something to tell.
void write_loose(JsonWriter& json, const LooseDropped& loose);

// One file as a JSON record: also what the command prints.
void write_carved_file(JsonWriter& json, const CarvedFile& file);
std::string carved_file_json(const CarvedFile& file);
// `size_after` of such a record; nullopt: it is none.
std::optional<std::uint64_t> carved_size(std::string_view record);

}  // namespace lathe
