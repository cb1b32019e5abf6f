// SPDX-License-Identifier: MIT
#include "cpu/cpu_scan_names.h"

#include <algorithm>
#include <charconv>
#include <cstdint>
#include <cstring>
#include <map>
#include <span>
#include <utility>

#include "base/embedded.h"
#include "base/toml.h"

namespace lathe::cpu_data {
std::span<const EmbeddedFile> dispatch();
}

namespace lathe {
namespace {

constexpr std::size_t shortest_needle = 4;

void add_extensions(const Toml& row, const char* key, Machine machine, ExtensionSet& set) {
  const Toml* names = row.find(key);
  if (!names) return;
  for (const Toml& name : names->array()) {
    const auto extension = find_extension(name.text(), machine);
    if (!extension) name.fail("no such extension: " + name.text());
    set.set(static_cast<std::size_t>(*extension));
  }
}

std::map<std::string, ExtensionSet> read_named_levels(const Toml& file) {
  std::map<std::string, ExtensionSet> levels;
  for (const Toml& row : file.at("level").array()) {
    row.allow_only({"name", "includes", "x86_64", "aarch64", "all"});
    ExtensionSet set;
    if (row.flag_or("all", false)) set.set();
    add_extensions(row, "x86_64", Machine::x86_64, set);
    add_extensions(row, "aarch64", Machine::aarch64, set);
    if (const Toml* includes = row.find("includes")) {
      for (const std::string& name : includes->texts()) {
        if (!levels.contains(name)) includes->fail("no such level above: " + name);
        set |= levels[name];
      }
    }
    // Instructions that any processor runs are no surprise under any name.
    for (std::size_t i = 0; i < extension_count; ++i) {
      if (!decides(static_cast<Extension>(i))) set.set(i);
    }
    levels[row.at("name").text()] = set;
  }
  return levels;
}

std::uint32_t first_four(const char* text) {
  std::uint32_t word;
  std::memcpy(&word, text, sizeof word);
  return word;
}

std::vector<std::string> sorted(std::vector<std::string> names) {
  std::ranges::sort(names);
  return names;
}

}  // namespace

void DispatchNames::add_needles(const Toml& row, const char* key, Where where, std::size_t rule) {
  const Toml* texts = row.find(key);
  if (!texts) return;
  for (const Toml& text : texts->array()) {
    if (text.text().size() < shortest_needle) text.fail("a pattern has at least four characters");
    const std::uint32_t four = first_four(text.text().data());
    needles_[bucket_of(four)].push_back(
        {.text = text.text(), .first_four = four, .where = where, .rule = rule});
    used_[bucket_of(four)] = true;
  }
}

DispatchNames::DispatchNames(std::string_view toml, const std::string& file) : needles_(buckets) {
  const Toml root = Toml::parse(toml, file);
  root.allow_only({"level", "rule", "picked_file", "guard"});
  const auto levels = read_named_levels(root);
  for (const Toml& row : root.at("rule").array()) {
    row.allow_only(
        {"library", "contains", "starts", "ends", "with", "sources", "level", "source", "confidence"});
    const auto level = levels.find(row.at("level").text());
    if (level == levels.end()) row.at("level").fail("no such level: " + row.at("level").text());
    DispatchRule rule{
        .library = row.at("library").text(), .believed = level->second, .source = row.at("source").text()};
    if (const Toml* with = row.find("with")) rule.with = with->texts();
    add_needles(row, "contains", Where::anywhere, rules_.size());
    add_needles(row, "starts", Where::start, rules_.size());
    add_needles(row, "ends", Where::end, rules_.size());
    if (const Toml* sources = row.find("sources")) {
      for (const std::string& text : sources->texts())
        sources_.push_back({.text = text, .rule = rules_.size()});
    }
    rules_.push_back(std::move(rule));
  }
  const Toml& guard = root.at("guard");
  guard_functions_ = sorted(guard.at("functions").texts());
  guard_variables_ = sorted(guard.at("variables").texts());
  picked_files_ = root.at("picked_file").at("contains").texts();
  for (const auto* names : {&guard_functions_, &guard_variables_}) {
    for (const std::string& name : *names) longest_guard_ = std::max(longest_guard_, name.size());
  }
}

bool DispatchNames::matches(const Needle& needle, std::string_view name, std::size_t at) const {
  if (name.compare(at, needle.text.size(), needle.text) != 0) return false;
  if (needle.where == Where::start && at != 0) return false;
  if (needle.where == Where::end && at + needle.text.size() != name.size()) return false;
  const auto& with = rules_[needle.rule].with;
  return with.empty() ||
         std::ranges::any_of(with, [&](const std::string& text) { return name.find(text) != name.npos; });
}

const DispatchRule* DispatchNames::find_source(std::string_view source) const {
  if (source.empty()) return nullptr;
  const auto found =
      std::ranges::find_if(sources_, [&](const Needle& n) { return source.find(n.text) != source.npos; });
  return found == sources_.end() ? nullptr : &rules_[found->rule];
}

const DispatchRule* DispatchNames::find(std::string_view name, std::string_view source) const {
  std::size_t best = rules_.size();
  for (std::size_t at = 0; at + shortest_needle <= name.size(); ++at) {
    const std::uint32_t four = first_four(name.data() + at);
    const std::size_t bucket = bucket_of(four);
    if (!used_[bucket]) continue;
    for (const Needle& needle : needles_[bucket]) {
      if (needle.first_four == four && needle.rule < best && matches(needle, name, at)) best = needle.rule;
    }
  }
  return best < rules_.size() ? &rules_[best] : find_source(source);
}

bool DispatchNames::is_guard_function(std::string_view name) const {
  return name.size() <= longest_guard_ && std::ranges::binary_search(guard_functions_, name);
}
bool DispatchNames::is_picked_file(std::string_view path) const {
  if (path.find("/glibc-hwcaps/") != path.npos) return true;  // the loader picks: ld.so(8)
  std::string name(path.substr(path.rfind('/') + 1));
  for (char& letter : name)
    letter = letter >= 'A' && letter <= 'Z' ? static_cast<char>(letter - 'A' + 'a') : letter;
  return std::ranges::any_of(picked_files_,
                             [&](const std::string& text) { return name.find(text) != name.npos; });
}
bool DispatchNames::is_guard_variable(std::string_view name) const {
  return name.size() <= longest_guard_ && std::ranges::binary_search(guard_variables_, name);
}

namespace {

std::size_t after_digits(std::string_view text, std::size_t at) {
  while (at < text.size() && text[at] >= '0' && text[at] <= '9') ++at;
  return at;
}

// Behind "3Isa", a name with its length before it; `at` when there is none.
std::size_t after_name(std::string_view text, std::size_t at) {
  std::size_t length = 0;
  const std::size_t name = after_digits(text, at);
  if (name == at || name - at > 3) return at;
  std::from_chars(text.data() + at, text.data() + name, length);
  return length > 0 && name + length < text.size() ? name + length : at;
}

// Behind "3Isa" or "NS0_3IsaE" (S0_: something named before); `at` when there is none.
std::size_t after_type(std::string_view text, std::size_t at) {
  if (at >= text.size() || text[at] != 'N') return after_name(text, at);
  for (std::size_t part = at + 1; part < text.size();) {
    if (text[part] == 'E') return part + 1;
    const std::size_t end =
        text[part] == 'S' ? std::min(text.find('_', part), text.size() - 1) + 1 : after_name(text, part);
    if (end == part) return at;
    part = end;
  }
  return at;
}

}  // namespace

// L <type> <value> E: "LNS0_3IsaE2E", "L3Isa2E".
std::string without_enumerators(std::string_view mangled) {
  std::string text;
  std::size_t done = 0;
  for (std::size_t at = mangled.find('L'); at != mangled.npos; at = mangled.find('L', at + 1)) {
    const std::size_t value = after_type(mangled, at + 1), end = after_digits(mangled, value);
    if (value == at + 1 || end == value || end >= mangled.size() || mangled[end] != 'E') continue;
    text.append(mangled, done, value - done);
    done = end;
  }
  return done == 0 ? "" : text.append(mangled, done);
}

const DispatchNames& dispatch_names() {
  static const DispatchNames instance(cpu_data::dispatch().front().text, "dispatch.toml");
  return instance;
}

}  // namespace lathe
