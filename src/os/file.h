// SPDX-License-Identifier: MIT
// Reading whole files and writing them so that a crash leaves the old content or the new, never half.
// Every failure is an Error that names the file and the cause.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <string>
#include <string_view>

#include "base/error.h"
#include "os/descriptor.h"

namespace lathe {

// The whole file. Refuses one larger than `limit` bytes (a matrix of 100 MB is a mistake, not a matrix) and
// anything that is not a regular file; "-" is standard input.
std::string read_file(const std::filesystem::path& path, std::uint64_t limit = std::uint64_t{64} << 20);

// The same of a file that is open already; it is closed.
std::string read_open_file(Descriptor file, const std::filesystem::path& path, std::uint64_t limit);

// A file, a pipe or standard input ("-") from its beginning to its end, for what may be larger than memory:
// calls `sink` with each piece, 1 byte to 1 MiB. An Error when it cannot be read.
void read_stream(const std::string& path, const std::function<void(std::string_view)>& sink);

// For what has this mode and should be a file.
Error no_regular_file(const std::filesystem::path& path, unsigned mode);

// All of `content` into an open file; `name` is for the Error.
void write_all(int descriptor, const std::string& name, std::string_view content);

enum class Durability {
  renamed,  // whole after a crash of the program
  synced,   // whole after a crash of the machine too
};

// Writes beside (".NAME.PID-COUNT.new" in the same folder, or a file without a name), then renames over
// `path`. Keeps owner and permissions of a file that was there. A symbolic link stays: what it leads to is
// written. What is not a file is written into (a character device, a FIFO that is read, what a program has
// open) or refused (a folder, a disk, a socket).
void write_file_atomically(const std::filesystem::path& path, std::string_view content,
                           Durability durability = Durability::renamed);

// The same error as ours: which path, and what was tried.
Error file_error(const std::filesystem::filesystem_error& error);

// mkdir -p.
void create_folders(const std::filesystem::path& path);

}  // namespace lathe
