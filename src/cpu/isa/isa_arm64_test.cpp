// SPDX-License-Identifier: MIT
#include "cpu/isa/isa_arm64.h"

#include <gtest/gtest.h>

#include <span>
#include <string>
#include <utility>

namespace lathe {
namespace {

using Kind = CodeEvent::Kind;

std::string needs_of(std::uint32_t word) { return names_of(arm64_needs(classify_arm64(word))); }

struct Known {
  std::uint32_t word;
  std::string needs;
};

// Words as `aarch64-linux-gnu-as` makes them.
const std::vector<Known> known = {
    {0xd503201f, "base"},      // nop
    {0xd503245f, "base"},      // bti c
    {0xd503233f, "base"},      // paciasp
    {0x885ffc20, "base"},      // ldaxr w0, [x1]
    {0x88dffc20, "base"},      // ldar w0, [x1]
    {0x4e22d420, "base"},      // fadd v0.4s, v1.4s, v2.4s
    {0x1ee24020, "base"},      // fcvt s0, h1
    {0x0ee2e020, "aes"},       // pmull v0.1q, v1.1d, v2.1d
    {0x0e22e020, "base"},      // pmull v0.8h, v1.8b, v2.8b
    {0xb8200041, "lse"},       // ldadd w0, w1, [x2]
    {0x88e0fc41, "lse"},       // casal w0, w1, [x2]
    {0xb8bfc020, "rcpc"},      // ldapr w0, [x1]
    {0x99400020, "rcpc2"},     // ldapur w0, [x1]
    {0x1ac24020, "crc"},       // crc32b w0, w1, w2
    {0x6e828420, "rdma"},      // sqrdmlah v0.4s, v1.4s, v2.4s
    {0x4e421420, "fp16"},      // fadd v0.8h, v1.8h, v2.8h
    {0x1ee22820, "fp16"},      // fadd h0, h1, h2
    {0x4e22ec20, "fp16fml"},   // fmlal v0.4s, v1.4h, v2.4h
    {0x4e829420, "dotprod"},   // sdot v0.4s, v1.16b, v2.16b
    {0x4e82a420, "i8mm"},      // smmla v0.4s, v1.16b, v2.16b
    {0x6e42fc20, "bf16"},      // bfdot v0.4s, v1.8h, v2.8h
    {0x1e634020, "bf16"},      // bfcvt h0, s1
    {0x1e7e0020, "jscvt"},     // fjcvtzs w0, d1
    {0x6e42c420, "fcma"},      // fcmla v0.8h, v1.8h, v2.8h, #0
    {0x4e284820, "aes"},       // aese v0.16b, v1.16b
    {0x5e024020, "sha2"},      // sha256h q0, q1, v2.4s
    {0xce020c20, "sha3"},      // eor3 v0.16b, v1.16b, v2.16b, v3.16b
    {0x04620020, "sve"},       // add z0.h, z1.h, z2.h
    {0x04226020, "sve2"},      // mul z0.b, z1.b, z2.b
    {0x44820020, "sve"},       // sdot z0.s, z1.b, z2.b
    {0x45029820, "i8mm+sve"},  // smmla z0.s, z1.b, z2.b
    {0x64628020, "bf16+sve"},  // bfdot z0.s, z1.h, z2.h
    {0x4522e020, "sve2-aes"},  // aese z0.b, z0.b, z1.b
    {0xc0904020, "sme"},       // addha za0.s, ...
    {0xd65f0bff, "pauth"},     // retaa
};

TEST(IsaArm64, KnowsTheExtensionOfEachKindOfInstruction) {
  for (const Known& row : known) EXPECT_EQ(needs_of(row.word), row.needs) << std::hex << row.word;
}

std::vector<CodeEvent> sweep(const std::vector<std::uint32_t>& words, std::uint64_t address) {
  std::vector<CodeEvent> events;
  const ByteSpan bytes = std::as_bytes(std::span(words));
  EXPECT_EQ(sweep_arm64(bytes, address, 0, bytes.size(), events), words.size());
  return events;
}

TEST(IsaArm64, ReportsCallsJumpsReferencesAndWhatAsksForTheProcessor) {
  const auto events = sweep({0x94000040,   // bl +0x100
                             0x17ffffff,   // b -4
                             0x90000001,   // adrp x1, this page
                             0x910c8021,   // add x1, x1, #0x320
                             0xb0000010,   // adrp x16, next page
                             0xf9400611,   // ldr x17, [x16, #8]
                             0xd61f0220,   // br x17
                             0xd5380400},  // mrs x0, id_aa64pfr0_el1
                            0x10000);
  std::vector<std::pair<Kind, std::uint64_t>> got;
  for (const CodeEvent& event : events) got.emplace_back(event.kind, event.target);
  const std::vector<std::pair<Kind, std::uint64_t>> want = {
      {Kind::call, 0x10100},      {Kind::jump, 0x10000},      {Kind::reference, 0x10320},
      {Kind::slot_load, 0x11008}, {Kind::slot_call, 0x11008}, {Kind::guard, 0}};
  EXPECT_EQ(got, want);
}

TEST(IsaArm64, FollowsAPageOnlyUntilItsRegisterChanges) {
  const auto events = sweep({0x90000001,   // adrp x1, this page
                             0xaa0203e1,   // mov x1, x2
                             0x910c8021},  // add x1, x1, #0x320: another address
                            0x10000);
  EXPECT_TRUE(events.empty());
}

}  // namespace
}  // namespace lathe
