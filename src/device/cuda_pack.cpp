// SPDX-License-Identifier: MIT
// An image packed as nvcc --compress-mode does it, or unpacked: the same header but for sizes and one flag,
// the payload padded. cuda_format.h has the picture; that the driver takes what Debian's libraries pack was
// measured (docs/formats/fatbin.md).
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/bytes.h"
#include "device/contents.h"
#include "device/cuda.h"
#include "device/cuda_format.h"
#include "device/target.h"
#include "formats/streams/decompress.h"

namespace lathe {
namespace {

// Of vllm 0.33's cubins (366 MB) level 3 leaves 17.0 %, 6 15.4 %, 9 14.6 %, 12 14.4 %, 15 14.3 %;
// level 9 takes 1.5 s for 62 MB on one core, 12 takes 2.6 s, 15 13.1 s.
constexpr int level = 9;

constexpr std::uint64_t largest_packed = 1u << 30;  // its size has 32 bits, and LZ4 takes no 2 GB

std::string pack(ByteSpan payload, Compression codec) {
  return codec == Compression::zstd ? compress_zstd(payload, level) : compress_lz4(payload);
}

constexpr std::uint64_t largest_unpacked = 1u << 30;  // what image_bytes() unpacks

std::uint64_t padded(std::uint64_t size) {
  return (size + cuda::alignment - 1) / cuda::alignment * cuda::alignment;
}

void put(std::string& header, std::uint64_t at, std::uint64_t value, unsigned size) {
  header.replace(at, size, encode_number(value, size));
}

}  // namespace

std::optional<std::string> packed_cuda(ByteSpan file, const DeviceImage& image, Compression codec) {
  if (codec == Compression::none || image.compression != Compression::none || !image.is_code() ||
      image.payload_size > largest_packed)
    return std::nullopt;
  const ByteReader reader(file, "fat binary image");
  std::string header(as_text(reader.at(image.offset, image.header_size)));
  const auto flags = reader.read_at<std::uint64_t>(image.offset + cuda::entry::flags_at);
  if (flags & (cuda::entry::lz4 | cuda::entry::zstd)) return std::nullopt;  // a size of 0 with a codec
  std::string packed = pack(reader.at(image.payload_offset(), image.payload_size), codec);
  const std::uint64_t stored_size = packed.size();
  packed.resize(padded(packed.size()));
  if (packed.size() >= image.payload_size) return std::nullopt;
  put(header, cuda::entry::payload_size_at, packed.size(), 8);
  put(header, cuda::entry::compressed_size_at, stored_size, 4);
  const std::uint64_t flag = codec == Compression::zstd ? cuda::entry::zstd : cuda::entry::lz4;
  put(header, cuda::entry::flags_at, flags | flag, 8);
  put(header, cuda::entry::unpacked_size_at, image.payload_size, 8);
  return header + packed;
}

// Text ends with a zero, as nvcc leaves it.
std::optional<std::uint64_t> unpacked_size_cuda(const DeviceImage& image) {
  const bool codec = image.compression == Compression::lz4 || image.compression == Compression::zstd;
  if (!codec || !image.is_code() || image.unpacked_size >= largest_unpacked) return std::nullopt;
  return image.header_size + padded(image.unpacked_size + (image.kind == ImageKind::portable ? 1 : 0));
}

std::string unpacked_cuda(ByteSpan file, const DeviceImage& image) {
  const ByteReader reader(file, "fat binary image");
  std::string out(as_text(reader.at(image.offset, image.header_size)));
  const auto flags = reader.read_at<std::uint64_t>(image.offset + cuda::entry::flags_at);
  const auto codecs = static_cast<std::uint64_t>(cuda::entry::lz4 | cuda::entry::zstd);
  const std::uint64_t size = unpacked_size_cuda(image).value_or(0);
  const std::vector<std::byte> bytes = image_bytes(file, image);
  if (bytes.size() > image.unpacked_size || size == 0 ||
      (image.kind == ImageKind::native && bytes.size() != image.unpacked_size))
    throw Error({.what = "a packed image has another length than its header claims"});
  put(out, cuda::entry::payload_size_at, size - image.header_size, 8);
  put(out, cuda::entry::compressed_size_at, 0, 4);
  put(out, cuda::entry::flags_at, flags & ~codecs, 8);
  put(out, cuda::entry::unpacked_size_at, 0, 8);
  out += as_text(bytes);
  out.resize(size);
  return out;
}

bool same_but_for_packing_cuda(ByteSpan one, ByteSpan other) {
  const auto rest = [](ByteSpan header) {
    std::string text(as_text(header));
    const auto flags = ByteReader(header).read_at<std::uint64_t>(cuda::entry::flags_at);
    const auto codecs = static_cast<std::uint64_t>(cuda::entry::lz4 | cuda::entry::zstd);
    put(text, cuda::entry::payload_size_at, 0, 8);
    put(text, cuda::entry::compressed_size_at, 0, 4);
    put(text, cuda::entry::flags_at, flags & ~codecs, 8);
    put(text, cuda::entry::unpacked_size_at, 0, 8);
    return text;
  };
  return one.size() == other.size() && one.size() >= cuda::entry::smallest_header && rest(one) == rest(other);
}

}  // namespace lathe
