// SPDX-License-Identifier: MIT
#include "formats/object_file.h"

#include <algorithm>
#include <array>
#include <utility>

#include "formats/elf.h"
#include "formats/pe.h"

namespace lathe {
namespace {

template <typename Format>
std::unique_ptr<ObjectFile> open_as(ByteSpan file, std::string name) {
  return std::make_unique<Format>(Format::parse(file, std::move(name)));
}

constexpr std::array formats = {
    ObjectFormat{.name = "ELF file", .looks_like = Elf::looks_like, .open = open_as<Elf>},
    ObjectFormat{.name = "PE file", .looks_like = Pe::looks_like, .open = open_as<Pe>},
};

}  // namespace

const ObjectFormat* object_format(ByteSpan start) {
  const auto it =
      std::ranges::find_if(formats, [&](const ObjectFormat& format) { return format.looks_like(start); });
  return it == formats.end() ? nullptr : &*it;
}

}  // namespace lathe
