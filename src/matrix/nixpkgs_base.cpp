// SPDX-License-Identifier: MIT
#include "matrix/nixpkgs_base.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <string>
#include <utility>
#include <vector>

#include "hardware/capability.h"
#include "hardware/catalog.h"
#include "hardware/compat.h"
#include "hardware/nixpkgs.h"
#include "hardware/nixpkgs_columns.h"

namespace lathe {
namespace {

std::string dotted(Capability gpu) { return spell(gpu, Dialect::dotted); }

// For what nixpkgs builds torch where nothing names a GPU; empty where that is not known.
std::vector<Capability> default_targets(const Nixpkgs& nixpkgs, const Version& cuda) {
  const DefaultGpus* row = default_gpus(cuda);
  if (!row) return {};
  std::vector<Capability> gpus = row->capabilities;
  const auto& takes = nixpkgs.facts->torch_capabilities;
  std::erase_if(gpus, [&](Capability gpu) {
    return !takes.empty() && std::ranges::find(takes, dotted(gpu)) == takes.end();
  });
  return gpus;
}

std::string why_no_code(const std::vector<Capability>& targets, Capability gpu, const Version& cuda) {
  if (std::ranges::find(targets, gpu) != targets.end()) return "";
  std::vector<std::string> names;
  for (const Capability target : targets) names.push_back(dotted(target));
  return fmt::format("nixpkgs' own torch with CUDA {} has code for {}, none for {}", cuda.text(),
                     fmt::join(names, ", "), dotted(gpu));
}

std::string why_not_served(const Cell& cell, const Nixpkgs& nixpkgs, const PytorchSource& source) {
  if (nixpkgs.torch.empty())
    return "the PyTorch that this nixpkgs ships is unknown: set torch under [nixpkgs]";
  if (nixpkgs.torch != source.version)
    return fmt::format("this nixpkgs' own torch is {}, not {}", nixpkgs.torch, source.version);
  if (nixpkgs.cuda.empty())
    return "the CUDA that this nixpkgs builds its torch with is unknown: set cuda under [nixpkgs]";
  const Version& cuda = *cell.cuda;
  if (nixpkgs.cuda != cuda.text())
    return fmt::format("this nixpkgs' own torch is built with CUDA {}, not {}", nixpkgs.cuda, cuda.text());
  const std::vector<Capability> targets = default_targets(nixpkgs, cuda);
  if (targets.empty())
    return fmt::format("the GPUs that nixpkgs builds its torch for with CUDA {} are unknown", cuda.text());
  for (const Capability gpu : cell.gpus) {
    if (std::string why = why_no_code(targets, gpu, cuda); !why.empty()) return why;
  }
  if (is_lowest(*cell.isa)) return "";
  return fmt::format("nixpkgs' own torch is compiled for every {} CPU, not for {}",
                     to_string(cell.isa->machine), cell.isa->name);
}

}  // namespace

bool is_lowest(const Isa& isa) {
  const auto first = std::ranges::find(catalog().isas, isa.machine, &Isa::machine);
  return first != catalog().isas.end() && first->name == isa.name;
}

void judge_of_nixpkgs(Cell& cell, const Nixpkgs& nixpkgs, const PytorchSource& source,
                      std::string_view python) {
  if (cell.status == PairStatus::impossible) return;
  if (std::string why = why_not_served(cell, nixpkgs, source); !why.empty()) {
    cell.status = PairStatus::impossible;
    cell.not_served = cell.reason = std::move(why);
    cell.runs_on.clear();
    return;
  }
  cell.status = PairStatus::valid;
  cell.reason = fmt::format("cut out of nixpkgs' own torch, which is compiled for every {} CPU",
                            to_string(cell.isa->machine));
  const std::string& cached = nixpkgs.facts->python;
  if (cached != python)
    cell.reason += fmt::format("; caches have that for Python {}, for {} it is built first", cached, python);
}

}  // namespace lathe
