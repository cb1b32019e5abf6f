// SPDX-License-Identifier: MIT
#include "conform/survey.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cstdlib>
#include <iterator>
#include <optional>
#include <set>
#include <span>
#include <string_view>
#include <utility>

#include "base/embedded.h"
#include "base/error.h"
#include "base/json.h"
#include "base/text.h"
#include "nix/nix.h"
#include "os/file.h"
#include "os/temporary_folder.h"

namespace lathe::conform_data {
std::span<const EmbeddedFile> survey();
}

namespace lathe {
namespace {

std::vector<std::string> texts_of(const Json& value) {
  if (const auto* text = value.text()) return {*text};
  if (const auto* flag = value.get<bool>()) return {*flag ? "true" : "false"};
  std::vector<std::string> all;
  if (const auto* array = value.array()) {
    for (const Json& each : *array) {
      if (const auto* text = each.text()) all.push_back(*text);
    }
  }
  return all;
}

struct Evaluation {
  const std::filesystem::path& file;
  const std::filesystem::path& nixpkgs;
  const std::string& system;
  const RunProcess& run;

  // All attributes, or one: nullopt and Nix's words.
  std::optional<Json> operator()(const std::string& attribute, std::string& trouble) const {
    Process process{.arguments = {require_nix(), "--eval", "--strict", "--json", file.string(), "--arg",
                                  "nixpkgs", nixpkgs.string(), "--argstr", "system", system}};
    if (!attribute.empty()) process.arguments.insert(process.arguments.end(), {"-A", attribute});
    const ProcessResult result = run(process);
    if (result.ok()) return parse_json(trim(result.out), "survey.nix");
    trouble = parse_nix_error(result.err).message;
    if (trouble.empty()) trouble = result.ending();
    return std::nullopt;
  }
};

std::vector<std::string> attributes_of_survey() {
  // Each stands at the start of a line of the set that the file ends with.
  const std::string_view text = conform_data::survey().front().text;
  std::vector<std::string> names;
  for (const std::string_view line : split(text.substr(text.rfind("\nin\n")), '\n')) {
    const std::size_t equals = line.find(" =");
    if (!line.starts_with("  ") || line.starts_with("   ") || equals == std::string_view::npos ||
        line[2] == '#')
      continue;
    names.emplace_back(line.substr(2, equals - 2));
  }
  return names;
}

using Names = std::vector<std::string>;

Names without(const Names& all, const Names& others) {
  Names rest;
  for (const std::string& each : all) {
    if (std::ranges::find(others, each) == others.end()) rest.push_back(each);
  }
  return rest;
}

// The sentence; "" where they agree.
std::string compare(const std::string& column, const Names& table, const Names& tree, const Survey& survey,
                    bool partly) {
  const Names missing = without(table, tree), more = without(tree, table);
  if (column == "torch_cuda") {
    const Names untold = without(table, survey.cuda_majors);
    if (without(missing, untold).empty() && more.empty()) return "";
  } else if (column == "torch_arguments") {
    return missing.empty() ? "" : fmt::format("torch takes no argument {}", listed(missing));
  } else if (column == "cuda_sets" && partly) {
    return missing.empty() ? "" : fmt::format("has no CUDA set {}", listed(missing));
  } else if (missing.empty() && more.empty()) {
    return "";
  }
  if (table.size() <= 1 && tree.size() <= 1)
    return fmt::format("{} is {} here, the table says {}", column, listed(tree), listed(table));
  std::string what = column;
  if (!missing.empty()) what += fmt::format(" lacks {}", listed(missing));
  if (!more.empty()) what += fmt::format("{} has {} too", missing.empty() ? "" : ",", listed(more));
  return what;
}

std::vector<FactDifference> text_differences(const NixpkgsColumns& table, const Survey& survey) {
  const auto texts = table.find("fixed_texts");
  if (texts == table.end() || survey.unseen.contains("post_patch")) return {};
  Names gone;
  for (const std::string& text : texts->second) {
    if (survey.post_patch.find(text) == std::string::npos) gone.push_back(text);
  }
  if (gone.empty()) return {};
  return {{.column = "fixed_texts",
           .table = texts->second,
           .tree = without(texts->second, gone),
           .what = fmt::format("torch's postPatch does not insist on {}", listed(gone))}};
}

}  // namespace

std::string listed(const Names& texts) {
  return texts.empty() ? "none" : fmt::format("{}", fmt::join(texts, ", "));
}

void take_survey(const Json& value, const std::string& name, Survey& survey) {
  if (value.is_null()) {
    survey.unseen[name] = "it has no such thing";
  } else if (name == "cuda_majors") {
    survey.cuda_majors = texts_of(value);
  } else if (name == "torch_outputs") {
    survey.torch_outputs = texts_of(value);
  } else if (name == "cccl_outputs") {
    survey.cccl_outputs = texts_of(value);
  } else if (name == "post_patch") {
    survey.post_patch = value.text() ? *value.text() : "";
  } else if (name == "default_capabilities") {
    if (!value.object()) return;
    for (const auto& [cuda, capabilities] : *value.object())
      survey.default_capabilities[cuda] = texts_of(capabilities);
  } else {
    survey.columns[name] = texts_of(value);
  }
}

Survey survey_tree(const std::filesystem::path& nixpkgs, const std::string& system, const RunProcess& run) {
  const TemporaryFolder folder;
  const std::filesystem::path file = folder.path() / "survey.nix";
  write_file_atomically(file, conform_data::survey().front().text);
  const Evaluation evaluate{.file = file, .nixpkgs = nixpkgs, .system = system, .run = run};
  Survey survey;
  std::string trouble;
  if (const auto all = evaluate("", trouble); all && all->object()) {
    for (const auto& [name, value] : *all->object()) take_survey(value, name, survey);
    return survey;
  }
  // One of them fails in a way that Nix cannot catch: then each is asked for by itself.
  for (const std::string& name : attributes_of_survey()) {
    if (const auto value = evaluate(name, trouble)) take_survey(*value, name, survey);
    else survey.unseen[name] = trouble;
  }
  if (survey.columns.empty()) {
    throw Error(
        {.what = fmt::format("cannot be evaluated as nixpkgs: {}", trouble),
         .where = {.file = nixpkgs.string()},
         .next = "nix-instantiate --eval -E '(import PATH { }).python3Packages.torch.version' says more"});
  }
  return survey;
}

std::vector<FactDifference> differences(const NixpkgsColumns& table, const Survey& survey, bool partly) {
  std::vector<FactDifference> all;
  for (const auto& [column, texts] : table) {
    const auto seen = survey.columns.find(column);
    if (seen == survey.columns.end()) continue;
    std::string what = compare(column, texts, seen->second, survey, partly);
    if (!what.empty())
      all.push_back({.column = column, .table = texts, .tree = seen->second, .what = std::move(what)});
  }
  std::ranges::move(text_differences(table, survey), std::back_inserter(all));
  return all;
}

}  // namespace lathe
