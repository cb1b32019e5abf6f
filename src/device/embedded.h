// SPDX-License-Identifier: MIT
// Device code that a file keeps as plain data: whole containers and single images for which no wrapper
// exists, because the library hands them to the driver by itself (cuLibraryLoadData). cuFFT is 90 % of this.
// Found by their first bytes in all that the file loads, and believed only when their whole structure holds.
// Does not know which of them the library uses where: that is decided at run time. What is returned owns
// itself; sizes are in bytes, offsets from the start of the file.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/finding.h"
#include "device/contents.h"
#include "device/target.h"
#include "formats/object_file.h"
#include "os/mapped_file.h"

namespace lathe {

// Outside of any container: a cubin, a PTX text.
struct EmbeddedImage {
  std::uint64_t offset = 0;
  std::uint64_t size = 0;
  TargetCode code = {};
};

struct EmbeddedPlace {
  std::string section = {};  // ".ldata"; "" in a file without section headers
  std::uint64_t bytes = 0;   // of the device code in it
};

struct EmbeddedCode {
  Rows<ContainerIndex, DeviceContainer> containers = {};  // by offset; none of them empty or damaged
  std::vector<EmbeddedImage> images = {};                 // by offset
  std::vector<EmbeddedPlace> places = {};                 // in the order of the file
  Findings findings = {};

  bool empty() const { return containers.empty() && images.empty(); }
  std::size_t count() const { return containers.size() + images.size(); }
  std::uint64_t bytes() const;
};

// Of the first vendor that has any. Looks through every loaded section (without section headers: every loaded
// segment) but for `contents.regions`, which hold what the driver finds by itself. `disk` as in
// read_device_code(). Reads each byte once, with `threads` threads (0: all cores).
EmbeddedCode find_embedded(const ObjectFile& object, const DeviceContents& contents,
                           const MappedFile* disk = nullptr, unsigned threads = 0);

}  // namespace lathe
