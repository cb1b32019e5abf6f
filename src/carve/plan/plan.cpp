// SPDX-License-Identifier: MIT
#include "carve/plan/plan.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/error.h"
#include "base/text.h"
#include "carve/plan/linked.h"
#include "carve/plan/no_gpu.h"
#include "device/cuda_target.h"
#include "device/target.h"
#include "device/vendor.h"
#include "hardware/amd/amd_gpus.h"
#include "hardware/gpu_name.h"

namespace lathe {
namespace {

// Two images for the same architecture: which of them the driver takes is not known.
void add_twins(std::span<const TargetCode> codes, std::vector<std::size_t>& keep) {
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

class Planner {
 public:
  Planner(const DeviceContents& fatbins, std::span<const ContainerIndex> referenced,
          const PlanOptions& options)
      : fatbins_(fatbins),
        referenced_(referenced),
        options_(options),
        linked_(fatbins, referenced, options.targets) {}

  CarvePlan plan() {
    CarvePlan plan{.targets = options_.targets, .containers = {}, .totals = {}};
    for (const ContainerIndex i : fatbins_.containers.ids()) {
      plan.containers.push_back(plan_container(i));
      count(fatbins_.containers[i], plan.containers.back(), plan.totals);
      plan.totals.bytes_minimal += minimal_size(fatbins_.containers[i], plan.containers.back());
    }
    return plan;
  }

 private:
  Untouched why_untouched(ContainerIndex index) const {
    const DeviceContainer& container = fatbins_.containers[index];
    if (container.relocatable) return linked_.may_be_carved() ? Untouched::no : Untouched::relocatable;
    if (!container.understood) return Untouched::damaged;
    if (!container.wrapper) return Untouched::no_wrapper;
    const auto kind = fatbins_.wrappers[*container.wrapper].kind;
    const bool alone = kind == DeviceWrapper::Kind::plain;
    if (!alone && !(fatbins_.is_linked(container) && linked_.may_be_carved())) return Untouched::linked;
    if (std::ranges::binary_search(referenced_, index)) return Untouched::referenced;
    return container.is_known() ? Untouched::no : Untouched::unknown_image;
  }

  ContainerPlan plan_container(ContainerIndex index) const {
    const DeviceContainer& container = fatbins_.containers[index];
    ContainerPlan plan{.untouched = why_untouched(index)};
    if (plan.untouched != Untouched::no) {
      plan.keep = container.images.ids();
      return plan;
    }
    plan.keep = options_.targets.empty() ? container.images.ids() : keep(container, options_.minimal);
    if (container.relocatable) return plan;
    const ContainerCode code = container.code();
    for (const CarveTarget& target : options_.targets) {
      const bool relinked = fatbins_.is_linked(container) && linked_.relinks_for(target.device);
      if (!relinked && !pick(code.codes, target.device)) plan.unserved.push_back(target);
    }
    return plan;
  }

  std::vector<ImageIndex> keep(const DeviceContainer& container, bool minimal) const {
    std::vector<ImageIndex> keep = picked(container, minimal);
    // Linked code stays recognisable as such: where the driver links again, readers of the file must see it.
    const bool stub = options_.keep_special || (!minimal && fatbins_.is_linked(container));
    if (keep.empty() && stub && !container.relocatable && !container.images.empty())
      keep.push_back(smallest(container));
    return keep;
  }

  std::vector<ImageIndex> picked(const DeviceContainer& container, bool minimal) const {
    if (container.relocatable) return linked_.keep(container, minimal);
    std::vector<ImageIndex> keep;
    const ContainerCode code = container.code();
    for (const std::size_t kept : codes_to_keep(code.codes, options_.targets, minimal))
      keep.push_back(code.image[kept]);
    return keep;
  }

  std::uint64_t minimal_size(const DeviceContainer& container, const ContainerPlan& plan) const {
    std::uint64_t size = 0;
    if (plan.untouched != Untouched::no || options_.targets.empty()) {
      for (const ImageIndex kept : plan.keep) size += container.images[kept].size();
      return size;
    }
    for (const ImageIndex kept : keep(container, true)) size += container.images[kept].size();
    return size;
  }

  // What stands for "code, but not for this GPU" where nothing fits.
  static ImageIndex smallest(const DeviceContainer& container) {
    const auto it = std::ranges::min_element(container.images, {}, &DeviceImage::size);
    return {static_cast<std::size_t>(it - container.images.begin())};
  }

  static void count(const DeviceContainer& container, const ContainerPlan& plan, CarveTotals& totals) {
    ++totals.containers;
    totals.untouched += plan.untouched != Untouched::no;
    totals.unserved += !plan.unserved.empty();
    totals.images += container.images.size();
    totals.images_kept += plan.keep.size();
    std::uint64_t bytes = 0, kept = 0;
    for (const DeviceImage& image : container.images) bytes += image.size();
    for (const ImageIndex image : plan.keep) kept += container.images[image].size();
    totals.bytes += bytes;
    totals.bytes_kept += kept;
    if (!container.relocatable) return;
    totals.relocatable += bytes;
    totals.relocatable_kept += kept;
  }

  const DeviceContents& fatbins_;
  std::span<const ContainerIndex> referenced_;
  const PlanOptions& options_;
  const LinkedCode linked_;
};

CarveTarget parse_target(std::string_view text) {
  const AmdProcessor* product = amd_processor_of(text);
  for (const Vendor* vendor : vendors()) {
    const auto parsed = vendor->parse(product ? product->name : text);
    if (!parsed) continue;
    if (vendor->is_device(parsed->target)) return {.device = parsed->target, .ptx = parsed->portable_too};
    const Target device = vendor->device_of(parsed->target);
    if (device == parsed->target) {
      throw Error({.what = fmt::format("{} names code for several GPUs, one is wanted", printable(text)),
                   .next = "write gfx942, or what the product is called: MI300X"});
    }
    throw Error(
        {.what = fmt::format("{} names code, a GPU is wanted", printable(text)),
         .next = fmt::format("write {}: code for it with a suffix is kept where the driver would pick it",
                             spell(device))});
  }
  return {.device = cuda_target(read_gpu_name(text).capability)};
}

}  // namespace

// No GPU has it, and no code is for it: neither machine code of its major nor PTX that is as old.
CarveTarget no_gpu() { return {.device = cuda_target({.major = 0, .minor = 0})}; }

bool is_no_gpu(const CarveTarget& target) { return target == no_gpu(); }

bool is_no_gpu(std::span<const CarveTarget> targets) { return targets.size() == 1 && is_no_gpu(targets[0]); }

std::string to_string(const CarveTarget& target) {
  if (is_no_gpu(target)) return "none";
  return spell(target.device) + (target.ptx ? "+PTX" : "");
}

std::string to_string(std::span<const CarveTarget> targets) {
  std::string text;
  for (const CarveTarget& target : targets) text += (text.empty() ? "" : ", ") + to_string(target);
  return text;
}

std::vector<CarveTarget> parse_carve_targets(std::string_view text) {
  std::vector<CarveTarget> targets;
  if (trim(text) == "none") return {no_gpu()};
  for (const std::string_view part : split(text, ',')) {
    const CarveTarget target = parse_target(trim(part));
    const auto same = std::ranges::find(targets, target.device, &CarveTarget::device);
    if (same == targets.end()) targets.push_back(target);
    else same->ptx = same->ptx || target.ptx;
  }
  std::ranges::sort(targets, {}, &CarveTarget::device);
  return targets;
}

std::string_view to_string(Untouched why) {
  switch (why) {
    case Untouched::no: return "";
    case Untouched::no_wrapper: return "no wrapper points to it";
    case Untouched::relocatable:
      return "relocatable device code, not all of which is known to be linked in this file";
    case Untouched::linked: return "device-linked: it belongs together with that relocatable code";
    case Untouched::referenced: return "more than its wrapper points to it";
    case Untouched::unknown_image: return "holds a kind of image that is not known";
    case Untouched::damaged: return "damaged";
  }
  return "";
}

TargetPick pick_for(std::span<const TargetCode> codes, const CarveTarget& target) {
  TargetPick picked{.code = pick(codes, target.device), .ptx = std::nullopt};
  if (target.ptx) {
    picked.ptx = pick_among(codes, target.device,
                            [](const TargetCode& code) { return code.kind == ImageKind::portable; });
  }
  return picked;
}

std::vector<std::size_t> codes_to_keep(std::span<const TargetCode> codes,
                                       std::span<const CarveTarget> targets, bool minimal) {
  std::vector<std::size_t> keep;
  for (const CarveTarget& target : targets) {
    const TargetPick picked = pick_for(codes, target);
    for (const auto& one : {picked.code, picked.ptx}) {
      if (!one) continue;
      keep.push_back(*one);
      if (!minimal) target.device.vendor->add_second_readings(codes, target.device, *one, keep);
    }
  }
  sort_once(keep);
  if (!minimal) add_twins(codes, keep);
  sort_once(keep);
  return keep;
}

CarvePlan plan_carve(const DeviceContents& fatbins, std::span<const ContainerIndex> referenced,
                     const PlanOptions& options) {
  return Planner(fatbins, referenced, options).plan();
}

}  // namespace lathe
