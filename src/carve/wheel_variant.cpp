// SPDX-License-Identifier: MIT
#include "carve/wheel_variant.h"
#include "carve/plan/no_gpu.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <vector>

#include "base/error.h"
#include "base/json.h"
#include "base/text.h"
#include "device/contents.h"
#include "device/cuda_target.h"
#include "hardware/capability.h"
#include "hardware/catalog.h"
#include "hardware/compat.h"
#include "hardware/wheel_property.h"
#include "package/wheel_names.h"

namespace lathe {
namespace {

constexpr std::string_view schema = "https://variants-schema.wheelnext.dev/v0.2.0.json";
constexpr std::string_view gpu_space = "nvidia";
constexpr std::string_view gpu_provider = "nvidia-variant-provider>=0.0.1,<1.0.0";

constexpr std::string_view no_gpu_label = "nogpu";

// "gfx90axnackon": of AMD's, with how the GPU is set.
bool is_amd_label(std::string_view part) {
  return part.starts_with("gfx") && part.size() > 3 && is_digit(part[3]);
}

bool is_gpu_label(std::string_view part) {
  if (part == no_gpu_label || is_amd_label(part)) return true;
  if (!part.starts_with("sm")) return false;
  part.remove_prefix(2);
  if (part.ends_with("ptx")) part.remove_suffix(3);
  return !part.empty() && std::ranges::all_of(part, [](char c) { return c >= '0' && c <= '9'; });
}

bool is_cuda(const CarveTarget& target) { return target.device.vendor == cuda_target({}).vendor; }

// A version's local label has letters and digits alone.
std::string amd_label(Target device) {
  std::string label = replace_all(replace_all(spell(device), "+", "on"), "-", "off");
  std::erase(label, ':');
  return label;
}

std::string gpu_label(const CarveTarget& target) {
  if (is_no_gpu(target)) return std::string(no_gpu_label);
  if (!is_cuda(target)) return amd_label(target.device);
  return "sm" + spell(capability_of(target.device), Dialect::cmake) + (target.ptx ? "ptx" : "");
}

using Values = std::vector<std::string>;
using Properties = std::map<std::string, std::map<std::string, Values>>;  // by namespace, by feature

std::vector<DeviceCode> code_for(std::span<const CarveTarget> targets) {
  std::vector<DeviceCode> code;
  for (const CarveTarget& target : targets) {
    code.push_back({capability_of(target.device), CodeKind::cubin});
    if (target.ptx) code.push_back({capability_of(target.device), CodeKind::ptx});
  }
  return code;
}

[[noreturn]] void refuse(const std::string& what) {
  throw Error({.what = "the wheel's variant.json " + what,
               .where = {.file = std::string(variant_file_name)},
               .next = "carve the wheel that is not a variant yet"});
}

// What an earlier variant states, its GPUs left out.
Properties earlier_properties(const Json& document) {
  const Json* variants = document.find("variants");
  if (variants == nullptr || variants->object() == nullptr || variants->object()->size() != 1) {
    refuse("does not describe exactly one variant");
  }
  Properties properties;
  const Json& spaces = variants->object()->front().second;
  if (spaces.object() == nullptr) refuse("states no properties");
  for (const auto& [space, features] : *spaces.object()) {
    if (features.object() == nullptr) refuse("has a namespace without features");
    for (const auto& [feature, values] : *features.object()) {
      if (values.array() == nullptr) refuse("has a feature without a list of values");
      for (const Json& value : *values.array()) {
        if (value.text() == nullptr) refuse("has a value that is not text");
        if (space != gpu_space) properties[space][feature].push_back(*value.text());
      }
    }
  }
  return properties;
}

void write_again(JsonWriter& json, const Json& value) {
  if (value.object() != nullptr) {
    json.begin_object();
    for (const auto& [name, member] : *value.object()) {
      json.key(name);
      write_again(json, member);
    }
    json.end_object();
  } else if (value.array() != nullptr) {
    json.begin_array();
    for (const Json& item : *value.array()) write_again(json, item);
    json.end_array();
  } else if (value.text() != nullptr) {
    json.value(*value.text());
  } else if (const bool* flag = value.get<bool>()) {
    json.value(*flag);
  } else {
    json.null();  // the format has no numbers
  }
}

void write_providers(JsonWriter& json, const Json& earlier) {
  json.key("providers").begin_object();
  json.key(gpu_space).begin_object().member("requires", Values{std::string(gpu_provider)}).end_object();
  if (const Json* providers = earlier.find("providers");
      providers != nullptr && providers->object() != nullptr) {
    for (const auto& [space, provider] : *providers->object()) {
      if (space == gpu_space) continue;
      json.key(space);
      write_again(json, provider);
    }
  }
  json.end_object();
}

}  // namespace

std::string version_for(std::string_view version, std::span<const CarveTarget> targets,
                        std::string_view packing) {
  const std::size_t plus = version.find('+');
  std::string label;
  const auto add = [&](std::string_view part) { label += (label.empty() ? "" : ".") + std::string(part); };
  if (plus != std::string_view::npos) {
    for (const std::string_view part : split(version.substr(plus + 1), '.')) {
      const bool of_a_carve = targets.empty() ? part == packing : is_gpu_label(part);
      if (!of_a_carve) add(part);
    }
  }
  for (const CarveTarget& target : targets) add(gpu_label(target));
  if (targets.empty()) add(packing);
  return std::string(version.substr(0, plus)) + "+" + label;
}

std::string variant_label(std::string_view wished, std::span<const CarveTarget> targets) {
  if (!std::ranges::all_of(targets, is_cuda)) {
    throw Error({.what = "variants of wheels are written for NVIDIA's GPUs alone",
                 .next = "leave out --wheel-variant: the version's label names the GPU"});
  }
  const bool chosen = wished != "auto";
  std::string label = chosen ? std::string(wished) : wheel_label(code_for(targets), nullptr);
  if (is_variant_label(label)) return label;
  throw Error({.what = fmt::format("\"{}\" is not a label of a wheel variant", printable(label)),
               .where = {},
               .next = fmt::format("{} 1 to {} of a-z, 0-9, _ and . as in --wheel-variant ampere",
                                   chosen ? "it has" : "choose one that has", longest_variant_label)});
}

std::string wheel_variant_json(const std::string& label, std::span<const CarveTarget> targets,
                               std::string_view cuda, std::string_view earlier) {
  const Json before = earlier.empty() ? Json() : parse_json(earlier, std::string(variant_file_name));
  Properties properties = earlier.empty() ? Properties{} : earlier_properties(before);
  for (const WheelProperty& one : properties_of_build(code_for(targets), Version::parse(cuda), nullptr)) {
    properties[one.space][one.feature].push_back(one.value);
  }
  JsonWriter json;
  json.begin_object().member("$schema", schema);
  Values order = {std::string(gpu_space)};
  for (const auto& [space, features] : properties) {
    if (space != gpu_space) order.push_back(space);
  }
  json.key("default-priorities").begin_object().member("namespace", order).end_object();
  write_providers(json, before);
  json.key("variants").begin_object().key(label).begin_object();
  for (const auto& [space, features] : properties) {
    json.key(space).begin_object();
    for (const auto& [feature, values] : features) json.member(feature, values);
    json.end_object();
  }
  json.end_object().end_object().end_object();
  return json.take();
}

}  // namespace lathe
