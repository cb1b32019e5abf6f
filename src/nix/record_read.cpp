// SPDX-License-Identifier: MIT
// From the JSON of recording_main.nix to Recorded. A hostile recipe chooses much of that JSON, so every
// member may be missing or of another type: then the field keeps its default.
#include <fmt/format.h>

#include <algorithm>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/json.h"
#include "base/text.h"
#include "nix/record.h"
#include "nix/shell_flags.h"

namespace lathe {
namespace {

const Json& member(const Json& json, std::string_view name) {
  static const Json none;
  const Json* found = json.find(name);
  return found ? *found : none;
}

bool flag_of(const Json& json, std::string_view name) {
  const bool* flag = member(json, name).get<bool>();
  return flag && *flag;
}

int count_of(const Json& json, std::string_view name) {
  const auto* number = member(json, name).get<std::int64_t>();
  return number ? static_cast<int>(std::clamp<std::int64_t>(*number, -1000000, 1000000)) : 0;
}

// A text, or a number or flag as Nix would put it into the environment; "" for anything else.
std::string scalar(const Json& json) {
  if (const std::string* text = json.text()) return *text;
  if (const auto* number = json.get<std::int64_t>()) return std::to_string(*number);
  if (const bool* flag = json.get<bool>()) return *flag ? "1" : "";
  return "";
}

std::optional<std::string> text_if_any(const Json& json, std::string_view name) {
  const std::string* text = member(json, name).text();
  return text ? std::optional(*text) : std::nullopt;
}

// The texts of a list; a text alone is its words, as a shell would split them.
std::vector<std::string> texts_of(const Json& json) {
  std::vector<std::string> result;
  if (const std::string* text = json.text()) return flag_words(*text);
  if (const Json::Array* items = json.array()) {
    for (const Json& item : *items) {
      if (const std::string* text = item.text()) result.push_back(*text);
    }
  }
  return result;
}

// "/folder/x.nix" as the caller knows it: "recipes/x.nix".
class Places {
 public:
  Places(const std::string& folder, const std::string& shown, const std::string& own)
      : folder_(folder), shown_(shown), own_(own) {}

  std::string name(const std::string& path) const {
    if (!path.starts_with(folder_ + "/")) return path;
    return shown_.empty() ? path.substr(folder_.size() + 1) : shown_ + path.substr(folder_.size());
  }

  Place place(const Json& json) const {
    const std::string file = json.text_of("file");
    if (file.empty()) return {};
    return {.file = name(file),
            .line = static_cast<std::uint32_t>(std::max(count_of(json, "line"), 0)),
            .column = static_cast<std::uint32_t>(std::max(count_of(json, "column"), 0))};
  }

  // [line, column] in the recipe's own file, [line, column, file] in another.
  Place listed(const Json& json) const {
    const Json::Array* parts = json.array();
    if (!parts || parts->size() < 2) return {};
    const std::string* file = parts->size() > 2 ? (*parts)[2].text() : nullptr;
    return {.file = name(file ? *file : folder_ + "/" + own_),
            .line = count((*parts)[0]),
            .column = count((*parts)[1])};
  }

 private:
  static std::uint32_t count(const Json& json) {
    const auto* number = json.get<std::int64_t>();
    return number ? static_cast<std::uint32_t>(std::clamp<std::int64_t>(*number, 0, 1000000000)) : 0;
  }

  const std::string& folder_;
  const std::string& shown_;
  const std::string& own_;
};

std::string last_part(std::string_view path) { return std::string(path.substr(path.rfind('/') + 1)); }

RecordedFetch read_fetch(std::string how, const Json& arguments, Place where) {
  RecordedFetch fetch{.how = std::move(how),
                      .url = arguments.text_of("url"),
                      .owner = arguments.text_of("owner"),
                      .repo = arguments.text_of("repo"),
                      .rev = arguments.text_of("rev"),
                      .name = arguments.text_of("name"),
                      .hash = text_if_any(arguments, "hash"),
                      .where = std::move(where)};
  if (fetch.rev.empty()) fetch.rev = arguments.text_of("tag");
  if (!fetch.hash) fetch.hash = text_if_any(arguments, "sha256");
  if (!fetch.hash) fetch.hash = text_if_any(arguments, "narHash");
  return fetch;
}

constexpr std::string_view nixpkgs_patch = "<nixpkgs:patches>/";

RecordedPatch read_patch(const Json& json) {
  if (const std::string* text = json.text()) {
    return {.name = last_part(*text),
            .fetcher = text->starts_with(nixpkgs_patch) ? "nixpkgs" : "",
            .url = {},
            .hash = {}};
  }
  if (const std::string* path = member(json, "path").text())
    return {.name = last_part(*path), .fetcher = {}, .url = {}, .hash = {}};
  const RecordedFetch fetch = read_fetch(json.text_of("fetch"), member(json, "arguments"), {});
  RecordedPatch patch{.name = fetch.name, .fetcher = fetch.how, .url = fetch.url, .hash = fetch.hash};
  if (patch.name.empty()) patch.name = last_part(patch.url);
  if (patch.name.empty()) patch.name = json.text_of("package");
  return patch;
}

std::vector<RecordedPatch> read_patches(const Json& json) {
  std::vector<RecordedPatch> patches;
  if (const Json::Array* items = json.array()) {
    for (const Json& item : *items) patches.push_back(read_patch(item));
  }
  return patches;
}

// "<cudaPackages.cuda_cccl.dev>" does not say which of its dots ends the package: outputs are known by name.
RecordedInput input_from_text(std::string_view text) {
  static constexpr std::string_view outputs[] = {"out",     "dev",    "lib",  "bin", "static",
                                                 "include", "cxxdev", "dist", "doc", "man"};
  if (text.starts_with('<') && text.ends_with('>')) text = text.substr(1, text.size() - 2);
  const std::size_t dot = text.rfind('.');
  if (dot != std::string_view::npos &&
      std::ranges::find(outputs, text.substr(dot + 1)) != std::end(outputs)) {
    return {.package = std::string(text.substr(0, dot)), .output = std::string(text.substr(dot + 1))};
  }
  return {.package = std::string(text), .output = {}};
}

void add_inputs(const Json& json, std::vector<RecordedInput>& inputs) {
  const Json::Array* items = json.array();
  if (!items) return;
  for (const Json& item : *items) {
    if (const std::string* text = item.text()) inputs.push_back(input_from_text(*text));
    else if (item.find("package"))
      inputs.push_back({.package = item.text_of("package"), .output = item.text_of("output")});
    else if (item.find("unknown")) inputs.push_back({.package = item.text_of("unknown"), .output = {}});
  }
}

// Each name once, in the order of the alphabet.
std::vector<std::string> names_of(const Json& json) {
  std::vector<std::string> names = texts_of(json);
  std::ranges::sort(names);
  names.erase(std::unique(names.begin(), names.end()), names.end());
  return names;
}

std::optional<RecordedCuda> read_cuda(const Json& json) {
  if (!json.object()) return std::nullopt;
  return RecordedCuda{.set = json.text_of("set"),
                      .version = json.text_of("version"),
                      .moving = flag_of(json, "moving"),
                      .changed = names_of(member(json, "changed")),
                      .capabilities = texts_of(member(json, "capabilities"))};
}

std::optional<RecordedMagma> read_magma(const Json& json) {
  if (!json.object()) return std::nullopt;
  return RecordedMagma{.package = json.text_of("label"),
                       .cuda_set = json.text_of("cuda"),
                       .changes = count_of(json, "changes"),
                       .written = names_of(member(json, "written")),
                       .patches = read_patches(member(json, "patches"))};
}

std::optional<RecordedFetch> fetch_in(const Json& source) {
  if (!source.find("fetch")) return std::nullopt;
  return read_fetch(source.text_of("fetch"), member(source, "arguments"), {});
}

std::optional<RecordedTriton> read_triton(const Json& json) {
  if (!json.object()) return std::nullopt;
  const Json& llvm = member(json, "llvm");
  return RecordedTriton{.package = json.text_of("label"),
                        .version = json.text_of("version"),
                        .changes = count_of(json, "changes"),
                        .llvm_changes = llvm.object() ? count_of(llvm, "changes") : 0,
                        .written = names_of(member(json, "written")),
                        .llvm_written = names_of(member(llvm, "written")),
                        .source = fetch_in(member(json, "src")),
                        .llvm_source = fetch_in(member(llvm, "src")),
                        .patches = read_patches(member(json, "patches")),
                        .post_patch = json.text_of("postPatch")};
}

void read_places(const Json& positions, std::string_view group, std::string_view prefix, const Places& places,
                 RecordedPackage& package) {
  const Json::Object* members = member(positions, group).object();
  if (!members) return;
  for (const auto& [name, place] : *members)
    package.places[fmt::format("{}{}", prefix, name)] = places.listed(place);
}

// Attributes become variables of the build, `env` on top; then the phases run in their order.
ShellVariables environment_of(const Json& attributes) {
  ShellVariables variables;
  const auto add = [&](const Json& set) {
    if (const Json::Object* members = set.object()) {
      for (const auto& [name, value] : *members) {
        if (std::string text = scalar(value); !text.empty() || value.text() || value.get<bool>())
          variables[name] = std::move(text);
      }
    }
  };
  add(attributes);
  add(member(attributes, "env"));
  // A phase that a recipe replaces runs its own text.
  static constexpr std::string_view phases[] = {
      "preUnpack",    "unpackPhase",    "postUnpack",    "prePatch", "patchPhase", "postPatch",
      "preConfigure", "configurePhase", "postConfigure", "preBuild", "buildPhase"};
  for (const std::string_view phase : phases) variables.erase(std::string(phase));
  for (const std::string_view phase : phases) apply_assignments(attributes.text_of(phase), variables);
  return variables;
}

std::string value_of(const ShellVariables& variables, const std::string& name) {
  const auto found = variables.find(name);
  return found == variables.end() ? "" : found->second;
}

std::vector<std::string> flags_of(const ShellVariables& variables, const std::string& name) {
  std::vector<std::string> flags = flag_words(value_of(variables, name));
  for (std::string& flag : flag_words(value_of(variables, "NIX_CFLAGS_COMPILE")))
    flags.push_back(std::move(flag));
  return flags;
}

void read_attributes(const Json& attributes, RecordedPackage& package, const Places& places) {
  package.pname = attributes.text_of("pname");
  package.version = attributes.text_of("version");
  package.name = attributes.text_of("name");
  package.patches = read_patches(member(attributes, "patches"));
  package.cmake_flags = texts_of(member(attributes, "cmakeFlags"));
  package.ninja_flags = texts_of(member(attributes, "ninjaFlags"));
  package.system_features = texts_of(member(attributes, "requiredSystemFeatures"));
  add_inputs(member(attributes, "propagatedBuildInputs"), package.propagated);
  add_inputs(member(attributes, "dependencies"), package.propagated);
  package.environment = environment_of(attributes);
  package.cxxflags = flags_of(package.environment, "CXXFLAGS");
  package.cflags = flags_of(package.environment, "CFLAGS");
  package.build_version = value_of(package.environment, "PYTORCH_BUILD_VERSION");
  const Json& meta = member(attributes, "meta");
  package.description = meta.text_of("description");
  package.platforms = texts_of(member(meta, "platforms"));
  package.broken = flag_of(meta, "broken");
  const Json& source = member(attributes, "src");
  package.source_text = scalar(source);
  if (source.find("fetch")) {
    package.source = read_fetch(source.text_of("fetch"), member(source, "arguments"), package.where("src"));
  } else if (source.find("source")) {
    package.source = RecordedFetch{.how = source.text_of("source"),
                                   .url = source.text_of("url"),
                                   .owner = {},
                                   .repo = {},
                                   .rev = {},
                                   .name = {},
                                   .hash = {},
                                   .where = package.where("src")};
  } else if (source.find("path")) {
    package.source_text = places.name(source.text_of("path"));
  }
}

RecordedPackage read_package(const Json& json, const Places& places, int depth) {
  RecordedPackage package{.attribute = json.text_of("label"),
                          .builder = json.text_of("builder"),
                          .output = json.text_of("output"),
                          .changes = count_of(json, "changes"),
                          .written = names_of(member(json, "written")),
                          .added = names_of(member(json, "added")),
                          .overlaid = names_of(member(json, "overlaid")),
                          .extended = names_of(member(json, "extended")),
                          .override_arguments = member(json, "override"),
                          .replaced = member(json, "replaced")};
  if (const bool* flag = member(json, "cuda_support").get<bool>()) package.cuda_support = *flag;
  package.gpu_targets = texts_of(member(json, "gpu_targets"));
  const Json& positions = member(json, "positions");
  read_places(positions, "attributes", "", places, package);
  read_places(positions, "override", "override.", places, package);
  read_places(positions, "meta", "meta.", places, package);
  read_places(positions, "passthru", "passthru.", places, package);
  package.attributes = member(json, "attributes");
  package.original = member(json, "original");
  read_attributes(package.attributes, package, places);
  package.cuda = read_cuda(member(json, "cuda"));
  package.magma = read_magma(member(json, "magma"));
  package.triton = read_triton(member(json, "triton"));
  package.values = member(json, "values");
  const Json& torch = member(json, "torch");
  if (depth > 0 && torch.object())
    package.torch = std::make_shared<RecordedPackage>(read_package(torch, places, depth - 1));
  return package;
}

void add_once(std::vector<std::string>& list, std::string text) {
  if (std::ranges::find(list, text) == list.end()) list.push_back(std::move(text));
}

RecordedNixpkgs read_nixpkgs(const Json& json, const Places& places) {
  return {.url = json.text_of("url"),
          .rev = text_if_any(json, "rev"),
          .sha256 = text_if_any(json, "sha256"),
          .system = json.text_of("system"),
          .host = json.text_of("host"),
          .asked_system = flag_of(json, "asked_system"),
          .machine_flags = texts_of(member(json, "machine_flags")),
          .arguments = member(json, "arguments"),
          .overlays = count_of(json, "overlays"),
          .config = member(json, "config"),
          .where = places.place(member(json, "position"))};
}

}  // namespace

bool RecordedNixpkgs::config_flag(std::string_view name) const { return flag_of(config, name); }
std::vector<std::string> RecordedNixpkgs::config_texts(std::string_view name) const {
  return texts_of(member(config, name));
}

Place RecordedPackage::where(std::string_view key) const {
  const auto found = places.find(key);
  return found == places.end() ? Place{} : found->second;
}

std::string RecordedPackage::variable(const std::string& key) const {
  const auto found = environment.find(key);
  return found == environment.end() ? "" : found->second;
}

const Json* RecordedPackage::passthru(std::string_view key) const {
  return member(attributes, "passthru").find(key);
}

// Of several nixpkgs the package's comes first. Sets like pkgsCuda have other settings than what nixpkgs was
// given.
void take_own_nixpkgs(const Json& package, Recorded& recorded) {
  const Json& config = member(package, "config");
  const std::string rev = package.text_of("rev");
  const auto own = std::ranges::find_if(
      recorded.nixpkgs, [&](const RecordedNixpkgs& used) { return used.rev.value_or("") == rev; });
  if (own == recorded.nixpkgs.end() || !config.object()) return;
  std::rotate(recorded.nixpkgs.begin(), own, own + 1);
  if (recorded.nixpkgs.size() == 1 || !rev.empty()) recorded.nixpkgs.front().config = config;
}

void read_result(const Json& json, Recorded& recorded, const std::string& folder, const std::string& shown) {
  const Places places(folder, shown, recorded.file);
  const std::string kind = json.text_of("kind");
  recorded.kind = Recorded::Kind::value;
  recorded.failure.reset();
  recorded.system = json.text_of("system");
  recorded.from_caller = flag_of(json, "from_caller");
  if (const Json::Object* arguments = member(json, "arguments").object()) {
    for (const auto& [name, has_default] : *arguments)
      recorded.arguments[name] = has_default.get<bool>() && *has_default.get<bool>();
  }
  if (kind == "package") {
    recorded.kind = Recorded::Kind::package;
    recorded.package = read_package(json, places, 1);
    take_own_nixpkgs(json, recorded);
  } else if (kind == "set") {
    recorded.kind = Recorded::Kind::set;
    if (const Json::Object* members = member(json, "members").object()) {
      for (const auto& [name, value] : *members) {
        if (value.text_of("kind") == "package")
          recorded.members.emplace(name, read_package(value, places, 1));
      }
    }
  }
}

void read_note(const Json& json, Recorded& recorded, const std::string& folder, const std::string& shown) {
  const Places places(folder, shown, recorded.file);
  const std::string kind = json.text_of("kind");
  if (kind == "fetch") {
    recorded.fetches.push_back(
        read_fetch(json.text_of("how"), member(json, "arguments"), places.place(member(json, "position"))));
  } else if (kind == "nixpkgs") {
    recorded.nixpkgs.push_back(read_nixpkgs(json, places));
  } else if (kind == "impure") {
    RecordedImpurity impurity{.what = json.text_of("what"), .detail = places.name(json.text_of("detail"))};
    if (std::ranges::find(recorded.impurities, impurity) == recorded.impurities.end())
      recorded.impurities.push_back(std::move(impurity));
  } else if (kind == "made") {
    recorded.made.push_back(
        {.how = json.text_of("how"), .name = json.text_of("name"), .text = json.text_of("text")});
  } else if (kind == "unknown") {
    add_once(recorded.unknown, json.text_of("name"));
  } else if (kind == "looked-for") {
    add_once(recorded.looked_for, json.text_of("how"));
  } else if (kind == "looked-into") {
    add_once(recorded.looked_into, json.text_of("name"));
  } else if (kind == "tested") {
    recorded.tests_values = true;
  } else if (kind == "asked-names") {
    for (std::string& name : texts_of(member(json, "names"))) recorded.asked_names.insert(std::move(name));
  } else if (kind == "made-keys") {
    for (std::string& name : texts_of(member(json, "names"))) recorded.made_keys.insert(std::move(name));
  } else if (kind == "unsure") {
    add_once(recorded.unsure, json.text_of("name"));
  } else if (kind == "moving-alias") {
    add_once(recorded.moving_aliases, json.text_of("name"));
  } else if (kind == "alias") {
    if (!flag_of(json, "evaluates")) add_once(recorded.gone_aliases, json.text_of("name"));
  } else if (kind == "unknown-argument") {
    for (std::string& name : texts_of(member(json, "names")))
      add_once(recorded.unknown_arguments, std::move(name));
  } else if (kind == "import-fetched" || kind == "import-from-derivation") {
    add_once(recorded.fetched_imports, json.text_of("detail"));
  } else if (kind == "carved") {
    recorded.carver = json.text_of("url");
  } else if (kind == "carved-of") {
    recorded.of_nixpkgs = flag_of(json, "own");
    recorded.base_gpus = texts_of(member(json, "gpus"));
    for (const char* what : {"version", "cuda"})
      recorded.expected[what] = member(json, "expect").text_of(what);
  } else if (kind == "trace" || kind == "warn") {
    add_once(recorded.messages, json.text_of("message"));
  }
}

}  // namespace lathe
