// SPDX-License-Identifier: MIT
// Will it run there? The driver's rule (Vendor::pick) applied to each container of a file, not to the
// file: a library whose containers hold different GPUs runs on a device only as far as every one of them
// does, but for its *special* containers: kernels that were compiled for some of its GPUs only, such as
// those that use a GPU's own instructions.
//
// Whether a library really leaves its special kernels alone on other GPUs is its own code's business and not
// known here: they are counted apart and never left out of what is said.
#pragma once

#include <cstddef>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "device/target.h"

namespace lathe {

// Containers of a file that hold the same code, counted. Only those that need coverage: with at least one
// image that is understood and holds something.
struct ContainerShape {
  std::vector<TargetCode> codes = {};  // in the container's order
  std::size_t count = 0;
};

// Of the containers that are not special for the device (below).
enum class Runs {
  all,   // every container has machine code for the device
  ptx,   // every container has code, some only as PTX, which the driver must compile first
  some,  // some containers have none
  none,  // no container has any
};
std::string_view to_string(Runs runs);

struct Coverage {
  Target device = {};
  Runs runs = Runs::none;
  std::size_t containers_without = 0;  // that have nothing for the device and are not special
  std::size_t special_without = 0;     // special ones that have nothing for the device
  // of those: with a shorter list of GPUs, not by what narrows their code
  std::size_t narrower_without = 0;
  std::size_t containers = 0;                // all
  std::vector<TargetCode> special_for = {};  // what those special ones hold, ascending, each once
  // targets other than the device's whose machine code it runs, ascending
  std::vector<Target> through = {};

  bool serves() const { return runs == Runs::all || runs == Runs::ptx; }
  std::size_t with() const { return containers - containers_without - special_without; }
  // "all", "all (through sm_86)", "some (12 of 444 containers have nothing)", "ptx", "none",
  // "all general code; 301 containers for 9.0a, 12.0a only"
  std::string text() const;
  std::string special_text() const;  // "301 containers for 9.0a, 12.0a only"; "" when there are none
};

// The containers of one file. Of containers, nothing: none.
//
// A container that has nothing for the device is special when the file is made for the device all the same,
// and
//   - all its code is for more than a GPU's name says: CUDA's suffixes, for exactly one GPU ('a') or one
//     family ('f'); or
//   - another container that serves the device names all its GPUs and more (7.5, 8.0, 9.0 beside 8.0, 9.0).
// A file is made for a device that more than half of the containers with portable code serve, and no less
// than a quarter of all. Otherwise nothing is special: what most of a file lacks is missing.
Coverage cover(std::span<const ContainerShape> shapes, Target device);

// Of cubins that lie loose in a folder or wheel, each of them loaded by its name: when one serves the
// device, the others are special.
Coverage cover_loose(std::span<const ContainerShape> shapes, Target device);

// `one` and `other` taken together, as files of a folder are.
Coverage together(Coverage one, const Coverage& other);

// That the catalogue knows, of the vendors whose code it is, ascending; of containers without any code, of
// the first vendor.
std::vector<Target> devices_for(std::span<const ContainerShape> shapes);

// For each of those.
std::vector<Coverage> cover_all(std::span<const ContainerShape> shapes);

// Adds `more` to `shapes`, counting equal ones together.
void add_shapes(std::vector<ContainerShape>& shapes, std::span<const ContainerShape> more);

}  // namespace lathe
