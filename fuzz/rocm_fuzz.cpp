// SPDX-License-Identifier: MIT
// Whatever bytes come in as offload bundles: what is read lies in the file, in order; targets are spelled as
// they are parsed.
#include <cstdint>
#include <cstdlib>
#include <span>

#include "base/error.h"
#include "device/contents.h"
#include "device/rocm.h"
#include "device/target.h"

namespace {

void require(bool holds) {
  if (!holds) std::abort();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const lathe::ByteSpan bytes = std::as_bytes(std::span(data, size));
  const lathe::DeviceContents contents = lathe::read_bare_bundles(bytes, "fuzz.hipfb");
  std::uint64_t end = 0;
  for (const lathe::DeviceContainer& container : contents.containers) {
    require(container.offset >= end && container.end() <= size);
    end = container.end();
    for (const lathe::DeviceImage& image : container.images) {
      require(image.offset >= container.offset && image.end() <= end &&
              image.stored_size <= image.payload_size);
      if (image.kind == lathe::ImageKind::native)
        require(lathe::rocm_target(lathe::spell(image.target)) == image.target);
    }
  }
  const auto target = lathe::rocm_target(lathe::as_text(bytes));
  if (target) require(lathe::rocm_target(lathe::spell(*target)) == target);
  return 0;
}
