// SPDX-License-Identifier: MIT
// Whatever bytes come in as a wheel: its directory is read, every readable member unpacked and inspected.
#include <cstdint>
#include <cstdlib>

#include "base/error.h"
#include "inspect/wheel_member.h"
#include "formats/zip.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const lathe::ByteSpan bytes = std::as_bytes(std::span(data, size));
  try {
    const lathe::Zip zip = lathe::read_zip(bytes, "fuzz.whl");
    std::size_t left = 50;
    for (const lathe::ZipMember& member : zip.members) {
      if (!member.readable || left == 0) continue;
      --left;
      if (member.packed.data() < bytes.data() ||
          member.packed.data() + member.packed.size() > bytes.data() + size)
        std::abort();
      try {
        if (const auto opened = lathe::WheelMember::open(member)) {
          lathe::inspect_bytes(opened->bytes(), member.name, {.absent = opened->absent()});
        }
      } catch (const lathe::Error&) {
      }
    }
  } catch (const lathe::Error&) {
  }
  return 0;
}
