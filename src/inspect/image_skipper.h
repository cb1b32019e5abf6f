// SPDX-License-Identifier: MIT
// Which bytes of a library need not be in memory while it is unpacked: the images of fat binaries, which are
// most of a CUDA library, but for their headers and the small ones. So a library of 450 MB takes the memory
// of the rest.
#pragma once

#include "inspect/inspect.h"
#include "package/package.h"

namespace lathe {

// Of one file. Containers are recognised by their first eight bytes (magic, version 1, header size 16) at
// offsets divisible by 8; whether they lay where fat binaries lie is checked afterwards, when the section
// headers (at the end of the file) are there.
class ImageSkipper final : public LeaveOut {
 public:
  std::string_view what() const override { return "device code"; }
  ByteRange ahead(ByteSpan memory, std::uint64_t filled) override;
  bool was_right(ByteSpan memory, const ByteRanges& absent) override;

 private:
  bool next_container();
  bool next_entry();

  ByteSpan memory_;
  std::uint64_t filled_ = 0;
  std::uint64_t at_ = 0;  // what is looked at next: a place for a container, or an entry
  std::uint64_t container_end_ = 0;
  bool in_container_ = false;
  ByteRange ahead_ = {0, 0};
};

}  // namespace lathe
