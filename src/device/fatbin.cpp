// SPDX-License-Identifier: MIT
// Containers and entries as bytes; where a file keeps them is fatbin_object.cpp.
#include "base/bytes.h"
#include "base/damage.h"
#include "base/finding.h"
#include "device/contents.h"
#include "device/fatbin_reader.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "device/cuda.h"
#include "device/cuda_format.h"
#include "device/cuda_target.h"
#include "device/target.h"
#include "formats/streams/decompress.h"
#include "hardware/capability.h"
#include "hardware/compat.h"

namespace lathe {
namespace {

ImageKind image_kind_of(std::uint16_t number) {
  switch (number) {
    case cuda::entry::ptx: return ImageKind::portable;
    case cuda::entry::cubin: return ImageKind::native;
    case cuda::entry::lto_ir: return ImageKind::link_ir;
    default: return ImageKind::other;
  }
}

Compression compression_of(std::uint64_t flags) {
  if (flags & cuda::entry::zstd) return Compression::zstd;
  return flags & cuda::entry::lz4 ? Compression::lz4 : Compression::none;
}

char suffix_of(std::uint64_t flags) {
  if (flags & cuda::entry::specific) return 'a';
  return flags & cuda::entry::family ? 'f' : '\0';
}

// 75 is 7.5, 103 is 10.3.
Capability label_of(std::uint32_t arch, std::uint64_t flags) {
  return {
      .major = static_cast<int>(arch / 10), .minor = static_cast<int>(arch % 10), .suffix = suffix_of(flags)};
}

}  // namespace

bool looks_like_fatbin(ByteSpan file) {
  return file.size() >= cuda::container::header_size &&
         ByteReader(file).read_at<std::uint32_t>(0) == cuda::container::magic;
}

void FatbinReader::warn(std::string rule, std::uint64_t offset, std::string_view what) {
  warn_of_damage(out_.findings, std::move(rule), name_, offset, what);
}

// A few bytes of a header; good until the next call.
ByteSpan FatbinReader::header(std::uint64_t offset, std::size_t size) {
  const ByteSpan mapped = ByteReader(file_, "fat binary").at(offset, size);
  if (disk_ == nullptr) return mapped;
  const std::span<std::byte> buffer = std::span(buffer_).first(size);
  disk_->read_at(offset, buffer);
  return buffer;
}

bool FatbinReader::container_at(std::uint64_t offset) {
  return offset % cuda::alignment == 0 && offset <= file_.size() &&
         file_.size() - offset >= cuda::container::header_size &&
         ByteReader(header(offset, cuda::container::header_size)).read_at<std::uint32_t>(0) ==
             cuda::container::magic;
}

std::optional<DeviceContainer> FatbinReader::read_container(std::uint64_t offset, std::uint64_t end) {
  if (out_.containers.size() >= limits_.containers) {
    if (!full_) warn("fatbin-limit", offset, fmt::format("more than {} containers", limits_.containers));
    full_ = true;
    return std::nullopt;
  }
  ByteReader reader(header(offset, cuda::container::header_size), "fat binary");
  reader.seek(4);
  const std::uint16_t version = reader.u16();
  DeviceContainer container{.offset = offset};
  container.header_size = reader.u16();
  container.images_size = reader.u64();
  if (version != cuda::container::version || container.header_size < cuda::container::header_size) {
    warn("fatbin-unknown", offset,
         fmt::format("a container of version {} with a header of {} bytes", version, container.header_size));
    return std::nullopt;
  }
  if (container.header_size > end - offset) {
    warn("fatbin-damaged", offset,
         fmt::format("a container's header claims {} bytes, {} are left", container.header_size,
                     end - offset));
    return std::nullopt;
  }
  if (const std::uint64_t left = end - offset - container.header_size; container.images_size > left) {
    warn("fatbin-damaged", offset,
         fmt::format("a container claims {} bytes, {} are left", container.images_size, left));
    container.images_size = left;
    container.understood = false;
  }
  read_entries(container);
  return container;
}

void FatbinReader::read_entries(DeviceContainer& container) {
  std::uint64_t at = container.offset + container.header_size;
  while (at < container.end()) {
    if (entries_ >= limits_.images) {
      if (!full_) warn("fatbin-limit", at, fmt::format("more than {} images", limits_.images));
      full_ = true;
    }
    const auto entry = full_ ? std::nullopt : read_entry(at, container.end());
    if (!entry) {
      container.understood = false;
      return;
    }
    container.images.push_back(*entry);
    ++entries_;
    at = entry->end();
  }
}

// cuda_format.h has the picture.
std::optional<DeviceImage> FatbinReader::read_entry(std::uint64_t offset, std::uint64_t end) {
  if (end - offset < cuda::entry::smallest_header) {
    warn("fatbin-damaged", offset,
         fmt::format("{} bytes are left in a container, too few for an entry", end - offset));
    return std::nullopt;
  }
  ByteReader reader(header(offset, cuda::entry::smallest_header), "fat binary entry");
  DeviceImage entry{.offset = offset};
  const std::uint16_t kind = reader.u16();
  const std::uint16_t version = reader.u16();
  entry.header_size = reader.u32();
  entry.payload_size = reader.u64();
  const std::uint32_t compressed_size = reader.u32();
  reader.skip(4);
  entry.version_minor = reader.u16();
  entry.version_major = reader.u16();
  const std::uint32_t arch = reader.u32();
  reader.skip(8);
  const std::uint64_t flags = reader.u64();
  reader.skip(8);
  entry.unpacked_size = reader.u64();
  if (entry.header_size < cuda::entry::smallest_header || entry.header_size > end - offset ||
      entry.payload_size > end - offset - entry.header_size) {
    warn("fatbin-damaged", offset,
         fmt::format("an entry claims {} + {} bytes, {} are left", entry.header_size, entry.payload_size,
                     end - offset));
    return std::nullopt;
  }
  if (version != cuda::entry::version)
    warn("fatbin-unknown", offset, fmt::format("an entry of version {:#06x}", version));
  entry.kind = version == cuda::entry::version ? image_kind_of(kind) : ImageKind::other;
  entry.compression = compressed_size == 0 ? Compression::none : compression_of(flags);
  entry.target = cuda_target(label_of(std::min<std::uint32_t>(arch, 100'000), flags));
  entry.stored_size = compressed_size == 0 ? entry.payload_size : compressed_size;
  if (entry.compression == Compression::none) entry.unpacked_size = entry.payload_size;
  if (entry.stored_size > entry.payload_size) {
    warn("fatbin-damaged", offset, "an entry's compressed size is larger than its payload");
    entry.stored_size = entry.payload_size;
  }
  return entry;
}

// Containers stand one after another, each 8-byte aligned; between them may be zeros.
void FatbinReader::read_region(const DeviceRegion& region) {
  const std::uint64_t end = region.offset + region.size;
  std::uint64_t at = (region.offset + 7) & ~std::uint64_t{7};
  while (end - std::min(at, end) >= cuda::container::header_size && !full_) {
    if (!container_at(at)) {
      at = next_container(at, end);
      continue;
    }
    auto container = read_container(at, end);
    if (!container) {
      at = next_container(at + 8, end);
      continue;
    }
    container->relocatable = region.relocatable;
    if (region.address != 0) container->address = region.address + (container->offset - region.offset);
    at = (container->end() + 7) & ~std::uint64_t{7};
    out_.containers.push_back(std::move(*container));
  }
}

std::uint64_t FatbinReader::next_container(std::uint64_t from, std::uint64_t end) {
  const ByteReader reader(file_);
  bool only_zeros = true;
  std::uint64_t at = from;
  for (; end - at >= cuda::container::header_size &&
         reader.read_at<std::uint32_t>(at) != cuda::container::magic;
       at += 8) {
    only_zeros = only_zeros && reader.read_at<std::uint64_t>(at) == 0;
  }
  if (!only_zeros) warn("fatbin-unknown", from, fmt::format("{} bytes that are no container", at - from));
  return end - at < cuda::container::header_size ? end : at;
}

DeviceContents read_bare_fatbin(ByteSpan file, const std::string& name, const DeviceLimits& limits) {
  DeviceContents out;
  out.vendor = &cuda_vendor();
  FatbinReader reader(file, name, limits, nullptr, out);
  out.regions.push_back({.name = "", .offset = 0, .size = file.size()});
  reader.read_region(out.regions[0]);
  return out;
}

std::vector<std::byte> image_bytes(ByteSpan file, const DeviceImage& entry, std::uint64_t limit) {
  const ByteSpan stored = ByteReader(file, "fat binary image").at(entry.payload_offset(), entry.stored_size);
  std::vector<std::byte> image;
  switch (entry.compression) {
    case Compression::lz4: image = decompress_lz4(stored, entry.unpacked_size, limit); break;
    case Compression::zstd: image = decompress_zstd(stored, entry.unpacked_size, limit); break;
    case Compression::none: image.assign(stored.begin(), stored.end()); break;
    case Compression::whole: throw Error({.what = "packed together with the other images of its container"});
  }
  if (entry.kind == ImageKind::portable) {
    while (!image.empty() && image.back() == std::byte{0}) image.pop_back();
  }
  return image;
}

}  // namespace lathe
