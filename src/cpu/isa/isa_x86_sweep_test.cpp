// SPDX-License-Identifier: MIT
#include "cpu/isa/isa_x86_sweep.h"

#include <gtest/gtest.h>
#include <link.h>

#include <algorithm>
#include <random>
#include <string>
#include <utility>

#include "cpu/isa/isa_x86.h"
#include "cpu/isa/isa_x86_automaton.h"
#include "cpu/isa/isa_x86_sweep_reference.h"

namespace lathe {
namespace {

using Kind = CodeEvent::Kind;
using Bytes = std::vector<std::uint8_t>;

ByteSpan span_of(const Bytes& bytes) { return std::as_bytes(std::span(bytes)); }

std::vector<CodeEvent> sweep(const Bytes& code, std::vector<std::size_t> restarts = {},
                             std::uint64_t address = 0x1000) {
  std::vector<CodeEvent> events;
  X86Sweep().sweep(span_of(code), address, 0, code.size(), restarts, events);
  return events;
}

TEST(IsaX86Sweep, ReportsCallsJumpsAndReferencesWithTheirTargets) {
  const Bytes code = {0xe8, 0xfb, 0,    0,    0,           // call 0x1100
                      0x48, 0x8d, 0x05, 0xf4, 1,    0, 0,  // lea 0x1200(%rip),%rax
                      0x48, 0x8b, 0x3d, 0xed, 2,    0, 0,  // mov 0x1300(%rip),%rdi
                      0xff, 0x15, 0xe7, 3,    0,    0,     // call *0x1400(%rip)
                      0xf2, 0xff, 0x25, 0xe0, 3,    0, 0,  // bnd jmp *0x1400(%rip)
                      0x0f, 0x84, 0xda, 4,    0,    0,     // je 0x1500
                      0xe9, 0xd5, 0xff, 0xff, 0xff,        // jmp back, inside
                      0x0f, 0xa2, 0x0f, 0x01, 0xd0};       // cpuid, xgetbv
  std::vector<std::pair<Kind, std::uint64_t>> got;
  for (const CodeEvent& event : sweep(code)) got.emplace_back(event.kind, event.target);
  const std::vector<std::pair<Kind, std::uint64_t>> want = {
      {Kind::call, 0x1100},      {Kind::reference, 0x1200}, {Kind::slot_load, 0x1300},
      {Kind::slot_call, 0x1400}, {Kind::slot_call, 0x1400}, {Kind::jump, 0x1500},
      {Kind::guard, 0},          {Kind::guard, 0}};
  EXPECT_EQ(got, want);
}

TEST(IsaX86Sweep, ReportsWhatNeedsMoreThanTheBaselineAndWhere) {
  const Bytes code = {0x90, 0xc5, 0xfc, 0x58, 0xc1, 0x90, 0x62, 0xf1,
                      0x7c, 0x48, 0x58, 0xc1, 0xf3, 0x0f, 0xb8, 0xc1};
  std::vector<std::pair<std::uint32_t, std::string>> got;
  for (const CodeEvent& event : sweep(code)) {
    EXPECT_EQ(event.kind, Kind::use);
    got.emplace_back(event.at, names_of(x86_needs(event.needs)));
  }
  EXPECT_EQ(got,
            (std::vector<std::pair<std::uint32_t, std::string>>{{1, "avx"}, {6, "avx512f"}, {12, "popcnt"}}));
}

TEST(IsaX86Sweep, GetsIntoStepAgainAfterDataAndAtRestarts) {
  Bytes code = {0x06, 0x06};                          // no instructions
  code.insert(code.end(), {0xc5, 0xfc, 0x58, 0xc1});  // vaddps
  code.insert(code.end(), {0x48, 0xb8});              // would eat what follows
  code.insert(code.end(), {0xc5, 0xfc, 0x58, 0xc1, 0xc3});
  std::vector<std::uint32_t> uses, bad;
  for (const CodeEvent& event : sweep(code, {8})) (event.kind == Kind::use ? uses : bad).push_back(event.at);
  EXPECT_EQ(uses, (std::vector<std::uint32_t>{2, 8}));
  EXPECT_EQ(bad, (std::vector<std::uint32_t>{0, 1, 6, 7}));
}

TEST(IsaX86Sweep, CountsInstructions) {
  std::vector<CodeEvent> events;
  const Bytes code = {0x90, 0x48, 0x89, 0xc3, 0x0f, 0x1f, 0x44, 0x00, 0x00, 0xc3};
  EXPECT_EQ(X86Sweep().sweep(span_of(code), 0, 0, code.size(), {}, events), 4u);
}

TEST(IsaX86Sweep, NeedsFewStates) { EXPECT_LE(x86::automaton().state_count(), 128u); }

std::vector<std::size_t> some_restarts(std::mt19937_64& random, std::size_t size, std::size_t apart) {
  std::vector<std::size_t> restarts;
  for (std::size_t at = random() % apart; at < size; at += 1 + random() % apart) restarts.push_back(at);
  return restarts;
}

TEST(IsaX86Sweep, EqualsTheDecoderOnRandomBytes) {
  std::mt19937_64 random(1);
  const Bytes leads = {0x62, 0xc4, 0xc5, 0x8f, 0x0f, 0x66, 0xf2, 0xf3, 0xf0, 0x48, 0x41, 0x67,
                       0x64, 0xe8, 0xe9, 0xff, 0x8b, 0x8d, 0x2e, 0x83, 0x05, 0x38, 0x3a};
  for (int round = 0; round < 30; ++round) {
    Bytes code(20000 + random() % 100);
    for (std::uint8_t& byte : code)
      byte = random() % 3 ? static_cast<std::uint8_t>(random()) : leads[random() % leads.size()];
    const auto restarts = some_restarts(random, code.size(), 1 + random() % 300);
    const std::size_t begin = random() % 50, end = code.size() - random() % 50;
    ASSERT_EQ(sweep_difference(span_of(code), 0x10000, begin, end, restarts), "");
  }
}

#if defined(__x86_64__)
TEST(IsaX86Sweep, EqualsTheDecoderOnTheLibrariesOfThisProcess) {
  std::vector<ByteSpan> segments;
  dl_iterate_phdr(
      [](dl_phdr_info* info, std::size_t, void* data) {
        for (int i = 0; i < info->dlpi_phnum; ++i) {
          const auto& segment = info->dlpi_phdr[i];
          if (segment.p_type != PT_LOAD || !(segment.p_flags & PF_X)) continue;
          const auto* begin = reinterpret_cast<const std::byte*>(info->dlpi_addr + segment.p_vaddr);
          static_cast<std::vector<ByteSpan>*>(data)->push_back(ByteSpan(begin, segment.p_filesz));
        }
        return 0;
      },
      &segments);
  std::mt19937_64 random(1);
  std::size_t bytes = 0;
  for (const ByteSpan segment : segments) {
    const ByteSpan code = segment.first(std::min<std::size_t>(segment.size(), 4 << 20));
    bytes += code.size();
    EXPECT_EQ(sweep_difference(code, 0, 0, code.size(), {}), "");
    EXPECT_EQ(sweep_difference(code, 0, 0, code.size(), some_restarts(random, code.size(), 500)), "");
  }
  EXPECT_GT(bytes, 1u << 20);
}
#endif

}  // namespace
}  // namespace lathe
