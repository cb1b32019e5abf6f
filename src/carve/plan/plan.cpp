// SPDX-License-Identifier: MIT
#include "carve/plan/plan.h"

#include <fmt/format.h>

#include <algorithm>
#include <numeric>

#include "base/error.h"
#include "base/text.h"
#include "hardware/gpu_name.h"

namespace lathe {
namespace {

// The codes that `chosen` holds for, and which they were.
template <typename Chosen>
std::optional<std::size_t> pick_among(std::span<const DeviceCode> codes, Capability device, Chosen chosen) {
  std::vector<DeviceCode> some;
  std::vector<std::size_t> index;
  for (std::size_t i = 0; i < codes.size(); ++i) {
    if (!chosen(codes[i])) continue;
    some.push_back(codes[i]);
    index.push_back(i);
  }
  const auto picked = pick(some, device);
  if (!picked) return std::nullopt;
  return index[*picked];
}

// Measured (docs/formats/fatbin.md): architecture-specific machine code wins over portable code. Not
// measured: family code against portable code, specific PTX against portable PTX. So the best of each
// spelling stays there.
void add_second_readings(std::span<const DeviceCode> codes, Capability device, std::size_t picked,
                         std::vector<std::size_t>& keep) {
  const DeviceCode& first = codes[picked];
  if (first.kind == CodeKind::cubin && first.capability.suffix == 'a') return;
  for (const char suffix : {'\0', 'f', 'a'}) {
    const auto other = pick_among(codes, device, [&](const DeviceCode& code) {
      return code.kind == first.kind && code.capability.suffix == suffix;
    });
    if (other) keep.push_back(*other);
  }
}

// Two images for the same architecture: which of them the driver takes is not known.
void add_twins(std::span<const DeviceCode> codes, std::vector<std::size_t>& keep) {
  const std::size_t count = keep.size();
  for (std::size_t i = 0; i < codes.size(); ++i) {
    for (std::size_t k = 0; k < count; ++k) {
      if (codes[keep[k]] == codes[i]) keep.push_back(i);
    }
  }
}

void sort_once(std::vector<std::size_t>& numbers) {
  std::ranges::sort(numbers);
  numbers.erase(std::unique(numbers.begin(), numbers.end()), numbers.end());
}

std::uint64_t entry_size(const FatbinEntry& entry) { return entry.header_size + entry.payload_size; }

class Planner {
 public:
  Planner(const Fatbins& fatbins, std::span<const std::size_t> referenced, const PlanOptions& options)
      : fatbins_(fatbins), referenced_(referenced), options_(options) {}

  CarvePlan plan() {
    CarvePlan plan{.targets = options_.targets, .containers = {}, .totals = {}};
    for (std::size_t i = 0; i < fatbins_.containers.size(); ++i) {
      plan.containers.push_back(plan_container(i));
      count(fatbins_.containers[i], plan.containers.back(), plan.totals);
      plan.totals.bytes_minimal += minimal_size(fatbins_.containers[i], plan.containers.back());
    }
    return plan;
  }

 private:
  Untouched why_untouched(std::size_t index) const {
    const FatbinContainer& container = fatbins_.containers[index];
    if (container.relocatable) return Untouched::relocatable;
    if (!container.understood) return Untouched::damaged;
    if (!container.wrapper) return Untouched::no_wrapper;
    const FatbinWrapper& wrapper = fatbins_.wrappers[*container.wrapper];
    if (wrapper.version != 1) return Untouched::linked;
    if (std::ranges::binary_search(referenced_, index)) return Untouched::referenced;
    const bool known = std::ranges::all_of(container.entries,
                                           [](const FatbinEntry& entry) { return entry.kind.has_value(); });
    return known ? Untouched::no : Untouched::unknown_image;
  }

  ContainerPlan plan_container(std::size_t index) const {
    const FatbinContainer& container = fatbins_.containers[index];
    ContainerPlan plan{.untouched = why_untouched(index)};
    if (plan.untouched != Untouched::no) {
      plan.keep.resize(container.entries.size());
      std::iota(plan.keep.begin(), plan.keep.end(), std::size_t{0});
      return plan;
    }
    const ContainerCode code = device_codes(container);
    for (const CarveTarget& target : options_.targets) {
      if (!pick(code.codes, target.capability)) plan.unserved.push_back(target);
    }
    for (const std::size_t kept : codes_to_keep(code.codes, options_.targets, options_.minimal)) {
      plan.keep.push_back(code.entry[kept]);
    }
    if (plan.keep.empty() && !options_.minimal && !container.entries.empty())
      plan.keep.push_back(smallest(container));
    return plan;
  }

  std::uint64_t minimal_size(const FatbinContainer& container, const ContainerPlan& plan) const {
    std::uint64_t size = 0;
    if (plan.untouched != Untouched::no) {
      for (const std::size_t kept : plan.keep) size += entry_size(container.entries[kept]);
      return size;
    }
    const ContainerCode code = device_codes(container);
    for (const std::size_t kept : codes_to_keep(code.codes, options_.targets, true)) {
      size += entry_size(container.entries[code.entry[kept]]);
    }
    return size;
  }

  // What stands for "code, but not for this GPU" where nothing fits.
  static std::size_t smallest(const FatbinContainer& container) {
    const auto it = std::ranges::min_element(container.entries, {}, entry_size);
    return static_cast<std::size_t>(it - container.entries.begin());
  }

  static void count(const FatbinContainer& container, const ContainerPlan& plan, CarveTotals& totals) {
    ++totals.containers;
    totals.untouched += plan.untouched != Untouched::no;
    totals.unserved += !plan.unserved.empty();
    totals.images += container.entries.size();
    totals.images_kept += plan.keep.size();
    for (const FatbinEntry& entry : container.entries) totals.bytes += entry_size(entry);
    for (const std::size_t kept : plan.keep) totals.bytes_kept += entry_size(container.entries[kept]);
  }

  const Fatbins& fatbins_;
  std::span<const std::size_t> referenced_;
  const PlanOptions& options_;
};

CarveTarget parse_target(std::string_view text) {
  constexpr int no_capability = 100;  // "5090" is a product's number
  const auto spelled = parse_capability(text);
  if (!spelled || spelled->capability.major >= no_capability)
    return {.capability = read_gpu_name(text).capability};
  if (spelled->capability.suffix != 0) {
    throw Error(
        {.what = fmt::format("{} names code, a GPU is wanted", printable(text)),
         .next = fmt::format("write {}: code for it with a suffix is kept where the driver would pick it",
                             spell(spelled->capability.portable(), Dialect::dotted))});
  }
  return {.capability = spelled->capability, .ptx = spelled->ptx};
}

}  // namespace

std::string to_string(const CarveTarget& target) {
  return spell(target.capability, Dialect::dotted) + (target.ptx ? "+PTX" : "");
}

std::string to_string(std::span<const CarveTarget> targets) {
  std::string text;
  for (const CarveTarget& target : targets) text += (text.empty() ? "" : ", ") + to_string(target);
  return text;
}

std::vector<CarveTarget> parse_carve_targets(std::string_view text) {
  std::vector<CarveTarget> targets;
  for (const std::string_view part : split(text, ',')) {
    const CarveTarget target = parse_target(trim(part));
    const auto same = std::ranges::find(targets, target.capability, &CarveTarget::capability);
    if (same == targets.end()) targets.push_back(target);
    else same->ptx = same->ptx || target.ptx;
  }
  std::ranges::sort(targets, {}, &CarveTarget::capability);
  return targets;
}

std::string_view to_string(Untouched why) {
  switch (why) {
    case Untouched::no: return "";
    case Untouched::no_wrapper: return "no wrapper points to it";
    case Untouched::relocatable: return "relocatable device code, which the driver may link again";
    case Untouched::linked: return "device-linked: it belongs together with its relocatable code";
    case Untouched::referenced: return "more than its wrapper points to it";
    case Untouched::unknown_image: return "holds a kind of image that is not known";
    case Untouched::damaged: return "damaged";
  }
  return "";
}

TargetPick pick_for(std::span<const DeviceCode> codes, const CarveTarget& target) {
  TargetPick picked{.code = pick(codes, target.capability), .ptx = std::nullopt};
  if (target.ptx) {
    picked.ptx = pick_among(codes, target.capability,
                            [](const DeviceCode& code) { return code.kind == CodeKind::ptx; });
  }
  return picked;
}

std::vector<std::size_t> codes_to_keep(std::span<const DeviceCode> codes,
                                       std::span<const CarveTarget> targets, bool minimal) {
  std::vector<std::size_t> keep;
  for (const CarveTarget& target : targets) {
    const TargetPick picked = pick_for(codes, target);
    for (const auto& one : {picked.code, picked.ptx}) {
      if (!one) continue;
      keep.push_back(*one);
      if (!minimal) add_second_readings(codes, target.capability, *one, keep);
    }
  }
  sort_once(keep);
  if (!minimal) add_twins(codes, keep);
  sort_once(keep);
  return keep;
}

CarvePlan plan_carve(const Fatbins& fatbins, std::span<const std::size_t> referenced,
                     const PlanOptions& options) {
  return Planner(fatbins, referenced, options).plan();
}

}  // namespace lathe
