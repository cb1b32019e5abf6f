// SPDX-License-Identifier: MIT
// The decoder against Zydis: each opcode under each prefix, random bytes, and the machine code of this very
// process.
#include "cpu/isa/isa_x86.h"

#include <gtest/gtest.h>
#include <link.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <initializer_list>
#include <random>
#include <span>
#include <string>
#include <vector>

#include "cpu/isa/isa_x86_oracle.h"

namespace lathe {
namespace {

using Bytes = std::vector<std::uint8_t>;

ByteSpan span_of(const Bytes& bytes) { return std::as_bytes(std::span(bytes)); }

struct Known {
  Bytes bytes;
  int length;
  std::string needs;
};

// Lengths and extensions as gas and Intel's manual have them.
const std::vector<Known> known = {
    {{0x90}, 1, "base"},                                            // nop
    {{0xf3, 0x90}, 2, "base"},                                      // pause
    {{0xf3, 0x0f, 0x1e, 0xfa}, 4, "base"},                          // endbr64
    {{0x48, 0xb8, 1, 2, 3, 4, 5, 6, 7, 8}, 10, "base"},             // movabs
    {{0x66, 0xb8, 1, 2}, 4, "base"},                                // mov $,%ax
    {{0x67, 0xa1, 1, 2, 3, 4}, 6, "base"},                          // mov abs32,%eax
    {{0x0f, 0x05}, 2, "base"},                                      // syscall
    {{0xf2, 0x0f, 0x58, 0xc1}, 4, "base"},                          // addsd
    {{0xf3, 0x0f, 0xbc, 0xc1}, 4, "tzcnt"},                         // tzcnt
    {{0x0f, 0xbc, 0xc1}, 3, "base"},                                // bsf
    {{0xf3, 0x0f, 0xbd, 0xc1}, 4, "lzcnt"},                         // lzcnt
    {{0xf3, 0x48, 0x0f, 0xb8, 0xc1}, 5, "popcnt"},                  // popcnt
    {{0x66, 0x0f, 0x38, 0x00, 0xc1}, 5, "ssse3"},                   // pshufb
    {{0x66, 0x0f, 0x3a, 0x0f, 0xc1, 4}, 6, "ssse3"},                // palignr
    {{0x66, 0x0f, 0x3a, 0x63, 0xc1, 4}, 6, "sse4.2"},               // pcmpistri
    {{0xf2, 0x0f, 0x38, 0xf1, 0xc1}, 5, "sse4.2"},                  // crc32
    {{0xf0, 0x48, 0x0f, 0xc7, 0x0f}, 5, "cx16"},                    // lock cmpxchg16b
    {{0xf0, 0x0f, 0xc7, 0x0f}, 4, "base"},                          // lock cmpxchg8b
    {{0xc5, 0xf8, 0x58, 0xc1}, 4, "avx"},                           // vaddps xmm
    {{0xc5, 0xfc, 0x58, 0xc1}, 4, "avx"},                           // vaddps ymm
    {{0xc5, 0xf9, 0xfc, 0xc1}, 4, "avx"},                           // vpaddb xmm
    {{0xc5, 0xfd, 0xfc, 0xc1}, 4, "avx2"},                          // vpaddb ymm
    {{0xc4, 0xe2, 0x7d, 0x18, 0x00}, 5, "avx"},                     // vbroadcastss (%rax),%ymm
    {{0xc4, 0xe2, 0x7d, 0x18, 0xc0}, 5, "avx2"},                    // vbroadcastss %xmm,%ymm
    {{0xc4, 0xe2, 0x7d, 0x36, 0xc1}, 5, "avx2"},                    // vpermd
    {{0xc4, 0xe2, 0x75, 0x98, 0xc2}, 5, "fma"},                     // vfmadd132ps
    {{0xc4, 0xe2, 0x7d, 0x13, 0xc1}, 5, "f16c"},                    // vcvtph2ps
    {{0xc4, 0xe2, 0x70, 0xf2, 0xc2}, 5, "bmi"},                     // andn
    {{0xc4, 0xe2, 0xf3, 0xf6, 0xc2}, 5, "bmi2"},                    // mulx
    {{0xc4, 0xe2, 0x75, 0x50, 0xc2}, 5, "avxvnni"},                 // {vex} vpdpbusd
    {{0xc4, 0xe2, 0x69, 0x90, 0x0c, 0x18}, 6, "avx2"},              // vpgatherdd
    {{0x62, 0xf1, 0x7c, 0x48, 0x58, 0xc1}, 6, "avx512f"},           // vaddps zmm
    {{0x62, 0xf1, 0x7c, 0x28, 0x58, 0xc1}, 6, "avx512f+avx512vl"},  // vaddps ymm, EVEX
    // vaddps zmm with rounding: L'L is not a length
    {{0x62, 0xf1, 0x7c, 0x18, 0x58, 0xc1}, 6, "avx512f"},
    {{0x62, 0xf1, 0x7c, 0x18, 0x58, 0x00}, 6, "avx512f+avx512vl"},     // vaddps (%rax){1to4},%xmm
    {{0x62, 0xf1, 0x7e, 0x08, 0x58, 0xc1}, 6, "avx512f"},              // vaddss: scalars do not need VL
    {{0x62, 0xf1, 0x7d, 0x08, 0x6e, 0xc1}, 6, "avx512f"},              // vmovd: neither does this
    {{0x62, 0xf1, 0x75, 0x48, 0xfc, 0xc2}, 6, "avx512bw"},             // vpaddb zmm
    {{0x62, 0xf2, 0x75, 0x48, 0x50, 0xc2}, 6, "avx512vnni"},           // vpdpbusd zmm
    {{0x62, 0xf2, 0x76, 0x28, 0x52, 0xc2}, 6, "avx512vl+avx512bf16"},  // vdpbf16ps ymm
    {{0xc5, 0xf8, 0x92, 0xc8}, 4, "avx512f"},                          // kmovw
    {{0xc5, 0xfb, 0x92, 0xc8}, 4, "avx512bw"},                         // kmovd
    {{0xc4, 0xe2, 0x6b, 0x5e, 0xc1}, 5, "amx-int8"},                   // tdpbssd, see below for its registers
    {{0xc4, 0xe2, 0x75, 0xdc, 0xc2}, 5, "avx+vaes"},                   // vaesenc ymm
    {{0xc4, 0xe2, 0x71, 0xdc, 0xc2}, 5, "avx+aes"},                    // vaesenc xmm
    {{0x66, 0x0f, 0x38, 0xdc, 0xc2}, 5, "aes"},                        // aesenc
    {{0x0f, 0x0f, 0xc1, 0x9e}, 4, "3dnow"},                            // pfadd
    {{0xc4, 0xe2, 0xed, 0xb4, 0xd9}, 5, "avxifma"},                    // {vex} vpmadd52luq
    {{0xc4, 0xe2, 0x6b, 0x50, 0xd9}, 5, "avxvnniint8"},                // vpdpbssd
    {{0xc4, 0xe2, 0x7c, 0xb0, 0x08}, 5, "avxneconvert"},               // vcvtneoph2ps
    {{0xc4, 0xe2, 0xf9, 0xe6, 0x19}, 5, "cmpccxadd"},                  // cmpbexadd
    {{0x66, 0x0f, 0x38, 0xfc, 0x01}, 5, "raoint"},                     // aand
    {{0xc4, 0xe2, 0x73, 0x5c, 0xda}, 5, "amx-fp16"},                   // tdpfp16ps
    {{0xc4, 0xe2, 0x7f, 0xcc, 0xc1}, 5, "sha512"},                     // vsha512msg1
};

TEST(IsaX86, KnowsLengthAndExtensionsOfInstructionsThatAreEasilyConfused) {
  for (const Known& row : known) {
    const X86Instruction instruction = decode_x86(span_of(row.bytes));
    EXPECT_EQ(instruction.length, row.length) << row.needs;
    EXPECT_EQ(names_of(x86_needs(instruction.needs)), row.needs);
  }
}

TEST(IsaX86, RefusesWhatIsNoInstruction) {
  const std::vector<Bytes> wrong = {
      {},
      {0x06},                                // push %es: not in 64-bit mode
      {0x0f, 0x0b + 1},                      // no such opcode
      {0xf0, 0x90},                          // lock nop
      {0xf0, 0x01, 0xc0},                    // lock add to a register
      {0x66, 0xc5, 0xf8, 0x58, 0xc1},        // prefix before VEX
      {0x48, 0xc5, 0xf8, 0x58, 0xc1},        // REX before VEX
      {0xc5, 0xf0, 0x10, 0x00},              // vvvv used where it must not be
      {0xc4, 0xe0, 0x78, 0x58, 0xc1},        // VEX map 0
      {0x62, 0xf1, 0x78, 0x48, 0x58, 0xc1},  // EVEX without its fixed bit
      {0x62, 0xf9, 0x7c, 0x48, 0x58, 0xc1},  // EVEX with its reserved bit
      {0x62, 0xf1, 0x7c, 0x68, 0x58, 0xc1},  // L'L = 3
      {0x62, 0xf1, 0x7c, 0xc8, 0x58, 0xc1},  // zeroing without a mask
      {0xc4, 0xe2, 0x69, 0x90, 0x0c, 0x08},  // gather whose index is its destination
      {0xc4, 0xe2, 0x73, 0x5e, 0xc1},        // tdpbssd with twice the same tile
      {0x0f, 0x0f, 0xc1, 0x00},              // 3DNow! without such an opcode
      {0xe8, 0, 0, 0},                       // cut off
      Bytes(16, 0x66),                       // prefixes without end
  };
  for (const Bytes& bytes : wrong)
    EXPECT_FALSE(decode_x86(span_of(bytes))) << ::testing::PrintToString(bytes);
}

TEST(IsaX86, RefusesMoreThanFifteenBytes) {
  Bytes longest(11, 0x2e);
  longest.insert(longest.end(), {0x0f, 0x1f, 0x40, 0x00});
  EXPECT_EQ(decode_x86(span_of(longest)).length, 15);
  longest.insert(longest.begin(), 0x2e);
  EXPECT_FALSE(decode_x86(span_of(longest)));
}

// --- against Zydis
// ----------------------------------------------------------------------------------------------------

// Ends a test at the third difference: the first ones tell enough.
class Comparison {
 public:
  void check(ByteSpan bytes) {
    ++checked_;
    const std::string difference = difference_from_zydis(bytes);
    if (difference.empty() || ++differences_ > 3) return;
    ADD_FAILURE() << difference;
  }
  std::size_t checked() const { return checked_; }

 private:
  std::size_t checked_ = 0, differences_ = 0;
};

// ModRM bytes that stand for all: memory with and without SIB, RIP-relative, displacements, registers.
const Bytes modrms = [] {
  Bytes bytes;
  for (int reg = 0; reg < 8; ++reg) {
    for (const int rest : {0x00, 0x04, 0x05, 0x41, 0x44, 0x82, 0x84, 0xc0, 0xc1, 0xc2, 0xc5, 0xc7}) {
      bytes.push_back(static_cast<std::uint8_t>(reg << 3 | rest));
    }
  }
  return bytes;
}();

Bytes bytes_of(std::initializer_list<int> numbers) {
  Bytes bytes;
  for (const int number : numbers) bytes.push_back(static_cast<std::uint8_t>(number));
  return bytes;
}

void check_modrms(Comparison& comparison, Bytes head, const Bytes& those) {
  const std::size_t at = head.size();
  head.insert(head.end(), {0, 0x1d, 1, 2, 3, 4, 5, 6, 7, 8, 9});
  for (const std::uint8_t modrm : those) {
    head[at] = modrm;
    comparison.check(span_of(head));
  }
}

TEST(IsaX86, AgreesWithZydisOnEachLegacyOpcode) {
  Comparison comparison;
  Bytes all(256);
  for (std::size_t i = 0; i < 256; ++i) all[i] = static_cast<std::uint8_t>(i);
  const std::vector<Bytes> prefixes = {{},           {0x66},       {0xf3},       {0xf2}, {0x48},
                                       {0x66, 0x48}, {0xf3, 0x48}, {0xf2, 0x4f}, {0xf0}, {0xf0, 0x66, 0x45},
                                       {0x66, 0xf3}, {0xf2, 0x66}, {0x67},       {0x44}, {0xf3, 0xf2}};
  const std::vector<Bytes> maps = {{}, {0x0f}, {0x0f, 0x38}, {0x0f, 0x3a}};
  for (const Bytes& prefix : prefixes) {
    for (const Bytes& map : maps) {
      for (int opcode = 0; opcode < 256; ++opcode) {
        Bytes head = prefix;
        head.insert(head.end(), map.begin(), map.end());
        head.push_back(static_cast<std::uint8_t>(opcode));
        check_modrms(comparison, head, map.size() == 1 ? all : modrms);
      }
    }
  }
  EXPECT_GT(comparison.checked(), 2'000'000u);
}

TEST(IsaX86, AgreesWithZydisOnEachVexAndXopOpcode) {
  Comparison comparison;
  for (const int second : {0xe1, 0xe2, 0xe3, 0x63, 0xc2, 0xe0, 0xe4, 0xe8, 0xe9, 0xea}) {
    for (int opcode = 0; opcode < 256; ++opcode) {
      for (unsigned payload = 0; payload < 256; payload += (payload & 7) < 7 ? 1 : 0x71) {
        check_modrms(comparison,
                     bytes_of({(second & 31) >= 8 ? 0x8f : 0xc4, second, static_cast<int>(payload), opcode}),
                     {0x00, 0x0c, 0x15, 0x5c, 0xa4, 0xe9, 0xf2, 0xff, 0xc1});
      }
    }
  }
  EXPECT_GT(comparison.checked(), 300'000u);
}

TEST(IsaX86, AgreesWithZydisOnEachEvexOpcode) {
  Comparison comparison;
  for (const int first : {0xf1, 0xf2, 0xf3, 0xf5, 0xf6, 0x71, 0xd2, 0xe3, 0xf0, 0xf4, 0xf7, 0xf9}) {
    for (int opcode = 0; opcode < 256; ++opcode) {
      for (const int second : {0x7c, 0x7d, 0x7e, 0x7f, 0xfc, 0xfd, 0xfe, 0xff, 0x6d, 0xee}) {
        for (const int third :
             {0x08, 0x28, 0x48, 0x68, 0x18, 0x38, 0x58, 0x78, 0x09, 0x49, 0x89, 0xc8, 0xcb, 0x40, 0x51}) {
          check_modrms(comparison, bytes_of({0x62, first, second, third, opcode}),
                       {0x04, 0x0d, 0x9c, 0xe9, 0xf2, 0xdb});
        }
      }
    }
  }
  EXPECT_GT(comparison.checked(), 2'000'000u);
}

// Random bytes, most of them behind a byte that leads into one of the larger tables.
TEST(IsaX86, AgreesWithZydisOnRandomBytes) {
  Comparison comparison;
  std::mt19937_64 random(20240229);
  const Bytes leads = {0x62, 0xc4, 0xc5, 0x8f, 0x0f, 0x66, 0xf2, 0xf3, 0xf0, 0x48, 0x41, 0x67, 0x64};
  Bytes bytes(16);
  for (int round = 0; round < 1'000'000; ++round) {
    for (std::uint8_t& byte : bytes) byte = static_cast<std::uint8_t>(random());
    bytes[0] = leads[random() % leads.size()];
    if (bytes[0] == 0x62) {
      bytes[1] = static_cast<std::uint8_t>((bytes[1] & 0xf0) | (1 + random() % 6));
      bytes[2] |= 4;
    }
    comparison.check(span_of(bytes).first(1 + random() % 16));
  }
  EXPECT_EQ(comparison.checked(), 1'000'000u);
}

#if defined(__x86_64__)
// The C and C++ libraries, the sanitizers' and this test itself: all executable memory of the process that
// has a file.
TEST(IsaX86, AgreesWithZydisOnTheLibrariesOfThisProcess) {
  struct Sweep {
    Comparison comparison;
    std::size_t bytes = 0;
  } sweep;
  dl_iterate_phdr(
      [](dl_phdr_info* info, std::size_t, void* data) {
        auto& all = *static_cast<Sweep*>(data);
        for (int i = 0; i < info->dlpi_phnum; ++i) {
          const auto& segment = info->dlpi_phdr[i];
          if (segment.p_type != PT_LOAD || !(segment.p_flags & PF_X)) continue;
          const auto* begin = reinterpret_cast<const std::byte*>(info->dlpi_addr + segment.p_vaddr);
          ByteSpan code(begin, std::min<std::size_t>(segment.p_filesz, 4 << 20));
          all.bytes += code.size();
          while (!code.empty()) {
            all.comparison.check(code);
            code = code.subspan(std::max<std::size_t>(1, decode_x86(code).length));
          }
        }
        return 0;
      },
      &sweep);
  EXPECT_GT(sweep.bytes, 1u << 20);
}
#endif

}  // namespace
}  // namespace lathe
