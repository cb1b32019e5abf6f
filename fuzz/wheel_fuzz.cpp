// SPDX-License-Identifier: MIT
// Whatever bytes come in as a package: its members are listed, every readable one opened and inspected.
#include <cstdint>
#include <cstdlib>
#include <span>

#include "base/error.h"
#include "inspect/image_skipper.h"
#include "package/kinds.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const lathe::ByteSpan bytes = std::as_bytes(std::span(data, size));
  const lathe::PackageKind* kind = lathe::package_kind_inside(bytes);
  if (!kind) return 0;
  try {
    const auto package = kind->open_inside(bytes, "fuzz.whl");
    std::size_t left = 50;
    for (std::size_t i = 0; i < package->members().size(); ++i) {
      const lathe::PackageMember& member = package->members()[i];
      if (member.kind != lathe::PackageMember::Kind::file || !member.unreadable().empty() || left == 0)
        continue;
      --left;
      try {
        const auto start = package->start(i);
        if (lathe::code_format(lathe::as_byte_span(start)).empty()) continue;
        lathe::ImageSkipper skipper;
        const auto content = package->open(i, {.leave_out = &skipper});
        if (content.bytes().size() != member.size) std::abort();
        lathe::inspect_bytes(content.bytes(), member.path(), {.absent = content.absent()});
      } catch (const lathe::Error&) {
      }
    }
  } catch (const lathe::Error&) {
  }
  return 0;
}
