// SPDX-License-Identifier: MIT
// Reading whole files and writing them so that a crash leaves the old content or the new, never half.
// Every failure is an Error that names the file and the cause.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>

namespace lathe {

// The whole file. Refuses one larger than `limit` bytes (a matrix of 100 MB is a mistake, not a matrix) and anything
// that is no regular file; "-" is standard input.
std::string read_file(const std::filesystem::path& path, std::uint64_t limit = std::uint64_t{64} << 20);

enum class Durability {
  renamed,  // whole after a crash of the program
  synced,   // whole after a crash of the machine too
};

// Writes beside (".NAME.PID-COUNT.new" in the same folder, or a file without a name), then renames over `path`. Keeps the permissions of a file that was there.
void write_file_atomically(const std::filesystem::path& path, std::string_view content,
                           Durability durability = Durability::renamed);

// mkdir -p.
void create_folders(const std::filesystem::path& path);

}  // namespace lathe
