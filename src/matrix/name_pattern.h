// SPDX-License-Identifier: MIT
// The pattern of names, "{package}-python{python}-cpu-{isa}", split once: literal text and words in turn.
// Its words were checked when the matrix was read.
#pragma once

#include <array>
#include <cstddef>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace lathe {

class NamePattern {
 public:
  enum class Word { literal, package, pytorch, python, cuda, gpu, isa, matrix };

  explicit NamePattern(std::string_view text);

  // `words` by the numbers of Word; the literals are the pattern's own.
  using Words = std::array<std::string, 8>;
  void write(std::string& out, const Words& words) const;

 private:
  std::vector<std::pair<Word, std::string>> parts_;
};

}  // namespace lathe
