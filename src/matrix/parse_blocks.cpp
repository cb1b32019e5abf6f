// SPDX-License-Identifier: MIT
// Which variants there are: [[build]] and [[include]], of axes of their own or of [[branch]].
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/text.h"
#include "base/toml.h"
#include "matrix/axis_table.h"
#include "matrix/branch.h"
#include "matrix/companions.h"
#include "matrix/name_pattern.h"
#include "matrix/parse_parts.h"
#include "matrix/spec.h"

namespace lathe {
namespace {

std::vector<std::string_view> block_keys() {
  std::vector<std::string_view> keys = {"kind"};
  for (const Axis* row : axes_by_nesting()) {
    keys.push_back(row->key);
    if (!row->another_key.empty()) keys.push_back(row->another_key);
  }
  keys.insert(keys.end(), {"nixpkgs", "name", "pname", "branches"});
  return keys;
}

std::string usual_name(const Block& block) {
  std::string name =
      block.gpu ? "{package}-python{python}-cuda{cuda}-{gpu}-{isa}" : "{package}-python{python}-cpu-{isa}";
  for (const Axis* row : axes_by_nesting()) {
    if (row->may_be_off() && row->size(*row, block) > 0) name += fmt::format("-{{{}}}", row->word);
  }
  return name;
}

void need_axes(const Toml& table, const Block& block, bool of_branches, Axis::In in) {
  for (const Axis* row : axes_by_nesting()) {
    if (row->in != in || row->size(*row, block) > 0 || (row->of_branch && of_branches)) continue;
    table.fail(fmt::format("this block has no {}", row->key), fmt::format("add {} = [...]", row->key));
  }
}

void check_axes(const Toml& table, const Block& block, bool of_branches, MatrixSpec& spec) {
  need_axes(table, block, of_branches, Axis::In::every_block);
  if (block.gpu) need_axes(table, block, of_branches, Axis::In::gpu_blocks);
  if (!block.gpu && (!block.cuda.empty() || !block.gpus.empty()))
    table.fail("a CPU block has neither cuda nor gpus", "take them out, or say kind = \"gpu\"");
  const auto size = block.size();
  if (!size || *size > most_variants) {
    table.fail(fmt::format("these axes make {} variants; at most {} are expanded",
                           size ? fmt::format("{}", *size) : "more than 10^19", most_variants),
               "an axis is longer than it was meant to be");
  }
  for (const std::string& version : block.pytorch) {
    if (!spec.pytorch.contains(version)) need_source(*table.find("pytorch"), version, spec);
  }
}

std::string read_block_pin(const Toml& table, const MatrixSpec& spec) {
  const Toml* value = table.find("nixpkgs");
  if (!value && spec.nixpkgs.size() == 1) return spec.nixpkgs.begin()->first;
  if (!value)
    table.fail("this block does not say which nixpkgs", "add nixpkgs = \"NAME\" of a [nixpkgs.NAME] table");
  return read_pin_name(*value, spec.nixpkgs);
}

void check_used(const Toml& pattern, const std::string& word, const Block& block) {
  for (const Axis& row : axes()) {
    if (row.word == word && row.may_be_off() && row.size(row, block) == 0)
      pattern.fail(fmt::format("the pattern has {{{}}}, and this block has no {}", word, row.key),
                   fmt::format("add {} = [...], or take it out", row.key));
  }
}

void check_pattern(const Toml& table, std::string_view key, std::string_view pattern, const Block& block) {
  const Toml* value = table.find(key);
  if (!value) return;  // the usual pattern has what the block has
  const std::vector<std::string>& known = NamePattern::known();
  for (std::size_t open = pattern.find('{'); open != std::string_view::npos;
       open = pattern.find('{', open + 1)) {
    const std::size_t close = pattern.find('}', open);
    const std::string word(
        pattern.substr(open + 1, close == std::string_view::npos ? close : close - open - 1));
    if (close != std::string_view::npos && std::ranges::find(known, word) != known.end()) {
      check_used(*value, word, block);
      continue;
    }
    value->fail(fmt::format("\"{{{}\" is not a word of a name pattern", printable(word)),
                did_you_mean_text(word, known, fmt::format("use one of {}", fmt::join(known, ", "))));
  }
}

Block read_block(const Toml& table, const std::vector<Branch>& branches, MatrixSpec& spec) {
  table.allow_only(block_keys());
  Block block;
  block.where = table.where();
  const std::string kind = table.text_or("kind", "gpu");
  if (kind != "gpu" && kind != "cpu") {
    table.at("kind").fail(fmt::format("kind \"{}\" is not known", printable(kind)), "use one of gpu, cpu");
  }
  block.gpu = kind == "gpu";
  for (const Axis* row : axes_by_nesting()) row->read(*row, table, block);
  const bool of_branches = block.pytorch.empty() && !branches.empty();
  if (const Toml* names = table.find("branches"); names && !of_branches) {
    names->fail("this block has axes of its own",
                branches.empty() ? "there is no [[branch]] table" : "take branches or pytorch out");
  }
  check_axes(table, block, of_branches, spec);
  if (!of_branches) block.nixpkgs = read_block_pin(table, spec);
  block.name = table.text_or("name", usual_name(block));
  block.pname = table.text_or("pname", block.name);
  check_pattern(table, "name", block.name, block);
  check_pattern(table, "pname", block.pname, block);
  check_companions(table, block, spec);
  return block;
}

}  // namespace

std::vector<Branch> read_branches(const Toml& root, MatrixSpec& spec) {
  std::vector<Branch> branches;
  const Toml* rows = root.find("branch");
  if (!rows) return branches;
  for (const Toml& row : rows->array()) {
    Branch branch = read_branch(row, spec.nixpkgs);
    const bool twice =
        std::ranges::any_of(branches, [&](const Branch& other) { return other.name == branch.name; });
    if (twice) row.at("name").fail(fmt::format("two branches are called \"{}\"", printable(branch.name)));
    if (!spec.pytorch.contains(branch.pytorch)) need_source(row.at("pytorch"), branch.pytorch, spec);
    branches.push_back(std::move(branch));
  }
  return branches;
}

void read_blocks(const Toml& root, std::string_view key, const std::vector<Branch>& branches,
                 MatrixSpec& spec) {
  const Toml* blocks = root.find(key);
  if (!blocks) return;
  for (const Toml& table : blocks->array()) {
    const Block block = read_block(table, branches, spec);
    if (!block.pytorch.empty()) {
      spec.blocks.push_back(block);
      continue;
    }
    for (Block& made : blocks_of_branches(table, block, branches)) {
      check_companions(table, made, spec);
      spec.blocks.push_back(std::move(made));
    }
  }
}

}  // namespace lathe
