// SPDX-License-Identifier: MIT
// Inside of device only: the parts of ROCm's row. Its targets are processors with features ("gfx90a:xnack+"),
// its containers offload bundles. docs/formats/rocm.md has the whole picture.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/bytes.h"
#include "device/contents.h"
#include "device/target.h"
#include "device/vendor.h"
#include "formats/object_file.h"

namespace lathe {

namespace rocm {
inline constexpr std::string_view images_section = ".hip_fatbin";
inline constexpr std::string_view wrappers_section = ".hipFatBinSegment";

// A plain bundle: this, count(8), then of each: offset(8) size(8) length of its name(8) name. Offsets from
// the bundle's start.
inline constexpr std::string_view plain_magic = "__CLANG_OFFLOAD_BUNDLE__";
// One packed: this, version(2) method(2), then 2: size(4) unpacked size(4) hash(8); 3: the same, 8 bytes
// each. Its size counts the header; what is unpacked is a plain bundle.
inline constexpr std::string_view packed_magic = "CCOB";
enum Method : std::uint16_t { zlib = 0, zstd = 1 };

// magic(4) version(4) pointer(8) 0(8)
inline constexpr std::uint32_t wrapper_magic = 0x48495046;
inline constexpr std::uint64_t wrapper_size = 24, wrapper_pointer_at = 8;

inline constexpr std::uint16_t machine = 224;  // of a code object: an ELF file
}  // namespace rocm

const Vendor& rocm_vendor();

// "gfx90a", "gfx90a:sramecc+:xnack-", "gfx9-4-generic"; nullopt: none of these.
std::optional<Target> rocm_target(std::string_view text);

// "hipv4-amdgcn-amd-amdhsa--gfx90a:xnack+", the name of an image in a bundle; nullopt: not for AMD's GPUs.
std::optional<Target> target_of_bundle_entry(std::string_view name);

// Arguments and results as of Vendor's functions. Images of a linked file are found by address, as the
// runtime does: a carve may have put them at other offsets.
DeviceContents read_rocm(const ObjectFile& object, const DeviceLimits& limits);
DeviceContents read_bare_bundles(ByteSpan file, const std::string& name);
std::optional<std::string> bundle_list(ByteSpan file, const DeviceContainer& container,
                                       const std::vector<bool>& keep);

}  // namespace lathe
