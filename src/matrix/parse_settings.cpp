// SPDX-License-Identifier: MIT
// How things are built: [settings], [extra], and with strategy = "carve" what is carved and by whom.
#include <fmt/format.h>

#include <algorithm>
#include <initializer_list>
#include <string>
#include <string_view>
#include <vector>

#include "base/text.h"
#include "base/toml.h"
#include "matrix/axes.h"
#include "matrix/parse_parts.h"
#include "matrix/spec.h"
#include "matrix/values/hash_value.h"
#include "matrix/variant.h"

namespace lathe {
namespace {

std::string read_cache_folder(const Toml& value) {
  const std::string& path = value.text();
  if (!path.empty() && !is_cache_folder(path)) {
    value.fail(fmt::format("\"{}\" cannot be the folder of the compile cache", printable(path)),
               "its whole path, of letters, digits and ._-+, as in \"/var/cache/torchlathe\"; \"\" for none");
  }
  return path;
}

bool is_nixpkgs(const Toml& base) {
  static const std::vector<std::string> known = {"matrix", "nixpkgs"};
  if (std::ranges::find(known, base.text()) == known.end()) {
    base.fail(fmt::format("base cannot be \"{}\"", printable(base.text())),
              did_you_mean_text(
                  base.text(), known,
                  "\"matrix\" builds what others are cut out of, \"nixpkgs\" takes nixpkgs' own torch"));
  }
  return base.text() == "nixpkgs";
}

}  // namespace

std::vector<std::string> read_settings(const Toml& table, Settings& settings) {
  std::vector<std::string> set;
  for (const Toml::Member& member : table.table()) {
    const Toml& value = member.value;
    if (member.key == "narrow") {
      if (value.text() != "torch" && value.text() != "closure") {
        value.fail(fmt::format("narrow cannot be \"{}\"", printable(value.text())),
                   "\"torch\" narrows PyTorch alone, \"closure\" also MAGMA, NCCL and the companions");
      }
      settings.narrow = value.text() == "torch" ? Settings::Narrow::torch : Settings::Narrow::closure;
    } else if (member.key == "ptx") {
      settings.ptx = value.flag();
    } else if (member.key == "jobs") {
      settings.jobs = read_count(value, 4096);
    } else if (member.key == "memory_per_job") {
      settings.memory_per_job_gib = read_count(value, 4096);
    } else if (member.key == "compile_cache") {
      settings.compile_cache = read_cache_folder(value);
    } else if (member.key == "extra") {
      settings.extra = read_extra(value);
    } else {
      continue;
    }
    set.push_back(member.key);
  }
  return set;
}

void read_settings(const Toml& root, MatrixSpec& spec) {
  if (const Toml* settings = root.find("settings")) {
    settings->allow_only({"strategy", "base", "narrow", "ptx", "jobs", "memory_per_job", "compile_cache"});
    read_settings(*settings, spec.settings);
  }
  if (const Toml* extra = root.find("extra")) spec.settings.extra = read_extra(*extra);
}

void read_strategy(const Toml& root, MatrixSpec& spec) {
  const Toml* settings = root.find("settings");
  const Toml* strategy = settings ? settings->find("strategy") : nullptr;
  const Toml* carver = root.find("carver");
  if (strategy && strategy->text() != "rebuild" && strategy->text() != "carve") {
    strategy->fail(fmt::format("strategy cannot be \"{}\"", printable(strategy->text())),
                   "\"rebuild\" builds each variant, \"carve\" builds once for all GPUs and cuts each "
                   "variant out of that");
  }
  if (carver) carver->allow_only({"url", "sha256"});
  const Toml* base = settings ? settings->find("base") : nullptr;
  const bool of_nixpkgs = base && is_nixpkgs(*base);
  const bool carves = strategy && strategy->text() == "carve";
  if (base && !carves) base->fail("base is set, but nothing is carved", "add strategy = \"carve\"");
  if (!carves) return;
  if (!carver) {
    strategy->fail("recipes that carve need torchlathe, but nothing says where it is",
                   "add [carver] with the url (and sha256) of its source tree");
  }
  if (spec.settings.narrow == Settings::Narrow::closure) {
    settings->at("narrow").fail(
        "narrow = \"closure\" and strategy = \"carve\" exclude each other",
        "MAGMA, NCCL and the companions of a build for all GPUs are for all GPUs too");
  }
  spec.carver = Carver{.url = read_tarball_url(carver->at("url")),
                       .sha256 = read_tarball_hash(*carver),
                       .nixpkgs_base = of_nixpkgs,
                       .where = carver->where()};
}

// base = "nixpkgs": nothing can be asked of a build that somebody else has made. What is for builds alone
// may be for CPU variants.
void check_nixpkgs_base(const Toml& root, const MatrixSpec& spec) {
  if (!spec.carver || !spec.carver->nixpkgs_base) return;
  const bool builds = std::ranges::any_of(spec.blocks, [](const Block& block) { return !block.gpu; });
  const auto refuse = [&](const Toml& table, std::initializer_list<std::string> keys) {
    for (const std::string& key : keys) {
      const Toml* value = table.find(key);
      if (!value) continue;
      value->fail(fmt::format("{} and base = \"nixpkgs\" exclude each other",
                              &table == &root ? "[" + key + "]" : key),
                  "nixpkgs' own torch is taken as it is; base = \"matrix\" builds one");
    }
  };
  const Toml& settings = root.at("settings");
  refuse(settings, {"ptx"});
  refuse(root, {"cuda_packages", "torchvision", "torchaudio"});
  for (const Block& block : spec.blocks) {
    for (const auto& [axis, words] : block.words) {
      if (!block.gpu || words.empty()) continue;
      throw Error({.what = fmt::format("{} and base = \"nixpkgs\" exclude each other", axis),
                   .where = words.front().where,
                   .next = "nixpkgs' own torch is taken as it is; base = \"matrix\" builds one"});
    }
  }
  if (const Toml* companions = root.at("matrix").find("companions")) {
    companions->fail("companions and base = \"nixpkgs\" exclude each other",
                     "nixpkgs' own refer to its own torch, for all GPUs, and would bring that along: "
                     "docs/formats/matrix.md cuts one out beside it by hand");
  }
  if (builds) return;
  refuse(settings, {"jobs", "memory_per_job", "compile_cache"});
  refuse(root, {"flags", "extra"});
}

bool is_cache_folder(std::string_view path) {
  const bool plain = std::ranges::all_of(path, [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
           std::string_view("/._-+").find(c) != std::string_view::npos;
  });
  return path.starts_with('/') && !path.ends_with('/') && plain && path.find("//") == std::string_view::npos;
}

}  // namespace lathe
