// SPDX-License-Identifier: MIT
#include "hardware/amd/amd_gpus.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <set>
#include <string>

namespace lathe {
namespace {

TEST(AmdGpus, FindsByNameNumberAndProduct) {
  EXPECT_EQ(amd_processor("gfx942")->number, 0x4cu);
  EXPECT_EQ(amd_processor(0x3f)->name, "gfx90a");
  EXPECT_EQ(amd_processor_of("mi300x")->name, "gfx942");
  EXPECT_EQ(amd_processor_of("Radeon RX 7900 XTX")->name, "gfx1100");
  EXPECT_EQ(amd_processor_of("00x"), nullptr) << "a part of a word";
  EXPECT_EQ(amd_processor("gfx1"), nullptr);
}

TEST(AmdGpus, RowsHoldTogether) {
  std::set<std::string> names;
  std::set<std::uint32_t> numbers;
  for (const AmdProcessor& one : amd_processors()) {
    EXPECT_TRUE(names.insert(one.name).second) << one.name;
    EXPECT_TRUE(numbers.insert(one.number).second) << one.name;
    EXPECT_FALSE(one.source.empty()) << one.name;
    if (one.generic_name.empty()) continue;
    ASSERT_NE(amd_processor(one.generic_name), nullptr) << one.name;
    const AmdProcessor& generic = *amd_processor(one.generic_name);
    EXPECT_TRUE(generic.generic) << one.name;
    // "gfx9-4-generic" serves gfx94x and what LLVM adds to it: all of the same major number.
    const auto major = [](const std::string& name) {
      return name.substr(3, name.size() > 6 && name[3] == '1' ? 2 : 1);
    };
    EXPECT_EQ(major(one.name), major(generic.name)) << one.name;
  }
}

}  // namespace
}  // namespace lathe
