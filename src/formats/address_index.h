// SPDX-License-Identifier: MIT
// A library has hundreds of thousands of functions and of slots that the loader fills, and each is looked up
// by its address a few times: sorting them in linear time, and finding one in a few steps. Knows addresses
// only.
#pragma once

#include <cstdint>
#include <vector>

namespace lathe {

struct PlacedItem {
  std::uint64_t address = 0;
  std::uint32_t number = 0;
};

// By address; items of one address keep their order.
void sort_by_address(std::vector<PlacedItem>& items);

class AddressIndex {
 public:
  struct Range {
    std::uint64_t begin = 0, end = 0;  // [begin, end)
  };
  static constexpr std::uint32_t none = 0xffffffff;

  AddressIndex() = default;
  // `ranges`: in ascending order, none of them empty, none overlapping another.
  explicit AddressIndex(std::vector<Range> ranges);

  const Range& operator[](std::uint32_t number) const { return ranges_[number]; }

  // The number of the range that holds the address, or none.
  std::uint32_t at(std::uint64_t address) const {
    if (address - first_ >= span_) return none;
    std::uint32_t number = steps_.empty() ? search(address) : steps_[(address - first_) / step];
    while (ranges_[number].end <= address) ++number;
    return address < ranges_[number].begin ? none : number;
  }

 private:
  static constexpr std::uint64_t step = 256;
  std::uint32_t search(std::uint64_t address) const;

  std::vector<Range> ranges_;
  // for each step of address space: the first range that ends behind its start
  std::vector<std::uint32_t> steps_;
  std::uint64_t first_ = 0, span_ = 0;
};

}  // namespace lathe
