// SPDX-License-Identifier: MIT
#include "device/coverage.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <set>
#include <string_view>
#include <utility>

#include "device/vendor.h"

namespace lathe {

namespace {

// Measured on 20 wheels (docs/commands/inspect.md): the least share of a file's containers that serve a GPU
// on which the file works is 35 % (onnxruntime-gpu 1.31.1 on 7.5); of a GPU that a file was not made for, 3
// % (torch 2.15's linear algebra on 7.5) and less.
constexpr std::size_t least_share = 4;  // one in so many

Target device_of(Target target) { return target.vendor ? target.vendor->device_of(target) : target; }

// Holds code that nothing narrows: no suffix.
bool is_portable(const ContainerShape& shape) {
  return std::ranges::any_of(shape.codes,
                             [](const TargetCode& code) { return code.target == device_of(code.target); });
}

// The GPUs that are named, whatever the kind of their code and what narrows it.
std::set<Target> named(const ContainerShape& shape) {
  std::set<Target> names;
  for (const TargetCode& code : shape.codes) names.insert(device_of(code.target));
  return names;
}

bool is_narrower(const ContainerShape& shape, const ContainerShape& than) {
  const std::set<Target> less = named(shape), more = named(than);
  return less.size() < more.size() && std::ranges::includes(more, less);
}

void add_codes(std::vector<TargetCode>& codes, const std::vector<TargetCode>& more) {
  codes.insert(codes.end(), more.begin(), more.end());
  std::ranges::sort(codes);
  codes.erase(std::unique(codes.begin(), codes.end()), codes.end());
}

Runs runs_of(const Coverage& coverage, bool compiles) {
  if (coverage.with() == 0) return Runs::none;
  if (coverage.containers_without > 0) return Runs::some;
  return compiles ? Runs::ptx : Runs::all;
}

enum class Scope { file, loose };

class Coverer {
 public:
  Coverer(std::span<const ContainerShape> shapes, Target device, Scope scope)
      : shapes_(shapes), scope_(scope), coverage_{.device = device} {}

  Coverage run() {
    for (const ContainerShape& shape : shapes_) take(shape);
    const bool special_ones = made_for_device();
    for (const ContainerShape* shape : without_) {
      if (special_ones && is_special(*shape)) add_special(*shape);
      else coverage_.containers_without += shape->count;
    }
    coverage_.through.assign(through_.begin(), through_.end());
    coverage_.runs = runs_of(coverage_, compiles_);
    return std::move(coverage_);
  }

 private:
  void take(const ContainerShape& shape) {
    coverage_.containers += shape.count;
    if (is_portable(shape)) portable_ += shape.count;
    const auto picked = pick(shape.codes, coverage_.device);
    if (!picked) {
      without_.push_back(&shape);
      return;
    }
    with_.push_back(&shape);
    serving_ += shape.count;
    if (is_portable(shape)) portable_serving_ += shape.count;
    const TargetCode& code = shape.codes[*picked];
    if (code.kind == ImageKind::portable) compiles_ = true;
    else if (device_of(code.target) != device_of(coverage_.device)) through_.insert(code.target);
  }

  bool made_for_device() const {
    if (scope_ == Scope::loose) return serving_ > 0;
    const bool most_of_the_portable = portable_ == 0 || 2 * portable_serving_ > portable_;
    return most_of_the_portable && least_share * serving_ >= coverage_.containers;
  }

  // Not a container that somebody emptied: nothing tells what it was for.
  bool is_special(const ContainerShape& shape) const {
    if (shape.codes.empty()) return false;
    if (scope_ == Scope::loose || !is_portable(shape)) return true;
    return std::ranges::any_of(with_,
                               [&](const ContainerShape* other) { return is_narrower(shape, *other); });
  }

  void add_special(const ContainerShape& shape) {
    coverage_.special_without += shape.count;
    if (is_portable(shape) && scope_ == Scope::file) coverage_.narrower_without += shape.count;
    add_codes(coverage_.special_for, shape.codes);
  }

  std::span<const ContainerShape> shapes_;
  Scope scope_;
  Coverage coverage_;
  std::vector<const ContainerShape*> with_, without_;
  std::set<Target> through_;
  std::size_t portable_ = 0, portable_serving_ = 0, serving_ = 0;
  bool compiles_ = false;
};

}  // namespace

std::string_view to_string(Runs runs) {
  switch (runs) {
    case Runs::all: return "all";
    case Runs::ptx: return "ptx";
    case Runs::some: return "some";
    case Runs::none: return "none";
  }
  return "none";
}

std::string Coverage::special_text() const {
  if (special_without == 0) return "";
  std::string names;
  for (const TargetCode& code : special_for) names += (names.empty() ? "" : ", ") + describe(code);
  return fmt::format("{} container{} for {} only", special_without, special_without == 1 ? "" : "s", names);
}

std::string Coverage::text() const {
  std::string names;
  for (const Target target : through) names += (names.empty() ? "" : ", ") + spell(TargetCode{target});
  const std::string rest = special_without == 0 ? "" : "; " + special_text();
  const std::string all = special_without == 0 ? "all" : "all general code";
  switch (runs) {
    case Runs::all: return (names.empty() ? all : fmt::format("{} (through {})", all, names)) + rest;
    case Runs::ptx: return (names.empty() ? "ptx" : fmt::format("ptx (and {})", names)) + rest;
    case Runs::some:
      return fmt::format("some ({} of {} containers have nothing)", containers_without,
                         containers - special_without) +
             rest;
    case Runs::none: return "none";
  }
  return "none";
}

Coverage cover(std::span<const ContainerShape> shapes, Target device) {
  return Coverer(shapes, device, Scope::file).run();
}

Coverage cover_loose(std::span<const ContainerShape> shapes, Target device) {
  return Coverer(shapes, device, Scope::loose).run();
}

Coverage together(Coverage one, const Coverage& other) {
  if (other.containers == 0) return one;
  if (one.containers == 0) return other;
  const bool compiles = one.runs == Runs::ptx || other.runs == Runs::ptx;
  one.containers += other.containers;
  one.containers_without += other.containers_without;
  one.special_without += other.special_without;
  one.narrower_without += other.narrower_without;
  add_codes(one.special_for, other.special_for);
  std::set<Target> through(one.through.begin(), one.through.end());
  through.insert(other.through.begin(), other.through.end());
  one.through.assign(through.begin(), through.end());
  one.runs = runs_of(one, compiles);
  return one;
}

std::vector<Coverage> cover_all(std::span<const ContainerShape> shapes) {
  std::vector<Coverage> all;
  for (const Target device : devices_for(shapes)) all.push_back(cover(shapes, device));
  return all;
}

std::vector<Target> devices_for(std::span<const ContainerShape> shapes) {
  std::map<std::string_view, const Vendor*> named;
  for (const ContainerShape& shape : shapes) {
    for (const TargetCode& code : shape.codes) named[code.target.vendor->name()] = code.target.vendor;
  }
  if (named.empty()) named[vendors().front()->name()] = vendors().front();
  std::vector<Target> devices;
  for (const auto& [name, vendor] : named) {
    const std::vector<Target> own = vendor->devices();
    devices.insert(devices.end(), own.begin(), own.end());
  }
  return devices;
}

void add_shapes(std::vector<ContainerShape>& shapes, std::span<const ContainerShape> more) {
  for (const ContainerShape& shape : more) {
    const auto same = std::ranges::find(shapes, shape.codes, &ContainerShape::codes);
    if (same == shapes.end()) shapes.push_back(shape);
    else same->count += shape.count;
  }
}

}  // namespace lathe
