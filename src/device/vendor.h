// SPDX-License-Identifier: MIT
// The door for device code of a maker of GPUs: what its targets are called, which code runs on which of its
// GPUs, what its containers look like in a file, and what has to be written anew when some of their images
// are carved away. A vendor is one row in vendor.cpp and its own files; CUDA (cuda.cpp) is the first. Asked
// once for a section, a file, a container or a device, never for a byte. What has a body here suits a vendor
// that knows nothing of the kind. Vendors have no state, live as long
// as the program, and every function may be called from any thread. None throws unless it says so.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/bytes.h"
#include "device/contents.h"
#include "device/embedded.h"
#include "device/image_stream.h"
#include "device/target.h"
#include "formats/object_file.h"
#include "os/mapped_file.h"
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
  std::uint64_t images_size = 0;
  std::uint64_t pointer_at = 0;  // what its wrapper's DeviceWrapper::pointer_at became
};

// A file that is device code and nothing else.
struct BareFormat {
  const Vendor* vendor = nullptr;
  std::string_view name;                // "fat binary", "cubin": lives as long as the program
  std::optional<ImageKind> image = {};  // of the one image that it is; nullopt: containers
};

// What an image says of itself.
struct ImageFacts {
  std::optional<Target> target = {};
  std::string toolkit = {};    // that made it, "13.0"; "" when it does not tell
  std::string language = {};   // of portable code: the version of its language, "9.0"
  bool relocatable = false;    // machine code that is not linked yet
  bool holds_nothing = false;  // no kernel, no function, no data
};

// As people write a GPU.
struct ParsedTarget {
  Target target = {};
  bool portable_too = false;  // "9.0+PTX"
};

class Vendor {
 public:
  virtual ~Vendor() = default;
  virtual std::string_view name() const = 0;  // of its platform: "CUDA"

  // --- targets; those of other vendors are not its business: never given to it

  virtual std::string spell(Target target) const = 0;           // "9.0a"
  virtual std::string spell(const TargetCode& code) const = 0;  // "sm_90a", "compute_90", "lto_90"
  virtual std::string_view word_of(ImageKind kind) const = 0;   // in JSON: "cubin", "ptx"
  virtual std::string_view portable_word() const = 0;           // before or behind a target: "PTX"
  // In any spelling of its own; a product's name is none. nullopt: not one of its targets.
  virtual std::optional<ParsedTarget> parse(std::string_view text) const = 0;
  virtual std::vector<Target> devices() const = 0;  // that the catalogue knows, ascending
  // The GPU that is named, whatever narrows the code made for it: of 9.0a it is 9.0.
  virtual Target device_of(Target target) const = 0;
  // Can a machine have it, or is it code alone?
  virtual bool is_device(Target target) const { return device_of(target) == target; }

  // --- which code runs where

  // The index of the one that the driver picks out of one container; nullopt: none runs there. Of several
  // equal ones the first.
  virtual std::optional<std::size_t> pick(std::span<const TargetCode> codes, Target device) const = 0;
  // Added to `keep`: those that the driver might take instead of the picked one, as far as its rules are not
  // measured.
  virtual void add_second_readings([[maybe_unused]] std::span<const TargetCode> codes,
                                   [[maybe_unused]] Target device, [[maybe_unused]] std::size_t picked,
                                   [[maybe_unused]] std::vector<std::size_t>& keep) const {}
  // Code that the driver links of the relocatable containers where no linked one has machine code that fits.
  virtual std::vector<TargetCode> relinkable([[maybe_unused]] const DeviceContents& contents) const {
    return {};
  }

  // --- what a file holds

  virtual DeviceSection role_of(std::string_view section) const = 0;
  // The sections' names as they are spelled in the headers of files of formats that are not read.
  virtual std::span<const std::string_view> names_in_headers() const { return {}; }
  // By its first bytes (512 suffice); nullopt: a file of another kind.
  virtual std::optional<BareFormat> bare_format(ByteSpan start) const = 0;
  // Arguments as of read_device_code().
  virtual DeviceContents read(const ObjectFile& object, const MappedFile* disk,
                              const DeviceLimits& limits) const = 0;
  // Of a file that is containers alone; `name` is for findings.
  virtual DeviceContents read_bare(ByteSpan file, const std::string& name) const = 0;
  // Arguments as of find_embedded().
  virtual EmbeddedCode find_embedded(const ObjectFile& object, const DeviceContents& contents,
                                     const MappedFile* disk, unsigned threads) const = 0;
  // For one file that arrives in order; nullptr: none of its images is passed by.
  virtual std::unique_ptr<ImageStream> stream() const { return nullptr; }
  // One of its own libraries, by SONAME: such a one looks at the device and uses the containers that fit.
  virtual bool owns_library([[maybe_unused]] std::string_view soname) const { return false; }

  // --- what an image holds

  // Error when it is not an image of that kind (native or portable).
  virtual ImageFacts look_into(ByteSpan image, ImageKind kind) const = 0;
  // Nothing that a program could ask for: a compiler's stub. Unpacks small images alone.
  virtual bool holds_nothing([[maybe_unused]] ByteSpan file,
                             [[maybe_unused]] const DeviceImage& image) const {
    return false;
  }
  // Do the headers of two images say the same but for how the image is stored?
  virtual bool same_but_for_packing([[maybe_unused]] ByteSpan one, [[maybe_unused]] ByteSpan other) const {
    return false;
  }
  // May an image with this label say this of itself?
  virtual bool agree(Target label, Target said) const { return label == said; }

  // --- what a carve writes

  // Its containers name their images in a list at their start, and the images may lie anywhere behind it.
  virtual bool has_lists() const { return false; }
  // That list with those images alone that `keep` has true for, of the same length. nullopt: it has none.
  virtual std::optional<std::string> list_of([[maybe_unused]] ByteSpan file,
                                             [[maybe_unused]] const DeviceContainer& container,
                                             [[maybe_unused]] const std::vector<bool>& keep) const {
    return std::nullopt;
  }
  // The image with its header as it is stored when it is packed. nullopt: it is packed already, nothing that
  // the driver unpacks, or would not become smaller.
  virtual std::optional<std::string> packed([[maybe_unused]] ByteSpan file,
                                            [[maybe_unused]] const DeviceImage& image,
                                            [[maybe_unused]] Compression codec) const {
    return std::nullopt;
  }
  // The image with its header as it is stored unpacked. Error when it is damaged or unpacks to another length
  // than its header claims.
  virtual std::string unpacked([[maybe_unused]] ByteSpan file,
                               [[maybe_unused]] const DeviceImage& image) const {
    return "";
  }
  // How long that is, by its header alone. nullopt: it lies unpacked, or nothing that the driver picks.
  virtual std::optional<std::uint64_t> unpacked_size([[maybe_unused]] const DeviceImage& image) const {
    return std::nullopt;
  }
  // What of the container, and of what leads to it, must say something else.
  virtual std::vector<BytePatch> patches(const CarvedContainer& carved) const = 0;
};

std::span<const Vendor* const> vendors();

// Of the first vendor that has a section of this name.
DeviceSection device_section(std::string_view name);

// Of the first vendor whose format it is.
std::optional<BareFormat> bare_format(ByteSpan start);

// Which of `codes` the device's vendor picks; those of other vendors are passed by.
std::optional<std::size_t> pick(std::span<const TargetCode> codes, Target device);
// The same among those that `chosen` holds for.
std::optional<std::size_t> pick_among(std::span<const TargetCode> codes, Target device,
                                      const std::function<bool(const TargetCode&)>& chosen);

}  // namespace lathe
