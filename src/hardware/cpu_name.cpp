// SPDX-License-Identifier: MIT
#include "hardware/cpu_name.h"

#include <fmt/format.h>

#include <algorithm>
#include <span>
#include <vector>

#include "base/embedded.h"
#include "base/error.h"
#include "base/text.h"
#include "base/toml.h"
#include "hardware/instance.h"
#include "hardware/name_table.h"
#include "hardware/product_name.h"

namespace lathe::hardware_data {
std::span<const EmbeddedFile> cpu_names();
}

namespace lathe {
namespace {

struct Rule {
  std::vector<ProductPattern> patterns;
  const Cpu* cpu = nullptr;
  const Isa* isa = nullptr;
  std::string series;  // the products that it is about, where a number decides; "" for names as such
};

struct Way {
  const Rule* rule;
  const ProductPattern* pattern;
};

struct CpuNames {
  PatternSet noise;
  std::vector<Rule> families;  // by numbers of family and model, whole
  std::vector<Rule> rules;
  std::vector<std::vector<Way>> by_first{256};  // by the first character of a name
  std::vector<VagueName> vague;                 // names that more than one generation has
};

const Cpu* cpu_at(const Toml& row) {
  const Toml* name = row.find("cpu");
  return name ? row_named(*name, [](std::string_view text) { return catalog().find_cpu(text); }) : nullptr;
}

const Isa* isa_at(const Toml& row) {
  const Toml* name = row.find("isa");
  return name ? row_named(*name, [](std::string_view text) { return catalog().find_isa(text); }) : nullptr;
}

// What cpus.toml and isas.toml name are rules too, read as any name: "Intel N100" is "n100".
void add_catalogued(std::vector<Rule>& rules, const PatternSet& noise) {
  const auto literal = [&](const std::string& name) {
    return ProductPattern(without_words(clean_name(name), noise));
  };
  for (const Cpu& cpu : catalog().cpus) {
    Rule& rule = rules.emplace_back();
    rule.cpu = &cpu;
    rule.patterns.push_back(literal(cpu.name));
    for (const std::string& alias : cpu.aliases) rule.patterns.push_back(literal(alias));
  }
  for (const Isa& isa : catalog().isas) {
    Rule& rule = rules.emplace_back();
    rule.isa = &isa;
    rule.patterns.push_back(literal(isa.name));
  }
}

Rule rule_at(const Toml& row) {
  row.allow_only({"cpu", "isa", "series", "names", "source", "confidence"});
  Rule rule = {.patterns = patterns_of(row.at("names")),
               .cpu = cpu_at(row),
               .isa = isa_at(row),
               .series = row.text_or("series", "")};
  if ((rule.cpu == nullptr) == (rule.isa == nullptr)) row.fail("a row is about either a cpu or an isa");
  return rule;
}

CpuNames read_cpu_names() {
  CpuNames table;
  const Toml root = Toml::parse(hardware_data::cpu_names().front().text, "cpu_names.toml");
  root.allow_only({"noise", "series", "name", "family", "vague"});
  table.noise = PatternSet(patterns_of(root.at("noise")));
  add_catalogued(table.rules, table.noise);
  for (const char* kind : {"name", "series"}) {
    for (const Toml& row : root.at(kind).array()) table.rules.push_back(rule_at(row));
  }
  for (const Toml& row : root.at("family").array()) table.families.push_back(rule_at(row));
  table.vague = vague_names(root);
  for (std::size_t first = 0; first < table.by_first.size(); ++first) {
    for (const Rule& rule : table.rules) {
      for (const ProductPattern& pattern : rule.patterns) {
        if (pattern.may_begin_with(static_cast<char>(first)))
          table.by_first[first].push_back({&rule, &pattern});
      }
    }
  }
  return table;
}

const CpuNames& cpu_names() {
  static const CpuNames table = read_cpu_names();
  return table;
}

struct RuleMatch {
  const Rule* rule = nullptr;
  std::size_t from = 0;
  ProductPattern::Hit hit = {};
};

// The longest match at a word; of two the one with less left open.
RuleMatch best_match(std::string_view name, std::size_t at) {
  RuleMatch best = {.rule = nullptr, .from = at, .hit = {.end = at}};
  for (const Way& way : cpu_names().by_first[static_cast<unsigned char>(name[at])]) {
    const auto hit = way.pattern->match(name, at);
    if (hit && hit->better_than(best.hit)) best = {.rule = way.rule, .from = at, .hit = *hit};
  }
  return best;
}

// Of a CPU and an instruction set ("EPYC 7763 (avx2)") the CPU must run it.
bool agree(const RuleMatch& a, const RuleMatch& b) {
  if (a.rule->cpu && b.rule->cpu)
    return a.rule->cpu->machine == b.rule->cpu->machine && a.rule->cpu->isas == b.rule->cpu->isas;
  if (a.rule->isa && b.rule->isa) return a.rule->isa == b.rule->isa;
  if (!a.rule->cpu) return agree(b, a);
  return std::ranges::find(a.rule->cpu->isas, b.rule->isa->name) != a.rule->cpu->isas.end();
}

bool has_digit(std::string_view text) { return text.find_first_of("0123456789") != std::string_view::npos; }

// "8480", "13900k": what follows a product's number does not change the product, unless it has digits itself
// ("v4").
bool has_number(std::string_view text) {
  return std::ranges::count_if(text, [](char c) { return c >= '0' && c <= '9'; }) >= 3;
}

constexpr const char* give_flags =
    "give what the machine itself says: lscpu | torchlathe select --cpuinfo -, or --cpuinfo FILE with its "
    "/proc/cpuinfo";

[[noreturn]] void fail_unknown(std::string_view text) {
  std::vector<std::string> names = catalog().isa_names();
  for (const Cpu& cpu : catalog().cpus) {
    names.push_back(cpu.name);
    names.insert(names.end(), cpu.aliases.begin(), cpu.aliases.end());
  }
  throw Error({.what = fmt::format("\"{}\" is neither a CPU nor an instruction set of the catalogue",
                                   printable(text)),
               .next = did_you_mean_text(text, names,
                                         fmt::format("see torchlathe catalog cpus; or {}", give_flags))});
}

void refuse_vague(std::string_view text, std::string_view name) {
  const VagueName* vague = find_vague(cpu_names().vague, name);
  if (!vague) return;
  throw VagueNameError(
      {.what = fmt::format("\"{}\" does not say which CPU it is: {}", printable(text), vague->why),
       .next = vague->hint.empty() ? give_flags : fmt::format("{}; {}", give_flags, vague->hint)});
}

struct Matches {
  std::vector<RuleMatch> found;
  std::string unread;
};

Matches all_matches(std::string_view name) {
  Matches all;
  for (std::size_t at = 0; at < name.size();) {
    const RuleMatch match = best_match(name, at);
    std::size_t end = match.hit.end;
    if (match.rule) {
      all.found.push_back(match);
    } else {
      end = std::min(name.find(' ', at), name.size());
      all.unread.append(all.unread.empty() ? "" : " ").append(name.substr(at, end - at));
    }
    at = std::min(end + 1, name.size());
  }
  return all;
}

// `detect` puts the machine behind the name: "13th Gen Intel(R) Core(TM) i9-13900K (x86_64)"; QEMU's list of
// models what a version differs in: "Intel Xeon Processor (Cascadelake) [ARCH_CAPABILITIES, no TSX]".
std::string_view without_machine(std::string_view text) {
  text = trim(text);
  text = trim(text.substr(0, text.find(" [", std::min<std::size_t>(text.size(), 1))));
  for (const std::string_view machine : {" (x86_64)", " (aarch64)"}) {
    if (text.ends_with(machine)) text.remove_suffix(machine.size());
  }
  return text;
}

std::optional<CpuReading> by_instance(std::string_view text) {
  const auto instance = read_instance_name(text);
  if (!instance || !instance->cpu) return std::nullopt;
  return CpuReading{.cpu = instance->cpu,
                    .isa = nullptr,
                    .derived = instance->cpu_is_one()
                                   ? fmt::format("the CPU in this machine of {}", instance->cloud)
                                   : instance->cpu_text()};
}

std::optional<CpuReading> by_family(std::string_view clean) {
  for (const Rule& rule : cpu_names().families) {
    if (any_whole(rule.patterns, clean))
      return CpuReading{.cpu = rule.cpu, .isa = nullptr, .derived = "by its family and model"};
  }
  return std::nullopt;
}

std::optional<CpuReading> by_rules(std::string_view text, std::string_view clean) {
  const std::string name = without_words(clean, cpu_names().noise);
  refuse_vague(text, name);
  const Matches matches = all_matches(name);
  if (matches.found.empty()) return std::nullopt;
  const auto cpu =
      std::ranges::find_if(matches.found, [](const RuleMatch& match) { return match.rule->cpu != nullptr; });
  const RuleMatch& first = cpu == matches.found.end() ? matches.found.front() : *cpu;
  for (const RuleMatch& other : matches.found) {
    if (agree(first, other)) continue;
    throw Error({.what = fmt::format("\"{}\" names two CPUs that differ: \"{}\" and \"{}\"", printable(text),
                                     name.substr(first.from, first.hit.end - first.from),
                                     name.substr(other.from, other.hit.end - other.from)),
                 .next = "name one of them"});
  }
  const bool numbered = has_number(std::string_view(name).substr(first.from, first.hit.end - first.from));
  if (!matches.unread.empty() && (!numbered || has_digit(matches.unread))) return std::nullopt;
  const Rule& rule = *first.rule;
  return CpuReading{.cpu = rule.cpu,
                    .isa = rule.isa,
                    .derived = rule.series.empty() ? "" : fmt::format("by its number one of {}", rule.series),
                    .unread = matches.unread};
}

}  // namespace

std::optional<CpuReading> find_cpu_name(std::string_view text) {
  if (auto reading = by_instance(text)) return reading;
  const std::string clean = clean_name(without_machine(text));
  if (auto reading = by_family(clean)) return reading;
  refuse_vague(text, clean);
  if (auto reading = by_rules(text, clean)) return reading;
  const std::string_view one = without_count(clean);
  return one.size() < clean.size() ? by_rules(text, one) : std::nullopt;
}

CpuReading read_cpu_name(std::string_view text) {
  auto reading = find_cpu_name(text);
  if (!reading) fail_unknown(text);
  return *reading;
}

}  // namespace lathe
