// SPDX-License-Identifier: MIT
#include "nix/mentioned.h"

#include <algorithm>
#include <array>

namespace lathe {
namespace {

constexpr std::array<std::string_view, 10> keywords{"assert", "else", "if",  "in",   "inherit",
                                                    "let",    "or",   "rec", "then", "with"};

bool starts_name(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_'; }
bool continues_name(char c) { return starts_name(c) || (c >= '0' && c <= '9') || c == '\'' || c == '-'; }

class Scanner {
 public:
  explicit Scanner(std::string_view text) : text_(text) {}

  std::vector<std::string_view> finish() {
    // What each open brace or string waits for; the innermost is last.
    while (at_ < text_.size()) {
      switch (context_.empty() ? In::code : context_.back()) {
        case In::code: code(); break;
        case In::string: string(); break;
        case In::indented: indented(); break;
      }
    }
    std::ranges::sort(names_);
    names_.erase(std::unique(names_.begin(), names_.end()), names_.end());
    std::erase_if(names_, [](std::string_view name) { return std::ranges::binary_search(keywords, name); });
    return std::move(names_);
  }

 private:
  enum class In : char { code, string, indented };

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
    if (c == '{') return open(In::code, 1);
    if (c == '}') return close(1);
    ++at_;
    while (c >= '0' && c <= '9' && at_ < text_.size() && continues_name(text_[at_])) ++at_;  // 9e1: no name
  }

  void name() {
    const std::size_t start = at_;
    while (at_ < text_.size() && continues_name(text_[at_])) ++at_;
    names_.push_back(text_.substr(start, at_ - start));
  }

  void open_string() {
    open(In::string, 1);
    const std::size_t start = at_;
    if (at_ >= text_.size() || !starts_name(text_[at_])) return;
    while (at_ < text_.size() && continues_name(text_[at_])) ++at_;
    if (at_ < text_.size() && text_[at_] == '"') names_.push_back(text_.substr(start, at_ - start));
  }

  void string() {
    if (text_[at_] == '\\') at_ += 2;
    else if (here("$$")) at_ += 2;
    else if (here("${")) open(In::code, 2);
    else if (text_[at_] == '"') close(1);
    else ++at_;
  }

  void indented() {
    if (here("'''") || here("''$")) at_ += 3;
    else if (here("''\\")) at_ += 4;
    else if (here("$$")) at_ += 2;
    else if (here("${")) open(In::code, 2);
    else if (here("''")) close(2);
    else ++at_;
  }

  std::string_view text_;
  std::size_t at_ = 0;
  std::vector<In> context_;
  std::vector<std::string_view> names_;
};

}  // namespace

std::vector<std::string_view> mentioned_names(std::string_view text) { return Scanner(text).finish(); }

}  // namespace lathe
