// SPDX-License-Identifier: MIT
#include "binary/coverage.h"

#include <fmt/format.h>

#include <algorithm>
#include <set>

namespace lathe {

std::string_view to_string(Runs runs) {
  switch (runs) {
    case Runs::all: return "all";
    case Runs::ptx: return "ptx";
    case Runs::some: return "some";
    case Runs::none: return "none";
  }
  return "none";
}

std::string Coverage::text() const {
  std::string names;
  for (const Capability& capability : through) {
    names += fmt::format("{}{}", names.empty() ? "" : ", ", spell(capability, Dialect::sm));
  }
  switch (runs) {
    case Runs::all: return names.empty() ? "all" : fmt::format("all (through {})", names);
    case Runs::ptx: return names.empty() ? "ptx" : fmt::format("ptx (and {})", names);
    case Runs::some: return fmt::format("some ({} of {} containers have nothing)", containers_without, containers);
    case Runs::none: return "none";
  }
  return "none";
}

Coverage cover(std::span<const ContainerShape> shapes, Capability device) {
  Coverage coverage{.device = device};
  std::set<Capability> through;
  bool compiles = false;
  for (const ContainerShape& shape : shapes) {
    coverage.containers += shape.count;
    const auto picked = pick(shape.codes, device);
    if (!picked) {
      coverage.containers_without += shape.count;
      continue;
    }
    const DeviceCode& code = shape.codes[*picked];
    if (code.kind == CodeKind::ptx) compiles = true;
    else if (code.capability.portable() != device.portable()) through.insert(code.capability);
  }
  coverage.through.assign(through.begin(), through.end());
  if (coverage.containers_without == coverage.containers) coverage.runs = Runs::none;
  else if (coverage.containers_without > 0) coverage.runs = Runs::some;
  else coverage.runs = compiles ? Runs::ptx : Runs::all;
  return coverage;
}

std::vector<Coverage> cover_all(std::span<const ContainerShape> shapes) {
  std::vector<Coverage> all;
  for (const CapabilityRow& row : catalog().capabilities) all.push_back(cover(shapes, row.capability));
  return all;
}

void add_shapes(std::vector<ContainerShape>& shapes, std::span<const ContainerShape> more) {
  for (const ContainerShape& shape : more) {
    const auto same = std::ranges::find(shapes, shape.codes, &ContainerShape::codes);
    if (same == shapes.end()) shapes.push_back(shape);
    else same->count += shape.count;
  }
}

}  // namespace lathe
