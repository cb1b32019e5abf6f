// SPDX-License-Identifier: MIT
#include "jobs/build_told.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <optional>
#include <vector>

#include "hardware/capability.h"
#include "hardware/catalog.h"

namespace lathe {
namespace {

std::string spelled(const std::vector<Capability>& gpus) {
  std::vector<std::string> names;
  for (const Capability gpu : gpus) names.push_back(spell(gpu, Dialect::dotted));
  return fmt::format("{}", fmt::join(names, " and "));
}

BuildTold told(const std::vector<Capability>& gpus, const std::optional<Version>& cuda,
               const std::string& isa) {
  return {.kind = cuda ? BuildTold::Kind::gpu : BuildTold::Kind::cpu,
          .gpus = spelled(gpus),
          .cuda = cuda ? cuda->text() : "",
          .isa = isa};
}

// "python3.13-pytorch-python313-cpu-avx2-2.10.0": nixpkgs writes the interpreter before the name and the
// version after it.
std::optional<VariantName> variant_of(std::string_view derivation) {
  const std::size_t dash = derivation.find('-');
  const bool interpreter =
      derivation.starts_with("python") && dash != std::string_view::npos &&
      derivation.substr(6, dash - 6).find_first_not_of("0123456789.") == std::string_view::npos;
  if (interpreter) derivation.remove_prefix(dash + 1);
  const std::size_t version = derivation.rfind('-');
  if (version != std::string_view::npos && version + 1 < derivation.size() &&
      derivation[version + 1] >= '0' && derivation[version + 1] <= '9') {
    derivation = derivation.substr(0, version);
  }
  NameReading reading = read_variant_name(derivation);
  return reading.problems.empty() ? reading.name : std::nullopt;
}

void keep_common(BuildTold& all, const BuildTold& other) {
  if (all.kind != other.kind) all.kind = BuildTold::Kind::unknown;
  if (all.gpus != other.gpus) all.gpus.clear();
  if (all.cuda != other.cuda) all.cuda.clear();
  if (all.isa != other.isa) all.isa.clear();
}

}  // namespace

BuildTold build_told(const Variant& variant) {
  return told(variant.cell->gpus, variant.cell->cuda, variant.cell->isa ? variant.cell->isa->name : "");
}

BuildTold build_told(const VariantName& name) { return told(name.gpus, name.cuda, name.isa); }

BuildTold build_told(std::span<const std::string> derivations) {
  std::optional<BuildTold> all;
  for (const std::string& derivation : derivations) {
    const auto name = variant_of(derivation);
    if (!name) continue;
    if (all) keep_common(*all, build_told(*name));
    else all = build_told(*name);
  }
  return all.value_or(BuildTold{});
}

}  // namespace lathe
