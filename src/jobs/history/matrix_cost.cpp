// SPDX-License-Identifier: MIT
#include "jobs/history/matrix_cost.h"

#include <algorithm>
#include <array>
#include <map>
#include <set>
#include <utility>

#include "hardware/capability.h"
#include "hardware/compat.h"

namespace lathe {
namespace {

// few builds on a line do not make the next one certain
constexpr SecondsRange least_off = {.middle = 1, .low = 0.8, .high = 1.25};
constexpr SecondsRange device_share = {.middle = 0.6, .low = 0.2, .high = 0.9};

// Of four outputs of some GB: copied, carved, hashed by Nix. Of a package that is built in seconds, a part
// of that.
SecondsRange carve_guess(double build) {
  return {
      .middle = std::min(10.0, build / 5), .low = std::min(1.0, build / 50), .high = std::min(60.0, build)};
}

struct Sample {
  double gpus = 0, seconds = 0;
};

// Seconds of host files and of the device code for one GPU.
struct Model {
  double host = 0, device = 0;
  double of(double gpus) const { return host + gpus * device; }
};

struct Models {
  Model middle, low, high;
};

SecondsRange span_of(std::vector<double> values) {
  std::ranges::sort(values);
  return {.middle = values[values.size() / 2], .low = values.front(), .high = values.back()};
}

// Least squares; neither part is negative.
Model line_through(const std::vector<Sample>& samples) {
  double n = 0, x = 0, y = 0, xx = 0, xy = 0;
  for (const Sample& sample : samples) {
    n += 1, x += sample.gpus, y += sample.seconds;
    xx += sample.gpus * sample.gpus, xy += sample.gpus * sample.seconds;
  }
  const double device = std::clamp((n * xy - x * y) / (n * xx - x * x), 0.0, y / x);
  return {.host = std::max(0.0, (y - device * x) / n), .device = device};
}

Model scaled(const Model& model, double factor) {
  return {.host = model.host * factor, .device = model.device * factor};
}

Model split(double seconds, double gpus, double share) {
  return {.host = seconds * (1 - share), .device = seconds * share / gpus};
}

Models models_from(const std::vector<Sample>& samples) {
  std::set<double> sizes;
  std::vector<double> seconds;
  for (const Sample& sample : samples) sizes.insert(sample.gpus), seconds.push_back(sample.seconds);
  if (sizes.size() == 1) {
    const SecondsRange span = span_of(seconds);
    const double gpus = *sizes.begin();
    return {.middle = split(span.middle, gpus, device_share.middle),
            .low = split(span.low, gpus, device_share.low),
            .high = split(span.high, gpus, device_share.high)};
  }
  const Model middle = line_through(samples);
  std::vector<double> off = {least_off.low, least_off.high};
  for (const Sample& sample : samples) off.push_back(sample.seconds / std::max(middle.of(sample.gpus), 1e-9));
  return {.middle = middle,
          .low = scaled(middle, std::ranges::min(off)),
          .high = scaled(middle, std::ranges::max(off))};
}

// What can be one build for all GPUs: variants that differ in nothing else.
struct Family {
  std::set<Capability> gpus;  // of its variants
  // of the common build: also those that no machine has, for the matrix asks for them
  std::set<Capability> common;
  std::vector<double> sizes;  // of each variant, in GPUs
};
using FamilyKey = std::array<std::string, 4>;

class Costs {
 public:
  explicit Costs(const std::vector<Variant>& variants) {
    for (const Variant& variant : variants) {
      if (variant.fat) continue;
      const Cell& cell = *variant.cell;
      const bool impossible = cell.status == PairStatus::impossible;
      count_ += impossible ? 0 : 1;
      of_nixpkgs_ += variant.of_nixpkgs && !impossible ? 1 : 0;
      if (!variant.is_gpu()) {
        ++cpu_builds_;
        continue;
      }
      Family& family = families_[{variant.pytorch->version, variant.python, cell.cuda_text, cell.isa->name}];
      for (const Capability gpu : cell.gpus) {
        if (why_not_compilable(gpu, *cell.cuda).empty()) family.common.insert(gpu);
      }
      if (impossible) continue;
      family.gpus.insert(cell.gpus.begin(), cell.gpus.end());
      family.sizes.push_back(static_cast<double>(cell.gpus.size()));
    }
    std::erase_if(families_, [](const auto& entry) { return entry.second.sizes.empty(); });
  }

  std::size_t count() const { return count_; }
  std::size_t of_nixpkgs() const { return of_nixpkgs_; }
  std::size_t cpu_builds() const { return static_cast<std::size_t>(cpu_builds_); }

  double rebuild(const Model& model) const {
    double sum = cpu_builds_ * model.host;
    for (const auto& [key, family] : families_) {
      for (const double size : family.sizes) sum += model.of(size);
    }
    return sum;
  }
  double carve(const Model& model, double carve) const {
    double sum = cpu_builds_ * model.host;
    for (const auto& [key, family] : families_) {
      const bool alone = family.sizes.size() == 1;
      sum += model.of(static_cast<double>(alone ? family.gpus.size() : family.common.size())) +
             (alone ? 0 : carve * static_cast<double>(family.sizes.size()));
    }
    return sum;
  }
  // Device code once for each GPU, host files once for each instruction set.
  double cached(const Model& model) const {
    std::map<std::array<std::string, 3>, std::set<Capability>> gpus;
    for (const auto& [key, family] : families_)
      gpus[{key[0], key[1], key[2]}].insert(family.gpus.begin(), family.gpus.end());
    double sum = (cpu_builds_ + static_cast<double>(families_.size())) * model.host;
    for (const auto& [key, all] : gpus) sum += static_cast<double>(all.size()) * model.device;
    return sum;
  }
  std::size_t common_builds() const { return families_.size() + static_cast<std::size_t>(cpu_builds_); }
  std::size_t carves() const {
    std::size_t sum = 0;
    for (const auto& [key, family] : families_) sum += family.sizes.size() == 1 ? 0 : family.sizes.size();
    return sum;
  }

 private:
  std::map<FamilyKey, Family> families_;
  double cpu_builds_ = 0;
  std::size_t count_ = 0, of_nixpkgs_ = 0;
};

template <typename Cost>
SecondsRange each(const Models& models, const SecondsRange& carve, const Cost& cost) {
  // In the middle more device code may cost more or less: by what the variants share.
  return span_of(
      {cost(models.middle, carve.middle), cost(models.low, carve.low), cost(models.high, carve.high)});
}

}  // namespace

MatrixCost matrix_cost(const std::vector<Variant>& variants, const std::vector<BuildRecord>& records) {
  std::vector<Sample> samples;
  std::vector<double> carves;
  for (const BuildRecord& record : records) {
    if (record.status != "built" || !record.seconds) continue;
    const NameReading reading = read_variant_name(record.variant);
    if (!reading.name || !reading.name->cuda || reading.name->gpus.empty()) continue;
    if (!record.carved_from.empty()) carves.push_back(*record.seconds);
    else samples.push_back({static_cast<double>(reading.name->gpus.size()), *record.seconds});
  }
  const Costs costs(variants);
  const bool known = !samples.empty();
  const Models models = models_from(known ? samples : std::vector<Sample>{{1, 1}});
  MatrixCost result{.variants = costs.count(),
                    .samples = samples.size(),
                    .carve_samples = carves.size(),
                    .carve = carves.empty() ? carve_guess(models.middle.of(1)) : span_of(carves),
                    .strategies = {}};
  // without seconds of a build, seconds of a carve mean nothing
  const SecondsRange carve = known ? result.carve : SecondsRange{};
  const auto add = [&](std::string strategy, bool carving, const auto& cost) {
    result.strategies.push_back({.strategy = std::move(strategy),
                                 .builds = carving ? costs.common_builds() : costs.count(),
                                 .carves = carving ? costs.carves() : 0,
                                 .cost = each(models, carve, cost)});
  };
  add("rebuild", false, [&](const Model& model, double) { return costs.rebuild(model); });
  add("rebuild, compile_cache", false, [&](const Model& model, double) { return costs.cached(model); });
  add("carve", true, [&](const Model& model, double one) { return costs.carve(model, one); });
  if (costs.of_nixpkgs() > 0) {  // what is cut is fetched, or one build that all share: no variant's
    const auto cost = [&](const Model& model, double one) {
      return static_cast<double>(costs.cpu_builds()) * model.host +
             one * static_cast<double>(costs.of_nixpkgs());
    };
    result.strategies.push_back({.strategy = "carve, base nixpkgs",
                                 .builds = costs.cpu_builds(),
                                 .carves = costs.of_nixpkgs(),
                                 .cost = each(models, carve, cost)});
  }
  add("carve, compile_cache", true, [&](const Model& model, double one) {
    return costs.cached(model) + one * static_cast<double>(costs.carves());
  });
  return result;
}

}  // namespace lathe
