// SPDX-License-Identifier: MIT
// What the matrix has no word for: [extra].
#include <fmt/format.h>

#include <map>
#include <span>
#include <string>

#include "matrix/extra.h"
#include "matrix/values/nix_text.h"
#include "recipe/holes.h"
#include "recipe/nix_words.h"

namespace lathe {
namespace {

const Extra& extra(const RecipeOf& of) { return of.variant.settings->extra; }

std::string bindings(const std::map<std::string, std::string>& values) {
  std::string text;
  for (const auto& [name, value] : values) {
    const bool one_word = is_package_path(value) || is_nix_name(value);
    text += fmt::format("{} = {};\n", name, one_word ? value : "(" + value + ")");
  }
  return text;
}

std::string nixpkgs_arguments(const RecipeOf& of) {
  const auto& given = extra(of).nixpkgs;
  const std::string system = fmt::format("system = \"{}\";\n", system_of(of.variant.cell->isa->machine));
  return (given.contains("localSystem") ? "" : system) + bindings(given);
}

std::string cpu_config(const RecipeOf& of) {
  const std::string config = bindings(extra(of).config);
  return config.empty() ? "{ }" : fmt::format("{{\n{}    }}", indented(config, "      "));
}

std::string environment(const RecipeOf& of) {
  std::string text;
  for (const auto& [name, value] : extra(of).environment)
    text += fmt::format("export {}=\"{}\"\n", name, shell_text_as_nix(value));
  return text;
}

// Each in an overrideAttrs of its own, so that `old` is all that comes before. Not indented: that would
// change its strings.
std::string attributes(const RecipeOf& of) {
  std::string text;
  for (const std::string& each : extra(of).attributes)
    text += fmt::format(").overrideAttrs (old: {{\n{}\n}})\n", each);
  return text;
}

constexpr Hole extra_rows[] = {
    {"nixpkgs_arguments", nixpkgs_arguments},
    {"cpu_config", cpu_config},
    {"extra_override", [](const RecipeOf& of) { return bindings(extra(of).override_arguments); }},
    {"extra_config", [](const RecipeOf& of) { return bindings(extra(of).config); }},
    {"extra_packages", [](const RecipeOf& of) { return bindings(extra(of).packages); }},
    {"extra_python", [](const RecipeOf& of) { return bindings(extra(of).python); }},
    {"extra_cuda", [](const RecipeOf& of) { return bindings(extra(of).cuda); }},
    {"extra_environment", environment},
    {"extra_open", [](const RecipeOf& of) { return std::string(extra(of).attributes.size(), '('); }},
    {"extra_nix", attributes},
};

}  // namespace

std::span<const Hole> extra_holes() { return extra_rows; }

}  // namespace lathe
