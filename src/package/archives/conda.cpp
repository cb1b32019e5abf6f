// SPDX-License-Identifier: MIT
#include "package/archives/conda.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>
#include <vector>

#include "base/error.h"
#include "base/json.h"
#include "package/archives/json_edit.h"
#include "base/text.h"

namespace lathe {
namespace {

constexpr std::string_view cuda_arch = "__cuda_arch";

Json object_of(std::string_view text, const std::string& file) {
  Json json = parse_json(text, file);
  if (!json.object()) throw Error({.what = "no JSON object", .where = {.file = file}});
  return json;
}

// CEP 26: names and versions of letters, digits and a few signs.
bool fits_a_file_name(std::string_view part) {
  return !part.empty() && part.front() != '.' && std::ranges::all_of(part, [](char c) {
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
           std::string_view("._+!-").find(c) != std::string_view::npos;
  });
}

bool constrains_cuda_arch(const Json& one) {
  return one.text() && (*one.text() == cuda_arch || one.text()->starts_with(std::string(cuda_arch) + " "));
}

// nullopt-like: null where the entry is gone.
Json path_with(const Json& entry, const std::map<std::string, CondaFile>& changed,
               const std::set<std::string>& gone) {
  const std::string path = entry.text_of("_path");
  if (gone.contains(path)) return Json();
  const auto found = changed.find(path);
  if (found == changed.end()) return entry;
  const Json hashed = json_with(entry, "sha256", json_text(to_hex(found->second.hash)));
  return json_without(json_with(hashed, "size_in_bytes", json_number(found->second.size)),
                      "sha256_in_prefix");
}

}  // namespace

CondaName conda_name(std::string_view index) {
  const Json json = object_of(index, "info/index.json");
  CondaName name{json.text_of("name"), json.text_of("version"), json.text_of("build")};
  if (fits_a_file_name(name.name) && fits_a_file_name(name.version) && fits_a_file_name(name.build) &&
      name.version.find('-') == std::string::npos && name.build.find('-') == std::string::npos)
    return name;
  throw Error({.what = fmt::format("its name, version and build are {}, {} and {}", printable(name.name),
                                   printable(name.version), printable(name.build)),
               .where = {.file = "info/index.json"},
               .next = "conda would refuse such a package: build it again"});
}

std::string conda_build_with(std::string_view build, std::string_view mark) {
  const std::size_t line = build.rfind('_');
  const std::string_view number = line == std::string_view::npos ? build : build.substr(line + 1);
  const bool numbered =
      !number.empty() && std::ranges::all_of(number, [](char c) { return c >= '0' && c <= '9'; });
  if (!numbered) return fmt::format("{}_{}", build, mark);
  if (line == std::string_view::npos) return fmt::format("{}_{}", mark, build);
  return fmt::format("{}_{}_{}", build.substr(0, line), mark, number);
}

std::string conda_index_with(std::string_view index, std::string_view build,
                             std::string_view least_capability) {
  const Json json = json_with(object_of(index, "info/index.json"), "build", json_text(build));
  if (least_capability.empty()) return json_line(json) + "\n";
  Json::Array constrains;
  const Json* old_ones = json.find("constrains");
  for (const Json& one : old_ones && old_ones->array() ? *old_ones->array() : Json::Array())
    if (!constrains_cuda_arch(one)) constrains.push_back(one);
  constrains.push_back(json_text(fmt::format("{} >={}", cuda_arch, least_capability)));
  return json_line(json_with(json, "constrains", Json(Json::Value(std::move(constrains))))) + "\n";
}

std::string conda_paths_with(std::string_view paths, const std::map<std::string, CondaFile>& changed,
                             const std::set<std::string>& gone) {
  const Json json = object_of(paths, "info/paths.json");
  const Json* list = json.find("paths");
  if (!list || !list->array())
    throw Error({.what = "it has no list of paths", .where = {.file = "info/paths.json"}});
  Json::Array now;
  for (const Json& entry : *list->array()) {
    if (Json one = path_with(entry, changed, gone); !one.is_null()) now.push_back(std::move(one));
  }
  return json_line(json_with(json, "paths", Json(Json::Value(std::move(now))))) + "\n";
}

std::string conda_files_without(std::string_view files, const std::set<std::string>& gone) {
  std::string now;
  while (!files.empty()) {
    const std::size_t end = std::min(files.find('\n'), files.size());
    const std::string line(files.substr(0, end));
    const std::string_view whole = files.substr(0, std::min(end + 1, files.size()));
    if (!gone.contains(line)) now += whole;
    files.remove_prefix(whole.size());
  }
  return now;
}

std::string conda_about_with(std::string_view about, std::string_view tool, std::string_view gpus,
                             std::string_view old_build) {
  const Json json = object_of(about, "info/about.json");
  const Json* extra = json.find("extra");
  Json note = json_with(Json(), "tool", json_text(tool));
  note = json_with(note, "gpus", json_text(gpus));
  note = json_with(note, "build_before", json_text(old_build));
  const Json with = json_with(extra && extra->object() ? *extra : Json(), "torchlathe", std::move(note));
  return json_line(json_with(json, "extra", with)) + "\n";
}

}  // namespace lathe
