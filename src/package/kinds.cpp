// SPDX-License-Identifier: MIT
#include "package/kinds.h"

#include <sys/stat.h>

#include <algorithm>
#include <cerrno>
#include <cstdint>
#include <utility>

#include "base/bytes.h"
#include "base/error.h"
#include "os/mapped_file.h"

namespace lathe {

extern const PackageKind conda_kind, conda_tar_kind, folder_kind, image_kind, nar_kind, tar_kind, wheel_kind,
    zip_kind, zip_of_a_format_kind;

namespace {

// The first that fits.
constexpr const PackageKind* kinds[] = {
    &image_kind, &folder_kind,    &wheel_kind, &conda_kind, &zip_of_a_format_kind,
    &zip_kind,   &conda_tar_kind, &tar_kind,   &nar_kind,
};

}  // namespace

PathLook::PathLook(std::filesystem::path path, std::string platform)
    : path_(std::move(path)), platform_(std::move(platform)), image_(parse_image_reference(path_.native())) {
  place_ = image_ ? image_->place : path_;
  struct stat status {};
  if (::stat(place_.c_str(), &status) != 0) throw system_error("open", place_.string(), errno);
  folder_ = S_ISDIR(status.st_mode);
  regular_ = S_ISREG(status.st_mode);
  size_ = static_cast<std::uint64_t>(status.st_size);
  file_ = identity_of(status);
}

void PathLook::expect_file_or_folder() const {
  if (!folder_ && !regular_)
    throw Error({.what = "neither a file nor a folder", .where = {.file = path_.string()}});
}

const MappedFile& PathLook::mapped() {
  if (!mapped_) mapped_ = MappedFile::open(place_);
  return *mapped_;
}

bool PathLook::is_zip() { return regular_ && looks_like_zip(mapped().bytes()); }

const Zip& PathLook::zip() {
  if (!zip_) zip_ = read_zip(mapped().bytes(), path_.string());
  return *zip_;
}

MappedFile PathLook::take_mapped() {
  mapped();
  return std::move(*mapped_);
}

Zip PathLook::take_zip() {
  zip();
  return std::move(*zip_);
}

const PackageKind* package_kind(PathLook& look) {
  const auto kind = std::ranges::find_if(kinds, [&](const PackageKind* one) { return one->is(look); });
  return kind == std::end(kinds) ? nullptr : *kind;
}

const PackageKind* package_kind_inside(ByteSpan bytes) {
  const auto kind = std::ranges::find_if(
      kinds, [&](const PackageKind* one) { return one->is_inside && one->is_inside(bytes); });
  return kind == std::end(kinds) ? nullptr : *kind;
}

}  // namespace lathe
