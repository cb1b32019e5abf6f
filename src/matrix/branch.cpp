// SPDX-License-Identifier: MIT
#include "matrix/branch.h"

#include <fmt/ranges.h>

#include <algorithm>
#include <iterator>
#include <utility>

#include "base/text.h"
#include "hardware/catalog.h"
#include "matrix/axes.h"

namespace lathe {
namespace {

// ["13.0"]: all from the branch's nixpkgs; { "13.0" = "NAME" }: each from its own.
std::vector<BranchCuda> read_branch_cuda(const Toml& table, const std::string& otherwise, const Pins& pins) {
  std::vector<BranchCuda> all;
  const Toml* value = table.find("cuda");
  if (!value) return all;
  if (!value->is_table()) {
    for (const auto& item : axis<Version>(table, "cuda", read_cuda)) all.push_back({item.value, otherwise});
    return all;
  }
  for (const Toml::Member& member : value->table()) {
    const auto version = Version::parse(member.key);
    if (!version || version->parts.size() != 2 || !catalog().find_toolkit(*version)) {
      throw Error({.what = fmt::format("CUDA \"{}\" is not in the catalogue", printable(member.key)),
                   .where = member.where,
                   .next = "see torchlathe catalog cuda"});
    }
    all.push_back({*version, read_pin_name(member.value, pins)});
  }
  return all;
}

bool wanted(const std::vector<std::string>& names, const std::string& name) {
  return names.empty() || std::ranges::find(names, name) != names.end();
}

std::vector<std::string> branches_of(const Toml& table, const std::vector<Branch>& branches) {
  const Toml* value = table.find("branches");
  if (!value) return {};
  std::vector<std::string> known;
  for (const Branch& branch : branches) known.push_back(branch.name);
  for (const Toml& item : value->array()) {
    if (std::ranges::find(known, item.text()) == known.end()) {
      item.fail(fmt::format("there is no [[branch]] called \"{}\"", printable(item.text())),
                did_you_mean_text(item.text(), known));
    }
  }
  return value->texts();
}

// The CUDA releases of `branch` that the block wants, by nixpkgs, in the branch's order.
std::vector<std::pair<std::string, std::vector<Placed<Version>>>> cuda_by_pin(const Block& pattern,
                                                                              const Branch& branch) {
  std::vector<std::pair<std::string, std::vector<Placed<Version>>>> groups;
  for (const BranchCuda& cuda : branch.cuda) {
    const auto asked =
        std::ranges::find(pattern.cuda, cuda.version, [](const auto& placed) { return placed.value; });
    if (!pattern.cuda.empty() && asked == pattern.cuda.end()) continue;
    auto group = std::ranges::find(groups, cuda.nixpkgs, [](const auto& entry) { return entry.first; });
    if (group == groups.end()) group = groups.insert(groups.end(), {cuda.nixpkgs, {}});
    group->second.push_back({cuda.version, asked == pattern.cuda.end() ? branch.where : asked->where});
  }
  return groups;
}

Block block_for(const Block& pattern, const Branch& branch) {
  Block block = pattern;
  block.branch = branch.name;
  block.branch_where = branch.where;
  block.pytorch = {branch.pytorch};
  block.python.clear();
  std::ranges::copy_if(branch.python, std::back_inserter(block.python),
                       [&](const std::string& python) { return wanted(pattern.python, python); });
  block.cuda.clear();
  block.nixpkgs = branch.nixpkgs;
  return block;
}

}  // namespace

std::string read_pin_name(const Toml& value, const Pins& pins) {
  if (!pins.contains(value.text())) {
    std::vector<std::string> names;
    for (const auto& [name, pin] : pins) names.push_back(name);
    value.fail(fmt::format("there is no [nixpkgs.{}] table", printable(value.text())),
               did_you_mean_text(value.text(), names));
  }
  return value.text();
}

Branch read_branch(const Toml& table, const Pins& pins) {
  table.allow_only({"name", "pytorch", "python", "cuda", "nixpkgs"});
  Branch branch;
  branch.where = table.where();
  branch.name = table.at("name").text();
  if (trim(branch.name).empty()) table.at("name").fail("a branch needs a name");
  branch.pytorch = read_pytorch(table.at("pytorch"));
  table.at("python");  // an Error when it is not there
  for (auto& item : axis<std::string>(table, "python", read_python)) branch.python.push_back(item.value);
  branch.nixpkgs = read_pin_name(table.at("nixpkgs"), pins);
  branch.cuda = read_branch_cuda(table, branch.nixpkgs, pins);
  return branch;
}

std::vector<Block> blocks_of_branches(const Toml& table, const Block& pattern,
                                      const std::vector<Branch>& branches) {
  if (const Toml* pin = table.find("nixpkgs"))
    pin->fail("a block of branches has the nixpkgs of each branch",
              "take it out, or name the block's own pytorch");
  const std::vector<std::string> names = branches_of(table, branches);
  std::vector<Block> blocks;
  for (const Branch& branch : branches) {
    if (!wanted(names, branch.name)) continue;
    Block block = block_for(pattern, branch);
    if (block.python.empty()) continue;
    if (!pattern.gpu) {
      blocks.push_back(block);
      continue;
    }
    for (const auto& [nixpkgs, cuda] : cuda_by_pin(pattern, branch)) {
      block.nixpkgs = nixpkgs;
      block.cuda = cuda;
      blocks.push_back(block);
    }
  }
  if (blocks.empty())
    table.fail("no branch has what this block asks for",
               "its python and cuda leave out all that the branches have");
  return blocks;
}

}  // namespace lathe
