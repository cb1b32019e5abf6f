// SPDX-License-Identifier: MIT
// Libraries with fat binaries for the tests of this folder: containers made here, linked by the real linkers
// into files that print what they hold when they are loaded.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "testing/scratch_folder.h"

namespace lathe::testing {

// "sm_90", "sm_90a", "compute_80"; `size` bytes of payload, a multiple of 8.
struct TestImage {
  std::string name;
  std::size_t size = 30'000;
  bool packs = false;  // the payload is zeros but for its start: it becomes small
};

// A container, byte by byte; each payload differs from all others.
std::string make_container(const std::vector<TestImage>& images);

// Writes wrapped0.bin ... and part.s, part.c into the folder: sections .nv_fatbin and .nvFatBinSegment as
// nvcc makes them. A container whose index is in `unwrapped` gets no wrapper.
void write_parts(const ScratchFolder& folder, const std::vector<std::vector<TestImage>>& containers,
                 const std::vector<std::size_t>& unwrapped = {});

// The same of device-linked code: `linked` as a device link leaves them, `relocatable` as its input. The
// section of module names says that all but the last `not_linked` of those were linked.
void write_linked_parts(const ScratchFolder& folder, const std::vector<std::vector<TestImage>>& linked,
                        const std::vector<std::vector<TestImage>>& relocatable, std::size_t not_linked = 0);

// Links part.s and part.c to `output`; a shared library unless the flags say otherwise.
void link_parts(const ScratchFolder& folder, const std::string& output,
                const std::string& flags = "-shared -fPIC", const std::string& compiler = "gcc");

// Loads a library in a process of its own, or runs an executable: one line a container, the images in it
// with checksums.
std::string load(const ScratchFolder& folder, const std::string& name);

}  // namespace lathe::testing
