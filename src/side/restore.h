// SPDX-License-Identifier: MIT
// The original again, out of its slim file, folder or wheel and the side file: bit for bit, or not at all.
// All that is new is written beside its place and its SHA-256 compared with the manifest's before anything
// is renamed. Killed at any moment it leaves what was there or the original (a folder in place: each file
// one of both; the same call goes on).
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <string>

#include "side/side_file.h"

namespace lathe {

struct RestoreOptions {
  // The folder in which the original appears under its name, or its very place, where nothing may be; the
  // slim file itself: in place. A wheel: a folder, or a name that ends in .whl.
  std::filesystem::path to = {};
  bool dry_run = false;  // look whether it could be done, write nothing
  unsigned threads = 0;  // 0: all cores
  std::function<void(std::uint64_t done, std::uint64_t all)> progress = {};  // from any thread, one at a time
};

struct Restored {
  std::filesystem::path path = {};  // of the original, where it is now or would be
  std::uint64_t size = 0;           // of what was made
  std::uint64_t slim_size = 0;      // of what it was made of
  std::size_t files = 0;            // made; of a wheel its members that were packed again
  std::size_t brought_back = 0;     // of these, that the slim side lacked
  std::size_t removed = 0;          // that the slim side had more
  std::size_t there_already = 0;    // that are as the original has them
  std::string sha256 = {};          // of a file or a wheel
};

// Error when the side file belongs to something else, is damaged, or there is no room; then nothing was
// changed.
Restored restore(const std::filesystem::path& slim, const SideContent& side, const RestoreOptions& options);

}  // namespace lathe
