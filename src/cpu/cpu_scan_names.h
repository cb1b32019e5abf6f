// SPDX-License-Identifier: MIT
// What data/dispatch.toml knows: which functions a library picks at run time, by their names, and the names
// of what asks the processor what it is.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "cpu/isa/isa.h"

namespace lathe {

struct DispatchRule {
  std::string library = {};    // "PyTorch, AVX2 kernels"
  ExtensionSet believed = {};  // what a function of that name may need
  std::vector<std::string> with = {};
  std::string source = {};
};

class DispatchNames {
 public:
  // The Error names the place of the mistake.
  DispatchNames(std::string_view toml, const std::string& file);

  // The first rule that the name belongs to; else the first one for the source file.
  const DispatchRule* find(std::string_view name, std::string_view source = {}) const;

  bool is_guard_function(std::string_view name) const;
  bool is_guard_variable(std::string_view name) const;
  // Does the name of a file, its folders left out, say that it is one of several for different processors?
  bool is_picked_file(std::string_view path) const;
  const std::vector<DispatchRule>& rules() const { return rules_; }

 private:
  enum class Where : std::uint8_t { anywhere, start, end };
  struct Needle {
    std::string text;
    std::uint32_t first_four = 0;
    Where where = Where::anywhere;
    std::size_t rule = 0;
  };
  void add_needles(const class Toml& row, const char* key, Where where, std::size_t rule);
  const DispatchRule* find_source(std::string_view source) const;
  bool matches(const Needle& needle, std::string_view name, std::size_t at) const;

  // By the first four characters of the needle: a name is walked once, whatever the number of rules.
  static constexpr std::size_t buckets = 4096;
  // Knuth's hash, upper 12 bits
  static std::size_t bucket_of(std::uint32_t four) { return four * 2654435761u >> 20; }

  std::vector<DispatchRule> rules_;
  std::vector<std::vector<Needle>> needles_;
  // is there a needle in the bucket? Small enough for the first-level cache
  std::array<bool, buckets> used_{};
  std::vector<Needle> sources_;
  std::vector<std::string> guard_functions_, guard_variables_;  // sorted
  std::vector<std::string> picked_files_;
  std::size_t longest_guard_ = 0;
};

// The mangled name with the values of its template arguments of enumeration types left out: what
// `f<Isa::avx2>` and `f<Isa::none>` have in common. "" when it has none.
std::string without_enumerators(std::string_view mangled);

const DispatchNames& dispatch_names();  // data/dispatch.toml, read once; thread-safe

}  // namespace lathe
