// SPDX-License-Identifier: MIT
// Inside of device only: the parts of CUDA's row.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/bytes.h"
#include "device/contents.h"
#include "device/embedded.h"
#include "device/image_stream.h"
#include "device/target.h"
#include "device/vendor.h"
#include "formats/object_file.h"
#include "os/mapped_file.h"

namespace lathe {

const Vendor& cuda_vendor();

// Arguments and results as of Vendor's functions.
DeviceContents read_cuda(const ObjectFile& object, const MappedFile* disk, const DeviceLimits& limits);
EmbeddedCode find_embedded_cuda(const ObjectFile& object, const DeviceContents& contents,
                                const MappedFile* disk, unsigned threads);
std::unique_ptr<ImageStream> cuda_stream();
std::vector<TargetCode> relinkable_cuda(const DeviceContents& contents);

std::optional<std::string> packed_cuda(ByteSpan file, const DeviceImage& image, Compression codec);
std::optional<std::uint64_t> unpacked_size_cuda(const DeviceImage& image);
std::string unpacked_cuda(ByteSpan file, const DeviceImage& image);
bool same_but_for_packing_cuda(ByteSpan one, ByteSpan other);

// DeviceContents::all_linked, by the names that the compiler and the device linker left.
bool all_linked_cuda(const ObjectFile& object, const DeviceContents& contents);

// A file that is one container after another (what `nvcc -fatbin` writes).
bool looks_like_fatbin(ByteSpan file);
DeviceContents read_bare_fatbin(ByteSpan file, const std::string& name, const DeviceLimits& limits = {});

}  // namespace lathe
