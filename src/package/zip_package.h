// SPDX-License-Identifier: MIT
// Inside of package only. A zip archive as a package, read in place: kinds that are zip archives derive from
// it.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/bytes.h"
#include "formats/streams/unpack.h"
#include "formats/zip.h"
#include "os/mapped_file.h"
#include "package/kinds.h"
#include "package/package.h"

namespace lathe {

class ZipPackage : public Package {
 public:
  explicit ZipPackage(PathLook look);            // Error when its directory cannot be read
  ZipPackage(ByteSpan bytes, std::string name);  // the same

  bool describes_itself(std::string_view path) const override;  // as wheels do
  std::string part(std::size_t member, std::uint64_t from, std::uint64_t count) const override;
  void read(std::size_t member, const UnpackSink& sink) const override;
  std::optional<MemberContent> in_place(std::size_t member) const override;
  void expect_whole() const override;

  // Its names are in members(), not here.
  const ZipMember& zip_member(std::size_t member) const { return zip_.members[member]; }
  const std::optional<MappedFile>& map() const { return map_; }  // where it is a file by itself
  const FileIdentity& file() const { return file_; }             // the same

 private:
  void list();

  Zip zip_;
  std::optional<MappedFile> map_;
  FileIdentity file_;
};

}  // namespace lathe
