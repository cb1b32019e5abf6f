// SPDX-License-Identifier: MIT
// A TOML file as a tree in which every value and every key knows its place, read through typed accessors
// that fail with file, line, column and a guess at what was meant. Used for the hardware tables and for
// matrix files alike.
#pragma once

#include <cstdint>
#include <initializer_list>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "base/error.h"

namespace lathe {

class Toml {
 public:
  struct Member;
  using Array = std::vector<Toml>;
  using Table = std::vector<Member>;  // in the file's order

  // The first bad thing in `text` (bad UTF-8, bad TOML, a repeated key, more than 64 levels) is an Error
  // with its place.
  static Toml parse(std::string_view text, const std::string& file);

  const Place& where() const { return where_; }
  bool is_table() const { return std::holds_alternative<Table>(value_); }
  bool is_array() const { return std::holds_alternative<Array>(value_); }
  bool is_flag() const { return std::holds_alternative<bool>(value_); }
  bool is_integer() const { return std::holds_alternative<std::int64_t>(value_); }

  // Each is an Error that names what was found, unless the value is of that type.
  const std::string& text() const;
  std::int64_t integer() const;
  bool flag() const;
  const Array& array() const;
  const Table& table() const;
  std::vector<std::string> texts() const;          // an array of strings
  std::vector<std::string> text_or_texts() const;  // one string, or an array of strings

  const Toml* find(std::string_view key) const;  // nullptr: this table has no such key
  const Toml& at(std::string_view key) const;    // Error: this table lacks it
  std::string text_or(std::string_view key, std::string_view otherwise) const;
  std::int64_t integer_or(std::string_view key, std::int64_t otherwise) const;
  bool flag_or(std::string_view key, bool otherwise) const;

  // An Error, with a guess, if this table has a key that is not among `known`.
  void allow_only(std::span<const std::string_view> known) const;
  void allow_only(std::initializer_list<std::string_view> known) const {
    allow_only(std::span(known.begin(), known.size()));
  }

  // An Error at this value's place.
  [[noreturn]] void fail(std::string what, std::string next = "") const;

 private:
  friend class TomlConverter;
  std::string_view kind() const;
  template <typename T>
  const T& as(std::string_view wanted) const;

  Place where_;
  std::variant<std::monostate, std::string, std::int64_t, double, bool, Array, Table> value_;
};

struct Toml::Member {
  std::string key;
  Place where;  // of the key
  Toml value;
};

}  // namespace lathe
