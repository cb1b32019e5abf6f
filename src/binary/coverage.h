// SPDX-License-Identifier: MIT
// Will it run there? The driver's rule (hardware/compat.h) applied to each container of a file, not to the file: a library
// whose containers hold different GPUs runs on a device only as far as every one of them does.
#pragma once

#include <cstddef>
#include <span>
#include <string>
#include <vector>

#include "hardware/compat.h"

namespace lathe {

// Containers of a file that hold the same code, counted. Only those that need coverage: with at least one image that is
// understood and holds something.
struct ContainerShape {
  std::vector<DeviceCode> codes = {};  // in the container's order
  std::size_t count = 0;
};

enum class Runs {
  all,   // every container has machine code for the device
  ptx,   // every container has code, some only as PTX, which the driver must compile first
  some,  // some containers have none
  none,  // no container has any
};
std::string_view to_string(Runs runs);

struct Coverage {
  Capability device = {};
  Runs runs = Runs::none;
  std::size_t containers_without = 0;
  std::size_t containers = 0;
  std::vector<Capability> through = {};  // capabilities other than the device's whose machine code it runs, ascending

  bool serves() const { return runs == Runs::all || runs == Runs::ptx; }
  std::string text() const;  // "all", "all (through sm_86)", "some (12 of 444 containers have nothing)", "ptx", "none"
};

// Of containers, nothing: none.
Coverage cover(std::span<const ContainerShape> shapes, Capability device);

// For every capability of the hardware catalogue, ascending.
std::vector<Coverage> cover_all(std::span<const ContainerShape> shapes);

// Adds `more` to `shapes`, counting equal ones together.
void add_shapes(std::vector<ContainerShape>& shapes, std::span<const ContainerShape> more);

}  // namespace lathe
