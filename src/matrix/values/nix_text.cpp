// SPDX-License-Identifier: MIT
#include "matrix/values/nix_text.h"

#include <algorithm>
#include <array>
#include <utility>

namespace lathe {
namespace {

constexpr std::size_t longest = std::size_t{64} << 10;
constexpr int deepest = 100;

bool starts_name(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_'; }
bool in_name(char c) { return starts_name(c) || (c >= '0' && c <= '9') || c == '-' || c == '\''; }
bool is_blank(char c) { return c == ' ' || c == '\n' || c == '\t'; }

// Walks over Nix text once. What stands outside of all brackets, strings and comments is told to `outer`:
// each character, with its place; a string or a bracket there as its first character.
class Scanner {
 public:
  explicit Scanner(std::string_view text) : text_(text) {}

  std::string scan() {
    if (text_.size() > longest) return "is longer than 64 KiB";
    for (const char c : text_) {
      if (static_cast<unsigned char>(c) < 0x20 && c != '\n' && c != '\t') return "holds a control character";
    }
    code('\0', 0);
    return why_;
  }

  bool has_comment = false;
  // places of what stands outside of all brackets, without blanks and comments
  std::vector<std::size_t> outer;

 private:
  bool at(std::string_view what) const { return text_.substr(at_).starts_with(what); }
  void fail(std::string why) {
    if (why_.empty()) why_ = std::move(why);
    at_ = text_.size();
  }

  // Up to `closer`; '\0': the end of the text.
  void code(char closer, int depth) {
    if (depth > deepest) return fail("is nested too deeply");
    while (at_ < text_.size()) {
      const char c = text_[at_];
      if (c == closer) return void(++at_);
      if (is_blank(c)) ++at_;
      else if (c == '#') skip_line();
      else if (at("/*")) skip_comment();
      else step(c, depth);
    }
    if (closer != '\0') fail(std::string("has no \"") + closer + "\" that closes what it opens");
  }

  void step(char c, int depth) {
    if (depth == 0) outer.push_back(at_);
    if (c == '"') return quoted(depth);
    if (at("''")) return indented(depth);
    if (at("${")) return at_ += 2, code('}', depth + 1);
    if (starts_name(c)) return name();
    ++at_;
    if (c == '(') return code(')', depth + 1);
    if (c == '[') return code(']', depth + 1);
    if (c == '{') return code('}', depth + 1);
    if (c == ')' || c == ']' || c == '}') return fail(std::string("has a \"") + c + "\" that closes nothing");
  }

  void name() {
    while (at_ < text_.size() && in_name(text_[at_])) ++at_;
  }

  void skip_line() {
    has_comment = true;
    while (at_ < text_.size() && text_[at_] != '\n') ++at_;
  }

  void skip_comment() {
    has_comment = true;
    const std::size_t end = text_.find("*/", at_ + 2);
    if (end == std::string_view::npos) return fail("has a comment without an end");
    at_ = end + 2;
  }

  void quoted(int depth) {
    for (++at_; at_ < text_.size();) {
      if (text_[at_] == '"') return void(++at_);
      if (text_[at_] == '\\') at_ += 2;
      else if (at("$${")) at_ += 2;
      else if (at("${")) at_ += 2, code('}', depth + 1);
      else ++at_;
    }
    fail("has a string without an end");
  }

  void indented(int depth) {
    for (at_ += 2; at_ < text_.size();) {
      if (at("'''") || at("''$")) at_ += 3;
      else if (at("''\\")) at_ += 4;
      else if (at("''")) return void(at_ += 2);
      else if (at("$${")) at_ += 2;
      else if (at("${")) at_ += 2, code('}', depth + 1);
      else ++at_;
    }
    fail("has a string without an end");
  }

  std::string_view text_;
  std::size_t at_ = 0;
  std::string why_;
};

std::string_view name_at(std::string_view text, std::size_t at) {
  if (text[at] == '"') return text.substr(at + 1, text.find('"', at + 1) - at - 1);
  std::size_t end = at;
  while (end < text.size() && in_name(text[end])) ++end;
  return text.substr(at, end - at);
}

}  // namespace

std::string why_no_nix_expression(std::string_view text) {
  Scanner scanner(text);
  if (std::string why = scanner.scan(); !why.empty()) return why;
  if (scanner.outer.empty()) return "is empty";
  if (scanner.has_comment) return "holds a comment";
  const auto is = [&](std::size_t at, std::string_view word) { return name_at(text, at) == word; };
  const bool binds = std::ranges::any_of(
      scanner.outer, [&](std::size_t at) { return is(at, "let") || is(at, "with") || is(at, "assert"); });
  const bool ends = std::ranges::any_of(scanner.outer, [&](std::size_t at) { return text[at] == ';'; });
  return ends && !binds ? "holds a \";\" that ends more than itself" : "";
}

std::string why_no_nix_bindings(std::string_view text) {
  Scanner scanner(text);
  if (std::string why = scanner.scan(); !why.empty()) return why;
  if (scanner.outer.empty()) return "is empty";
  if (text[scanner.outer.back()] != ';') return "does not end with \";\"";
  return "";
}

std::vector<std::string> nix_bound_names(std::string_view bindings) {
  Scanner scanner(bindings);
  std::vector<std::string> names;
  if (!scanner.scan().empty()) return names;
  bool start = true, inherits = false;
  for (const std::size_t at : scanner.outer) {
    const bool word = starts_name(bindings[at]) || bindings[at] == '"';
    const std::string name = word ? std::string(name_at(bindings, at)) : "";
    if (start && name == "inherit") inherits = true;
    else if (word && (start || inherits) && std::ranges::find(names, name) == names.end())
      names.push_back(name);
    start = bindings[at] == ';';
    inherits = inherits && !start;
  }
  return names;
}

bool is_nix_name(std::string_view text) {
  static constexpr std::array<std::string_view, 9> keywords = {"if",  "then", "else", "assert", "with",
                                                               "let", "in",   "rec",  "inherit"};
  return !text.empty() && starts_name(text.front()) && std::ranges::all_of(text, in_name) &&
         std::ranges::find(keywords, text) == keywords.end();
}

bool is_package_path(std::string_view text) {
  if (!text.starts_with("pkgs.")) return false;
  for (std::size_t at = 0; at <= text.size();) {
    const std::size_t end = std::min(text.find('.', at), text.size());
    if (!is_nix_name(text.substr(at, end - at))) return false;
    at = end + 1;
  }
  return true;
}

}  // namespace lathe
