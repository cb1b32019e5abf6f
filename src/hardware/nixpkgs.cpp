// SPDX-License-Identifier: MIT
#include "hardware/nixpkgs.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>

#include "base/embedded.h"
#include "base/text.h"
#include "base/toml.h"
#include "hardware/provenance.h"

namespace lathe::hardware_data {
std::span<const EmbeddedFile> nixpkgs();
}

namespace lathe {
namespace {

struct Data {
  NixpkgsTables tables;
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

NixpkgsFacts read_release(const Toml& row) {
  row.allow_only({"since", "torch", "triton", "torchvision", "torchaudio", "cuda", "python", "cuda_sets", "cuda_aliases",
                  "torch_cuda", "magma_cuda13", "metadata_check", "cccl_folder", "source", "confidence"});
  return {.since = row.at("since").text(),
          .torch = row.at("torch").text(),
          .triton = row.at("triton").text(),
          .torchvision = row.at("torchvision").text(),
          .torchaudio = row.at("torchaudio").text(),
          .cuda = row.at("cuda").text(),
          .cuda_sets = row.at("cuda_sets").texts(),
          .cuda_aliases = row.at("cuda_aliases").texts(),
          .torch_cuda = row.at("torch_cuda").texts(),
          .python = row.at("python").text(),
          .magma_cuda13 = row.flag_or("magma_cuda13", false),
          .metadata_check = row.flag_or("metadata_check", false),
          .cccl_folder = row.flag_or("cccl_folder", false),
          .provenance = provenance_of(row)};
}

TorchNeeds read_needs(const Toml& row) {
  row.allow_only({"release", "triton", "cccl_cuda", "source", "confidence"});
  return {.release = row.at("release").text(), .triton = row.at("triton").text(), .cccl_cuda = version_if(row, "cccl_cuda"),
          .provenance = provenance_of(row)};
}

TorchPatch read_patch(const Toml& row) {
  row.allow_only({"name", "first", "last", "use", "source", "confidence"});
  return {.name = row.at("name").text(), .first = version_if(row, "first"), .last = version_if(row, "last"),
          .use = row.at("use").text(), .provenance = provenance_of(row)};
}

Jetson read_jetson(const Toml& row) {
  row.allow_only({"capability", "name", "last_cuda", "server_cuda", "source", "confidence"});
  const auto spelled = parse_capability(row.at("capability").text());
  if (!spelled) row.at("capability").fail("this is no capability");
  return {.capability = spelled->capability, .name = row.at("name").text(), .last_cuda = version_of(row.at("last_cuda")),
          .server_cuda = version_if(row, "server_cuda"), .provenance = provenance_of(row)};
}

Data read_data() {
  const auto files = hardware_data::nixpkgs();
  Data data;
  const Toml root = Toml::parse(files[0].text, "nixpkgs.toml");
  root.allow_only({"nixpkgs", "torch", "patch", "jetson"});
  for (const Toml& row : root.at("nixpkgs").array()) data.tables.releases.push_back(read_release(row));
  for (const Toml& row : root.at("torch").array()) data.tables.torch.push_back(read_needs(row));
  for (const Toml& row : root.at("patch").array()) data.tables.patches.push_back(read_patch(row));
  for (const Toml& row : root.at("jetson").array()) data.tables.jetsons.push_back(read_jetson(row));
  const Toml pins = Toml::parse(files[1].text, "pins.toml");
  for (const Toml& row : pins.at("pin").array()) {
    const auto like = std::ranges::find(data.tables.releases, row.at("like").text(), &NixpkgsFacts::since);
    if (like == data.tables.releases.end()) row.at("like").fail("no row of nixpkgs.toml begins then");
    NixpkgsFacts& facts = data.pins[row.at("rev").text()] = *like;
    facts.torch = row.text_or("torch", facts.torch);
    facts.cuda = row.text_or("cuda", facts.cuda);
    facts.magma_cuda13 = row.flag_or("magma_cuda13", facts.magma_cuda13);
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
  return version.substr(0, dot == std::string_view::npos ? dot : version.find_first_not_of("0123456789", dot + 1));
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

bool TorchPatch::is_for(std::string_view pytorch) const {
  const auto release = Version::parse(major_minor(pytorch));
  return !release || ((!first || *first <= *release) && (!last || *release <= *last));
}

const NixpkgsTables& nixpkgs_tables() { return data().tables; }

const NixpkgsFacts* nixpkgs_facts(std::string_view rev) {
  const auto found = data().pins.find(rev);
  return found == data().pins.end() ? nullptr : &found->second;
}

std::string_view nixpkgs_like(std::string_view rev) {
  const NixpkgsFacts* facts = nixpkgs_facts(rev);
  return facts ? std::string_view(facts->since) : std::string_view();
}

const TorchNeeds* torch_needs(std::string_view pytorch) {
  const auto found = std::ranges::find(data().tables.torch, major_minor(pytorch), &TorchNeeds::release);
  return found == data().tables.torch.end() ? nullptr : &*found;
}

bool has_jetson_packages(Capability capability, const Version& toolkit) {
  const Jetson* jetson = find_jetson(capability);
  return jetson && release_of(toolkit) <= jetson->last_cuda;
}

std::string why_no_packages(Capability capability, const Version& toolkit) {
  const Jetson* jetson = find_jetson(capability);
  const Version release = release_of(toolkit);
  if (!jetson || release <= jetson->last_cuda || (jetson->server_cuda && release >= *jetson->server_cuda)) return "";
  std::string why = fmt::format("CUDA {} has no packages that run on {} ({}): those for Jetson end with CUDA {}", toolkit.text(),
                                dotted(capability), jetson->name, jetson->last_cuda.text());
  if (jetson->server_cuda) why += fmt::format(", those for Arm servers run there from CUDA {} on", jetson->server_cuda->text());
  return why;
}

std::string why_no_common_packages(std::span<const Capability> capabilities, const Version& toolkit) {
  const auto own = [&](Capability each) { return has_jetson_packages(each, toolkit); };
  const auto jetson = std::ranges::find_if(capabilities, own);
  const auto other = std::ranges::find_if_not(capabilities, own);
  if (jetson == capabilities.end() || other == capabilities.end()) return "";
  return fmt::format("{} (Jetson) and {} cannot be in one build with CUDA {}: each has CUDA packages of its own", dotted(*jetson),
                     dotted(*other), toolkit.text());
}

}  // namespace lathe
