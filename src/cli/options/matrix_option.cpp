// SPDX-License-Identifier: MIT
#include "cli/options/matrix_option.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <filesystem>
#include <iterator>
#include <set>

#include "base/embedded.h"
#include "base/error.h"
#include "base/text.h"
#include "matrix/axis_table.h"
#include "os/file.h"
#include "os/terminal.h"

namespace lathe::shipped {
std::span<const EmbeddedFile> matrices();
}

namespace lathe {
namespace {

const EmbeddedFile* find_shipped(const std::string& name) {
  for (const EmbeddedFile& file : shipped::matrices()) {
    if (file.name == name || file.name == name + ".toml") return &file;
  }
  return nullptr;
}

std::string shipped_list() { return fmt::format("{}", fmt::join(shipped_matrices(), ", ")); }

}  // namespace

std::vector<std::string> shipped_matrices() {
  std::vector<std::string> names;
  for (const EmbeddedFile& file : shipped::matrices())
    names.emplace_back(file.name.substr(0, file.name.rfind('.')));
  return names;
}

void MatrixOption::declare(OptionSet& set) {
  set.text("-m,--matrix", path, "FILE", "matrix file, or the name of a shipped one [matrix.toml]",
           ValueKind::file);
}

MatrixSpec MatrixOption::load() const {
  const std::string name = file();
  if (name == "-" || std::filesystem::exists(name)) {
    return parse_matrix(read_file(name), name == "-" ? "standard input" : name);
  }
  if (const EmbeddedFile* file = find_shipped(name)) return parse_matrix(file->text, std::string(file->name));
  if (path.empty()) {
    throw Error({.what = "there is no matrix.toml in this folder",
                 .where = {},
                 .next = fmt::format("start one with `torchlathe init`, or name a shipped one: -m {}",
                                     shipped_list())});
  }
  throw Error(
      {.what = "there is no such matrix file",
       .where = {.file = name},
       .next = did_you_mean_text(name, shipped_matrices(), fmt::format("shipped ones: {}", shipped_list()))});
}

MatrixSpec MatrixOption::load(Terminal& terminal) const {
  MatrixSpec spec = load();
  say_assumptions(spec, terminal);
  return spec;
}

void say_assumptions(const MatrixSpec& spec, Terminal& terminal) {
  for (const auto& [name, pin] : spec.nixpkgs) {
    if (pin->assumed)
      terminal.err(safe_format("torchlathe: [nixpkgs.{}] {}: {}\n", name, pin->rev, pin->assumption()));
  }
}

void VariantFilter::declare(OptionSet& set) {
  for (std::size_t i = 0; i < axes().size(); ++i) {
    const Axis& row = axes()[i];
    set.texts(fmt::format("--{}", row.option), of_axes[i], std::string(row.placeholder),
              std::string(row.help));
  }
  set.texts("--status", statuses, "STATUS", "only valid, redundant or impossible ones");
  set.texts("--kind", kinds, "KIND", "only gpu or cpu builds");
  set.texts("--package", packages, "PACKAGE", "only pytorch, torchvision or torchaudio");
}

VariantFilter::VariantFilter() : of_axes(axes().size()) {}

Match VariantFilter::match() const {
  Match match;
  const auto add = [&](std::string_view key, const std::vector<std::string>& globs) {
    if (!globs.empty()) match.globs[std::string(key)] = globs;
  };
  add("name", names);
  for (std::size_t i = 0; i < axes().size(); ++i) {
    std::vector<std::string> globs = of_axes[i];
    if (const auto asked = axes()[i].asked) std::ranges::transform(globs, globs.begin(), asked);
    add(axes()[i].word, globs);
  }
  add("status", statuses);
  add("kind", kinds);
  add("package", packages);
  return match;
}

std::vector<Variant> variants_to_build(const VariantFilter& filter, bool with_companions,
                                       const MatrixSpec& spec,
                                       const std::optional<std::vector<std::string>>& names) {
  const std::set<std::string> unfinished =
      names ? std::set(names->begin(), names->end()) : std::set<std::string>();
  const Match match = filter.match();
  std::vector<Variant> variants;
  std::string torch;  // the PyTorch that was taken last: its companions follow it
  expand(spec, [&](const Variant& variant) {
    const bool open = !names || unfinished.contains(variant.name);
    const bool follows = with_companions && variant.companion && variant.torch == torch;
    if (!open || !(follows || matches(match, variant))) return true;
    if (!variant.companion) torch = variant.name;
    variants.push_back(variant);
    return true;
  });
  if (with_companions && spec.companions.empty()) {
    throw Error({.what = "this matrix has no companions",
                 .where = {.file = spec.file},
                 .next = "add companions = [\"torchvision\", \"torchaudio\"] under [matrix]"});
  }
  return variants;
}

}  // namespace lathe
