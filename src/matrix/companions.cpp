// SPDX-License-Identifier: MIT
#include "matrix/companions.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <memory>
#include <string>
#include <string_view>
#include <utility>

#include "base/text.h"
#include "matrix/axes.h"
#include "matrix/values/hash_value.h"
#include "matrix/variant.h"

namespace lathe {
namespace {

struct Known {
  std::string_view package, repo;
};
constexpr std::array<Known, 2> known_companions = {Known{"torchvision", "vision"},
                                                   Known{"torchaudio", "audio"}};

std::string read_package(const Toml& value, const MatrixSpec& spec) {
  const std::string& package = value.text();
  if (std::ranges::find(known_companions, package, &Known::package) == known_companions.end()) {
    value.fail(fmt::format("\"{}\" is not a companion of PyTorch", printable(package)),
               "use one of torchvision, torchaudio");
  }
  if (std::ranges::find(spec.companions, package) != spec.companions.end())
    value.fail("listed twice in companions");
  return package;
}

void read_source(const Toml::Member& member, const Known& known, MatrixSpec& spec) {
  const Toml& table = member.value;
  table.allow_only({"pytorch", "hash", "owner", "repo", "rev"});
  if (!is_release(member.key)) {
    throw Error({.what = fmt::format("\"{}\" is not a release of {}", printable(member.key), known.package),
                 .where = member.where,
                 .next = "written as in \"0.25.0\""});
  }
  const Toml& pytorch = table.at("pytorch");
  check_pytorch(pytorch.text(), pytorch);
  check_sri(table.at("hash"));
  CompanionSource source{.package = std::string(known.package),
                         .version = member.key,
                         .hash = table.at("hash").text(),
                         .owner = table.text_or("owner", "pytorch"),
                         .repo = table.text_or("repo", known.repo),
                         .rev = table.text_or("rev", "v" + member.key),
                         .where = member.where};
  auto& place = spec.companion_sources[{source.package, pytorch.text()}];
  if (place)
    pytorch.fail(fmt::format("two releases of {} for PyTorch {}", known.package, pytorch.text()),
                 fmt::format("the first is at {}", place->where.text()));
  place = std::make_shared<const CompanionSource>(std::move(source));
}

}  // namespace

void read_companions(const Toml& root, MatrixSpec& spec) {
  if (const Toml* list = root.at("matrix").find("companions")) {
    for (const Toml& item : list->array()) spec.companions.push_back(read_package(item, spec));
  }
  for (const Known& known : known_companions) {
    const Toml* sources = root.find(known.package);
    if (!sources) continue;
    if (std::ranges::find(spec.companions, known.package) == spec.companions.end()) {
      sources->fail(fmt::format("a source of {}, which this matrix does not build", known.package),
                    fmt::format("companions = [\"{}\"] under [matrix]", known.package));
    }
    for (const Toml::Member& member : sources->table()) read_source(member, known, spec);
  }
}

void check_companions(const Toml& table, const Block& block, const MatrixSpec& spec) {
  if (spec.companions.empty()) return;
  for (const auto& [key, pattern] : {std::pair("name", &block.name), std::pair("pname", &block.pname)}) {
    if (pattern->find("{package}") == std::string::npos) {
      table.at(key).fail("PyTorch and its companions would have one name", "put {package} into the pattern");
    }
  }
  for (const std::string& pytorch : block.pytorch) {
    if (spec.nixpkgs.at(block.nixpkgs)->torch == pytorch) continue;  // it ships the companions too
    for (const std::string& package : spec.companions) {
      if (spec.companion_sources.contains({package, pytorch})) continue;
      const Toml* axis = table.find("pytorch");  // a block of branches has none
      (axis ? *axis : table)
          .fail(fmt::format("{} for PyTorch {} has no source: the nixpkgs revision ships another release",
                            package, pytorch),
                fmt::format("add [{}.\"VERSION\"] with pytorch = \"{}\" and its hash", package, pytorch));
    }
  }
}

std::shared_ptr<const CompanionSource> companion_source(const MatrixSpec& spec, const std::string& package,
                                                        const std::string& pytorch) {
  const auto found = spec.companion_sources.find({package, pytorch});
  if (found != spec.companion_sources.end()) return found->second;
  return std::make_shared<const CompanionSource>(CompanionSource{.package = package});
}

}  // namespace lathe
