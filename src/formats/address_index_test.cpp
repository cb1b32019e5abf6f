// SPDX-License-Identifier: MIT
#include "formats/address_index.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <random>

namespace lathe {
namespace {

TEST(AddressIndex, SortsWhateverTheSpanAndKeepsTheOrderOfEquals) {
  std::mt19937_64 random(7);
  for (const std::uint64_t span : {1ull, 300ull, 1ull << 33, ~0ull}) {
    std::vector<PlacedItem> items;
    for (std::uint32_t i = 0; i < 5000; ++i) items.push_back({.address = random() % span, .number = i});
    items.push_back({.address = span, .number = 5000});
    auto expected = items;
    std::ranges::stable_sort(expected, {}, &PlacedItem::address);
    sort_by_address(items);
    for (std::size_t i = 0; i < items.size(); ++i) {
      ASSERT_EQ(items[i].address, expected[i].address);
      ASSERT_EQ(items[i].number, expected[i].number);
    }
  }
}

TEST(AddressIndex, FindsTheRangeThatHoldsAnAddressAndNothingBetween) {
  const AddressIndex index(
      {{.begin = 0x1000, .end = 0x1010}, {.begin = 0x1010, .end = 0x1011}, {.begin = 0x3000, .end = 0x9000}});
  EXPECT_EQ(index.at(0xfff), AddressIndex::none);
  EXPECT_EQ(index.at(0x1000), 0u);
  EXPECT_EQ(index.at(0x100f), 0u);
  EXPECT_EQ(index.at(0x1010), 1u);
  EXPECT_EQ(index.at(0x1011), AddressIndex::none);
  EXPECT_EQ(index.at(0x8fff), 2u);
  EXPECT_EQ(index.at(0x9000), AddressIndex::none);
  EXPECT_EQ(AddressIndex().at(0), AddressIndex::none);
}

// Too far apart for a table of steps.
TEST(AddressIndex, FindsRangesAtBothEndsOfTheAddressSpace) {
  const AddressIndex index({{.begin = 0, .end = 2}, {.begin = ~0ull - 4, .end = ~0ull}});
  EXPECT_EQ(index.at(1), 0u);
  EXPECT_EQ(index.at(1ull << 40), AddressIndex::none);
  EXPECT_EQ(index.at(~0ull - 1), 1u);
  EXPECT_EQ(index.at(~0ull), AddressIndex::none);
}

}  // namespace
}  // namespace lathe
