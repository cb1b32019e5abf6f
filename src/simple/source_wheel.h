// SPDX-License-Identifier: MIT
// A wheel that lies in a folder, or a source archive: what an index says of it, and whether it is still the
// same file.
#pragma once

#include <array>
#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>

#include "package/wheel_names.h"

namespace lathe {

// Changes when a file is written or replaced: device, inode, size, times of change.
using FileStamp = std::array<std::int64_t, 7>;
FileStamp stamp_of(const std::filesystem::path& path);  // Error when there is none

struct SourceWheel {
  std::filesystem::path path = {};
  WheelName name = {};
  std::string project = {};  // normalised
  std::uint64_t size = 0;
  FileStamp stamp = {};
  std::string requires_python = {};
  std::string metadata_sha256 = {};
  std::string sha256 = {};  // of the whole; set by who keeps sums
  std::string archive =
      {};  // its file name, where it is a source archive: that goes as it is, without METADATA

  std::string file_name() const { return archive.empty() ? name.file_name() : archive; }
};

// All but its hash. Error when its name is not that of a wheel, or not that of what is in it.
SourceWheel read_source_wheel(const std::filesystem::path& path);
// The same of a source archive (NAME-VERSION.tar.gz). Error when there is no PKG-INFO in it, or that of
// another.
SourceWheel read_source_archive(const std::filesystem::path& path);
inline constexpr std::string_view archive_ending = ".tar.gz";
// A text of its .dist-info, "METADATA"; "" when there is none. Error when it is damaged or above 16 MiB.
std::string dist_info_text(const std::filesystem::path& wheel, std::string_view file);
// The hash of a file's content, in hexadecimal. Error when it shrinks meanwhile.
std::string sha256_of_file(const std::filesystem::path& path);

}  // namespace lathe
