// SPDX-License-Identifier: MIT
#include "simple/source_wheel.h"

#include <fmt/format.h>
#include <sys/stat.h>

#include <algorithm>
#include <cerrno>
#include <string_view>
#include <utility>
#include <vector>

#include "base/bytes.h"
#include "base/error.h"
#include "base/hash.h"
#include "formats/zip.h"
#include "formats/zip_read.h"
#include "os/mapped_file.h"
#include "simple/project_page.h"

namespace lathe {
namespace {

namespace fs = std::filesystem;

constexpr std::uint64_t longest_text = std::uint64_t{16} << 20;

[[noreturn]] void refuse_wheel(const fs::path& path, std::string what) {
  throw Error({.what = std::move(what),
               .where = {.file = path.string()},
               .next = "an installer would refuse it too: fetch it again, or take it out of the folder"});
}

std::string text_of(const fs::path& path, const ZipMember& member) {
  if (!member.readable) refuse_wheel(path, fmt::format("{} {}", member.name, member.why_unreadable()));
  if (member.size > longest_text) refuse_wheel(path, member.name + " is larger than 16 MiB");
  return part_of(member, 0, member.size);
}

// In the .dist-info folder that is the wheel's own by its name.
const ZipMember* own_member(const Zip& zip, const WheelName& name, std::string_view file) {
  const auto found = std::ranges::find_if(zip.members, [&](const ZipMember& member) {
    const std::size_t slash = member.name.find('/');
    constexpr std::string_view ending = ".dist-info";
    if (slash == std::string::npos || std::string_view(member.name).substr(slash + 1) != file) return false;
    const std::string_view folder = std::string_view(member.name).substr(0, slash);
    return folder.ends_with(ending) && names_stem(name, folder.substr(0, folder.size() - ending.size()));
  });
  return found == zip.members.end() ? nullptr : &*found;
}

WheelName name_of(const fs::path& path) {
  const std::string file = path.filename().string();
  auto name = parse_wheel_name(file);
  if (!name || !is_distribution_file(file) || name->file_name() != file ||
      !is_project_name(name->distribution))
    refuse_wheel(path, "its name is not that of a wheel");
  return *name;
}

}  // namespace

FileStamp stamp_of(const fs::path& path) {
  struct ::stat status {};
  if (::stat(path.c_str(), &status) != 0) throw system_error("look at", path.string(), errno);
  return {static_cast<std::int64_t>(status.st_dev),
          static_cast<std::int64_t>(status.st_ino),
          status.st_size,
          status.st_mtim.tv_sec,
          status.st_mtim.tv_nsec,
          status.st_ctim.tv_sec,
          status.st_ctim.tv_nsec};
}

SourceWheel read_source_wheel(const fs::path& path) {
  SourceWheel wheel{.path = path, .name = name_of(path)};
  wheel.project = normal_project_name(wheel.name.distribution);
  wheel.stamp = stamp_of(path);
  const MappedFile map = MappedFile::open(path);
  wheel.size = map.bytes().size();
  const Zip zip = read_zip(map.bytes(), path.string());
  const ZipMember* member = own_member(zip, wheel.name, "METADATA");
  if (member == nullptr)
    refuse_wheel(path, fmt::format("there is no METADATA in it for {}",
                                   wheel.name.distribution + "-" + wheel.name.version));
  const std::string metadata = text_of(path, *member);
  const auto requires_python = field_values(metadata, "Requires-Python:");
  if (!requires_python.empty()) wheel.requires_python = requires_python[0];
  wheel.metadata_sha256 = to_hex(sha256(as_byte_span(metadata)));
  map.expect_whole();
  return wheel;
}

std::string dist_info_text(const fs::path& wheel, std::string_view file) {
  const MappedFile map = MappedFile::open(wheel);
  const Zip zip = read_zip(map.bytes(), wheel.string());
  const auto name = parse_wheel_name(wheel.filename().string());
  const ZipMember* member = name ? own_member(zip, *name, file) : nullptr;
  return member == nullptr ? "" : text_of(wheel, *member);
}

std::string sha256_of_file(const fs::path& path) {
  constexpr std::size_t piece = std::size_t{8} << 20;
  const MappedFile map = MappedFile::open(path);
  Sha256Stream hash;
  for (std::size_t at = 0; at < map.bytes().size(); at += piece)
    hash.add(map.bytes().subspan(at, std::min(piece, map.bytes().size() - at)));
  map.expect_whole();
  return to_hex(hash.finish());
}

}  // namespace lathe
