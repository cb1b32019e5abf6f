// SPDX-License-Identifier: MIT
// What recipes are made of: [nixpkgs.NAME] and [pytorch."2.10.0"].
#include <fmt/format.h>

#include <algorithm>
#include <memory>
#include <string>
#include <string_view>

#include "base/text.h"
#include "base/toml.h"
#include "hardware/catalog.h"
#include "hardware/nixpkgs.h"
#include "matrix/axes.h"
#include "matrix/parse_parts.h"
#include "matrix/spec.h"
#include "matrix/values/hash_value.h"
#include "matrix/variant.h"

namespace lathe {
namespace {

bool is_hex(std::string_view text) {
  return std::ranges::all_of(text, [](char c) { return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f'); });
}

std::shared_ptr<const Nixpkgs> read_pin(const Toml::Member& member) {
  const Toml& table = member.value;
  table.allow_only({"rev", "sha256", "torch", "cuda", "cuda_sets", "magma_cuda13"});
  auto pin = std::make_shared<Nixpkgs>();
  pin->name = member.key;
  pin->where = member.where;
  pin->rev = table.at("rev").text();
  if (pin->rev.size() != 40 || !is_hex(pin->rev)) {
    table.at("rev").fail(fmt::format("\"{}\" is not a git revision", printable(pin->rev)),
                         "a full one has 40 hexadecimal digits; branches move and are not reproducible");
  }
  pin->sha256 = read_tarball_hash(table);
  if (const Pin* known = catalog().find_pin(pin->rev)) {
    pin->torch = known->torch;
    pin->cuda = known->cuda;
    pin->cuda_sets = known->cuda_sets;
    pin->magma_cuda13 = known->magma_cuda13;
  }
  pin->torch = table.text_or("torch", pin->torch);
  pin->cuda = table.text_or("cuda", pin->cuda);
  if (const Toml* sets = table.find("cuda_sets")) pin->cuda_sets = sets->texts();
  pin->facts = nixpkgs_facts(pin->rev);
  pin->assumed = pin->facts == nullptr;
  if (pin->assumed) {
    pin->facts = &assumed_facts(pin->torch);
    pin->magma_cuda13 = pin->facts->magma_cuda13;
  }
  pin->magma_cuda13 = table.flag_or("magma_cuda13", pin->magma_cuda13);
  return pin;
}

// What the tree's own select_compute_arch.cmake takes, where that is known better than by its release.
void read_arch_parser(const Toml& table, PytorchSource& source) {
  source.arch_patch = table.text_or("arch_patch", "");
  if (!source.arch_patch.empty() &&
      source.arch_patch.find("select_compute_arch.cmake") == std::string::npos) {
    table.at("arch_patch")
        .fail("this is not a patch of select_compute_arch.cmake", "see torchlathe help arch-patch");
  }
  if (!source.arch_patch.empty()) source.suffixes = "af";
  const Toml* suffixes = table.find("suffixes");
  if (!suffixes) return;
  if (!source.arch_patch.empty())
    suffixes->fail("arch_patch says which suffixes the build takes", "take this out");
  source.suffixes = "";
  for (const Toml& item : suffixes->array()) {
    if (item.text() != "a" && item.text() != "f")
      item.fail(fmt::format("\"{}\" is not a suffix", printable(item.text())), "use one of a, f");
    *source.suffixes += item.text();
  }
}

}  // namespace

void read_pins(const Toml& root, MatrixSpec& spec) {
  const Toml& pins = root.at("nixpkgs");
  for (const Toml::Member& member : pins.table()) spec.nixpkgs[member.key] = read_pin(member);
  if (spec.nixpkgs.empty()) pins.fail("no nixpkgs revision here", "see torchlathe init");
}

void read_sources(const Toml& root, MatrixSpec& spec) {
  const Toml* sources = root.find("pytorch");
  if (!sources) return;
  for (const Toml::Member& member : sources->table()) {
    const Toml& table = member.value;
    table.allow_only({"hash", "owner", "repo", "rev", "suffixes", "arch_patch"});
    check_pytorch(member.key, table);
    auto source = std::make_shared<PytorchSource>();
    source->version = member.key;
    source->where = member.where;
    source->owner = table.text_or("owner", "pytorch");
    source->repo = table.text_or("repo", "pytorch");
    source->rev = table.text_or("rev", "v" + member.key);
    check_sri(table.at("hash"));
    source->hash = table.at("hash").text();
    read_arch_parser(table, *source);
    spec.pytorch[member.key] = source;
  }
}

void need_source(const Toml& value, const std::string& version, MatrixSpec& spec) {
  const bool shipped =
      std::ranges::any_of(spec.nixpkgs, [&](const auto& pin) { return pin.second->torch == version; });
  if (!shipped) {
    value.fail(fmt::format("PyTorch {} has no source: the nixpkgs revision ships another release", version),
               fmt::format("add [pytorch.\"{}\"] with its hash", version));
  }
  auto source = std::make_shared<PytorchSource>();
  source->version = version;
  source->rev = "v" + version;
  source->where = value.where();
  spec.pytorch[version] = source;
}

}  // namespace lathe
