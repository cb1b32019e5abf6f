// SPDX-License-Identifier: MIT
#include "package/zip_package.h"

#include <cstdint>
#include <memory>
#include <utility>

#include "base/bytes.h"
#include "formats/streams/unpack.h"
#include "formats/zip_read.h"

namespace lathe {

ZipPackage::ZipPackage(PathLook look)
    : Package(look.path().string()), zip_(look.take_zip()), map_(look.take_mapped()), file_(look.file()) {
  list();
}

ZipPackage::ZipPackage(ByteSpan bytes, std::string name)
    : Package(std::move(name)), zip_(read_zip(bytes, this->name())) {
  list();
}

void ZipPackage::list() {
  members_.reserve(zip_.members.size());
  for (ZipMember& member : zip_.members) {
    // a member that says it is a link is a file to those who unpack wheels
    members_.add({.path = member.name,
                  .size = member.size,
                  .mode = member.mode & 07777,
                  .kind = member.folder ? PackageMember::Kind::folder : PackageMember::Kind::file,
                  .unreadable = member.folder || member.readable ? "" : member.why_unreadable()});
    member.name = {};
  }
  findings_ = std::move(zip_.findings);
}

bool ZipPackage::describes_itself(std::string_view path) const {
  return path.substr(0, path.rfind('/')).ends_with(".dist-info");
}

std::string ZipPackage::part(std::size_t member, std::uint64_t from, std::uint64_t count) const {
  return part_of(zip_member(member), from, count);
}

void ZipPackage::read(std::size_t member, const UnpackSink& sink) const {
  lathe::unpack(zip_member(member), sink);
}

void ZipPackage::expect_whole() const {
  if (map_) map_->expect_whole();
}

std::optional<MemberContent> ZipPackage::in_place(std::size_t member) const {
  if (zip_member(member).method != 0) return std::nullopt;
  return MemberContent(zip_member(member).packed);
}

extern const PackageKind zip_kind;
constinit const PackageKind zip_kind = {
    .name = "zip archive",
    .is = [](PathLook& look) { return look.is_zip(); },
    .open = [](PathLook look) -> std::unique_ptr<Package> {
      return std::make_unique<ZipPackage>(std::move(look));
    },
    .is_inside = looks_like_zip,
    .open_inside = [](ByteSpan bytes, std::string name) -> std::unique_ptr<Package> {
      return std::make_unique<ZipPackage>(bytes, std::move(name));
    },
};

}  // namespace lathe
