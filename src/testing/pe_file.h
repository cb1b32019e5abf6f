// SPDX-License-Identifier: MIT
// A small DLL for x86-64, made byte by byte: three functions, exports, an import, unwind table, device code
// with its wrapper, base relocations. Addresses are those of its preferred base.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/bytes.h"

namespace lathe::testing {

inline constexpr std::uint64_t pe_base = 0x180000000;

struct PeParts {
  std::string code = std::string(0x100, '\x90');
  std::string fatbins = {};           // .nv_fatb; its wrapper leads to its first byte
  std::string_view exported = "run";  // at the start of `code`
  std::uint64_t entry = 0;            // offset in `code`; 0: none
  std::vector<std::pair<std::uint32_t, std::uint32_t>> functions = {};  // begin, end: offsets in `code`
  std::string certificates = {};
};

class PeMaker {
 public:
  // Where in the file and in memory each section begins: 0 .text, 1 .rdata, 2 .pdata, 3 .nv_fatb, 4 .nvFatBi,
  // 5 .reloc.
  struct Place {
    std::uint32_t rva = 0, offset = 0;
  };

  explicit PeMaker(const PeParts& parts) {
    add(".text", parts.code, 0x60000020);
    const std::uint32_t data = next_rva_;
    add(".rdata", tables(parts, data), 0x40000040);
    std::string unwind;
    for (const auto& [begin, end] : parts.functions)
      unwind += encode_number(places[0].rva + begin, 4) + encode_number(places[0].rva + end, 4) +
                encode_number(data, 4);
    add(".pdata", unwind, 0x40000040);
    add(".nv_fatb", parts.fatbins, 0x40000040);
    const std::uint32_t wrappers = next_rva_;
    add(".nvFatBi",
        encode_number(0x466243B1, 4) + encode_number(1, 4) + encode_number(pe_base + places[3].rva, 8) +
            std::string(8, '\0'),
        0xC0000040);
    // One block: a 64-bit address at wrappers + 8, and a filler.
    add(".reloc",
        encode_number(wrappers, 4) + encode_number(12, 4) + encode_number(0xA000 | 8, 2) +
            encode_number(0, 2),
        0x42000040);
    finish(parts, data, unwind.size());
  }

  std::string file;
  std::vector<Place> places;
  std::uint64_t address(std::size_t section) const { return pe_base + places[section].rva; }

 private:
  void add(std::string_view name, const std::string& bytes, std::uint32_t flags) {
    const std::uint32_t size = static_cast<std::uint32_t>(bytes.size());
    places.push_back({.rva = next_rva_, .offset = 0x400 + static_cast<std::uint32_t>(body_.size())});
    headers_ += std::string(name) + std::string(8 - name.size(), '\0') + encode_number(size, 4) +
                encode_number(next_rva_, 4) + encode_number((size + 511) / 512 * 512, 4) +
                encode_number(places.back().offset, 4) + std::string(12, '\0') + encode_number(flags, 4);
    body_ += bytes;
    body_.resize((body_.size() + 511) / 512 * 512);
    next_rva_ += (size + 0xfff) / 0x1000 * 0x1000 + (size == 0 ? 0x1000 : 0);
  }

  // Exports at 0, imports at 0x100, the import's slot at 0x180.
  static std::string tables(const PeParts& parts, std::uint32_t at) {
    std::string text(0x200, '\0');
    const auto put = [&](std::size_t offset, const std::string& bytes) {
      text.replace(offset, bytes.size(), bytes);
    };
    put(12, encode_number(at + 60, 4) + encode_number(1, 4) + encode_number(1, 4) + encode_number(1, 4) +
                encode_number(at + 40, 4) + encode_number(at + 44, 4) + encode_number(at + 48, 4));
    put(40, encode_number(0x1000, 4) + encode_number(at + 80, 4) + encode_number(0, 2));
    put(60, "made.dll");
    put(80, std::string(parts.exported));
    put(0x100, encode_number(at + 0x160, 4) + std::string(8, '\0') + encode_number(at + 0x150, 4) +
                   encode_number(at + 0x180, 4));
    put(0x150, "OTHER.dll");
    put(0x160, encode_number(at + 0x190, 8));
    put(0x180, encode_number(at + 0x190, 8));
    put(0x190, std::string(2, '\0') + "callee");
    return text;
  }

  void finish(const PeParts& parts, std::uint32_t data, std::size_t unwind_size) {
    file = "MZ" + std::string(0x3a, '\0') + encode_number(0x80, 4);
    file.resize(0x80);
    file += std::string("PE\0\0", 4) + encode_number(0x8664, 2) + encode_number(places.size(), 2) +
            std::string(12, '\0') + encode_number(240, 2) + encode_number(0x2022, 2);
    std::string optional(240, '\0');
    const auto put = [&](std::size_t offset, std::uint64_t value, unsigned size) {
      optional.replace(offset, size, encode_number(value, size));
    };
    put(0, 0x20b, 2);
    put(16, parts.entry == 0 ? 0 : places[0].rva + parts.entry, 4);
    put(24, pe_base, 8);
    put(60, 0x400, 4);
    put(108, 16, 4);
    const auto directory = [&](std::size_t index, std::uint64_t at, std::uint64_t size) {
      put(112 + 8 * index, at, 4);
      put(116 + 8 * index, size, 4);
    };
    directory(0, data, 0x100);
    directory(1, data + 0x100, 40);
    directory(3, places[2].rva, unwind_size);
    directory(5, places[5].rva, 12);
    if (!parts.certificates.empty()) directory(4, 0x400 + body_.size(), parts.certificates.size());
    file += optional + headers_;
    file.resize(0x400);
    file += body_ + parts.certificates;
  }

  std::string headers_, body_;
  std::uint32_t next_rva_ = 0x1000;
};

}  // namespace lathe::testing
