// SPDX-License-Identifier: MIT
// Which bytes of a library need not be in memory while it is unpacked: the images of its containers, which
// are most of a CUDA library, but for their headers and the small ones. So a library of 450 MB takes the
// memory of the rest.
#pragma once

#include <cstdint>
#include <memory>
#include <string_view>
#include <vector>

#include "base/bytes.h"
#include "device/image_stream.h"
#include "device/vendor.h"
#include "inspect/inspect.h"
#include "package/package.h"

namespace lathe {

// Of one file. Whether the images lay where device code lies is checked afterwards, when the section headers
// (at the end of the file) are there.
class ImageSkipper final : public LeaveOut {
 public:
  ImageSkipper();
  std::string_view what() const override { return "device code"; }
  ByteRange ahead(ByteSpan memory, std::uint64_t filled) override;
  bool was_right(ByteSpan memory, const ByteRanges& absent) override;

 private:
  std::vector<std::unique_ptr<ImageStream>> images_;  // of each vendor
};

}  // namespace lathe
