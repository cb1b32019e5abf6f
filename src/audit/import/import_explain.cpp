// SPDX-License-Identifier: MIT
#include "audit/import/import_explain.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <iterator>
#include <optional>
#include <set>

#include "audit/import/backend.h"
#include "audit/import/import_settings.h"
#include "audit/import/nix_value.h"
#include "audit/import/own_torch.h"
#include "base/json.h"
#include "base/text.h"
#include "hardware/capability.h"
#include "hardware/flags.h"
#include "matrix/axis_table.h"
#include "matrix/nixpkgs_base.h"
#include "nix/shell_flags.h"

namespace lathe {
namespace {

// The words that choose instructions: nixpkgs' for every package (localSystem.gcc), and the recipe's own
// after them.
struct ChosenFlags {
  std::vector<std::string> all, own;
  bool by_machine = false;  // nixpkgs' do
};

ChosenFlags flags_of(const RecordedPackage& torch, const RecordedNixpkgs& pin) {
  ChosenFlags flags{
      .all = pin.machine_flags, .own = {}, .by_machine = !features_of(pin.machine_flags).empty()};
  std::ranges::copy_if(torch.cxxflags, std::back_inserter(flags.own),
                       [](const std::string& word) { return word.starts_with("-m"); });
  flags.all.insert(flags.all.end(), flags.own.begin(), flags.own.end());
  return flags;
}

using Features = std::set<std::string>;
Features feature_set(const std::vector<std::string>& names) { return {names.begin(), names.end()}; }

// The first that fits, the one in the recipe's name before all.
template <typename Fits>
const Isa* first_isa(const Isa* named, const Fits& fits) {
  if (named && fits(*named)) return named;
  const auto& isas = catalog().isas;
  const auto found = std::ranges::find_if(isas, fits);
  return found == isas.end() ? nullptr : &*found;
}

// The most of the catalogue that `enabled` holds.
const Isa* highest_isa(const Isa* named, const Features& enabled) {
  const auto held = [&](const Isa& isa) {
    return !isa.features.empty() && std::ranges::includes(enabled, feature_set(isa.features));
  };
  if (named && held(*named)) return named;
  const Isa* best = nullptr;
  for (const Isa& isa : catalog().isas) {
    if (held(isa) && (!best || isa.level >= best->level)) best = &isa;
  }
  return best;
}

// The catalogue's ISA that the compiler flags are for: what they enable, exactly; of two alike the one in
// the name. Flags that enable less than the ISA in the name, or more that all its CPUs have
// (-march=x86-64-v3), are the recipe's own. What nixpkgs' compilers are given for every package stays with
// nixpkgs: [extra.nixpkgs].
const Isa* isa_of(const ChosenFlags& flags, const Isa* named) {
  const Features enabled = feature_set(features_of(flags.all));
  const Isa* isa = first_isa(named, [&](const Isa& each) { return feature_set(each.features) == enabled; });
  if (isa) return isa;
  isa = first_isa(named, [&](const Isa& each) {
    return excess_of(flags.all, each).empty() && std::ranges::includes(enabled, feature_set(each.features));
  });
  if (!isa && flags.by_machine) isa = highest_isa(named, enabled);
  if (!isa && named && std::ranges::includes(feature_set(named->features), enabled)) isa = named;
  return isa;
}

void read_isa(const ChosenFlags& flags, const VariantName* name, Explained& recipe) {
  recipe.isa = isa_of(flags, name ? catalog().find_isa(name->isa) : nullptr);
  const bool exact = recipe.isa && feature_set(recipe.isa->features) == feature_set(features_of(flags.all));
  const bool adds_nothing = recipe.isa && (flags.own.empty() || feature_set(features_of(flags.own)) ==
                                                                    feature_set(recipe.isa->features));
  if (exact && (!flags.by_machine || adds_nothing)) return;
  if (flags.own.empty() && !flags.by_machine) throw Failure("compiles without flags for a CPU");
  if (!recipe.isa || !unknown_flags(flags.all).empty()) {
    throw Failure(
        fmt::format("its flags {} match no instruction set in the catalogue", fmt::join(flags.all, " ")));
  }
  if (!flags.by_machine || !adds_nothing) recipe.own_flags = flags.own;
}

// Of what is cut out of nixpkgs' own torch, which is compiled without flags: the lowest of its machine,
// unless it is named otherwise.
void read_isa_of_nixpkgs(const Recorded& got, const VariantName* name, Explained& recipe) {
  if (const std::string why = why_not_own(got); !why.empty()) throw Failure(why);
  recipe.isa = name ? catalog().find_isa(name->isa) : nullptr;
  if (recipe.isa) return;
  const auto& isas = catalog().isas;
  recipe.isa = &*std::ranges::find_if(
      isas, [&](const Isa& isa) { return is_lowest(isa) && system_of(isa.machine) == got.system; });
}

std::string python_of(const RecordedPackage& torch, const VariantName* name) {
  std::string_view attribute = torch.attribute;
  attribute.remove_prefix(std::min<std::size_t>(6, attribute.size()));
  const std::size_t end = std::min(attribute.find_first_not_of("0123456789"), attribute.size());
  if (end >= 2) return fmt::format("{}.{}", attribute.substr(0, 1), attribute.substr(1, end - 1));
  if (name) return name->python;
  throw Failure("it does not say which Python it is for");
}

// What override names, or, where that is empty, what the configuration of nixpkgs does, or a phase of the
// recipe.
std::vector<std::string> named_gpus(const RecordedPackage& torch, const RecordedNixpkgs& pin) {
  if (!torch.gpu_targets.empty()) return torch.gpu_targets;
  const std::vector<std::string> configured = pin.config_texts("cudaCapabilities");
  if (!configured.empty()) return configured;
  constexpr const char* name = "TORCH_CUDA_ARCH_LIST";
  ShellVariables before;
  apply_assignments(torch.original.text_of("preConfigure"), before);
  const auto list = torch.environment.find(name);
  if (list == torch.environment.end() || list->second == before[name]) return {};
  std::vector<std::string> targets;
  const std::string text = replace_all(list->second, " ", ";");
  for (const std::string_view word : split(text, ';')) {
    if (!word.empty()) targets.emplace_back(word);
  }
  return targets;
}

void read_gpus(const RecordedPackage& torch, const RecordedNixpkgs& pin, Explained& recipe) {
  if (!torch.cuda || torch.cuda->version.empty()) throw Failure("the CUDA that it builds with is unknown");
  recipe.cuda = torch.cuda->version;
  if (const auto version = Version::parse(recipe.cuda))
    recipe.cuda = fmt::format("{}.{}", version->parts[0], version->parts.size() > 1 ? version->parts[1] : 0);
  const std::vector<std::string> targets = named_gpus(torch, pin);
  if (targets.empty()) throw Failure("names no GPUs: it builds for all GPUs of its nixpkgs");
  std::vector<Capability> with_ptx;
  for (const std::string& target : targets) {
    const auto spelled = parse_capability(target);
    if (!spelled) throw Failure(fmt::format("\"{}\" is not a compute capability", printable(target)));
    recipe.gpus.push_back(spelled->capability);
    if (spelled->ptx) with_ptx.push_back(spelled->capability);
  }
  if (with_ptx.empty()) return;
  recipe.ptx_of_each = recipe.gpus.size() > 1 && with_ptx == recipe.gpus;
  if (!recipe.ptx_of_each && with_ptx != std::vector{*std::ranges::max_element(recipe.gpus)})
    throw Failure("adds PTX for a GPU other than its highest");
  recipe.settings.ptx = true;
}

void read_carver(const Recorded& got, Explained& recipe) {
  recipe.carver = got.carver;
  recipe.of_nixpkgs = got.of_nixpkgs;
  const auto fetch = std::ranges::find(got.fetches, got.carver, &RecordedFetch::url);
  if (!got.carver.empty() && fetch != got.fetches.end()) recipe.carver_hash = fetch->hash.value_or("");
}

// What an axis writes of its word, beside what every recipe has, is exactly what the recipe has there.
bool has_word(const Axis& row, const std::string& word, const RecordedPackage& torch, const Cell& cell) {
  if (!row.why_not(word, cell).empty()) return false;
  const auto arguments = row.extra(word, cell).override_arguments;
  return !arguments.empty() && std::ranges::all_of(arguments, [&](const auto& argument) {
    const Json* given = torch.override_arguments.find(argument.first);
    const auto text = given ? NixValues("").expression(*given) : std::nullopt;
    return text && (*text == argument.second || *text == "(" + argument.second + ")");
  });
}

void read_words(const RecordedPackage& torch, Explained& recipe) {
  Cell cell;
  cell.isa = recipe.isa;
  cell.cuda = Version::parse(recipe.cuda);
  for (const Axis& row : axes()) {
    if (!row.may_be_off()) continue;
    for (const std::string& word : row.words()) {
      if (has_word(row, word, torch, cell)) recipe.words[std::string(row.word)] = word;
    }
  }
}

}  // namespace

std::string stem_of(std::string file) {
  for (const std::string_view end : {"/default.nix", ".nix"}) {
    if (file.ends_with(end)) return file.substr(0, file.size() - end.size());
  }
  return file;
}

Explained explain(const Recorded& got) {
  if (got.failure) throw Failure(got.failure->message);
  if (!got.package || got.package->builder != "torch") throw Failure("is not a torch of nixpkgs");
  const RecordedPackage& torch = *got.package;
  const RecordedNixpkgs* pin = got.pin();
  if (!pin || !pin->rev) throw Failure("pins no nixpkgs");
  if (torch.version.empty() || torch.version == "unknown")
    throw Failure("its PyTorch release is unknown: the catalogue does not list what its nixpkgs ships");
  const NameReading reading = read_variant_name(stem_of(got.file));
  const VariantName* name = reading.name ? &*reading.name : nullptr;
  Explained recipe{.file = got.file,
                   .stem = stem_of(got.file),
                   .pytorch = torch.version,
                   .python = python_of(torch, name),
                   .pin = *pin->rev,
                   .hash = torch.source ? torch.source->hash.value_or("") : "",
                   .tarball_hash = pin->sha256.value_or(""),
                   .cuda = {},
                   .carver = {},
                   .carver_hash = {},
                   .of_nixpkgs = false,
                   .gpus = {},
                   .own_flags = {},
                   .pname = torch.pname,
                   .owner = {},
                   .repo = {},
                   .rev = {},
                   .words = {},
                   .settings = settings_of(torch, *pin)};
  if (torch.source) {
    if (torch.source->owner != "pytorch") recipe.owner = torch.source->owner;
    if (torch.source->repo != "pytorch") recipe.repo = torch.source->repo;
    if (torch.source->rev != "v" + torch.version) recipe.rev = torch.source->rev;
  }
  if (got.of_nixpkgs) read_isa_of_nixpkgs(got, name, recipe);
  else read_isa(flags_of(torch, *pin), name, recipe);
  if (torch.cuda_support.value_or(false)) read_gpus(torch, *pin, recipe);
  read_carver(got, recipe);
  if (!got.of_nixpkgs) read_words(torch, recipe);
  return recipe;
}

// What a matrix of PyTorch does not speak of, and why.
std::string why_left_alone(const Recorded& got) {
  const std::string stem = stem_of(got.file);
  const bool named = read_variant_name(stem).name || stem.starts_with("pytorch");
  if (!named && !got.package) return "is not a recipe: an overlay, a module or a part of one";
  if (!named && got.package->builder != "torch")
    return fmt::format("builds another package, {}",
                       printable(got.package->pname.empty() ? got.package->name : got.package->pname));
  const std::string_view backend = other_backend(stem, got);
  return backend.empty() ? "" : fmt::format("is for {}, which a matrix cannot describe", backend);
}

}  // namespace lathe
