// SPDX-License-Identifier: MIT
// Names of products, cleaned of what machines and people put around them, and patterns over cleaned names.
#pragma once

#include <bitset>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace lathe {

// bytes; a line of nvidia-smi or lspci is half of that
inline constexpr std::size_t longest_product_name = 400;

// In small letters, without (R), (TM) and marks; what is neither a letter, a digit, '+' nor a '.' between
// digits is one blank: "Intel(R) Core(TM) i9-13900K" becomes "intel core i9 13900k". Empty for a name that
// is too long.
std::string clean_name(std::string_view text);

// "2x epyc 9654", "8xh100", "xeon 6776p x2": the product without how many there are, which is at most 16
// (x64 and x86 are other words). Cleaned, as the answer.
std::string_view without_count(std::string_view name);

//   #        a digit                           @    a letter
//   [13a-c]  one of these characters           *    letters, digits and '+', the first no digit; or nothing
//   {a|b|}   one of these texts, or nothing    ' '  a blank or nothing; _  a blank
// All else is literal. Matches whole words: "e5 26## v4" in "xeon e5 2690 v4" and in "e52690v4".
class ProductPattern {
 public:
  struct Hit {
    std::size_t end = 0;
    std::size_t literals = 0;  // characters that had to be as written

    bool better_than(const Hit& other) const {
      return end != other.end ? end > other.end : literals > other.literals;
    }
  };

  explicit ProductPattern(std::string_view text);

  // The longest match that begins at `at`, which is the beginning of a word; of two the one with more
  // literals.
  std::optional<Hit> match(std::string_view name, std::size_t at) const {
    const bool may = at < name.size() ? begins_[static_cast<unsigned char>(name[at])] || empty_ : empty_;
    return may ? match_all(name, at) : std::nullopt;
  }
  bool may_begin_with(char c) const { return begins_[static_cast<unsigned char>(c)]; }
  bool whole(std::string_view name) const {
    const auto hit = match(name, 0);
    return hit && hit->end == name.size();
  }

 private:
  std::optional<Hit> match_all(std::string_view name, std::size_t at) const;

  std::string text_;
  std::bitset<256> begins_;  // characters that a match can begin with: most names are refused by their first
  bool empty_ = false;       // whether nothing at all may match
};

// Patterns of one meaning, found by their first character.
class PatternSet {
 public:
  PatternSet() : by_first_(256) {}
  explicit PatternSet(std::vector<ProductPattern> patterns);

  // where the longest match ends; `at` for none
  std::size_t longest(std::string_view name, std::size_t at) const;

 private:
  std::vector<ProductPattern> patterns_;
  std::vector<std::vector<std::uint32_t>> by_first_;  // indices into patterns_
};

// `name` without the words that these patterns match, longest first; one blank between the rest.
std::string without_words(std::string_view name, const PatternSet& noise);

}  // namespace lathe
