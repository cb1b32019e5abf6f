// SPDX-License-Identifier: MIT
// The device code of one file in the words of any vendor: containers, their images, and the wrappers through
// which a runtime finds them. All of it owns itself and refers to bytes by their offset in the file alone,
// which must stay for image_bytes(). Reads headers only: a payload is touched by image_bytes() alone. How a
// vendor's containers look is behind vendor.h; what a file keeps as data is embedded.h.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/bytes.h"
#include "base/finding.h"
#include "base/index.h"
#include "device/target.h"
#include "formats/object_file.h"
#include "os/mapped_file.h"

namespace lathe {

using ImageIndex = Index<struct ImageTag>;  // within its container
using ContainerIndex = Index<struct ContainerTag>;
using WrapperIndex = Index<struct WrapperTag>;

// whole: all images of the container together in one stream. Then an image's stored bytes are a share of it
// by unpacked size, an estimate, and image_bytes() cannot have it.
enum class Compression { none, lz4, zstd, whole };
std::string_view to_string(Compression codec);  // "none", "lz4", "zstd", "whole"

// Sizes are in bytes.
struct DeviceImage {
  std::uint64_t offset = 0;  // of the image's header, from the start of the file
  std::uint32_t header_size = 0;
  std::uint64_t payload_size = 0;  // with its padding; the next image follows
  // of the payload without padding where the header says so, else payload_size
  std::uint64_t stored_size = 0;
  std::uint64_t unpacked_size = 0;  // as the header claims; of what is not compressed: payload_size
  std::uint16_t version_major = 0;  // of portable code: of its language (9.0)
  std::uint16_t version_minor = 0;
  Compression compression = Compression::none;
  ImageKind kind = ImageKind::other;
  Target target = {};

  // Something that the driver picks by itself.
  bool is_code() const { return kind == ImageKind::native || kind == ImageKind::portable; }
  TargetCode code() const { return {.target = target, .kind = kind}; }
  std::uint64_t payload_offset() const { return offset + header_size; }
  std::uint64_t end() const { return offset + header_size + payload_size; }
  std::uint64_t size() const { return header_size + payload_size; }
};

// What the driver's rules need to know of a container: its code, in order; `image` says which it was.
struct ContainerCode {
  std::vector<TargetCode> codes = {};
  std::vector<ImageIndex> image = {};
};

struct DeviceContainer {
  std::uint64_t offset = 0;   // from the start of the file
  std::uint64_t address = 0;  // virtual; 0 in a relocatable object
  std::uint32_t header_size = 0;
  std::uint64_t images_size = 0;
  bool relocatable = false;                  // input of the device linker
  bool understood = true;                    // false: images are missing after a damaged one
  std::optional<WrapperIndex> wrapper = {};  // nullopt: none leads here
  Rows<ImageIndex, DeviceImage> images = {};

  std::uint64_t size() const { return header_size + images_size; }
  std::uint64_t end() const { return offset + size(); }
  ContainerCode code() const;
  bool is_known() const;  // holds images that the driver picks by itself and nothing else
};

// By what a runtime finds a container.
struct DeviceWrapper {
  std::uint64_t offset = 0;   // of the wrapper, from the start of the file
  std::uint64_t address = 0;  // virtual; 0 in a relocatable object
  std::uint32_t version = 0;  // as it stands there
  enum class Kind {
    plain,   // its container stands for itself
    linked,  // the device linker's result: belongs together with relocatable containers
    other,   // not known
  } kind = Kind::plain;
  // where it leads: a virtual address; in a relocatable object a file offset
  std::uint64_t leads_to = 0;
  // file offset of the 8 bytes that hold `leads_to` (an addend, or in place)
  std::uint64_t pointer_at = 0;
  enum class Pointer { relocation, packed_relocation, in_place, none } pointer = Pointer::none;
  std::optional<ContainerIndex> container = {};  // nullopt: there is no container there
};

// A run of bytes that holds containers: a section, or what stands in its place in a file without section
// headers.
struct DeviceRegion {
  std::string name;  // of the section: ".nv_fatbin"; "" where there are no section headers
  std::uint64_t offset = 0;
  std::uint64_t size = 0;
  std::uint64_t address = 0;
  bool relocatable = false;
};

// Of one vendor.
struct DeviceContents {
  const Vendor* vendor = nullptr;  // whose it is; nullptr: there is none
  std::vector<DeviceRegion> regions = {};
  Rows<ContainerIndex, DeviceContainer> containers = {};  // by offset
  Rows<WrapperIndex, DeviceWrapper> wrappers = {};        // by offset
  // Each relocatable container, and nothing else, was linked into a linked container of this file. false:
  // not, or not known; without relocatable containers.
  bool all_linked = false;
  Findings findings = {};

  bool empty() const { return containers.empty() && wrappers.empty(); }
  bool is_linked(const DeviceContainer& container) const;  // found through a wrapper of that kind
};

// Limits against hostile files; cuBLASLt, the largest known, has 6,300 images in 3,165 containers.
struct DeviceLimits {
  std::size_t containers = 200'000;
  std::size_t images = 1'000'000;
};

// All that a file holds, of the first vendor that has something in it. No device code is not a finding,
// damage is one. `disk`: the mapped file that `object` was read from, if it was: then the headers, each on a
// page of its own, are read by system call and their pages never mapped.
DeviceContents read_device_code(const ObjectFile& object, const MappedFile* disk = nullptr,
                                const DeviceLimits& limits = {});

// The image itself, decompressed where it is, text without the zeros behind it. Error when it cannot be had:
// it leaves the file, is damaged, or unpacks to more than `limit`.
std::vector<std::byte> image_bytes(ByteSpan file, const DeviceImage& image,
                                   std::uint64_t limit = std::uint64_t{1} << 30);

}  // namespace lathe
