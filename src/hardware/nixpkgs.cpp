// SPDX-License-Identifier: MIT
#include "hardware/nixpkgs.h"

#include <fmt/format.h>

#include <algorithm>
#include <functional>
#include <iterator>
#include <map>
#include <variant>

#include "base/embedded.h"
#include "base/text.h"
#include "base/toml.h"
#include "hardware/capability.h"
#include "hardware/compat.h"
#include "hardware/nixpkgs_columns.h"
#include "hardware/provenance.h"

namespace lathe::hardware_data {
std::span<const EmbeddedFile> nixpkgs();
}

namespace lathe {
namespace {

struct Data {
  NixpkgsTables tables;
  std::vector<DefaultGpus> defaults;
  std::map<std::string, NixpkgsFacts, std::less<>> pins;  // by revision
};

Version version_of(const Toml& value) {
  const auto version = Version::parse(value.text());
  if (!version) value.fail(fmt::format("\"{}\" is not a version", printable(value.text())));
  return *version;
}

std::optional<Version> version_if(const Toml& row, std::string_view key) {
  const Toml* value = row.find(key);
  return value ? std::optional(version_of(*value)) : std::nullopt;
}

using CapabilityLists = std::map<std::string, std::vector<std::string>, std::less<>>;

CapabilityLists read_lists(const Toml& root) {
  CapabilityLists lists;
  for (const Toml& row : root.at("torch_list").array()) {
    row.allow_only({"name", "capabilities", "source", "confidence"});
    provenance_of(row);
    lists[row.at("name").text()] = row.at("capabilities").texts();
  }
  return lists;
}

std::vector<std::string> capabilities_of(const Toml& row, const CapabilityLists& lists) {
  const Toml* name = row.find("torch_list");
  if (!name) return {};
  const auto found = lists.find(name->text());
  if (found == lists.end()) name->fail("there is no such torch_list");
  return found->second;
}

// The columns that rows of nixpkgs.toml have and those of pins.toml may have.
using TextColumn = std::string NixpkgsFacts::*;
using ListColumn = std::vector<std::string> NixpkgsFacts::*;
using FlagColumn = bool NixpkgsFacts::*;
struct FactColumn {
  std::string_view name;
  std::variant<TextColumn, ListColumn, FlagColumn> member;
};
constexpr FactColumn fact_columns[] = {
    {"torch", &NixpkgsFacts::torch},
    {"triton", &NixpkgsFacts::triton},
    {"torchvision", &NixpkgsFacts::torchvision},
    {"torchaudio", &NixpkgsFacts::torchaudio},
    {"cuda", &NixpkgsFacts::cuda},
    {"python", &NixpkgsFacts::python},
    {"cuda_sets", &NixpkgsFacts::cuda_sets},
    {"cuda_aliases", &NixpkgsFacts::cuda_aliases},
    {"torch_cuda", &NixpkgsFacts::torch_cuda},
    {"magma_cuda13", &NixpkgsFacts::magma_cuda13},
    {"metadata_check", &NixpkgsFacts::metadata_check},
    {"cccl_folder", &NixpkgsFacts::cccl_folder},
    {"cccl", &NixpkgsFacts::cccl},
    {"torch_style", &NixpkgsFacts::torch_style},
    {"torch_arguments", &NixpkgsFacts::torch_arguments},
    {"torch_patches", &NixpkgsFacts::torch_patches},
    {"torch_cuda_patches", &NixpkgsFacts::torch_cuda_patches},
    {"fixed_texts", &NixpkgsFacts::fixed_texts},
};

void read_column(const Toml& value, const FactColumn& column, NixpkgsFacts& facts) {
  if (const auto* text = std::get_if<TextColumn>(&column.member)) facts.** text = value.text();
  if (const auto* list = std::get_if<ListColumn>(&column.member)) facts.** list = value.texts();
  if (const auto* flag = std::get_if<FlagColumn>(&column.member)) facts.** flag = value.flag();
}

NixpkgsFacts read_release(const Toml& row, const CapabilityLists& lists) {
  std::vector<std::string_view> known = {"since", "torch_list", "source", "confidence"};
  for (const FactColumn& column : fact_columns) known.push_back(column.name);
  row.allow_only(known);
  NixpkgsFacts facts;
  facts.since = row.at("since").text();
  facts.torch_capabilities = capabilities_of(row, lists);
  facts.provenance = provenance_of(row);
  for (const FactColumn& column : fact_columns) {
    const bool may_lack = std::holds_alternative<FlagColumn>(column.member);
    const Toml* value = may_lack ? row.find(column.name) : &row.at(column.name);
    if (value) read_column(*value, column, facts);
  }
  return facts;
}

// What a revision has otherwise than the row that it is like.
void apply_pin(const Toml& row, const CapabilityLists& lists, NixpkgsFacts& facts) {
  if (row.find("torch_list")) facts.torch_capabilities = capabilities_of(row, lists);
  for (const FactColumn& column : fact_columns) {
    // Those that somebody saw: there may be more.
    if (column.name == "cuda_sets") continue;
    if (const Toml* value = row.find(column.name)) read_column(*value, column, facts);
  }
}

TorchNeeds read_needs(const Toml& row) {
  row.allow_only({"release", "triton", "cccl_cuda", "source", "confidence"});
  return {.release = row.at("release").text(),
          .triton = row.at("triton").text(),
          .cccl_cuda = version_if(row, "cccl_cuda"),
          .provenance = provenance_of(row)};
}

TorchPatch read_patch(const Toml& row) {
  row.allow_only({"name", "first", "last", "use", "source", "confidence"});
  return {.name = row.at("name").text(),
          .first = version_if(row, "first"),
          .last = version_if(row, "last"),
          .use = row.at("use").text(),
          .provenance = provenance_of(row)};
}

Jetson read_jetson(const Toml& row) {
  row.allow_only({"capability", "name", "last_cuda", "server_cuda", "source", "confidence"});
  const auto spelled = parse_capability(row.at("capability").text());
  if (!spelled) row.at("capability").fail("this is not a capability");
  return {.capability = spelled->capability,
          .name = row.at("name").text(),
          .last_cuda = version_if(row, "last_cuda"),
          .server_cuda = version_if(row, "server_cuda"),
          .provenance = provenance_of(row)};
}

MagmaFix read_magma_fix(const Toml& row) {
  row.allow_only({"first_cuda", "name", "commit", "hash", "mark", "what", "source", "confidence"});
  return {.first_cuda = version_of(row.at("first_cuda")),
          .name = row.at("name").text(),
          .commit = row.at("commit").text(),
          .hash = row.at("hash").text(),
          .mark = row.at("mark").text(),
          .what = row.at("what").text(),
          .provenance = provenance_of(row)};
}

TritonSource read_triton(const Toml& row) {
  row.allow_only({"release", "instead_of", "hash", "llvm", "llvm_version", "llvm_hash", "stale_patches",
                  "link_file", "link_text", "source", "confidence"});
  return {.release = row.at("release").text(),
          .instead_of = row.at("instead_of").texts(),
          .hash = row.at("hash").text(),
          .llvm = row.at("llvm").text(),
          .llvm_version = row.at("llvm_version").text(),
          .llvm_hash = row.at("llvm_hash").text(),
          .stale_patches = row.at("stale_patches").texts(),
          .link_file = row.at("link_file").text(),
          .link_text = row.at("link_text").text(),
          .provenance = provenance_of(row)};
}

Capability read_lacking(const Toml& row) {
  row.allow_only({"capability", "source", "confidence"});
  provenance_of(row);
  const auto spelled = parse_capability(row.at("capability").text());
  if (!spelled) row.at("capability").fail("this is not a capability");
  return spelled->capability;
}

DefaultGpus read_default(const Toml& row) {
  row.allow_only({"cuda", "capabilities", "source", "confidence"});
  DefaultGpus result{.cuda = row.at("cuda").text(), .capabilities = {}, .provenance = provenance_of(row)};
  for (const std::string& text : row.at("capabilities").texts()) {
    const auto spelled = parse_capability(text);
    if (!spelled) row.at("capabilities").fail(fmt::format("\"{}\" is not a capability", printable(text)));
    result.capabilities.push_back(spelled->capability);
  }
  return result;
}

BlasLibrary read_blas(const Toml& row) {
  row.allow_only({"name", "provider", "title", "part", "machines", "unfree", "source", "confidence"});
  return {.name = row.at("name").text(),
          .provider = row.at("provider").text(),
          .title = row.at("title").text(),
          .part = row.at("part").text(),
          .machines = row.find("machines") ? row.at("machines").texts() : std::vector<std::string>{},
          .unfree = row.flag_or("unfree", false),
          .provenance = provenance_of(row)};
}

Data read_data() {
  const auto files = hardware_data::nixpkgs();
  Data data;
  const Toml root = Toml::parse(files[0].text, "nixpkgs.toml");
  root.allow_only({"nixpkgs", "torch", "patch", "jetson", "torch_list", "magma_fix", "triton", "lacking",
                   "default", "blas"});
  const CapabilityLists lists = read_lists(root);
  for (const Toml& row : root.at("nixpkgs").array()) data.tables.releases.push_back(read_release(row, lists));
  for (const Toml& row : root.at("magma_fix").array()) data.tables.magma_fixes.push_back(read_magma_fix(row));
  for (const Toml& row : root.at("triton").array()) data.tables.tritons.push_back(read_triton(row));
  for (const Toml& row : root.at("lacking").array()) data.tables.lacking.push_back(read_lacking(row));
  for (const Toml& row : root.at("torch").array()) data.tables.torch.push_back(read_needs(row));
  for (const Toml& row : root.at("patch").array()) data.tables.patches.push_back(read_patch(row));
  for (const Toml& row : root.at("jetson").array()) data.tables.jetsons.push_back(read_jetson(row));
  for (const Toml& row : root.at("blas").array()) data.tables.blas.push_back(read_blas(row));
  for (const Toml& row : root.at("default").array()) data.defaults.push_back(read_default(row));
  const Toml pins = Toml::parse(files[1].text, "pins.toml");
  for (const Toml& row : pins.at("pin").array()) {
    const auto like = std::ranges::find(data.tables.releases, row.at("like").text(), &NixpkgsFacts::since);
    if (like == data.tables.releases.end()) row.at("like").fail("no row of nixpkgs.toml begins then");
    NixpkgsFacts& facts = data.pins[row.at("rev").text()] = *like;
    apply_pin(row, lists, facts);
  }
  return data;
}

const Data& data() {
  static const Data read = read_data();
  return read;
}

// "2.10.0" -> "2.10", "2.11.0a0+git0123456" -> "2.11"
std::string_view major_minor(std::string_view version) {
  const std::size_t dot = version.find('.');
  return version.substr(
      0, dot == std::string_view::npos ? dot : version.find_first_not_of("0123456789", dot + 1));
}

Version release_of(Version toolkit) {
  toolkit.parts.resize(std::min<std::size_t>(toolkit.parts.size(), 2));
  return toolkit;
}

const Jetson* find_jetson(Capability capability) {
  const auto found = std::ranges::find(data().tables.jetsons, capability.portable(), &Jetson::capability);
  return found == data().tables.jetsons.end() ? nullptr : &*found;
}

std::string dotted(Capability capability) { return spell(capability, Dialect::dotted); }

}  // namespace

bool NixpkgsFacts::has_patch(std::string_view name) const {
  return std::ranges::find(torch_patches, name) != torch_patches.end() ||
         std::ranges::find(torch_cuda_patches, name) != torch_cuda_patches.end();
}

bool MagmaFix::is(std::string_view patch_name, std::string_view url) const {
  return patch_name.find(mark) != std::string_view::npos || url.find(commit) != std::string_view::npos;
}

bool TorchPatch::is_for(std::string_view pytorch) const {
  const auto release = Version::parse(major_minor(pytorch));
  return !release || ((!first || *first <= *release) && (!last || *release <= *last));
}

const NixpkgsTables& nixpkgs_tables() { return data().tables; }

const NixpkgsFacts* nixpkgs_facts(std::string_view rev) {
  const auto found = data().pins.find(rev);
  return found == data().pins.end() ? nullptr : &found->second;
}

std::optional<NixpkgsColumns> nixpkgs_columns(std::string_view since_or_rev) {
  NixpkgsColumns columns;
  const auto add = [&](const Toml& row) {
    for (const auto& [key, where, value] : row.table()) {
      if (key == "source" || key == "confidence" || key == "since" || key == "rev" || key == "sha256" ||
          key == "like" || key == "pytorch_alias")
        continue;
      if (value.is_flag()) columns[key] = {value.flag() ? "true" : "false"};
      else columns[key] = value.text_or_texts();
    }
  };
  const auto files = hardware_data::nixpkgs();
  const Toml releases = Toml::parse(files[0].text, "nixpkgs.toml"),
             pins = Toml::parse(files[1].text, "pins.toml");
  const auto& rows = pins.at("pin").array();
  const auto pin =
      std::ranges::find_if(rows, [&](const Toml& row) { return row.at("rev").text() == since_or_rev; });
  const std::string since(pin == rows.end() ? std::string(since_or_rev) : pin->at("like").text());
  for (const Toml& row : releases.at("nixpkgs").array()) {
    if (row.at("since").text() != since) continue;
    for (const FactColumn& column : fact_columns) {
      if (std::holds_alternative<FlagColumn>(column.member)) columns[std::string(column.name)] = {"false"};
    }
    add(row);
  }
  if (pin != rows.end()) add(*pin);
  if (columns.empty()) return std::nullopt;
  return columns;
}

bool is_list_column(std::string_view name) {
  const auto* column = std::ranges::find(fact_columns, name, &FactColumn::name);
  return column != std::end(fact_columns) && std::holds_alternative<ListColumn>(column->member);
}

std::string_view nixpkgs_like(std::string_view rev) {
  const NixpkgsFacts* facts = nixpkgs_facts(rev);
  return facts ? std::string_view(facts->since) : std::string_view();
}

const NixpkgsFacts& assumed_facts(std::string_view torch) {
  const auto& rows = data().tables.releases;
  const auto ships = std::ranges::find(rows.rbegin(), rows.rend(), torch, &NixpkgsFacts::torch);
  return ships == rows.rend() ? rows.back() : *ships;
}

const MagmaFix* magma_fix(const Version& toolkit) {
  const auto& fixes = data().tables.magma_fixes;
  const auto found =
      std::ranges::find_if(fixes, [&](const MagmaFix& fix) { return fix.first_cuda <= toolkit; });
  return found == fixes.end() ? nullptr : &*found;
}

const TritonSource* triton_instead(std::string_view pytorch, std::string_view there) {
  const TorchNeeds* needs = torch_needs(pytorch);
  if (!needs || needs->triton == there) return nullptr;
  const auto& tritons = data().tables.tritons;
  const auto found = std::ranges::find_if(tritons, [&](const TritonSource& row) {
    return row.release == needs->triton && std::ranges::find(row.instead_of, there) != row.instead_of.end();
  });
  return found == tritons.end() ? nullptr : &*found;
}

std::string_view pin_with(std::string_view pytorch, std::string_view triton) {
  std::string_view since, rev;
  for (const auto& [each, facts] : data().pins) {
    if (facts.torch == pytorch && facts.triton == triton && facts.since >= since)
      since = facts.since, rev = each;
  }
  return rev;
}

const TorchNeeds* torch_needs(std::string_view pytorch) {
  const auto found = std::ranges::find(data().tables.torch, major_minor(pytorch), &TorchNeeds::release);
  return found == data().tables.torch.end() ? nullptr : &*found;
}

bool is_refused_by_config(Capability capability, Machine machine) {
  const auto& lacking = data().tables.lacking;
  return std::ranges::find(lacking, capability.portable()) != lacking.end() ||
         (machine != Machine::aarch64 && find_jetson(capability));
}

const DefaultGpus* default_gpus(const Version& cuda) {
  const auto found = std::ranges::find(data().defaults, release_of(cuda).text(), &DefaultGpus::cuda);
  return found == data().defaults.end() ? nullptr : &*found;
}

bool is_built_by_default(Capability capability, const Version& cuda) {
  const DefaultGpus* row = default_gpus(cuda);
  return !row || std::ranges::any_of(row->capabilities, [&](Capability built) {
    return runs_on({.capability = built, .kind = CodeKind::cubin}, capability.portable());
  });
}

bool has_jetson_packages(Capability capability, const Version& toolkit) {
  const Jetson* jetson = find_jetson(capability);
  return jetson && release_of(toolkit) <= jetson->last_cuda;
}

std::string why_no_packages(Capability capability, const Version& toolkit) {
  const Jetson* jetson = find_jetson(capability);
  const Version release = release_of(toolkit);
  if (!jetson || !jetson->last_cuda || release <= jetson->last_cuda ||
      (jetson->server_cuda && release >= *jetson->server_cuda))
    return "";
  std::string why =
      fmt::format("CUDA {} has no packages that run on {} ({}): those for Jetson end with CUDA {}",
                  toolkit.text(), dotted(capability), jetson->name, jetson->last_cuda->text());
  if (jetson->server_cuda)
    why += fmt::format(", those for Arm servers run there from CUDA {} on", jetson->server_cuda->text());
  return why;
}

std::string why_no_common_packages(std::span<const Capability> capabilities, const Version& toolkit) {
  const auto own = [&](Capability each) { return has_jetson_packages(each, toolkit); };
  const auto jetson = std::ranges::find_if(capabilities, own);
  const auto other = std::ranges::find_if_not(capabilities, own);
  if (jetson == capabilities.end() || other == capabilities.end()) return "";
  return fmt::format(
      "{} (Jetson) and {} cannot be in one build with CUDA {}: each has CUDA packages of its own",
      dotted(*jetson), dotted(*other), toolkit.text());
}

}  // namespace lathe
