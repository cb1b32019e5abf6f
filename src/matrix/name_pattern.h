// SPDX-License-Identifier: MIT
// The pattern of names, "{package}-python{python}-cpu-{isa}", split once: literal text and words in turn.
// Its words were checked when the matrix was read.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace lathe {

class NamePattern {
 public:
  explicit NamePattern(std::string_view text);

  // "package", the axes by their nesting, "matrix": all that a pattern may hold, and the number of each.
  static const std::vector<std::string>& known();
  static std::size_t number_of(std::string_view word);
  static constexpr std::size_t first_axis = 1;

  // `words` by their numbers; the literals are the pattern's own.
  using Words = std::vector<std::string>;
  void write(std::string& out, const Words& words) const;

 private:
  static constexpr std::size_t literal = static_cast<std::size_t>(-1);
  std::vector<std::pair<std::size_t, std::string>> parts_;
};

}  // namespace lathe
