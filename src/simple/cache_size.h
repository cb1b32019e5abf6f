// SPDX-License-Identifier: MIT
// How much a folder of carved wheels may hold: what was used least recently goes first. Several programs
// may do this in one folder at once.
#pragma once

#include <cstdint>
#include <ctime>
#include <filesystem>
#include <optional>
#include <string_view>

namespace lathe {

// "500MB", "20 GB", "1.5TB", "1073741824": decimal units as everywhere here. nullopt: no such size, or zero.
std::optional<std::uint64_t> parse_cache_size(std::string_view text);

// Notes that a wheel is being used now: as the time of its folder, which is its own. Never fails.
void note_use(const std::filesystem::path& wheel);

// Removes wheels (files/SHA256/NAME, originals/SHA256/NAME) until at most `most` bytes are left of them.
// What was
// used in the last minute stays: somebody may be about to open it. Returns how many bytes went. Never fails:
// what cannot be removed stays.
std::uint64_t make_room(const std::filesystem::path& cache, std::uint64_t most,
                        std::time_t now = std::time(nullptr));

}  // namespace lathe
