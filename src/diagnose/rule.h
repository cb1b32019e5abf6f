// SPDX-License-Identifier: MIT
// The causes of failed builds as data: rules.toml, read. Adding one is a row there and a log in tests/logs.
#pragma once

#include <memory>
#include <mutex>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/finding.h"
#include "diagnose/diagnose.h"
#include "diagnose/pattern.h"

namespace lathe {

// What a rule's match means for the build.
enum class Stage {
  cause,        // it ends a build
  hint,         // the tool's own guess at the cause: shown when no cause is known
  quiet,        // the build goes on, and its result is wrong
  unknown,      // an error that no rule knows: shown when no cause is known
  consequence,  // it comes after a cause: shown only when nothing above it is known
};

// An expression, without regard to case unless it says (?-i:...), that is compiled when it is first needed,
// by whichever thread: most logs need few of them.
class LazyPattern {
 public:
  explicit LazyPattern(std::string expression) : expression_(std::move(expression)) {}
  bool empty() const { return expression_.empty(); }
  bool matches(std::string_view text) const { return !empty() && get().matches(text); }
  const TextPattern& get() const;

 private:
  struct Compiled {
    std::once_flag once;
    std::optional<TextPattern> pattern;
  };
  std::string expression_;
  std::unique_ptr<Compiled> compiled_ = std::make_unique<Compiled>();
};

struct RuleMatch {
  std::string find;        // literal that brings a line to attention, in any case of letters
  unsigned line_ends = 0;  // that the literal starts with: it stands at the start of a line
  LazyPattern pattern;
  LazyPattern unless;              // empty: no exception
  unsigned before = 0, after = 0;  // lines that are matched together with it
};

// Another text to look for near a match: the file that was compiled when the compiler died.
struct RuleContext {
  std::string name;
  bool before = true;
  unsigned lines = 200;
  LazyPattern pattern;
  std::string text;  // "{name}" becomes this when it was found, else nothing
};

// What a rule says where the log is known to be of a CPU build, of a GPU build, or of neither: other texts,
// another severity, or nothing, because what it finds is as it should be. A text that is empty stays as it
// is.
struct RuleOf {
  BuildTold::Kind kind = BuildTold::Kind::unknown;
  bool holds = true;
  std::optional<Severity> severity = {};
  std::string cause = {}, fix = {};  // templates that may name {gpus}, {cuda} and {isa} too
};

// Would another build on the same machine fail of it too?
enum class Shared {
  no,
  same_text,  // if it would say the same: an address that is gone
  always,     // a full disk
};

struct LogRule {
  std::string name;
  Stage stage = Stage::cause;
  Severity severity = Severity::error;
  bool once = false;  // only its first match is of interest
  Shared shared = Shared::no;
  std::string what, cause, fix, source;  // templates
  std::vector<std::string> absorbs;
  LazyPattern unless{""};  // no match whose own line matches this
  std::vector<RuleMatch> matches;
  std::vector<RuleContext> contexts;
  std::vector<RuleOf> of;
};

struct LogRules {
  std::vector<LogRule> rules;
  // lines that say nothing, whatever they hold: tests that passed, downloads that are tried again
  LazyPattern harmless{""};
};

// Of Diagnosis::shared: what is said of a log of this rule.
std::string shared_of(const LogRule& rule, std::string_view what);

LogRules read_diagnose_rules(std::string_view toml, const std::string& file);

// "{name}", "{name|dotted}", "{name|digits}" of a template filled in; a name that was not captured is empty,
// or, of "{name?text}", that text; "{{" is "{".
std::string fill_in(std::string_view text, const Captures& captures);

// A template as it reads without a log: "the library {library} is not there" has LIBRARY, phrases that may
// be left out are.
std::string without_log(std::string_view text);

}  // namespace lathe
