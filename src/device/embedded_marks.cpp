// SPDX-License-Identifier: MIT
// Words of two bytes, as many at once as the CPU compares: of a mark at an even place its first two bytes
// are one, of a mark at an odd place its second and third. Both are rare (one in 65,536 of compressed bytes,
// for each mark), so that almost every block of 64 is passed by without a closer look. Of one core's time,
// beyond the copying of the bytes (bench/code_marks.cpp): 19 ms for cuFFT's 279 MB, 41 ms for cuBLASLt's 752
// MB, 13 to 18 GB/s, as much as a plain read; memmem for one mark takes 3 GB/s.
#include "device/embedded_marks.h"

#include <algorithm>
#include <cstring>

#include "device/cuda_format.h"

namespace lathe {
namespace {

constexpr std::size_t block = 64;

constexpr std::uint32_t container_mark = cuda::container::magic;
constexpr std::uint32_t elf_mark = 0x464C457F;  // "\x7f" "ELF"
constexpr std::uint32_t ptx_mark = 0x7265762E;  // ".ver"

constexpr std::uint16_t first_two(std::uint32_t mark) { return mark & 0xffff; }
constexpr std::uint16_t middle_two(std::uint32_t mark) { return mark >> 8 & 0xffff; }

using Words16 = std::uint16_t __attribute__((vector_size(16)));  // g++ and clang have these on every CPU
using Words32 = std::uint16_t __attribute__((vector_size(32)));

// Of the blocks from `at` on, the first that may hold part of a mark; or the place where less than a block
// is left.
template <typename Words>
[[gnu::always_inline]] inline std::size_t pass_by(ByteSpan bytes, std::size_t at) {
  for (; bytes.size() - at >= block; at += block) {
    Words any = {};
    for (std::size_t i = 0; i < block; i += sizeof(Words)) {
      Words here;
      std::memcpy(&here, bytes.data() + at + i, sizeof(Words));
      any |= (Words)((here == first_two(container_mark)) | (here == middle_two(container_mark)) |
                     (here == first_two(elf_mark)) | (here == middle_two(elf_mark)) |
                     (here == first_two(ptx_mark)) | (here == middle_two(ptx_mark)));
    }
    std::uint64_t parts[sizeof(Words) / 8], all = 0;
    std::memcpy(parts, &any, sizeof(Words));
    for (const std::uint64_t part : parts) all |= part;
    if (all != 0) break;
  }
  return at;
}

using PassBy = std::size_t(ByteSpan bytes, std::size_t at);

std::size_t pass_by_16(ByteSpan bytes, std::size_t at) { return pass_by<Words16>(bytes, at); }

#if defined(__x86_64__)
[[gnu::target("avx2")]] std::size_t pass_by_32(ByteSpan bytes, std::size_t at) {
  return pass_by<Words32>(bytes, at);
}

PassBy* fastest() { return __builtin_cpu_supports("avx2") ? pass_by_32 : pass_by_16; }
#else
PassBy* fastest() { return pass_by_16; }
#endif

void look_closer(ByteSpan bytes, std::size_t begin, std::size_t end, std::uint64_t base,
                 std::vector<MarkedPlace>& out) {
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
  static PassBy* const pass_by = fastest();
  std::size_t done = 0;  // no mark begins before this that is not in `out`
  for (std::size_t at = 0;; at += block) {
    at = pass_by(bytes, at);
    // One that begins with the last byte of the block before shows in this one.
    done = std::max(done, at - std::min<std::size_t>(at, 1));
    if (bytes.size() - at < block) break;
    look_closer(bytes, done, at + block - 1, base, out);
    done = at + block - 1;
  }
  look_closer(bytes, done, bytes.size(), base, out);
}

}  // namespace lathe
