// SPDX-License-Identifier: MIT
#include "base/toml.h"

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <toml++/toml.h>

#include <algorithm>
#include <utility>

#include "base/outside_text.h"
#include "base/text.h"

namespace lathe {
namespace {

Place place_in_toml(const toml::source_region& source, const std::string& file) {
  return {.file = file, .line = source.begin.line, .column = source.begin.column};
}

void check_utf8(std::string_view text, const std::string& file) {
  const auto bad = first_bad_utf8(text);
  if (!bad) return;
  const std::string_view before = text.substr(0, *bad);
  const std::size_t line_start = before.rfind('\n') + 1;
  throw Error(
      {.what = fmt::format("byte 0x{:02x} is not UTF-8", static_cast<unsigned char>(text[*bad])),
       .where = {.file = file,
                 .line = static_cast<std::uint32_t>(std::count(before.begin(), before.end(), '\n') + 1),
                 .column = static_cast<std::uint32_t>(before.size() - line_start + 1)},
       .next = "save the file as UTF-8"});
}

// Limits of what is handed to toml++ and to the recursion below, which both need stack for each level: a
// table header, a key and each bracket around them may go this deep. Real files go 4 deep.
constexpr std::size_t most_key_parts = 32, most_brackets = 32;

// Walks over TOML as far as it takes to know keys from strings and comments.
class DepthCheck {
 public:
  DepthCheck(std::string_view text, const std::string& file) : text_(text), file_(file) {}

  void run() {
    while (at_ < text_.size()) {
      const char c = text_[at_];
      if (c == '"' || c == '\'') pass_string(c);
      else if (c == '#') at_ = std::min(text_.find('\n', at_), text_.size());
      else take(c);
    }
  }

 private:
  void take(char c) {
    if (c == '.') check(++dots_ < most_key_parts, fmt::format("a key of more than {} parts", most_key_parts));
    if (std::string_view("=,[]{}\n").find(c) != std::string_view::npos) dots_ = 0;
    if (c == '[' || c == '{')
      check(++brackets_ <= most_brackets, fmt::format("brackets more than {} deep", most_brackets));
    if ((c == ']' || c == '}') && brackets_ > 0) --brackets_;
    ++at_;
  }

  // From its opening quote to behind the closing one. Up to two more quotes at the end of """text""" belong
  // to it.
  void pass_string(char quote) {
    const std::string three(3, quote);
    const bool long_one = text_.substr(at_).starts_with(three);
    const std::string_view end = long_one ? std::string_view(three) : std::string_view(three).substr(0, 1);
    for (at_ += end.size(); at_ < text_.size() && !text_.substr(at_).starts_with(end);) {
      if (!long_one && text_[at_] == '\n') return;  // not closed: the parser says so
      at_ += quote == '"' && text_[at_] == '\\' ? 2 : 1;
    }
    at_ = std::min(at_ + end.size(), text_.size());
    for (int more = 0; long_one && more < 2 && at_ < text_.size() && text_[at_] == quote; ++more) ++at_;
  }

  void check(bool good, std::string what) const {
    if (good) return;
    const std::string_view before = text_.substr(0, at_);
    throw Error({.what = std::move(what),
                 .where = {.file = file_,
                           .line = static_cast<std::uint32_t>(std::ranges::count(before, '\n') + 1),
                           .column = static_cast<std::uint32_t>(at_ - (before.rfind('\n') + 1) + 1)}});
  }

  std::string_view text_;
  const std::string& file_;
  std::size_t at_ = 0, dots_ = 0, brackets_ = 0;
};

}  // namespace

class TomlConverter {
 public:
  explicit TomlConverter(const std::string& file) : file_(file) {}

  Toml convert(const toml::node& node) {
    Toml result;
    result.where_ = place_in_toml(node.source(), file_);
    if (const auto* table = node.as_table()) {
      result.value_ = convert_table(*table);
    } else if (const auto* array = node.as_array()) {
      Toml::Array items;
      items.reserve(array->size());
      for (const toml::node& item : *array) items.push_back(convert(item));
      result.value_ = std::move(items);
    } else if (const auto* text = node.as_string()) {
      check_shown(printable_lines(text->get()) == text->get(), result.where_);
      result.value_ = text->get();
    } else if (const auto* integer = node.as_integer()) {
      result.value_ = integer->get();
    } else if (const auto* flag = node.as_boolean()) {
      result.value_ = flag->get();
    } else if (const auto* number = node.as_floating_point()) {
      result.value_ = number->get();
    }  // dates stay as they are: no key takes one, so each use of one fails with its place
    return result;
  }

 private:
  // Texts end up in recipes, whose language cannot spell out what an editor would obey.
  static void check_shown(bool shown, const Place& where) {
    if (shown) return;
    throw Error({.what = "a control character, or one that changes the direction of text",
                 .where = where,
                 .next = "take it out of the text"});
  }

  Toml::Table convert_table(const toml::table& table) {
    Toml::Table members;
    members.reserve(table.size());
    for (const auto& [key, value] : table) {
      check_shown(printable(key.str()) == key.str(), place_in_toml(key.source(), file_));
      members.push_back({.key = std::string(key.str()),
                         .where = place_in_toml(key.source(), file_),
                         .value = convert(value)});
    }
    // toml++ sorts by name; users think in the order of their file.
    std::ranges::stable_sort(members, {}, [](const Toml::Member& member) {
      return std::pair(member.where.line, member.where.column);
    });
    return members;
  }

  const std::string& file_;
};

Toml Toml::parse(std::string_view text, const std::string& file) {
  check_utf8(text, file);
  DepthCheck(text, file).run();
  try {
    return TomlConverter(file).convert(toml::parse(text, file));
  } catch (const toml::parse_error& error) {
    throw Error({.what = fmt::format("not valid TOML: {}", printable(error.description())),
                 .where = place_in_toml(error.source(), file)});
  }
}

std::string_view Toml::kind() const {
  static constexpr std::string_view names[] = {"a date or time", "text",     "a whole number", "a number",
                                               "true or false",  "an array", "a table"};
  return names[value_.index()];
}

void Toml::fail(std::string what, std::string next) const {
  throw Error({.what = std::move(what), .where = where_, .next = std::move(next)});
}

template <typename T>
const T& Toml::as(std::string_view wanted) const {
  if (const T* value = std::get_if<T>(&value_)) return *value;
  fail(fmt::format("{} expected here, this is {}", wanted, kind()));
}

const std::string& Toml::text() const { return as<std::string>("text in quotes"); }
std::int64_t Toml::integer() const { return as<std::int64_t>("a whole number"); }
bool Toml::flag() const { return as<bool>("true or false"); }
const Toml::Array& Toml::array() const { return as<Array>("an array"); }
const Toml::Table& Toml::table() const { return as<Table>("a table"); }

std::vector<std::string> Toml::texts() const {
  std::vector<std::string> result;
  for (const Toml& item : array()) result.push_back(item.text());
  return result;
}

std::vector<std::string> Toml::text_or_texts() const {
  return is_array() ? texts() : std::vector<std::string>{text()};
}

const Toml* Toml::find(std::string_view key) const {
  const Table& members = table();
  const auto found = std::ranges::find(members, key, &Member::key);
  return found == members.end() ? nullptr : &found->value;
}

const Toml& Toml::at(std::string_view key) const {
  if (const Toml* value = find(key)) return *value;
  fail(fmt::format("key \"{}\" is missing here", key));
}

std::string Toml::text_or(std::string_view key, std::string_view otherwise) const {
  const Toml* value = find(key);
  return value ? value->text() : std::string(otherwise);
}

std::int64_t Toml::integer_or(std::string_view key, std::int64_t otherwise) const {
  const Toml* value = find(key);
  return value ? value->integer() : otherwise;
}

bool Toml::flag_or(std::string_view key, bool otherwise) const {
  const Toml* value = find(key);
  return value ? value->flag() : otherwise;
}

void Toml::allow_only(std::span<const std::string_view> known) const {
  for (const Member& member : table()) {
    if (std::ranges::find(known, member.key) != known.end()) continue;
    const std::vector<std::string> candidates(known.begin(), known.end());
    throw Error({.what = fmt::format("unknown key \"{}\"", printable(member.key)),
                 .where = member.where,
                 .next = did_you_mean_text(member.key, candidates,
                                           fmt::format("known here: {}", fmt::join(candidates, ", ")))});
  }
}

}  // namespace lathe
