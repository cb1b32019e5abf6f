// SPDX-License-Identifier: MIT
#include "side/unpacked_member.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>

#include "base/error.h"
#include "formats/zip_read.h"
#include "os/descriptor.h"
#include "os/file.h"

namespace lathe {

UnpackedMember::UnpackedMember(const ZipMember& member, const std::filesystem::path& scratch) {
  if (member.method == 0) {
    stored_ = member.packed;
    return;
  }
  const Descriptor file(::open(scratch.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600));
  if (!file) throw system_error("create", scratch.string(), errno);
  try {
    unpack(member, [&](ByteSpan bytes) {
      write_all(file.get(), scratch.string(), as_text(bytes));
      return true;
    });
    file_ = MappedFile::open(scratch);
  } catch (...) {
    ::unlink(scratch.c_str());
    throw;
  }
  ::unlink(scratch.c_str());
}

}  // namespace lathe
