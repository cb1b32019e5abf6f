// SPDX-License-Identifier: MIT
// Images of a library that arrives in order.
#include <cstdint>
#include <memory>
#include <optional>

#include "base/bytes.h"
#include "device/cuda.h"
#include "device/cuda_format.h"
#include "device/image_stream.h"

namespace lathe {
namespace {

// A container without an entry's header is passed by: where its bytes were chance, another may begin among
// them.
class CudaStream final : public ImageStream {
 public:
  std::optional<ImageExtent> next(ByteSpan file, std::uint64_t filled) override {
    while (true) {
      if (!in_container_ && !find_container(file, filled)) return std::nullopt;
      if (at_ + cuda::entry::smallest_header > filled && at_ < container_end_) return std::nullopt;
      if (const auto image = next_image(file)) return image;
      at_ = (at_ + cuda::alignment - 1) / cuda::alignment * cuda::alignment;
      in_container_ = false;
    }
  }

 private:
  bool find_container(ByteSpan file, std::uint64_t filled) {
    const ByteReader reader(file);
    for (; at_ + cuda::container::header_size <= filled; at_ += cuda::alignment) {
      if (reader.read_at<std::uint64_t>(at_) != cuda::container::first_eight) continue;
      const auto size = reader.read_at<std::uint64_t>(at_ + cuda::container::entries_size_at);
      at_ += cuda::container::header_size;
      if (size > file.size() - at_) continue;
      container_end_ = at_ + size;
      return in_container_ = true;
    }
    return false;
  }

  // nullopt: the container's end, or damage.
  std::optional<ImageExtent> next_image(ByteSpan file) {
    namespace entry = cuda::entry;
    const std::uint64_t left = container_end_ - at_;
    if (left < entry::smallest_header) return std::nullopt;
    const ByteReader reader(file);
    const std::uint64_t header = reader.read_at<std::uint32_t>(at_ + entry::header_size_at);
    const auto payload = reader.read_at<std::uint64_t>(at_ + entry::payload_size_at);
    if (header < entry::smallest_header || header > left || payload > left - header) return std::nullopt;
    const bool compressed = reader.read_at<std::uint32_t>(at_ + entry::compressed_size_at) != 0;
    const std::uint64_t unpacked =
        compressed ? reader.read_at<std::uint64_t>(at_ + entry::unpacked_size_at) : payload;
    const std::uint64_t begin = at_ + header;
    at_ = begin + payload;
    return ImageExtent{.begin = begin, .end = at_, .unpacked_size = unpacked};
  }

  std::uint64_t at_ = 0;  // what is looked at next: a place for a container, or an entry
  std::uint64_t container_end_ = 0;
  bool in_container_ = false;
};

}  // namespace

std::unique_ptr<ImageStream> cuda_stream() { return std::make_unique<CudaStream>(); }

}  // namespace lathe
