// SPDX-License-Identifier: MIT
#include "nix/shell_flags.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "base/text.h"

namespace lathe {
namespace {

// A hostile script can double a variable in each line: what is longer than any real flag list is cut.
constexpr std::size_t longest_value = 16384;
constexpr int most_assignments = 10000;

bool starts_variable(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_'; }
bool continues_variable(char c) { return starts_variable(c) || (c >= '0' && c <= '9'); }
bool blank(char c) { return c == ' ' || c == '\t'; }
bool ends_command(char c) { return c == '\n' || c == ';' || c == '&' || c == '|'; }

class ScriptReader {
 public:
  ScriptReader(std::string_view script, ShellVariables& variables) : text_(script), variables_(variables) {}

  void run() {
    while (!done()) command();
  }

  std::vector<std::string> other_lines() && { return std::move(others_); }

 private:
  bool done() const { return at_ >= text_.size(); }
  char now() const { return text_[at_]; }

  // One command: its leading assignments are applied, the rest is passed over (quotes respected).
  void command() {
    while (!done() && (blank(now()) || ends_command(now()))) ++at_;
    if (!done() && now() == '#') return skip_line();
    const std::size_t start = at_;
    while (assignment() || keyword("export") || keyword("declare") || keyword("-x") || keyword("then") ||
           keyword("do")) {
    }
    const std::size_t rest = at_;
    skip_command();
    const std::string_view more = trim(text_.substr(rest, at_ - rest));
    if (made_by_command_ || (!more.empty() && !more.starts_with('#') && more != "then" && more != "do"))
      note_line(start);
    made_by_command_ = false;
  }

  // The line in which `place` lies.
  void note_line(std::size_t place) {
    const std::size_t before = place == 0 ? std::string_view::npos : text_.rfind('\n', place - 1);
    const std::size_t start = before == std::string_view::npos ? 0 : before + 1;
    std::string line(trim(text_.substr(start, std::max(text_.find('\n', place), place) - start)));
    if (std::ranges::find(others_, line) == others_.end()) others_.push_back(std::move(line));
  }

  bool keyword(std::string_view word) {
    if (!text_.substr(at_).starts_with(word)) return false;
    const std::size_t end = at_ + word.size();
    if (end >= text_.size() || !blank(text_[end])) return false;
    at_ = end;
    skip_blanks();
    return true;
  }

  bool assignment() {
    std::size_t end = at_;
    if (done() || !starts_variable(now()) || assignments_ >= most_assignments) return false;
    while (end < text_.size() && continues_variable(text_[end])) ++end;
    const bool adds = text_.substr(end).starts_with("+=");
    if (!adds && !text_.substr(end).starts_with("=")) return false;
    const std::string name(text_.substr(at_, end - at_));
    at_ = end + (adds ? 2 : 1);
    std::string value = word();
    made_by_command_ |= runs_command(value);
    if (adds) value.insert(0, variables_[name]);
    value.resize(std::min(value.size(), longest_value));
    variables_[name] = std::move(value);
    ++assignments_;
    skip_blanks();
    return true;
  }

  // $(command), but not $((arithmetic)).
  static bool runs_command(std::string_view value) {
    for (std::size_t at = value.find("$("); at != std::string_view::npos; at = value.find("$(", at + 1)) {
      if (!value.substr(at).starts_with("$((")) return true;
    }
    return value.find('`') != std::string_view::npos;
  }

  std::string word() {
    std::string result;
    while (!done() && !blank(now()) && !ends_command(now())) {
      const char c = text_[at_++];
      if (c == '\'') single_quoted(result);
      else if (c == '"') double_quoted(result);
      else if (c == '\\') escaped(result);
      else if (c == '$') reference(result);
      else result += c;
    }
    return result;
  }

  void escaped(std::string& result) {
    if (done()) return;
    if (now() != '\n') result += now();
    ++at_;
  }

  void single_quoted(std::string& result) {
    const std::size_t end = std::min(text_.find('\'', at_), text_.size());
    result += text_.substr(at_, end - at_);
    at_ = std::min(end + 1, text_.size());
  }

  void double_quoted(std::string& result) {
    while (!done() && now() != '"') {
      const char c = text_[at_++];
      if (c == '\\') escaped(result);
      else if (c == '$') reference(result);
      else result += c;
    }
    if (!done()) ++at_;
  }

  // After a `$`: a name, ${name}, ${name:-otherwise}, $((arithmetic)), $(command) or something else that
  // stays as it is.
  void reference(std::string& result) {
    if (text_.substr(at_).starts_with("((")) {
      const std::size_t end = std::min(text_.find("))", at_), text_.size() - 2) + 2;
      result.append("$").append(text_.substr(at_, end - at_));
      return void(at_ = end);
    }
    const bool braces = !done() && now() == '{';
    const std::size_t start = at_ + (braces ? 1 : 0);
    std::size_t end = start;
    while (end < text_.size() && continues_variable(text_[end])) ++end;
    std::size_t after = end;
    if (braces) {
      after = text_.find('}', end);
      if (after == std::string_view::npos || end == start) return void(result += '$');
      ++after;
    }
    if (end == start) return void(result += '$');
    const auto known = variables_.find(std::string(text_.substr(start, end - start)));
    if (known != variables_.end() && result.size() < longest_value) result += known->second;
    else if (known == variables_.end())
      result += unknown(text_.substr(start, end - start), text_.substr(end, braces ? after - 1 - end : 0));
    at_ = after;
  }

  // As it is written: ${NAME:+:$NAME} puts in more than the value. Nothing in the place of nothing is the
  // plain name.
  static std::string unknown(std::string_view name, std::string_view otherwise) {
    return otherwise.empty() || otherwise == ":-" || otherwise == "-"
               ? fmt::format("${}", name)
               : fmt::format("${{{}{}}}", name, otherwise);
  }

  void skip_blanks() {
    while (!done() && blank(now())) ++at_;
  }
  void skip_line() { at_ = std::min(text_.find('\n', at_), text_.size()); }

  void skip_command() {
    std::string ignored;
    while (!done() && !ends_command(now())) {
      const char c = text_[at_++];
      if (c == '\'') single_quoted(ignored);
      else if (c == '"') double_quoted(ignored);
      else if (c == '\\' && !done()) ++at_;
      else if (c == '#' && at_ >= 2 && blank(text_[at_ - 2])) skip_line();
      ignored.clear();
    }
  }

  std::string_view text_;
  ShellVariables& variables_;
  std::size_t at_ = 0;
  int assignments_ = 0;
  bool made_by_command_ = false;
  std::vector<std::string> others_;
};

}  // namespace

void apply_assignments(std::string_view script, ShellVariables& variables) {
  ScriptReader(script, variables).run();
}

std::vector<std::string> other_commands(std::string_view script) {
  ShellVariables ignored;
  ScriptReader reader(script, ignored);
  reader.run();
  return std::move(reader).other_lines();
}

std::vector<std::string> flag_words(std::string_view text) {
  std::vector<std::string> words;
  while (!text.empty()) {
    const std::size_t start = std::min(text.find_first_not_of(" \t\n"), text.size());
    text.remove_prefix(start);
    const std::size_t end = std::min(text.find_first_of(" \t\n"), text.size());
    if (end > 0 && text.front() != '$') words.emplace_back(text.substr(0, end));
    text.remove_prefix(end);
  }
  return words;
}

}  // namespace lathe
