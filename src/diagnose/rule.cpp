// SPDX-License-Identifier: MIT
#include "diagnose/rule.h"

#include <algorithm>
#include <cctype>
#include <iterator>
#include <utility>

#include "base/text.h"
#include "base/toml.h"

namespace lathe {
namespace {

Stage read_stage(const Toml& value) {
  if (value.text() == "cause") return Stage::cause;
  if (value.text() == "hint") return Stage::hint;
  if (value.text() == "quiet") return Stage::quiet;
  if (value.text() == "unknown") return Stage::unknown;
  if (value.text() == "consequence") return Stage::consequence;
  value.fail("a stage is cause, hint, quiet, unknown or consequence");
}

Shared shared_of(const Toml& table) {
  const Toml* value = table.find("shared");
  if (!value) return Shared::no;
  if (value->text() == "always") return Shared::always;
  if (value->text() == "same-text") return Shared::same_text;
  value->fail("shared is always or same-text");
}

Severity severity_of(const Toml& table) {
  const std::string text = table.text_or("severity", "error");
  if (text == "error") return Severity::error;
  return text == "warning" ? Severity::warning : Severity::note;
}

RuleMatch read_match(const Toml& table) {
  table.allow_only({"find", "pattern", "unless", "before", "after"});
  const std::string find = table.at("find").text();
  return {.find = find,
          .line_ends = static_cast<unsigned>(std::min(find.find_first_not_of('\n'), find.size())),
          .pattern = LazyPattern(table.at("pattern").text()),
          .unless = LazyPattern(table.text_or("unless", "")),
          .before = static_cast<unsigned>(table.integer_or("before", 0)),
          .after = static_cast<unsigned>(table.integer_or("after", 0))};
}

RuleContext read_context(const Toml& table) {
  table.allow_only({"name", "side", "lines", "pattern", "text"});
  return {.name = table.at("name").text(),
          .before = table.text_or("side", "before") == "before",
          .lines = static_cast<unsigned>(table.integer_or("lines", 200)),
          .pattern = LazyPattern(table.at("pattern").text()),
          .text = table.at("text").text()};
}

BuildTold::Kind kind_of(const Toml& value) {
  if (value.text() == "unknown") return BuildTold::Kind::unknown;
  if (value.text() == "cpu") return BuildTold::Kind::cpu;
  if (value.text() == "gpu") return BuildTold::Kind::gpu;
  value.fail("a kind of build is unknown, cpu or gpu");
}

RuleOf read_of(const Toml& table) {
  table.allow_only({"kind", "holds", "severity", "cause", "fix"});
  RuleOf of{.kind = kind_of(table.at("kind")),
            .holds = table.flag_or("holds", true),
            .cause = table.text_or("cause", ""),
            .fix = table.text_or("fix", "")};
  if (table.find("severity")) of.severity = severity_of(table);
  return of;
}

LogRule read_rule(const Toml& table) {
  table.allow_only({"name", "stage", "severity", "once", "shared", "what", "cause", "fix", "source",
                    "absorbs", "unless", "match", "context", "of"});
  LogRule rule{.name = table.at("name").text(),
               .stage = read_stage(table.at("stage")),
               .severity = severity_of(table),
               .once = table.flag_or("once", false),
               .shared = shared_of(table),
               .what = table.at("what").text(),
               .cause = table.at("cause").text(),
               .fix = table.at("fix").text(),
               .source = table.at("source").text(),
               .absorbs = {},
               .unless = LazyPattern(table.text_or("unless", "")),
               .matches = {},
               .contexts = {},
               .of = {}};
  if (const Toml* absorbs = table.find("absorbs")) rule.absorbs = absorbs->texts();
  for (const Toml& match : table.at("match").array()) rule.matches.push_back(read_match(match));
  if (const Toml* contexts = table.find("context")) {
    for (const Toml& context : contexts->array()) rule.contexts.push_back(read_context(context));
  }
  if (const Toml* of = table.find("of")) {
    for (const Toml& each : of->array()) rule.of.push_back(read_of(each));
  }
  return rule;
}

// sm_90, compute_90a, 90, SM120, 12.0f -> 9.0, 9.0a, 9.0, 12.0, 12.0: the last digit is the minor. PyTorch
// up to 2.10 takes no family suffix. What holds no number stays.
std::string with_dot(std::string_view arch) {
  const std::size_t start = arch.find_first_of("0123456789");
  if (start == std::string_view::npos) return std::string(arch);
  const std::size_t end = std::min(arch.find_first_not_of("0123456789.", start), arch.size());
  std::string number(arch.substr(start, end - start));
  if (number.find('.') == std::string::npos && number.size() >= 2) number.insert(number.size() - 1, ".");
  return arch.substr(end).starts_with('a') ? number + "a" : number;
}

std::pair<std::string_view, std::string_view> halves(std::string_view text, char separator) {
  const std::size_t at = text.find(separator);
  if (at == std::string_view::npos) return {text, {}};
  return {text.substr(0, at), text.substr(at + 1)};
}

std::string filtered(const std::string& value, std::string_view filter) {
  if (filter == "dotted") return with_dot(value);
  if (filter == "digits") return replace_all(with_dot(value), ".", "");
  return value;
}

}  // namespace

const TextPattern& LazyPattern::get() const {
  std::call_once(compiled_->once, [this] { compiled_->pattern.emplace("(?i)" + expression_); });
  return *compiled_->pattern;
}

LogRules read_diagnose_rules(std::string_view toml, const std::string& file) {
  const Toml root = Toml::parse(toml, file);
  root.allow_only({"harmless", "rule"});
  LogRules all{.rules = {}, .harmless = LazyPattern(root.text_or("harmless", ""))};
  for (const Toml& table : root.at("rule").array()) all.rules.push_back(read_rule(table));
  return all;
}

std::string shared_of(const LogRule& rule, std::string_view what) {
  if (rule.shared == Shared::no) return "";
  return rule.shared == Shared::always ? rule.name : rule.name + ": " + std::string(what);
}

std::string fill_in(std::string_view text, const Captures& captures) {
  constexpr std::string_view in_braces = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ|?- ";
  std::string out;
  for (std::size_t at = 0; at < text.size(); ++at) {
    if (text.substr(at).starts_with("{{") || text.substr(at).starts_with("}}")) {
      out += text[at++];
      continue;
    }
    const std::size_t end =
        text[at] == '{' ? text.find_first_not_of(in_braces, at + 1) : std::string_view::npos;
    // "{ cudaSupport = true; }" stays as it is
    if (end == std::string_view::npos || text[end] != '}' || text[at + 1] == ' ') {
      out += text[at];
      continue;
    }
    const auto [expression, otherwise] = halves(text.substr(at + 1, end - at - 1), '?');
    const auto [name, filter] = halves(expression, '|');
    const auto found = captures.find(std::string(name));
    const bool known = found != captures.end() && !found->second.empty();
    out += known ? filtered(found->second, filter) : std::string(otherwise);
    at = end;
  }
  return out;
}

std::string without_log(std::string_view text) {
  Captures names;
  for (std::size_t at = text.find('{'); at != std::string_view::npos; at = text.find('{', at + 1)) {
    const std::size_t end = text.find_first_not_of("abcdefghijklmnopqrstuvwxyz", at + 1);
    const bool name = end != std::string_view::npos && end > at + 1 && (text[end] == '}' || text[end] == '|');
    // "needs{found}", "killed {program?a process}{near}"
    const bool phrase =
        at > 0 && (text[at - 1] == '}' || std::isalnum(static_cast<unsigned char>(text[at - 1])) != 0);
    if (!name || phrase) continue;
    std::string shown(text.substr(at + 1, end - at - 1));
    std::string& value = names[shown];
    std::ranges::transform(shown, std::back_inserter(value),
                           [](char c) { return static_cast<char>(c - 'a' + 'A'); });
  }
  return fill_in(text, names);
}

}  // namespace lathe
