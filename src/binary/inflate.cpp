// SPDX-License-Identifier: MIT
#include "binary/inflate.h"

#include <fmt/format.h>
#include <zlib.h>

#include <algorithm>
#include <vector>

#include "base/error.h"

namespace lathe {
namespace {

constexpr int raw_deflate = -15;

[[noreturn]] void fail(std::string what) {
  throw Error({.what = std::move(what), .next = "the file is damaged: fetch it again"});
}

class Stream {
 public:
  Stream() {
    if (inflateInit2(&state_, raw_deflate) != Z_OK) throw std::bad_alloc();
  }
  ~Stream() { inflateEnd(&state_); }
  Stream(const Stream&) = delete;
  Stream& operator=(const Stream&) = delete;
  z_stream* operator->() { return &state_; }
  int step() { return ::inflate(&state_, Z_NO_FLUSH); }

 private:
  z_stream state_{};
};

}  // namespace

std::uint32_t crc32_of(ByteSpan bytes, std::uint32_t before) {
  return static_cast<std::uint32_t>(
      crc32_z(before, reinterpret_cast<const Bytef*>(bytes.data()), bytes.size()));
}

Inflated inflate(ByteSpan packed, std::uint64_t size, const std::function<bool(ByteSpan)>& sink, std::size_t buffer_size) {
  Stream stream;
  std::vector<std::byte> buffer(std::min<std::uint64_t>(buffer_size, size + 1));
  Inflated result;
  std::size_t fed = 0;
  int status = Z_OK;
  while (status != Z_STREAM_END) {
    if (stream->avail_in == 0) {
      const std::size_t count = std::min<std::size_t>(packed.size() - fed, std::size_t{1} << 30);
      stream->next_in = const_cast<Bytef*>(reinterpret_cast<const Bytef*>(packed.data() + fed));  // zlib only reads it
      stream->avail_in = static_cast<uInt>(count);
      fed += count;
    }
    stream->next_out = reinterpret_cast<Bytef*>(buffer.data());
    stream->avail_out = static_cast<uInt>(buffer.size());
    status = stream.step();
    const std::size_t made = buffer.size() - stream->avail_out;
    if (status != Z_OK && status != Z_STREAM_END) fail("a compressed member is damaged or cut short");
    if (made > size - result.size) fail(fmt::format("a compressed member holds more than the {} bytes it claims", size));
    const ByteSpan output(buffer.data(), made);
    result.crc = crc32_of(output, result.crc);
    result.size += made;
    if (made > 0 && !sink(output)) return result;
    if (made == 0 && stream->avail_in == 0 && fed == packed.size() && status != Z_STREAM_END) {
      fail("a compressed member is cut short");
    }
  }
  if (result.size != size) fail(fmt::format("a compressed member holds {} bytes, it claims {}", result.size, size));
  result.whole = true;
  return result;
}

}  // namespace lathe
