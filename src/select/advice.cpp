// SPDX-License-Identifier: MIT
#include "select/advice.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <iterator>
#include <string_view>
#include <utility>

#include "base/text.h"
#include "hardware/capability.h"
#include "hardware/catalog.h"
#include "hardware/compat.h"
#include "select/judge.h"
#include "select/rank.h"
#include "select/wheels.h"

namespace lathe {
namespace {

// The best after a change; "" when there is none.
std::string best_after(const HostInfo& host, const std::vector<Candidate>& candidates,
                       const std::string& prefer) {
  const Candidate* best = nullptr;
  Judgement on_best;
  for (const Candidate& candidate : candidates) {
    Judgement on = judge(candidate, host);
    if (!on.starts() || (best && !better(candidate, on, *best, on_best, prefer))) continue;
    best = &candidate;
    on_best = std::move(on);
  }
  return best ? best->name : "";
}

class Advisor {
 public:
  Advisor(const HostInfo& host, const std::vector<Candidate>& candidates, const std::string& prefer)
      : host_(host), candidates_(candidates), prefer_(prefer) {}

  std::vector<std::string> run() {
    if (candidates_.empty()) return {"there is nothing to choose from"};
    try_libraries();
    try_driver();
    try_single_gpus();
    try_slices();
    try_capability();
    try_new_build();
    try_without_gpu();
    if (out_.empty()) out_.push_back(fmt::format("no variant is for a CPU like this one ({})", best_isa()));
    return std::move(out_);
  }

 private:
  std::string best(const HostInfo& host) const { return best_after(host, candidates_, prefer_); }

  std::string best_isa() const {
    const auto usable = usable_isas(host_.cpu);
    return usable.empty()
               ? fmt::format("{} without any instruction set of the catalogue", to_string(host_.cpu.machine))
               : usable.back()->name;
  }

  void try_libraries() {
    if (host_.driver.libraries || host_.gpus.empty()) return;
    HostInfo other = host_;
    other.driver.libraries = true;
    if (const std::string name = best(other); !name.empty()) {
      out_.push_back(fmt::format("with the driver's libcuda.so.1 at hand ({}), {} would start",
                                 host_.system.container.empty()
                                     ? "install the driver's libraries"
                                     : "give the container the GPUs, as docker run --gpus all does",
                                 name));
    }
  }

  // The oldest driver with which anything starts, and the oldest with which the best does.
  void try_driver() {
    if (host_.gpus.empty() || host_.driver.assumed) return;
    HostInfo newest = host_;
    newest.driver = {.libraries = host_.driver.libraries, .assumed = true};
    const std::string ideal = best(newest);
    if (ideal.empty()) return;
    std::string told;
    for (const Version& floor : driver_floors()) {
      HostInfo other = host_;
      other.driver = {.version = floor, .cuda = cuda_of_driver(floor), .libraries = host_.driver.libraries};
      const std::string name = best(other);
      if (name.empty() || name == told || (!told.empty() && name != ideal)) continue;
      told = name;
      out_.push_back(fmt::format(
          "with {}driver {} or newer ({}), {} would start", host_.driver.version ? "" : "NVIDIA's ",
          floor.text(), host_.driver.version ? "this is " + host_.driver.version->text() : "none is loaded",
          name));
      if (name == ideal) return;
    }
  }

  // Newer drivers than the one there is that the catalogue has a reason to ask for, oldest first.
  std::vector<Version> driver_floors() const {
    std::vector<Version> floors;
    for (const Toolkit& toolkit : catalog().toolkits) {
      for (const HostGpu& gpu : host_.gpus) {
        if (!gpu.capability) continue;
        for (const bool ptx : {false, true})
          floors.push_back(minimum_driver(*gpu.capability, toolkit.version, ptx));
      }
    }
    std::erase_if(
        floors, [&](const Version& floor) { return host_.driver.version && floor <= *host_.driver.version; });
    std::ranges::sort(floors);
    return floors;
  }

  void try_single_gpus() {
    if (host_.gpus.size() < 2) return;
    for (std::size_t i = 0; i < host_.gpus.size(); ++i) {
      HostInfo one = host_;
      one.gpus = {host_.gpus[i]};
      if (const std::string name = best(one); !name.empty()) {
        out_.push_back(fmt::format("for {} alone (--gpu-index {}): {}", gpu_text(host_.gpus[i]), i, name));
      }
    }
  }

  void try_slices() {
    HostInfo other = host_;
    bool changed = false;
    for (HostGpu& gpu : other.gpus) {
      if (!gpu.mig || !gpu.slices.empty()) continue;
      gpu.mig = false;
      changed = true;
    }
    if (!changed) return;
    if (const std::string name = best(other); !name.empty()) {
      out_.push_back(
          fmt::format("with a MIG slice (nvidia-smi mig -cgi), or MIG mode off, {} would start", name));
    }
  }

  // A build that nobody has made yet, but could. Judged as if it were there.
  void try_new_build() {
    const auto usable = usable_isas(host_.cpu);
    if (usable.empty() ||
        !std::ranges::all_of(host_.gpus, [](const HostGpu& gpu) { return gpu.capability.has_value(); }))
      return;
    const Isa& isa = *usable.back();
    if (host_.gpus.empty()) {
      out_.push_back(
          fmt::format("a CPU build for {} would start: add kind = \"cpu\", isas = [\"{}\"] to the matrix",
                      isa.name, isa.name));
      return;
    }
    for (const Toolkit* toolkit : toolkits_by_preference()) {
      if (propose(*toolkit, isa, capabilities_of(host_.gpus), false)) return;
    }
    for (const Toolkit* toolkit : toolkits_by_preference()) {
      if (propose(*toolkit, isa, highest_below(*toolkit), true)) return;
    }
  }

  // Those that the driver serves wholly first, of them those that a revision of nixpkgs is known to have,
  // the newest first.
  std::vector<const Toolkit*> toolkits_by_preference() const {
    std::vector<const Toolkit*> order;
    for (const Toolkit& toolkit : catalog().toolkits) order.insert(order.begin(), &toolkit);
    std::stable_partition(order.begin(), order.end(), [](const Toolkit* toolkit) {
      return std::ranges::any_of(catalog().pins, [&](const Pin& pin) {
        return std::ranges::find(pin.cuda_sets, toolkit->version.text()) != pin.cuda_sets.end();
      });
    });
    std::stable_partition(order.begin(), order.end(), [&](const Toolkit* toolkit) {
      return !host_.driver.version || toolkit->paired_driver <= *host_.driver.version;
    });
    return order;
  }

  // For a GPU that no toolkit compiles for: what this one can do that is not above it.
  std::vector<Capability> highest_below(const Toolkit& toolkit) const {
    const Capability device = std::ranges::min(capabilities_of(host_.gpus));
    std::vector<Capability> found;
    for (const CapabilityRow& row : catalog().capabilities) {
      if (row.capability < device && !row.tegra &&
          why_not_compilable(row.capability, toolkit.version).empty())
        found = {row.capability};
    }
    return found;
  }

  bool propose(const Toolkit& toolkit, const Isa& isa, const std::vector<Capability>& gpus, bool ptx) {
    Candidate candidate = {.name = "new", .isa = &isa, .machine = isa.machine, .cuda = toolkit.version};
    std::vector<std::string> names;
    for (const Capability gpu : gpus) {
      if (!why_not_compilable(gpu, toolkit.version).empty()) return false;
      candidate.code.push_back({gpu, ptx ? CodeKind::ptx : CodeKind::cubin});
      names.push_back(spell(gpu, Dialect::dotted));
    }
    if (gpus.empty() || !judge(candidate, host_).starts()) return false;
    out_.push_back(
        fmt::format("a build for {} with {}{} and CUDA {} would start: add gpus = [{}], isas = [\"{}\"], "
                    "cuda = [\"{}\"]{} to the matrix",
                    fmt::join(names, " and "), ptx ? "PTX, " : "", isa.name, toolkit.version.text(),
                    names.size() == 1 ? fmt::format("\"{}\"", names[0])
                                      : fmt::format("[\"{}\"]", fmt::join(names, "\", \"")),
                    isa.name, toolkit.version.text(), ptx ? " and ptx = true" : ""));
    return true;
  }

  void try_capability() {
    for (const HostGpu& gpu : host_.gpus) {
      if (gpu.capability) continue;
      out_.push_back(
          fmt::format("once the capability of {} is known (NVIDIA's driver tells it; --gpu 12.0 does too), "
                      "it can be judged",
                      gpu_text(gpu)));
    }
  }

  void try_without_gpu() {
    if (host_.gpus.empty()) return;
    HostInfo other = host_;
    other.gpus.clear();
    if (const std::string name = best(other); !name.empty()) {
      out_.push_back(fmt::format("without the GPU (--no-gpu), {} starts today", name));
    }
  }

  const HostInfo& host_;
  const std::vector<Candidate>& candidates_;
  const std::string& prefer_;
  std::vector<std::string> out_;
};

// With its companions.
std::vector<std::string> set_of(const Candidate& candidate) {
  std::vector<std::string> set = {candidate.name};
  std::ranges::copy(candidate.companions, std::back_inserter(set));
  return set;
}

std::string carve_command(const Surroundings& here, const HostInfo& host) {
  std::vector<std::string> gpus;
  for (const Capability gpu : capabilities_of(host.gpus)) gpus.push_back(spell(gpu, Dialect::dotted));
  return fmt::format("torchlathe carve {} --gpu {} {}", here.installed, fmt::join(gpus, ","),
                     here.in_place ? "--in-place" : "--output torch-carved");
}

// Recipes that are there are built as they are.
std::string build_command_for(const Candidate& candidate, const Surroundings& here) {
  if (here.recipes.empty())
    return fmt::format("torchlathe build -m {}{} {}", candidate.from,
                       candidate.companions.empty() ? "" : " --with-companions", candidate.name);
  std::string files;
  for (const std::string& name : set_of(candidate)) files += fmt::format(" {}/{}.nix", here.recipes, name);
  return "nix-build" + files;
}

}  // namespace

std::vector<std::string> what_would_help(const HostInfo& host, const std::vector<Candidate>& candidates,
                                         const std::string& prefer) {
  return Advisor(host, candidates, prefer).run();
}

std::vector<Way> ways_to_get(const Candidate* best, const HostInfo& host, const Surroundings& here) {
  std::vector<Way> ways;
  if (best && !best->get.empty()) {
    for (const std::string_view line : split(best->get, '\n')) ways.push_back({"get it", printable(line)});
  } else if (best && best->from.empty()) {
    ways.push_back({"get it", fmt::format("flox install {}", fmt::join(set_of(*best), " "))});
  }
  const bool carves = !here.installed.empty() && !host.gpus.empty();
  if (carves) ways.push_back({"carve", carve_command(here, host)});
  const WheelIndex* wheel = here.pip.empty() || carves ? nullptr : best_wheel(host);
  if (wheel) ways.push_back({"wheel", install_command(*wheel, here.pip)});
  if (!best || best->from.empty() || !best->get.empty()) return ways;
  if (here.nix) ways.push_back({"build", build_command_for(*best, here)});
  if (here.flox && !here.recipes.empty())
    ways.push_back({"build", fmt::format("flox build {}", fmt::join(set_of(*best), " "))});
  if (ways.empty())
    ways.push_back({"recipe", fmt::format("torchlathe generate -m {} --output .flox/pkgs {}", best->from,
                                          fmt::join(set_of(*best), " "))});
  return ways;
}

}  // namespace lathe
