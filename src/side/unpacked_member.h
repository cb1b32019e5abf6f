// SPDX-License-Identifier: MIT
// Inside of side only. The content of a member of a wheel as bytes at any place: as it lies there, or
// unpacked into a file without a name, so that it takes no private memory.
#pragma once

#include <filesystem>
#include <optional>

#include "base/bytes.h"
#include "formats/zip.h"
#include "os/mapped_file.h"

namespace lathe {

class UnpackedMember {
 public:
  // `scratch`: the file for it, which is gone when this returns. Error when the member is damaged.
  UnpackedMember(const ZipMember& member, const std::filesystem::path& scratch);

  ByteSpan bytes() const { return file_ ? file_->bytes() : stored_; }

 private:
  ByteSpan stored_;
  std::optional<MappedFile> file_;
};

}  // namespace lathe
