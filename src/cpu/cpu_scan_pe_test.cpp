// SPDX-License-Identifier: MIT
#include <gtest/gtest.h>

#include <string>
#include <string_view>

#include "base/bytes.h"
#include "base/finding.h"
#include "cpu/cpu_scan.h"
#include "formats/pe.h"
#include "testing/pe_file.h"

namespace lathe {
namespace {

using namespace std::string_view_literals;

constexpr std::string_view avx2 = "\xc5\xfd\xfe\xc0\xc3"sv;  // vpaddd ymm0, ymm0, ymm0; ret

testing::PeParts with_avx2_at(std::size_t offset) {
  testing::PeParts parts{.entry = 0x20, .functions = {{0, 0x20}, {0x20, 0x40}, {0x40, 0x60}}};
  for (const std::size_t function : {0x00, 0x20, 0x40}) parts.code[function] = '\xc3';
  parts.code.replace(offset, avx2.size(), avx2);
  return parts;
}

CpuScan scan(const testing::PeMaker& made) {
  Findings findings;
  const Pe file = Pe::parse(as_byte_span(made.file), "made.dll");
  const auto code = cpu_code_of(file, findings);
  EXPECT_TRUE(code && findings.empty());
  return scan_cpu(*code, {.threads = 1});
}

TEST(CpuScanPe, WhatTheLoaderCallsIsNeeded) {
  const CpuScan found = scan(testing::PeMaker(with_avx2_at(0x20)));
  EXPECT_EQ(found.functions_by_reach[static_cast<std::size_t>(CpuReach::at_load)], 1u);
  EXPECT_TRUE(found.required.any());
}

TEST(CpuScanPe, AnExportHasItsName) {
  const CpuScan found = scan(testing::PeMaker(with_avx2_at(0)));
  ASSERT_EQ(found.kept.size(), 1u);
  EXPECT_EQ(found.kept[0].name, "run");
  EXPECT_EQ(found.kept[0].address, testing::pe_base + 0x1000);
}

TEST(CpuScanPe, FunctionsComeFromTheUnwindTable) {
  const CpuScan found = scan(testing::PeMaker(with_avx2_at(0x40)));
  EXPECT_EQ(found.functions, 3u);
  ASSERT_EQ(found.kept.size(), 1u);
  EXPECT_EQ(found.kept[0].name, "0x180001040");
}

TEST(CpuScanPe, BaselineCodeNeedsNothing) {
  testing::PeParts plain{.functions = {{0, 0x20}}};
  EXPECT_EQ(scan(testing::PeMaker(plain)).least_isa, "x86-64");
}

}  // namespace
}  // namespace lathe
