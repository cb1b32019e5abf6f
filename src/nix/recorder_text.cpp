// SPDX-License-Identifier: MIT
#include "nix/recorder_text.h"

#include <fmt/format.h>
#include <sys/random.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <iterator>
#include <span>
#include <string_view>
#include <utility>
#include <vector>

#include "base/embedded.h"
#include "base/error.h"
#include "base/text.h"
#include "hardware/capability.h"
#include "hardware/catalog.h"
#include "hardware/nixpkgs.h"
#include "hardware/nixpkgs_columns.h"

namespace lathe {

namespace nix_data {
std::span<const EmbeddedFile> recording();
}

namespace {

// "recording_pkgs.nix" is the part `pkgs`.
std::string_view part_name(std::string_view file) {
  file.remove_prefix(std::string_view("recording_").size());
  file.remove_suffix(std::string_view(".nix").size());
  return file;
}

// What nixpkgs targets when nobody asks. Where that was not noted: every capability of the toolkit that is
// not soldered to a Tegra and that no later toolkit has dropped.
std::vector<std::string> default_capabilities(const Version& cuda) {
  std::vector<std::string> result;
  if (const DefaultGpus* known = default_gpus(cuda)) {
    for (const Capability gpu : known->capabilities) result.push_back(spell(gpu, Dialect::dotted));
    return result;
  }
  for (const CapabilityRow& row : catalog().capabilities) {
    if (!row.tegra && !row.last_cuda && row.first_cuda <= cuda)
      result.push_back(spell(row.capability, Dialect::dotted));
  }
  return result;
}

// Of nixpkgs' patches of triton, those that another release does not take.
std::vector<std::string> stale_triton_patches(const std::string& shipped) {
  std::vector<std::string> names;
  for (const TritonSource& row : nixpkgs_tables().tritons) {
    if (std::ranges::find(row.instead_of, shipped) == row.instead_of.end()) continue;
    std::ranges::copy_if(row.stale_patches, std::back_inserter(names), [&](const std::string& name) {
      return std::ranges::find(names, name) == names.end();
    });
  }
  return names;
}

// What no pin's row has beside it: companions, patches, aliases.
void write_nixpkgs_facts(JsonWriter& json, const NixpkgsFacts& facts) {
  json.member("torchvision", facts.torchvision).member("torchaudio", facts.torchaudio);
  json.member("torch_cuda", facts.torch_cuda).member("torch_style", facts.torch_style);
  json.member("torch_arguments", facts.torch_arguments)
      .member("torch_capabilities", facts.torch_capabilities);
  json.member("patches", facts.torch_patches).member("cuda_patches", facts.torch_cuda_patches);
  json.member("cccl", facts.cccl)
      .member("triton", facts.triton)
      .member("triton_patches", stale_triton_patches(facts.triton));
  json.key("aliases").begin_object();
  for (const std::string& version : facts.cuda_aliases)
    json.member(version.substr(0, version.find('.')), version);
  json.end_object();
}

}  // namespace

std::string random_token() {
  std::array<unsigned char, 16> bytes{};
  if (::getrandom(bytes.data(), bytes.size(), 0) != static_cast<ssize_t>(bytes.size())) {
    throw system_error("get random bytes", "", errno);
  }
  std::string token;
  for (const unsigned char byte : bytes) fmt::format_to(std::back_inserter(token), "{:02x}", byte);
  return token;
}

Marks make_marks(bool other_face) {
  const std::string token = random_token();
  Marks marks{.recorded = "_" + token};
  if (other_face) marks.open = fmt::format("/nix/store/{}-", token), marks.close = "-" + random_token();
  return marks;
}

// All parts as one text, so that nothing of it has to lie in a file that a recipe could read.
std::string recorder_text(const Marks& marks) {
  std::string parts, main;
  for (const EmbeddedFile& file : nix_data::recording()) {
    std::string text = replace_all(std::string(file.text), "_recorded", marks.recorded);
    text = replace_all(replace_all(text, "‹", marks.open), "›", marks.close);
    if (part_name(file.name) == "main") main = std::move(text);
    else parts += fmt::format("{} = (\n{}\n);\n", part_name(file.name), text);
  }
  return fmt::format(
      "let main = (\n{}\n); parts = {{\n{}}}; in main {{ inherit parts; request = builtins.fromJSON ", main,
      parts);
}

std::string nix_string(std::string_view text) {
  std::string result = "\"";
  for (const char c : text) {
    if (c == '"' || c == '\\' || c == '$') result += '\\';
    result += c;
  }
  return result + '"';
}

void write_facts(JsonWriter& json) {
  json.key("toolkits").begin_object();
  for (const Toolkit& toolkit : catalog().toolkits) {
    json.key(toolkit.version.text()).begin_object();
    json.member("default_capabilities", default_capabilities(toolkit.version)).end_object();
  }
  json.end_object().key("assumed").begin_object();
  write_nixpkgs_facts(json, assumed_facts(""));
  json.member("cuda", assumed_facts("").cuda);
  json.end_object().key("pins").begin_object();
  for (const Pin& pin : catalog().pins) {
    json.key(pin.rev).begin_object();
    if (!pin.torch.empty()) json.member("torch", pin.torch);
    if (!pin.cuda.empty()) json.member("cuda", pin.cuda);
    json.member("cuda_sets", pin.cuda_sets).member("magma_cuda13", pin.magma_cuda13);
    if (const NixpkgsFacts* facts = nixpkgs_facts(pin.rev)) write_nixpkgs_facts(json, *facts);
    json.member("pytorch_alias", pin.pytorch_alias).end_object();
  }
  json.end_object();
}

}  // namespace lathe
