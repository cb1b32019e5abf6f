// SPDX-License-Identifier: MIT
#include "nix/mentioned.h"

#include <algorithm>
#include <array>
#include <map>
#include <utility>

namespace lathe {
namespace {

constexpr std::array<std::string_view, 10> keywords{"assert", "else", "if",  "in",   "inherit",
                                                    "let",    "or",   "rec", "then", "with"};

bool starts_name(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_'; }
bool continues_name(char c) { return starts_name(c) || (c >= '0' && c <= '9') || c == '\'' || c == '-'; }

class Scanner {
 public:
  explicit Scanner(std::string_view text) : text_(text) { scan(); }

  TextNames finish() {
    sort_once(names_);
    sort_once(asked_names_);
    std::erase_if(names_, [](std::string_view name) { return std::ranges::binary_search(keywords, name); });
    made_.asked = std::ranges::any_of(asked_, [&](const Asked& asked) { return !is_written_set(asked); });
    return {.mentioned = std::move(names_),
            .asked = std::move(asked_names_),
            .defaulted = std::move(defaulted_),
            .made = made_};
  }

 private:
  enum class In : char { code, string, indented };

  // Inside one pair of braces, or of ${}: what was read last, and of the path that it belongs to, is a name
  // in it put together, is it the right side of `?`.
  struct Level {
    enum class Opened : char { braces, name, text } opened = Opened::braces;
    enum class Last : char { other, brace, comma, formal, name, dot, question } last = Last::other;
    bool made = false, asks = false;
    bool made_string = false;  // the string that is open, or was last
    // The name that the path begins with, while it has no other that is written; "": it begins with a value
    // that has no name.
    std::string_view base = {};
    std::size_t base_at = 0;
    std::vector<std::string_view> path = {};  // its names that are written
    int lets = 0;          // whose `in` has not come: names that are bound there are no keys
    bool applied = false;  // it may be an argument: `f base ? name` asks what f makes of it
    // the name for which this pair of braces is the whole value, in the outermost `let`
    std::string_view binds = {};
  };
  using Last = Level::Last;
  using Opened = Level::Opened;

  // `base ? ${name}`, `base.${name} or`.
  struct Asked {
    std::string_view base;
    std::size_t at;
  };
  // The `let` in which a name is a set that is written in place, for all that follows; and how often it is
  // bound otherwise.
  struct Binding {
    std::size_t from = 0;
    int sets = 0, others = 0;
  };

  // Such a set has the names that are written in it, here and in nixpkgs.
  bool is_written_set(const Asked& asked) const {
    const auto binding = bindings_.find(asked.base);
    return binding != bindings_.end() && binding->second.sets == 1 && binding->second.others == 0 &&
           asked.at > binding->second.from;
  }

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

  static void sort_once(std::vector<std::string_view>& names) {
    std::ranges::sort(names);
    names.erase(std::unique(names.begin(), names.end()), names.end());
  }

  Level& level() { return levels_.back(); }
  bool outermost() const { return levels_.size() == 1 && parentheses_ == 0; }
  void path_ends(Last last = Last::other) {
    level().last = last;
    level().made = level().asks = false;
    level().base = {};
    level().path.clear();
  }
  // All names of the path: as a key's, or what may be missing of it.
  void path_is_asked() { asked_names_.insert(asked_names_.end(), level().path.begin(), level().path.end()); }
  bool in_path() { return level().last == Last::dot || level().last == Last::question; }
  void path_name(bool made) {
    if (made == level().made) level().base = {};
    if (made && level().asks) asks();
    made_.taken = made_.taken || (made && !level().asks);
    level().made = level().made || made;
    level().last = Last::name;
    last_token_ = 'a';
  }
  void asks() { asked_.push_back({level().base, level().base_at}); }
  // `${...}` or a text, where code stands.
  void name_or_value(bool made) {
    if (in_path()) return path_name(made);
    path_ends(Last::name);
    level().made = made;  // a key, if = follows
    last_token_ = 'a';
  }

  // A name at the beginning of a path, and what may follow it where it is bound: `name:`, `name@`, `{ name,
  // name ? 1 }:`.
  void is_bound() {
    if (!level().base.empty()) ++bindings_[level().base].others;
  }
  void is_set_to() {
    if (!here("==") && level().lets == 0) path_is_asked();
    const std::string_view name =
        level().last == Last::name || level().last == Last::formal ? level().base : std::string_view();
    path_ends();
    sets_ = {};
    if (name.empty()) return;
    ++bindings_[name].others;
    if (outermost() && lets_ == 1) sets_ = name;
  }
  void set_is_whole() {
    Binding& binding = bindings_[closed_];
    --binding.others;
    ++binding.sets;
    binding.from = let_at_;
    closed_ = {};
  }

  void open_code(Opened opened, std::size_t length) {
    const bool whole = opened == Opened::braces && last_token_ == '=';
    open(In::code, length);
    levels_.push_back({.opened = opened,
                       .last = opened == Opened::braces ? Last::brace : Last::other,
                       .binds = whole ? sets_ : std::string_view()});
    last_token_ = '{';
  }
  void close_code() {
    close(1);
    if (level().last == Last::formal) is_bound();
    if (levels_.size() == 1) return path_ends();
    const Level closed = level();
    levels_.pop_back();
    last_token_ = closed.opened == Opened::braces ? '}' : 'a';
    closed_ = closed.binds;
    if (closed.opened == Opened::text) level().made_string = true;
    else if (closed.opened == Opened::name) name_or_value(true);
    else path_ends();
  }

  void sign(char c) {
    switch (c) {
      case ' ':
      case '\t':
      case '\r':
      case '\n': return;
      case '.': level().last = Last::dot; break;
      case ',':
        if (level().last == Last::formal) is_bound();
        path_ends(Last::comma);
        break;
      case '?': question(); break;
      case '=':
        if (!here("==") && level().made) made_.given = true;
        is_set_to();
        break;
      case ';':
        if (last_token_ == '}' && !closed_.empty()) set_is_whole();
        inherits_ = false;
        path_ends();
        break;
      case ':':
      case '@':
        is_bound();
        path_ends();
        break;
      case '(':
      case '[':
        ++parentheses_;
        path_ends();
        break;
      case ')':
      case ']':
        --parentheses_;
        path_ends();
        break;
      default: path_ends();
    }
    last_token_ = c;
  }

  void question() {
    const bool is_default = level().last == Last::formal;  // { a ? "text" }:
    if (is_default) {
      is_bound();
      asked_names_.push_back(level().base);
    }
    const std::string_view base = level().made || level().applied ? std::string_view() : level().base;
    path_ends(is_default ? Last::other : Last::question);
    if (is_default) return;
    level().asks = true;
    level().base = base;
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
    if (!before_or_.empty() && std::string_view(" \t\r\n").find(c) == std::string_view::npos) is_default();
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
    if (in_path()) return written_part(name);
    if (std::ranges::binary_search(keywords, name)) return keyword(name, start);
    const bool formal = level().last == Last::brace || level().last == Last::comma;
    path_ends(formal ? Last::formal : Last::name);
    if (inherits_) ++bindings_[name].others;
    if (inherits_ && level().lets == 0) asked_names_.push_back(name);
    level().base = name;
    level().path = {name};
    level().base_at = start;
    level().applied = std::string_view("(=;:!&|k").find(last_token_) == std::string_view::npos;
    last_token_ = 'a';
  }

  void written_part(std::string_view name) {
    if (level().asks) asked_names_.push_back(name);
    level().path.push_back(name);
    path_name(false);
  }

  void keyword(std::string_view name, std::size_t start) {
    if (name == "or" && level().made) asks();
    if (name == "or") path_is_asked();
    if (name == "or" && !level().path.empty()) before_or_ = level().path.back();
    if (name == "let") ++level().lets;
    if (name == "in" && level().lets > 0) --level().lets;
    path_ends();
    last_token_ = name == "or" ? 'a' : 'k';
    inherits_ = inherits_ || name == "inherit";
    if (!outermost()) return;
    // Before the outermost `let`, it may be one of two ways.
    if (name == "if" && lets_ == 0) lets_ = 2;
    if (name == "let" && lets_++ == 0) let_at_ = start;
    if (name == "in") --lets_;
  }

  // What comes behind `or`.
  void is_default() {
    const std::string_view name = std::exchange(before_or_, {});
    if (here("\"") || here("''")) defaulted_.texts.emplace(name);
    if (here("[")) defaulted_.lists.emplace(name);
    if (here("{")) defaulted_.sets.emplace(name);
  }

  void open_string() {
    open(In::string, 1);
    level().made_string = false;
    const std::size_t start = at_;
    if (at_ >= text_.size() || !starts_name(text_[at_])) return;
    while (at_ < text_.size() && continues_name(text_[at_])) ++at_;
    if (at_ >= text_.size() || text_[at_] != '"') return;
    names_.push_back(text_.substr(start, at_ - start));
    asked_names_.push_back(names_.back());
    ++bindings_[names_.back()].others;  // "name" = value;
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
    last_token_ = 'a';
  }

  std::string_view text_;
  std::size_t at_ = 0;
  std::vector<In> context_;
  std::vector<Level> levels_ = {{}};
  char last_token_ = ';';  // its last letter; a for a name or value, k for a keyword
  int parentheses_ = 0;    // and brackets
  int lets_ = 0;           // outermost ones whose `in` has not come
  std::size_t let_at_ = 0;
  bool inherits_ = false;
  // the name to the left of the last =; that of the last set which was closed
  std::string_view sets_, closed_;
  std::string_view before_or_;  // the last name of the path, until what is behind it is read
  DefaultedNames defaulted_;
  MadeNames made_;
  std::vector<Asked> asked_;
  std::map<std::string_view, Binding> bindings_;
  std::vector<std::string_view> names_, asked_names_;
};

}  // namespace

TextNames names_in(std::string_view text) { return Scanner(text).finish(); }

void DefaultedNames::add(const DefaultedNames& more) {
  texts.insert(more.texts.begin(), more.texts.end());
  lists.insert(more.lists.begin(), more.lists.end());
  sets.insert(more.sets.begin(), more.sets.end());
}

MadeNames& MadeNames::operator|=(const MadeNames& more) {
  asked = asked || more.asked;
  taken = taken || more.taken;
  given = given || more.given;
  return *this;
}

}  // namespace lathe
