// SPDX-License-Identifier: MIT
// Whatever bytes come in as a library with device code, or as a bare fat binary: inspected whole. What is
// read keeps its promises: containers and images lie in the file, in order, without overlap; the byte shares
// add up.
#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <numeric>
#include <span>
#include <utility>
#include <vector>

#include "base/error.h"
#include "device/vendor.h"
#include "formats/elf.h"
#include "inspect/inspect.h"

namespace {

void require(bool holds) {
  if (!holds) std::abort();
}

void check(const lathe::DeviceContents& fatbins, std::uint64_t size) {
  // Images of CUDA follow each other, those of bundles have gaps between them.
  const bool follows = fatbins.vendor == lathe::vendors()[0];
  std::uint64_t end = 0;
  for (const lathe::DeviceContainer& container : fatbins.containers) {
    require(container.offset >= end && container.end() <= size);
    end = container.end();
    std::uint64_t at = container.offset + container.header_size;
    for (const lathe::DeviceImage& entry : container.images) {
      require((entry.offset == at || !follows) && entry.offset >= at && entry.end() <= end &&
              entry.stored_size <= entry.payload_size);
      at = entry.end();
    }
    if (container.wrapper) require(container.wrapper->value < fatbins.wrappers.size());
  }
  for (const lathe::DeviceWrapper& wrapper : fatbins.wrappers) {
    require(wrapper.offset + 24 <= size);
    if (wrapper.container) require(wrapper.container->value < fatbins.containers.size());
  }
}

void check_embedded(const lathe::Elf& elf, const lathe::DeviceContents& fatbins) {
  const lathe::EmbeddedCode embedded = lathe::find_embedded(elf, fatbins, nullptr, 1);
  std::vector<std::pair<std::uint64_t, std::uint64_t>> parts;
  for (const lathe::DeviceContainer& container : embedded.containers) {
    require(!container.images.empty() && container.images.back().end() == container.end());
    parts.emplace_back(container.offset, container.end());
  }
  for (const lathe::EmbeddedImage& image : embedded.images)
    parts.emplace_back(image.offset, image.offset + image.size);
  std::ranges::sort(parts);
  std::uint64_t end = 0, bytes = 0;
  for (const auto& [from, to] : parts) {
    require(from >= end && from < to && to <= elf.bytes().size());
    for (const lathe::DeviceRegion& region : fatbins.regions) {
      require(to <= region.offset || from >= region.offset + region.size);
    }
    bytes += to - from;
    end = to;
  }
  require(bytes == embedded.bytes());
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const lathe::ByteSpan bytes = std::as_bytes(std::span(data, size));
  try {
    if (lathe::Elf::looks_like(bytes)) {
      const lathe::Elf elf = lathe::Elf::parse(bytes, "fuzz.so");
      const lathe::DeviceContents fatbins = lathe::read_device_code(elf);
      check(fatbins, size);
      check_embedded(elf, fatbins);
    } else if (const auto bare = lathe::bare_format(bytes); bare && !bare->image) {
      check(bare->vendor->read_bare(bytes, "fuzz.fatbin"), size);
    }
    if (const auto file = lathe::inspect_bytes(bytes, "fuzz"); file && file->format != "archive") {
      const auto& shares = file->shares.bytes;
      require(std::accumulate(shares.begin(), shares.end(), std::uint64_t{0}) == size);
    }
  } catch (const lathe::Error&) {
  }
  return 0;
}
