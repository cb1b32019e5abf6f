// SPDX-License-Identifier: MIT
// Reads a matrix file: its head, the rows that say what is otherwise for some variants, and the order of all
// parts. The other parts are parse_*.cpp's; what they mean together is expand.cpp's.
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cstdint>
#include <limits>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/text.h"
#include "base/toml.h"
#include "hardware/catalog.h"
#include "hardware/flags.h"
#include "matrix/axis_table.h"
#include "matrix/branch.h"
#include "matrix/companions.h"
#include "matrix/parse_parts.h"
#include "matrix/spec.h"

namespace lathe {
namespace {

void read_head(const Toml& root, MatrixSpec& spec) {
  const Toml& head = root.at("matrix");
  head.allow_only({"name", "description", "package", "drop", "companions"});
  spec.name = head.at("name").text();
  if (const std::string why = why_not_a_package_name(replace_all(spec.name, ".", "_")); !why.empty()) {
    head.at("name").fail(fmt::format("\"{}\" cannot name a matrix: {}", printable(spec.name), why));
  }
  spec.description = head.text_or("description", "");
  spec.package = head.text_or("package", "pytorch");
  if (spec.package != "pytorch") {
    head.at("package").fail(fmt::format("package \"{}\" is not known", printable(spec.package)),
                            "use one of pytorch");
  }
  if (const Toml* drop = head.find("drop")) {
    for (const Toml& item : drop->array()) {
      if (item.text() != "impossible" && item.text() != "redundant") {
        item.fail(fmt::format("\"{}\" is not a status that can be dropped", printable(item.text())),
                  "use one of impossible, redundant");
      }
      spec.drop.push_back(item.text());
    }
  }
}

// Flags that ask more than the instruction set promises make a build that dies on the very machines it is
// named for.
void check_flags(const Toml& value) {
  for (const Toml& item : value.array()) {
    if (!item.text().starts_with("-m") || item.text().find_first_of(" \t\n'\"$`\\") != std::string::npos) {
      item.fail(fmt::format("\"{}\" is not a machine flag of gcc", printable(item.text())),
                "one flag each, as in \"-mavx2\"");
    }
  }
}

void check_flags(const Toml& value, const Isa& isa) {
  check_flags(value);
  const std::vector<std::string> flags = value.texts();
  for (const FlagExcess& excess : excess_of(flags, isa)) {
    value.array()[excess.index].fail(
        fmt::format("{} enables {}, which {} does not have", flags[excess.index], excess.feature, isa.name),
        fmt::format("a CPU that only has {} would stop with an illegal instruction; choose a higher "
                    "instruction set or "
                    "remove the flag",
                    isa.name));
  }
}

Match read_match(const Toml& table) {
  std::vector<std::string_view> known;
  for (const Axis& row : axes()) known.push_back(row.word);
  known.insert(known.end(), {"name", "package"});
  table.allow_only(known);
  Match match;
  for (const Toml::Member& member : table.table()) match.globs[member.key] = member.value.text_or_texts();
  if (match.globs.empty())
    table.fail("this row matches every variant",
               "name a gpu, isa, cuda, python, pytorch, blas, package or name");
  return match;
}

void read_override(const Toml& row, MatrixSpec& spec) {
  row.allow_only({"match", "narrow", "ptx", "jobs", "memory_per_job", "compile_cache", "flags", "extra"});
  Override made{.match = read_match(row.at("match")), .settings = {}, .sets = {}, .where = row.where()};
  made.sets = read_settings(row, made.settings);
  // held against each variant's instruction set when it is made
  if (const Toml* flags = row.find("flags")) {
    check_flags(*flags);
    made.sets.emplace_back("cpu_flags");
    made.settings.cpu_flags = flags->texts();
  }
  for (const std::string& key : made.sets) {
    if (spec.carver && (key == "narrow" || key == "ptx")) {
      row.fail(fmt::format("{} of one variant alone, under strategy = \"carve\"", key),
               "set it under [settings]: one build serves all");
    }
    if (spec.carver && key == "extra") {
      row.fail("extra of one variant alone, under strategy = \"carve\"",
               "set it under [extra]: one build serves all");
    }
    if (spec.carver && key == "cpu_flags") {
      row.fail("flags of one variant alone, under strategy = \"carve\"",
               "set them under [flags]: one build serves all");
    }
  }
  if (made.sets.empty())
    row.fail("this row changes nothing",
             fmt::format("it can set {}", fmt::join(setting_keys, ", ")) + ", flags");
  spec.overrides.push_back(std::move(made));
}

// [flags] avx512 = [...]: other flags than the catalogue's, for one instruction set.
void read_flags(const Toml::Member& member, MatrixSpec& spec) {
  const Isa* isa = catalog().find_isa(member.key);
  if (!isa || isa->name != member.key) {
    throw Error(
        {.what = fmt::format("\"{}\" is not an instruction set of the catalogue", printable(member.key)),
         .where = member.where,
         .next = did_you_mean_text(member.key, catalog().isa_names())});
  }
  check_flags(member.value, *isa);
  Override made{.match = {}, .settings = {}, .sets = {"cpu_flags"}, .where = member.where};
  made.match.globs["isa"] = {isa->name};
  made.settings.cpu_flags = member.value.texts();
  spec.overrides.push_back(std::move(made));
}

void read_rows(const Toml& root, MatrixSpec& spec) {
  if (const Toml* rows = root.find("exclude")) {
    for (const Toml& row : rows->array()) {
      row.allow_only({"match", "reason"});
      spec.excludes.push_back({read_match(row.at("match")), row.at("reason").text(), row.where()});
    }
  }
  if (const Toml* flags = root.find("flags")) {  // first: what an override says of some variants wins
    for (const Toml::Member& member : flags->table()) read_flags(member, spec);
  }
  if (const Toml* rows = root.find("override")) {
    for (const Toml& row : rows->array()) read_override(row, spec);
  }
  if (const Toml* aliases = root.find("aliases")) {
    for (const Toml::Member& member : aliases->table()) {
      spec.aliases.push_back({member.key, member.value.text(), member.where});
    }
  }
  if (const Toml* rows = root.find("silence")) {
    for (const Toml& row : rows->array()) {
      row.allow_only({"rule", "reason", "name"});
      if (trim(row.at("reason").text()).empty()) row.at("reason").fail("a silenced rule needs a reason");
      spec.silenced.push_back(
          {row.at("rule").text(), row.at("reason").text(), row.text_or("name", "*"), row.where()});
    }
  }
}

}  // namespace

std::optional<std::uint64_t> Block::size() const {
  std::uint64_t product = 1;
  for (const Axis& row : axes()) {
    const std::size_t axis_size = std::max<std::size_t>(1, row.size(row, *this));
    if (product > std::numeric_limits<std::uint64_t>::max() / axis_size) return std::nullopt;
    product *= axis_size;
  }
  return product;
}

MatrixSpec parse_matrix(std::string_view text, const std::string& file) {
  const Toml root = Toml::parse(text, file);
  root.allow_only({"matrix", "settings", "nixpkgs", "pytorch", "flags", "build", "include", "exclude",
                   "override", "aliases", "silence", "carver", "branch", "cuda_packages", "torchvision",
                   "torchaudio", "extra"});
  MatrixSpec spec;
  spec.file = file;
  read_head(root, spec);
  read_pins(root, spec);
  read_sources(root, spec);
  read_companions(root, spec);
  const std::vector<Branch> branches = read_branches(root, spec);
  read_settings(root, spec);
  read_strategy(root, spec);
  read_cuda_packages(root, spec);
  read_blocks(root, "build", branches, spec);
  read_blocks(root, "include", branches, spec);
  if (spec.blocks.empty()) root.fail("no [[build]] block", "see torchlathe init");
  check_nixpkgs_base(root, spec);
  read_rows(root, spec);
  return spec;
}

}  // namespace lathe
