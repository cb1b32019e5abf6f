// SPDX-License-Identifier: MIT
#include "nix/mentioned.h"

#include <algorithm>
#include <array>

namespace lathe {
namespace {

constexpr std::array<std::string_view, 10> keywords{"assert", "else", "if",  "in",   "inherit",
                                                    "let",    "or",   "rec", "then", "with"};

// Functions that make a set with names that are values.
constexpr std::array<std::string_view, 11> makers{"foldAttrs", "fromJSON", "fromTOML", "genAttrs", "genAttrs'", "groupBy", "listToAttrs",
                                                  "mapAttrs'", "nameValuePair", "setAttrByPath", "zipAttrs"};

bool starts_name(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_'; }
bool continues_name(char c) { return starts_name(c) || (c >= '0' && c <= '9') || c == '\'' || c == '-'; }

class Scanner {
 public:
  explicit Scanner(std::string_view text) : text_(text) { scan(); }

  std::vector<std::string_view> names() {
    std::ranges::sort(names_);
    names_.erase(std::unique(names_.begin(), names_.end()), names_.end());
    std::erase_if(names_, [](std::string_view name) { return std::ranges::binary_search(keywords, name); });
    return std::move(names_);
  }

  MadeNames made() const {
    MadeNames made = made_;
    made.given = made.given || std::ranges::any_of(names_, [](std::string_view name) { return std::ranges::binary_search(makers, name); });
    return made;
  }

 private:
  void scan() {
    // What each open brace or string waits for; the innermost is last.
    while (at_ < text_.size()) {
      switch (context_.empty() ? In::code : context_.back()) {
        case In::code: code(); break;
        case In::string: string(); break;
        case In::indented: indented(); break;
      }
    }
  }

  enum class In : char { code, string, indented };

  // Inside one pair of braces, or of ${}: what was read last, and of the path that it belongs to, is a name in it put together, is it
  // the right side of `?`.
  struct Level {
    enum class Opened : char { braces, name, text } opened = Opened::braces;
    enum class Last : char { other, brace, comma, formal, name, dot, question } last = Last::other;
    bool made = false, asks = false;
    bool made_string = false;  // the string that is open, or was last
  };
  using Last = Level::Last;
  using Opened = Level::Opened;

  Level& level() { return levels_.back(); }
  void path_ends(Last last = Last::other) {
    level().last = last;
    level().made = level().asks = false;
  }
  bool in_path() { return level().last == Last::dot || level().last == Last::question; }
  void path_name(bool made) {
    if (made) (level().asks ? made_.asked : made_.taken) = true;
    level().made = level().made || made;
    level().last = Last::name;
  }
  // `${...}` or a text, where code stands.
  void name_or_value(bool made) {
    if (in_path()) return path_name(made);
    path_ends(Last::name);
    level().made = made;  // a key, if = follows
  }

  void open_code(Opened opened, std::size_t length) {
    open(In::code, length);
    levels_.push_back({.opened = opened, .last = opened == Opened::braces ? Last::brace : Last::other});
  }
  void close_code() {
    close(1);
    if (levels_.size() == 1) return path_ends();
    const Opened opened = level().opened;
    levels_.pop_back();
    if (opened == Opened::text) level().made_string = true;
    else if (opened == Opened::name) name_or_value(true);
    else path_ends();
  }

  void sign(char c) {
    switch (c) {
      case ' ': case '\t': case '\r': case '\n': return;
      case '.': level().last = Last::dot; return;
      case ',': return path_ends(Last::comma);
      case '?': {
        const bool is_default = level().last == Last::formal;  // { a ? "text" }:
        path_ends(is_default ? Last::other : Last::question);
        level().asks = !is_default;
        return;
      }
      case '=':
        if (!here("==") && level().made) made_.given = true;
        return path_ends();
      default: return path_ends();
    }
  }

  bool here(std::string_view wanted) const { return text_.substr(at_).starts_with(wanted); }
  void skip_past(std::string_view end) {
    const std::size_t found = text_.find(end, at_);
    at_ = found == std::string_view::npos ? text_.size() : found + end.size();
  }
  void open(In context, std::size_t length) {
    context_.push_back(context);
    at_ += length;
  }
  void close(std::size_t length) {
    if (!context_.empty()) context_.pop_back();
    at_ += length;
  }

  void code() {
    const char c = text_[at_];
    if (starts_name(c)) return name();
    if (c == '#') return skip_past("\n");
    if (here("/*")) return skip_past("*/");
    if (c == '"') return open_string();
    if (here("''")) return open(In::indented, 2);
    if (here("${")) return open_code(Opened::name, 2);
    if (c == '{') return open_code(Opened::braces, 1);
    if (c == '}') return close_code();
    sign(c);
    ++at_;
    while (c >= '0' && c <= '9' && at_ < text_.size() && continues_name(text_[at_])) ++at_;  // 9e1: no name
  }

  void name() {
    const std::size_t start = at_;
    while (at_ < text_.size() && continues_name(text_[at_])) ++at_;
    const std::string_view name = text_.substr(start, at_ - start);
    names_.push_back(name);
    if (in_path()) return path_name(false);
    if (name == "or" && level().made) made_.asked = true;
    const bool formal = level().last == Last::brace || level().last == Last::comma;
    const bool keyword = std::ranges::binary_search(keywords, name);
    path_ends(keyword ? Last::other : formal ? Last::formal : Last::name);
  }

  void open_string() {
    open(In::string, 1);
    level().made_string = false;
    const std::size_t start = at_;
    if (at_ >= text_.size() || !starts_name(text_[at_])) return;
    while (at_ < text_.size() && continues_name(text_[at_])) ++at_;
    if (at_ < text_.size() && text_[at_] == '"') names_.push_back(text_.substr(start, at_ - start));
  }

  void string() {
    if (text_[at_] == '\\') at_ += 2;
    else if (here("$$")) at_ += 2;
    else if (here("${")) open_code(Opened::text, 2);
    else if (text_[at_] == '"') close_string();
    else ++at_;
  }

  void close_string() {
    close(1);
    name_or_value(level().made_string);
  }

  void indented() {
    if (here("'''") || here("''$")) at_ += 3;
    else if (here("''\\")) at_ += 4;
    else if (here("$$")) at_ += 2;
    else if (here("${")) open_code(Opened::text, 2);
    else if (here("''")) close_indented();
    else ++at_;
  }

  void close_indented() {
    close(2);
    path_ends();
  }

  std::string_view text_;
  std::size_t at_ = 0;
  std::vector<In> context_;
  std::vector<Level> levels_ = {{}};
  MadeNames made_;
  std::vector<std::string_view> names_;
};

}  // namespace

std::vector<std::string_view> mentioned_names(std::string_view text) { return Scanner(text).names(); }

MadeNames made_names(std::string_view text) { return Scanner(text).made(); }

MadeNames& MadeNames::operator|=(const MadeNames& more) {
  asked = asked || more.asked;
  taken = taken || more.taken;
  given = given || more.given;
  return *this;
}

}  // namespace lathe
