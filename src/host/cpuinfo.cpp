// SPDX-License-Identifier: MIT
#include "host/cpuinfo.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <charconv>
#include <initializer_list>
#include <optional>
#include <set>
#include <utility>
#include <vector>

#include "base/error.h"
#include "base/finding.h"
#include "base/json.h"
#include "base/text.h"
#include "hardware/catalog.h"
#include "hardware/cpu_name.h"
#include "host/cpu.h"
#include "host/sysctl.h"

namespace lathe {
namespace {

constexpr std::size_t largest = std::size_t{4} << 20;  // 896 processors of 1.5 kB each are 1.3 MB
constexpr JsonLimits json_limits = {.bytes = largest, .depth = 20};

using Words = std::vector<std::string>;

// A line "KEY : VALUE" with what was wrapped onto the lines after it.
struct Field {
  std::string key, value;
};

std::string small(std::string_view text) {
  std::string result(text);
  std::ranges::transform(result, result.begin(),
                         [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; });
  return result;
}

// Quotes of mails and chats in front of a line.
std::string_view unquoted(std::string_view line) {
  while (!line.empty() && (line.front() == '>' || line.front() == '|' || line.front() == ' '))
    line.remove_prefix(1);
  return trim(line);
}

// "avx51" and "2f": a terminal wraps within words. Two parts are one word where only the whole is a feature.
void append_wrapped(std::string& value, std::string_view more) {
  const std::size_t blank = value.rfind(' ');
  const std::string_view last =
      blank == std::string::npos ? std::string_view(value) : std::string_view(value).substr(blank + 1);
  const std::string_view first = more.substr(0, more.find(' '));
  const bool one = is_cpu_feature(std::string(last) + std::string(first)) && !is_cpu_feature(first);
  value.append(one ? "" : " ").append(more);
}

// What macOS says on many lines, as the lines of Linux that say the same.
void add_sysctl_fields(std::vector<Field>& fields) {
  std::string features;
  std::vector<Field> more;
  for (const Field& field : fields) {
    features += features_of_sysctl(field.key, small(field.value));
    if (field.key == "machdep.cpu.brand_string") more.push_back({"model name", field.value});
    if (field.key == "hw.ncpu" || field.key == "machdep.cpu.thread_count")
      more.push_back({"cpu(s)", field.value});
  }
  if (!features.empty()) more.push_back({"flags", std::move(features)});
  fields.insert(fields.end(), more.begin(), more.end());
}

std::vector<Field> fields_of_text(std::string_view text) {
  std::vector<Field> fields;
  for (const std::string_view raw : split(text, '\n')) {
    const std::string_view line = unquoted(raw);
    const std::size_t colon = line.find(':');
    if (colon != std::string_view::npos) {
      fields.push_back({small(trim(line.substr(0, colon))), std::string(trim(line.substr(colon + 1)))});
    } else if (!line.empty() && !fields.empty()) {
      append_wrapped(fields.back().value, line);
    }
  }
  add_sysctl_fields(fields);
  return fields;
}

// lscpu -J: {"lscpu": [{"field": "Flags:", "data": "fpu vme", "children": [...]}]}
void add_json_fields(const Json& json, std::vector<Field>& fields) {
  if (const auto* items = json.array()) {
    for (const Json& item : *items) add_json_fields(item, fields);
  }
  if (!json.object()) return;
  const Json* field = json.find("field");
  const Json* data = json.find("data");
  if (field && data && field->text() && data->text()) {
    std::string key = small(trim(*field->text()));
    if (key.ends_with(':')) key.pop_back();
    fields.push_back({std::move(key), *data->text()});
  }
  for (const char* inner : {"lscpu", "children"}) {
    if (const Json* value = json.find(inner)) add_json_fields(*value, fields);
  }
}

std::vector<Field> fields_of(std::string_view text, const std::string& file) {
  if (!trim(text).starts_with('{')) return fields_of_text(text);
  std::vector<Field> fields;
  add_json_fields(parse_json(text, file, json_limits), fields);
  return fields;
}

bool has(const Words& features, std::string_view name) {
  return std::ranges::find(features, name) != features.end();
}

// The flags of a line, whatever lscpu calls it in its user's language: what x86's or Arm's oldest features
// are in.
std::optional<Words> flags_of(const Field& field) {
  Words features;
  for (const std::string_view word : words(field.value)) features.push_back(small(word));
  const bool x86 = has(features, "fpu") && has(features, "cx8");
  const bool arm = has(features, "fp") && has(features, "asimd");
  const bool named = field.key == "flags" || field.key == "features";
  // macOS': see add_sysctl_fields
  if ((!x86 && !arm && !named) || field.key.starts_with("machdep.")) return std::nullopt;
  return features;
}

std::string first_value(const std::vector<Field>& fields, std::initializer_list<std::string_view> keys) {
  for (const std::string_view key : keys) {
    const auto found = std::ranges::find(fields, key, &Field::key);
    if (found != fields.end()) return found->value;
  }
  return "";
}

[[noreturn]] void fail(const std::string& file, std::string what) {
  throw Error({.what = std::move(what),
               .where = {.file = file},
               .next = "give the whole text of /proc/cpuinfo, or what lscpu prints"});
}

Machine machine_of(const std::vector<Words>& lists, const std::string& file) {
  bool x86 = false, arm = false;
  for (const Words& list : lists) {
    const bool is_arm = has(list, "asimd");
    if (!is_arm && !has(list, "lm")) {
      fail(file, has(list, "fpu") || has(list, "neon") ? "the flags are of a 32-bit machine, or cut off"
                                                       : "these are no CPU's flags");
    }
    (is_arm ? arm : x86) = true;
  }
  if (x86 && arm) fail(file, "the flags are of two kinds of machines");
  return arm ? Machine::aarch64 : Machine::x86_64;
}

// What all of them have, of the features that matter here.
Words common_features(const std::vector<Words>& lists) {
  std::set<std::string> common;
  for (const std::string& feature : lists.front()) {
    if (is_cpu_feature(feature)) common.insert(feature);
  }
  for (const Words& list : lists) {
    const std::set<std::string> here(list.begin(), list.end());
    std::erase_if(common, [&](const std::string& feature) { return !here.contains(feature); });
  }
  return {common.begin(), common.end()};
}

unsigned cores_in(const std::vector<Field>& fields) {
  const std::string said = first_value(fields, {"cpu(s)"});
  unsigned cores = 0;
  std::from_chars(said.data(), said.data() + said.size(), cores);
  if (cores > 0) return cores;
  return static_cast<unsigned>(std::ranges::count_if(fields, [](const Field& field) {
    return field.key == "processor" && field.value.find_first_not_of("0123456789") == std::string::npos;
  }));
}

// The flags count, the name does not. Flags that the CPU of that name lacks are likely another machine's.
void compare_with_name(const HostCpu& cpu, Findings& notes) {
  const Cpu* named = nullptr;
  try {
    named = read_cpu_name(cpu.name).cpu;
  } catch (const Error&) {
    return;  // a name that says nothing is why the flags were given
  }
  if (!named) return;
  for (const Isa* isa : usable_isas(cpu)) {
    if (named->machine == isa->machine && std::ranges::find(named->isas, isa->name) != named->isas.end())
      continue;
    notes.add(
        {.rule = "cpuinfo-name",
         .severity = Severity::warning,
         .what = fmt::format("the flags have {}, and {} ({}) does not", isa->name, cpu.name, named->name),
         .fix = "make sure that the flags and the name are of one machine"});
    return;
  }
}

}  // namespace

HostCpu read_cpuinfo(std::string_view text, const std::string& file, Findings& notes) {
  if (text.size() > largest) fail(file, "this is too long for a machine's /proc/cpuinfo");
  const std::vector<Field> fields = fields_of(text, file);
  std::vector<Words> lists;
  for (const Field& field : fields) {
    if (auto flags = flags_of(field)) lists.push_back(std::move(*flags));
  }
  if (lists.empty()) fail(file, "there are no CPU flags in this text");
  HostCpu cpu = {
      .machine = machine_of(lists, file), .features = common_features(lists), .cores = cores_in(fields)};
  if (cpu.machine == Machine::aarch64) cpu.name = arm_core_names(text);
  if (cpu.name.empty())
    cpu.name =
        printable(first_value(fields, {"model name", "modellname", "nom de modèle", "nombre del modelo"}));
  if (std::ranges::adjacent_find(lists, std::ranges::not_equal_to{}) != lists.end()) {
    notes.add({.rule = "cpuinfo-unlike",
               .severity = Severity::note,
               .what = "the processors have unlike flags: what all of them have counts",
               .fix = {}});
  }
  compare_with_name(cpu, notes);
  return cpu;
}

}  // namespace lathe
