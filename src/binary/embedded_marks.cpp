// SPDX-License-Identifier: MIT
// Sixteen bytes at a time: places where two bytes of a mark stand beside each other are rare (one in 65,536 of compressed
// bytes, for each mark), so that almost every block of 64 is passed by without a closer look.
#include "binary/embedded_marks.h"

#include <cstring>

namespace lathe {
namespace {

using Lane = unsigned char __attribute__((vector_size(16)));  // g++ and clang have these on every CPU

constexpr std::size_t lane = sizeof(Lane);
constexpr std::size_t block = 4 * lane;

constexpr std::uint32_t container_mark = 0xBA55ED50;
constexpr std::uint32_t elf_mark = 0x464C457F;  // "\x7f" "ELF"
constexpr std::uint32_t ptx_mark = 0x7265762E;  // ".ver"

constexpr unsigned char first_of(std::uint32_t mark) { return mark & 0xff; }
constexpr unsigned char second_of(std::uint32_t mark) { return mark >> 8 & 0xff; }

Lane load(const std::byte* from) {
  Lane value;
  std::memcpy(&value, from, lane);
  return value;
}

template <std::uint32_t mark>
auto pair_of(Lane here, Lane next) {
  return (here == first_of(mark)) & (next == second_of(mark));
}

// Do two bytes of a mark stand beside each other, the first of them in these 64 bytes? Reads one byte more.
bool may_hold_mark(const std::byte* from) {
  auto any = pair_of<container_mark>(Lane{}, Lane{});
  for (std::size_t at = 0; at < block; at += lane) {
    const Lane here = load(from + at), next = load(from + at + 1);
    any |= pair_of<container_mark>(here, next) | pair_of<elf_mark>(here, next) | pair_of<ptx_mark>(here, next);
  }
  std::uint64_t halves[2];
  std::memcpy(halves, &any, lane);
  return (halves[0] | halves[1]) != 0;
}

void look_closer(ByteSpan bytes, std::size_t begin, std::size_t end, std::uint64_t base, std::vector<MarkedPlace>& out) {
  for (std::size_t at = begin; at < end && bytes.size() - at >= 4; ++at) {
    std::uint32_t word;
    std::memcpy(&word, bytes.data() + at, 4);
    if (word == container_mark) out.push_back({.offset = base + at, .mark = CodeMark::container});
    else if (word == elf_mark) out.push_back({.offset = base + at, .mark = CodeMark::elf});
    else if (word == ptx_mark) out.push_back({.offset = base + at, .mark = CodeMark::ptx});
  }
}

}  // namespace

void find_code_marks(ByteSpan bytes, std::uint64_t base, std::vector<MarkedPlace>& out) {
  std::size_t at = 0;
  for (; bytes.size() - at > block; at += block) {
    if (may_hold_mark(bytes.data() + at)) look_closer(bytes, at, at + block, base, out);
  }
  look_closer(bytes, at, bytes.size(), base, out);
}

}  // namespace lathe
