// SPDX-License-Identifier: MIT
#include "package/zip_package.h"

#include <algorithm>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <utility>

#include "base/bytes.h"
#include "base/error.h"
#include "formats/streams/unpack.h"
#include "formats/zip_read.h"
#include "package/writer.h"
#include "package/zip_package_writer.h"

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

namespace {

constexpr std::string_view plain = "zip archive", wheel = "Python wheel";

// Formats that are zip archives: a member of each has a name that begins and ends so. The first
// that fits.
struct ZipKind {
  std::string_view begin, end;
  std::string_view words;
};
constexpr ZipKind zip_kinds[] = {
    {"pkg-", ".tar.zst", "conda package"},
    {"", ".nuspec", "NuGet package"},
    {"AndroidManifest.xml", "", "Android package"},
    {"EGG-INFO/PKG-INFO", "", "Python egg"},
    {"", ".dist-info/RECORD", wheel},
    {"META-INF/MANIFEST.MF", "", "Java archive"},
    {"__main__.py", "", "Python program in a zip archive"},
    {"", "/data.pkl", "file of torch.save"},
    {"", ".whl", "zip archive of wheels"},
};

// Programs, models and packages have rules of their own about what lies where in them; what has the list of
// a wheel deeper inside is a packed environment. Of one that is damaged nobody can say.
bool is_of_a_format(PathLook& look) {
  if (!look.is_zip()) return false;
  try {
    const std::string_view words = words_for_zip(look.zip());
    return words != plain && words != wheel;
  } catch (const Error&) {
    return true;
  }
}

std::unique_ptr<Package> open_zip(PathLook look) { return std::make_unique<ZipPackage>(std::move(look)); }

}  // namespace

std::string_view words_for_zip(const Zip& zip) {
  for (const ZipKind& kind : zip_kinds) {
    const bool fits = std::ranges::any_of(zip.members, [&](const ZipMember& member) {
      return member.name.starts_with(kind.begin) && member.name.ends_with(kind.end);
    });
    if (fits) return kind.words;
  }
  return plain;
}

extern const PackageKind zip_of_a_format_kind, zip_kind;
constinit const PackageKind zip_of_a_format_kind = {
    .name = "zip archive",
    .is = is_of_a_format,
    .open = open_zip,
};
constinit const PackageKind zip_kind = {
    .name = "zip archive",
    .is = [](PathLook& look) { return look.is_zip(); },
    .open = open_zip,
    .write = [](const Package& package, PackageWriteOptions options) -> std::unique_ptr<PackageWriter> {
      return write_zip(static_cast<const ZipPackage&>(package), std::move(options));
    },
    .in_place = false,
    .has_side = false,
    .is_inside = looks_like_zip,
    .open_inside = [](ByteSpan bytes, std::string name) -> std::unique_ptr<Package> {
      return std::make_unique<ZipPackage>(bytes, std::move(name));
    },
};

}  // namespace lathe
