// SPDX-License-Identifier: MIT
// For whom a piece of device code is, told so that it can be compared and passed on without knowing whose it
// is: inspect/, carve/ and coverage.h speak of targets, their vendor (vendor.h) spells, parses and judges
// them. Values: they may be copied and read from any thread.
#pragma once

#include <compare>
#include <cstdint>
#include <string>

namespace lathe {

class Vendor;

// A GPU, or what code is made for: "9.0", "9.0a". Later ones are larger, portable code's before narrower;
// those of different vendors stand by the vendors' names.
struct Target {
  const Vendor* vendor = nullptr;  // lives as long as the program; nullptr: nobody's
  std::uint64_t number = 0;        // the vendor's own

  bool operator==(const Target&) const = default;
  std::strong_ordering operator<=>(const Target& other) const;
};

std::string spell(Target target);  // as its vendor does; "" of nobody's

// What an image is to those who load it, whoever made it.
enum class ImageKind : std::uint8_t {
  native,    // machine code: cubins
  portable,  // the driver compiles it for the GPU that it finds: PTX
  link_ir,   // a device linker makes machine code of it when that is wanted: LTO IR
  other,     // not known
};

// What a driver that picks by itself needs to know of an image.
struct TargetCode {
  Target target = {};
  ImageKind kind = ImageKind::native;

  auto operator<=>(const TargetCode&) const = default;
};

std::string spell(const TargetCode& code);     // as its vendor's compiler is asked for it: "sm_90a"
std::string describe(const TargetCode& code);  // for people: "9.0a", "PTX 9.0"

}  // namespace lathe
