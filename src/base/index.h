// SPDX-License-Identifier: MIT
// A place in one kind of table: the compiler keeps it from being used in another.
//   using JobIndex = Index<struct JobTag>;
//   Rows<JobIndex, JobCost> costs;
#pragma once

#include <compare>
#include <cstddef>
#include <vector>

namespace lathe {

template <typename Tag>
struct Index {
  std::size_t value = 0;
  auto operator<=>(const Index&) const = default;
};

// A vector that is asked by its own kind of index alone. Several may share a kind: their rows belong
// together.
template <typename Id, typename Row>
class Rows : public std::vector<Row> {
 public:
  using Base = std::vector<Row>;
  using Base::Base;

  decltype(auto) operator[](Id id) { return Base::operator[](id.value); }
  decltype(auto) operator[](Id id) const { return Base::operator[](id.value); }
  decltype(auto) at(Id id) const { return Base::at(id.value); }

  std::vector<Id> ids() const {
    std::vector<Id> all(Base::size());
    for (std::size_t i = 0; i < all.size(); ++i) all[i] = {i};
    return all;
  }
};

}  // namespace lathe
