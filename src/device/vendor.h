// SPDX-License-Identifier: MIT
// The door for device code of a maker of GPUs: what its containers look like in a file, and what has to be
// written anew when some of their images are carved away. A vendor is one row in vendor.cpp and its own
// files; CUDA (cuda.cpp) is the first. Asked once for a section, a file or a container, never for a byte.
// Vendors have no state: every function may be called from any thread. Does not know what of it a GPU runs
// (hardware/compat.h).
#pragma once

#include <memory>
#include <span>
#include <string_view>
#include <vector>

#include "base/bytes.h"
#include "device/fatbin.h"
#include "device/image_stream.h"
#include "os/new_file.h"

namespace lathe {

// What a section of an object file is to its vendor's runtime.
enum class DeviceSection {
  none,
  images,    // containers that the runtime finds
  linker,    // containers for the vendor's device linker
  wrappers,  // through which the runtime finds the containers
};

// A container that a carve wrote: other images, perhaps at another place. Offsets are of the new file.
struct CarvedContainer {
  std::uint64_t offset = 0;
  std::uint64_t address = 0;
  std::uint64_t entries_size = 0;
  std::uint64_t pointer_at = 0;  // what its wrapper's FatbinWrapper::pointer_at became
};

class Vendor {
 public:
  virtual ~Vendor() = default;
  virtual std::string_view name() const = 0;  // of its platform: "CUDA"

  virtual DeviceSection role_of(std::string_view section) const = 0;
  // The sections' names as they are spelled in the headers of files of formats that are not read.
  virtual std::span<const std::string_view> names_in_headers() const = 0;
  // A file that is device code and nothing else, by its first bytes (512 suffice): "fat binary"; "" for none.
  virtual std::string_view bare_format(ByteSpan start) const = 0;

  // What the file holds of this vendor; arguments as of read_fatbins().
  virtual Fatbins read(const Elf& elf, const MappedFile* disk, const FatbinLimits& limits) const = 0;

  // For one file that arrives in order.
  virtual std::unique_ptr<ImageStream> stream() const = 0;
  // What of the container, and of what leads to it, must say something else.
  virtual std::vector<BytePatch> patches(const CarvedContainer& carved) const = 0;
};

std::span<const Vendor* const> vendors();

// Of the first vendor that has a section of this name.
DeviceSection device_section(std::string_view name);

}  // namespace lathe
