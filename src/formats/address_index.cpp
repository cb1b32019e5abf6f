// SPDX-License-Identifier: MIT
#include "formats/address_index.h"

#include <algorithm>
#include <array>
#include <utility>

namespace lathe {
namespace {

// More bits would save passes, but touch more pages at a time than the processor keeps translations for.
constexpr unsigned digit_bits = 8;
constexpr std::size_t digits = 1 << digit_bits;

// One pass of a radix sort.
void distribute(const std::vector<PlacedItem>& from, std::vector<PlacedItem>& to, std::uint64_t lowest,
                unsigned shift) {
  const auto digit = [&](const PlacedItem& item) { return (item.address - lowest) >> shift & (digits - 1); };
  std::array<std::size_t, digits + 1> starts{};
  for (const PlacedItem& item : from) ++starts[digit(item) + 1];
  for (std::size_t i = 1; i <= digits; ++i) starts[i] += starts[i - 1];
  for (const PlacedItem& item : from) to[starts[digit(item)]++] = item;
}

}  // namespace

void sort_by_address(std::vector<PlacedItem>& items) {
  if (std::ranges::is_sorted(items, {}, &PlacedItem::address)) return;
  const auto [lowest, highest] = std::ranges::minmax(items, {}, &PlacedItem::address);
  const std::uint64_t span = highest.address - lowest.address;
  std::vector<PlacedItem> other(items.size());
  for (unsigned shift = 0; shift < 64 && span >> shift; shift += digit_bits) {
    distribute(items, other, lowest.address, shift);
    items.swap(other);
  }
}

AddressIndex::AddressIndex(std::vector<Range> ranges) : ranges_(std::move(ranges)) {
  if (ranges_.empty()) return;
  first_ = ranges_.front().begin;
  span_ = ranges_.back().end - first_;
  // Ranges far apart would make the steps many: then at() searches.
  if (span_ / step > 64 * (ranges_.size() + 1024)) return;
  steps_.reserve(span_ / step + 1);
  std::uint32_t number = 0;
  for (std::uint64_t at = 0; at < span_; at += step) {
    while (ranges_[number].end - first_ <= at) ++number;
    steps_.push_back(number);
  }
}

std::uint32_t AddressIndex::search(std::uint64_t address) const {
  return static_cast<std::uint32_t>(std::ranges::upper_bound(ranges_, address, {}, &Range::end) -
                                    ranges_.begin());
}

}  // namespace lathe
